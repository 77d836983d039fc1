use std::io;

use overlay_model::Digest;
use overlay_store::audit::{self, Head, Log, MAX_RECORD_BYTES, SEGMENT_BYTES};
use serde_json::{Value, json};

use super::memory::Memory;
use super::{entry, write};

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

/// Whichever operation fails: `recover` goes on from there, and so does the next append
/// where it may.
#[test]
fn failed_append_leaves_a_chain_to_go_on_with() {
    // With 0 records the files are made, with 320 HEAD is replaced.
    for before in [0, 1, 320] {
        let start = Memory::default();
        let head = write(&start, before);
        for operation in 1.. {
            let fs = start.copy();
            fs.fail_after(operation);
            let res = audit::append(&fs, head, entry(before + 1));
            if !fs.mend() {
                res.unwrap();
                assert!(operation > 4);
                break;
            }
            res.unwrap_err();
            let again = fs.copy();
            if let Ok((_, next)) = audit::append(&again, head, entry(before + 1)) {
                assert_eq!(Log::new(&again).verify(Some(next)).unwrap().records, before + 1);
            }
            let (next, _) = audit::recover(&fs, Some(head)).unwrap();
            let (_, next) = audit::append(&fs, next, entry(before + 2)).unwrap();
            assert_eq!(Log::new(&fs).verify(Some(next)).unwrap().head, next);
        }
    }
}
