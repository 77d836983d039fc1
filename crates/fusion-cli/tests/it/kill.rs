use std::path::Path;

use expect_test::expect;
use serde_json::json;

use crate::binary::{finish, folder, fusion, read, run, write};
use crate::flags::{FILE, FLAGS};
use crate::status::BASE;

/// Whether a refund gets an overlay by the flag file `flags`.
#[track_caller]
fn is_served(dir: &Path, flags: &str) -> bool {
    let args = ["--scenario", "refund_processing", "--confidence", "1", "--json"];
    let args = [&["flags", "route", "--flags", flags], &args[..]].concat();
    run(dir, &args).ends_with(0).json()["primary_overlay"].is_string()
}

#[test]
fn kill_changes_one_line_and_back() {
    let dir = folder(&[("f.yaml", FLAGS)]);
    let path = dir.path().join("f.yaml");
    let kill = |args: &[&str]| {
        let command = ["flags", "kill", "--flags", "f.yaml", "--reason"];
        run(dir.path(), &[&command[..], args].concat())
    };

    let ran = kill(&["wrong sums", "--dry-run"]).ends_with(2);
    assert!(ran.stdout.contains("+  kill_switch: true  # killed: wrong sums\n"), "{ran:#?}");
    assert!(ran.stdout.contains("every overlay would be off"), "{ran:#?}");
    assert_eq!(read(&path), FLAGS);

    let ran = kill(&["wrong sums"]).ends_with(0);
    expect![[r#"
        f.yaml: written
        every overlay is off by global.kill_switch of f.yaml
    "#]]
    .assert_eq(&ran.stdout);
    let line = "global:\n  kill_switch: true  # killed: wrong sums\n";
    assert_eq!(read(&path), FLAGS.replace("global:\n", line));
    assert!(!is_served(dir.path(), "f.yaml"));
    let again = kill(&["again", "--json"]).ends_with(0).json();
    assert_eq!((&again["changed"], &again["emergency"]), (&json!(false), &json!(true)));

    let undone = kill(&["fixed", "--undo", "--json"]).ends_with(0).json();
    assert_eq!((&undone["written"], &undone["emergency"]), (&json!(true), &json!(false)));
    assert_eq!(read(&path), FLAGS.replace("global:\n", "global:\n  kill_switch: false\n"));
    assert!(is_served(dir.path(), "f.yaml"));
}

#[test]
fn in_a_broken_installation_a_kill_holds_and_its_end_waits() {
    let overlay = "configs/overlays/fusion_overlay.baseline.txt";
    let broken = BASE.replace("0.60", "7");
    let dir = folder(&[(FILE, "features: {}\n"), (overlay, &broken)]);
    let args = ["flags", "kill", "--reason", "drill"];
    let ran = run(dir.path(), &args).ends_with(0);
    assert!(ran.stdout.contains("holds all the same: a service refuses"), "{ran:#?}");
    assert!(read(&dir.path().join(FILE)).contains("kill_switch: true"));

    let undo = [&args[..], &["--undo"]].concat();
    let ran = run(dir.path(), &undo).ends_with(1);
    assert!(ran.stdout.contains("without effect: a service refuses"), "{ran:#?}");
    write(&dir.path().join(overlay), BASE);
    run(dir.path(), &undo).ends_with(0);
}

#[test]
fn kill_writes_the_switch_file() {
    let dir = folder(&[(FILE, FLAGS), ("switch", "-half\n")]);
    let path = dir.path().join("switch");
    let kill = |args: &[&str]| {
        let command = ["flags", "kill", "--reason", "drill", "--file", "switch", "--json"];
        let args = [&command[..], args].concat();
        finish(fusion(dir.path()).env("RESON_FEATURES_FILE", "switch").args(args), b"")
    };
    let report = kill(&[]).ends_with(0).json();
    assert_eq!(report["replaced"], "-half");
    assert_eq!(report["held_by"], json!(["switch"]));
    assert_eq!(read(&path), "\n");
    let report = kill(&["--undo"]).ends_with(0).json();
    assert_eq!(report["emergency"], false);
    assert!(!path.exists());
    assert_eq!(kill(&["--undo"]).ends_with(0).json()["changed"], false);
}

#[test]
fn kill_says_where_else_the_switch_is_thrown() {
    let dir = folder(&[("f.yaml", FLAGS), ("off", "\n")]);
    let mut command = fusion(dir.path());
    command.env("RESON_FEATURES", "").env("RESON_FEATURES_FILE", "off");
    command.args(["flags", "kill", "--reason", "fixed", "--undo", "--flags", "f.yaml", "--json"]);
    let report = finish(&mut command, b"").ends_with(0).json();
    assert_eq!(report["held_by"], json!(["RESON_FEATURES", "RESON_FEATURES_FILE=off"]));
    assert_eq!(report["emergency"], true);
}

#[test]
fn kill_refuses_what_would_not_hold() {
    let dir = folder(&[(FILE, "features: {a: {rollout_percentage: 200}}\n")]);
    let ran = run(dir.path(), &["flags", "kill", "--reason", "why"]).ends_with(1);
    assert!(ran.stderr.contains("--file"), "{ran:#?}");
    run(dir.path(), &["flags", "kill"]).ends_with(64);
    run(dir.path(), &["flags", "kill", "--reason", "two\nlines"]).ends_with(64);
    run(dir.path(), &["flags", "kill", "--reason", "why", "--flags", "gone"]).ends_with(65);
    run(dir.path(), &["flags", "kill", "--reason", "why", "--flags", "-"]).ends_with(64);
}

#[test]
fn the_originals_file_is_taken() {
    let Some(data) = crate::data::data() else { return };
    let text = read(&data.join("origin/overlay_feature_flags.yaml"));
    let dir = folder(&[("f.yaml", &text)]);
    run(dir.path(), &["flags", "check", "f.yaml"]).ends_with(0);
    assert!(is_served(dir.path(), "f.yaml"));
    let kill = ["flags", "kill", "--flags", "f.yaml", "--reason", "drill"];
    run(dir.path(), &kill).ends_with(0);
    assert!(!is_served(dir.path(), "f.yaml"));
    run(dir.path(), &[&kill[..], &["--undo"]].concat()).ends_with(0);
    assert!(is_served(dir.path(), "f.yaml"));
}
