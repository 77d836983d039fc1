use std::fs;
use std::time::{Duration, Instant};

use overlay_sqlite::{
    AuditIndex, AuditQuery, BUSY_TIMEOUT, DatabaseKind, Faithfulness, Indexed, SqliteError,
    faithfulness, schema_report,
};
use overlay_store::audit::Head;
use rusqlite::Connection;

use crate::{Root, at, records};

fn seqs(index: &AuditIndex, query: &AuditQuery) -> Vec<u64> {
    index.query(query).unwrap().iter().map(|it| it.seq).collect()
}

#[test]
fn log_is_followed() {
    let mut root = Root::new(5);
    let mut index = AuditIndex::open(&root.path("db/audit.sqlite")).unwrap();
    assert_eq!(index.head().unwrap(), Head::empty());
    let update = |index: &mut AuditIndex, root: &Root| index.update(&root.log()).unwrap();
    let taken_in = |records| Indexed { records, ..Indexed::default() };
    assert_eq!(update(&mut index, &root), taken_in(5));
    assert_eq!(update(&mut index, &root), taken_in(0));
    root.append(crate::entry(6));
    assert_eq!(update(&mut index, &root), taken_in(1));
    assert_eq!(index.head().unwrap(), root.head);
}

#[test]
fn rows_are_complete() {
    let mut index = AuditIndex::open(&Root::new(0).path("db/audit.sqlite")).unwrap();
    let records = records(2);
    index.index(&records).unwrap();
    let row = index.query(&AuditQuery::default()).unwrap().pop().unwrap();
    assert_eq!(row.seq, 1);
    assert_eq!((row.overlay_type.as_str(), row.overlay_id.as_str()), ("fusion_overlay", "audit"));
    assert_eq!((row.action.as_str(), row.user_name.as_str()), ("deploy_intent", "ci"));
    assert_eq!((row.timestamp_us, row.generation, row.base_generation), (at(1), Some(1), None));
    assert_eq!(row.data.as_deref(), Some(r#"{"overlays":["refund","audit"]}"#));
    assert_eq!(row.hash, records[1].prev.to_string());
    assert_eq!(row.prev_hash, Head::empty().hash.to_string());
}

#[test]
fn rows_are_chosen_newest_first() {
    let mut index = AuditIndex::open(&Root::new(0).path("db/audit.sqlite")).unwrap();
    index.index(&records(9)).unwrap();
    let text = |it: &str| Some(it.to_owned());
    let all = AuditQuery::default;
    let check = |query: AuditQuery, expect: &[u64]| assert_eq!(seqs(&index, &query), expect);
    check(AuditQuery { limit: 3, ..all() }, &[9, 8, 7]);
    check(AuditQuery { deployment: text("d-2"), ..all() }, &[4, 3]);
    check(AuditQuery { actor: text("mara"), ..all() }, &[9, 6, 3]);
    check(AuditQuery { overlay: text("audit"), ..all() }, &[1]);
    check(AuditQuery { overlay: text("refund"), limit: 2, ..all() }, &[9, 8]);
    check(AuditQuery { action: text("deploy_intent"), from_us: Some(at(4)), ..all() }, &[9, 7, 5]);
    check(AuditQuery { before_us: Some(at(3)), ..all() }, &[2, 1]);
    check(AuditQuery { actor: text("' OR 1=1 --"), ..all() }, &[]);
}

/// Record 2, done by somebody else.
const REPLACED: &str = "INSERT OR REPLACE INTO overlay_audit_log
    SELECT id, overlay_type, overlay_id, action, 'mallory', timestamp, data, host, environment,
        deployment_id, generation, base_generation, manifest_sha256, prev_hash, hash
    FROM overlay_audit_log WHERE id = 2";

#[test]
fn rows_cannot_be_changed() {
    let root = Root::new(0);
    let path = root.path("db/audit.sqlite");
    AuditIndex::open(&path).unwrap().index(&records(2)).unwrap();
    let conn = Connection::open(&path).unwrap();
    for (sql, expect) in [
        ("UPDATE overlay_audit_log SET user_name = 'x'", "audit rows are never changed"),
        ("DELETE FROM overlay_audit_log WHERE id = 1", "audit rows are never deleted"),
        ("UPDATE overlay_audit_overlays SET overlay_id = 'x'", "audit rows are never changed"),
        ("DELETE FROM overlay_audit_overlays", "audit rows are never deleted"),
        (REPLACED, "audit rows are never replaced"),
        (
            "INSERT OR REPLACE INTO overlay_audit_overlays SELECT * FROM overlay_audit_overlays",
            "audit rows are never replaced",
        ),
    ] {
        let err = conn.execute(sql, []).unwrap_err();
        assert_eq!(err.to_string(), expect);
    }
}

#[test]
fn record_out_of_the_chain_is_refused() {
    let mut index = AuditIndex::open(&Root::new(0).path("db/audit.sqlite")).unwrap();
    let records = records(5);
    assert_eq!(index.index(&records[..2]).unwrap(), 2);
    assert_eq!(index.index(&records[..3]).unwrap(), 1);
    let mut unlinked = records[3].clone();
    unlinked.prev = Head::empty().hash;
    let mut altered = records[1].clone();
    altered.entry.actor = "x".to_owned();
    let after_a_gap = records[4].clone();
    for (record, seq) in [(unlinked, 4), (altered, 2), (after_a_gap, 5)] {
        // Alone, and behind one that would fit.
        for batch in [vec![record.clone()], vec![records[2].clone(), record]] {
            let err = index.index(&batch).unwrap_err();
            assert!(matches!(err, SqliteError::Diverged { seq: at, .. } if at == seq), "{err}");
        }
    }
    let mut twice = records[3].clone();
    twice.entry.actor = "x".to_owned();
    index.index(&[records[3].clone(), twice]).unwrap_err();
    assert_eq!(index.head().unwrap().seq, 3);
}

#[test]
fn another_history_is_replaced() {
    let root = Root::new(4);
    let mut index = AuditIndex::open(&root.path("db/audit.sqlite")).unwrap();
    let mut other = records(6);
    other[0].entry.actor = "x".to_owned();
    for i in 1..other.len() {
        other[i].prev = other[i - 1].hash().unwrap();
    }
    for n in [4, 6, 2] {
        index.rebuild(other[..n].iter().cloned().map(Ok)).unwrap();
        let expect = Indexed { records: 4, rebuilt: true, put_aside: None };
        assert_eq!(index.update(&root.log()).unwrap(), expect);
        assert_eq!(index.head().unwrap(), root.head);
    }
    assert_eq!(schema_report(DatabaseKind::Audit, &root.path("db/audit.sqlite")).unwrap(), []);
}

#[test]
fn rebuild_restores_the_schema_or_changes_nothing() {
    let root = Root::new(3);
    let path = root.path("db/audit.sqlite");
    let mut index = AuditIndex::open(&path).unwrap();
    index.update(&root.log()).unwrap();

    let mut broken = records(3);
    broken[2].seq = 9;
    index.rebuild(broken.into_iter().map(Ok)).unwrap_err();
    assert_eq!(index.head().unwrap(), root.head);

    let conn = Connection::open(&path).unwrap();
    let change = "DROP TRIGGER overlay_audit_log_update; DROP INDEX idx_timestamp;
        ALTER TABLE overlay_audit_log DROP COLUMN host";
    conn.execute_batch(change).unwrap();
    assert_eq!(index.rebuild(root.log().records(1).unwrap()).unwrap(), 3);
    assert_eq!(schema_report(DatabaseKind::Audit, &path).unwrap(), []);
}

#[test]
fn damaged_file_is_built_anew() {
    let root = Root::new(3);
    let path = root.path("db/audit.sqlite");
    drop(AuditIndex::open_updated(&path, &root.log()).unwrap());
    let whole = fs::read(&path).unwrap();
    let mut zeroed = whole.clone();
    zeroed[..4096].fill(0);
    let mut scrambled = whole.clone();
    for (i, byte) in scrambled.iter_mut().enumerate().skip(100) {
        *byte = u8::try_from(i * 31 % 251).unwrap();
    }
    for bytes in [b"no database at all, only text".repeat(40), zeroed, scrambled] {
        fs::write(&path, &bytes).unwrap();
        let err = AuditIndex::open(&path).err().unwrap();
        assert!(matches!(err, SqliteError::Corrupt { .. }), "{err}");
        let (index, indexed) = AuditIndex::open_updated(&path, &root.log()).unwrap();
        let aside = root.path("db/audit.sqlite.corrupt");
        let put_aside = Some(aside.clone());
        assert_eq!(indexed, Indexed { records: 3, rebuilt: true, put_aside });
        assert_eq!(index.head().unwrap(), root.head);
        assert_eq!(fs::read(aside).unwrap(), bytes);
    }
}

#[test]
fn locked_file_is_waited_for_no_longer_than_is_wanted() {
    let root = Root::new(3);
    let path = root.path("db/audit.sqlite");
    drop(AuditIndex::open(&path).unwrap());
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (begun, wait) = (Instant::now(), Duration::from_millis(60));
    let err = AuditIndex::open_updated_within(&path, &root.log(), wait).err().unwrap();
    assert!(matches!(err, SqliteError::Busy { .. }), "{err}");
    assert!(begun.elapsed() < BUSY_TIMEOUT, "{:?}", begun.elapsed());
    other.execute_batch("ROLLBACK").unwrap();
    let (index, indexed) = AuditIndex::open_updated_within(&path, &root.log(), wait).unwrap();
    assert_eq!((indexed.records, index.head().unwrap()), (3, root.head), "it follows later");
}

#[test]
fn file_that_cannot_be_reached_is_said() {
    let root = Root::new(1);
    for path in ["none/audit.sqlite", "db"] {
        let path = root.path(path);
        let err = AuditIndex::open_updated(&path, &root.log()).err().unwrap();
        assert!(matches!(err, SqliteError::Unreachable { .. }), "{err}");
        assert!(err.to_string().contains("cannot be reached"), "{err}");
    }
    let path = root.path("db/audit.sqlite");
    assert!(AuditIndex::open_read_only(&path).is_err());
    drop(AuditIndex::open_updated(&path, &root.log()).unwrap());
    let mut reader = AuditIndex::open_read_only(&path).unwrap();
    assert_eq!(reader.head().unwrap(), root.head);
    let err = reader.index(&records(2)).unwrap_err();
    assert!(matches!(err, SqliteError::Unreachable { .. }), "{err}");
}

#[test]
fn eight_follow_the_same_log() {
    let mut root = Root::new(20);
    let path = root.path("db/audit.sqlite");
    let next: Vec<_> = (21..=24).map(|n| root.append(crate::entry(n))).collect();
    let root = &root;
    let added: u64 = std::thread::scope(|scope| {
        let run = || {
            let mut index = AuditIndex::open(&path).unwrap();
            let first = index.update(&root.log()).unwrap();
            assert!(!first.rebuilt);
            first.records + index.index(&next).unwrap()
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(run)).collect();
        threads.into_iter().map(|it| it.join().unwrap()).sum()
    });
    assert_eq!(added, 24);
    assert_eq!(AuditIndex::open(&path).unwrap().head().unwrap(), root.head);
}

/// A file from before rows could not be replaced.
#[test]
fn older_file_is_brought_up_to_date() {
    let root = Root::new(3);
    let path = root.path("db/audit.sqlite");
    drop(AuditIndex::open_updated(&path, &root.log()).unwrap());
    let conn = Connection::open(&path).unwrap();
    let older =
        "DROP TRIGGER overlay_audit_log_replace; DROP TRIGGER overlay_audit_overlays_replace;
        DELETE FROM refinery_schema_history WHERE version = 2";
    conn.execute_batch(older).unwrap();
    drop(conn);
    let index = AuditIndex::open(&path).unwrap();
    let applied: Vec<_> = index.applied().iter().map(|it| it.name.as_str()).collect();
    assert_eq!(applied, ["V2__audit_rows_are_never_replaced"]);
    assert_eq!(schema_report(DatabaseKind::Audit, &path).unwrap(), []);
    assert_eq!(index.head().unwrap(), root.head);
}

#[track_caller]
fn check_faithful(change: &str, expect: Faithfulness) {
    let mut root = Root::new(3);
    let path = root.path("db/audit.sqlite");
    drop(AuditIndex::open_updated(&path, &root.log()).unwrap());
    root.append(crate::entry(4));
    let conn = Connection::open(&path).unwrap();
    let triggers = "SELECT name FROM sqlite_schema WHERE type = 'trigger'";
    let names: Vec<String> = {
        let mut statement = conn.prepare(triggers).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    for name in names {
        conn.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
    }
    conn.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    conn.execute_batch(change).unwrap();
    drop(conn);
    assert_eq!(faithfulness(&path, &root.log()).unwrap(), expect, "{change}");
}

#[test]
fn index_is_held_against_the_log() {
    let differs = |seq: u64| Faithfulness { same: seq - 1, differs: Some(seq), waiting: 0 };
    check_faithful("", Faithfulness { same: 3, differs: None, waiting: 1 });
    check_faithful(REPLACED, differs(2));
    check_faithful("UPDATE overlay_audit_log SET data = NULL WHERE id = 3", differs(3));
    check_faithful("DELETE FROM overlay_audit_log WHERE id = 1", differs(1));
    check_faithful("INSERT INTO overlay_audit_overlays VALUES (2, 'other')", differs(2));
    check_faithful("DELETE FROM overlay_audit_overlays WHERE id = 3", differs(3));
    let last = "UPDATE overlay_audit_log SET id = 99 WHERE id = 3";
    check_faithful(last, differs(3));
    let more = "INSERT INTO overlay_audit_overlays VALUES (99, 'other')";
    check_faithful(more, Faithfulness { same: 3, differs: Some(99), waiting: 1 });
}
