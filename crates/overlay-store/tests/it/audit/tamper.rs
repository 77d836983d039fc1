use std::sync::LazyLock;

use overlay_store::audit::{self, Broken, Damage, Head, Log};
use proptest::prelude::*;
use serde_json::json;

use super::memory::Memory;
use super::{entry, write};

const RECORDS: usize = 10_000;
const SEGMENTS: [&str; 2] = ["audit/00000001.jsonl", "audit/00000002.jsonl"];

/// A log of 10,000 records in two segments.
struct Original {
    fs: Memory,
    head: Head,
    lines: Vec<Vec<u8>>,
    /// How many of them are in the first segment.
    first: usize,
}

static ORIGINAL: LazyLock<Original> = LazyLock::new(|| {
    let fs = Memory::default();
    let head = (1..=RECORDS as u64).fold(Head::empty(), |head, n| {
        let mut entry = entry(n);
        entry.detail["note"] = json!("x".repeat(100));
        audit::append(&fs, head, entry).unwrap().1
    });
    let [one, two] = SEGMENTS.map(|it| split(&fs.bytes(it)));
    let first = one.len();
    Original { fs, head, lines: [one, two].concat(), first }
});

fn split(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.split_inclusive(|it| *it == b'\n').map(<[u8]>::to_vec).collect()
}

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
    for k in [1, first, first + 1, RECORDS] {
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
    for k in [1, 2, 5_000, ORIGINAL.first, ORIGINAL.first + 1, RECORDS - 1] {
        let what = check(|lines| drop(lines.remove(k - 1)), k);
        assert_eq!(what, Damage::OutOfPlace { found: k as u64 + 1 });
    }
}

#[test]
fn reordered_records() {
    for (i, k) in [(1, 2), (2, 9_999), (5_000, 5_001), (RECORDS - 1, RECORDS)] {
        let what = check(|lines| lines.swap(i - 1, k - 1), i);
        assert_eq!(what, Damage::OutOfPlace { found: k as u64 });
    }
}

#[test]
fn truncated_log() {
    for k in [0, 1, 5_000, ORIGINAL.first, RECORDS - 1] {
        let what = check(|lines| lines.truncate(k), k + 1);
        assert_eq!(what, Damage::Missing { until: RECORDS as u64 });
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
    assert_eq!((broken.seq, &broken.what), (20, &Damage::Unexpected { expected: head.hash }));
}

/// Every bit of a small log and of its HEAD.
#[test]
fn every_bit_of_a_small_log() {
    let fs = Memory::default();
    let head = write(&fs, 4);
    for (path, bytes) in fs.files() {
        for bit in 0..8 * bytes.len() {
            let mut changed = bytes.clone();
            flip(&mut changed, bit);
            fs.set(&path, changed);
            if path == "audit/HEAD" && bit / 8 == bytes.len() - 1 {
                // The line before the last line feed is whole, and counts.
                continue;
            }
            let err = Log::new(&fs).verify(Some(head));
            let err = err.expect_err(&format!("{path} bit {bit}"));
            if path != "audit/HEAD" {
                let line = bytes[..bit / 8].iter().filter(|it| **it == b'\n').count() as u64 + 1;
                assert_eq!(err.broken().unwrap().seq, line, "{path} bit {bit}: {err:?}");
            }
        }
        fs.set(&path, bytes);
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn one_flipped_bit_names_its_record(k in 1..=RECORDS, bit in any::<prop::sample::Index>()) {
        check(|lines| { let bits = 8 * lines[k - 1].len(); flip(&mut lines[k - 1], bit.index(bits)); }, k);
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
        check(|lines| match kind {
            0 => drop(lines.remove(k - 1)),
            1 => lines.swap(k - 1, to - 1),
            2 => lines.insert(to, lines[k - 1].clone()),
            _ => lines.truncate(k - 1),
        }, expect);
    }
}
