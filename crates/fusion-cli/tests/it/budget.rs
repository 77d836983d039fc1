//! `fusion budget gate` as a pipeline runs it: sides, exit codes, forms of the report.

mod bases;
mod places;

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::binary::{Ran, finish, fusion, read, run, write};
use crate::suite::{accepted, fresh, golden};

const MICRO: &str = "configs/micro_overlays/refund.md";

/// Runs git in a folder.
#[track_caller]
fn git(dir: &Path, args: &[&str]) {
    let identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
    let mut command = Command::new("git");
    let output = command.current_dir(dir).args(identity).args(args).output().expect("git starts");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// An accepted suite as the first commit of a repository.
fn committed() -> TempDir {
    let dir = accepted();
    commit_all(dir.path());
    dir
}

fn commit_all(dir: &Path) {
    git(dir, &["init", "-q", "-b", "main"]);
    git(dir, &["add", "-A"]);
    git(dir, &["commit", "-q", "-m", "first"]);
}

/// Makes the prompt longer by so many words.
fn longer(dir: &Path, words: usize) {
    let path = dir.join(MICRO);
    let text = read(&path).replace("way back.", &format!("way back. {}", "word ".repeat(words)));
    write(&path, text);
}

#[track_caller]
fn gate(dir: &Path, args: &[&str]) -> Ran {
    run(dir, &[&["budget", "gate"], args].concat())
}

#[track_caller]
fn check(report: &Value, name: &str, scenario: Option<&str>) -> Value {
    let checks = report["checks"].as_array().expect("checks");
    let found = checks.iter().find(|it| it["name"] == name && it["scenario"].as_str() == scenario);
    found.unwrap_or_else(|| panic!("no check {name}: {report:#}")).clone()
}

#[test]
fn nothing_changed_passes() {
    let dir = committed();
    write(&dir.path().join("README.md"), "Words.\n");
    git(dir.path(), &["add", "-A"]);
    git(dir.path(), &["commit", "-q", "-m", "second"]);
    let report = gate(dir.path(), &["--json", "-"]).ends_with(0).json();
    assert_eq!(report["schema"], "fusion/budget-report/1");
    assert_eq!(report["verdict"], "pass", "{report:#}");
    let base = report["bases"][0]["name"].as_str().expect("a base");
    assert!(base.starts_with("the commit before, on main ("), "{base}");
    assert_eq!(report["notes"][0], "there is no released record to compare with");
}

/// What a report is against.
fn base_of(report: &Value) -> &str {
    report["bases"][0]["name"].as_str().unwrap_or("nothing")
}

/// A regression that was committed is not compared with itself.
#[test]
fn a_committed_regression_is_seen_wherever_it_stands() {
    let dir = committed();
    longer(dir.path(), 200);
    let report = gate(dir.path(), &["--json", "-"]).ends_with(1).json();
    assert!(base_of(&report).starts_with("merge base with main ("), "{report:#}");
    git(dir.path(), &["commit", "-q", "-a", "-m", "longer"]);
    let report = gate(dir.path(), &["--json", "-"]).ends_with(1).json();
    assert!(base_of(&report).starts_with("the commit before, on main ("), "{report:#}");
    assert_eq!(report["verdict"], "fail");
    let report = gate(dir.path(), &["--candidate", "HEAD", "--json", "-"]).ends_with(1).json();
    assert_eq!(report["verdict"], "fail");
    // No main branch at all, and a clone that has one commit only.
    git(dir.path(), &["branch", "-m", "dev"]);
    let report = gate(dir.path(), &["--json", "-"]).ends_with(1).json();
    assert_eq!(report["verdict"], "invalid", "{report:#}");
    assert!(report["notes"][0].as_str().is_some_and(|it| it.contains("--base")), "{report:#}");
    git(dir.path(), &["branch", "-m", "main"]);
    let url = format!("file://{}", dir.path().display());
    let elsewhere = tempfile::tempdir().expect("a folder");
    git(elsewhere.path(), &["clone", "-q", "--depth", "1", &url, "clone"]);
    let clone = elsewhere.path().join("clone");
    let report = gate(&clone, &["--json", "-"]).ends_with(1).json();
    assert_eq!(report["verdict"], "invalid", "{report:#}");
    let note = report["notes"][0].as_str().expect("a note");
    assert!(note.contains("git fetch --unshallow"), "{note}");
}

/// Where no main branch has one of the usual names, the remote says which it is.
#[test]
fn a_committed_regression_is_seen_against_the_head_of_the_remote() {
    let dir = committed();
    git(dir.path(), &["branch", "-m", "trunk"]);
    let elsewhere = tempfile::tempdir().expect("a folder");
    let url = format!("file://{}", dir.path().display());
    git(elsewhere.path(), &["clone", "-q", &url, "clone"]);
    let clone = elsewhere.path().join("clone");
    longer(&clone, 200);
    git(&clone, &["commit", "-q", "-a", "-m", "longer"]);
    let report = gate(&clone, &["--json", "-"]).ends_with(1).json();
    assert!(base_of(&report).starts_with("merge base with origin/HEAD ("), "{report:#}");
    assert_eq!(report["verdict"], "fail");
    // Once it is merged, it is held to the commit before.
    git(&clone, &["update-ref", "refs/remotes/origin/trunk", "HEAD"]);
    let report = gate(&clone, &["--json", "-"]).ends_with(1).json();
    assert!(base_of(&report).starts_with("the commit before, on origin/HEAD ("), "{report:#}");
    assert_eq!(report["verdict"], "fail");
}

#[test]
fn the_first_commit_replaces_nothing_and_says_so() {
    let dir = committed();
    let report = gate(dir.path(), &["--json", "-"]).ends_with(0).json();
    assert_eq!(report["verdict"], "insufficient", "{report:#}");
    let said = report["checks"][0]["message"].as_str().expect("a message");
    assert!(said.ends_with("is the first commit: it replaces nothing"), "{said}");
    gate(dir.path(), &["--strict"]).ends_with(3);
}

#[test]
fn a_longer_prompt_is_blocked_with_file_and_line() {
    let dir = committed();
    longer(dir.path(), 200);
    let ran = gate(dir.path(), &[]).ends_with(1);
    assert!(ran.stdout.contains("prompt: Core Directive"), "{ran:#?}");
    assert!(ran.stdout.contains("configs/micro_overlays/refund.md:2"), "{ran:#?}");
    assert!(ran.stdout.starts_with("fail: "), "{ran:#?}");
}

#[test]
fn what_is_not_recorded_is_stale() {
    let dir = committed();
    longer(dir.path(), 1);
    let report = gate(dir.path(), &["--json", "-"]).ends_with(4).json();
    assert_eq!(report["verdict"], "stale", "{report:#}");
    let tokens = check(&report, "prompt_tokens", Some("duplicate_charge"));
    assert_eq!(tokens["verdict"], "pass", "{tokens:#}");
    let mut command = fusion(dir.path());
    command.args(["budget", "gate", "--junit", "-"]).env("GITHUB_ACTIONS", "true");
    let ran = finish(command.env("GITHUB_OUTPUT", "out.txt"), b"").ends_with(4);
    assert!(!ran.stdout.contains("failures=\"0\" errors=\"0\">\n    <testsuite"), "{ran:#?}");
    let failed = read(&dir.path().join("out.txt"));
    assert!(
        failed.starts_with("verdict=stale\nfailed=") && !failed.contains("failed=0"),
        "{failed}"
    );
}

#[test]
fn recordings_of_both_sides_but_too_few() {
    let dir = committed();
    longer(dir.path(), 1);
    golden(dir.path(), &["record", "--authored", "goldens/authored/answers.jsonl"]).ends_with(0);
    let report = gate(dir.path(), &["--json", "-"]).ends_with(0).json();
    assert_eq!(report["verdict"], "insufficient", "{report:#}");
    let tokens = check(&report, "output_tokens", None);
    assert!(report["checks"].as_array().expect("checks").iter().any(|it| {
        it["verdict"] == "insufficient" && it["n_needed"].as_u64().is_some_and(|it| it > 1)
    }));
    assert!(tokens["interval"].is_object() || tokens["interval"].is_null());
    gate(dir.path(), &["--strict"]).ends_with(3);
}

#[test]
fn a_side_may_be_a_reference_a_folder_or_an_installation() {
    let (dir, other) = (committed(), accepted());
    longer(dir.path(), 200);
    let other = other.path().display().to_string();
    for base in ["HEAD", "main", &other] {
        let report = gate(dir.path(), &["--base", base, "--json", "-"]).ends_with(1).json();
        assert_eq!(report["bases"][0]["name"], base);
    }
    let configs = format!("{other}/configs");
    let report = gate(dir.path(), &["--base", &configs, "--json", "-"]).ends_with(1).json();
    let tokens = check(&report, "prompt_tokens", Some("duplicate_charge"));
    assert_eq!(tokens["verdict"], "fail", "{tokens:#}");
    // The change stands in the working tree only.
    gate(dir.path(), &["--candidate", "HEAD"]).ends_with(0);
    gate(dir.path(), &["--candidate", "HEAD", "--base", &configs]).ends_with(0);
}

#[test]
fn a_side_may_be_a_generation() {
    let dir = committed();
    publish(dir.path(), 0);
    gate(dir.path(), &["--base", "root"]).ends_with(0);
    longer(dir.path(), 200);
    gate(dir.path(), &["--base", "root"]).ends_with(1);
    let ran = gate(dir.path(), &["--base", "root@1", "--json", "-"]).ends_with(1);
    assert_eq!(ran.json()["bases"][0]["name"], "root@1");
    gate(dir.path(), &["--candidate", "root", "--base", "HEAD"]).ends_with(0);
    gate(dir.path(), &["--base", "root@7"]).ends_with(65);
}

/// Puts the installation of a folder in force in its deployment root.
fn publish(dir: &Path, epoch: u64) {
    use overlay_store::audit::Entry;
    use overlay_store::{Change, Holder, Origin, Store, Tree};

    let store = Store::create(&dir.join("root")).expect("a root");
    let holder = Holder { pid: 1, host: "test".to_owned(), started_us: 1, deployment: None };
    let mut writer = store.lock(&holder).expect("the lock");
    let tree = Tree::read_dir(&dir.join("configs")).expect("a tree");
    let made = writer.publish(&tree, Origin::default(), "made", 1).expect("a generation");
    let entry = Entry {
        at_us: 1,
        actor: "test".to_owned(),
        host: "test".to_owned(),
        action: "deploy".to_owned(),
        env: "test".to_owned(),
        deployment: None,
        generation: None,
        base: None,
        manifest_sha256: None,
        detail: Value::Null,
    };
    writer.switch(Some(epoch), Change::to(made), entry).expect("live");
}

/// Runs `budget check` at a moment.
#[track_caller]
fn check_at(dir: &Path, seconds: u64) -> Ran {
    let mut command = fusion(dir);
    command.args(["budget", "check", "--root", "root", "--base", "HEAD", "--json"]);
    finish(command.env("SOURCE_DATE_EPOCH", seconds.to_string()), b"")
}

/// As a run leaves the root that is killed after the change and before its record.
fn fall_without_record(dir: &Path) {
    use overlay_store::audit::Entry;
    use overlay_store::{Change, Holder, Origin, Store, Tree};

    let store = Store::open(&dir.join("root")).expect("a root");
    let holder = Holder { pid: 1, host: "test".to_owned(), started_us: 1, deployment: None };
    let mut writer = store.lock(&holder).expect("the lock");
    let pointer = writer.current().cloned().expect("live");
    let mut tree = Tree::new();
    let baseline = read(&dir.join("configs/overlays/fusion_overlay.baseline.txt"));
    tree.insert("overlays/fusion_overlay.baseline.txt", baseline).expect("a file");
    let made = writer.publish(&tree, Origin::default(), "budget", 3_000_000_000).expect("made");
    let entry = Entry {
        at_us: 3_000_000_000,
        actor: "test".to_owned(),
        host: "test".to_owned(),
        action: "budget_fall".to_owned(),
        env: "test".to_owned(),
        deployment: None,
        generation: Some(made.generation.0),
        base: None,
        manifest_sha256: Some(made.manifest),
        detail: Value::Null,
    };
    writer.switch(Some(pointer.epoch), Change::to(made), entry).expect("live");
}

#[test]
fn a_fall_without_its_record_returns_too() {
    let dir = committed();
    longer(dir.path(), 200);
    publish(dir.path(), 0);
    check_at(dir.path(), 1_000).ends_with(1);
    check_at(dir.path(), 2_000).ends_with(1);
    fall_without_record(dir.path());
    let fallen = check_at(dir.path(), 4_000).ends_with(1).json();
    assert_eq!((&fallen["state"], &fallen["generation"]), (&"fallen".into(), &1.into()));
    let root = dir.path().join("root").display().to_string();
    for args in [&["deploy", "status", "--root", &root][..], &["health", "--root", &root]] {
        let told = run(dir.path(), args).stdout;
        assert!(
            told.contains("fallen to the built-in minimum since 1970-01-01T00:50:00Z"),
            "{told}"
        );
        assert!(told.contains("generation 1 returns after five good runs"), "{told}");
    }
    git(dir.path(), &["commit", "-q", "-a", "-m", "accepted"]);
    for run in 1..=4 {
        check_at(dir.path(), 3_000 + run * 3_600).ends_with(1);
    }
    let back = check_at(dir.path(), 3_000 + 5 * 3_600).ends_with(0).json();
    assert_eq!((&back["step"], &back["live"]), (&"return".into(), &1.into()), "{back:#}");
    let told = run(dir.path(), &["deploy", "status", "--root", &root]).stdout;
    assert!(!told.contains("fallen"), "{told}");
}

#[test]
fn breaches_of_one_generation_are_not_those_of_the_next() {
    let dir = committed();
    longer(dir.path(), 200);
    publish(dir.path(), 0);
    check_at(dir.path(), 1_000).ends_with(1);
    check_at(dir.path(), 2_000).ends_with(1);
    longer(dir.path(), 210);
    publish(dir.path(), 1);
    let third = check_at(dir.path(), 3_000).ends_with(1).json();
    assert_eq!((&third["breaches"], &third["step"]), (&1.into(), &"stay".into()), "{third:#}");
}

#[test]
fn what_is_no_root_is_left_as_it_is() {
    let dir = committed();
    let empty = dir.path().join("root");
    std::fs::create_dir(&empty).expect("a folder");
    let ran = check_at(dir.path(), 1_000).ends_with(5);
    assert!(ran.stdout.contains("nothing is deployed"), "{ran:#?}");
    assert_eq!(std::fs::read_dir(&empty).expect("the folder").count(), 0);
}

/// Cuts the end of a file off.
fn cut(dir: &Path, file: &str) {
    let path = dir.join(file);
    let text = read(&path);
    write(&path, text.get(..text.len() - 40).expect("a longer text"));
}

#[test]
fn a_check_without_the_recordings_that_it_needs_counts_neither_way() {
    let dir = committed();
    longer(dir.path(), 1);
    golden(dir.path(), &["record", "--authored", "goldens/authored/answers.jsonl"]).ends_with(0);
    let broken = "configs/overlays/fusion_overlay.broken.txt";
    write(&dir.path().join(broken), "TRUST_FLOOR=7\n");
    publish(dir.path(), 0);
    cut(dir.path(), "goldens/cassettes/duplicate_charge.jsonl");
    let ran = check_at(dir.path(), 1_000).ends_with(1);
    let error = ran.json()["error"].to_string();
    assert!(error.contains("recordings of the working tree cannot be read"), "{ran:#?}");
    let finding = "goldens/cassettes/duplicate_charge.jsonl:3:1: error[GLD1007]";
    assert!(ran.stderr.lines().any(|it| it.starts_with(finding)), "{}", ran.stderr);
    let of_generation = format!("generation 1: {broken}:1:13: error[");
    assert!(ran.stderr.lines().any(|it| it.starts_with(&of_generation)), "{}", ran.stderr);
    let log = read(&dir.path().join("root/audit/00000001.jsonl"));
    assert!(!log.contains("budget_check"), "{log}");
}

#[test]
fn a_change_that_mends_a_file_of_the_base_can_be_merged() {
    let dir = committed();
    let golden = "goldens/duplicate_charge_golden.json";
    let whole = read(&dir.path().join(golden));
    cut(dir.path(), golden);
    git(dir.path(), &["commit", "-q", "-a", "-m", "broken"]);
    gate(dir.path(), &[]).ends_with(1);
    write(&dir.path().join(golden), whole);
    let report = gate(dir.path(), &["--base", "HEAD", "--json", "-"]).ends_with(0).json();
    assert_eq!(report["verdict"], "warn", "{report:#}");
    assert_eq!(report["findings"][0]["severity"], "warning", "{report:#}");
    gate(dir.path(), &["--base", "HEAD", "--strict"]).ends_with(3);
}

#[test]
fn broken_limits_of_what_is_live_are_shown() {
    let dir = committed();
    write(&dir.path().join("configs/budgets.toml"), "[tokens]\nwarn = 30\n");
    publish(dir.path(), 0);
    let report = check_at(dir.path(), 1_000).ends_with(1).json();
    assert_eq!(report["findings"][0]["code"], "GLD7002", "{report:#}");
    let args = ["budget", "check", "--root", "root", "--base", "HEAD"];
    let ran = run(dir.path(), &args).ends_with(1);
    assert!(
        ran.stdout.contains("generation 1: configs/budgets.toml:2:8: error[GLD7002]"),
        "{ran:#?}"
    );
    assert!(ran.stdout.contains("note: the usual limits hold"), "{ran:#?}");
}

#[test]
fn three_breaches_fall_and_five_good_runs_return() {
    let dir = committed();
    longer(dir.path(), 200);
    publish(dir.path(), 0);
    let breach = check_at(dir.path(), 1_000).ends_with(1).json();
    let cause = &breach["cause"];
    assert_eq!((&cause["check"], &cause["overlay"]), (&"prompt_tokens".into(), &"refund".into()));
    assert_eq!((&cause["against"], &cause["limit"]), (&"HEAD".into(), &0.12.into()), "{cause:#}");
    assert_eq!(cause["scenario"], "duplicate_charge");
    assert_eq!(cause["changes"][0]["key"], "prompt: Core Directive", "{cause:#}");
    assert_eq!(cause["changes"][0]["file"], "configs/micro_overlays/refund.md", "{cause:#}");
    check_at(dir.path(), 2_000).ends_with(1);
    let fell = check_at(dir.path(), 3_000).ends_with(6).json();
    assert_eq!((&fell["step"], &fell["live"]), (&"fall".into(), &2.into()), "{fell:#}");
    let live = dir.path().join("root/gen/00000002/tree/overlays");
    let names: Vec<_> = std::fs::read_dir(&live).expect("overlays").flatten().collect();
    assert_eq!(names.len(), 1);
    assert!(read(&names[0].path()).contains("BUDGET_DOWNGRADE_ACTIVE=true"));
    check_at(dir.path(), 4_000).ends_with(1);
    // Released meanwhile: the longer prompt is what the base has, too.
    git(dir.path(), &["commit", "-q", "-a", "-m", "accepted"]);
    for run in 1..=4 {
        check_at(dir.path(), 3_000 + run * 3_600).ends_with(1);
    }
    let back = check_at(dir.path(), 3_000 + 5 * 3_600).ends_with(0).json();
    assert_eq!((&back["step"], &back["live"]), (&"return".into(), &1.into()), "{back:#}");
    let log = read(&dir.path().join("root/audit/00000001.jsonl"));
    let records: Vec<Value> =
        log.lines().map(|it| serde_json::from_str(it).expect("a record")).collect();
    for action in ["budget_fall_intent", "budget_fall_committed", "budget_return_committed"] {
        let record = records.iter().find(|it| it["action"] == action).expect(action);
        let cause = &record["detail"]["cause"];
        assert_eq!((&cause["check"], &cause["limit"]), (&"prompt_tokens".into(), &"0.1200".into()));
        let more = cause["more"].as_str().and_then(|it| it.parse::<f64>().ok());
        assert!(more.is_some_and(|it| it > 1.0), "{action}: {cause:#}");
        assert_eq!(cause["overlay"], "refund");
        assert_eq!(cause["changes"][0]["file"], "configs/micro_overlays/refund.md", "{cause:#}");
        let seen =
            if action.starts_with("budget_fall") { &cause["more"] } else { &Value::from("0.0000") };
        assert_eq!(&record["detail"]["more"], seen, "{action}");
    }
    check_at(dir.path(), 30_000).ends_with(0);
}

#[test]
fn a_check_tells_a_person_what_it_saw() {
    let dir = committed();
    longer(dir.path(), 200);
    publish(dir.path(), 0);
    let told = |seconds: u64| {
        let mut command = fusion(dir.path());
        command.args(["budget", "check", "--root", "root", "--base", "HEAD"]);
        finish(command.env("SOURCE_DATE_EPOCH", seconds.to_string()), b"").stdout
    };
    snapbox::assert_data_eq!(
        told(1_000),
        snapbox::str![[r#"
breach: generation 1 has +[..] % tokens
prompt tokens of refund +[..] % against HEAD, the limit is 12 %; most in duplicate_charge
  prompt: Core Directive in configs/micro_overlays/refund.md:2
1 of 3 breaches in a row

"#]]
    );
    told(2_000);
    let fell = told(3_000);
    assert!(fell.ends_with("\nfell to the built-in minimum: generation 2 is live\n"), "{fell}");
    let waits = told(4_000);
    assert!(waits.ends_with("\nfallen since 1970-01-01T00:50:00Z, 0 of 5 good runs\n"), "{waits}");
    git(dir.path(), &["commit", "-q", "-a", "-m", "accepted"]);
    let good: Vec<_> = (1..=5).map(|run| told(3_000 + run * 3_600)).collect();
    assert_eq!(
        good[0],
        "within the budget: generation 1 has +0.0 % tokens\n\
         fallen since 1970-01-01T00:50:00Z, 1 of 5 good runs\n"
    );
    assert!(good[4].ends_with("\nreturned: generation 1 is live\n"), "{}", good[4]);
    assert_eq!(told(30_000), "within the budget: generation 1 has +0.0 % tokens\n");
}

/// Gives what is recorded without a time this one.
fn timed(dir: &Path, milliseconds: u32) {
    let path = dir.join("goldens/cassettes/duplicate_charge.jsonl");
    let text = read(&path);
    assert!(text.contains(r#""latency":{"source":""}"#), "{text}");
    let time = format!(r#""latency":{{"e2e_ms":{milliseconds}.0,"source":"recorded"}}"#);
    write(&path, text.replace(r#""latency":{"source":""}"#, &time));
}

/// Records every answer once more, as the next sample of its request.
fn recorded_again(dir: &Path) {
    let path = dir.join("goldens/cassettes/duplicate_charge.jsonl");
    let text = read(&path);
    let again = text.lines().map(|line| {
        let mut line: Value = serde_json::from_str(line).expect("a line");
        let request = serde_json::from_value(line["request"].clone()).expect("a request");
        let call = fusion_plan::Call { request, sample: 1 };
        line["sample"] = call.sample.into();
        line["key"] = fusion_plan::request_key(&call).to_string().into();
        format!("{line}\n")
    });
    let again: String = again.collect();
    write(&path, text + &again);
}

#[test]
fn a_scenario_is_held_to_a_time_of_its_own() {
    let dir = fresh();
    let record = ["record", "--authored", "goldens/authored/answers.jsonl"];
    golden(dir.path(), &record).ends_with(0);
    timed(dir.path(), 900);
    golden(dir.path(), &["update", "--reason", "first version"]).ends_with(0);
    let limits = "[scenarios.duplicate_charge.latency]\nwarn = 3\nblock = 8\n";
    write(&dir.path().join("configs/budgets.toml"), limits);
    commit_all(dir.path());
    longer(dir.path(), 1);
    golden(dir.path(), &record).ends_with(0);
    timed(dir.path(), 9_000);
    let report = gate(dir.path(), &["--json", "-"]).ends_with(1).json();
    let row = check(&report, "latency_p95", Some("duplicate_charge"));
    assert_eq!((&row["verdict"], &row["block"]), (&"fail".into(), &8.0.into()), "{row:#}");
    assert_eq!(row["keys"][0], "prompt: Core Directive", "{row:#}");
    assert_eq!(row["n"], 1);
    let ran = gate(dir.path(), &[]).ends_with(1);
    let message = "fail p95 of the latency of duplicate_charge: p95 of the latency 9.00 s, at least \
                   9.00 s: over the limit of 8 s; base 0.90 s; limits of its own, by 1 recorded answer";
    assert!(ran.stdout.contains(message), "{}", ran.stdout);
    // A second answer to each request counts, too.
    recorded_again(dir.path());
    let report = gate(dir.path(), &["--json", "-"]).ends_with(1).json();
    assert_eq!(check(&report, "latency_p95", Some("duplicate_charge"))["n"], 2);
    // With the general limits nothing of one scenario is said.
    write(&dir.path().join("configs/budgets.toml"), "[latency]\nwarn = 3\nblock = 8\n");
    let report = gate(dir.path(), &["--json", "-"]).json();
    let rows = report["checks"].as_array().expect("checks").iter();
    assert!(!rows.clone().any(|it| it["name"] == "latency_p95" && it["scenario"].is_string()));
}

#[test]
fn what_cannot_be_compared_is_never_green() {
    let alone = accepted();
    let ran = gate(alone.path(), &["--json", "-"]).ends_with(1);
    assert_eq!(ran.json()["verdict"], "invalid");
    assert!(ran.stdout.contains("there is no base to compare with"), "{ran:#?}");
    for args in [&["--base", "nowhere"][..], &["--candidate", "nowhere"], &["--suite", "nowhere"]] {
        gate(alone.path(), args).ends_with(65);
    }
    let dir = committed();
    write(&dir.path().join("configs/budgets.toml"), "[tokes]\n");
    let mut command = fusion(dir.path());
    command.args(["budget", "gate"]).env("GITHUB_ACTIONS", "true").env("GITHUB_OUTPUT", "out.txt");
    let ran = finish(&mut command, b"").ends_with(65);
    assert!(ran.stdout.contains("GLD7001") && ran.stdout.contains("1 invalid"), "{ran:#?}");
    assert_eq!(read(&dir.path().join("out.txt")), "verdict=invalid\nfailed=1\n");
    write(&dir.path().join("configs/budgets.toml"), "[tokens]\nwarn = 30\n");
    gate(dir.path(), &[]).ends_with(1);
}

#[test]
fn a_base_without_goldens_is_no_base() {
    let dir = committed();
    git(dir.path(), &["rm", "-q", "-r", "goldens"]);
    git(dir.path(), &["commit", "-q", "-m", "without goldens"]);
    git(dir.path(), &["checkout", "-q", "HEAD~1", "--", "goldens"]);
    let ran = gate(dir.path(), &["--json", "-"]).ends_with(1);
    assert!(ran.stdout.contains("the base has no goldens"), "{ran:#?}");
}

#[test]
fn a_suite_that_shrank_is_blocked() {
    let dir = committed();
    let path = dir.path().join("configs/scenarios.yaml");
    let text = read(&path).replace("id: duplicate_charge", "id: another_charge");
    write(&path, text);
    let ran = gate(dir.path(), &["--json", "-"]);
    assert!(ran.stdout.contains("the suite shrank: it lost duplicate_charge"), "{ran:#?}");
    assert_eq!(ran.code, 1);
}

#[test]
fn own_limits_hold() {
    let dir = committed();
    longer(dir.path(), 200);
    let limits = "[tokens]\nwarn = 900\nblock = 900\n";
    write(&dir.path().join("configs/budgets.toml"), limits);
    gate(dir.path(), &[]).ends_with(4);
}

#[test]
fn a_workflow_is_told_where() {
    let dir = committed();
    longer(dir.path(), 200);
    let mut command = fusion(dir.path());
    command.args(["budget", "gate", "--markdown", "c.md", "--html", "r.html", "--junit", "j.xml"]);
    command.env("GITHUB_ACTIONS", "true").env("GITHUB_OUTPUT", "out.txt");
    command.env("GITHUB_STEP_SUMMARY", "summary.md");
    let ran = finish(&mut command, b"").ends_with(1);
    assert!(ran.stderr.contains("::error file=configs/micro_overlays/refund.md"), "{ran:#?}");
    assert!(read(&dir.path().join("out.txt")).starts_with("verdict=fail\nfailed="));
    let comment = read(&dir.path().join("c.md"));
    assert!(comment.starts_with("<!-- resontinex:budget -->"), "{comment}");
    assert_eq!(read(&dir.path().join("summary.md")), comment);
    assert!(read(&dir.path().join("j.xml")).contains("<failure"));
    assert!(read(&dir.path().join("r.html")).starts_with("<!DOCTYPE html>"));
    gate(dir.path(), &["--json", "-", "--html", "-"]).ends_with(64);
    let ran = gate(dir.path(), &["--json", "report", "--markdown", "./report"]).ends_with(64);
    assert!(ran.stderr.contains("--markdown ./report is --json too"), "{ran:#?}");
    assert!(!dir.path().join("report").exists());
    for variable in ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"] {
        let mut command = fusion(dir.path());
        command.args(["budget", "gate"]).env("GITHUB_ACTIONS", "true").env(variable, "nowhere/x");
        let ran = finish(&mut command, b"").ends_with(64);
        assert!(ran.stderr.contains(&format!("{variable} nowhere/x: ")), "{ran:#?}");
    }
    for option in ["--json", "--html", "--markdown", "--junit"] {
        let ran = gate(dir.path(), &[option, "nowhere/report"]).ends_with(64);
        assert!(ran.stderr.contains("nowhere"), "{ran:#?}");
    }
}
