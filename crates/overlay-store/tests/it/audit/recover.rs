use overlay_store::audit::{self, Damage, Head, Log, Repair};

use super::memory::Memory;
use super::{entry, write};

const SEGMENT: &str = "audit/00000001.jsonl";

/// A log of three records, and the same when only the line of the third was written.
fn interrupted() -> (Memory, Head, Vec<u8>) {
    let fs = Memory::default();
    let head = write(&fs, 2);
    let at_head = fs.bytes("audit/HEAD");
    audit::append(&fs, head, entry(3)).unwrap();
    let whole = fs.bytes(SEGMENT);
    fs.set("audit/HEAD", at_head);
    (fs, head, whole)
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
    let (fs, head, whole) = interrupted();
    let kept = whole[..whole.len() - 1].iter().rposition(|it| *it == b'\n').unwrap() + 1;
    for len in kept + 1..whole.len() {
        fs.set(SEGMENT, whole[..len].to_vec());
        let log = Log::new(&fs).verify(Some(head)).unwrap();
        assert_eq!((log.records, log.unfinished_bytes), (2, (len - kept) as u64));

        let repair = Repair { cut_bytes: (len - kept) as u64, adopted: 0, head_rewritten: false };
        assert_eq!(audit::recover(&fs, Some(head)).unwrap(), (head, Some(repair)));
        assert_eq!(audit::recover(&fs, Some(head)).unwrap(), (head, None));
        let (_, head) = audit::append(&fs.copy(), head, entry(3)).unwrap();
        assert_eq!(head.seq, 3);
    }
}

#[test]
fn bytes_that_never_arrived_are_cut_off() {
    let (fs, head, whole) = interrupted();
    let kept = whole[..whole.len() - 1].iter().rposition(|it| *it == b'\n').unwrap() + 1;
    let mut zeros = whole.clone();
    zeros[kept..].fill(0);
    let mut second_half = whole.clone();
    second_half[kept..kept + 100].fill(0);
    for bytes in [zeros, second_half] {
        fs.set(SEGMENT, bytes);
        let (found, repair) = audit::recover(&fs, Some(head)).unwrap();
        assert_eq!((found, repair.unwrap().cut_bytes), (head, (whole.len() - kept) as u64));
    }
}

#[test]
fn whole_record_behind_head_is_adopted() {
    let (fs, _, _) = interrupted();
    let (head, repair) = audit::recover(&fs, None).unwrap();
    assert_eq!(head.seq, 3);
    assert_eq!(repair, Some(Repair { cut_bytes: 0, adopted: 1, head_rewritten: true }));
    assert_eq!(audit::recover(&fs, Some(head)).unwrap(), (head, None));
    assert_eq!(Log::new(&fs).verify(Some(head)).unwrap().records, 3);
}

#[test]
fn torn_line_of_head_is_replaced() {
    let fs = Memory::default();
    let head = write(&fs, 3);
    let whole = fs.bytes("audit/HEAD");
    let kept = whole[..whole.len() - 1].iter().rposition(|it| *it == b'\n').unwrap() + 1;
    for len in 0..whole.len() {
        fs.set("audit/HEAD", whole[..len].to_vec());
        let (found, repair) = audit::recover(&fs, Some(head)).unwrap();
        assert_eq!(found, head);
        assert!(repair.unwrap().head_rewritten);
        assert!(len < kept || repair.unwrap().adopted <= 1);
        assert_eq!(audit::recover(&fs, Some(head)).unwrap(), (head, None));
    }
}

#[test]
fn recover_that_fails_is_done_by_the_next() {
    let (start, head, whole) = interrupted();
    for len in [whole.len(), whole.len() - 10] {
        start.set(SEGMENT, whole[..len].to_vec());
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

#[track_caller]
fn check_refused(fs: &Memory, expected: Option<Head>, seq: u64, what: &Damage) {
    let files = fs.files();
    let err = audit::recover(fs, expected).unwrap_err();
    let broken = err.broken().unwrap();
    assert_eq!((broken.seq, &broken.what), (seq, what));
    assert_eq!(fs.files(), files);
}

#[test]
fn log_shorter_than_head_is_an_integrity_error() {
    let fs = Memory::default();
    let head = write(&fs, 3);
    let whole = fs.bytes(SEGMENT);
    let ends: Vec<_> = (0..whole.len()).filter(|it| whole[*it] == b'\n').map(|it| it + 1).collect();
    for len in 0..whole.len() {
        fs.set(SEGMENT, whole[..len].to_vec());
        let left = ends.iter().filter(|it| **it <= len).count() as u64;
        check_refused(&fs, Some(head), left + 1, &Damage::Missing { until: 3 });
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
        let hash = overlay_model::Digest::of(b"other");
        check_refused(&fs, Some(Head { seq, hash }), seq, &Damage::Unexpected { expected: hash });
    }
    for known in Log::new(&fs).records(1).unwrap().skip(1) {
        let record = known.unwrap();
        let head = Head { seq: record.seq - 1, hash: record.prev };
        assert_eq!(audit::recover(&fs, Some(head)).unwrap().1, None);
    }
}

#[test]
fn what_no_crash_leaves_behind_head_is_an_integrity_error() {
    let (fs, head, whole) = interrupted();
    let lines: Vec<_> = whole.split_inclusive(|it| *it == b'\n').collect();
    let check = |last: &[&[u8]], what: &Damage| {
        fs.set(SEGMENT, [&lines[..2], last].concat().concat());
        check_refused(&fs, Some(head), 3, what);
    };
    check(&[lines[1]], &Damage::OutOfPlace { found: 2 });
    let mut forged = String::from_utf8(lines[2].to_vec()).unwrap();
    let prev = head.hash.to_string();
    forged = forged.replace(&prev, &overlay_model::Digest::of(b"").to_string());
    check(&[forged.as_bytes()], &Damage::Unlinked);
    let more = Damage::NotARecord("more lines come after it".to_owned());
    check(&[b"junk\n", b"junk\n"], &more);
    check(&[b"junk\n", lines[2]], &more);
}
