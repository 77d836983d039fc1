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
        for args in [&["status"][..], &["recover"], &["rollback", "--to", "1"]] {
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
    for args in [&["recover"][..], &["apply", "refund.txt"], &["rollback", "--to", "1"]] {
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
