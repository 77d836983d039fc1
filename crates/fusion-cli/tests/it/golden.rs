use std::path::Path;

use serde_json::Value;

use crate::binary::{finish, fusion, read, run, write};
use crate::data::data;
use crate::suite::{accepted, fresh, golden};

/// Replaces a text in a file, which must hold it.
#[track_caller]
fn edit(path: &Path, from: &str, to: &str) {
    let text = read(path);
    assert!(text.contains(from), "{} has no {from}", path.display());
    write(path, text.replace(from, to));
}

#[test]
fn what_was_accepted_passes() {
    let dir = accepted();
    let ran = golden(dir.path(), &["--json", "-"]).ends_with(0);
    let report = ran.json();
    assert_eq!(report["schema"], "fusion/golden-report/1");
    assert_eq!(report["verdict"], "pass", "{report:#}");
    golden(dir.path(), &["validate", "--scenario", "duplicate_charge"]).ends_with(0);
    golden(dir.path(), &["--tag", "refund", "--no-tokens"]).ends_with(0);
}

#[test]
fn a_letter_of_the_prompt_is_stale() {
    let dir = accepted();
    edit(&dir.path().join("configs/micro_overlays/refund.md"), "way back", "way bakc");
    let ran = golden(dir.path(), &[]).ends_with(4);
    assert!(ran.stdout.contains("duplicate_charge"), "{ran:#?}");
}

#[test]
fn an_edited_answer_is_no_longer_what_was_recorded() {
    let dir = accepted();
    let path = dir.path().join("goldens/cassettes/duplicate_charge.jsonl");
    edit(&path, "30 minutes", "90 minutes");
    let ran = golden(dir.path(), &[]).ends_with(8);
    assert!(ran.stdout.contains("cassettes/duplicate_charge.jsonl"), "{ran:#?}");
}

#[test]
fn an_edited_golden_is_no_longer_what_was_written() {
    let dir = accepted();
    edit(&dir.path().join("goldens/duplicate_charge_golden.json"), "30 minutes", "90 minutes");
    let ran = golden(dir.path(), &[]).ends_with(8);
    assert!(ran.stdout.contains("duplicate_charge_golden.json"), "{ran:#?}");
}

#[test]
fn a_changed_parameter_is_named() {
    let dir = accepted();
    let path = dir.path().join("configs/overlays/fusion_overlay.refund.txt");
    edit(&path, "TRUST_FLOOR=0.60", "TRUST_FLOOR=0.95");
    let ran = golden(dir.path(), &[]);
    assert_ne!(ran.code, 0, "{ran:#?}");
    assert!(ran.stdout.contains("TRUST_FLOOR"), "{ran:#?}");
}

#[test]
fn a_cassette_that_is_cut_off_is_unreadable() {
    let dir = accepted();
    let path = dir.path().join("goldens/cassettes/duplicate_charge.jsonl");
    let text = read(&path);
    let cut: String = text.chars().take(text.chars().count() / 2).collect();
    write(&path, cut);
    let ran = golden(dir.path(), &["--json", "-"]);
    assert!(matches!(ran.code, 8 | 65), "{ran:#?}");
    assert!(ran.stdout.contains("GLD1007"), "{ran:#?}");
}

#[test]
fn a_scenario_without_golden_fails() {
    let dir = fresh();
    let ran = golden(dir.path(), &["--json", "-"]).ends_with(1);
    assert!(ran.stdout.contains("GLD1009"), "{ran:#?}");
}

#[test]
fn nothing_selected_never_passes() {
    let dir = accepted();
    golden(dir.path(), &["--scenario", "nope"]).ends_with(5);
    golden(dir.path(), &["--tag", "nope"]).ends_with(5);
    for args in [
        &["prune", "--scenario", "nosuch"][..],
        &["prune", "--tag", "nosuch"],
        &["record", "--authored", "goldens/authored/answers.jsonl", "--scenario", "nosuch"],
        &["record", "--answer-cmd", "false", "--scenario", "nosuch"],
    ] {
        golden(dir.path(), args).ends_with(5);
    }
    let import = ["import", "--from", "gsm8k", "x.jsonl", "--scenario", "x"];
    golden(dir.path(), &import).ends_with(64);
}

#[test]
fn a_suite_that_is_not_there_is_no_riddle() {
    let dir = tempfile::tempdir().expect("a folder");
    let ran = golden(dir.path(), &[]).ends_with(65);
    let message = "there is no suite `goldens`: name the folder with --suite or FUSION_SUITE";
    assert!(ran.stderr.contains(message), "{ran:#?}");
    write(&dir.path().join("goldens/suite.toml"), "installation = \"../configs\"\n");
    let ran = golden(dir.path(), &[]).ends_with(65);
    assert!(ran.stderr.contains("cannot read configs"), "{ran:#?}");
    write(&dir.path().join("configs/scenarios.yaml"), "scenarios: &a [*a]\n");
    let ran = golden(dir.path(), &[]).ends_with(65);
    assert!(ran.stderr.contains(" configs/scenarios.yaml:1:"), "{ran:#?}");
}

#[test]
fn a_rule_that_cannot_be_evaluated_is_never_green() {
    let dir = accepted();
    edit(&dir.path().join("configs/scenarios.yaml"), "contains: INV-88214", "regex: INV-(");
    for accept in [&["update"][..], &["update", "--rebind-authored"]] {
        golden(dir.path(), &[accept, &["--reason", "x"]].concat()).ends_with(1);
        let ran = golden(dir.path(), &[]).ends_with(1);
        assert!(ran.stdout.contains("configs/scenarios.yaml:9:16: error[GLD1020]"), "{ran:#?}");
    }
}

#[test]
fn another_price_names_the_model() {
    let dir = accepted();
    let path = dir.path().join("configs/providers.toml");
    edit(&path, "input_usd_per_mtok = 0.1", "input_usd_per_mtok = 0.2");
    let mut command = fusion(dir.path());
    let ran = finish(command.arg("golden").env("GITHUB_ACTIONS", "true"), b"").ends_with(1);
    let annotation = "::error file=configs/providers.toml,line=9,title=GLD2010";
    assert!(ran.stderr.contains(annotation), "{ran:#?}");
    assert!(ran.stdout.contains("the price of `small` changed"), "{ran:#?}");
}

#[test]
fn reports_go_where_they_are_asked_for() {
    let dir = accepted();
    let args = ["validate", "--json", "r.json", "--junit", "r.xml", "--markdown", "r.md"];
    golden(dir.path(), &args).ends_with(0);
    let json: Value = serde_json::from_str(&read(&dir.path().join("r.json"))).expect("JSON");
    assert_eq!(json["counts"]["total"], 1);
    assert!(read(&dir.path().join("r.xml")).contains("<testsuite"));
    assert!(read(&dir.path().join("r.md")).contains("<!-- resontinex:golden -->"));
    let ran = golden(dir.path(), &["--junit", "-"]).ends_with(0);
    assert!(ran.stdout.starts_with("<?xml"), "{ran:#?}");
}

#[test]
fn reports_that_cannot_be_written_are_refused_before_the_work() {
    let dir = accepted();
    golden(dir.path(), &["--json", "-", "--junit", "-"]).ends_with(64);
    for option in ["--json", "--junit", "--markdown"] {
        let ran = golden(dir.path(), &[option, "no/such/report"]).ends_with(64);
        let message = format!("{option} no/such/report: there is no folder no/such");
        assert!(ran.stderr.contains(&message) && ran.stdout.is_empty(), "{ran:#?}");
        golden(dir.path(), &[option, "goldens"]).ends_with(64);
    }
    edit(&dir.path().join("configs/scenarios.yaml"), "contains: INV-88214", "contains: INV");
    golden(dir.path(), &["update", "--reason", "x", "--json", "no/report.json"]).ends_with(64);
    golden(dir.path(), &["update", "--reason", "x", "--dry-run"]).ends_with(2);
}

#[test]
fn a_workflow_gets_annotations_summary_and_verdict() {
    let dir = accepted();
    edit(&dir.path().join("goldens/duplicate_charge_golden.json"), "30 minutes", "90 minutes");
    let mut command = fusion(dir.path());
    command.args(["golden"]).env("GITHUB_ACTIONS", "true");
    command.env("GITHUB_STEP_SUMMARY", "summary.md").env("GITHUB_OUTPUT", "outputs");
    let ran = finish(&mut command, b"").ends_with(8);
    assert!(ran.stderr.contains("::error "), "{ran:#?}");
    assert!(read(&dir.path().join("summary.md")).contains("duplicate_charge"));
    assert!(read(&dir.path().join("outputs")).starts_with("verdict=invalid\n"));
}

#[test]
fn update_needs_a_reason_and_writes_it() {
    let dir = accepted();
    golden(dir.path(), &["update"]).ends_with(64);
    golden(dir.path(), &["update", "--reason", " "]).ends_with(64);
    let path = dir.path().join("configs/scenarios.yaml");
    edit(&path, "contains: INV-88214", "contains: INV");
    golden(dir.path(), &[]).ends_with(1);
    let args = ["update", "--reason", "shorter", "--author", "Ada", "--dry-run", "--json", "-"];
    let report = golden(dir.path(), &args).ends_with(2).json();
    assert_eq!(report["schema"], "fusion/golden-update/1");
    assert_eq!(report["written"][0]["id"], "duplicate_charge");
    golden(dir.path(), &["update", "--reason", "shorter", "--author", "Ada"]).ends_with(0);
    let text = read(&dir.path().join("goldens/duplicate_charge_golden.json"));
    assert!(text.contains("\"shorter\"") && text.contains("\"Ada\""), "{text}");
    golden(dir.path(), &[]).ends_with(0);
}

#[test]
fn authored_answers_follow_only_when_told_to() {
    let dir = accepted();
    edit(&dir.path().join("configs/micro_overlays/refund.md"), "way back", "way home");
    golden(dir.path(), &["update", "--reason", "reworded"]).ends_with(1);
    let args = ["update", "--rebind-authored", "--reason", "reworded", "--json", "-"];
    let report = golden(dir.path(), &args).ends_with(0).json();
    assert_eq!(report["schema"], "fusion/golden-rebind/1");
    assert_ne!(report["moved"][0]["from"], report["moved"][0]["to"], "{report:#}");
    golden(dir.path(), &[]).ends_with(0);
}

#[test]
fn review_without_terminal_takes_ids() {
    let dir = accepted();
    golden(dir.path(), &["review"]).ends_with(64);
    edit(&dir.path().join("configs/scenarios.yaml"), "contains: INV-88214", "contains: INV");
    let args = ["review", "--accept", "duplicate_charge", "--reason", "shorter", "--json", "-"];
    let report = golden(dir.path(), &args).ends_with(0).json();
    assert_eq!(report["schema"], "fusion/golden-review/1");
    assert_eq!(report["accepted"][0], "duplicate_charge");
    golden(dir.path(), &[]).ends_with(0);
}

#[test]
fn prune_removes_what_nothing_asks_for() {
    let dir = accepted();
    golden(dir.path(), &["prune", "--dry-run"]).ends_with(0);
    edit(&dir.path().join("configs/micro_overlays/refund.md"), "way back", "way home");
    let report = golden(dir.path(), &["prune", "--dry-run", "--json", "-"]).ends_with(2).json();
    assert_eq!(report["schema"], "fusion/golden-prune/1");
    assert_eq!(report["removed"].as_array().map(Vec::len), Some(1));
    golden(dir.path(), &["prune"]).ends_with(0);
    golden(dir.path(), &["prune", "--dry-run"]).ends_with(0);
}

#[test]
fn pipelines_accept_nothing_by_themselves() {
    let dir = accepted();
    let run = |args: &[&str], ci: &str| {
        finish(fusion(dir.path()).arg("golden").args(args).env("CI", ci), b"")
    };
    run(&["update", "--reason", "x"], "true").ends_with(64);
    run(&["review", "--accept", "duplicate_charge", "--reason", "x"], "1").ends_with(64);
    run(&["record", "--answer-cmd", "true"], "true").ends_with(64);
    run(&["update", "--reason", "x", "--force-ci"], "true").ends_with(0);
    run(&["update", "--reason", "x"], "false").ends_with(0);
    run(&[], "true").ends_with(0);
}

#[test]
fn import_builds_a_suite_that_replays() {
    let Some(data) = data() else { return };
    let dir = tempfile::tempdir().expect("a folder");
    let file = data.join("eval/gsm8k_two_models.jsonl").display().to_string();
    let args = ["golden", "import", "--from", "gsm8k", &file, "--suite", "maths", "--json", "-"];
    let report = run(dir.path(), &args).ends_with(0).json();
    assert_eq!(report["schema"], "fusion/golden-import/1");
    assert_eq!(report["scenarios"], 659);
    let args = ["--suite", "maths", "--no-tokens", "--json", "-"];
    let report = golden(dir.path(), &args).json();
    assert_eq!(report["counts"]["total"], 659);
    assert_eq!(report["agreement"].as_array().map(Vec::len), Some(2));
}

#[test]
fn an_import_is_whole_or_not_there() {
    let dir = tempfile::tempdir().expect("a folder");
    let import = |file: &str| {
        run(dir.path(), &["golden", "import", "--from", "gsm8k", file, "--suite", "suite"])
    };
    write(&dir.path().join("empty.jsonl"), "");
    let ran = import("empty.jsonl").ends_with(65);
    assert!(ran.stderr.contains("empty.jsonl: error[GLD1001]: there is no question"), "{ran:#?}");
    write(&dir.path().join("bad.jsonl"), "\n{\"id\": \"x\"}\n");
    let ran = import("bad.jsonl").ends_with(65);
    assert!(ran.stderr.contains("bad.jsonl:2:10: error[GLD1001]: invalid type"), "{ran:#?}");
    assert!(!dir.path().join("suite").exists());
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/samples/two_models.jsonl");
    let ran = import(sample).ends_with(0);
    assert!(ran.stdout.contains("suite: 3 scenarios, 6 recordings, 3 goldens"), "{ran:#?}");
    golden(dir.path(), &["--suite", "suite"]).ends_with(0);
    let ran = import(sample).ends_with(64);
    assert!(ran.stderr.contains("suite is not empty: import into a new folder"), "{ran:#?}");
}

#[test]
fn import_names_the_defects_of_the_original() {
    let Some(data) = data() else { return };
    let dir = tempfile::tempdir().expect("a folder");
    let origin = data.join("origin").display().to_string();
    let args = ["golden", "import", "--from", "origin", &origin, "--suite", "original"];
    let ran = run(dir.path(), &args);
    assert!(matches!(ran.code, 0 | 1), "{ran:#?}");
    assert!(ran.stdout.contains("GLD5"), "{ran:#?}");
}

#[test]
fn a_suite_is_broken_on_purpose_and_says_what_it_saw() {
    let dir = accepted();
    let ran =
        golden(dir.path(), &["mutate", "--n", "40", "--seed", "1", "--json", "-"]).ends_with(0);
    let report = ran.json();
    assert_eq!(report["schema"], "fusion/golden-mutation/1");
    assert_eq!(report["mutants"], 40);
    assert_eq!(report["classes"][0]["class"], "overlay.delete");
    let ran = golden(dir.path(), &["mutate", "--n", "26"]).ends_with(0);
    assert!(ran.stdout.contains("answer.refusal"), "{ran:#?}");
    golden(dir.path(), &["mutate", "--scenario", "duplicate_charge"]).ends_with(64);
}
