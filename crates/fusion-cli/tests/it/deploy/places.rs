//! Where no root is made, and none is seen.

use super::{deploy, refund};
use crate::binary::{folder, run, write};

#[test]
fn a_root_that_cannot_be_made_is_no_root_to_make() {
    let dir = folder(&[("file", "x\n"), ("refund.txt", &refund("0.6"))]);
    for root in ["file", "file/new"] {
        let ran = run(dir.path(), &["deploy", "apply", "refund.txt", "--root", root]);
        let ran = ran.ends_with(69);
        let said = format!("cannot make {root}: Not a directory");
        assert!(ran.stderr.contains(&said), "{ran:#?}");
        assert!(!ran.stderr.contains("makes one"), "{ran:#?}");
    }
    let ran = run(dir.path(), &["deploy", "status", "--root", "file"]).ends_with(65);
    assert!(!ran.stderr.contains("makes one"), "{ran:#?}");
    let ran = run(dir.path(), &["deploy", "status", "--root", "gone"]).ends_with(65);
    assert!(ran.stderr.contains("`fusion deploy apply` makes one"), "{ran:#?}");
}

#[test]
fn no_root_lies_in_the_installation_of_an_overlay() {
    let dir = folder(&[]);
    let overlay = "configs/overlays/fusion_overlay.refund.txt";
    write(&dir.path().join(overlay), refund("0.6"));
    for root in ["configs/sub", "configs/overlays/sub"] {
        for command in ["plan", "apply"] {
            let args = ["deploy", command, overlay, "--root", root];
            let ran = run(dir.path(), &args).ends_with(64);
            assert!(ran.stderr.contains("lies in the installation"), "{ran:#?}");
        }
        assert!(!dir.path().join(root).exists());
    }
    let inside = dir.path().join("configs/overlays");
    let args = ["deploy", "apply", "fusion_overlay.refund.txt", "--root", "../sub"];
    run(&inside, &args).ends_with(64);
    deploy(dir.path(), &["apply", overlay]).ends_with(0);
    // A generation is an installation, and the root is around it.
    let own = "prod/gen/00000001/tree/overlays/fusion_overlay.refund.txt";
    deploy(dir.path(), &["apply", own]).ends_with(0);
}

#[test]
fn no_root_is_laid_out_among_other_files() {
    let dir = folder(&[("prod/notes.txt", "mine\n")]);
    for args in [&["recover"][..], &["gc"], &["unpin", "x"], &["resume"]] {
        let ran = deploy(dir.path(), args).ends_with(65);
        assert!(ran.stderr.contains("prod is no deployment root"), "{ran:#?}");
    }
    let entries = std::fs::read_dir(dir.path().join("prod")).expect("a folder");
    assert_eq!(entries.count(), 1);
}
