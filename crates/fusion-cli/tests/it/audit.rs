use std::fs;

use serde_json::json;

use crate::binary::{read, run, write};
use crate::deploy::{apply, deployed};

#[test]
fn the_log_is_filtered_and_exported() {
    let dir = deployed();
    apply(dir.path(), "0.7");
    let audit = |args: &[&str]| {
        run(dir.path(), &[&["audit"], args, &["--root", "prod", "--json"]].concat())
    };
    let all = audit(&["log"]).ends_with(0).json();
    assert_eq!(all["total"], 4);
    assert_eq!(all["records"][0]["seq"], 1);
    let done = audit(&["log", "--action", "deploy_committed", "--since", "1h"]).json();
    assert_eq!(done["total"], 2);
    let id = done["records"][1]["deployment"].as_str().expect("an id").to_owned();
    assert_eq!(audit(&["log", "--deployment", &id]).json()["total"], 2);
    assert_eq!(audit(&["log", "--before", "1h"]).json()["total"], 0);
    audit(&["log", "--since", "yesterday"]).ends_with(64);
    let last = audit(&["log", "--limit", "1"]).json();
    assert_eq!((&last["total"], &last["records"][0]["seq"]), (&json!(4), &json!(4)));

    let lines = run(dir.path(), &["audit", "export", "--root", "prod"]).ends_with(0).stdout;
    assert_eq!(lines, read(&dir.path().join("prod/audit/00000001.jsonl")));
    audit(&["export", "-o", "a.jsonl"]).ends_with(0);
    assert_eq!(read(&dir.path().join("a.jsonl")), lines);
}

#[test]
fn an_edited_record_is_named() {
    let dir = deployed();
    let file = dir.path().join("prod/audit/00000001.jsonl");
    let verify = || run(dir.path(), &["audit", "verify", "--root", "prod", "--json"]);
    assert_eq!(verify().ends_with(0).json()["records"], 2);
    let text = read(&file);
    write(&file, text.replacen("\"host\":\"", "\"host\":\"x", 1));
    let report = verify().ends_with(8).json();
    assert_eq!((&report["valid"], &report["broken"]["seq"]), (&json!(false), &json!(1)));
}

#[test]
fn a_checkpoint_shows_a_log_that_was_rewritten_as_a_whole() {
    let dir = deployed();
    let audit = |args: &[&str]| run(dir.path(), &[&["audit"], args].concat());
    let note = audit(&["checkpoint", "--root", "prod", "--new-key", "k"]).ends_with(0).stdout;
    assert!(note.starts_with("resontinex-audit/1\norigin development@"), "{note}");
    write(&dir.path().join("note"), &note);
    assert!(dir.path().join("prod/audit/checkpoints/00000002.note").is_file());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(dir.path().join("k")).expect("the key").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    audit(&["checkpoint", "--root", "prod", "--new-key", "k"]).ends_with(64);
    audit(&["checkpoint", "--root", "prod"]).ends_with(64);
    audit(&["checkpoint", "--root", "prod", "--key-file", "note"]).ends_with(65);

    apply(dir.path(), "0.7");
    audit(&["checkpoint", "--root", "prod", "--key-file", "k", "-o", "later"]).ends_with(0);
    let check = |root: &str, key: &str| {
        let verify = ["verify", "--root", root, "--checkpoint", "note", "--public-key", key];
        audit(&verify)
    };
    let ran = check("prod", "k.pub").ends_with(0);
    assert!(ran.stdout.contains("goes on from the checkpoint of development@"), "{ran:#?}");
    // A root with another history, whole in itself.
    let other = deployed();
    let root = other.path().join("prod").display().to_string();
    let ran = check(&root, "k.pub").ends_with(8);
    assert!(ran.stdout.contains("audit record 2"), "{ran:#?}");
    write(&dir.path().join("other.pub"), "00".repeat(32));
    let ran = check("prod", "other.pub").ends_with(8);
    assert!(ran.stderr.contains("not trusted"), "{ran:#?}");
}

#[test]
fn a_filter_that_admits_nothing_says_so() {
    let dir = deployed();
    let log =
        |args: &[&str]| run(dir.path(), &[&["audit", "log", "--root", "prod"], args].concat());
    let ran = log(&["--actor", "nobody-at-all"]).ends_with(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", "no record is as wanted\n"));
    let ran = log(&["--action", "deploy"]).ends_with(0);
    assert!(ran.stderr.contains("there are: deploy_committed, deploy_intent"), "{ran:#?}");
}

#[test]
fn a_key_that_cannot_sign_or_be_made_is_a_wrong_command_line() {
    let dir = deployed();
    let checkpoint = |args: &[&str]| {
        run(dir.path(), &[&["audit", "checkpoint", "--root", "prod"], args].concat())
    };
    checkpoint(&["--new-key", "nowhere/k"]).ends_with(64);
    checkpoint(&["--new-key", "k"]).ends_with(0);
    let ran = checkpoint(&["--key-file", "k.pub"]).ends_with(64);
    assert!(ran.stderr.contains("k.pub is the public half of a key"), "{ran:#?}");
    checkpoint(&["--key-file", "k"]).ends_with(0);
}

#[test]
fn an_export_is_verified_without_its_root() {
    let dir = deployed();
    let audit = |args: &[&str]| run(dir.path(), &[&["audit"], args].concat());
    audit(&["checkpoint", "--root", "prod", "--new-key", "k", "-o", "note"]).ends_with(0);
    apply(dir.path(), "0.7");
    let export = ["export", "--root", "prod", "-o", "a.jsonl", "--json"];
    let report = audit(&export).ends_with(0).json();
    assert_eq!(report["schema"], "fusion/audit-export/1");
    assert_eq!((&report["records"], &report["valid"]), (&json!(4), &json!(true)));
    fs::remove_dir_all(dir.path().join("prod")).expect("removed");

    let verify = |args: &[&str]| audit(&[&["verify", "--file", "a.jsonl"], args].concat());
    let ran = verify(&[]).ends_with(0);
    assert!(ran.stdout.starts_with("4 records, each as it was written; head sha256:"), "{ran:#?}");
    assert!(ran.stdout.contains("nothing says what the last record held"), "{ran:#?}");
    let signed = ["--checkpoint", "note", "--public-key", "k.pub"];
    let report = verify(&[&signed[..], &["--json"]].concat()).ends_with(0).json();
    assert_eq!(report["schema"], "fusion/audit-verify-export/1");
    assert_eq!((&report["valid"], &report["records"]), (&json!(true), &json!(4)));

    let file = dir.path().join("a.jsonl");
    let lines = read(&file);
    write(&file, lines.replacen("\"host\":\"", "\"host\":\"x", 1));
    let ran = verify(&[]).ends_with(8);
    assert!(ran.stdout.contains("audit record 1 (a.jsonl:1): its content is not"), "{ran:#?}");
    // What begins after the checkpoint cannot be held against it.
    let later: Vec<_> = lines.split_inclusive('\n').skip(3).collect();
    write(&file, later.concat());
    let ran = verify(&signed).ends_with(3);
    assert!(ran.stderr.contains("begins after record 3"), "{ran:#?}");
}

#[test]
fn an_export_of_a_log_that_was_edited_says_so() {
    let dir = deployed();
    let file = dir.path().join("prod/audit/00000001.jsonl");
    let edited = read(&file).replacen("\"host\":\"", "\"host\":\"x", 1);
    write(&file, &edited);
    let export =
        |args: &[&str]| run(dir.path(), &[&["audit", "export", "--root", "prod"], args].concat());
    let ran = export(&[]).ends_with(8);
    assert_eq!(ran.stdout.lines().count(), 2, "it is written all the same");
    assert!(ran.stderr.contains("warning: the log is not as it was written"), "{ran:#?}");
    let report = export(&["--json", "-o", "a.jsonl"]).ends_with(8).json();
    assert_eq!((&report["valid"], &report["broken"]["seq"]), (&json!(false), &json!(1)));
    assert!(dir.path().join("a.jsonl").is_file());
}
