//! `fusion deploy`, as it is typed.

mod answers;
mod binding;
mod condition;
mod control;
pub(crate) mod crash;
mod environments;
mod first;
mod harm;
mod installation;
mod looks;
mod lost;
mod places;
mod refusals;
mod retention;
mod tampered;
mod verdicts;
mod words;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binary::{Ran, folder, run, write};

/// An overlay that may be deployed, with this trust floor.
pub(crate) fn refund(floor: &str) -> String {
    format!(
        "FUSION_OVERLAY_VERSION=2.1.0\nOVERLAY_NAME=refund\nFUSION_MODE=adaptive_routing\n\
         ENTROPY_REDUCTION_TARGET=0.3\nCONTINUITY_ENFORCEMENT=basic_thread\n\
         TRUST_SCORING_MODEL=contextual_alignment\nTRUST_FLOOR={floor}\n"
    )
}

/// Runs `fusion deploy` on the root `prod` below `dir`.
#[track_caller]
pub(crate) fn deploy(dir: &Path, args: &[&str]) -> Ran {
    run(dir, &[&["deploy"], args, &["--root", "prod"]].concat())
}

/// Writes the overlay with this trust floor, to be deployed.
pub(crate) fn edit(dir: &Path, floor: &str) {
    write(&dir.join("refund.txt"), refund(floor));
}

/// Deploys the overlay with this trust floor.
#[track_caller]
pub(crate) fn apply(dir: &Path, floor: &str) -> Ran {
    edit(dir, floor);
    deploy(dir, &["apply", "refund.txt"]).ends_with(0)
}

/// A folder with the root `prod`, in which the trust floor 0.6 is in force.
#[track_caller]
pub(crate) fn deployed() -> TempDir {
    let dir = folder(&[]);
    apply(dir.path(), "0.6");
    dir
}

#[track_caller]
pub(crate) fn status(dir: &Path) -> Value {
    deploy(dir, &["status", "--json"]).json()
}

/// The trust floor of the generation in force, as its file says it.
#[track_caller]
pub(crate) fn floor(dir: &Path) -> String {
    let generation = status(dir)["stable"]["generation"].as_u64().expect("something is live");
    let text = std::fs::read_to_string(file_of(dir, generation)).expect("the overlay");
    text.lines().find_map(|it| it.strip_prefix("TRUST_FLOOR=")).expect("a floor").to_owned()
}

pub(crate) fn file_of(dir: &Path, generation: u64) -> PathBuf {
    dir.join(format!("prod/gen/{generation:08}/tree/overlays/fusion_overlay.refund.txt"))
}

/// The fields of an object, sorted.
fn fields(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

fn shipped(file: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs").join(file).display().to_string()
}

#[test]
fn a_shipped_overlay_is_deployed_from_an_empty_directory() {
    let dir = folder(&[]);
    let overlay = shipped("overlays/fusion_overlay.concise_support.txt");
    let args = [overlay.as_str()];
    let plan = deploy(dir.path(), &[&["plan"], &args[..]].concat()).ends_with(2);
    assert!(plan.stdout.contains("the first deployment"), "{plan:#?}");
    assert!(!dir.path().join("prod").exists(), "a plan writes nothing");

    let ran = deploy(dir.path(), &[&["apply"], &args[..], &["--json"]].concat()).ends_with(0);
    let report = ran.json();
    let expected = [
        "backup",
        "deployed",
        "deployment_id",
        "deployment_mode",
        "deployment_time",
        "duration_ms",
        "errors",
        "generation",
        "health",
        "overlay_name",
        "rollback",
        "schema",
        "stage",
    ];
    let mut found = fields(&report);
    found.sort_unstable();
    assert_eq!(found, expected);
    assert_eq!(report["schema"], "fusion/deploy-apply/1");
    assert_eq!((&report["deployed"], &report["stage"]), (&json!(true), &json!("complete")));
    assert_eq!(report["rollback"], json!({"performed": false, "outcome": "not_needed"}));
    assert_eq!(report["overlay_name"], "concise_support");

    let status = deploy(dir.path(), &["status", "--json"]).ends_with(0).json();
    let mut found = fields(&status);
    found.sort_unstable();
    let expected =
        ["candidate", "deployment", "epoch", "health", "phase", "schema", "stable", "weight"];
    assert_eq!(found, expected);
    assert_eq!((&status["phase"], &status["epoch"]), (&json!("stable"), &json!(1)));
    let overlays = fields(&status["stable"]["overlays"]);
    assert_eq!(overlays, ["baseline", "concise_support"]);
    assert_eq!(status["health"]["status"], "healthy");
    // The prompt came along.
    let prompt = "prod/gen/00000001/tree/micro_overlays/concise_support.md";
    assert!(dir.path().join(prompt).is_file());
    let again = deploy(dir.path(), &[&["apply"], &args[..]].concat()).ends_with(0);
    assert!(again.stdout.starts_with("unchanged"), "{again:#?}");
}

#[test]
fn the_shipped_installation_is_deployed_as_a_whole() {
    let dir = folder(&[]);
    let from = shipped("");
    deploy(dir.path(), &["apply", "--from", &from]).ends_with(0);
    let overlays = status(dir.path())["stable"]["overlays"].clone();
    assert_eq!(overlays.as_object().expect("overlays").len(), 5);
    let ran = deploy(dir.path(), &["plan", "--from", &from]).ends_with(0);
    assert!(ran.stdout.contains("no change"), "{ran:#?}");
    let both = ["plan", "--from", &from, "--with", "scenarios.yaml"];
    write(&dir.path().join("scenarios.yaml"), "scenarios: []\n");
    deploy(dir.path(), &both).ends_with(64);
}

#[test]
fn a_plan_names_the_keys_that_change() {
    let dir = deployed();
    edit(dir.path(), "0.7");
    let ran = deploy(dir.path(), &["plan", "refund.txt"]).ends_with(2);
    assert!(ran.stdout.contains("TRUST_FLOOR 0.6 → 0.7"), "{ran:#?}");
    let plan = deploy(dir.path(), &["plan", "refund.txt", "--json"]).ends_with(2).json();
    assert_eq!((&plan["schema"], &plan["base_epoch"]), (&json!("fusion/deploy-plan/1"), &json!(1)));
    deploy(dir.path(), &["apply", "refund.txt", "--base-epoch", "1"]).ends_with(0);
    edit(dir.path(), "0.8");
    let ran = deploy(dir.path(), &["apply", "refund.txt", "--base-epoch", "1"]).ends_with(9);
    assert!(ran.stderr.contains("at epoch 2"), "{ran:#?}");
    let ran = deploy(dir.path(), &["diff"]).ends_with(2);
    assert!(ran.stdout.contains("TRUST_FLOOR 0.6 → 0.7"), "{ran:#?}");
    assert_eq!(floor(dir.path()), "0.7");
}

#[test]
fn what_cannot_be_deployed_changes_nothing() {
    let dir = deployed();
    let refused = |file: &str, text: &str, why: &str| {
        write(&dir.path().join(file), text);
        let ran = deploy(dir.path(), &["apply", file, "--json"]).ends_with(1);
        let report = ran.json();
        assert_eq!((&report["deployed"], &report["stage"]), (&json!(false), &json!("validation")));
        assert!(report["errors"].to_string().contains(why), "{report:#}");
    };
    refused("a.txt", &refund("7"), "TRUST_FLOOR");
    refused(
        "b.txt",
        &refund("0.7").replace("=refund", "=../../evil"),
        "b.txt:2:14: error[DEP1113]: `../../evil` is no name",
    );
    refused("c.txt", "no overlay", "DEP1101");
    assert_eq!(floor(dir.path()), "0.6");
    assert_eq!(status(dir.path())["epoch"], 1);

    edit(dir.path(), "0.7");
    let ran = deploy(dir.path(), &["apply", "refund.txt", "--mode", "canary"]).ends_with(64);
    assert!(ran.stderr.contains("unknown mode `canary`"), "{ran:#?}");
    deploy(dir.path(), &["apply", "gone.txt"]).ends_with(65);
    deploy(dir.path(), &["apply"]).ends_with(64);
    deploy(dir.path(), &["rollback", "--to", "99"]).ends_with(65);
    let ran = run(dir.path(), &["deploy", "status"]).ends_with(64);
    assert!(ran.stderr.contains("--root"), "{ran:#?}");
    run(dir.path(), &["deploy", "status", "--root", "gone"]).ends_with(65);
}

#[test]
fn a_database_that_is_down_stops_nothing() {
    let dir = deployed();
    let index = dir.path().join("prod/db/audit.sqlite");
    assert!(index.is_file());
    std::fs::remove_file(&index).expect("removed");
    std::fs::create_dir(&index).expect("in its place");
    let ran = apply(dir.path(), "0.7");
    assert!(ran.stderr.contains("the index of the audit log waits"), "{ran:#?}");
    assert_eq!(floor(dir.path()), "0.7");
    let id = status(dir.path())["deployment"].as_str().expect("an id").to_owned();
    let sample = ["sample", "--arm", "control", "--duration", "1ms", "--deployment", &id];
    std::fs::create_dir(dir.path().join("prod/db/perf.sqlite")).expect("in its place");
    deploy(dir.path(), &sample).ends_with(69);
}

#[test]
fn the_page_shows_commands_that_there_are() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations/deploy.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let lines = page.lines().map(|it| it.strip_prefix("$ ").unwrap_or(it));
    let commands: Vec<&str> = lines.filter_map(|it| it.strip_prefix("fusion ")).collect();
    assert!(commands.len() > 20, "{commands:#?}");
    let dir = folder(&[]);
    for command in commands {
        let words = command.split_whitespace().take_while(|it| *it != "#" && *it != ">");
        let args: Vec<&str> = words.chain(["--help"]).collect();
        run(dir.path(), &args).ends_with(0);
    }
}

#[test]
fn generations_are_listed_named_and_returned_to() {
    let dir = deployed();
    apply(dir.path(), "0.7");
    deploy(dir.path(), &["pin", "release-1", "1"]).ends_with(0);
    apply(dir.path(), "0.8");
    let list = deploy(dir.path(), &["list", "--json"]).ends_with(0).json();
    assert_eq!(list["generations"].as_array().expect("a list").len(), 3);
    assert_eq!(list["generations"][2]["pins"], json!(["release-1"]));
    let text = deploy(dir.path(), &["list"]).ends_with(0).stdout;
    assert!(text.starts_with("* 00000003  "), "{text}");
    let shown = deploy(dir.path(), &["show", "release-1", "--json"]).ends_with(0).json();
    assert_eq!(shown["manifest"]["generation"], 1);

    let ran = deploy(dir.path(), &["rollback"]).ends_with(0);
    assert!(ran.stdout.starts_with("restored: generation 00000002 is in force"), "{ran:#?}");
    let ran = deploy(dir.path(), &["rollback"]).ends_with(0);
    assert!(ran.stdout.starts_with("restored: generation 00000003 is in force"), "{ran:#?}");
    deploy(dir.path(), &["rollback", "--to", "release-1"]).ends_with(0);
    assert_eq!(floor(dir.path()), "0.6");
    deploy(dir.path(), &["unpin", "release-1"]).ends_with(0);
    deploy(dir.path(), &["unpin", "release-1"]).ends_with(5);

    let gc = ["gc", "--keep", "0", "--older-than", "0s", "--json"];
    let dry = deploy(dir.path(), &[&gc[..], &["--dry-run"]].concat()).ends_with(2).json();
    assert_eq!(dry["removed"], json!([2]));
    assert_eq!(deploy(dir.path(), &gc).ends_with(0).json()["removed"], json!([2]));
    deploy(dir.path(), &["verify", "--all"]).ends_with(0);
}
