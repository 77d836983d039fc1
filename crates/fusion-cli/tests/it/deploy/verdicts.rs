//! `fusion deploy status` and `fusion health` say the same of a root.

use std::fs;
use std::path::Path;

use overlay_sqlite::{DatabaseKind, Performance};

use super::{apply, deployed, status};
use crate::binary::{read, run, write};

/// Both say `verdict`.
#[track_caller]
fn check(dir: &Path, verdict: &str) {
    let health = run(dir, &["health", "--root", "prod", "--json"]).json();
    let deployment = status(dir)["health"].clone();
    let both = [&deployment["status"], &health["status"]];
    assert_eq!(both, [verdict, verdict], "{deployment:#} {health:#}");
}

#[test]
fn of_a_root_that_is_fine() {
    check(deployed().path(), "healthy");
}

#[test]
fn of_an_earlier_pointer_put_back() {
    let dir = deployed();
    let current = dir.path().join("prod/CURRENT");
    let earlier = read(&current);
    apply(dir.path(), "0.7");
    write(&current, earlier);
    check(dir.path(), "unhealthy");
}

#[test]
fn of_an_audit_log_that_was_edited() {
    let dir = deployed();
    let log = dir.path().join("prod/audit/00000001.jsonl");
    write(&log, read(&log).replacen("\"host\":\"", "\"host\":\"x", 1));
    check(dir.path(), "unhealthy");
}

#[test]
fn of_databases_that_are_damaged() {
    for kind in [DatabaseKind::Audit, DatabaseKind::Performance] {
        let dir = deployed();
        let path = dir.path().join("prod").join(kind.path());
        drop(Performance::open(&dir.path().join("prod/db/perf.sqlite")).expect("rows"));
        check(dir.path(), "healthy");
        fs::write(path, "no database at all").expect("written");
        check(dir.path(), "degraded");
    }
}

#[test]
fn of_an_instance_that_refuses_what_is_deployed() {
    let dir = deployed();
    let digest = overlay_model::Digest::of(b"");
    let said = format!(r#"{{"epoch": 1, "digest": "{digest}", "refused": "X", "at_ms": 1}}"#);
    write(&dir.path().join("prod/state/a/ack.json"), said);
    check(dir.path(), "degraded");
}

#[test]
fn of_a_rollout_that_was_left_alone() {
    check(super::crash::killed().path(), "degraded");
}
