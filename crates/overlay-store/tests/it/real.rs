#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use overlay_store::vfs::{Kind, RealFs, Vfs};
use overlay_store::{Store, StoreError};

use crate::roots::holder;

fn real() -> (tempfile::TempDir, RealFs) {
    let dir = tempfile::tempdir().unwrap();
    let fs = RealFs::open(dir.path()).unwrap();
    (dir, fs)
}

#[test]
fn files_and_directories() {
    let (_dir, fs) = real();
    fs.create_dir("d").unwrap();
    fs.write_new("d/a", b"one", 0o444).unwrap();
    fs.append("d/b", b"1").unwrap();
    fs.append("d/b", b"23").unwrap();
    fs.truncate("d/b", 2).unwrap();
    fs.sync_file("d/a").unwrap();
    fs.sync_dir("d").unwrap();
    fs.sync_dir("").unwrap();
    assert_eq!(fs.read("d/b", 2).unwrap(), b"12");
    assert_eq!(fs.list("").unwrap(), [("d".to_owned(), Kind::Directory)]);
    let files = fs.read_tree("", 100).unwrap();
    assert_eq!(files, [("d/a".to_owned(), b"one".to_vec()), ("d/b".to_owned(), b"12".to_vec())]);
    fs.rename("d/b", "c").unwrap();
    fs.remove_file("c").unwrap();
    fs.remove_file("d/a").unwrap();
    fs.remove_dir("d").unwrap();
    assert_eq!(fs.list("").unwrap(), []);
}

#[track_caller]
fn check(act: impl FnOnce(&RealFs) -> std::io::Result<()>, expect: std::io::ErrorKind) {
    let (dir, real) = real();
    fs::create_dir(dir.path().join("d")).unwrap();
    fs::write(dir.path().join("d/a"), "one").unwrap();
    fs::write(dir.path().join("d/b"), "two").unwrap();
    symlink("/etc", dir.path().join("link")).unwrap();
    symlink("/etc/passwd", dir.path().join("file_link")).unwrap();
    assert_eq!(act(&real).unwrap_err().kind(), expect);
    assert_eq!(fs::read(dir.path().join("d/a")).unwrap(), b"one");
}

#[test]
fn what_is_refused() {
    use std::io::ErrorKind as Kind;
    check(|fs| fs.write_new("d/a", b"x", 0o644), Kind::AlreadyExists);
    check(|fs| fs.rename_new("d/b", "d/a"), Kind::AlreadyExists);
    check(|fs| fs.create_dir("d"), Kind::AlreadyExists);
    check(|fs| fs.remove_dir("d"), Kind::DirectoryNotEmpty);
    check(|fs| fs.read("d/a", 2).map(|_| ()), Kind::FileTooLarge);
    check(|fs| fs.read_tree("d", 5).map(|_| ()), Kind::FileTooLarge);
    check(|fs| fs.read("d/none", 2).map(|_| ()), Kind::NotFound);
    check(|fs| fs.lease("d/none").map(|_| ()), Kind::NotFound);
    check(|fs| fs.lock_present("d/none").map(|_| ()), Kind::NotFound);
    check(|fs| fs.read("../x", 2).map(|_| ()), Kind::InvalidFilename);
    check(|fs| fs.read("d/../d/a", 9).map(|_| ()), Kind::InvalidFilename);
    check(|fs| fs.read("/etc/passwd", 9).map(|_| ()), Kind::InvalidFilename);
    check(|fs| fs.read("d//a", 9).map(|_| ()), Kind::InvalidFilename);
    check(|fs| fs.read("link/passwd", 99).map(|_| ()), Kind::InvalidData);
    check(|fs| fs.read("file_link", 99).map(|_| ()), Kind::InvalidData);
    check(|fs| fs.append("file_link", b"x"), Kind::InvalidData);
    check(|fs| fs.read_tree("", 99).map(|_| ()), Kind::InvalidData);
    check(|fs| fs.read("d", 99).map(|_| ()), Kind::InvalidData);
    check(|fs| fs.list("d/a").map(|_| ()), Kind::InvalidData);
}

/// `/proc` is another file system wherever it is mounted.
#[test]
fn a_mount_inside_the_root_is_refused() {
    let fs = RealFs::open(Path::new("/")).unwrap();
    let err = fs.list("proc").unwrap_err();
    assert_eq!(err.kind(), std::io::ErrorKind::CrossesDevices);
    assert_eq!(err.to_string(), "proc is on another file system than its root");
}

#[test]
fn locks_exclude_and_leases_share() {
    let (dir, fs) = real();
    let other = RealFs::open(dir.path()).unwrap();
    let held = fs.lock("LOCK").unwrap().unwrap();
    assert!(other.lock("LOCK").unwrap().is_none());
    assert!(other.lease("LOCK").unwrap().is_none());
    drop(held);
    let leases = (fs.lease("LOCK").unwrap().unwrap(), other.lease("LOCK").unwrap().unwrap());
    assert!(other.lock_present("LOCK").unwrap().is_none());
    drop(leases);
    assert!(other.lock_present("LOCK").unwrap().is_some());
}

#[test]
fn a_root_that_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [file.as_path(), &dir.path().join("none")] {
        let err = Store::open(path).unwrap_err();
        assert!(matches!(err, StoreError::NoRoot { .. }), "{err:?}");
    }
    assert!(!Store::is_root(dir.path()));
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.current().unwrap(), None);
    assert_eq!(store.generations().unwrap(), []);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "opening wrote something");
}

#[test]
fn a_root_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [file.join("root"), file] {
        let err = Store::create(&path).unwrap_err();
        assert!(matches!(err, StoreError::Io { op: "make", .. }), "{err:?}");
        assert_eq!(err.to_string(), format!("cannot make {}", path.display()));
    }
}

#[test]
fn a_root_is_made_with_its_parents() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("a/b/root");
    Store::create(&root).unwrap();
    Store::create(&root).unwrap();
    let mut names: Vec<_> = fs::read_dir(&root)
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["audit", "db", "gen", "pins", "rollouts", "state", "tmp"]);
}

#[test]
fn a_link_in_place_of_a_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let store = Store::create(dir.path()).unwrap();
    fs::remove_dir(dir.path().join("gen")).unwrap();
    symlink(elsewhere.path(), dir.path().join("gen")).unwrap();
    let err = store.lock(&holder()).err().unwrap();
    assert_eq!(err.to_string(), "gen is no plain file or directory");
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

/// Only the administrator can give a directory away.
#[test]
fn a_root_of_another_user_is_not_written_to() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::create(dir.path()).unwrap();
    if std::os::unix::fs::chown(dir.path(), Some(12345), None).is_err() {
        println!("skipped: not the administrator");
        return;
    }
    let err = store.lock(&holder()).err().unwrap().to_string();
    assert!(err.starts_with("the root belongs to user 12345, and this is user "), "{err}");
    assert!(!dir.path().join("LOCK").exists());
    let err = Store::create(dir.path()).unwrap_err();
    assert!(matches!(err, StoreError::WrongOwner(_)), "{err:?}");
    assert_eq!(store.current().unwrap(), None);
}
