//! A breaking candidate that rolls itself back.

use serde_json::json;

use super::crash::Deploying;
use super::{deploy, deployed, edit, floor, status};
use crate::binary::{folder, run};

#[test]
fn a_canary_that_fails_more_often_is_taken_back() {
    let dir = deployed();
    let deploying = Deploying::start(dir.path(), &["--stages", "50,100", "--bake", "20s"]);
    let sample = |arm: &str, result: &str, count: &str| {
        let args = ["sample", "--arm", arm, "--result", result, "--count", count];
        deploy(dir.path(), &[&args[..], &["--duration", "120ms"]].concat()).ends_with(0)
    };
    sample("control", "success", "495");
    sample("control", "error", "5");
    sample("candidate", "success", "250");
    sample("candidate", "error", "250");
    let (code, text) = deploying.end();
    assert_eq!(code, Some(6), "{text}");
    assert!(text.starts_with("rolled back: refund as generation 00000002, staged"), "{text}");
    assert!(text.contains("in force: generation 00000001, as before"), "{text}");
    assert_eq!(floor(dir.path()), "0.6");
    let status = deploy(dir.path(), &["status", "--json"]).ends_with(0).json();
    assert_eq!((&status["phase"], &status["weight"]), (&json!("stable"), &json!(0.0)));
    let log = ["audit", "log", "--root", "prod", "--action", "deploy_aborting_committed", "--json"];
    assert_eq!(run(dir.path(), &log).ends_with(0).json()["total"], 1);
}

const RULES: &str = "\
[environments.development]
checks = [\"smoke\"]

[checks.smoke]
kind = \"command\"
argv = [\"/bin/false\"]
when = [\"post\"]
";

#[test]
fn a_check_after_that_fails_takes_it_back() {
    let dir = folder(&[("deploy.toml", RULES)]);
    edit(dir.path(), "0.6");
    // The first one is judged by the rules that need no file.
    deploy(dir.path(), &["apply", "refund.txt", "--with", "deploy.toml"]).ends_with(0);
    edit(dir.path(), "0.7");
    let report = deploy(dir.path(), &["apply", "refund.txt", "--json"]).ends_with(6).json();
    assert_eq!(report["rollback"], json!({"performed": true, "outcome": "restored"}));
    assert_eq!((&report["deployed"], &report["stage"]), (&json!(false), &json!("post_check")));
    assert!(report["errors"].to_string().contains("smoke failed"), "{report:#}");
    assert_eq!(floor(dir.path()), "0.6");
    assert_eq!(status(dir.path())["health"]["status"], "healthy");
}
