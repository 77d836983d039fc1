use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use overlay_sqlite::{
    Arm, DatabaseKind, Performance, ResultCount, Span, SqliteError, schema_report,
};
use rusqlite::Connection;

use crate::performance::{row, sample};
use crate::{Root, at};

fn open(root: &Root) -> Performance {
    Performance::open(&root.path("db/perf.sqlite")).unwrap()
}

fn samples(performance: &Performance) -> Vec<ResultCount> {
    performance.counts("d-1", Span::ALL).unwrap()
}

#[test]
fn every_row_is_in_the_copy() {
    let root = Root::new(0);
    let mut performance = open(&root);
    let answers = [sample(Arm::Control, "success", 1, 1), sample(Arm::Candidate, "error", 2, 2)];
    performance.write(&[row(1_000, at(1)), row(3_000, at(2))], &answers).unwrap();
    let to = root.path("copy.sqlite");
    performance.copy_to(&to).unwrap();
    performance.write(&[row(9_000, at(3))], &[]).unwrap();

    let copy = Performance::open_read_only(&to).unwrap();
    assert_eq!(samples(&copy), samples(&performance));
    let latency = copy.latency(None, Span::ALL).unwrap().unwrap();
    assert_eq!((latency.count, latency.mean_ms), (2, 2.0));
    drop(copy);
    let beside = ["copy.sqlite-wal", "copy.sqlite-shm"].map(|it| root.path(it).exists());
    assert_eq!(beside, [false, false], "a copy is one file");
    assert_eq!(schema_report(DatabaseKind::Performance, &to).unwrap(), []);
    let mut copy = Performance::open(&to).unwrap();
    assert_eq!(copy.applied(), []);
    copy.write(&[row(9_000, at(3))], &[]).unwrap();
}

#[test]
fn a_file_that_is_open_for_reading_only_is_copied() {
    let root = Root::new(0);
    open(&root).write(&[row(1, at(1))], &[]).unwrap();
    let read_only = Performance::open_read_only(&root.path("db/perf.sqlite")).unwrap();
    read_only.copy_to(&root.path("copy.sqlite")).unwrap();
    let copy = Performance::open_read_only(&root.path("copy.sqlite")).unwrap();
    assert_eq!(copy.latency(None, Span::ALL).unwrap().unwrap().count, 1);
}

/// The last rows of a process that was killed stand in the log beside the file only.
#[test]
fn what_a_killed_writer_left_is_in_the_copy() {
    let root = Root::new(0);
    let mut writer = open(&root);
    writer.write(&[row(1, at(1))], &[]).unwrap();
    fs::create_dir(root.path("killed")).unwrap();
    for name in ["perf.sqlite", "perf.sqlite-wal"] {
        let from = root.path("db").join(name);
        fs::copy(from, root.path("killed").join(name)).unwrap();
    }
    let left = Performance::open_read_only(&root.path("killed/perf.sqlite")).unwrap();
    left.copy_to(&root.path("copy.sqlite")).unwrap();
    let copy = Performance::open_read_only(&root.path("copy.sqlite")).unwrap();
    assert_eq!(copy.latency(None, Span::ALL).unwrap().unwrap().count, 1);
}

/// Rows are written in pairs: a copy between the two would have an odd count.
#[test]
fn a_copy_is_of_one_moment_while_others_write() {
    let root = Root::new(0);
    open(&root).write(&[row(1, at(1)), row(2, at(1))], &[]).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut performance = open(&root);
            while !done.load(Ordering::Relaxed) {
                performance.write(&[row(1, at(1)), row(2, at(1))], &[]).unwrap();
            }
        });
        let performance = open(&root);
        for n in 0..8 {
            let to = root.path(&format!("copy-{n}.sqlite"));
            performance.copy_to(&to).unwrap();
            let conn = Connection::open(&to).unwrap();
            let sound: String =
                conn.query_one("PRAGMA integrity_check", [], |it| it.get(0)).unwrap();
            assert_eq!(sound, "ok");
            let copy = Performance::open_read_only(&to).unwrap();
            let latency = copy.latency(None, Span::ALL).unwrap().unwrap();
            assert_eq!((latency.count % 2, latency.mean_ms), (0, 0.0015));
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_the_copy() {
    use std::os::unix::fs::PermissionsExt as _;
    let root = Root::new(0);
    let performance = open(&root);
    let private = fs::Permissions::from_mode(0o600);
    fs::set_permissions(root.path("db/perf.sqlite"), private).unwrap();
    performance.copy_to(&root.path("copy.sqlite")).unwrap();
    let mode = fs::metadata(root.path("copy.sqlite")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn what_is_there_is_not_written_over() {
    let root = Root::new(0);
    let performance = open(&root);
    let to = root.path("copy.sqlite");
    fs::write(&to, "").unwrap();
    let err = performance.copy_to(&to).unwrap_err();
    assert!(matches!(err, SqliteError::Unreachable { .. }), "{err}");
    assert_eq!(fs::read(&to).unwrap(), b"");
    let err = performance.copy_to(&root.path("none/copy.sqlite")).unwrap_err();
    assert!(matches!(err, SqliteError::Unreachable { .. }), "{err}");
}

#[test]
fn a_damaged_file_has_no_copy() {
    let root = Root::new(0);
    let path = root.path("db/perf.sqlite");
    let rows: Vec<_> = (0..2_000).map(|n| row(n, at(n))).collect();
    open(&root).write(&rows, &[]).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let to = root.path("copy.sqlite");
    let err = Performance::open_read_only(&path).and_then(|it| it.copy_to(&to)).unwrap_err();
    assert!(matches!(err, SqliteError::Corrupt { .. }), "{err}");
    assert!(!to.exists(), "half a copy is none");
}
