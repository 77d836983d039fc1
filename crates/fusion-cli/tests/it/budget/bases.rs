//! What the gate compares with where nobody names a base.

use std::path::Path;

use fusion_golden::Suite;
use fusion_golden::budget::measure;
use serde_json::{Value, json};

use super::{base_of, commit_all, committed, gate, git, longer};
use crate::binary::{Ran, finish, fusion, read, write};
use crate::suite::accepted;

const RECORD: &str = "goldens/released/1.0.0.json";

#[track_caller]
fn commit(dir: &Path, message: &str) {
    git(dir, &["add", "-A"]);
    git(dir, &["commit", "-q", "--allow-empty", "-m", message]);
}

/// The commit that is checked out.
fn head(dir: &Path) -> String {
    let path = dir.join(".git/refs/heads/main");
    read(&path).trim().to_owned()
}

fn report(dir: &Path, code: i32) -> Value {
    gate(dir, &["--json", "-"]).ends_with(code).json()
}

fn names(report: &Value) -> Vec<String> {
    let bases = report["bases"].as_array().expect("bases").iter();
    bases.map(|it| it["name"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_stray_file_hides_no_committed_regression() {
    let dir = committed();
    longer(dir.path(), 200);
    commit(dir.path(), "longer");
    git(dir.path(), &["update-ref", "refs/remotes/origin/main", "HEAD"]);
    for stray in ["configs/.DS_Store", "goldens/notes.txt"] {
        write(&dir.path().join(stray), "x");
        let report = report(dir.path(), 1);
        assert_eq!(report["verdict"], "fail", "{stray}");
        let names = names(&report);
        assert!(names[0].starts_with("merge base with origin/main ("), "{names:?}");
        assert!(names[1].starts_with("the commit before, on origin/main ("), "{names:?}");
    }
    // A candidate from elsewhere may hold the same as HEAD, too.
    let ran = gate(dir.path(), &["--candidate", "configs", "--json", "-"]).ends_with(1);
    assert_eq!(names(&ran.json()).len(), 2);
}

#[track_caller]
fn since(dir: &Path, commit: &str, code: i32) -> Ran {
    let mut command = fusion(dir);
    command.args(["budget", "gate", "--json", "-"]).env("FUSION_BUDGET_SINCE", commit);
    finish(&mut command, b"").ends_with(code)
}

#[test]
fn a_push_of_several_commits_is_judged_as_a_whole() {
    let dir = committed();
    let before = head(dir.path());
    longer(dir.path(), 200);
    commit(dir.path(), "longer");
    commit(dir.path(), "words");
    report(dir.path(), 0);
    let pushed = since(dir.path(), &before, 1).json();
    assert!(base_of(&pushed).starts_with("what the push replaces ("), "{pushed:#}");
    assert_eq!(pushed["verdict"], "fail");
    // A new branch, and a variable that says nothing.
    let new = since(dir.path(), &"0".repeat(40), 0).json();
    assert!(base_of(&new).starts_with("the commit before, on main ("), "{new:#}");
    assert!(new["notes"][0].as_str().is_some_and(|it| it.contains("all zeros")), "{new:#}");
    since(dir.path(), "", 0);
    // The same again is not compared with itself.
    let again = since(dir.path(), &head(dir.path()), 0).json();
    assert!(base_of(&again).starts_with("the commit before, on the pushed branch ("), "{again:#}");
    let ran = since(dir.path(), &"a".repeat(40), 65);
    assert!(ran.stderr.contains("git fetch origin aaaa"), "{}", ran.stderr);
}

#[test]
fn a_rewritten_branch_is_compared_with_what_it_was() {
    let dir = committed();
    commit(dir.path(), "words");
    let before = head(dir.path());
    git(dir.path(), &["reset", "-q", "--hard", "HEAD~1"]);
    longer(dir.path(), 200);
    commit(dir.path(), "longer");
    commit(dir.path(), "other words");
    let pushed = since(dir.path(), &before, 1).json();
    assert!(pushed["notes"][0].as_str().is_some_and(|it| it.contains("rewritten")), "{pushed:#}");
}

/// Writes a record of what the suite comes to.
fn release(dir: &Path, version: &str) {
    let suite = Suite::open(&dir.join("goldens")).unwrap();
    let record = measure(&suite, &[], version, 1).unwrap();
    let mut record = serde_json::to_value(record).unwrap();
    record["accepted"] = json!({"reason": "known", "checks": []});
    let text = serde_json::to_string_pretty(&record).unwrap();
    write(&dir.join(format!("goldens/released/{version}.json")), text);
}

#[track_caller]
fn said(report: &Value, verdict: &str, message: &str) {
    let checks = report["checks"].as_array().expect("checks");
    let is_it = |it: &&Value| it["message"].as_str().is_some_and(|it| it.contains(message));
    let rows: Vec<_> = checks.iter().filter(is_it).collect();
    assert_eq!(rows.len(), 1, "{message}: {report:#}");
    assert_eq!((&rows[0]["verdict"], &report["verdict"]), (&verdict.into(), &verdict.into()));
}

#[test]
fn a_record_that_is_gone_or_edited_is_named_and_still_compared_with() {
    let dir = accepted();
    release(dir.path(), "1.0.0");
    commit_all(dir.path());
    commit(dir.path(), "words");
    let path = dir.path().join(RECORD);
    assert!(names(&report(dir.path(), 0)).contains(&"release 1.0.0".to_owned()));
    let text = read(&path);
    // Small steps since the release, each of which would pass.
    longer(dir.path(), 200);
    commit(dir.path(), "longer");
    commit(dir.path(), "more words");
    std::fs::remove_file(&path).unwrap();
    let gone = report(dir.path(), 1);
    said(&gone, "fail", "goldens/released/1.0.0.json is gone");
    assert!(names(&gone).contains(&"release 1.0.0".to_owned()), "{gone:#}");
    commit(dir.path(), "without record");
    said(&report(dir.path(), 1), "fail", "goldens/released/1.0.0.json is gone");
    git(dir.path(), &["reset", "-q", "--hard", "HEAD~1"]);
    release(dir.path(), "1.0.0");
    let edited = report(dir.path(), 1);
    said(&edited, "fail", "goldens/released/1.0.0.json is another one than in the base");
    let names = names(&edited);
    assert!(names.iter().any(|it| it.starts_with("release 1.0.0 as in ")), "{names:?}");
    // Laid out otherwise it is the same one.
    let value: Value = serde_json::from_str(&text).unwrap();
    git(dir.path(), &["reset", "-q", "--hard", "HEAD~2"]);
    write(&path, value.to_string());
    report(dir.path(), 0);
}

#[test]
fn a_record_that_no_release_made_is_shown() {
    let dir = accepted();
    release(dir.path(), "1.0.0");
    commit_all(dir.path());
    release(dir.path(), "0.9.0");
    assert_eq!(report(dir.path(), 0)["verdict"], "pass");
    release(dir.path(), "1.1.0");
    said(&report(dir.path(), 0), "warn", "goldens/released/1.1.0.json is new");
    gate(dir.path(), &["--strict"]).ends_with(3);
    commit(dir.path(), "release");
    said(&report(dir.path(), 0), "warn", "goldens/released/1.1.0.json is new");
    git(dir.path(), &["tag", "v1.1.0"]);
    assert_eq!(report(dir.path(), 0)["verdict"], "pass");
}

#[cfg(unix)]
mod links {
    use std::os::unix::fs::symlink;

    use super::*;

    /// The suite with its installation in another folder, to which `configs` is a link.
    fn linked() -> tempfile::TempDir {
        let dir = accepted();
        std::fs::create_dir(dir.path().join("shared")).unwrap();
        let [from, to] = ["configs", "shared/installation"].map(|it| dir.path().join(it));
        std::fs::rename(&from, &to).unwrap();
        symlink("shared/installation", &from).unwrap();
        // A link in a folder, and one to the folder around it.
        let micro = to.join("micro_overlays/refund.md");
        std::fs::create_dir(to.join("texts")).unwrap();
        std::fs::rename(&micro, to.join("texts/refund.md")).unwrap();
        symlink("../texts/refund.md", &micro).unwrap();
        symlink(".", to.join("around")).unwrap();
        commit_all(dir.path());
        dir
    }

    #[test]
    fn links_in_a_commit_are_followed() {
        let dir = linked();
        commit(dir.path(), "words");
        assert_eq!(report(dir.path(), 0)["verdict"], "pass");
        let path = dir.path().join("shared/installation/texts/refund.md");
        let text = read(&path).replace("way back.", &format!("way back. {}", "word ".repeat(200)));
        write(&path, text);
        commit(dir.path(), "longer");
        let report = report(dir.path(), 1);
        assert!(base_of(&report).starts_with("the commit before"), "{report:#}");
        assert_eq!(report["verdict"], "fail");
    }

    /// What both links lead to was committed: only that it is another link was not.
    #[test]
    fn a_suite_that_is_a_link_elsewhere_now_is_a_change() {
        let dir = accepted();
        let suite = dir.path().join("goldens");
        let [old, new] = ["old_goldens", "new_goldens"].map(|it| dir.path().join(it));
        std::fs::rename(&suite, &old).unwrap();
        let status = std::process::Command::new("cp").arg("-r").args([&old, &new]).status();
        assert!(status.unwrap().success());
        symlink("old_goldens", &suite).unwrap();
        commit_all(dir.path());
        commit(dir.path(), "words");
        assert!(base_of(&report(dir.path(), 0)).starts_with("the commit before, on main ("));
        std::fs::remove_file(&suite).unwrap();
        symlink("new_goldens", &suite).unwrap();
        let changed = report(dir.path(), 0);
        assert!(base_of(&changed).starts_with("merge base with main ("), "{changed:#}");
    }

    #[test]
    fn a_link_out_of_the_repository_is_a_change_and_no_base() {
        let dir = committed();
        let outside = tempfile::tempdir().unwrap();
        let (configs, target) = (dir.path().join("configs"), outside.path().join("configs"));
        longer(dir.path(), 200);
        let status = std::process::Command::new("cp").arg("-r").args([&configs, &target]).status();
        assert!(status.unwrap().success());
        git(dir.path(), &["checkout", "-q", "."]);
        std::fs::remove_dir_all(&configs).unwrap();
        symlink(&target, &configs).unwrap();
        let uncommitted = report(dir.path(), 1);
        assert!(base_of(&uncommitted).starts_with("merge base with main ("), "{uncommitted:#}");
        commit(dir.path(), "link");
        commit(dir.path(), "words");
        let ran = gate(dir.path(), &[]).ends_with(65);
        let target = target.display().to_string();
        let message = format!("in commit {} `configs` is a link to {target}, ", head(dir.path()));
        let before = format!("{message}and what that leads to is in no commit: name a base");
        assert!(ran.stderr.contains(&before), "{}", ran.stderr);
        assert!(!ran.stderr.replace(&target, "").contains(".tmp"), "{}", ran.stderr);
    }

    #[test]
    fn no_message_shows_a_temporary_place() {
        let dir = accepted();
        std::fs::rename(dir.path().join("configs"), dir.path().join("kept")).unwrap();
        commit_all(dir.path());
        std::fs::rename(dir.path().join("kept"), dir.path().join("configs")).unwrap();
        let ran = gate(dir.path(), &[]).ends_with(65);
        let message = format!("cannot read commit {}: configs", head(dir.path()));
        assert!(ran.stderr.contains(&message), "{}", ran.stderr);
        assert!(!ran.stderr.contains(".tmp"), "{}", ran.stderr);
    }
}
