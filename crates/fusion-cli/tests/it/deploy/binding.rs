//! A root belongs to the environment of its first deployment.

use std::path::Path;

use serde_json::json;

use super::{apply, deploy, edit, status};
use crate::binary::{Ran, finish, folder, fusion, run, write};

const RULES: &str = "\
[environments.production]
mode = \"direct\"
bake = \"0s\"
checks = [\"schema\"]
";

fn with_env(dir: &Path, args: &[&str], reson_env: &str) -> Ran {
    let args = [&["deploy"], args, &["--root", "prod"]].concat();
    finish(fusion(dir).args(args).env("RESON_ENV", reson_env), b"")
}

#[test]
fn no_other_environment_is_taken() {
    let dir = folder(&[]);
    edit(dir.path(), "0.6");
    deploy(dir.path(), &["apply", "refund.txt", "--env", "development"]).ends_with(0);
    edit(dir.path(), "0.7");
    let ran = deploy(dir.path(), &["apply", "refund.txt", "--env", "staging"]).ends_with(64);
    assert!(ran.stderr.contains("belongs to development, and --env says staging"), "{ran:#?}");
    let ran = with_env(dir.path(), &["apply", "refund.txt"], "staging").ends_with(64);
    assert!(ran.stderr.contains("RESON_ENV says staging"), "{ran:#?}");
    with_env(dir.path(), &["plan", "refund.txt"], "staging").ends_with(64);
    // Who looks is not stopped by a variable of the shell.
    with_env(dir.path(), &["status"], "staging").ends_with(0);
    assert_eq!(status(dir.path())["epoch"], 1);
    with_env(dir.path(), &["apply", "refund.txt", "--env", "development"], "staging").ends_with(0);
}

#[test]
fn an_override_holds_once_and_is_on_record() {
    let dir = folder(&[]);
    apply(dir.path(), "0.6");
    edit(dir.path(), "0.7");
    deploy(dir.path(), &["apply", "refund.txt", "--override-env"]).ends_with(64);
    let other = ["apply", "refund.txt", "--env", "staging", "--override-env"];
    let ran = deploy(dir.path(), &other).ends_with(1);
    assert!(ran.stdout.contains("no golden verdict"), "the rules of staging: {ran:#?}");
    let log = ["audit", "log", "--root", "prod", "--action", "environment_overridden", "--json"];
    let noted = run(dir.path(), &log).ends_with(0).json();
    assert_eq!(noted["records"][0]["detail"]["bound"], "development");
    assert_eq!(noted["records"][0]["env"], "staging");
    let plan = deploy(dir.path(), &["plan", "refund.txt", "--json"]).ends_with(2).json();
    assert_eq!(plan["environment"], "development", "the next one goes by the root's own");
}

#[test]
fn a_damaged_record_of_a_rollout_changes_no_rules() {
    let dir = folder(&[]);
    write(&dir.path().join("configs/deploy.toml"), RULES);
    write(&dir.path().join("configs/overlays/fusion_overlay.refund.txt"), super::refund("0.6"));
    let first = ["apply", "--from", "configs", "--env", "production"];
    deploy(dir.path(), &first).ends_with(0);
    let rollouts = dir.path().join("prod/rollouts");
    for file in std::fs::read_dir(rollouts).expect("a folder") {
        let path = file.expect("a file").path();
        if path.extension().is_some_and(|it| it == "json") {
            write(&path, "garbage");
        }
    }
    let ran = deploy(dir.path(), &["status", "--json"]).ends_with(8);
    assert_eq!(ran.json()["health"]["status"], "degraded", "{ran:#?}");
    assert!(ran.stdout.contains("rollouts/"), "{ran:#?}");
    let list = deploy(dir.path(), &["list", "--json"]).ends_with(0).json();
    assert_ne!(list["generations"][0]["problem"], json!(null));
    let ran = deploy(dir.path(), &["verify", "--all"]).ends_with(8);
    assert!(ran.stdout.contains(".json is damaged"), "{ran:#?}");
    // What used to fall back to the rules of development still is of production.
    edit(dir.path(), "0.7");
    let plan = deploy(dir.path(), &["plan", "refund.txt", "--json"]).ends_with(2).json();
    assert_eq!(plan["environment"], "production");
    deploy(dir.path(), &["plan", "refund.txt", "--env", "development"]).ends_with(64);
}

#[test]
fn the_account_is_on_record_and_not_what_the_shell_says() {
    let dir = folder(&[]);
    edit(dir.path(), "0.6");
    let args = ["deploy", "apply", "refund.txt", "--root", "prod"];
    finish(fusion(dir.path()).args(args).env("USER", "somebody else"), b"").ends_with(0);
    let log = run(dir.path(), &["audit", "log", "--root", "prod", "--json"]).ends_with(0).json();
    let record = &log["records"][0];
    assert_ne!(record["actor"], "somebody else");
    assert_ne!(record["actor"], "unknown");
    assert!(record["detail"]["uid"].is_u64(), "{record:#}");
    assert_eq!(record["detail"]["user"], "somebody else");
}
