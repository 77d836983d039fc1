use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use overlay_sqlite::{
    Arm, AuditIndex, BatchWriter, Counts, Kept, Limits, Performance, RETENTION_US, Refused, Sample,
    Span, SqliteError,
};
use rusqlite::Connection;

use crate::performance::{row, sample};
use crate::{Root, at, records};

fn start(root: &Root, limits: Limits) -> BatchWriter {
    let audit = AuditIndex::open(&root.path("db/audit.sqlite")).unwrap();
    let performance = Performance::open(&root.path("db/perf.sqlite")).unwrap();
    BatchWriter::start(audit, performance, limits, forever()).unwrap()
}

/// Nothing is ever too old.
fn forever() -> Kept {
    Kept { span: Duration::MAX, now_us: Box::new(|| at(0)) }
}

/// No row is written before a flush or a full batch.
fn patient(capacity: usize, batch: usize) -> Limits {
    Limits { capacity, batch, interval: Duration::from_secs(3600) }
}

fn lock(root: &Root, path: &str) -> Connection {
    let conn = Connection::open(root.path(path)).unwrap();
    conn.execute_batch("BEGIN IMMEDIATE").unwrap();
    conn
}

#[test]
fn all_is_written_after_a_flush() {
    let root = Root::new(0);
    let writer = start(&root, patient(10_000, 1_000));
    for record in records(30) {
        writer.audit(record).unwrap();
    }
    for n in 0..2_500 {
        assert!(writer.performance(row(n, at(n))));
        assert!(writer.sample(sample(Arm::Control, "success", n, n)));
    }
    let counts = writer.flush().unwrap();
    let expect = Counts {
        audit_written: 30,
        audit_waiting: 0,
        waiting: 0,
        written: 5_000,
        dropped: 0,
        failed: 0,
        removed: 0,
    };
    assert_eq!(counts, expect);
    assert_eq!(writer.flush().unwrap(), counts);
    assert_eq!(writer.close().unwrap(), counts);
    let performance = Performance::open(&root.path("db/perf.sqlite")).unwrap();
    assert_eq!(performance.latency(None, Span::ALL).unwrap().unwrap().count, 2_500);
    assert_eq!(performance.counts("d-1", Span::ALL).unwrap()[0].count, 2_500);
}

#[test]
fn close_and_drop_write_what_is_left() {
    let root = Root::new(0);
    let records = records(2);
    let writer = start(&root, patient(10, 10));
    writer.audit(records[0].clone()).unwrap();
    assert_eq!(writer.close().unwrap().audit_written, 1);
    let writer = start(&root, patient(10, 10));
    writer.audit(records[1].clone()).unwrap();
    assert!(writer.performance(row(1, 0)));
    drop(writer);
    let index = AuditIndex::open(&root.path("db/audit.sqlite")).unwrap();
    assert_eq!(index.head().unwrap().seq, 2);
}

#[test]
fn full_queue_drops_performance_rows_and_counts_them() {
    let root = Root::new(0);
    let writer = start(&root, patient(10, 1_000));
    let taken = (0..25).filter(|n| writer.performance(row(*n, 0))).count();
    assert_eq!(taken, 10);
    assert!(!writer.sample(sample(Arm::Control, "success", 1, 1)));
    writer.audit(records(1).remove(0)).unwrap();
    let counts = writer.flush().unwrap();
    assert_eq!((counts.written, counts.dropped, counts.audit_written), (10, 16, 1));
    assert!(writer.performance(row(1, 0)));
}

#[test]
fn full_queue_makes_audit_records_wait() {
    let root = Root::new(0);
    let writer = start(&root, Limits { capacity: 4, batch: 2, interval: Duration::ZERO });
    let other = lock(&root, "db/audit.sqlite");
    std::thread::scope(|scope| {
        let writer = &writer;
        let push = scope.spawn(move || {
            for record in records(50) {
                writer.audit(record).unwrap();
            }
        });
        // Not before the index takes rows again is the last one handed over.
        assert!(writer.counts().audit_written == 0 && !push.is_finished());
        other.execute_batch("ROLLBACK").unwrap();
        push.join().unwrap();
    });
    assert_eq!(writer.close().unwrap().audit_written, 50);
}

#[test]
fn index_that_is_down_keeps_records_for_later() {
    let root = Root::new(0);
    let audit = AuditIndex::open(&root.path("db/audit.sqlite")).unwrap();
    audit.wait_at_most(Duration::ZERO).unwrap();
    let performance = Performance::open(&root.path("db/perf.sqlite")).unwrap();
    let writer = BatchWriter::start(audit, performance, patient(3, 10), forever()).unwrap();
    let other = lock(&root, "db/audit.sqlite");

    let records = records(5);
    writer.audit(records[0].clone()).unwrap();
    assert!(writer.performance(row(1, 0)));
    let err = writer.flush().unwrap_err();
    assert!(matches!(err, SqliteError::Busy { .. }), "{err}");
    assert_eq!((writer.counts().audit_waiting, writer.counts().written), (1, 1));

    writer.audit(records[1].clone()).unwrap();
    writer.audit(records[2].clone()).unwrap();
    let refused = writer.audit(records[3].clone()).unwrap_err();
    assert_eq!(*refused.0, records[3]);

    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(writer.flush().unwrap().audit_written, 3);
    writer.audit(records[3].clone()).unwrap();
    assert_eq!(writer.close().unwrap().audit_written, 4);
}

#[test]
fn close_ends_while_the_index_is_down() {
    let root = Root::new(0);
    let audit = AuditIndex::open(&root.path("db/audit.sqlite")).unwrap();
    audit.wait_at_most(Duration::ZERO).unwrap();
    let performance = Performance::open(&root.path("db/perf.sqlite")).unwrap();
    let writer = BatchWriter::start(audit, performance, patient(3, 10), forever()).unwrap();
    let _other = lock(&root, "db/audit.sqlite");
    writer.audit(records(1).remove(0)).unwrap();
    assert!(matches!(writer.close(), Err(SqliteError::Busy { .. })));
}

#[test]
fn performance_file_that_is_down_is_counted() {
    let root = Root::new(0);
    let writer = start(&root, patient(100, 100));
    let conn = Connection::open(root.path("db/perf.sqlite")).unwrap();
    conn.execute_batch("DROP TABLE overlay_performance_metrics").unwrap();
    assert!(writer.performance(row(1, 0)));
    writer.audit(records(1).remove(0)).unwrap();
    let err = writer.flush().unwrap_err();
    assert!(err.to_string().contains("no such table"), "{err}");
    let counts = writer.counts();
    assert_eq!((counts.failed, counts.written, counts.audit_written), (1, 0, 1));
}

#[test]
fn eight_hand_over_at_once() {
    let root = Root::new(0);
    let writer = start(&root, Limits { capacity: 100_000, ..Limits::default() });
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for n in 0..500 {
                    assert!(writer.performance(row(n, at(n))));
                }
            });
        }
    });
    assert_eq!(writer.close().unwrap().written, 4_000);
}

#[test]
fn old_rows_go_where_rows_are_written_once_an_hour() {
    const HOUR_US: i64 = 3600 * 1_000_000;
    let root = Root::new(0);
    let now_us = Arc::new(AtomicI64::new(at(0)));
    let clock = Arc::clone(&now_us);
    let span = Duration::from_micros(RETENTION_US.unsigned_abs());
    let kept = Kept { span, now_us: Box::new(move || clock.load(Ordering::Relaxed)) };
    let audit = AuditIndex::open(&root.path("db/audit.sqlite")).unwrap();
    let performance = Performance::open(&root.path("db/perf.sqlite")).unwrap();
    let writer = BatchWriter::start(audit, performance, patient(10, 10), kept).unwrap();
    let removed = |ago_us: i64| {
        let at_us = now_us.load(Ordering::Relaxed) - ago_us;
        assert!(writer.performance(row(1, at_us)));
        assert!(writer.sample(Sample { at_us, ..sample(Arm::Control, "success", 1, 1) }));
        writer.flush().unwrap().removed
    };
    assert_eq!(removed(RETENTION_US), 0, "it is just as old as it may be");
    now_us.fetch_add(HOUR_US - 1, Ordering::Relaxed);
    assert_eq!(removed(0), 0, "nobody looks before an hour has gone");
    now_us.fetch_add(1, Ordering::Relaxed);
    assert_eq!(removed(0), 2);
    let rows = Performance::open(&root.path("db/perf.sqlite")).unwrap();
    let is_older = |before_us| rows.older(before_us).unwrap();
    assert_eq!((is_older(at(0)), is_older(i64::MAX)), (0, 4));
    assert_eq!(writer.close().unwrap().removed, 2);
}

/// A file that cannot be opened costs what came meanwhile; one that is put in its place gets
/// the rest.
#[test]
fn rows_alone_need_no_index_and_find_their_file_again() {
    let root = Root::new(1);
    let path = root.path("db/perf.sqlite");
    std::fs::create_dir(&path).unwrap();
    let writer = BatchWriter::of_rows(path.clone(), patient(10, 10)).unwrap();
    let record = records(1).remove(0);
    assert_eq!(writer.audit(record.clone()).unwrap_err(), Refused(Box::new(record)));
    assert!(writer.sample(sample(Arm::Control, "success", 1, 1)));
    assert!(matches!(writer.flush(), Err(SqliteError::Unreachable { .. })));
    std::fs::remove_dir(&path).unwrap();
    for n in 2..4 {
        assert!(writer.performance(row(n, at(n))));
        writer.flush().unwrap();
        if n == 2 {
            std::fs::remove_file(&path).unwrap();
        }
    }
    let counts = writer.close().unwrap();
    assert_eq!((counts.failed, counts.written, counts.audit_waiting), (1, 2, 0));
    let performance = Performance::open(&path).unwrap();
    assert_eq!(performance.latency(None, Span::ALL).unwrap().unwrap().count, 1, "the new file");
}

/// Who stops does not wait for a file that somebody else holds.
#[test]
fn close_within_a_time_leaves_what_cannot_be_written() {
    let root = Root::new(1);
    let path = root.path("db/perf.sqlite");
    drop(Performance::open(&path).unwrap());
    let other = lock(&root, "db/perf.sqlite");
    let writer = BatchWriter::of_rows(path.clone(), patient(10, 2)).unwrap();
    for n in 0..5 {
        assert!(writer.sample(sample(Arm::Control, "success", n, n)));
    }
    let (counts, _) = writer.close_within(Duration::ZERO);
    assert_eq!((counts.waiting, counts.written, counts.failed), (5, 0, 0));
    other.execute_batch("ROLLBACK").unwrap();

    let writer = BatchWriter::of_rows(path, patient(10, 2)).unwrap();
    assert!(writer.sample(sample(Arm::Candidate, "success", 1, 1)));
    let (counts, error) = writer.close_within(Duration::from_secs(600));
    assert_eq!((counts.waiting, counts.written), (0, 1), "{error:?}");
}
