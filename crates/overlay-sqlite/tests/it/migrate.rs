use overlay_model::Digest;
use overlay_sqlite::{
    AuditIndex, DatabaseKind, ObjectKind, Performance, SqliteError, is_empty, migrations,
    schema_report,
};
use rusqlite::Connection;

use crate::Root;

#[test]
fn second_time_applies_nothing() {
    let root = Root::new(0);
    let (audit, perf) = (root.path("db/audit.sqlite"), root.path("db/perf.sqlite"));
    assert_eq!(AuditIndex::open(&audit).unwrap().applied(), migrations(DatabaseKind::Audit));
    assert_eq!(Performance::open(&perf).unwrap().applied(), migrations(DatabaseKind::Performance));
    assert_eq!(AuditIndex::open(&audit).unwrap().applied(), []);
    assert_eq!(Performance::open(&perf).unwrap().applied(), []);
}

#[test]
fn digest_is_that_of_the_file() {
    for (kind, folder) in
        [(DatabaseKind::Audit, "audit"), (DatabaseKind::Performance, "performance")]
    {
        for file in migrations(kind) {
            let path =
                format!("{}/migrations/{folder}/{}.sql", env!("CARGO_MANIFEST_DIR"), file.name);
            assert_eq!(file.sha256, Digest::of(&std::fs::read(path).unwrap()));
        }
    }
}

#[test]
fn file_settings() {
    let root = Root::new(0);
    AuditIndex::open(&root.path("db/audit.sqlite")).unwrap();
    let conn = Connection::open(root.path("db/audit.sqlite")).unwrap();
    let mode: String = conn.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
    let loose = "SELECT count(*) FROM pragma_table_list
        WHERE schema = 'main' AND name LIKE 'overlay%' AND NOT strict";
    let loose: i64 = conn.query_one(loose, [], |row| row.get(0)).unwrap();
    assert_eq!(loose, 0);
}

/// Columns and indexes that the original's tables have.
#[test]
fn originals_columns_and_indexes() {
    let root = Root::new(0);
    let check = |path: &str, table: &str, columns: &[&str], indexes: &[(&str, &str)]| {
        let conn = Connection::open(root.path(path)).unwrap();
        for column in columns {
            let sql = "SELECT count(*) FROM pragma_table_xinfo(?1) WHERE name = ?2";
            let count: i64 = conn.query_one(sql, [table, column], |row| row.get(0)).unwrap();
            assert_eq!(count, 1, "{table}.{column}");
        }
        for (index, columns) in indexes {
            let sql = "SELECT group_concat(name, ',') FROM (SELECT name FROM pragma_index_info(?1) ORDER BY seqno)";
            let found: Option<String> = conn.query_one(sql, [index], |row| row.get(0)).unwrap();
            assert_eq!(found.as_deref(), Some(*columns), "{index}");
        }
    };
    AuditIndex::open(&root.path("db/audit.sqlite")).unwrap();
    check(
        "db/audit.sqlite",
        "overlay_audit_log",
        &["id", "overlay_type", "overlay_id", "action", "user_name", "timestamp", "data"],
        &[
            ("idx_overlay_type", "overlay_type"),
            ("idx_user_name", "user_name"),
            ("idx_timestamp", "timestamp"),
        ],
    );
    Performance::open(&root.path("db/perf.sqlite")).unwrap();
    check(
        "db/perf.sqlite",
        "overlay_performance_metrics",
        &[
            "id",
            "overlay_type",
            "operation",
            "duration_ms",
            "memory_usage_kb",
            "timestamp",
            "environment",
        ],
        &[
            ("idx_overlay_type_operation", "overlay_type,operation"),
            ("idx_timestamp", "timestamp"),
            ("idx_environment", "environment"),
        ],
    );
}

#[track_caller]
fn check_report(kind: DatabaseKind, change: &str, expect: &[&str]) {
    let root = Root::new(0);
    let path = root.path(kind.path());
    match kind {
        DatabaseKind::Audit => drop(AuditIndex::open(&path).unwrap()),
        DatabaseKind::Performance => drop(Performance::open(&path).unwrap()),
    }
    Connection::open(&path).unwrap().execute_batch(change).unwrap();
    let found = schema_report(kind, &path).unwrap();
    assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), expect);
}

#[test]
fn report_names_what_is_missing() {
    use DatabaseKind::{Audit, Performance};
    check_report(Audit, "", &[]);
    check_report(Performance, "CREATE TABLE more (x)", &[]);
    check_report(Audit, "DROP INDEX idx_user_name", &["index idx_user_name is missing"]);
    check_report(
        Audit,
        "DROP TRIGGER overlay_audit_log_delete",
        &["trigger overlay_audit_log_delete is missing"],
    );
    check_report(
        Audit,
        "DROP TRIGGER overlay_audit_log_delete;
         CREATE TRIGGER overlay_audit_log_delete BEFORE DELETE ON overlay_audit_log
         BEGIN SELECT 1; END",
        &["trigger overlay_audit_log_delete is defined in another way"],
    );
    check_report(
        Performance,
        "ALTER TABLE rollout_samples DROP COLUMN tokens",
        &["column rollout_samples.tokens is missing"],
    );
    check_report(
        Performance,
        "DROP TABLE rollout_samples",
        &[
            "table rollout_samples is missing",
            "column rollout_samples.id is missing",
            "column rollout_samples.deployment is missing",
            "column rollout_samples.arm is missing",
            "column rollout_samples.result is missing",
            "column rollout_samples.duration_us is missing",
            "column rollout_samples.tokens is missing",
            "column rollout_samples.at_us is missing",
            "index idx_rollout_samples_deployment is missing",
            "index idx_rollout_samples_at_us is missing",
        ],
    );
}

#[test]
fn report_of_an_empty_file_names_everything() {
    let root = Root::new(0);
    let path = root.path("db/perf.sqlite");
    let err = schema_report(DatabaseKind::Performance, &path).unwrap_err();
    assert!(matches!(err, SqliteError::Unreachable { .. }), "{err}");
    assert!(!path.exists());
    std::fs::write(&path, "").unwrap();
    assert!(is_empty(&path).unwrap());
    let found = schema_report(DatabaseKind::Performance, &path).unwrap();
    assert_eq!(found.iter().filter(|it| it.kind == ObjectKind::Table).count(), 2);
    drop(Performance::open(&path).unwrap());
    assert!(!is_empty(&path).unwrap());
}

#[track_caller]
fn check_history(change: &str, expect: &str) {
    let root = Root::new(0);
    let path = root.path("db/perf.sqlite");
    Performance::open(&path).unwrap();
    Connection::open(&path).unwrap().execute_batch(change).unwrap();
    let err = Performance::open(&path).err().unwrap().to_string();
    let text = err.strip_prefix(&format!("{}: ", path.display())).unwrap();
    assert_eq!(text, expect);
}

#[test]
fn history_of_another_program() {
    check_history(
        "UPDATE refinery_schema_history SET checksum = '1'",
        "migration V1__overlay_performance_metrics was applied from another text",
    );
    check_history(
        "INSERT INTO refinery_schema_history
         SELECT 2, 'more', applied_on, checksum FROM refinery_schema_history",
        "migration V2__more is not known to this program, use the newer one",
    );
    check_history(
        "UPDATE refinery_schema_history SET version = 9, name = 'later'",
        "migration V9__later is not known to this program, use the newer one",
    );
}

/// Each of them ends the migrations of refinery with a panic.
#[test]
fn history_that_cannot_be_read() {
    let reason = "the database is damaged: the table refinery_schema_history cannot be read";
    for change in [
        "checksum = 'x'",
        "checksum = '-1'",
        "applied_on = 'yesterday'",
        "applied_on = '2026-02-31T00:00:00Z'",
        "applied_on = '2026-02-03T25:00:00Z'",
        "applied_on = '2026-02-03T00:00:00'",
        "applied_on = '2026-02-03T00:00:00.Z'",
        "applied_on = NULL",
        "name = NULL",
    ] {
        check_history(&format!("UPDATE refinery_schema_history SET {change}"), reason);
    }
}

#[test]
fn eight_open_a_new_file_at_once() {
    let root = Root::new(0);
    let path = root.path("db/perf.sqlite");
    let applied: usize = std::thread::scope(|scope| {
        let open = || Performance::open(&path).unwrap().applied().len();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
        threads.into_iter().map(|it| it.join().unwrap()).sum()
    });
    assert_eq!(applied, 1);
    assert_eq!(schema_report(DatabaseKind::Performance, &path).unwrap(), []);
}
