//! Many writers and readers of one root on real files.

#![expect(clippy::print_stdout, reason = "a figure is printed by the test that takes it")]

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use overlay_store::{Change, LockError, Origin, Retention, Store, Tree, WriteError};

use crate::roots::{NOW_US, entry, holder, publish, tree};

/// How the attempts of some writers ended.
#[derive(Debug, Default)]
struct Ends {
    committed: AtomicU64,
    busy: AtomicU64,
    moved: AtomicU64,
}

/// One that is patient waits for the lock, and then mostly comes too late.
fn attempt(root: &Path, patient: bool, ends: &Ends) {
    let store = Store::open(root).unwrap();
    let base = store.current().unwrap().map_or(0, |it| it.epoch);
    let mut writer = loop {
        match store.lock(&holder()) {
            Ok(writer) => break writer,
            Err(LockError::Busy(_)) if patient => thread::yield_now(),
            Err(LockError::Busy(_)) => {
                ends.busy.fetch_add(1, Ordering::Relaxed);
                return;
            }
            Err(err) => panic!("{err:?}"),
        }
    };
    let made = writer.publish(&tree(1), Origin::default(), "d", NOW_US).unwrap();
    match writer.switch(Some(base), Change::to(made), entry("deploy")) {
        Ok(_) => ends.committed.fetch_add(1, Ordering::Relaxed),
        Err(WriteError::BaseMoved { .. }) => ends.moved.fetch_add(1, Ordering::Relaxed),
        Err(err) => panic!("{err:?}"),
    };
}

#[test]
fn thirty_two_writers_for_forty_rounds() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::create(dir.path()).unwrap();
    let mut writer = store.lock(&holder()).unwrap();
    let first = publish(&mut writer, 1);
    writer.switch(Some(0), Change::to(first), entry("deploy")).unwrap();
    drop(writer);
    let ends = Ends::default();
    thread::scope(|scope| {
        for number in 0..32 {
            let (root, ends) = (dir.path(), &ends);
            scope.spawn(move || (0..40).for_each(|_| attempt(root, number < 2, ends)));
        }
    });
    let [committed, busy, moved] =
        [&ends.committed, &ends.busy, &ends.moved].map(|it| it.load(Ordering::Relaxed));
    println!("{committed} committed, {busy} busy, {moved} base moved");
    assert_eq!(committed + busy + moved, 32 * 40);
    assert!(committed > 0);
    let pointer = store.current().unwrap().unwrap();
    assert_eq!(pointer.epoch, committed + 1);
    let generations: Vec<u64> = store.generations().unwrap().iter().map(|it| it.0).collect();
    assert_eq!(generations, (1..=1 + committed + moved).collect::<Vec<_>>());
    let verified = store.audit().verify(Some(pointer.audit)).unwrap();
    assert_eq!(verified.head.seq, 2 * (committed + 1));
    assert_eq!(std::fs::read_dir(dir.path().join("tmp")).unwrap().count(), 0);
}

fn small(number: u64) -> Tree {
    let mut tree = Tree::new();
    tree.insert("refund.txt", format!("TRUST_FLOOR=0.{number}\n")).unwrap();
    tree
}

/// So many reads to a switch: more of them would be the time of the disk alone.
const READS_A_SWAP: u64 = 500;

/// Reads while one writer switches and removes all the time.
fn read_during_swaps(reads: u64) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::create(dir.path()).unwrap();
    let deploy = |store: &Store, number| {
        let mut writer = store.lock(&holder()).unwrap();
        let made = writer.publish(&small(number), Origin::default(), "d", NOW_US).unwrap();
        writer.switch(Some(number - 1), Change::to(made), entry("deploy")).unwrap();
        writer.gc(&Retention { keep: 1, older_than_us: 0, now_us: NOW_US }, false).unwrap()
    };
    deploy(&store, 1);
    let (done, read) = (AtomicBool::new(false), AtomicU64::new(0));
    let (mut swaps, mut removed) = (1, 0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let store = Store::open(dir.path()).unwrap();
                while read.fetch_add(1, Ordering::Relaxed) < reads {
                    let (pointer, leased) = store.read_current().unwrap().unwrap();
                    let number = leased.manifest.generation.0;
                    assert_eq!(pointer.stable.generation.0, number);
                    assert_eq!(leased.tree, small(number), "torn");
                }
                done.store(true, Ordering::Relaxed);
            });
        }
        while !done.load(Ordering::Relaxed) {
            if read.load(Ordering::Relaxed) < swaps * READS_A_SWAP {
                thread::yield_now();
                continue;
            }
            swaps += 1;
            removed += deploy(&store, swaps).removed.len();
        }
    });
    println!("{reads} reads during {swaps} swaps and {removed} removals: 0 torn, 0 failed");
    assert!(swaps > 1);
}

#[test]
fn readers_during_swaps_and_removals() {
    read_during_swaps(250_000);
}
