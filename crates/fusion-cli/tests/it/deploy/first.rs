//! A first deployment whose process was killed in the checks after it: there is nothing to go
//! back to.

use serde_json::json;

use super::crash::Deploying;
use super::{deploy, edit, floor, status};
use crate::binary::{folder, run, write};

/// Where the rest of the time is waited for in the end: the next one counts where it was over
/// before the deployer was killed.
const SHORT: &[&str] = &["2s", "20s", "120s"];
const LONG: &[&str] = &["1h"];

/// A root whose first deployer was killed while the generation was watched, for the first of
/// these times that is long enough.
#[track_caller]
fn killed(bakes: &[&str]) -> tempfile::TempDir {
    for bake in bakes {
        let dir = folder(&[]);
        edit(dir.path(), "0.6");
        let args = ["apply", "refund.txt", "--mode", "blue-green", "--bake", bake];
        Deploying::run(dir.path(), &args).kill();
        if status(dir.path())["phase"] == "post_check" {
            return dir;
        }
    }
    panic!("the deployment ended before its process was killed");
}

#[test]
fn it_waits_for_resume_whatever_comes_first() {
    let dir = killed(SHORT);
    let ran = deploy(dir.path(), &["pin", "first"]).ends_with(0);
    assert!(ran.stderr.contains("`fusion deploy resume` sees it through"), "{ran:#?}");
    run(dir.path(), &["backup", "create", "--root", "prod"]).ends_with(0);
    let ran = deploy(dir.path(), &["recover"]).ends_with(0);
    assert!(ran.stdout.contains("is the first one"), "{ran:#?}");
    let ran = deploy(dir.path(), &["status"]).ends_with(0);
    assert!(ran.stdout.contains("the process that drove it ended: resume, or deploy"), "{ran:#?}");
    deploy(dir.path(), &["resume"]).ends_with(0);
    let status = status(dir.path());
    assert_eq!(
        (&status["phase"], &status["health"]["status"]),
        (&json!("stable"), &json!("healthy"))
    );
}

#[test]
fn the_same_deployment_sees_it_through() {
    let dir = killed(SHORT);
    let plan = deploy(dir.path(), &["plan", "refund.txt"]).ends_with(2);
    assert!(plan.stdout.contains("goes through its checks once more"), "{plan:#?}");
    let report = deploy(dir.path(), &["apply", "refund.txt", "--json"]).ends_with(0).json();
    assert_eq!((&report["deployed"], &report["generation"]), (&json!(true), &json!(1)));
    let ran = deploy(dir.path(), &["apply", "refund.txt"]).ends_with(0);
    assert!(ran.stdout.starts_with("unchanged"), "{ran:#?}");
}

#[test]
fn another_one_takes_its_place() {
    let dir = killed(LONG);
    edit(dir.path(), "0.7");
    deploy(dir.path(), &["apply", "refund.txt"]).ends_with(0);
    assert_eq!(floor(dir.path()), "0.7");
}

#[test]
fn what_is_frozen_is_deployed_again() {
    let dir = killed(LONG);
    deploy(dir.path(), &["abort"]).ends_with(7);
    assert_eq!(status(dir.path())["phase"], "frozen");
    deploy(dir.path(), &["rollback", "--to", "1"]).ends_with(1);
    let ran = deploy(dir.path(), &["apply", "refund.txt"]).ends_with(0);
    assert!(ran.stdout.starts_with("deployed: refund as generation 00000001"), "{ran:#?}");
    assert!(!ran.stdout.contains("back to generation"), "{ran:#?}");
    assert_eq!(status(dir.path())["phase"], "stable");
}

#[test]
fn what_is_frozen_stays_so_where_another_fails_after_it() {
    const FAILING: &str = "[environments.development]\nchecks = [\"smoke\"]\n\
        [checks.smoke]\nkind = \"command\"\nargv = [\"/bin/false\"]\nwhen = [\"post\"]\n";
    let dir = folder(&[("configs/deploy.toml", FAILING)]);
    write(&dir.path().join("configs/overlays/fusion_overlay.refund.txt"), super::refund("0.6"));
    let ran = deploy(dir.path(), &["apply", "--from", "configs"]).ends_with(7);
    assert!(ran.stdout.contains("there is no generation to return to"), "{ran:#?}");
    edit(dir.path(), "0.7");
    let ran = deploy(dir.path(), &["apply", "refund.txt"]).ends_with(7);
    let why = "generation 00000001 is in force again, and never passed its checks";
    assert!(ran.stdout.contains(why), "{ran:#?}");
    assert!(ran.stdout.contains("in force: generation 00000001, as before"), "{ran:#?}");
    let ran = deploy(dir.path(), &["status", "--json"]).ends_with(1).json();
    assert_eq!(
        (&ran["phase"], &ran["stable"]["generation"], &ran["health"]["status"]),
        (&json!("frozen"), &json!(1), &json!("unhealthy"))
    );
    deploy(dir.path(), &["rollback"]).ends_with(65);
    deploy(dir.path(), &["rollback", "--to", "1"]).ends_with(1);
}
