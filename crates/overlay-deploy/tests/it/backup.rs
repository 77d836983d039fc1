use std::fs;
use std::path::{Path, PathBuf};

use overlay_deploy::backup::{self, Allowed, BackupError, NotCopied};
use overlay_deploy::{Outcome, rollback, status, verify};
use overlay_model::Digest;
use overlay_store::{GenerationId, Store};
use serde_json::{Value, json};

use crate::unfinished::canary_left;
use crate::world::{World, forge};

/// A root with the trust floor 0.6 in force, and a backup of it.
fn backed_up() -> (World, PathBuf) {
    let world = World::new("development");
    world.deploy(&world.refund("0.6"));
    let backup = take(&world);
    (world, backup)
}

fn backups(world: &World) -> PathBuf {
    world.path().parent().unwrap().join(format!("{}-backups", world.path().display()))
}

fn take(world: &World) -> PathBuf {
    take_with(world, all)
}

/// Nothing more than every root has.
fn all(_copy: &Path) -> Vec<NotCopied> {
    Vec::new()
}

/// A database with these bytes.
fn rows(bytes: &'static str) -> impl FnOnce(&Path) -> Vec<NotCopied> {
    move |copy| {
        fs::create_dir_all(copy.join("db")).unwrap();
        fs::write(copy.join("db/perf.sqlite"), bytes).unwrap();
        Vec::new()
    }
}

/// [`take`], with what `add` adds.
fn take_with(world: &World, add: impl FnOnce(&Path) -> Vec<NotCopied>) -> PathBuf {
    let id = world.id();
    world.now_us.set(world.now_us.get() + 1_000_000);
    let made = world.act(|root| backup::create(root, world.path(), &backups(world), &id, add));
    backups(world).join(made.unwrap().id)
}

fn restore(world: &World, backup: &Path) -> Result<Outcome, BackupError> {
    restore_with(world, backup, Allowed::default())
}

fn restore_with(world: &World, backup: &Path, allowed: Allowed) -> Result<Outcome, BackupError> {
    let id = world.id();
    let restored = world.act(|root| backup::restore(root, world.path(), backup, &id, allowed));
    restored.map(|it| it.outcome)
}

/// [`restore`], with the pointer written anew first.
fn restore_anew(world: &World, backup: &Path) -> Result<Outcome, BackupError> {
    restore_with(world, backup, Allowed { rebuild: true, ..Allowed::default() })
}

#[test]
fn a_backup_is_a_root_of_its_own() {
    let (world, backup) = backed_up();
    let manifest = backup::verify(&backup).unwrap();
    assert_eq!(manifest.tree, world.base().tree.digest());
    assert_eq!(manifest.left_out, []);
    let copy = Store::open(&backup.join("root")).unwrap();
    assert_eq!(copy.current().unwrap(), world.store.current().unwrap());
    copy.audit().verify(copy.current().unwrap().map(|it| it.audit)).unwrap();
    fs::remove_dir_all(backups(&world)).unwrap();
}

#[test]
fn a_candidate_that_was_published_otherwise_is_left_out() {
    let world = canary_left();
    let candidate = world.store.current().unwrap().unwrap().candidate.unwrap().generation;
    let path = world.path().join(format!("gen/{candidate}/manifest.json"));
    let text = fs::read_to_string(&path).unwrap();
    fs::remove_file(&path).unwrap();
    fs::write(&path, text.replace(r#""made_by":"apply""#, r#""made_by":"hand""#)).unwrap();
    let manifest = backup::verify(&take(&world)).unwrap();
    assert_eq!(manifest.left_out, [candidate]);
    fs::remove_dir_all(backups(&world)).unwrap();
}

#[test]
fn a_byte_that_changed_is_found_before_anything_is_restored() {
    let (world, backup) = backed_up();
    let path = backup.join("root/CURRENT");
    let mut bytes = fs::read(&path).unwrap();
    bytes[10] ^= 1;
    fs::write(&path, bytes).unwrap();
    fs::write(backup.join("root/pins-extra"), "x").unwrap();
    fs::remove_dir_all(backup.join("root/rollouts")).unwrap();
    let err = backup::verify(&backup).unwrap_err();
    assert_eq!(err.exit_code(), 8);
    let text = err.to_string();
    for part in ["CURRENT has other bytes", "pins-extra does not belong", ".json is missing"] {
        assert!(text.contains(part), "{text}");
    }
    let before = world.store.current().unwrap();
    assert!(matches!(restore(&world, &backup), Err(BackupError::Tampered { .. })));
    assert_eq!(world.store.current().unwrap(), before);
    fs::remove_dir_all(backups(&world)).unwrap();
}

/// Changes `backup.json`.
fn edit(backup: &Path, change: impl FnOnce(&mut Value)) {
    let path = backup.join("backup.json");
    let mut list: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut list);
    fs::write(&path, serde_json::to_vec(&list).unwrap()).unwrap();
}

/// Writes over the overlay `refund` in a backup, and puts the right hash into its list.
fn edit_knowingly(backup: &Path) {
    let path = "gen/00000001/tree/overlays/fusion_overlay.refund.txt";
    let file = backup.join("root").join(path);
    let text = fs::read_to_string(&file).unwrap().replace("0.6", "0.0");
    fs::remove_file(&file).unwrap();
    fs::write(&file, &text).unwrap();
    edit(backup, |list| {
        let files = list["files"].as_array_mut().unwrap();
        let listed = files.iter_mut().find(|it| it["path"] == path).unwrap();
        listed["bytes"] = json!(text.len());
        listed["sha256"] = json!(Digest::of(text.as_bytes()));
    });
}

#[test]
fn an_edit_that_the_list_knows_of_is_found_by_the_manifest() {
    let (world, backup) = backed_up();
    edit_knowingly(&backup);
    let err = backup::verify(&backup).unwrap_err();
    assert!(err.to_string().contains("generation 00000001 was tampered with"), "{err}");
    let empty = World::new("development");
    let err = restore(&empty, &backup).unwrap_err();
    assert_eq!(err.exit_code(), 8, "{err}");
    assert_eq!(empty.store.current().unwrap(), None);
    assert_eq!(empty.store.generations().unwrap(), [], "nothing was copied");
    fs::remove_dir_all(backups(&world)).unwrap();
}

#[test]
fn the_head_of_the_list_is_held_against_the_copy() {
    let (world, first) = backed_up();
    let other = json!(format!("sha256:{}", "1".repeat(64)));
    let cases = [
        ("epoch", json!(99), "backup.json has another epoch than the copy"),
        ("generation", json!(77), "backup.json has another generation than the copy"),
        ("tree", other.clone(), "backup.json has another tree than the copy"),
        (
            "audit",
            json!({ "seq": 1, "hash": other }),
            "backup.json has another end of the audit log than the copy",
        ),
        ("created_us", json!(1_i64 << 60), "backup.json has another time than its name"),
    ];
    for (key, value, expect) in cases {
        let backup = take(&world);
        edit(&backup, |list| list[key] = value);
        let err = backup::verify(&backup).unwrap_err();
        assert!(err.to_string().ends_with(&format!("tampered with: {expect}")), "{err}");
        fs::remove_dir_all(backup).unwrap();
    }
    edit(&first, |list| {
        let files = list["files"].as_array_mut().unwrap();
        files.push(files[0].clone());
    });
    let err = backup::verify(&first).unwrap_err();
    assert!(err.to_string().ends_with("backup.json lists a file twice"), "{err}");
    fs::remove_dir_all(backups(&world)).unwrap();
}

/// What `created_us` says decides nothing.
#[test]
fn prune_and_restore_mean_the_same_newest() {
    let (world, first) = backed_up();
    let second = take(&world);
    let folder = backups(&world);
    edit(&first, |list| {
        list["created_us"] = json!(list["created_us"].as_i64().unwrap() + 3_600_000_000);
    });
    backup::verify(&first).unwrap();
    assert_eq!(backup::newest(&folder).unwrap().unwrap().path, second);
    assert_eq!(backup::list(&folder).unwrap()[0].path, second);
    let due = backup::surplus(&folder, 1).unwrap().due;
    assert_eq!(due.iter().map(|it| &it.path).collect::<Vec<_>>(), [&first]);
    fs::remove_dir_all(folder).unwrap();
}

#[cfg(unix)]
#[test]
fn what_is_no_plain_file_is_named_and_stops_no_prune() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    type Harm = fn(&Path);
    let link: Harm = |copy| std::os::unix::fs::symlink("CURRENT", copy.join("gen/x")).unwrap();
    let pipe: Harm = |copy| {
        let made = std::process::Command::new("mkfifo").arg(copy.join("db-pipe")).status();
        assert!(made.unwrap().success());
    };
    let name: Harm = |copy| fs::write(copy.join(OsStr::from_bytes(b"\xff")), "x").unwrap();
    for (harm, expect) in
        [(link, "gen/x is no plain file"), (pipe, "db-pipe is no"), (name, "\u{fffd} is no")]
    {
        let (world, first) = backed_up();
        let (second, third) = (take(&world), take(&world));
        let folder = backups(&world);
        harm(&third.join("root"));
        let err = backup::verify(&third).unwrap_err();
        assert_eq!(err.exit_code(), 8, "{err}");
        assert!(err.to_string().contains(expect), "{err}");
        let surplus = backup::surplus(&folder, 1).unwrap();
        assert_eq!((surplus.damaged.len(), surplus.due.len()), (1, 1));
        assert_eq!(surplus.due[0].path, first);
        assert!(second.exists());
        fs::remove_dir_all(folder).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_for_a_list_is_no_backup() {
    let (world, backup) = backed_up();
    fs::remove_file(backup.join("backup.json")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(backup.join("backup.json")).status();
    assert!(made.unwrap().success());
    let err = backup::verify(&backup).unwrap_err();
    assert_eq!(err.exit_code(), 65);
    assert!(err.to_string().ends_with("backup.json is no plain file"), "{err}");
    fs::remove_dir_all(backups(&world)).unwrap();
}

#[test]
fn a_restore_moves_the_pointer_and_keeps_the_audit_log() {
    let (world, backup) = backed_up();
    world.deploy(&world.refund("0.7"));
    let (epoch, records) = (epoch(&world), world.actions().len());
    assert_eq!(restore(&world, &backup).unwrap(), Outcome::Restored);
    assert_eq!(world.floor(), "0.6");
    assert!(epoch < self::epoch(&world), "the epoch only grows");
    assert!(world.actions().len() > records);
    assert_eq!(world.store.generations().unwrap().len(), 2, "the old one is there still");
    assert_eq!(restore(&world, &backup).unwrap(), Outcome::Unchanged);
    fs::remove_dir_all(backups(&world)).unwrap();
}

fn epoch(world: &World) -> u64 {
    world.store.current().unwrap().unwrap().epoch
}

#[test]
fn a_root_of_another_history_gets_a_new_generation() {
    let (world, backup) = backed_up();
    let other = World::new("development");
    other.deploy(&other.refund("0.8"));
    assert_eq!(restore(&other, &backup).unwrap(), Outcome::Restored);
    assert_eq!(other.floor(), "0.6");
    assert_eq!(other.store.generations().unwrap().len(), 2);
    other.store.audit().verify(None).unwrap();
    fs::remove_dir_all(backups(&world)).unwrap();
}

#[test]
fn an_empty_root_gets_everything() {
    let (world, backup) = backed_up();
    let other = World::new("development");
    assert_eq!(restore(&other, &backup).unwrap(), Outcome::Restored);
    let [here, there] = [&other, &world].map(|it| status(&it.store, &it.environment).unwrap());
    assert_eq!(here, there);
    assert_eq!(other.actions().last().map(String::as_str), Some("restored"));
    other.store.audit().verify(None).unwrap();
    other.deploy(&other.refund("0.9"));
    assert_eq!(other.floor(), "0.9");
    fs::remove_dir_all(backups(&world)).unwrap();
}

/// After a power cut the newest records may be in `audit/HEAD` alone.
#[test]
fn records_that_only_the_end_of_the_log_holds_are_a_history() {
    let (world, backup) = backed_up();
    let (cut, deployed) = (World::new("development"), World::new("development"));
    deployed.deploy(&deployed.refund("0.7"));
    let head = fs::read(deployed.path().join("audit/HEAD")).unwrap();
    fs::create_dir_all(cut.path().join("audit")).unwrap();
    fs::write(cut.path().join("audit/HEAD"), &head).unwrap();
    let restored = restore(&cut, &backup);
    assert!(matches!(restored, Err(BackupError::Pointer(_))), "{restored:?}");
    assert_eq!(fs::read(cut.path().join("audit/HEAD")).unwrap(), head);
    fs::remove_dir_all(backups(&world)).unwrap();
}

#[test]
fn what_is_added_is_verified_and_comes_back() {
    let (world, _) = backed_up();
    let backup = take_with(&world, rows("rows"));
    let listed = backup::verify(&backup).unwrap().files;
    assert!(listed.iter().any(|it| it.path == "db/perf.sqlite" && it.bytes == 4), "{listed:?}");

    let empty = World::new("development");
    let database = empty.path().join("db/perf.sqlite");
    // Of a database that is gone, and of a restore that was interrupted.
    fs::write(empty.path().join("db/perf.sqlite-wal"), "other rows").unwrap();
    fs::write(empty.path().join("tmp/database.restored"), "ro").unwrap();
    assert_eq!(restore(&empty, &backup).unwrap(), Outcome::Restored);
    assert_eq!(fs::read(&database).unwrap(), b"rows");
    assert!(!empty.path().join("db/perf.sqlite-wal").exists());

    fs::write(backup.join("root/db/perf.sqlite"), "raws").unwrap();
    let err = backup::verify(&backup).unwrap_err().to_string();
    assert!(err.contains("db/perf.sqlite has other bytes"), "{err}");
    fs::remove_dir_all(backups(&world)).unwrap();
}

#[test]
fn rows_that_are_there_stay() {
    let (world, _) = backed_up();
    let backup = take_with(&world, rows("rows"));
    let (empty, deployed) = (World::new("development"), World::new("development"));
    deployed.deploy(&deployed.refund("0.8"));
    for other in [&empty, &deployed] {
        let database = other.path().join("db/perf.sqlite");
        fs::write(&database, "own").unwrap();
        fs::write(other.path().join("db/perf.sqlite-wal"), "own too").unwrap();
        assert_eq!(restore(other, &backup).unwrap(), Outcome::Restored);
        assert_eq!(fs::read(&database).unwrap(), b"own");
        assert!(other.path().join("db/perf.sqlite-wal").exists());
    }
    let without = World::new("development");
    without.deploy(&without.refund("0.8"));
    assert_eq!(restore(&without, &backup).unwrap(), Outcome::Restored);
    assert!(!without.path().join("db/perf.sqlite").exists(), "its history has no such rows");
    fs::remove_dir_all(backups(&world)).unwrap();
}

#[test]
fn what_could_not_be_copied_is_in_the_list() {
    let (world, first) = backed_up();
    let text = fs::read_to_string(first.join("backup.json")).unwrap();
    assert!(!text.contains("not_copied"), "older programs read what has everything: {text}");
    let lost = || NotCopied { path: "db/perf.sqlite".to_owned(), why: "damaged".to_owned() };
    let backup = take_with(&world, |_| vec![lost()]);
    assert_eq!(backup::verify(&backup).unwrap().not_copied, [lost()]);
    fs::remove_dir_all(backups(&world)).unwrap();
}

#[test]
fn the_newest_backups_are_kept() {
    let (world, first) = backed_up();
    let (second, third) = (take(&world), take(&world));
    let folder = backups(&world);
    fs::create_dir(folder.join("interrupted")).unwrap();
    let listed = backup::list(&folder).unwrap();
    let paths: Vec<_> = listed.iter().map(|it| it.path.clone()).collect();
    assert_eq!(paths, [third.clone(), second.clone(), first.clone(), folder.join("interrupted")]);
    assert!(listed[3].manifest.is_err());
    let prune = |keep| backup::prune(&backup::surplus(&folder, keep).unwrap()).unwrap().len();
    assert_eq!(prune(2), 1);
    assert!(!first.exists() && second.exists());
    assert_eq!(prune(0), 1, "one always stays");
    assert!(third.exists() && folder.join("interrupted").exists());
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_damaged_backup_counts_for_none() {
    let (world, first) = backed_up();
    let (second, third) = (take(&world), take(&world));
    let folder = backups(&world);
    fs::write(third.join("root/CURRENT"), "{}\n").unwrap();
    let surplus = backup::surplus(&folder, 1).unwrap();
    assert_eq!(surplus.damaged.len(), 1, "{surplus:?}");
    assert!(surplus.damaged[0].to_string().contains("CURRENT has other bytes"), "{surplus:?}");
    assert_eq!(surplus.due.iter().map(|it| &it.path).collect::<Vec<_>>(), [&first]);
    backup::prune(&surplus).unwrap();
    assert!(second.exists() && third.exists() && !first.exists());

    fs::write(second.join("root/CURRENT"), "{}\n").unwrap();
    assert_eq!(backup::surplus(&folder, 1).unwrap().due, [], "none is as it was made");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_root_with_a_damaged_pointer_gets_its_configuration_back() {
    let (world, backup) = backed_up();
    world.deploy(&world.refund("0.7"));
    let (epoch, records) = (epoch(&world), world.actions().len());
    let current = world.path().join("CURRENT");
    fs::write(&current, "nonsense").unwrap();
    let err = restore(&world, &backup).unwrap_err();
    assert!(matches!(err, BackupError::Pointer(_)), "{err:?}");
    assert_eq!((err.exit_code(), fs::read(&current).unwrap()), (8, b"nonsense".to_vec()));

    assert_eq!(restore_anew(&world, &backup).unwrap(), Outcome::Restored);
    assert_eq!(world.floor(), "0.6");
    assert!(epoch < self::epoch(&world), "the epoch only grows");
    let new = world.actions().split_off(records);
    assert!(new.iter().any(|it| it.contains("rebuil")), "{new:?}");
    assert_eq!(new.last().map(String::as_str), Some("restored"));
    world.store.audit().verify(None).unwrap();
    assert_eq!(world.store.generations().unwrap().len(), 2, "nothing is lost");
    fs::remove_dir_all(backups(&world)).unwrap();
}

#[test]
fn a_lost_or_replaced_pointer_and_a_tampered_generation_are_no_end() {
    let (world, backup) = backed_up();
    let current = world.path().join("CURRENT");
    let earlier = fs::read(&current).unwrap();
    world.deploy(&world.refund("0.7"));
    for pointer in [Some(&earlier), None] {
        match pointer {
            Some(bytes) => fs::write(&current, bytes).unwrap(),
            None => fs::remove_file(&current).unwrap(),
        }
        let err = restore(&world, &backup).unwrap_err();
        assert!(matches!(err, BackupError::Pointer(_)), "{err:?}");
        assert_eq!(restore_anew(&world, &backup).unwrap(), Outcome::Restored);
        assert_eq!(world.floor(), "0.6");
    }
    // What was in force, and what would be, are both not as they were published.
    world.tamper(1);
    world.tamper(2);
    fs::write(&current, "nonsense").unwrap();
    assert_eq!(restore_anew(&world, &backup).unwrap(), Outcome::Restored);
    assert_eq!((world.floor().as_str(), world.store.generations().unwrap().len()), ("0.6", 3));
    // A pointer that nothing is wrong with is not written anew.
    assert_eq!(restore_anew(&world, &backup).unwrap(), Outcome::Unchanged);
    fs::remove_dir_all(backups(&world)).unwrap();
}

#[test]
fn what_was_tampered_with_is_left_out_or_refused() {
    let (world, _) = backed_up();
    world.deploy(&world.refund("0.7"));
    world.tamper(1);
    let backup = take(&world);
    assert_eq!(backup::verify(&backup).unwrap().left_out.len(), 1);
    world.tamper(2);
    let id = world.id();
    let made = world.act(|root| backup::create(root, world.path(), &backups(&world), &id, all));
    assert_eq!(made.unwrap_err().exit_code(), 8);
    assert!(
        BackupError::exit_code(&backup::verify(&backups(&world).join(id.as_str())).unwrap_err())
            == 65
    );
    fs::remove_dir_all(backups(&world)).unwrap();
}

#[test]
fn what_a_backup_does_not_hold_is_on_record_after_a_restore() {
    let (world, _) = backed_up();
    world.deploy(&world.refund("0.7"));
    world.tamper(1);
    let backup = take_with(&world, |_| {
        vec![NotCopied { path: "db/perf.sqlite".to_owned(), why: "damaged".to_owned() }]
    });
    let empty = World::new("development");
    assert_eq!(restore(&empty, &backup).unwrap(), Outcome::Restored);
    let last = empty.store.audit().last().unwrap().unwrap().entry;
    assert_eq!((last.action.as_str(), &last.detail["left_out"]), ("restored", &json!([1])));
    assert_eq!(last.detail["not_copied"][0]["path"], "db/perf.sqlite");
    let all = verify(&empty.store, true).unwrap();
    assert!(all.iter().all(|it| it.result.is_ok()), "nobody removed it: {all:?}");
    fs::remove_dir_all(backups(&world)).unwrap();
}

/// A root of this environment with the trust floor 0.6 in force, and a backup of it.
fn backup_of(environment: &str) -> (World, PathBuf) {
    let world = World::new(environment);
    world.deploy(&world.refund("0.6"));
    let backup = take(&world);
    (world, backup)
}

#[test]
fn a_backup_of_another_environment_is_refused() {
    let (world, backup) = backup_of("development");
    assert_eq!(backup::environment_of(&backup).unwrap(), Some(world.environment.clone()));
    let production = World::new("production");
    production.deploy(&production.refund("0.8"));
    let err = restore(&production, &backup).unwrap_err();
    assert_eq!(
        err.to_string(),
        "the backup is of development, and this root belongs to production"
    );
    assert_eq!((err.exit_code(), production.floor().as_str()), (64, "0.8"));
    let allowed = Allowed { other_environment: true, ..Allowed::default() };
    let err = restore_with(&production, &backup, allowed).unwrap_err();
    assert!(matches!(err, BackupError::Unproven { .. }), "{err}");
    let allowed = Allowed { unproven: true, ..allowed };
    assert_eq!(restore_with(&production, &backup, allowed).unwrap(), Outcome::Restored);
    let last = production.store.audit().last().unwrap().unwrap().entry;
    let id = backup.file_name().unwrap().to_str().unwrap();
    assert_eq!((last.action.as_str(), &last.detail["backup"]), ("rollback_committed", &json!(id)));
    assert_eq!(last.detail["backup_environment"], "development");
    fs::remove_dir_all(backups(&world)).unwrap();
}

#[test]
fn a_tree_that_never_passed_here_needs_what_the_rules_ask_for() {
    let (world, backup) = backup_of("production");
    let other = World::new("production");
    other.deploy(&other.refund("0.8"));
    let err = restore(&other, &backup).unwrap_err();
    assert!(err.to_string().contains("golden missing: no golden verdict"), "{err}");
    assert_eq!((err.exit_code(), other.floor().as_str()), (1, "0.8"));
    let tree = world.base().tree.digest();
    other.act(|root| overlay_deploy::record_verdict(root, tree, true, "suite")).unwrap();
    assert_eq!(restore(&other, &backup).unwrap(), Outcome::Restored);
    let last = other.store.audit().last().unwrap().unwrap().entry;
    assert!(last.detail.get("unproven").is_none(), "{last:?}");
    // What was in force here comes back without being asked.
    assert_eq!(restore(&world, &backup).unwrap(), Outcome::Unchanged);
    fs::remove_dir_all(backups(&world)).unwrap();
}

#[test]
fn an_empty_root_belongs_to_the_environment_of_its_copy() {
    let (world, backup) = backup_of("production");
    let empty = World::new("development");
    assert_eq!(restore(&empty, &backup).unwrap(), Outcome::Restored);
    let last = empty.store.audit().last().unwrap().unwrap().entry;
    assert_eq!(
        (last.env.as_str(), &last.detail["backup_environment"]),
        ("production", &json!("production"))
    );
    fs::remove_dir_all(backups(&world)).unwrap();
}

#[test]
fn nothing_is_no_backup() {
    let world = World::new("development");
    let id = world.id();
    let made = world.act(|root| backup::create(root, world.path(), &backups(&world), &id, all));
    assert!(matches!(made, Err(BackupError::Nothing)));
    assert_eq!(backup::list(&backups(&world)).unwrap().len(), 0);
}

#[test]
fn a_manifest_that_fits_the_changed_files_is_held_against_the_audit_log() {
    let (world, _) = backed_up();
    world.deploy(&world.refund("0.7"));
    let backup = take(&world);
    let copy = backup.join("root");
    forge(&copy, 1, "TRUST_FLOOR=0.0\n");
    edit(&backup, |list| {
        for listed in list["files"].as_array_mut().unwrap() {
            let bytes = fs::read(copy.join(listed["path"].as_str().unwrap())).unwrap();
            listed["bytes"] = json!(bytes.len());
            listed["sha256"] = json!(Digest::of(&bytes));
        }
    });
    let err = backup::verify(&backup).unwrap_err();
    assert_eq!(err.exit_code(), 8, "{err}");
    assert!(err.to_string().contains("generation 00000001 was tampered with"), "{err}");

    world.forge(1);
    assert_eq!(backup::verify(&take(&world)).unwrap().left_out, [GenerationId(1)]);
    fs::remove_dir_all(backups(&world)).unwrap();
}

/// A generation with the files of the backup, that was published with others.
#[test]
fn what_was_made_to_look_like_the_backup_is_not_what_comes_back() {
    let (world, backup) = backed_up();
    world.deploy(&world.refund("0.7"));
    world.deploy(&world.refund("0.8"));
    let file = world.path().join("gen/00000001/tree/overlays/fusion_overlay.refund.txt");
    forge(world.path(), 2, &fs::read_to_string(file).unwrap());
    assert_eq!(restore(&world, &backup).unwrap(), Outcome::Restored);
    assert_eq!(world.store.current().unwrap().unwrap().stable.generation, GenerationId(1));
    fs::remove_dir_all(backups(&world)).unwrap();
}

/// The log knows the number of the generation that is made, of one that somebody removed.
#[test]
fn a_number_that_comes_twice_stops_no_restore() {
    let (world, backup) = backed_up();
    world.deploy(&world.refund("0.7"));
    world.deploy(&world.refund("0.8"));
    let (id, target) = (world.id(), "2".parse().unwrap());
    world.act(|root| rollback(root, &target, &id, None)).unwrap();
    fs::remove_dir_all(world.path().join("gen/00000003")).unwrap();
    world.tamper(1);
    assert_eq!(restore(&world, &backup).unwrap(), Outcome::Restored);
    assert_eq!(world.floor(), "0.6");
    assert_eq!(world.store.current().unwrap().unwrap().stable.generation, GenerationId(3));
    fs::remove_dir_all(backups(&world)).unwrap();
}
