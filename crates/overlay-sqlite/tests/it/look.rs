use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use overlay_sqlite::{DatabaseKind, Performance, Span, SqliteError, schema_report};

use crate::performance::row;
use crate::{Root, at};

const FILE: &str = "db/perf.sqlite";

/// A root with one row, written by a process that has ended.
fn root() -> Root {
    let root = Root::new(0);
    Performance::open(&root.path(FILE)).unwrap().write(&[row(1_000, at(1))], &[]).unwrap();
    assert_eq!(names(&root), ["perf.sqlite"]);
    root
}

/// What stands in the folder of the databases.
fn names(root: &Root) -> Vec<String> {
    let entries = fs::read_dir(root.path("db")).unwrap();
    let mut names: Vec<_> =
        entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// How many rows there are.
fn count(rows: &Performance) -> Result<u64, SqliteError> {
    Ok(rows.latency(None, Span::ALL)?.map_or(0, |it| it.count))
}

#[test]
fn looking_leaves_no_trace() {
    let root = root();
    assert_eq!(schema_report(DatabaseKind::Performance, &root.path(FILE)).unwrap(), []);
    assert_eq!(Performance::look(&root.path(FILE), count).unwrap(), 1);
    assert_eq!(names(&root), ["perf.sqlite"]);
}

#[test]
fn a_folder_that_cannot_be_written_to_is_no_hindrance() {
    let root = root();
    fs::set_permissions(root.path(FILE), Permissions::from_mode(0o400)).unwrap();
    fs::set_permissions(root.path("db"), Permissions::from_mode(0o500)).unwrap();
    let found = Performance::look(&root.path(FILE), count);
    fs::set_permissions(root.path("db"), Permissions::from_mode(0o700)).unwrap();
    assert_eq!(found.unwrap(), 1);
}

/// As reading left it before this could be done without a trace.
#[test]
fn an_empty_log_that_nobody_has_open_is_no_hindrance() {
    let root = root();
    fs::write(root.path("db/perf.sqlite-wal"), "").unwrap();
    assert_eq!(Performance::look(&root.path(FILE), count).unwrap(), 1);
    assert_eq!(names(&root), ["perf.sqlite", "perf.sqlite-wal"]);
}

#[test]
fn what_a_writer_has_just_written_is_seen() {
    let root = root();
    let mut writer = Performance::open(&root.path(FILE)).unwrap();
    writer.write(&[row(1_000, at(2))], &[]).unwrap();
    assert_eq!(Performance::look(&root.path(FILE), count).unwrap(), 2);
}

/// Somebody begins to write while it is read: what was read first does not count.
#[test]
fn what_was_read_by_halves_is_read_again() {
    let root = root();
    let times = std::cell::Cell::new(0);
    let found = Performance::look(&root.path(FILE), |rows| {
        times.set(times.get() + 1);
        if times.get() == 1 {
            let mut writer = Performance::open(&root.path(FILE))?;
            writer.write(&[row(1_000, at(2))], &[])?;
        }
        count(rows)
    });
    assert_eq!((found.unwrap(), times.get()), (2, 2));
}

#[test]
fn names_that_a_uri_means_otherwise_are_names() {
    let root = root();
    for name in ["a b%20?c#d.sqlite", "grün.sqlite"] {
        fs::copy(root.path(FILE), root.path(name)).unwrap();
        assert_eq!(Performance::look(&root.path(name), count).unwrap(), 1, "{name}");
    }
}

#[test]
fn what_is_not_there_is_not_made() {
    let root = Root::new(0);
    let err = Performance::look(&root.path(FILE), count).unwrap_err();
    assert!(matches!(err, SqliteError::Unreachable { .. }), "{err}");
    assert!(names(&root).is_empty());
}
