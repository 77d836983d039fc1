//! Two power failures in a row, in every combination of what may be lost.

#![expect(clippy::print_stdout, reason = "a figure is printed by the test that takes it")]

use std::collections::HashSet;

use overlay_store::audit::{self, Entry, Head, Log};
use overlay_store::model::{ModelFs, Sampling};
use overlay_store::vfs::Vfs;

use super::{entry, long};

const EVERY: Sampling = Sampling { all_up_to: 4096, drawn: 0, seed: 1 };

/// What was acknowledged is there and verifies, before anybody puts it in order and after;
/// gives where the log ends.
#[track_caller]
fn check(fs: &ModelFs, acknowledged: Head) -> Head {
    let found = Log::new(fs).verify(Some(acknowledged)).unwrap().head;
    let (head, _) = audit::recover(fs, Some(acknowledged)).unwrap();
    assert_eq!(head, found);
    assert_eq!(Log::new(fs).verify(Some(head)).unwrap().unfinished_bytes, 0);
    head
}

/// As a writer starts: names are made durable, and the record of the repair follows.
fn restart(fs: &ModelFs, acknowledged: Head) {
    fs.sync_dir("audit").unwrap();
    let head = check(fs, acknowledged);
    audit::append(fs, head, entry(9)).unwrap();
}

/// Crashes around every operation of two appends after `before`, and around every operation
/// of the restart after each.
fn explore(before: &[Entry]) -> usize {
    let fs = ModelFs::new();
    fs.create_dir("audit").unwrap();
    fs.sync_dir("").unwrap();
    let mut marks = vec![(fs.operations().len(), Head::empty())];
    for it in before.iter().cloned().chain([entry(7), entry(8)]) {
        let head = audit::append(&fs, marks.last().unwrap().1, it).unwrap().1;
        marks.push((fs.operations().len(), head));
    }
    let (mut known, mut states) = (HashSet::new(), 0);
    for after in marks[before.len()].0..=fs.operations().len() {
        let acknowledged = marks.iter().rfind(|it| it.0 <= after).unwrap().1;
        let killed = fs.killed(after).unwrap();
        for first in fs.crashes(after, EVERY).into_iter().chain([killed]) {
            if !known.insert((first.fingerprint(), acknowledged.seq)) {
                continue;
            }
            restart(&first, acknowledged);
            for again in 0..=first.operations().len() {
                for second in first.crashes(again, EVERY) {
                    states += 1;
                    restart(&second, acknowledged);
                }
            }
        }
    }
    states
}

#[test]
fn two_power_failures_lose_nothing_that_was_acknowledged() {
    // The first records of all, one more, and a flush.
    let starts = [vec![], vec![entry(1), entry(2)], vec![entry(1), long(2)]];
    let states: Vec<usize> = starts.iter().map(|it| explore(it)).collect();
    println!("{states:?} states after two power failures, 0 violations");
    assert!(states.iter().all(|it| *it > 100), "{states:?}");
}
