//! A generation that somebody wrote over.

use std::fs;
use std::path::Path;

use super::{apply, deploy, deployed, edit, file_of, floor, status};
use crate::binary::run;

/// Writes over the overlay of a generation, though its files are read-only.
fn tamper(dir: &Path, generation: u64) {
    let file = file_of(dir, generation);
    fs::remove_file(&file).expect("it is there");
    fs::write(file, "TRUST_FLOOR=0.0\n").expect("written");
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
