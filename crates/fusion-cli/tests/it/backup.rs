use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::binary::{Ran, run, write};
use crate::deploy::{apply, deployed, floor, status};

#[track_caller]
fn backup(dir: &Path, args: &[&str]) -> Ran {
    run(dir, &[&["backup"], args, &["--root", "prod"]].concat())
}

#[track_caller]
fn create(dir: &Path) -> Value {
    backup(dir, &["create", "--json"]).ends_with(0).json()
}

#[test]
fn a_root_is_copied_and_brought_back() {
    let dir = deployed();
    let made = create(dir.path());
    let id = made["id"].as_str().expect("an id").to_owned();
    assert_eq!(made["path"], format!("prod.backups/{id}"));
    apply(dir.path(), "0.7");
    backup(dir.path(), &["verify"]).ends_with(0);
    let ran = backup(dir.path(), &["restore", &id]).ends_with(0);
    assert!(ran.stdout.starts_with("restored: generation 00000001 is in force"), "{ran:#?}");
    assert_eq!(floor(dir.path()), "0.6");
    assert_eq!(status(dir.path())["epoch"], 3, "the history goes on");

    // The drill: everything is gone.
    fs::remove_dir_all(dir.path().join("prod")).expect("removed");
    backup(dir.path(), &["restore"]).ends_with(0);
    assert_eq!(floor(dir.path()), "0.6");
    run(dir.path(), &["audit", "verify", "--root", "prod"]).ends_with(0);
    apply(dir.path(), "0.8");
    assert_eq!(floor(dir.path()), "0.8");
}

#[test]
fn a_changed_backup_is_not_brought_back() {
    let dir = deployed();
    let path = create(dir.path())["path"].as_str().expect("a path").to_owned();
    apply(dir.path(), "0.7");
    write(&dir.path().join(path).join("root/CURRENT"), "{}\n");
    let report = backup(dir.path(), &["verify", "--json"]).ends_with(8).json();
    assert_eq!(report["problems"], json!(["CURRENT has other bytes"]));
    backup(dir.path(), &["restore"]).ends_with(8);
    assert_eq!(floor(dir.path()), "0.7");
}

#[test]
fn old_backups_go() {
    let dir = deployed();
    for _ in 0..3 {
        create(dir.path());
    }
    let list = || backup(dir.path(), &["list", "--json"]).ends_with(0).json();
    assert_eq!(list()["backups"].as_array().expect("a list").len(), 3);
    backup(dir.path(), &["prune", "--keep", "1", "--dry-run"]).ends_with(2);
    let pruned = backup(dir.path(), &["prune", "--keep", "1", "--json"]).ends_with(0).json();
    assert_eq!(pruned["removed"].as_array().expect("a list").len(), 2);
    assert_eq!(list()["backups"].as_array().expect("a list").len(), 1);
}

#[test]
fn what_is_not_there_says_so() {
    let dir = deployed();
    backup(dir.path(), &["restore"]).ends_with(65);
    backup(dir.path(), &["verify", "../prod"]).ends_with(65);
    let list = backup(dir.path(), &["list"]).ends_with(0).stdout;
    assert_eq!(list, "no backup\n");
    run(dir.path(), &["backup", "create", "--root", "gone"]).ends_with(65);
}
