//! No reader ever sees parts of two configurations.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use overlay_loader::Live;

use crate::live::{BASELINE, Running, marks, plant};

/// Reads in total, over all threads; swaps and changes put in force meanwhile; at least.
const READS: usize = 250_000;
const SWAPS: u64 = 1_000;
const CHANGES: u64 = 10;
const DEADLINE: Duration = Duration::from_secs(600);
const READERS: usize = 3;
/// Files read between two swaps of a folder.
const REST: usize = 200;

/// Reads from several threads while `swap` alternates two trees without a pause.
#[track_caller]
fn check(live: &Live, swap: impl Fn(u64) + Sync) {
    let (reads, turns) = (AtomicUsize::new(0), AtomicU64::new(0));
    let (ended, started) = (AtomicBool::new(false), Instant::now());
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                swap(turns.fetch_add(1, Ordering::Relaxed));
            }
        });
        let read = || {
            let (mut reader, mut last) = (live.reader(), 0);
            while reads.fetch_add(1, Ordering::Relaxed) < READS
                || turns.load(Ordering::Relaxed) < SWAPS
                || last < CHANGES
            {
                assert!(started.elapsed() < DEADLINE, "only {last} changes were put in force");
                let snapshot = reader.snapshot();
                assert_eq!(marks(snapshot).len(), 1, "{:?}", marks(snapshot));
                assert!(snapshot.epoch() >= last, "epochs only grow");
                last = snapshot.epoch();
            }
        };
        let readers: Vec<_> = (0..READERS).map(|_| scope.spawn(read)).collect();
        let results: Vec<_> = readers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        ended.store(true, Ordering::Relaxed);
        writer.join().unwrap();
        results.into_iter().for_each(|it| it.unwrap());
    });
}

#[cfg(unix)]
fn lead(at: &Path, target: &Path) {
    let fresh = at.with_file_name(".fresh_link");
    std::os::unix::fs::symlink(target, &fresh).unwrap();
    fs::rename(&fresh, at).unwrap();
}

#[cfg(unix)]
#[test]
fn while_a_link_to_the_root_is_swapped() {
    let it = Running::start(|root| {
        for mark in [1, 2] {
            plant(&root.with_file_name(mark.to_string()), mark);
        }
        lead(root, Path::new("1"));
    });
    let root = it.root.clone();
    check(&it.live, |turn| lead(&root, Path::new(if turn % 2 == 0 { "2" } else { "1" })));
    assert_eq!(it.live.status().nacks, 0);
}

#[cfg(unix)]
#[test]
fn while_a_mounted_configuration_is_swapped() {
    let it = Running::start(|root| {
        for mark in [1, 2] {
            plant(&root.join(format!("..{mark}")), mark);
        }
        lead(&root.join("..data"), Path::new("..1"));
        for entry in fs::read_dir(root.join("..1")).unwrap() {
            let name = entry.unwrap().file_name();
            lead(&root.join(&name), &Path::new("..data").join(&name));
        }
    });
    let data = it.root.join("..data");
    check(&it.live, |turn| lead(&data, Path::new(if turn % 2 == 0 { "..2" } else { "..1" })));
    assert_eq!(it.live.status().nacks, 0);
}

/// The folder itself is replaced by another, which takes two renames: between them there is
/// none, and whoever reads meanwhile reads parts of both.
#[test]
fn while_the_folder_is_swapped() {
    let it = Running::start(|root| {
        plant(root, 1);
        plant(&root.with_file_name("next"), 2);
    });
    let [root, next, old]: [PathBuf; 3] =
        ["root", "next", "old"].map(|name| it.dir.path().join(name));
    check(&it.live, |_| {
        fs::rename(&root, &old).unwrap();
        fs::rename(&next, &root).unwrap();
        fs::rename(&old, &next).unwrap();
        // For most of the time there is a folder, else hardly a reading ends well.
        (0..REST).for_each(|_| drop(fs::read(next.join(BASELINE)).unwrap()));
    });
    // Once it rests, what lies there is in force.
    let mark = if fs::read_to_string(root.join("micro_overlays/refund.md")).unwrap().contains('1') {
        1
    } else {
        2
    };
    it.wait(|it| marks(it) == [mark].into());
    it.wait_for(|it| it.last_error.is_none());
}
