use std::io;

use overlay_model::Digest;
use overlay_store::audit::{self, Head, Log, MAX_RECORD_BYTES, SEGMENT_BYTES};
use overlay_store::model::ModelFs;
use overlay_store::vfs::Vfs;
use serde_json::{Value, json};

use super::memory::Memory;
use super::{entry, lines, long, write, write_flushed};

#[test]
fn hash_is_over_the_tag_and_the_line() {
    let fs = Memory::default();
    let head = write(&fs, 2);
    let text = String::from_utf8(fs.bytes("audit/00000001.jsonl")).unwrap();
    let lines: Vec<_> = text.lines().collect();

    let hash = |line: &str| Digest::of(&[b"\x01", line.as_bytes()].concat());
    let second: Value = serde_json::from_str(lines[1]).unwrap();
    assert_eq!(second["prev"], hash(lines[0]).to_string());
    assert_eq!(head, Head { seq: 2, hash: hash(lines[1]) });
}

#[test]
fn line_is_canonical() {
    let fs = Memory::default();
    let mut one = entry(1);
    one.deployment = None;
    one.detail = json!({"z": {"b": 1, "a": "two\nlines"}, "a": null});
    one.manifest_sha256 = None;
    let (record, head) = audit::append(&fs, Head::empty(), one).unwrap();

    let expect = format!(
        "{}\"prev\":\"{}\"}}",
        r#"{"v":1,"seq":1,"at_us":1764000001000000,"actor":"ci","host":"deploy-1","action":"deploy_committed","env":"production","generation":0,"detail":{"a":null,"z":{"a":"two\nlines","b":1}},"#,
        Digest::of(b"")
    );
    assert_eq!(record.to_line().unwrap(), expect);
    assert_eq!(record.hash().unwrap(), head.hash);
    assert_eq!(fs.bytes("audit/00000001.jsonl"), format!("{expect}\n").into_bytes());
}

#[test]
fn another_writers_head_is_refused() {
    let fs = Memory::default();
    let old = write(&fs, 1);
    audit::append(&fs, old, entry(2)).unwrap();
    let files = fs.files();

    let err = audit::append(&fs, old, entry(2)).unwrap_err();
    assert_eq!(err.kind(), io::ErrorKind::InvalidData);
    assert_eq!(fs.files(), files);
}

#[test]
fn what_no_reader_would_take_is_not_written() {
    let fs = Memory::default();
    let head = write(&fs, 1);
    let mut large = entry(2);
    large.actor = "x".repeat(MAX_RECORD_BYTES);
    let mut deep = entry(2);
    deep.detail = (0..200).fold(json!(1), |it, _| json!([it]));

    for entry in [large, deep] {
        let err = audit::append(&fs, head, entry).unwrap_err();
        assert_eq!(err.kind(), io::ErrorKind::InvalidInput);
    }
    assert_eq!(Log::new(&fs).verify(Some(head)).unwrap().records, 1);
}

#[test]
fn full_segment_is_followed_by_the_next() {
    let fs = Memory::default();
    let mut head = Head::empty();
    for n in 1..=20 {
        let mut entry = entry(n);
        entry.detail = json!("x".repeat(500_000));
        head = audit::append(&fs, head, entry).unwrap().1;
    }
    let sizes: Vec<_> =
        fs.files().iter().filter(|it| it.0.ends_with(".jsonl")).map(|it| it.1.len()).collect();
    assert_eq!(sizes.len(), 3);
    assert!(sizes.iter().all(|it| *it as u64 <= SEGMENT_BYTES), "{sizes:?}");
    assert_eq!(Log::new(&fs).verify(Some(head)).unwrap().head, head);

    let numbers = |from| -> Vec<_> {
        Log::new(&fs).records(from).unwrap().map(|it| it.unwrap().seq).collect()
    };
    for from in 0..=21 {
        assert_eq!(numbers(from), (from.max(1)..=20).collect::<Vec<_>>());
    }
}

#[test]
fn head_file_stays_small() {
    let fs = Memory::default();
    let head = write(&fs, 1_000);
    assert!(fs.bytes("audit/HEAD").len() < 34_000);
    assert_eq!(Log::new(&fs).head().unwrap(), head);
}

/// Each line is the end of the chain after a record, and the record.
#[test]
fn head_has_what_no_segment_has_durably() {
    let fs = Memory::default();
    let head = write_flushed(&fs, 3);
    let records = lines(&fs.bytes("audit/00000001.jsonl"));
    let marks: Vec<String> = lines(&fs.bytes("audit/HEAD"))
        .into_iter()
        .map(|it| String::from_utf8(it).unwrap())
        .collect();
    let [base, last] = marks.as_slice() else { panic!("{marks:?}") };
    let end = records[..2].concat().len();
    assert!(base.starts_with("2 sha256:") && base.contains(&format!(" 1 {end} ")), "{base}");
    assert_eq!(base.split(' ').count(), 5);
    let end = records.concat().len();
    assert!(last.starts_with(&format!("3 {} 1 {end} ", head.hash)), "{last}");
    assert!(last.ends_with(std::str::from_utf8(&records[2]).unwrap()), "{last}");
}

/// What an append makes durable, as the names of the syncs that did something.
#[track_caller]
fn check_syncs(before: &[audit::Entry], expect: &[&str]) {
    let fs = ModelFs::new();
    fs.create_dir("audit").unwrap();
    fs.sync_dir("").unwrap();
    let head = before
        .iter()
        .fold(Head::empty(), |head, it| audit::append(&fs, head, it.clone()).unwrap().1);
    let done = fs.operations().len();
    audit::append(&fs, head, entry(9)).unwrap();
    let synced = fs.operations().into_iter().skip(done).filter(|it| it.synced);
    assert_eq!(synced.map(|it| it.path).collect::<Vec<_>>(), expect);
}

#[test]
fn one_sync_acknowledges_a_record() {
    check_syncs(&[entry(1)], &["audit/HEAD"]);
    check_syncs(&[], &["audit", "audit/HEAD", "audit"]);
    let flush = ["audit/00000001.jsonl", "audit/HEAD.new", "audit", "audit/HEAD"];
    check_syncs(&[entry(1), long(2)], &flush);
}

/// A log that takes the next record in each of the ways there are, with its number of
/// records.
fn starts() -> Vec<(Memory, Head, u64)> {
    let start = |records: Vec<audit::Entry>| {
        let (fs, n) = (Memory::default(), records.len() as u64);
        let head = records
            .into_iter()
            .fold(Head::empty(), |head, it| audit::append(&fs, head, it).unwrap().1);
        (fs, head, n)
    };
    let huge = |n| audit::Entry { detail: json!("x".repeat(1_000_000)), ..entry(n) };
    vec![
        start(vec![]),
        start(vec![entry(1)]),
        start(vec![entry(1), long(2)]),
        // The next one begins a segment, with HEAD full and not full.
        start((1..=4).map(huge).collect()),
        start((1..=4).map(huge).chain([long(5), entry(6)]).collect()),
    ]
}

/// Whichever operation fails: `recover` goes on from there, and so does the next append
/// where it may.
#[test]
fn failed_append_leaves_a_chain_to_go_on_with() {
    for (start, head, before) in starts() {
        let next = || audit::Entry { detail: json!("x".repeat(200_000)), ..entry(before + 1) };
        for operation in 1.. {
            let fs = start.copy();
            fs.fail_after(operation);
            let res = audit::append(&fs, head, next());
            if !fs.mend() {
                res.unwrap();
                assert!(operation > 4);
                break;
            }
            let records = |fs: &Memory, head| Log::new(fs).verify(Some(head)).unwrap().records;
            match res {
                // Only the segment, unsynced, lacks it.
                Ok((_, head)) => assert_eq!(records(&fs, head), before + 1),
                Err(_) => {
                    let again = fs.copy();
                    if let Ok((_, head)) = audit::append(&again, head, next()) {
                        assert_eq!(records(&again, head), before + 1);
                    }
                }
            }
            let (head, _) = audit::recover(&fs, Some(head)).unwrap();
            let (_, head) = audit::append(&fs, head, entry(before + 2)).unwrap();
            assert_eq!(records(&fs, head), head.seq);
            assert_eq!(audit::recover(&fs, Some(head)).unwrap(), (head, None));
        }
    }
}

/// The disk takes `audit/HEAD`, and the segment not: the record is in the log, and so are
/// those after it.
#[test]
fn a_segment_that_cannot_be_written_loses_nothing() {
    for (start, head, before) in starts().into_iter().skip(1).take(2) {
        let operations = (1..).find(|it| {
            let fs = start.copy();
            fs.fail_after(*it);
            audit::append(&fs, head, entry(before + 1)).is_ok()
        });
        let first = operations.unwrap();
        for operation in first..=first + 1 {
            let fs = start.copy();
            fs.fail_after(operation);
            let (_, head) = audit::append(&fs, head, entry(before + 1)).unwrap();
            assert!(fs.mend());
            let verified = Log::new(&fs).verify(Some(head)).unwrap();
            assert!(verified.unfinished_bytes > 0, "{verified:?}");
            let (_, head) = audit::append(&fs, head, entry(before + 2)).unwrap();
            assert_eq!(Log::new(&fs).verify(Some(head)).unwrap().records, before + 2);
            let (_, repair) = audit::recover(&fs, Some(head)).unwrap();
            assert_eq!(repair.unwrap().restored_bytes, verified.unfinished_bytes);
            assert_eq!(Log::new(&fs).verify(Some(head)).unwrap().unfinished_bytes, 0);
        }
    }
}
