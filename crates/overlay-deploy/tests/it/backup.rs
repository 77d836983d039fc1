use std::fs;
use std::path::PathBuf;

use overlay_deploy::backup::{self, BackupError};
use overlay_deploy::{Outcome, status};
use overlay_store::Store;

use crate::world::World;

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
    let id = world.id();
    world.now_us.set(world.now_us.get() + 1_000_000);
    let made = world.act(|root| backup::create(root, world.path(), &backups(world), &id));
    backups(world).join(made.unwrap().id)
}

fn restore(world: &World, backup: &std::path::Path) -> Result<Outcome, BackupError> {
    let id = world.id();
    world.act(|root| backup::restore(root, world.path(), backup, &id)).map(|it| it.outcome)
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
    assert_eq!(backup::prune(&folder, 2).unwrap().len(), 1);
    assert!(!first.exists() && second.exists());
    assert_eq!(backup::prune(&folder, 0).unwrap().len(), 1, "one always stays");
    assert!(third.exists() && folder.join("interrupted").exists());
    fs::remove_dir_all(folder).unwrap();
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
    let made = world.act(|root| backup::create(root, world.path(), &backups(&world), &id));
    assert_eq!(made.unwrap_err().exit_code(), 8);
    assert!(
        BackupError::exit_code(&backup::verify(&backups(&world).join(id.as_str())).unwrap_err())
            == 65
    );
    fs::remove_dir_all(backups(&world)).unwrap();
}

#[test]
fn nothing_is_no_backup() {
    let world = World::new("development");
    let id = world.id();
    let made = world.act(|root| backup::create(root, world.path(), &backups(&world), &id));
    assert!(matches!(made, Err(BackupError::Nothing)));
    assert_eq!(backup::list(&backups(&world)).unwrap().len(), 0);
}
