use std::fs;
use std::path::Path;

use overlay_sqlite::{Performance, Span};
use serde_json::{Value, json};

use crate::binary::{Ran, run, write};
use crate::deploy::{apply, deploy, deployed, floor, status};

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

/// The first deployment.
#[track_caller]
fn first(dir: &Path) -> String {
    let shown = deploy(dir, &["show", "1", "--json"]).ends_with(0).json();
    shown["manifest"]["deployment"].as_str().expect("an id").to_owned()
}

/// Records so many answers of the first deployment.
#[track_caller]
fn sample(dir: &Path, count: &str) {
    let id = first(dir);
    let of = ["sample", "--deployment", &id, "--arm", "control", "--duration", "1ms"];
    deploy(dir, &[&of[..], &["--count", count]].concat()).ends_with(0);
}

/// How many answers of the first deployment are recorded.
#[track_caller]
fn samples(dir: &Path) -> u64 {
    let rows = Performance::open_read_only(&dir.join("prod/db/perf.sqlite")).expect("rows");
    rows.counts(&first(dir), Span::ALL).expect("counts").iter().map(|it| it.count).sum()
}

#[test]
fn performance_rows_are_copied_and_brought_back() {
    let dir = deployed();
    sample(dir.path(), "3");
    assert_eq!(create(dir.path())["not_copied"], json!([]));
    sample(dir.path(), "2");
    apply(dir.path(), "0.7");
    backup(dir.path(), &["restore"]).ends_with(0);
    assert_eq!((floor(dir.path()), samples(dir.path())), ("0.6".to_owned(), 5), "rows stay");

    fs::remove_dir_all(dir.path().join("prod")).expect("removed");
    backup(dir.path(), &["restore"]).ends_with(0);
    assert_eq!(samples(dir.path()), 3);
    sample(dir.path(), "1");
    assert_eq!(samples(dir.path()), 4, "they go on");
    backup(dir.path(), &["verify"]).ends_with(0);
}

#[test]
fn a_root_without_rows_has_a_backup_without_them() {
    let dir = deployed();
    let made = create(dir.path());
    assert_eq!(made["not_copied"], json!([]));
    let path = made["path"].as_str().expect("a path");
    assert!(!dir.path().join(path).join("root/db").exists());
}

#[test]
fn rows_that_cannot_be_read_are_left_out_and_said() {
    let dir = deployed();
    write(&dir.path().join("prod/db/perf.sqlite"), "no database at all, only text");
    let ran = backup(dir.path(), &["create", "--json"]).ends_with(0);
    assert!(ran.stderr.contains("warning: db/perf.sqlite is not in the backup: "), "{ran:#?}");
    let left_out = &ran.json()["not_copied"];
    assert_eq!(left_out[0]["path"], "db/perf.sqlite");
    assert!(left_out[0]["why"].as_str().is_some_and(|it| it.contains("damaged")), "{left_out}");
    let list = backup(dir.path(), &["list"]).ends_with(0).stdout;
    assert!(list.ends_with("bytes, without db/perf.sqlite\n"), "{list}");
    backup(dir.path(), &["create", "--strict"]).ends_with(1);

    fs::remove_dir_all(dir.path().join("prod")).expect("removed");
    backup(dir.path(), &["restore"]).ends_with(0);
    assert_eq!(floor(dir.path()), "0.6");
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

/// Rules of production that ask for a golden verdict, and wait for nothing.
const RULES: &str = "\
[environments.production]
mode = \"direct\"
bake = \"0s\"
checks = [\"schema\", \"load\", \"golden\"]
";

#[test]
fn a_backup_of_another_environment_is_not_brought_but_by_an_order_on_record() {
    let dir = deployed();
    create(dir.path());
    // The first one is judged by the rules it brings.
    let configs = dir.path().join("configs");
    write(&configs.join("deploy.toml"), RULES.replace(", \"golden\"", ""));
    write(&configs.join("overlays/fusion_overlay.refund.txt"), crate::deploy::refund("0.8"));
    let live = |args: &[&str]| run(dir.path(), &[args, &["--root", "live"]].concat());
    live(&["deploy", "apply", "--from", "configs", "--env", "production"]).ends_with(0);
    write(&configs.join("deploy.toml"), RULES);
    live(&["deploy", "apply", "--from", "configs"]).ends_with(0);

    let restore = ["backup", "restore", "--backups", "prod.backups"];
    let ran = live(&restore).ends_with(64);
    assert!(ran.stderr.contains("the backup is of development, and this root"), "{ran:#?}");
    let ran = live(&[&restore[..], &["--env", "production"]].concat()).ends_with(64);
    assert!(ran.stderr.contains("the backup is of development, and --env says"), "{ran:#?}");
    let overridden = [&restore[..], &["--env", "production", "--override-env"]].concat();
    let ran = live(&overridden).ends_with(1);
    assert!(ran.stderr.contains("golden missing"), "{ran:#?}");
    assert!(ran.stderr.contains("--unproven puts it in force all the same"), "{ran:#?}");
    live(&[&overridden[..], &["--unproven"]].concat()).ends_with(0);
    let log = ["audit", "log", "--action", "rollback_committed", "--json"];
    let record = live(&log).ends_with(0).json()["records"][0].clone();
    assert_eq!(record["detail"]["backup_environment"], "development");
    assert!(record["detail"]["backup"].is_string() && record["detail"]["unproven"].is_array());
    // Nor into an empty root that somebody means to be of another one.
    let new = ["--root", "new", "--env", "staging"];
    run(dir.path(), &[&restore[..], &new].concat()).ends_with(64);
    assert!(!dir.path().join("new").exists());
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
    for command in ["create", "list", "prune", "verify", "restore"] {
        run(dir.path(), &["backup", command, "--root", "gone"]).ends_with(65);
        assert!(!dir.path().join("gone").exists(), "{command}");
    }
    backup(dir.path(), &["list", "--backups", "gone"]).ends_with(65);
}

#[test]
fn a_damaged_backup_is_not_kept_for_the_last_good_one() {
    let dir = deployed();
    let good = create(dir.path())["path"].as_str().expect("a path").to_owned();
    let damaged = create(dir.path())["path"].as_str().expect("a path").to_owned();
    write(&dir.path().join(&damaged).join("root/CURRENT"), "{}\n");
    let ran = backup(dir.path(), &["prune", "--keep", "1", "--json"]).ends_with(0);
    assert!(ran.stderr.contains("CURRENT has other bytes: it is not counted"), "{ran:#?}");
    assert_eq!(ran.json()["removed"], json!([]));
    assert!(dir.path().join(&good).exists() && dir.path().join(&damaged).exists());
    backup(dir.path(), &["prune", "--keep", "1", "--strict"]).ends_with(1);
}

#[test]
fn a_damaged_pointer_is_no_end_with_a_good_backup() {
    let dir = deployed();
    create(dir.path());
    apply(dir.path(), "0.7");
    write(&dir.path().join("prod/CURRENT"), "nonsense");
    let ran = backup(dir.path(), &["restore"]).ends_with(8);
    assert!(ran.stderr.contains("`fusion backup restore --rebuild`"), "{ran:#?}");
    assert_eq!(fs::read(dir.path().join("prod/CURRENT")).expect("a file"), b"nonsense");
    let ran = backup(dir.path(), &["restore", "--rebuild"]).ends_with(0);
    assert!(ran.stdout.starts_with("restored: generation 00000001 is in force"), "{ran:#?}");
    assert_eq!(floor(dir.path()), "0.6");
    run(dir.path(), &["audit", "verify", "--root", "prod"]).ends_with(0);
}

/// The names in the folder of the backups.
fn folders(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir.join("prod.backups")).expect("a folder");
    entries.map(|it| it.expect("an entry").file_name().into_string().expect("a name")).collect()
}

#[test]
fn an_older_backup_does_not_stand_in_for_the_newest() {
    let dir = deployed();
    let older = create(dir.path())["id"].as_str().expect("an id").to_owned();
    apply(dir.path(), "0.7");
    let newest = create(dir.path())["id"].as_str().expect("an id").to_owned();
    let list = dir.path().join(format!("prod.backups/{newest}/backup.json"));
    let text = fs::read_to_string(&list).expect("the list");
    let half = text.get(..text.len() / 2).expect("half of it").to_owned();
    for damaged in [Some(half), None] {
        match &damaged {
            Some(text) => write(&list, text),
            None => fs::remove_file(&list).expect("removed"),
        }
        for args in [&["verify"][..], &["restore"]] {
            let ran = backup(dir.path(), args).ends_with(65);
            assert!(ran.stderr.contains(&newest), "{ran:#?}");
            assert!(ran.stderr.contains("it is the newest one"), "{ran:#?}");
        }
        assert_eq!(floor(dir.path()), "0.7");
        backup(dir.path(), &["verify", &older]).ends_with(0);
        let ran = backup(dir.path(), &["prune"]).ends_with(0);
        assert!(ran.stderr.contains(&newest), "{ran:#?}");
    }
}

#[test]
fn a_backup_that_fails_leaves_nothing_behind() {
    let dir = deployed();
    fs::remove_file(dir.path().join("prod/gen/00000001/manifest.json")).expect("removed");
    let ran = backup(dir.path(), &["create"]);
    assert_ne!(ran.code, 0, "{ran:#?}");
    assert_eq!(folders(dir.path()), [""; 0]);
}

#[test]
fn a_restore_of_a_damaged_backup_makes_no_root() {
    let dir = deployed();
    let id = create(dir.path())["id"].as_str().expect("an id").to_owned();
    fs::write(dir.path().join(format!("prod.backups/{id}/root/CURRENT")), "x").expect("written");
    fs::remove_dir_all(dir.path().join("prod")).expect("removed");
    backup(dir.path(), &["restore"]).ends_with(8);
    assert!(!dir.path().join("prod").exists());
}
