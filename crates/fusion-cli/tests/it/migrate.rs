use std::path::Path;

use tempfile::TempDir;

use crate::binary::{Ran, folder, read, run, write};

/// An overlay of the original's v0.3.
const OLD: &str = "\
# Audits
FUSION_OVERLAY_VERSION=0.3
ENTROPY_REDUCTION_TARGET=0.72
CONTINUITY_ENFORCEMENT=semantic_thread
TRUST_SCORING_MODEL=simple_alignment
FUSION_MODE=quality_first
VOTING_POWER_MAP=EntropyAuditor:2,TrustManager:1
LOG_LEVEL=info
";

const FILE: &str = "configs/fusion_overlay.audit_v0.3.txt";
const MOVED: &str = "configs/overlays/fusion_overlay.audit.txt";
const SET: [&str; 2] = ["--set", "fusion_overlay.audit.txt:CONTINUITY_ENFORCEMENT=enhanced_thread"];

fn old() -> TempDir {
    folder(&[(FILE, OLD)])
}

#[track_caller]
fn migrate(dir: &Path, args: &[&str]) -> Ran {
    run(dir, &[&["migrate"], args].concat())
}

#[test]
fn a_plan_says_what_is_left_to_a_person() {
    let dir = old();
    let ran = migrate(dir.path(), &["plan"]).ends_with(1);
    assert!(
        ran.stdout.contains("left to you:\n  overlays/fusion_overlay.audit.txt:4:24"),
        "{ran:#?}"
    );
    let decided = [&["plan"], &SET[..], &["--json"]].concat();
    let report = migrate(dir.path(), &decided).ends_with(2).json();
    assert_eq!(report["schema"], "fusion/migration-report/1");
    assert_eq!(report["manual"], 0);
    assert_eq!(read(&dir.path().join(FILE)), OLD, "nothing was written");
    assert!(!dir.path().join("configs/.fusion-migrate").exists());
}

#[test]
fn steps_are_taken_and_taken_back() {
    let dir = old();
    let apply = [&["apply"], &SET[..]].concat();
    let dry = migrate(dir.path(), &[&apply[..], &["--dry-run"]].concat()).ends_with(2);
    assert!(dry.stdout.contains("+FUSION_OVERLAY_VERSION=2.1.0"), "{dry:#?}");
    assert!(!dir.path().join(MOVED).exists());

    let ran = migrate(dir.path(), &apply).ends_with(0);
    assert!(ran.stdout.contains(" applied: "), "{ran:#?}");
    assert!(read(&dir.path().join(MOVED)).contains("VOTING_POWER_MAP=entropy:2,trust:1"));
    assert!(!dir.path().join(FILE).exists());
    let again = migrate(dir.path(), &apply[..1]).ends_with(0);
    assert!(again.stdout.contains("nothing to migrate"), "{again:#?}");
    let valid = migrate(dir.path(), &["validate", "--json"]).ends_with(0).json();
    assert_eq!(valid["overlays"], 1);

    let ran = migrate(dir.path(), &["rollback", "--json"]).ends_with(0).json();
    assert_eq!(ran["progress"], "rolled_back");
    assert_eq!(read(&dir.path().join(FILE)), OLD);
    assert!(!dir.path().join(MOVED).exists());
    migrate(dir.path(), &["rollback"]).ends_with(5);
}

#[test]
fn a_plan_in_a_file_is_taken_as_it_was_made() {
    let dir = old();
    let plan = migrate(dir.path(), &[&["plan"], &SET[..], &["--json"]].concat()).ends_with(2);
    let file = dir.path().join("plan.json");
    write(&file, plan.stdout.replace("enhanced_thread", "basic_thread"));
    let ran = migrate(dir.path(), &["apply", "--plan", "plan.json"]).ends_with(8);
    assert!(ran.stderr.contains("changed after it was made"), "{ran:#?}");
    write(&file, &plan.stdout);
    migrate(dir.path(), &["apply", "--plan", "plan.json"]).ends_with(0);
    assert!(read(&dir.path().join(MOVED)).contains("CONTINUITY_ENFORCEMENT=enhanced_thread"));
}

#[test]
fn what_cannot_be_done_says_why() {
    let dir = old();
    migrate(dir.path(), &["plan", "gone"]).ends_with(65);
    migrate(dir.path(), &["rollback"]).ends_with(5);
    migrate(dir.path(), &["plan", "--set", "lower=1"]).ends_with(64);
    // What is left to a person is left, and said.
    let ran = migrate(dir.path(), &["apply", "--yes"]).ends_with(1);
    assert!(
        ran.stdout.contains("left to you:\n  overlays/fusion_overlay.audit.txt:4:24"),
        "{ran:#?}"
    );
    assert!(ran.stderr.starts_with("nothing was done, for 1 finding left to you"), "{ran:#?}");
    assert_eq!(read(&dir.path().join(FILE)), OLD, "nothing was done");
    let ran = migrate(dir.path(), &["apply", "--allow-open"]).ends_with(1);
    assert!(ran.stderr.contains("left to you: overlays/fusion_overlay.audit.txt:4:24"), "{ran:#?}");
    write(&dir.path().join(MOVED), "changed\n");
    let ran = migrate(dir.path(), &["rollback", "--json"]).ends_with(9);
    assert_eq!(ran.json()["schema"], "fusion/error/1");
    assert!(ran.stderr.contains("changed since: overlays/fusion_overlay.audit.txt"), "{ran:#?}");
}

#[test]
fn a_tree_that_cannot_be_looked_at_is_not_one_without_a_run() {
    let dir = folder(&[("configs", "a file\n"), ("m2/.fusion-migrate", "a file\n")]);
    for command in ["rollback", "apply"] {
        let ran = migrate(dir.path(), &[command, "--yes"]).ends_with(65);
        assert!(ran.stderr.contains("configs"), "{ran:#?}");
        assert!(ran.stderr.contains("Not a directory"), "{ran:#?}");
        let ran = migrate(dir.path(), &[command, "m2", "--yes"]).ends_with(69);
        assert!(ran.stderr.contains(".fusion-migrate"), "{ran:#?}");
    }
    migrate(dir.path(), &["rollback", "gone", "--yes"]).ends_with(5);
}

#[test]
fn a_plan_in_a_file_does_not_leave_a_tree_that_does_not_load() {
    let dir = old();
    let plan = migrate(dir.path(), &["plan", "--json"]).ends_with(1);
    write(&dir.path().join("plan.json"), &plan.stdout);
    migrate(dir.path(), &["apply", "--plan", "plan.json"]).ends_with(1);
    assert_eq!(read(&dir.path().join(FILE)), OLD);
    migrate(dir.path(), &["apply", "--plan", "plan.json", "--allow-open"]).ends_with(1);
    assert!(dir.path().join(MOVED).exists());
}

#[test]
fn a_decision_that_decides_nothing_is_said_and_a_wrong_word_refused() {
    let dir = old();
    for command in ["plan", "apply"] {
        let ran = migrate(dir.path(), &[command, "--set", "CONTINUITY_ENFORCEMENT=semantic"]);
        let ran = ran.ends_with(64);
        assert!(ran.stderr.contains("`semantic` is no word of CONTINUITY_ENFORCEMENT"), "{ran:#?}");
    }
    let ran = migrate(dir.path(), &[&["apply", "--keep", "ghost.txt"], &SET[..]].concat());
    let ran = ran.ends_with(0);
    let said = "to know: warning[MIG1003]: `--keep ghost.txt` answers no question";
    assert!(ran.stderr.contains(said), "{ran:#?}");
}

/// Cuts the last `lines` off the journal of the only run, as a process that is killed leaves it.
#[track_caller]
fn cut_journal(dir: &Path, lines: usize) {
    let runs = dir.join("configs/.fusion-migrate");
    let mut runs = std::fs::read_dir(runs).expect("runs").map(|it| it.expect("a run").path());
    let journal = runs.find(|it| it.is_dir()).expect("a run").join("journal.jsonl");
    let text = read(&journal);
    let kept: Vec<_> = text.lines().collect();
    write(&journal, kept[..kept.len() - lines].join("\n") + "\n");
}

#[test]
fn a_run_that_was_killed_is_named_and_taken_back() {
    let dir = old();
    migrate(dir.path(), &[&["apply"], &SET[..]].concat()).ends_with(0);
    cut_journal(dir.path(), 2);
    for command in ["plan", "validate"] {
        let ran = migrate(dir.path(), &[command]).ends_with(1);
        assert!(ran.stdout.contains("error[MIG1504]: the run of plan "), "{ran:#?}");
        let ran = migrate(dir.path(), &[command, "--json"]).ends_with(1).json();
        assert_eq!(ran["findings"][0]["code"], "MIG1504");
    }
    let ran = migrate(dir.path(), &["rollback"]).ends_with(0);
    assert!(ran.stdout.contains(" rolled back: "), "{ran:#?}");
    assert_eq!(read(&dir.path().join(FILE)), OLD);
    assert!(!dir.path().join(MOVED).exists());
    migrate(dir.path(), &["validate"]).ends_with(0);
}

#[test]
fn a_rollback_that_was_killed_is_finished_and_nothing_migrated_again() {
    let dir = old();
    let apply = [&["apply"], &SET[..]].concat();
    migrate(dir.path(), &apply).ends_with(0);
    migrate(dir.path(), &["rollback"]).ends_with(0);
    cut_journal(dir.path(), 2);
    let ran = migrate(dir.path(), &apply).ends_with(11);
    assert!(ran.stderr.contains("`fusion migrate rollback` finishes it"), "{ran:#?}");
    migrate(dir.path(), &["rollback"]).ends_with(0);
    assert_eq!(read(&dir.path().join(FILE)), OLD);
    migrate(dir.path(), &apply).ends_with(0);
}

#[test]
fn a_run_that_was_killed_is_finished_by_its_plan() {
    let dir = old();
    let plan = migrate(dir.path(), &[&["plan"], &SET[..], &["--json"]].concat()).ends_with(2);
    write(&dir.path().join("plan.json"), &plan.stdout);
    let apply = ["apply", "--plan", "plan.json"];
    migrate(dir.path(), &apply).ends_with(0);
    cut_journal(dir.path(), 2);
    let ran = migrate(dir.path(), &apply).ends_with(0);
    assert!(ran.stdout.contains("resumed"), "{ran:#?}");
    migrate(dir.path(), &["validate"]).ends_with(0);
}

#[test]
fn a_file_that_was_edited_bars_no_rollback_for_ever() {
    let dir = old();
    migrate(dir.path(), &[&["apply"], &SET[..]].concat()).ends_with(0);
    write(&dir.path().join(MOVED), "TRUST_FLOOR=0.9\n");
    let ran = migrate(dir.path(), &["rollback"]).ends_with(9);
    assert!(ran.stderr.contains("give --set-aside to keep them elsewhere"), "{ran:#?}");
    let report = migrate(dir.path(), &["rollback", "--set-aside", "--json"]).ends_with(0).json();
    let kept = report["set_aside"][0].as_str().expect("a path");
    assert_eq!(read(&dir.path().join("configs").join(kept)), "TRUST_FLOOR=0.9\n");
    assert_eq!(read(&dir.path().join(FILE)), OLD);
    assert!(!dir.path().join(MOVED).exists());
}
