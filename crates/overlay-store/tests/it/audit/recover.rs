use overlay_model::Digest;
use overlay_store::audit::{self, Damage, Head, Log, Repair};

use super::memory::Memory;
use super::{entry, lines, write, write_flushed};

const HEAD: &str = "audit/HEAD";
const SEGMENT: &str = "audit/00000001.jsonl";

/// A log of some records, and the files after one more.
struct Interrupted {
    fs: Memory,
    head: Head,
    next: Head,
    /// `audit/HEAD` and the segment with one record more, and how long they were.
    written: (Vec<u8>, usize),
    shown: (Vec<u8>, usize),
}

fn interrupted(fs: Memory, head: Head) -> Interrupted {
    let before = fs.copy();
    let next = audit::append(&fs, head, entry(head.seq + 1)).unwrap().1;
    let file = |path| (fs.bytes(path), before.bytes(path).len());
    Interrupted { head, next, written: file(HEAD), shown: file(SEGMENT), fs: before }
}

/// One whose records are all in `audit/HEAD`, and one whose segment has some durably.
fn both() -> [Interrupted; 2] {
    let (fs, flushed) = (Memory::default(), Memory::default());
    let heads = (write(&fs, 2), write_flushed(&flushed, 4));
    [interrupted(fs, heads.0), interrupted(flushed, heads.1)]
}

#[track_caller]
fn check_repaired(fs: &Memory, expected: Option<Head>, head: Head, repair: Repair) {
    assert_eq!(audit::recover(fs, expected).unwrap(), (head, Some(repair)));
    assert_eq!(audit::recover(fs, Some(head)).unwrap(), (head, None));
    let verified = Log::new(fs).verify(Some(head)).unwrap();
    assert_eq!((verified.head, verified.unfinished_bytes), (head, 0));
    let (_, head) = audit::append(&fs.copy(), head, entry(9)).unwrap();
    assert_eq!(head.seq, verified.records + 1);
}

#[test]
fn sound_log_needs_no_repair() {
    let fs = Memory::default();
    assert_eq!(audit::recover(&fs, None).unwrap(), (Head::empty(), None));
    for n in [1, 5] {
        let fs = Memory::default();
        let head = write(&fs, n);
        assert_eq!(audit::recover(&fs, Some(head)).unwrap(), (head, None));
        assert_eq!(audit::recover(&fs, Some(Head::empty())).unwrap(), (head, None));
    }
}

#[test]
fn last_record_torn_at_every_byte_is_cut_off() {
    for Interrupted { fs, head, written: (whole, kept), .. } in both() {
        for len in kept + 1..whole.len() {
            fs.set(HEAD, whole[..len].to_vec());
            let cut_bytes = (len - kept) as u64;
            let log = Log::new(&fs).verify(Some(head)).unwrap();
            assert_eq!((log.records, log.unfinished_bytes), (head.seq, cut_bytes));
            let repair = Repair { cut_bytes, ..Repair::default() };
            check_repaired(&fs, Some(head), head, repair);
        }
    }
}

#[test]
fn bytes_that_never_arrived_are_cut_off() {
    for Interrupted { fs, head, written: (whole, kept), .. } in both() {
        let zeros = |from, to| {
            let mut bytes = whole.clone();
            bytes[from..to].fill(0);
            bytes
        };
        for bytes in [
            zeros(kept, whole.len()),
            zeros(kept, kept + 150),
            zeros(kept + 20, kept + 100),
            zeros(whole.len() - 2, whole.len()),
        ] {
            fs.set(HEAD, bytes);
            let cut_bytes = (whole.len() - kept) as u64;
            check_repaired(&fs, Some(head), head, Repair { cut_bytes, ..Repair::default() });
        }
    }
}

#[test]
fn whole_record_that_was_not_acknowledged_belongs_to_the_log() {
    for Interrupted { fs, head, next, written, shown } in both() {
        fs.set(HEAD, written.0);
        let restored_bytes = (shown.0.len() - shown.1) as u64;
        let repair = Repair { restored_bytes, ..Repair::default() };
        check_repaired(&fs, Some(head), next, repair);
        assert_eq!(fs.bytes(SEGMENT), shown.0);
    }
}

/// All that a power failure may take of what was not synced.
#[test]
fn segment_gets_back_what_head_has() {
    for Interrupted { fs, next, written, shown: (shown, _), .. } in both() {
        fs.set(HEAD, written.0.clone());
        let synced = shown.len() - pending(&written.0);
        for len in (synced..shown.len()).step_by(7) {
            for zeros in [0, shown.len() - len, 4096] {
                if zeros == 1 {
                    continue;
                }
                fs.set(SEGMENT, [&shown[..len], &vec![0; zeros]].concat());
                let missing = shown.len().max(len + zeros) - len;
                let unfinished = Log::new(&fs).verify(Some(next)).unwrap().unfinished_bytes;
                assert_eq!(unfinished, missing as u64);
                let repair = Repair { restored_bytes: missing as u64, ..Repair::default() };
                check_repaired(&fs, Some(next), next, repair);
                assert_eq!(fs.bytes(SEGMENT), shown);
            }
        }
    }
}

/// How many bytes of the segment are records in `audit/HEAD`.
fn pending(head: &[u8]) -> usize {
    let record = |it: &Vec<u8>| it.iter().position(|it| *it == b'{').map(|at| it.len() - at);
    lines(head).iter().filter_map(record).sum()
}

/// Somebody added it: a writer writes to `audit/HEAD` first.
#[test]
fn record_behind_head_never_belongs_to_the_log() {
    for Interrupted { fs, head, shown: (shown, len), .. } in both() {
        let forged = &shown[len..];
        for added in [forged, b"junk", b"junk\njunk\n", b"\0", &[forged, forged].concat()] {
            fs.set(SEGMENT, [&shown[..len], added].concat());
            let err = Log::new(&fs).verify(Some(head)).unwrap_err();
            let broken = err.broken().unwrap();
            assert_eq!(broken.seq, head.seq + 1);
            assert_eq!(broken.line, head.seq + 1);
            assert!(matches!(broken.what, Damage::Foreign | Damage::NotARecord(_)), "{broken}");
            let foreign_bytes = added.len() as u64;
            let repair = Repair { foreign_bytes, ..Repair::default() };
            check_repaired(&fs, Some(head), head, repair);
            let aside = fs.files().into_iter().filter(|it| it.0.starts_with("audit/foreign-"));
            assert!(aside.into_iter().any(|it| it.1.ends_with(added)));
        }
    }
}

#[test]
fn record_in_a_segment_behind_never_belongs_to_the_log() {
    for Interrupted { fs, head, shown: (shown, len), .. } in both() {
        let forged = shown[len..].to_vec();
        let path = "audit/00000007.jsonl";
        fs.set(path, forged.clone());
        let err = Log::new(&fs).verify(Some(head)).unwrap_err();
        let broken = err.broken().unwrap();
        assert_eq!((broken.seq, broken.file.as_str()), (head.seq + 1, path));
        assert_eq!(broken.what, Damage::Foreign);
        let repair = Repair { foreign_bytes: forged.len() as u64, ..Repair::default() };
        check_repaired(&fs, Some(head), head, repair);
    }
}

/// `verify` finds an edit of what is not durable in the segment, and the next writer takes
/// it out again.
#[test]
fn edited_record_is_taken_from_head() {
    for Interrupted { fs, head, shown: (shown, len), .. } in both() {
        let text = String::from_utf8(shown[..len].to_vec()).unwrap();
        let at = text.rfind("\"actor\":\"").unwrap() + 9;
        let (before, after) = text.split_at(at);
        for edited in
            [[before, "X", after.get(1..).unwrap()].concat(), [before, "and ", after].concat()]
        {
            fs.set(SEGMENT, edited.into_bytes());
            let err = Log::new(&fs).verify(Some(head)).unwrap_err();
            let broken = err.broken().unwrap();
            assert_eq!((broken.seq, broken.line), (head.seq, head.seq));
            assert!(matches!(broken.what, Damage::Unexpected { .. }), "{broken}");
            let (found, repair) = audit::recover(&fs, Some(head)).unwrap();
            assert!(found == head && repair.unwrap().foreign_bytes > 0, "{repair:?}");
            assert_eq!(fs.bytes(SEGMENT), text.as_bytes());
        }
    }
}

#[test]
fn recover_that_fails_is_done_by_the_next() {
    for Interrupted { fs: start, head, written: (written, before), shown, .. } in both() {
        let torn = written.len() - 10;
        for (head_len, segment) in [
            (torn, shown.0.clone()),
            (torn, shown.0[..shown.1 - 10].to_vec()),
            (before, [&shown.0[..shown.1], b"junk"].concat()),
            (written.len(), shown.0[..shown.1].to_vec()),
        ] {
            start.set(HEAD, written[..head_len].to_vec());
            start.set(SEGMENT, segment);
            start.set("audit/HEAD.new", b"half".to_vec());
            for operation in 1.. {
                let fs = start.copy();
                fs.fail_after(operation);
                let res = audit::recover(&fs, Some(head));
                if !fs.mend() {
                    res.unwrap();
                    break;
                }
                res.unwrap_err();
                let (head, _) = audit::recover(&fs, Some(head)).unwrap();
                let (_, head) = audit::append(&fs, head, entry(9)).unwrap();
                assert_eq!(Log::new(&fs).verify(Some(head)).unwrap().head, head);
            }
        }
    }
}

#[track_caller]
fn check_refused(fs: &Memory, expected: Option<Head>, seq: u64, what: &Damage) {
    let files = fs.files();
    let err = audit::recover(fs, expected).unwrap_err();
    let broken = err.broken().unwrap();
    assert_eq!((broken.seq, &broken.what), (seq, what));
    assert_eq!(fs.files(), files);
}

#[test]
fn log_shorter_than_head_says_is_an_integrity_error() {
    let fs = Memory::default();
    let head = write_flushed(&fs, 5);
    let whole = fs.bytes(SEGMENT);
    let ends: Vec<_> = (0..whole.len()).filter(|it| whole[*it] == b'\n').map(|it| it + 1).collect();
    for len in (0..ends[3]).step_by(31) {
        fs.set(SEGMENT, whole[..len].to_vec());
        let left = ends.iter().filter(|it| **it <= len).count() as u64;
        check_refused(&fs, Some(head), left + 1, &Damage::Missing { until: 4 });
        let err = Log::new(&fs).verify(Some(head)).unwrap_err();
        assert_eq!(err.broken().unwrap().seq, left + 1, "{err:?}");
    }
}

/// It is there before `audit/HEAD` names it.
#[test]
fn segment_that_is_gone_is_an_integrity_error() {
    for Interrupted { fs, head, .. } in both() {
        let files = fs.files().into_iter().filter(|it| it.0 != SEGMENT);
        let fs = Memory::of(files);
        let until = if head.seq == 2 { 2 } else { 3 };
        check_refused(&fs, Some(head), 1, &Damage::Missing { until });
        let err = Log::new(&fs).verify(None).unwrap_err();
        assert_eq!(err.broken().unwrap().what, Damage::Missing { until: head.seq });
    }
}

#[test]
fn records_without_head_are_an_integrity_error() {
    for Interrupted { fs, head, .. } in both() {
        let files = fs.files().into_iter().filter(|it| it.0 != HEAD);
        let gone = Memory::of(files);
        fs.set(HEAD, Vec::new());
        let torn = fs.copy();
        torn.set(HEAD, b"4 sha256:".to_vec());
        for fs in [gone, fs, torn] {
            check_refused(&fs, None, 1, &Damage::NoHead);
            check_refused(&fs, Some(head), 1, &Damage::NoHead);
            assert_eq!(Log::new(&fs).verify(None).unwrap_err().broken().unwrap().seq, 1);
        }
    }
}

#[test]
fn log_shorter_than_the_pointer_says_is_an_integrity_error() {
    let fs = Memory::default();
    write(&fs, 3);
    let files = fs.files();
    let head = audit::append(&fs, Log::new(&fs).head().unwrap(), entry(4)).unwrap().1;
    let old = Memory::of(files);
    check_refused(&old, Some(head), 4, &Damage::Missing { until: 4 });
}

#[test]
fn pointer_to_another_chain_is_an_integrity_error() {
    let fs = Memory::default();
    write(&fs, 400);
    // 2 is known from the log only: HEAD no longer has it.
    for seq in [0, 2, 399, 400] {
        let hash = Digest::of(b"other");
        check_refused(&fs, Some(Head { seq, hash }), seq, &Damage::Unexpected { expected: hash });
    }
    for known in Log::new(&fs).records(1).unwrap().skip(1) {
        let record = known.unwrap();
        let head = Head { seq: record.seq - 1, hash: record.prev };
        assert_eq!(audit::recover(&fs, Some(head)).unwrap().1, None);
    }
}

/// Whatever is whole in `audit/HEAD` was acknowledged, or was to be.
#[test]
fn what_no_crash_leaves_in_head_is_an_integrity_error() {
    let fs = Memory::default();
    write_flushed(&fs, 4);
    let head = Log::new(&fs).head().unwrap();
    let (_, head) = audit::append(&fs, head, entry(5)).unwrap();
    let marks = lines(&fs.bytes(HEAD));
    assert_eq!(marks.len(), 3);
    let check = |marks: &[&[u8]], seq| {
        fs.set(HEAD, marks.concat());
        check_refused(&fs, Some(head), seq, &Damage::NoHead);
        assert_eq!(Log::new(&fs).verify(None).unwrap_err().broken().unwrap().seq, seq);
    };
    let [base, fourth, fifth] = [&marks[0], &marks[1], &marks[2]].map(Vec::as_slice);
    let junk: &[u8] = b"junk\n";
    check(&[fourth, fifth], 1);
    check(&[base, fifth], 4);
    check(&[base, fifth, fourth], 4);
    check(&[base, fourth, fourth], 5);
    check(&[base, fourth, base], 5);
    check(&[base, fourth, fifth, junk], 6);
    check(&[base, junk, fourth, fifth], 4);
    let mut edited = fifth.to_vec();
    let at = edited.len() - 40;
    edited[at] = b'x';
    check(&[base, fourth, &edited], 5);
    // In place of the last line feed.
    let end = fifth.len() - 1;
    check(&[base, fourth, &fifth[..end], b"x"], 5);
}

/// Until 2026-11 `audit/HEAD` had marks alone, and the segment was synced before it.
#[test]
fn head_of_marks_alone_is_read() {
    let fs = Memory::default();
    let head = write(&fs, 3);
    let marks: Vec<Vec<u8>> = lines(&fs.bytes(HEAD)).into_iter().map(|it| mark(&it)).collect();
    fs.set(HEAD, marks.concat());
    assert_eq!(Log::new(&fs).verify(Some(head)).unwrap().records, 3);
    assert_eq!(audit::recover(&fs, Some(head)).unwrap(), (head, None));
    assert_eq!(Log::new(&fs).last().unwrap().unwrap().seq, 3);
    let (_, head) = audit::append(&fs, head, entry(4)).unwrap();
    assert_eq!(Log::new(&fs).verify(Some(head)).unwrap().records, 4);
    assert_eq!(audit::recover(&fs, Some(head)).unwrap(), (head, None));
    let old = [marks.concat(), marks[0][..20].to_vec()].concat();
    fs.set(HEAD, old);
    let (head, repair) = audit::recover(&fs, None).unwrap();
    assert_eq!((head.seq, repair.unwrap().cut_bytes), (3, 20));
}

/// The line without its record.
fn mark(line: &[u8]) -> Vec<u8> {
    let words: Vec<_> = line.split(|it| *it == b' ').take(5).collect();
    [words.join(&b' '), b"\n".to_vec()].concat()
}
