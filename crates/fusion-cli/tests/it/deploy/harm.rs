//! A breaking candidate that rolls itself back.

use serde_json::{Value, json};

use super::crash::Deploying;
use super::{deploy, deployed, edit, floor, status};
use crate::binary::{folder, fusion, run, wait_for};
use crate::serve::Serving;

#[test]
fn a_canary_that_fails_more_often_is_taken_back() {
    let dir = deployed();
    let deploying = Deploying::start(dir.path(), &["--stages", "50,100", "--bake", "120s"]);
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

/// A route of a service that has followed the pointer to a canary.
#[cfg(unix)]
#[track_caller]
fn followed(service: &Serving) -> Value {
    let body = json!({ "scenario_type": "refund", "unit": "one" });
    wait_for("a route with an arm", || {
        let route = service.post("/v1/route", &body, "");
        (!route["arm"].is_null()).then_some(route)
    })
}

/// Nobody tells the root anything but the service, which is told how its routes' calls end.
#[cfg(unix)]
#[test]
fn a_canary_is_judged_by_what_the_service_is_told() {
    let dir = deployed();
    let mut command = fusion(dir.path());
    let service =
        Serving::start(command.args(["serve", "--root", "prod", "--listen", "127.0.0.1:0"]));
    let deploying = Deploying::start(dir.path(), &["--stages", "50,100", "--bake", "120s"]);
    followed(&service);
    let mut counts = [0, 0];
    let mut unit = 0;
    while counts.iter().any(|it| *it < 400) {
        unit += 1;
        let body = json!({ "scenario_type": "refund", "unit": unit.to_string() });
        let route = service.post("/v1/route", &body, "");
        let Some(arm) = ["control", "candidate"].iter().position(|it| route["arm"] == **it) else {
            // What was told so far has decided.
            break;
        };
        counts[arm] += 1;
        let fails = counts[arm] % [100, 2][arm] == 0;
        let told = json!({
            "overlay": "baseline", "result": if fails { "failed" } else { "ok" }, "duration_ms": 120,
            "arm": route["arm"], "deployment": route["deployment"], "tokens": 80,
        });
        let answer = service.post("/v1/outcome", &told, "");
        let is_over = answer["not_sampled"] == "no candidate is on trial";
        assert!(is_over || answer["sampled"] == true, "{answer:#}");
    }
    let (code, text) = deploying.end();
    assert_eq!(code, Some(6), "{text}");
    assert!(text.contains("in force: generation 00000001, as before"), "{text}");
    let ran = service.stop("-TERM");
    assert_eq!((ran.code, ran.stderr.contains("lost")), (0, false), "{ran:#?}");
    assert_eq!(floor(dir.path()), "0.6");
}

/// The service answers on, and says so, where samples cannot be written.
#[cfg(unix)]
#[test]
fn samples_that_cannot_be_written_are_told_of() {
    let dir = deployed();
    let mut command = fusion(dir.path());
    let service =
        Serving::start(command.args(["serve", "--root", "prod", "--listen", "127.0.0.1:0"]));
    Deploying::start(dir.path(), &["--stages", "50,100", "--bake", "20s"]).kill();
    let file = dir.path().join("prod/db/perf.sqlite");
    std::fs::remove_file(&file).ok();
    std::fs::create_dir(&file).expect("a folder in its place");
    let route = followed(&service);
    let told = json!({
        "overlay": "baseline", "result": "ok", "duration_ms": 120, "arm": route["arm"],
        "deployment": route["deployment"],
    });
    assert_eq!(service.post("/v1/outcome", &told, "")["sampled"], true);
    let ran = service.stop("-TERM");
    assert_eq!(ran.code, 0);
    assert!(ran.stderr.contains("failed: 1 sample of the rollout is lost"), "{ran:#?}");
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
