//! One verdict on a root, whichever command gives it.

use serde_json::{Value, json};

use super::{apply, deploy, deployed, edit, floor};
use crate::binary::{finish, fusion, run, write};

/// What `deploy status` says of the health.
fn health(dir: &std::path::Path) -> Value {
    deploy(dir, &["status", "--json"]).json()["health"].clone()
}

#[test]
fn what_an_instance_says_is_in_every_answer() {
    let dir = deployed();
    let digest = deploy(dir.path(), &["status", "--json"]).json()["stable"]["digest"].clone();
    let ack = json!({"epoch": 9, "digest": digest, "refused": "OVL5218", "at_ms": 1});
    write(&dir.path().join("prod/state/node-1/ack.json"), ack.to_string());
    let expected = json!({
        "status": "degraded",
        "reasons": ["instance node-1 refuses what is deployed: OVL5218"],
    });
    assert_eq!(health(dir.path()), expected);
    edit(dir.path(), "0.7");
    let orders: [(&[&str], i32); 4] = [
        (&["apply", "refund.txt"], 0),
        (&["apply", "refund.txt"], 0),
        (&["rollback"], 0),
        (&["promote"], 5),
    ];
    for (order, code) in orders {
        let report = deploy(dir.path(), &[order, &["--json"]].concat()).ends_with(code).json();
        if code == 0 {
            assert_eq!(report["health"], expected, "{order:?}: {report:#}");
        }
    }
    write(&dir.path().join("a.txt"), super::refund("7"));
    let refused = deploy(dir.path(), &["apply", "a.txt", "--json"]).ends_with(1).json();
    assert_eq!(refused["health"], expected);
    let service = run(dir.path(), &["health", "--root", "prod", "--json"]).ends_with(0).json();
    assert_eq!(service["status"], "degraded");
    assert!(service["message"].to_string().contains("refuses what is deployed"), "{service:#}");
}

#[test]
fn the_switch_and_slow_answers_are_in_it() {
    let dir = deployed();
    assert_eq!(health(dir.path()), json!({"status": "healthy", "reasons": []}));
    run(dir.path(), &["flags", "kill", "--root", "prod", "--reason", "a drill"]).ends_with(0);
    let said = health(dir.path())["reasons"][0].clone();
    let off = "every overlay is off by KILL in the deployment root (a drill";
    assert!(said.as_str().is_some_and(|it| it.starts_with(off)), "{said}");
    let service = run(dir.path(), &["health", "--root", "prod"]).ends_with(0);
    assert_eq!(service.stdout.matches(off).count(), 1, "{service:#?}");
    let back = ["flags", "kill", "--root", "prod", "--reason", "over", "--undo"];
    run(dir.path(), &back).ends_with(0);

    let path = dir.path().join("prod/db/perf.sqlite");
    let mut rows = overlay_sqlite::Performance::open(&path).expect("rows");
    let id = deploy(dir.path(), &["status", "--json"]).json()["deployment"].clone();
    let sample = ["sample", "--arm", "control", "--duration", "1ms", "--deployment"];
    deploy(dir.path(), &[&sample[..], &[id.as_str().expect("an id")]].concat()).ends_with(0);
    let newest = "SELECT max(at_us) FROM rollout_samples";
    let rows_there = rusqlite::Connection::open(&path).expect("rows");
    let at_us = rows_there.query_one(newest, [], |row| row.get(0)).expect("a moment");
    let row = overlay_sqlite::PerformanceRow {
        overlay_type: "refund".to_owned(),
        operation: "answer".to_owned(),
        duration_us: 2_500_000,
        memory_usage_kb: None,
        at_us,
        environment: "development".to_owned(),
    };
    rows.write(&[row], &[]).expect("written");
    let slow = json!({
        "status": "degraded",
        "reasons": ["response times of the last hour high: mean 2500 ms, p95 2500 ms"],
    });
    assert_eq!(health(dir.path()), slow);
    let again = deploy(dir.path(), &["apply", "refund.txt", "--json"]).ends_with(0).json();
    assert_eq!(again["health"], slow);
    let mut patient = fusion(dir.path());
    patient.env("RESON__HEALTH__LATENCY_MEAN_MS", "3000");
    patient.env("RESON__HEALTH__LATENCY_P95_MS", "3000");
    let ran = finish(patient.args(["deploy", "status", "--root", "prod", "--json"]), b"");
    assert_eq!(ran.json()["health"]["status"], "healthy");
}

#[test]
fn without_a_database_there_is_no_index_and_no_sample() {
    let dir = deployed();
    let index = dir.path().join("prod/db/audit.sqlite");
    write(&dir.path().join("fusion.toml"), "[database]\nkind = \"null\"\n");
    edit(dir.path(), "0.7");
    deploy(dir.path(), &["apply", "refund.txt", "--with", "fusion.toml"]).ends_with(0);
    std::fs::remove_file(&index).expect("an index of before");
    apply(dir.path(), "0.8");
    assert!(!index.exists());
    assert_eq!(floor(dir.path()), "0.8");
    let sample = ["sample", "--arm", "control", "--duration", "1ms"];
    let id = deploy(dir.path(), &["status", "--json"]).json()["deployment"].clone();
    let id = id.as_str().expect("an id");
    let ran = deploy(dir.path(), &[&sample[..], &["--deployment", id]].concat()).ends_with(69);
    assert!(ran.stderr.contains("`database.kind` is `null`"), "{ran:#?}");
    let report = run(dir.path(), &["health", "--root", "prod", "--json"]).ends_with(0).json();
    assert_eq!(report["unknown"], json!(["pool", "latency", "database", "memory"]));
}
