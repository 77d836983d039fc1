//! What the doctor says of a deployment root.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use overlay_doctor::{CheckStatus, Environment};
use overlay_sqlite::DatabaseKind;
use overlay_store::{Change, Store};

use crate::site::Site;

use CheckStatus::{Fail, Ok, Skip, Warn};

#[test]
fn the_root_belongs_to_whoever_deploys() {
    let mut site = Site::new().deployed();
    site.host.user += 1;
    let check = site.check("permissions", Fail, "belongs to user");
    assert_eq!(check.found.len(), 7, "{check:#?}");
    site.host.user -= 1;
    let mode = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(site.root().join("db"), mode).expect("a folder");
    site.environment = Environment::Staging;
    site.check("permissions", Warn, "everybody may write to");
}

#[test]
fn a_root_is_on_one_file_system() {
    use std::os::unix::fs::MetadataExt as _;

    let site = Site::new().deployed();
    let Result::Ok(other) = tempfile::tempdir_in("/dev/shm") else { return };
    let device = |path: &std::path::Path| std::fs::metadata(path).expect("a folder").dev();
    if device(other.path()) == device(&site.root()) {
        return;
    }
    let tmp = site.root().join("tmp");
    std::fs::remove_dir_all(&tmp).expect("removed");
    std::os::unix::fs::symlink(other.path(), &tmp).expect("linked");
    site.check("permissions", Fail, "root/tmp is on another file system than ");
}

#[test]
fn room_on_the_disk_is_wanted() {
    let site = Site::new().variable("RESON__DOCTOR__DISK_FREE_MB", "1000000000");
    site.check("disk", Fail, "at least 1000000000 MB are wanted");
}

#[test]
fn a_port_that_another_program_has_fails() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let site = Site::new().variable("RESON__SERVICE__LISTEN", &address);
    site.check("port", Fail, &format!("another program has {address}"));
}

#[test]
fn a_part_of_the_schema_that_is_missing_is_named() {
    let site = Site::new().deployed();
    let part = |kind: DatabaseKind, sql: &str| {
        let conn = rusqlite::Connection::open(site.root().join(kind.path())).expect("a database");
        conn.execute_batch(sql).expect("dropped");
    };
    site.check("audit-database", Ok, "has its whole schema");
    part(DatabaseKind::Audit, "DROP INDEX idx_deployment_id");
    site.check("audit-database", Fail, "db/audit.sqlite: index idx_deployment_id is missing");
    part(DatabaseKind::Audit, "DROP TRIGGER overlay_audit_log_delete");
    let check = site.check("audit-database", Fail, "(and 1 more)");
    let trigger = "db/audit.sqlite: trigger overlay_audit_log_delete is missing";
    assert!(check.found.iter().any(|it| it == trigger), "{check:#?}");
    std::fs::remove_file(site.root().join(DatabaseKind::Audit.path())).expect("removed");
    site.check("audit-database", Skip, "there is no db/audit.sqlite");
}

#[test]
fn a_row_that_the_audit_log_does_not_know_is_named() {
    let site = Site::new().deployed();
    site.check("audit-database", Ok, "whole schema, and 2 rows as the log has them");
    site.switch(|writer| Change::to(writer.current().expect("a pointer").stable));
    site.check("audit-database", Ok, "whole schema; 2 records of the log to be taken in");
    let path = site.root().join(DatabaseKind::Audit.path());
    let conn = rusqlite::Connection::open(path).expect("a database");
    let trigger = "SELECT sql FROM sqlite_schema WHERE name = 'overlay_audit_log_update'";
    let trigger: String = conn.query_one(trigger, [], |row| row.get(0)).expect("a trigger");
    let change = "DROP TRIGGER overlay_audit_log_update;
        UPDATE overlay_audit_log SET user_name = 'mallory'";
    conn.execute_batch(change).expect("changed");
    conn.execute_batch(&trigger).expect("made again");
    let check =
        site.check("audit-database", Fail, "db/audit.sqlite: row 1 is not what the audit log says");
    assert!(check.hint.is_some_and(|it| it.contains("it is built again from the audit log")));
}

#[test]
fn rows_without_a_column_or_a_table_are_named() {
    let site = Site::new().deployed();
    let path = site.root().join(DatabaseKind::Performance.path());
    let conn = rusqlite::Connection::open(path).expect("a database");
    conn.execute_batch("ALTER TABLE rollout_samples DROP COLUMN tokens").expect("dropped");
    site.check("performance-database", Fail, "column rollout_samples.tokens is missing");
    conn.execute_batch("DROP TABLE rollout_samples").expect("dropped");
    let check = site.check("performance-database", Fail, "more)");
    let table = "db/perf.sqlite: table rollout_samples is missing";
    assert!(check.found.iter().any(|it| it == table), "{check:#?}");
}

#[test]
fn a_generation_that_was_changed_fails() {
    let site = Site::new().deployed();
    site.write("root/gen/00000001/tree/providers.toml", "schema = \"fusion/providers/1\"\n");
    let report = site.report();
    let failed: Vec<_> =
        report.checks.iter().filter(|it| it.status == Fail).map(|it| it.id).collect();
    assert_eq!(failed, ["files", "store"]);
    let store = report.checks.iter().find(|it| it.id == "store").expect("a check");
    assert!(store.message.contains("tampered with"), "{store:#?}");
    assert!(store.message.contains("providers.toml"), "{store:#?}");
}

#[test]
fn an_audit_record_that_was_changed_fails() {
    let site = Site::new().deployed();
    let path = site.root().join("audit/00000001.jsonl");
    let log = std::fs::read_to_string(&path).expect("the log");
    std::fs::write(&path, log.replace("mara", "nobody")).expect("written");
    site.check("audit", Fail, "record");
}

#[test]
fn a_root_without_a_deployment_warns() {
    let site = Site::new();
    overlay_store::Store::create(&site.root()).expect("a root");
    let report = site.report_of(Some(&site.root()), Some(&site.path("configs")));
    let warned: Vec<_> = report.checks.iter().filter(|it| it.status > Ok).map(|it| it.id).collect();
    assert_eq!(warned, ["store"]);
    let report = site.report_of(Some(&site.path("nowhere")), None);
    let failed: Vec<_> =
        report.checks.iter().filter(|it| it.status == Fail).map(|it| it.id).collect();
    assert_eq!(failed, ["permissions", "disk", "store"]);
}

#[test]
fn a_rollout_that_nobody_drives_warns() {
    let site = Site::new().deployed();
    site.check("rollout", Ok, "none is under way");
    let site = site.left_alone();
    let check = site.check("rollout", Warn, "nobody drives the rollout d-1, which stands at 5 %");
    assert!(check.hint.is_some_and(|it| it.contains("`fusion deploy recover`")));
    let store = Store::open(&site.root()).expect("a root");
    let _driving = store.lock_rollout("d-1").expect("asked").expect("free");
    site.check("rollout", Ok, "driven");
}

#[test]
fn a_fall_of_the_token_budget_warns() {
    let site = Site::new().deployed().fallen();
    let check = site.check("store", Warn, "built-in minimum in force, since 2026-09-21T14:00:00Z");
    assert!(check.hint.is_some_and(|it| it.contains("`fusion budget check`")));
}

#[test]
fn a_pointer_that_is_damaged_missing_or_replaced_names_the_way_back() {
    let site = Site::new().deployed();
    let current = site.root().join("CURRENT");
    let earlier = std::fs::read(&current).expect("the pointer");
    site.switch(|writer| Change::to(writer.current().expect("a pointer").stable));
    let store = |what: &str| {
        let report = site.report_of(Some(&site.root()), Some(&site.path("configs")));
        let check = report.checks.into_iter().find(|it| it.id == "store").expect("a check");
        assert_eq!(check.status, Fail, "{what}: {check:#?}");
        let hint = check.hint.expect("a hint");
        for command in ["`fusion deploy recover --rebuild`", "`fusion backup restore --rebuild`"] {
            assert!(hint.contains(command), "{what}: {hint}");
        }
    };
    std::fs::write(&current, &earlier).expect("written");
    store("an earlier one");
    std::fs::write(&current, "nonsense").expect("written");
    store("a damaged one");
    std::fs::remove_file(&current).expect("removed");
    store("none");
}

#[test]
fn a_look_writes_nothing() {
    let site = Site::new().deployed();
    assert_eq!(site.databases(), ["audit.sqlite", "perf.sqlite"]);
    assert_eq!(site.report().verdict, Ok);
    assert_eq!(site.databases(), ["audit.sqlite", "perf.sqlite"]);
}

#[test]
fn a_database_that_cannot_be_reached_is_not_advised_to_be_removed() {
    let site = Site::new().deployed();
    let path = site.root().join(DatabaseKind::Audit.path());
    std::fs::remove_file(&path).expect("removed");
    std::fs::create_dir(&path).expect("a folder of its name");
    let check = site.check("audit-database", Fail, "cannot be reached");
    let hint = check.hint.expect("a hint");
    assert!(hint.starts_with("nothing is lost") && !hint.contains("remove"), "{hint}");
}
