//! How long the rows of `deploy sample` are kept.

use std::path::Path;

use rusqlite::Connection;
use serde_json::{Value, json};

use super::{deploy, deployed, edit, status};
use crate::binary::{Ran, finish, fusion, write};

const DAY_US: i64 = 24 * 3600 * 1_000_000;
const VARIABLE: &str = "RESON__PERFORMANCE__RETENTION_DAYS";

/// The last deployment, which has ended.
fn last(dir: &Path) -> String {
    status(dir)["deployment"].as_str().expect("an id").to_owned()
}

/// Records an answer that was given just now, and says when.
#[track_caller]
fn just_now(dir: &Path) -> i64 {
    let id = last(dir);
    let sample = ["sample", "--arm", "control", "--duration", "1ms", "--deployment", &id];
    deploy(dir, &sample).ends_with(0);
    let rows = Connection::open(dir.join("prod/db/perf.sqlite")).expect("rows");
    let newest = "SELECT max(at_us) FROM rollout_samples";
    rows.query_one(newest, [], |row| row.get(0)).expect("a moment")
}

/// Records one that was given at this moment.
#[track_caller]
fn sample(dir: &Path, at_us: i64, variables: &[(&str, &str)]) -> Ran {
    let line = json!({
        "arm": "control", "result": "success", "duration_us": 1_000, "at_us": at_us,
    });
    write(&dir.join("samples.jsonl"), format!("{line}\n"));
    let args = ["deploy", "sample", "--root", "prod", "--file", "samples.jsonl", "--json"];
    let id = last(dir);
    let args = [&args[..], &["--deployment", &id]].concat();
    finish(fusion(dir).args(args).envs(variables.iter().copied()), b"").ends_with(0)
}

fn removed(ran: &Ran) -> Value {
    ran.json()["removed"].clone()
}

#[test]
fn rows_go_when_they_are_older_than_they_are_kept() {
    let dir = deployed();
    let days_ago = |days| just_now(dir.path()) - days * DAY_US;
    let kept = sample(dir.path(), days_ago(2), &[]);
    assert_eq!(removed(&kept), 0, "the default is 90 days");
    assert_eq!(removed(&sample(dir.path(), days_ago(2), &[(VARIABLE, "1")])), 2);
    assert_eq!(removed(&sample(dir.path(), days_ago(91), &[])), 1);
}

#[test]
fn the_installation_in_force_says_how_long() {
    let dir = deployed();
    let week_ago = just_now(dir.path()) - 7 * DAY_US;
    write(&dir.path().join("fusion.toml"), "[performance]\nretention_days = 5\n");
    edit(dir.path(), "0.7");
    deploy(dir.path(), &["apply", "refund.txt", "--with", "fusion.toml"]).ends_with(0);
    assert_eq!(removed(&sample(dir.path(), week_ago, &[])), 1);
    assert_eq!(removed(&sample(dir.path(), week_ago, &[(VARIABLE, "30")])), 0);
}

#[test]
fn what_cannot_be_known_removes_nothing() {
    let dir = deployed();
    let old = just_now(dir.path()) - 400 * DAY_US;
    let ran = sample(dir.path(), old, &[(VARIABLE, "soon")]);
    assert_eq!(removed(&ran), 0);
    assert!(ran.stderr.contains("none is removed: error[DOC1007]"), "{ran:#?}");
    let overlay = super::file_of(dir.path(), 1);
    write(&overlay, "TRUST_FLOOR=0\n");
    let ran = sample(dir.path(), old, &[]);
    assert_eq!(removed(&ran), 0);
    assert!(ran.stderr.contains("none is removed: generation 00000001"), "{ran:#?}");
}

#[test]
fn gc_removes_old_rows_too_and_says_so_before() {
    let dir = deployed();
    let old = just_now(dir.path()) - 91 * DAY_US;
    // Written by a program that removes none.
    let rows = Connection::open(dir.path().join("prod/db/perf.sqlite")).expect("rows");
    let insert = "INSERT INTO rollout_samples (deployment, arm, result, duration_us, at_us)
        VALUES ('x', 'control', 'success', 1, ?1)";
    rows.execute(insert, [old]).expect("inserted");
    let dry = deploy(dir.path(), &["gc", "--dry-run"]).ends_with(2);
    assert!(dry.stdout.ends_with("1 old rows would be removed\n"), "{dry:#?}");
    let dry = deploy(dir.path(), &["gc", "--dry-run", "--json"]).ends_with(2).json();
    assert_eq!(dry["rows_removed"], 1);
    assert_eq!(deploy(dir.path(), &["gc", "--json"]).ends_with(0).json()["rows_removed"], 1);
    assert_eq!(deploy(dir.path(), &["gc", "--json"]).ends_with(0).json()["rows_removed"], 0);
    let left: i64 = rows
        .query_one("SELECT count(*) FROM rollout_samples", [], |row| row.get(0))
        .expect("a count");
    assert_eq!(left, 1, "that of just now");
}
