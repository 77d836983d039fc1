//! The closing example of the original guide, from a design to a service that serves it.

use std::path::Path;

use serde_json::json;

use crate::binary::{folder, read, run, wait_for, write};
use crate::deploy::crash::Deploying;

const NAME: &str = "financial_analysis_overlay";
const WORKLOAD: &str = "\
requests_per_minute = 45
average_latency_ms = 650
quality_score_minimum = 0.94
peak_hours = [\"09:00-12:00\", \"14:00-17:00\"]
timezone = \"UTC\"
";

/// Four hundred answers without a failure.
fn answer(at: &Path, arm: &str) {
    let sample = ["deploy", "sample", "--root", "prod", "--arm", arm, "--result", "success"];
    run(at, &[&sample[..], &["--count", "400", "--duration", "600ms"]].concat()).ends_with(0);
}

#[test]
fn from_a_design_to_a_service() {
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs");
    let dir = folder(&[("workload.toml", WORKLOAD)]);
    let at = dir.path();
    write(&at.join("design.toml"), read(&configs.join(format!("examples/{NAME}.toml"))));
    let file = format!("fusion_overlay.{NAME}.txt");

    let design = run(at, &["design", "check", "design.toml", "--json"]).ends_with(0).json();
    assert_eq!(design["valid"], true);

    let generate = ["overlay", "generate", "--spec", "design.toml"];
    let generate = [&generate[..], &["--template", "quality_focused", "-o", &file]].concat();
    run(at, &generate).ends_with(0);
    assert_eq!(read(&at.join(&file)), read(&configs.join(format!("examples/{file}"))));

    let optimize = ["overlay", "optimize", &file, "--workload", "workload.toml", "--json"];
    let optimized =
        run(at, &[&optimize[..], &["-o", "optimized.txt"]].concat()).ends_with(0).json();
    assert_eq!(optimized["strategy"], "quality_optimization", "{optimized:#}");
    assert_eq!(optimized["active"]["hours"], json!(["09:00-12:00", "14:00-17:00"]));
    // What the design asked for stays.
    assert!(read(&at.join("optimized.txt")).contains("TRUST_FLOOR=0.75\n"));

    run(at, &["overlay", "check", "optimized.txt", "--profile", "deploy"]).ends_with(0);

    // In force is what was generated; the optimized one is rolled out over it.
    run(at, &["deploy", "apply", &file, "--root", "prod"]).ends_with(0);
    let apply = ["apply", "optimized.txt", "--mode", "staged", "--stages", "50,100"];
    let deploying = Deploying::run(at, &[&apply[..], &["--bake", "0s"]].concat());
    for arm in ["control", "candidate"] {
        answer(at, arm);
    }
    // At 100 % there is no control any more: the candidate goes on answering.
    wait_for("a canary that has every unit", || {
        let status = run(at, &["deploy", "status", "--root", "prod", "--json"]).ends_with(0).json();
        (status["weight"] == 100.0).then_some(())
    });
    answer(at, "candidate");
    let (code, text) = deploying.end();
    assert_eq!(code, Some(0), "{text}");

    let status = run(at, &["overlay", "status", "--root", "prod", "--json"]).ends_with(0).json();
    assert_eq!((&status["source"], &status["generation"]), (&json!("files"), &json!(2)));
    assert_eq!(status["health"]["status"], "healthy");
    let live = format!("prod/gen/00000002/tree/overlays/{file}");
    let effective = run(at, &["overlay", "effective", &live, "--json"]).ends_with(0).json();
    let value = |key: &str| effective["settings"][key]["value"].clone();
    assert_eq!(value("FUSION_OVERLAY_VERSION"), "2.1.0");
    assert_eq!(value("FUSION_MODE"), "quality_first");
}
