//! A pointer that is gone, damaged, or an older one that somebody put back.

use std::fs;

use super::{apply, deploy, deployed, edit, floor, status};
use crate::binary::{run, write};

fn audit_verify(dir: &std::path::Path) -> crate::binary::Ran {
    run(dir, &["audit", "verify", "--root", "prod"])
}

#[test]
fn a_pointer_that_is_gone_is_said_to_be_and_rebuilt() {
    for damage in [None, Some("garbage")] {
        let dir = deployed();
        apply(dir.path(), "0.7");
        let current = dir.path().join("prod/CURRENT");
        fs::remove_file(&current).expect("it is there");
        if let Some(bytes) = damage {
            write(&current, bytes);
        }
        let hint = "`fusion deploy recover --rebuild`";
        let looks = [&["status"][..], &["plan", "refund.txt"], &["show"], &["diff"], &["verify"]];
        let list = deploy(dir.path(), &["list"]).ends_with(8);
        assert!(!list.stdout.contains("* "), "{list:#?}");
        assert!(list.stdout.contains(hint), "{list:#?}");
        for args in looks.into_iter().chain([&["recover"][..], &["rollback", "--to", "1"]]) {
            let ran = deploy(dir.path(), args).ends_with(8);
            assert!(ran.stderr.contains(hint), "{ran:#?}");
        }
        let ran = audit_verify(dir.path()).ends_with(8);
        assert!(ran.stdout.contains(hint), "{ran:#?}");

        let ran = deploy(dir.path(), &["recover", "--rebuild"]).ends_with(0);
        assert!(ran.stdout.contains("epoch 3, stable, generation 00000002 in force"), "{ran:#?}");
        assert_eq!(floor(dir.path()), "0.7");
        audit_verify(dir.path()).ends_with(0);
        let again = deploy(dir.path(), &["recover", "--rebuild"]).ends_with(0);
        assert_eq!(again.stdout, "nothing to put in order\n");
        apply(dir.path(), "0.8");
        deploy(dir.path(), &["verify", "--all"]).ends_with(0);
    }
}

#[test]
fn an_older_pointer_put_back_is_found_out() {
    let dir = deployed();
    let current = dir.path().join("prod/CURRENT");
    let old = fs::read(&current).expect("a pointer");
    apply(dir.path(), "0.7");
    fs::write(&current, old).expect("written");
    let ran = deploy(dir.path(), &["status"]).ends_with(8);
    assert!(ran.stdout.contains("CURRENT is damaged: it is at epoch 1"), "{ran:#?}");
    audit_verify(dir.path()).ends_with(8);
    edit(dir.path(), "0.8");
    let looks = [&["list"][..], &["plan", "refund.txt"], &["show"], &["diff"], &["verify"]];
    let orders = [&["recover"][..], &["apply", "refund.txt"], &["rollback", "--to", "1"]];
    for args in looks.into_iter().chain(orders) {
        deploy(dir.path(), args).ends_with(8);
    }
    deploy(dir.path(), &["recover", "--rebuild", "--to", "1"]).ends_with(0);
    assert_eq!(
        (floor(dir.path()).as_str(), status(dir.path())["epoch"].as_u64()),
        ("0.6", Some(3))
    );
}

#[test]
fn an_edited_log_shows_where_somebody_looks_and_where_somebody_writes() {
    let dir = deployed();
    apply(dir.path(), "0.7");
    let log = dir.path().join("prod/audit/00000001.jsonl");
    let text = fs::read_to_string(&log).expect("a log");
    write(&log, text.replacen("development", "developmemt", 1));
    let ran = deploy(dir.path(), &["status"]).ends_with(8);
    assert!(
        ran.stdout.contains("the audit log is not as it was written: audit record 1"),
        "{ran:#?}"
    );
    // The way back stays open.
    let ran = deploy(dir.path(), &["rollback"]).ends_with(0);
    assert!(ran.stderr.contains("warning: the audit log was tampered with"), "{ran:#?}");
    fs::remove_file(&log).expect("a log");
    deploy(dir.path(), &["status"]).ends_with(8);
    deploy(dir.path(), &["rollback", "--to", "2"]).ends_with(8);
}

#[test]
fn a_live_generation_that_is_gone_is_damage_and_not_bad_input() {
    let dir = deployed();
    apply(dir.path(), "0.7");
    fs::remove_dir_all(dir.path().join("prod/gen/00000002")).expect("removed");
    edit(dir.path(), "0.8");
    deploy(dir.path(), &["status"]).ends_with(8);
    deploy(dir.path(), &["apply", "refund.txt"]).ends_with(8);
    let ran = deploy(dir.path(), &["verify"]).ends_with(8);
    assert!(ran.stdout.contains("generation 00000002 is gone"), "{ran:#?}");
    deploy(dir.path(), &["rollback"]).ends_with(0);
    assert_eq!(floor(dir.path()), "0.6");
    let ran = deploy(dir.path(), &["verify", "--all"]).ends_with(8);
    assert!(ran.stdout.contains("00000002: generation 00000002 is gone"), "{ran:#?}");
}

#[test]
fn a_rollout_whose_file_is_lost_is_taken_back_by_the_commands_that_are_advised() {
    for order in [&["abort"][..], &["recover"], &["pin", "x"], &["rollback"]] {
        let dir = super::crash::killed();
        let rollouts = dir.path().join("prod/rollouts");
        let id = status(dir.path())["deployment"].as_str().expect("an id").to_owned();
        fs::remove_file(rollouts.join(format!("{id}.json"))).expect("it is there");
        let ran = deploy(dir.path(), &["status"]).ends_with(8);
        assert!(ran.stdout.contains(".json is damaged: it is missing"), "{ran:#?}");
        assert!(ran.stdout.contains("recover or abort"), "{ran:#?}");
        for order in ["resume", "promote", "pause"] {
            let ran = deploy(dir.path(), &[order]).ends_with(8);
            assert!(ran.stderr.contains("`fusion deploy abort`"), "{ran:#?}");
        }
        deploy(dir.path(), order).ends_with(0);
        assert_eq!(floor(dir.path()), "0.6");
        assert_eq!(deploy(dir.path(), &["status"]).ends_with(0).code, 0);
    }
}

/// A root as versions of before made one: its records do not say what was put in force.
fn of_before(dir: &std::path::Path) {
    use overlay_store::audit::Entry;
    use overlay_store::{Change, Holder, Origin, Store, Tree};

    let store = Store::create(&dir.join("prod")).expect("a root");
    let holder = Holder { pid: 1, host: "test".to_owned(), started_us: 1, deployment: None };
    let mut writer = store.lock(&holder).expect("the lock");
    let mut tree = Tree::new();
    tree.insert("overlays/fusion_overlay.refund.txt", super::refund("0.6")).expect("a file");
    let made = writer.publish(&tree, Origin::default(), "made", 1).expect("a generation");
    let entry = Entry {
        at_us: 1,
        actor: "test".to_owned(),
        host: "test".to_owned(),
        action: "deploy".to_owned(),
        env: "development".to_owned(),
        deployment: None,
        generation: Some(made.generation.0),
        base: None,
        manifest_sha256: Some(made.manifest),
        // Only an object can hold what is added now.
        detail: "older".into(),
    };
    writer.switch(Some(0), Change::to(made), entry).expect("live");
}

#[test]
fn a_log_of_before_says_what_is_left_to_do() {
    for damage in [None, Some("garbage")] {
        let dir = crate::binary::folder(&[]);
        of_before(dir.path());
        run(dir.path(), &["backup", "create", "--root", "prod"]).ends_with(0);
        // The backup has not all of the log: nothing may be written over it.
        deploy(dir.path(), &["pin", "release", "1"]).ends_with(0);
        let (current, old) = (dir.path().join("prod/CURRENT"), dir.path().join("old"));
        match damage {
            None => fs::remove_file(&current).expect("it is there"),
            Some(bytes) => write(&current, bytes),
        }
        let rebuilds: [&[&str]; 3] = [
            &["deploy", "recover", "--rebuild", "--root", "prod"],
            &["deploy", "recover", "--rebuild", "--to", "1", "--root", "prod"],
            &["backup", "restore", "--rebuild", "--root", "prod"],
        ];
        for args in rebuilds {
            let ran = run(dir.path(), args).ends_with(8);
            assert!(ran.stderr.contains("of a version that did not write down what"), "{ran:#?}");
            assert!(ran.stderr.contains("move the root away, keep it"), "{ran:#?}");
        }
        // As the message says.
        fs::rename(dir.path().join("prod"), &old).expect("moved");
        let ran = run(dir.path(), &["deploy", "verify", "--all", "--root", "old"]).ends_with(8);
        assert!(ran.stdout.starts_with("00000001: 1 file as published\nCURRENT is "), "{ran:#?}");
        run(dir.path(), &["backup", "restore", "--root", "prod"]).ends_with(0);
        assert_eq!(floor(dir.path()), "0.6");
        fs::remove_dir_all(dir.path().join("prod")).expect("removed");
        deploy(dir.path(), &["apply", "--from", "old/gen/00000001/tree"]).ends_with(0);
        assert_eq!(floor(dir.path()), "0.6");
    }
}

#[test]
fn a_deployment_whose_file_is_damaged_is_known_by_the_audit_log() {
    let dir = deployed();
    let first = status(dir.path())["deployment"].as_str().expect("an id").to_owned();
    apply(dir.path(), "0.7");
    write(&dir.path().join(format!("prod/rollouts/{first}.json")), "garbage");
    let shown = deploy(dir.path(), &["diff", &first, "2"]).ends_with(2);
    assert!(shown.stdout.contains("TRUST_FLOOR 0.6 → 0.7"), "{shown:#?}");
    deploy(dir.path(), &["rollback", "--to", &first]).ends_with(0);
    assert_eq!(floor(dir.path()), "0.6");
    // Whose log has no record of it was never in force.
    let unknown = "019b76da-a800-7fff-bfff-ffffffffffff";
    write(&dir.path().join(format!("prod/rollouts/{unknown}.json")), "garbage");
    let ran = deploy(dir.path(), &["rollback", "--to", unknown]).ends_with(8);
    assert!(ran.stderr.contains("`fusion deploy rollback --to NUMBER`"), "{ran:#?}");
}
