//! A generation on disk that is not as published.

use std::fs;
use std::path::Path;

use overlay_store::{Change, Store};
use tempfile::TempDir;

use crate::roots::{entry, holder, publish};

fn root() -> (TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::create(dir.path()).unwrap();
    let mut writer = store.lock(&holder()).unwrap();
    let made = publish(&mut writer, 1);
    writer.switch(Some(0), Change::to(made), entry("deploy")).unwrap();
    drop(writer);
    (dir, store)
}

#[track_caller]
fn check(tamper: impl FnOnce(&Path), expect: &str) {
    let (dir, store) = root();
    tamper(&dir.path().join("gen/00000001"));
    let stable = store.current().unwrap().unwrap().stable;
    let err = store.read(stable).unwrap_err();
    let expect = format!("generation 00000001 was tampered with: {expect}");
    assert_eq!(err.to_string(), expect);
    // A writer can still be had, to go elsewhere; but not back to this one.
    let mut writer = store.lock(&holder()).unwrap();
    assert_eq!(writer.recovered().tampered.len(), 1);
    let other = publish(&mut writer, 2);
    writer.switch(Some(1), Change::to(other), entry("deploy")).unwrap();
    let err = writer.switch(Some(2), Change::to(stable), entry("rollback")).unwrap_err();
    assert_eq!(err.to_string(), expect);
    assert_eq!(store.current().unwrap().unwrap().stable, other);
}

/// Files of a generation are read-only; root may write them all the same.
fn write(path: &Path, bytes: &[u8]) {
    let _ = fs::remove_file(path);
    fs::write(path, bytes).unwrap();
}

#[test]
fn each_kind_of_tampering_is_named() {
    check(
        |gen_dir| {
            let path = gen_dir.join("tree/deploy.toml");
            let mut bytes = fs::read(&path).unwrap();
            bytes[3] ^= 1;
            write(&path, &bytes);
        },
        "tree/deploy.toml has other bytes: a3410b639d6a instead of 902c2f84eea1",
    );
    check(
        |gen_dir| fs::remove_file(gen_dir.join("tree/deploy.toml")).unwrap(),
        "tree/deploy.toml is missing",
    );
    check(|gen_dir| write(&gen_dir.join("tree/evil"), b""), "tree/evil does not belong there");
    check(|gen_dir| write(&gen_dir.join("evil"), b""), "evil does not belong there");
    check(
        |gen_dir| {
            fs::rename(gen_dir.join("tree/deploy.toml"), gen_dir.join("tree/x.toml")).unwrap();
        },
        "tree/deploy.toml was renamed to tree/x.toml",
    );
    check(
        |gen_dir| {
            std::os::unix::fs::symlink("/etc/passwd", gen_dir.join("tree/link")).unwrap();
        },
        "tree/link is no plain file or directory",
    );
    check(
        |gen_dir| fs::remove_file(gen_dir.join("manifest.json")).unwrap(),
        "manifest.json is missing",
    );
}

/// A manifest rewritten to fit changed files still does not have the digest that the
/// pointer knows.
#[test]
fn a_changed_manifest_is_found_by_the_pointer() {
    let (dir, store) = root();
    let path = dir.path().join("gen/00000001/manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    write(&path, text.replace("\"deployment\":\"d1\"", "\"deployment\":\"d2\"").as_bytes());
    let stable = store.current().unwrap().unwrap().stable;
    store.verify(stable.generation, None).unwrap();
    let err = store.read(stable).unwrap_err().to_string();
    assert!(
        err.starts_with("generation 00000001 was tampered with: manifest.json has other"),
        "{err}"
    );
}

#[test]
fn a_manifest_that_is_none_is_named() {
    let (dir, store) = root();
    let stable = store.current().unwrap().unwrap().stable;
    let path = dir.path().join("gen/00000001/manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    for (from, to, expect) in [
        ("\"v\":1", "\"v\":2", "unknown version 2"),
        ("\"generation\":1,", "\"generation\":2,", "it describes generation 00000002"),
        ("deploy.toml", "../evil.toml", "its files do not give its digest"),
        ("\"origin\"", "\"orig\"", "unknown field"),
    ] {
        write(&path, text.replacen(from, to, 1).as_bytes());
        let err = store.verify(stable.generation, None).unwrap_err().to_string();
        assert!(err.contains(expect), "{err}");
    }
}

#[test]
fn a_damaged_pointer_stops_every_writer() {
    let (dir, store) = root();
    let path = dir.path().join("CURRENT");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"epoch\":1", "\"epoch\":9")).unwrap();
    assert_eq!(store.current().unwrap_err().to_string(), "CURRENT is damaged: wrong checksum");
    let err = store.lock(&holder()).err().unwrap().to_string();
    assert_eq!(err, "CURRENT is damaged: wrong checksum");

    fs::remove_file(&path).unwrap();
    assert_eq!(store.current().unwrap(), None);
    let err = store.lock(&holder()).err().unwrap().to_string();
    let expect = "CURRENT is damaged: it is missing, and audit record 2 says that it was written";
    assert_eq!(err, expect);
}
