use std::path::Path;

use expect_test::expect;
use overlay_store::Store;
use serde_json::{Value, json};

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
fn a_reason_stands_in_braces_too_and_json_has_no_place_for_one() {
    let flow = "{features: {a: {enabled_overlays: [x]}}}\n";
    let json = "{\"features\": {\"a\": {\"enabled_overlays\": [\"x\"]}}}\n";
    let dir = folder(&[("flow.yaml", flow), ("flags.json", json)]);
    let kill = |file: &str| {
        let command = ["flags", "kill", "--reason", "wrong sums", "--json", "--flags", file];
        run(dir.path(), &command).ends_with(0).json()
    };
    let report = kill("flow.yaml");
    assert_eq!((&report["emergency"], &report["notes"]), (&json!(true), &json!(null)));
    let text = read(&dir.path().join("flow.yaml"));
    assert!(text.ends_with("}  # killed: wrong sums\n"), "{text}");

    let report = kill("flags.json");
    let note = "the file does not keep the reason: it has no place for a comment";
    assert_eq!((&report["emergency"], &report["notes"]), (&json!(true), &json!([note])));
    let text = read(&dir.path().join("flags.json"));
    assert!(!text.contains('#') && text.contains("\"kill_switch\": true"), "{text}");
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
    let earlier = dir.path().join("switch.before-kill");
    let kept = Path::new(report["kept"].as_str().unwrap_or_default());
    assert!(kept.ends_with("switch.before-kill") && earlier.exists(), "{report:#}");
    assert_eq!(report["held_by"], json!(["RESON_FEATURES_FILE=switch"]));
    assert_eq!(report["notes"], Value::Null);
    assert_eq!(read(&path), "");
    // What it said before is in force again.
    let report = kill(&["--undo"]).ends_with(0).json();
    assert_eq!((&report["emergency"], &report["restored"]), (&json!(false), &json!("-half")));
    assert_eq!(read(&path), "-half\n");
    assert!(!earlier.exists());
    assert_eq!(kill(&["--undo"]).ends_with(0).json()["changed"], false);
    // A file that was not there is not there again.
    std::fs::remove_file(&path).unwrap();
    assert_eq!(kill(&[]).ends_with(0).json()["kept"], Value::Null);
    assert_eq!(kill(&["--undo"]).ends_with(0).json()["restored"], Value::Null);
    assert!(!path.exists());
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

/// A running service obeys the switch of a file that it refuses.
#[test]
fn kill_throws_the_switch_of_a_flag_file_with_an_error() {
    let kill = ["flags", "kill", "--reason", "night"];
    let check = |text: &str, code: &str, killed: &str| {
        let dir = folder(&[(FILE, text)]);
        run(dir.path(), &[&kill[..], &["--dry-run"]].concat()).ends_with(2);
        assert_eq!(read(&dir.path().join(FILE)), text);
        let ran = run(dir.path(), &kill).ends_with(0);
        let said = "holds all the same: a service refuses the flag file as it stands (";
        assert!(ran.stdout.contains(said) && ran.stdout.contains(code), "{ran:#?}");
        assert!(ran.stdout.contains("every overlay is off by global.kill_switch of"), "{ran:#?}");
        assert!(ran.stderr.contains(&format!("error[{code}]")), "{ran:#?}");
        assert_eq!(read(&dir.path().join(FILE)), killed);
        assert_eq!(overlay_loader::kill_switch(killed), Some(true));
        // The switch of another form says so too.
        let other = [&kill[..], &["--file", "sw", "--undo", "--json"]].concat();
        assert_eq!(run(dir.path(), &other).ends_with(0).json()["emergency"], true);
        let again = run(dir.path(), &[&kill[..], &["--json"]].concat()).ends_with(0).json();
        assert_eq!((&again["changed"], &again["emergency"]), (&json!(false), &json!(true)));
        assert!(again["refused"].as_str().is_some_and(|it| it.contains(code)), "{again:#}");

        let ran = run(dir.path(), &[&kill[..], &["--undo"]].concat()).ends_with(1);
        assert!(ran.stderr.contains("the flag file stays as it is"), "{ran:#?}");
        assert_eq!(read(&dir.path().join(FILE)), killed);
    };
    let global = "global:\n  kill_switch: true  # killed: night\n";
    for (text, code) in [
        ("features: {a: {enabled_overlays: [x], rollout_percentage: 140}}\n", "FLG2001"),
        ("features: {a: {rollout: 5}}\n", "FLG1003"),
        ("features: [\n", "FLG1004"),
    ] {
        check(text, code, &format!("{text}{global}"));
    }
}

#[test]
fn kill_says_what_to_type_where_no_edit_fits() {
    let dir = folder(&[(FILE, "global: [a]\n")]);
    let ran = run(dir.path(), &["flags", "kill", "--reason", "why"]).ends_with(1);
    for word in ["write `kill_switch: true` under `global:`", "--file", "--root"] {
        assert!(ran.stderr.contains(word), "{word}: {ran:#?}");
    }
}

#[test]
fn kill_refuses_what_would_not_hold() {
    let dir = folder(&[]);
    write(&dir.path().join(FILE), b"features: {} # \xff\n");
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

/// A switch file that nobody reads turns nothing off.
#[test]
fn kill_says_who_does_not_read_the_switch_file() {
    let dir = folder(&[(FILE, FLAGS), ("other", "-half\n")]);
    let args = ["flags", "kill", "--reason", "drill", "--file", "sw"];
    let ran = run(dir.path(), &args).ends_with(0);
    expect![[r#"
        sw: written
        with this environment the flags decide
        a service reads sw where its RESON_FEATURES_FILE names it; here that is not set
    "#]]
    .assert_eq(&ran.stdout);
    let undone = run(dir.path(), &[&args[..], &["--undo"]].concat()).ends_with(0);
    assert!(undone.stdout.starts_with("sw: removed\n"), "{undone:#?}");
    run(dir.path(), &args).ends_with(0);
    let report = |file: &str| {
        let mut command = fusion(dir.path());
        finish(command.env("RESON_FEATURES_FILE", file).args(args).arg("--json"), b"").json()
    };
    assert_eq!(report("other")["emergency"], false);
    assert!(report("other")["notes"][0].as_str().is_some_and(|it| it.ends_with("names other")));
    let named = dir.path().join("sw");
    assert_eq!(report(&named.display().to_string())["emergency"], true);
}

/// What happened to the root, in the order of its audit log.
fn actions(root: &Path) -> Vec<String> {
    let store = Store::open(root).unwrap();
    let records = store.audit().records(1).unwrap();
    records.map(|it| it.unwrap().entry.action).collect()
}

#[test]
fn kill_throws_the_switch_of_the_deployment_root() {
    let dir = folder(&[("configs/overlay_feature_flags.yaml", FLAGS)]);
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs");
    let overlay = configs.join("overlays/fusion_overlay.rollback_first.txt");
    write(&dir.path().join("next.txt"), read(&overlay));
    let from = configs.display().to_string();
    let deploy = ["deploy", "apply", "next.txt", "--root", "prod", "--from", &from];
    run(dir.path(), &deploy).ends_with(0);
    let root = dir.path().join("prod");
    let before = actions(&root).len();
    let flags = read(&dir.path().join("configs/overlay_feature_flags.yaml"));

    let kill = ["flags", "kill", "--reason", "wrong sums"];
    let with_root = |args: &[&str]| {
        let mut command = fusion(dir.path());
        command.env("FUSION_ROOT", "prod").env("USER", "ann").env("SOURCE_DATE_EPOCH", "0");
        finish(command.args(args), b"")
    };
    let pending = with_root(&[&kill[..], &["--dry-run"]].concat()).ends_with(2);
    assert!(pending.stdout.contains("every overlay would be off by prod/KILL"), "{pending:#?}");
    assert!(!root.join("KILL").exists());
    let ran = with_root(&kill).ends_with(0);
    assert_eq!(ran.stdout, "prod/KILL: written\nevery overlay is off by prod/KILL\n");
    let expected = r#"{"reason":"wrong sums","by":"ann","at":"1970-01-01T00:00:00Z"}"#;
    assert_eq!(read(&root.join("KILL")).trim_end(), expected);
    assert_eq!(actions(&root)[before..], ["kill"]);
    let unchanged = read(&dir.path().join("configs/overlay_feature_flags.yaml"));
    assert_eq!(unchanged, flags, "no service that follows the root reads it");

    // Who else would be asked says so too.
    let status = with_root(&["overlay", "status", "--json"]).ends_with(0).json();
    let held = "KILL in the deployment root (wrong sums, ann)";
    assert_eq!((&status["emergency"], &status["held_by"]), (&json!(true), &json!([held])));
    let text = with_root(&["overlay", "status"]).ends_with(0).stdout;
    assert!(text.contains(&format!("because     every overlay is off by {held}")), "{text}");
    let report = with_root(&[&kill[..], &["--file", "sw", "--undo", "--json"]].concat()).json();
    assert_eq!(report["held_by"], json!(["prod/KILL"]));
    let file = "configs/overlay_feature_flags.yaml";
    let report = with_root(&[&kill[..], &["--flags", file, "--undo", "--json"]].concat()).json();
    assert_eq!(report["held_by"], json!(["prod/KILL"]));
    let note = report["notes"][0].as_str().unwrap_or_default();
    assert!(note.contains("does not read configs/overlay_feature_flags.yaml"), "{note}");

    let again =
        with_root(&["flags", "kill", "--reason", "and again", "--json"]).ends_with(0).json();
    assert_eq!((&again["changed"], &again["emergency"]), (&json!(false), &json!(true)));
    assert_eq!(again["notes"], json!(["it is thrown already, and says: wrong sums"]));
    let undo = ["flags", "kill", "--reason", "fixed", "--undo", "--root", "prod", "--json"];
    let undone = run(dir.path(), &undo).ends_with(0).json();
    assert_eq!((&undone["audited"], &undone["emergency"]), (&json!(true), &json!(false)));
    assert_eq!(actions(&root)[before..], ["kill", "revive"]);
    assert!(!root.join("KILL").exists());

    // The switch does not wait for the audit log.
    let store = Store::open(&root).unwrap();
    let holder =
        overlay_store::Holder { pid: 1, host: "here".to_owned(), started_us: 1, deployment: None };
    let writer = store.lock(&holder).unwrap();
    let report = with_root(&[&kill[..], &["--json"]].concat()).ends_with(0).json();
    drop(writer);
    assert_eq!((&report["audited"], &report["emergency"]), (&json!(false), &json!(true)));
    assert!(root.join("KILL").exists());

    run(dir.path(), &[&kill[..], &["--root", "configs"]].concat()).ends_with(65);
    run(dir.path(), &[&kill[..], &["--root", "prod", "--file", "sw"]].concat()).ends_with(64);
}

/// A shell that may write no byte into a file, as on a full disk, and runs `fusion` with these
/// arguments.
#[cfg(unix)]
fn without_room(dir: &Path, args: &str) -> crate::binary::Ran {
    let fusion = fusion(dir).get_program().to_string_lossy().into_owned();
    let script = format!("trap '' XFSZ; ulimit -f 0; exec '{fusion}' {args}");
    let mut command = std::process::Command::new("sh");
    finish(command.current_dir(dir).args(["-c", &script]), b"")
}

/// The switch of a root holds there, so it can be thrown there.
#[test]
fn kill_throws_the_switch_of_a_root_that_lost_its_pointer() {
    let dir = folder(&[("root/gen/00000001/manifest.json", "{}")]);
    let kill = ["flags", "kill", "--reason", "drill", "--root", "root", "--json"];
    let report = run(dir.path(), &kill).ends_with(0).json();
    assert_eq!((&report["written"], &report["audited"]), (&json!(true), &json!(true)));
    assert_eq!(report["held_by"], json!(["root/KILL"]));
    assert!(dir.path().join("root/KILL").exists());
    run(dir.path(), &[&kill[..], &["--undo"]].concat()).ends_with(0);
    assert!(!dir.path().join("root/KILL").exists());
}

/// Who needs the switch may need it because a disk is full.
#[cfg(unix)]
#[test]
fn the_switch_is_thrown_on_a_full_disk() {
    let dir = folder(&[("switch", "-half\n"), ("root/CURRENT", "{}")]);
    let args = "flags kill --reason drill --file switch";
    let ran = without_room(dir.path(), args).ends_with(0);
    assert_eq!(read(&dir.path().join("switch")), "", "{ran:#?}");
    assert!(ran.stdout.contains("kept in"), "{ran:#?}");
    without_room(dir.path(), &format!("{args} --undo")).ends_with(0);
    assert_eq!(read(&dir.path().join("switch")), "-half\n");

    let ran = without_room(dir.path(), "flags kill --reason drill --root root").ends_with(0);
    assert!(ran.stdout.contains("it is thrown, and the reason is lost: "), "{ran:#?}");
    assert!(ran.stdout.contains("not audited"), "{ran:#?}");
    let root = dir.path().join("root");
    assert_eq!(read(&root.join("KILL")), "");
    let mut names = std::fs::read_dir(&root).unwrap().map(|it| it.unwrap().file_name());
    assert!(!names.any(|it| it.to_string_lossy().starts_with(".KILL")), "nothing else is left");
}

/// A service that starts has every overlay off then, and so does the command that asks.
#[test]
fn a_switch_file_that_cannot_be_read_is_thrown() {
    let long = "-half\n".repeat(12_000);
    let dir = folder(&[(FILE, FLAGS), ("plain", ""), ("long", &long)]);
    #[cfg(unix)]
    std::os::unix::fs::symlink("gone", dir.path().join("link")).unwrap();
    let args = ["flags", "route", "--scenario", "refund_processing", "--confidence", "1", "--json"];
    let check = |file: &str| {
        let mut command = fusion(dir.path());
        let ran = finish(command.env("RESON_FEATURES_FILE", file).args(args), b"").ends_with(0);
        assert_eq!(ran.json()["overlay_candidates"], json!([]), "{file}");
        assert!(ran.stderr.contains("a service that starts has every overlay off"), "{ran:#?}");
    };
    check("long");
    if cfg!(unix) {
        check("link");
        check("plain/switch");
    }
}

/// A link stays one, also where it leads to nothing, or by another link.
#[cfg(unix)]
#[test]
fn kill_writes_what_a_link_leads_to() {
    use std::os::unix::fs::symlink;

    for named in ["switch", "by_another"] {
        let dir = folder(&[(FILE, FLAGS), ("data/other", "")]);
        let path = |name: &str| dir.path().join(name);
        symlink("data/switch", path("switch")).unwrap();
        symlink("switch", path("by_another")).unwrap();
        let kill = ["flags", "kill", "--reason", "drill", "--json", "--file", named];
        let mut command = fusion(dir.path());
        let ran = finish(command.env("RESON_FEATURES_FILE", named).args(kill), b"");
        let report = ran.ends_with(0).json();
        assert_eq!((&report["written"], &report["emergency"]), (&json!(true), &json!(true)));
        let said = [&report["replaced"], &report["kept"], &report["notes"]];
        assert_eq!(said, [&Value::Null; 3], "there was nothing: {report:#}");
        assert!(path("switch").is_symlink() && path("by_another").is_symlink());
        assert_eq!(read(&path("data/switch")), "");

        // A link to nothing would be thrown, and so would be what it led to.
        let mut command = fusion(dir.path());
        let undo = ["flags", "kill", "--reason", "over", "--undo", "--json", "--file", named];
        let ran = finish(command.env("RESON_FEATURES_FILE", named).args(undo), b"");
        let report = ran.ends_with(0).json();
        assert_eq!((&report["written"], &report["emergency"]), (&json!(true), &json!(false)));
        assert!(!path("data/switch").exists() && !path(named).is_symlink());
    }
}

/// What is no text was passed over: a switch that was set did nothing.
#[cfg(unix)]
#[test]
fn a_variable_that_is_no_text_is_named() {
    use std::os::unix::ffi::OsStrExt as _;

    let dir = folder(&[(FILE, FLAGS)]);
    let odd = std::ffi::OsStr::from_bytes(b"-half\xff");
    let args = ["flags", "route", "--scenario", "refund_processing"];
    let mut command = fusion(dir.path());
    let ran = finish(command.env("RESON_FEATURES", odd).args(args), b"").ends_with(64);
    assert!(ran.stderr.contains("RESON_FEATURES is no UTF-8"), "{ran:#?}");
    // A path need not be text.
    std::fs::write(dir.path().join(odd), "").unwrap();
    let mut command = fusion(dir.path());
    let ran = finish(command.env("RESON_FEATURES_FILE", odd).args(args), b"");
    assert!(ran.stdout.contains("EMERGENCY_BASELINE"), "{ran:#?}");
}
