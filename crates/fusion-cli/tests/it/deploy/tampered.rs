//! A generation that somebody wrote over.

use std::fs;
use std::path::Path;

use overlay_model::Digest;
use overlay_store::{GenerationId, Store, Tree};

use super::{apply, deploy, deployed, edit, file_of, floor, status};
use crate::binary::run;

/// Writes over the overlay of a generation, though its files are read-only.
fn tamper(dir: &Path, generation: u64) {
    let file = file_of(dir, generation);
    fs::remove_file(&file).expect("it is there");
    fs::write(file, "TRUST_FLOOR=0.0\n").expect("written");
}

/// [`tamper`], with a manifest that fits.
fn forge(dir: &Path, generation: u64) {
    tamper(dir, generation);
    let text = fs::read(file_of(dir, generation)).expect("the overlay");
    let (root, generation) = (dir.join("prod"), GenerationId(generation));
    let store = Store::open(&root).expect("a root");
    let (mut manifest, _) = store.manifest(generation).expect("a manifest");
    let refund = manifest.files.iter_mut().find(|it| it.path.ends_with(".refund.txt"));
    let refund = refund.expect("the overlay");
    (refund.bytes, refund.sha256) = (text.len() as u64, Digest::of(&text));
    let dir = root.join(format!("gen/{generation}"));
    manifest.tree = Tree::read_dir(&dir.join("tree")).expect("a tree").digest();
    fs::remove_file(dir.join("manifest.json")).expect("it is there");
    let bytes = serde_json::to_vec(&manifest).expect("JSON");
    fs::write(dir.join("manifest.json"), bytes).expect("written");
    store.verify(generation, None).expect("it fits");
}

#[test]
fn what_is_live_is_found_out_and_the_way_out_is_an_older_one() {
    let dir = deployed();
    apply(dir.path(), "0.7");
    tamper(dir.path(), 2);
    let ran = deploy(dir.path(), &["status"]).ends_with(8);
    assert!(ran.stdout.contains("unhealthy"), "{ran:#?}");
    let ran = deploy(dir.path(), &["verify"]).ends_with(8);
    assert!(ran.stdout.contains("overlays/fusion_overlay.refund.txt"), "{ran:#?}");
    edit(dir.path(), "0.8");
    let ran = deploy(dir.path(), &["apply", "refund.txt"]).ends_with(8);
    assert!(ran.stderr.contains("generation 00000002 was tampered with"), "{ran:#?}");
    deploy(dir.path(), &["recover"]).ends_with(8);

    deploy(dir.path(), &["rollback", "--to", "1"]).ends_with(0);
    assert_eq!(floor(dir.path()), "0.6");
    deploy(dir.path(), &["status"]).ends_with(0);
}

#[test]
fn it_is_never_put_in_force() {
    let dir = deployed();
    apply(dir.path(), "0.7");
    tamper(dir.path(), 1);
    deploy(dir.path(), &["rollback"]).ends_with(8);
    assert_eq!(status(dir.path())["stable"]["generation"], 2);
    deploy(dir.path(), &["verify"]).ends_with(0);
    deploy(dir.path(), &["verify", "--all"]).ends_with(8);
    run(dir.path(), &["audit", "verify", "--root", "prod"]).ends_with(0);
}

#[test]
fn a_manifest_that_fits_the_changed_files_is_no_proof() {
    let dir = deployed();
    deploy(dir.path(), &["pin", "first", "1"]).ends_with(0);
    apply(dir.path(), "0.7");
    forge(dir.path(), 1);
    for args in [&["verify", "--all"][..], &["diff"], &["rollback", "--to", "1"]] {
        deploy(dir.path(), args).ends_with(8);
    }
    deploy(dir.path(), &["rollback", "--to", "first"]).ends_with(8);
    assert_eq!(floor(dir.path()), "0.7");
}

#[test]
fn what_differs_is_not_told_of_a_manifest_that_the_pointer_contradicts() {
    let dir = deployed();
    apply(dir.path(), "0.7");
    deploy(dir.path(), &["diff"]).ends_with(2);
    deploy(dir.path(), &["diff", "1", "99"]).ends_with(65);
    let path = dir.path().join("prod/gen/00000002/manifest.json");
    let text = fs::read_to_string(&path).expect("a manifest");
    let edited = text.replace(r#""mode":"direct""#, r#""mode":"staged""#);
    assert_ne!(edited, text);
    fs::remove_file(&path).expect("it is there");
    fs::write(&path, edited).expect("written");
    for args in [&["diff"][..], &["diff", "1"], &["diff", "2", "1"]] {
        let ran = deploy(dir.path(), args).ends_with(8);
        assert!(ran.stderr.contains("generation 00000002 was tampered with"), "{ran:#?}");
    }
}

#[test]
fn a_live_generation_that_is_gone_is_listed() {
    let dir = deployed();
    apply(dir.path(), "0.7");
    fs::remove_dir_all(dir.path().join("prod/gen/00000002")).expect("removed");
    let ran = deploy(dir.path(), &["list"]).ends_with(8);
    assert!(ran.stdout.starts_with("* 00000002 "), "{ran:#?}");
    assert!(ran.stdout.contains("generation 00000002 is gone"), "{ran:#?}");
    let listed = deploy(dir.path(), &["list", "--json"]).ends_with(8).json();
    let numbers: Vec<_> = listed["generations"].as_array().expect("a list").iter().collect();
    assert_eq!((numbers.len(), &numbers[0]["is_live"]), (2, &serde_json::json!(true)));
}
