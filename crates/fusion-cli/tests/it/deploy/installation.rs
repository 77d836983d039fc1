//! What of a folder is deployed, and what no root may be made in.

use std::path::Path;

use super::deploy;
use crate::binary::{folder, run, write};

/// A folder with an installation, and what people and programs leave in one.
fn untidy() -> tempfile::TempDir {
    let dir = folder(&[]);
    let configs = dir.path().join("configs");
    write(&configs.join("overlays/fusion_overlay.refund.txt"), super::refund("0.6"));
    for file in [".env", ".git/config", "overlays/.fusion_overlay.z.txt.swp", "big.bin"] {
        write(&configs.join(file), "left over\n");
    }
    write(&configs.join(".fusion-migrate/1/journal.jsonl"), "{}\n");
    dir
}

fn exists(dir: &Path, file: &str) -> bool {
    dir.join("prod/gen/00000001/tree").join(file).exists()
}

#[test]
fn hidden_files_stay_where_they_are_and_unknown_ones_are_named() {
    let dir = untidy();
    let plan = deploy(dir.path(), &["plan", "--from", "configs"]).ends_with(2);
    assert!(!plan.stdout.contains("/."), "{plan:#?}");
    assert!(!plan.stdout.contains(".env"), "{plan:#?}");
    assert!(plan.stdout.contains("warning[DEP1103]"), "{plan:#?}");
    assert!(plan.stdout.contains("big.bin"), "{plan:#?}");
    deploy(dir.path(), &["plan", "--from", "configs", "--strict"]).ends_with(1);
    deploy(dir.path(), &["apply", "--from", "configs"]).ends_with(0);
    assert!(exists(dir.path(), "overlays/fusion_overlay.refund.txt"));
    assert!(exists(dir.path(), "big.bin"));
    for file in [".env", ".git", ".fusion-migrate", "overlays/.fusion_overlay.z.txt.swp"] {
        assert!(!exists(dir.path(), file), "{file}");
    }
    deploy(dir.path(), &["plan", "--from", "configs"]).ends_with(0);
}

#[test]
fn a_file_that_its_reader_refuses_is_not_deployed() {
    let dir = super::deployed();
    for (file, code) in
        [("fusion.toml", "DOC1001"), ("budgets.toml", "GLD7001"), ("slo.toml", "DEP1116")]
    {
        write(&dir.path().join(file), "{{ not a file ]\n");
        let plan = deploy(dir.path(), &["plan", "--with", file]).ends_with(1);
        assert!(plan.stdout.contains(file), "{plan:#?}");
        let ran = deploy(dir.path(), &["apply", "--with", file]).ends_with(1);
        assert!(ran.stdout.contains(code), "{ran:#?}");
    }
    assert_eq!(super::status(dir.path())["epoch"], 1);
}

#[test]
fn production_refuses_sinks_that_keep_nothing() {
    let dir = folder(&[]);
    let configs = dir.path().join("configs");
    write(&configs.join("overlays/fusion_overlay.refund.txt"), super::refund("0.6"));
    write(&configs.join("fusion.toml"), "[audit]\nsink = \"null\"\n[metrics]\nsink = \"null\"\n");
    let rules =
        "[environments.production]\nmode = \"direct\"\nbake = \"0s\"\nchecks = [\"load\"]\n";
    write(&configs.join("deploy.toml"), rules);
    let ran = deploy(dir.path(), &["apply", "--from", "configs", "--env", "production"]);
    let ran = ran.ends_with(1);
    for sink in ["audit.sink is `null`, which production refuses", "metrics.sink is `null`"] {
        assert!(ran.stdout.contains(sink), "{ran:#?}");
    }
    assert!(!dir.path().join("prod").exists());
    deploy(dir.path(), &["apply", "--from", "configs"]).ends_with(0);
}

#[test]
fn no_root_lies_in_an_installation_or_among_other_files() {
    let dir = untidy();
    let in_it = ["configs/root", "configs/a/b/root", "configs/../configs/root", "configs"];
    for root in in_it {
        for command in ["plan", "apply"] {
            let args = ["deploy", command, "--from", "configs", "--root", root];
            let ran = run(dir.path(), &args).ends_with(64);
            assert!(ran.stderr.contains("root"), "{ran:#?}");
        }
    }
    assert!(!dir.path().join("configs/root").exists());
    write(&dir.path().join("refund.txt"), super::refund("0.6"));
    let args = ["deploy", "apply", "refund.txt", "--root", "configs"];
    let ran = run(dir.path(), &args).ends_with(64);
    assert!(ran.stderr.contains("no deployment root, and not empty"), "{ran:#?}");
    assert!(!dir.path().join("configs/gen").exists());
    std::fs::create_dir_all(dir.path().join("mounted/lost+found")).expect("a folder");
    run(dir.path(), &["deploy", "apply", "refund.txt", "--root", "mounted"]).ends_with(0);
    // A generation of the root itself is an installation like any other.
    let own = ["apply", "--from", "mounted/gen/00000001/tree"];
    deploy(dir.path(), &own).ends_with(0);
}
