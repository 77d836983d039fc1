use overlay_store::audit::{
    AuditError, Damage, Filter, Head, Log, Record, VerifiedExport, append, verify_export,
};

use super::memory::Memory;
use super::{entry, lines, long, write, write_flushed};

#[track_caller]
fn check(filter: &Filter, from: u64, expect: &[u64]) {
    let fs = Memory::default();
    write(&fs, 12);
    let log = Log::new(&fs);
    let found = log.records(from).unwrap().map(Result::unwrap).filter(|it| filter.admits(it));
    let found: Vec<_> = found.map(|it| it.seq).collect();
    assert_eq!(found, expect);

    let mut text = Vec::new();
    assert_eq!(log.export(from, filter, &mut text).unwrap(), expect.len() as u64);
    let lines = fs.bytes("audit/00000001.jsonl");
    let lines: Vec<_> = lines.split_inclusive(|it| *it == b'\n').collect();
    let wanted: Vec<_> = expect.iter().map(|it| lines[usize::try_from(*it).unwrap() - 1]).collect();
    assert_eq!(text, wanted.concat());
}

#[test]
fn records_are_chosen() {
    let at = |n: i64| Some(1_764_000_000_000_000 + n * 1_000_000);
    let text = |it: &str| Some(it.to_owned());
    check(&Filter::default(), 10, &[10, 11, 12]);
    check(&Filter { deployment: text("d-3"), ..Filter::default() }, 1, &[6, 7]);
    check(&Filter { action: text("deploy_intent"), ..Filter::default() }, 7, &[8, 10, 12]);
    check(&Filter { actor: text("ops"), ..Filter::default() }, 1, &[3, 6, 9, 12]);
    check(&Filter { from_us: at(3), before_us: at(5), ..Filter::default() }, 1, &[3, 4]);
    check(&Filter { deployment: text("d-99"), ..Filter::default() }, 1, &[]);
}

#[test]
fn empty_log_reads_as_one() {
    let fs = Memory::default();
    let log = Log::new(&fs);
    assert_eq!(log.records(1).unwrap().count(), 0);
    assert_eq!(log.verify(None).unwrap().records, 0);
    assert_eq!(log.head().unwrap().seq, 0);
}

#[test]
fn line_being_written_is_not_seen() {
    let fs = Memory::default();
    let head = write(&fs, 2);
    let before = fs.bytes("audit/HEAD").len();
    append(&fs, head, entry(3)).unwrap();
    let bytes = fs.bytes("audit/HEAD");
    for len in [before + 1, before + 100, bytes.len() - 1] {
        fs.set("audit/HEAD", bytes[..len].to_vec());
        let log = Log::new(&fs);
        assert_eq!(log.records(1).unwrap().map(Result::unwrap).count(), 2);
        assert_eq!((log.head().unwrap(), log.last().unwrap().unwrap().seq), (head, 2));
    }
}

/// What was added to a segment is in `audit/HEAD` first.
#[test]
fn record_behind_head_is_not_read() {
    for n in [3, 8] {
        let fs = Memory::default();
        let head = write_flushed(&fs, n);
        let before = fs.bytes("audit/HEAD");
        append(&fs, head, entry(n + 1)).unwrap();
        fs.set("audit/HEAD", before);
        let log = Log::new(&fs);
        assert_eq!(log.records(1).unwrap().map(Result::unwrap).count() as u64, n);
        assert_eq!(log.last().unwrap().unwrap().seq, n);
        assert_eq!(log.export(1, &Filter::default(), &mut Vec::new()).unwrap(), n);
    }
}

#[test]
fn reading_ends_at_a_broken_line() {
    let fs = Memory::default();
    write_flushed(&fs, 5);
    let text = String::from_utf8(fs.bytes("audit/00000001.jsonl")).unwrap();
    let read = |text: String| -> Vec<Result<u64, (u64, Damage)>> {
        fs.set("audit/00000001.jsonl", text.into_bytes());
        let records = Log::new(&fs).records(1).unwrap();
        let broken = |err: AuditError| err.broken().map(|it| (it.seq, it.what.clone())).unwrap();
        records.map(|it| it.map(|it| it.seq).map_err(broken)).collect()
    };
    let moved = read(text.replace("\"seq\":2", "\"seq\":7"));
    assert_eq!(moved, [Ok(1), Err((2, Damage::OutOfPlace { found: 7 }))]);
    let newer = read(text.replace("{\"v\":1,\"seq\":2", "{\"v\":2,\"seq\":2"));
    assert!(matches!(&newer[..], [Ok(1), Err((2, Damage::NotARecord(why)))] if why.contains("2")));
}

#[test]
fn last_record_is_found() {
    let fs = Memory::default();
    let log = Log::new(&fs);
    assert_eq!(log.last().unwrap(), None);
    let mut head = write(&fs, 40);
    assert_eq!(log.last().unwrap().unwrap().seq, 40);
    for n in 41..=43 {
        let (record, next) = append(&fs, head, long(n)).unwrap();
        assert_eq!(log.last().unwrap(), Some(record));
        assert_eq!(log.head().unwrap(), next);
        head = next;
    }
    // All is in the segment.
    let marks = lines(&fs.bytes("audit/HEAD"));
    fs.set("audit/HEAD", marks[0].clone());
    assert_eq!(log.last().unwrap().unwrap().seq, 42);
    fs.set("audit/HEAD", b"no mark\n".to_vec());
    let err = log.last().unwrap_err().to_string();
    assert_eq!(err, "the audit log was tampered with");
}

/// The records `from` to 12 as they are exported, with one change.
fn export(from: u64, change: impl FnOnce(&mut Vec<String>)) -> String {
    let fs = Memory::default();
    write(&fs, 12);
    let mut text = Vec::new();
    Log::new(&fs).export(from, &Filter::default(), &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let mut lines: Vec<_> = text.split_inclusive('\n').map(str::to_owned).collect();
    change(&mut lines);
    lines.concat()
}

#[track_caller]
fn broken(text: &str, expected: Option<Head>, expect: &str) {
    let err = verify_export("a.jsonl", &mut text.as_bytes(), expected).unwrap_err();
    assert_eq!(err.broken().unwrap().to_string(), expect);
}

#[test]
fn an_export_is_verified_by_itself() {
    let fs = Memory::default();
    let head = write(&fs, 12);
    let verify = |text: &str, expected| verify_export("a.jsonl", &mut text.as_bytes(), expected);
    let whole = export(1, |_| {});
    let found = verify(&whole, Some(head)).unwrap();
    assert_eq!(found, VerifiedExport { records: 12, after: Head::empty(), head });
    assert_eq!(verify(whole.trim_end(), Some(head)).unwrap().head, head, "the last line feed");
    let part = verify(&export(5, |_| {}), Some(head)).unwrap();
    assert_eq!((part.records, part.after.seq, part.head), (8, 4, head));
    let before = Some(part.after);
    assert_eq!(verify(&export(5, |_| {}), before).unwrap().after, part.after);
    let none = verify("", None).unwrap();
    assert_eq!((none.records, none.head), (0, Head::empty()));

    let altered = "its content is not what the next record holds the hash of";
    let host = |lines: &mut Vec<String>| lines[2] = lines[2].replace("\"host\":\"", "\"host\":\"x");
    broken(&export(1, host), None, &format!("audit record 3 (a.jsonl:3): {altered}"));
    let place = "audit record 3 (a.jsonl:3): record 4 stands in its place";
    broken(&export(1, |lines| drop(lines.remove(2))), None, place);
    let cut = export(1, |lines| lines[11].truncate(40));
    assert!(verify(&cut, None).unwrap_err().broken().unwrap().to_string().contains("no record"));
    let short =
        "audit record 12 (a.jsonl:12): the log ends before it, and should go on to record 12";
    broken(&export(1, |lines| drop(lines.pop())), Some(head), short);
    let other = Head { hash: part.after.hash, ..head };
    let known = format!("audit record 12 (a.jsonl:12): its hash should be {}", other.hash);
    broken(&whole, Some(other), &known);
    broken(
        &export(5, |_| {}),
        Some(Head { seq: 4, ..head }),
        &format!("audit record 4 (a.jsonl:0): its hash should be {}", head.hash),
    );
}

#[test]
fn no_record_has_the_highest_number() {
    let highest = |lines: &mut Vec<String>| {
        lines[0] = lines[0].replace("\"seq\":1,", "\"seq\":18446744073709551615,");
    };
    let expect = "audit record 1 (a.jsonl:1): the line is no record: \
                  no record may have the number 18446744073709551615 at line 1 column 33";
    broken(&export(1, highest), None, expect);
    let parsed = serde_json::from_str::<Record>(export(1, highest).lines().next().unwrap());
    assert!(parsed.is_err(), "{parsed:?}");
}
