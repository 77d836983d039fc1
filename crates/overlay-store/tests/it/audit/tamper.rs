use std::io;
use std::sync::LazyLock;

use overlay_model::Digest;
use overlay_store::audit::{self, Broken, Damage, Head, Log};
use proptest::prelude::*;
use serde_json::json;

use super::memory::Memory;
use super::{entry, lines, write, write_flushed};

const RECORDS: usize = 10_000;
const SEGMENTS: [&str; 2] = ["audit/00000001.jsonl", "audit/00000002.jsonl"];

/// A log of 10,000 records in two segments.
struct Original {
    fs: Memory,
    head: Head,
    lines: Vec<Vec<u8>>,
    /// How many of them are in the first segment.
    first: usize,
    /// How many of them are on the disk for sure without `audit/HEAD`.
    durable: usize,
}

static ORIGINAL: LazyLock<Original> = LazyLock::new(|| {
    let fs = Memory::default();
    let head = (1..=RECORDS as u64).fold(Head::empty(), |head, n| {
        let mut entry = entry(n);
        entry.detail["note"] = json!("x".repeat(100));
        audit::append(&fs, head, entry).unwrap().1
    });
    let [one, two] = SEGMENTS.map(|it| lines(&fs.bytes(it)));
    let (first, durable) = (one.len(), RECORDS + 1 - lines(&fs.bytes("audit/HEAD")).len());
    assert!((RECORDS - 70..RECORDS - 10).contains(&durable), "{durable}");
    Original { fs, head, lines: [one, two].concat(), first, durable }
});

/// The log with other lines; the pointer is three records old.
fn verify(lines: &[Vec<u8>]) -> Result<u64, Broken> {
    let fs = ORIGINAL.fs.copy();
    let (one, two) = lines.split_at(ORIGINAL.first.min(lines.len()));
    fs.set(SEGMENTS[0], one.concat());
    fs.set(SEGMENTS[1], two.concat());
    let res = Log::new(&fs).verify(Some(pointer()));
    res.map(|it| it.records).map_err(|err| err.broken().unwrap().clone())
}

fn pointer() -> Head {
    let line = ORIGINAL.lines[RECORDS - 3].strip_suffix(b"\n").unwrap();
    let record: audit::Record = serde_json::from_slice(line).unwrap();
    Head { seq: record.seq, hash: record.hash().unwrap() }
}

#[track_caller]
fn check(change: impl FnOnce(&mut Vec<Vec<u8>>), seq: usize) -> Damage {
    let mut lines = ORIGINAL.lines.clone();
    change(&mut lines);
    let broken = verify(&lines).unwrap_err();
    assert_eq!(broken.seq, seq as u64, "{broken}");
    broken.what
}

fn flip(line: &mut [u8], bit: usize) {
    line[bit / 8] ^= 1 << (bit % 8);
}

#[test]
fn original_is_sound() {
    assert_eq!(verify(&ORIGINAL.lines), Ok(RECORDS as u64));
    assert_eq!(ORIGINAL.head.seq, RECORDS as u64);
}

/// A name in the line, and its first byte.
fn region(line: &[u8], name: &str) -> usize {
    let text = String::from_utf8_lossy(line);
    text.find(&format!("\"{name}\":")).unwrap() + name.len() + 4
}

#[test]
fn flipped_bit_in_every_region_of_chosen_records() {
    let first = ORIGINAL.first;
    for k in [1, first, first + 1, ORIGINAL.durable, ORIGINAL.durable + 1, RECORDS] {
        let regions = ["seq", "at_us", "actor", "action", "detail", "manifest_sha256", "prev"];
        for name in regions {
            check(
                |lines| {
                    let at = region(&lines[k - 1], name);
                    flip(&mut lines[k - 1], 8 * at);
                },
                k,
            );
        }
    }
}

#[test]
fn dropped_record() {
    let Original { first, durable, .. } = *ORIGINAL;
    for k in [1, 2, 5_000, first, first + 1, durable, durable + 1, RECORDS - 1] {
        let what = check(|lines| drop(lines.remove(k - 1)), k);
        assert_eq!(what, Damage::OutOfPlace { found: k as u64 + 1 });
    }
}

#[test]
fn reordered_records() {
    let durable = ORIGINAL.durable;
    let end = (RECORDS - 1, RECORDS);
    for (i, k) in [(1, 2), (2, 9_999), (5_000, 5_001), (durable, durable + 1), end] {
        let what = check(|lines| lines.swap(i - 1, k - 1), i);
        assert_eq!(what, Damage::OutOfPlace { found: k as u64 });
    }
}

#[test]
fn truncated_log() {
    for k in [0, 1, 5_000, ORIGINAL.first, ORIGINAL.durable - 1] {
        let what = check(|lines| lines.truncate(k), k + 1);
        assert_eq!(what, Damage::Missing { until: RECORDS as u64 });
    }
    // From there on nothing is lost.
    for k in [ORIGINAL.durable, RECORDS - 1] {
        assert_eq!(verify(&ORIGINAL.lines[..k]), Ok(RECORDS as u64));
    }
}

#[test]
fn replayed_record() {
    for (k, at) in [(1, 1), (1, 5_000), (5_000, 5_000), (3, RECORDS), (RECORDS, RECORDS)] {
        let what = check(|lines| lines.insert(at, ORIGINAL.lines[k - 1].clone()), at + 1);
        assert_eq!(what, Damage::OutOfPlace { found: k as u64 });
    }
}

#[test]
fn record_rewritten_with_its_successors() {
    let fs = Memory::default();
    let head = write(&fs, 20);
    let hash = Log::new(&fs).records(11).unwrap().next().unwrap().unwrap().prev;
    let forged = Memory::default();
    let mut last = write(&forged, 9);
    for n in 10..=20 {
        let mut other = entry(n);
        other.actor = "nobody".to_owned();
        last = audit::append(&forged, last, other).unwrap().1;
    }
    fs.set(SEGMENTS[0], forged.bytes(SEGMENTS[0]));
    let err = Log::new(&fs).verify(Some(head)).unwrap_err();
    let broken = err.broken().unwrap();
    assert_eq!((broken.seq, &broken.what), (10, &Damage::Unexpected { expected: hash }));
    // With a HEAD of its own it is another log, and the pointer knows better.
    fs.set("audit/HEAD", forged.bytes("audit/HEAD"));
    let err = Log::new(&fs).verify(Some(head)).unwrap_err();
    let broken = err.broken().unwrap();
    assert_eq!((broken.seq, &broken.what), (20, &Damage::Unexpected { expected: head.hash }));
}

/// Every bit of a small log and of its HEAD; of a long record some.
#[test]
fn every_bit_of_a_small_log() {
    for flushed in [false, true] {
        let fs = Memory::default();
        let head = if flushed { write_flushed(&fs, 4) } else { write(&fs, 4) };
        for (path, bytes) in fs.files() {
            let bits = 8 * bytes.len();
            for bit in (0..bits).filter(|it| bits < 50_000 || it % 701 == 0 || it + 5_000 > bits) {
                let mut changed = bytes.clone();
                flip(&mut changed, bit);
                fs.set(&path, changed);
                let err = Log::new(&fs).verify(Some(head));
                let err = err.expect_err(&format!("{path} bit {bit}"));
                if path != "audit/HEAD" {
                    let line =
                        bytes[..bit / 8].iter().filter(|it| **it == b'\n').count() as u64 + 1;
                    assert_eq!(err.broken().unwrap().seq, line, "{path} bit {bit}: {err:?}");
                }
            }
            fs.set(&path, bytes);
        }
    }
}

#[test]
fn head_that_is_gone() {
    let fs = Memory::default();
    let head = write(&fs, 4);
    fs.set("audit/HEAD", Vec::new());
    let err = Log::new(&fs).verify(Some(head)).unwrap_err();
    assert_eq!(err.broken().unwrap().what, Damage::NoHead);
}

/// The original with another `audit/HEAD`, by its lines, and no pointer.
#[track_caller]
fn check_head(change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Broken {
    let fs = ORIGINAL.fs.copy();
    let mut marks = lines(&fs.bytes("audit/HEAD"));
    change(&mut marks);
    fs.set("audit/HEAD", marks.concat());
    Log::new(&fs).verify(None).unwrap_err().broken().unwrap().clone()
}

#[test]
fn changed_head() {
    let Original { durable, .. } = *ORIGINAL;
    let pending = RECORDS - durable;
    for k in [1, 2, pending / 2, pending - 1] {
        let seq = (durable + k) as u64;
        let dropped = check_head(|marks| drop(marks.remove(k)));
        assert_eq!((dropped.seq, dropped.what), (seq, Damage::NoHead));
        let moved = check_head(|marks| marks.swap(k, k + 1));
        assert_eq!((moved.seq, moved.what), (seq, Damage::NoHead));
        let repeated = check_head(|marks| marks.insert(k, marks[k].clone()));
        assert_eq!((repeated.seq, repeated.what), (seq + 1, Damage::NoHead));
        // The segment has the next record, and HEAD does not.
        let cut = check_head(|marks| marks.truncate(k));
        assert_eq!((cut.seq, cut.what), (seq, Damage::Foreign));
    }
    assert_eq!(check_head(Vec::clear).what, Damage::NoHead);
}

/// An empty log whose `audit/HEAD` says that it ends with this record.
fn ends_at(seq: u64) -> (Memory, Head) {
    let (fs, head) = (Memory::default(), Head { seq, ..Head::empty() });
    let mark = format!("{seq} {} 1 0", head.hash);
    let sum = Digest::of(mark.as_bytes()).short();
    fs.set("audit/HEAD", format!("{mark} {sum}\n").into_bytes());
    (fs, head)
}

#[test]
fn the_highest_number_is_no_end() {
    let (fs, head) = ends_at(u64::MAX - 1);
    assert_eq!(Log::new(&fs).head().unwrap(), head);
    let files = fs.files();
    let err = audit::append(&fs, head, entry(1)).unwrap_err();
    assert_eq!((err.kind(), fs.files()), (io::ErrorKind::InvalidInput, files));
    let (fs, head) = ends_at(u64::MAX);
    let err = Log::new(&fs).head().unwrap_err();
    assert_eq!(err.broken().unwrap().what, Damage::NoHead);
    assert!(audit::append(&fs, head, entry(1)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn one_flipped_bit_names_its_record(k in 1..=RECORDS, bit in any::<prop::sample::Index>()) {
        check(|lines| { let bits = 8 * lines[k - 1].len(); flip(&mut lines[k - 1], bit.index(bits)); }, k);
    }

    #[test]
    fn one_flipped_bit_of_head_is_seen(bit in any::<prop::sample::Index>()) {
        let fs = ORIGINAL.fs.copy();
        let mut bytes = fs.bytes("audit/HEAD");
        let bits = 8 * bytes.len();
        flip(&mut bytes, bit.index(bits));
        fs.set("audit/HEAD", bytes);
        prop_assert!(Log::new(&fs).verify(None).is_err());
    }

    #[test]
    fn one_moved_record_names_its_place(k in 1..=RECORDS, to in 1..=RECORDS, kind in 0..4) {
        let expect = match kind {
            0 => k,
            1 => k.min(to),
            2 => to + 1,
            _ => k,
        };
        prop_assume!(kind != 0 || k < RECORDS);
        prop_assume!(kind != 1 || k != to);
        prop_assume!(kind != 3 || k <= ORIGINAL.durable);
        check(|lines| match kind {
            0 => drop(lines.remove(k - 1)),
            1 => lines.swap(k - 1, to - 1),
            2 => lines.insert(to, lines[k - 1].clone()),
            _ => lines.truncate(k - 1),
        }, expect);
    }
}
