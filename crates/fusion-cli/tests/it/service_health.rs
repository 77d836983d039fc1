//! `fusion health` of a root that services follow: it asks them.

#![cfg(unix)]

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::binary::{NOBODY, Ran, finish, folder, fusion, read, write};
use crate::deploy::apply;
use crate::doctor::answering;
use crate::serve::Serving;

fn serving(dir: &Path, variables: &[(&str, &str)]) -> Serving {
    let mut command = fusion(dir);
    command.args(["serve", "--root", "prod", "--listen", "127.0.0.1:0"]);
    Serving::start(command.env("HOSTNAME", "node-1").envs(variables.iter().copied()))
}

fn health(dir: &Path, variables: &[(&str, &str)]) -> Ran {
    let mut command = fusion(dir);
    command.env("HOSTNAME", "node-1").envs(variables.iter().copied());
    finish(command.args(["health", "--root", "prod", "--json"]), b"")
}

fn notice(dir: &Path) -> PathBuf {
    dir.join("prod/state/node-1/service.json")
}

/// A folder with a root, `prod`.
fn root() -> tempfile::TempDir {
    let dir = folder(&[]);
    apply(dir.path(), "0.6");
    dir
}

#[test]
fn a_service_that_follows_the_root_says_its_pool_and_memory() {
    let dir = root();
    let service = serving(dir.path(), &[]);
    let report = health(dir.path(), &[]).ends_with(0).json();
    assert_eq!(report["unknown"], json!(["latency"]));
    assert_eq!(report["data"]["poolHealth"]["total"], 100);
    assert!(report["data"]["memoryUsageMB"].as_f64().is_some_and(|it| it > 1.0), "{report:#}");
    assert_eq!(report["status"], "healthy", "{report:#}");
    let url = json!(format!("{}/health", service.base));
    let asked = &report["services"][0];
    assert_eq!((&asked["url"], &asked["asked"]), (&url, &json!(true)));
    assert_eq!((&asked["instance"], &asked["host"]), (&json!("node-1"), &json!("node-1")));
    // A threshold of the root's own options.
    let small = [("RESON__HEALTH__MEMORY_MB", "16")];
    let report = health(dir.path(), &small).ends_with(0).json();
    assert_eq!(report["checks"][2]["status"], "warn", "{report:#}");
    assert_eq!(service.stop("-TERM").code, 0);
    assert!(!notice(dir.path()).exists());
    let report = health(dir.path(), &[]).ends_with(0).json();
    assert_eq!(report["unknown"], json!(["pool", "latency", "memory"]));
    assert_eq!(report.get("services"), None);
}

#[test]
fn a_service_that_was_killed_does_not_answer() {
    let dir = root();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let said = |address: &str| {
        let said = json!({"host": "node-1", "pid": 1, "address": address, "since": "2026-11-22"});
        said.to_string()
    };
    write(&notice(dir.path()), said(&address.to_string()));
    let late = [("RESON__HEALTH__ANSWER_WITHIN_MS", "200")];
    let report = health(dir.path(), &late).ends_with(1).json();
    assert!(message(&report).contains("not responding within 0.2 s"), "{report:#}");
    write(&notice(dir.path()), said(NOBODY));
    let report = health(dir.path(), &[]).ends_with(1).json();
    assert!(message(&report).contains("remove state/node-1/service.json"), "{report:#}");
    // Of another machine nothing is known here.
    write(&notice(dir.path()), said(NOBODY).replace("node-1", "node-2"));
    let report = health(dir.path(), &[]).ends_with(0).json();
    assert_eq!(report["services"][0]["asked"], false);
    assert_eq!(report["data"]["overlayServiceHealthy"], true);
    write(&notice(dir.path()), "garbage");
    assert_eq!(health(dir.path(), &[]).ends_with(0).json().get("services"), None);
}

#[test]
fn who_complains_is_named() {
    for (status, exit, colon) in [("warn", 0, " says:"), ("fail", 1, ":")] {
        let dir = root();
        let services = [("node-1", "pass", ""), ("node-2", status, "it is tired")];
        let [_, url] = services.map(|(instance, status, output)| {
            let url = answering("200 OK", &json!({"status": status, "output": output}));
            let address = url.trim_start_matches("http://").trim_end_matches("/health");
            let said = json!({"host": "node-1", "pid": 1, "address": address, "since": "now"});
            let notice = format!("prod/state/{instance}/service.json");
            write(&dir.path().join(notice), said.to_string());
            url
        });
        let report = health(dir.path(), &[]).ends_with(exit).json();
        let expect = format!("{url}{colon} it is tired");
        assert!(message(&report).contains(&expect), "{report:#}");
    }
}

fn message(report: &Value) -> &str {
    report["message"].as_str().expect("a message")
}

#[test]
fn without_an_audit_sink_the_api_leaves_no_record() {
    for (sink, kills) in [("null", 0), ("file", 1)] {
        let dir = root();
        write(&dir.path().join("token"), "s3cret");
        let mut command = fusion(dir.path());
        command.args(["serve", "--root", "prod", "--listen", "127.0.0.1:0"]);
        command.args(["--admin-token-file", "token"]).env("RESON__AUDIT__SINK", sink);
        let service = Serving::start(&mut command);
        let url = format!("{}/admin/v1/kill", service.base);
        let request = ureq::post(url).header("authorization", "Bearer s3cret");
        let request = request.header("content-type", "application/json");
        request.send(json!({"reason": "a drill"}).to_string()).expect("an answer");
        service.stop("-TERM");
        let log = read(&dir.path().join("prod/audit/HEAD"));
        assert_eq!(log.matches("\"action\":\"kill\"").count(), kills, "{sink}: {log}");
    }
}
