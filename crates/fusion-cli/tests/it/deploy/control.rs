//! Orders of people while a stage bakes.

use serde_json::json;

use super::crash::Deploying;
use super::{deploy, deployed, edit, floor, status};

#[test]
fn a_pause_ends_the_controller_and_a_promotion_the_rollout() {
    let dir = deployed();
    let deploying = Deploying::start(dir.path(), &["--stages", "50,100", "--bake", "30s"]);
    let busy = deploy(dir.path(), &["apply", "refund.txt"]).ends_with(75);
    assert!(busy.stderr.contains("under way"), "{busy:#?}");
    deploy(dir.path(), &["recover"]).ends_with(0);
    assert_eq!(status(dir.path())["phase"], "canary", "its controller lives");

    let ran = deploy(dir.path(), &["pause"]).ends_with(0);
    assert!(ran.stdout.contains("generation 00000002 is paused at 50 %"), "{ran:#?}");
    let (code, text) = deploying.end();
    assert_eq!((code, text.starts_with("paused")), (Some(3), true), "{text}");
    let status = deploy(dir.path(), &["status", "--json"]).ends_with(0).json();
    assert_eq!(status["health"]["status"], "degraded");

    deploy(dir.path(), &["promote"]).ends_with(0);
    assert_eq!(floor(dir.path()), "0.7");
}

#[test]
fn an_abort_gives_all_units_back() {
    let dir = deployed();
    let deploying = Deploying::start(dir.path(), &["--stages", "50,100", "--bake", "30s"]);
    let ran = deploy(dir.path(), &["abort", "--json"]).ends_with(0).json();
    assert_eq!((&ran["outcome"], &ran["phase"]), (&json!("aborted"), &json!("stable")));
    let (code, text) = deploying.end();
    assert_eq!(code, Some(10), "{text}");
    assert!(text.contains("in force: generation 00000001, as before"), "{text}");
    assert_eq!(floor(dir.path()), "0.6");
}

#[test]
fn a_rollback_takes_a_canary_back_and_leaves_what_is_in_force() {
    let dir = deployed();
    super::apply(dir.path(), "0.65");
    let deploying = Deploying::start(dir.path(), &["--stages", "50,100", "--bake", "30s"]);
    let ran = deploy(dir.path(), &["rollback"]).ends_with(0);
    assert!(ran.stdout.starts_with("aborted: generation 00000002 is in force"), "{ran:#?}");
    assert_eq!(deploying.end().0, Some(10));
    assert_eq!(floor(dir.path()), "0.65");
    let ran = deploy(dir.path(), &["rollback"]).ends_with(0);
    assert!(ran.stdout.starts_with("restored: generation 00000001 is in force"), "{ran:#?}");
}

#[test]
fn who_is_displaced_says_what_is_in_force_instead() {
    let dir = deployed();
    super::apply(dir.path(), "0.65");
    let args = ["--stages", "50,100", "--bake", "30s", "--json"];
    let text = Deploying::start(dir.path(), &args[..4]);
    deploy(dir.path(), &["rollback", "--to", "1"]).ends_with(0);
    let (code, text) = text.end();
    assert_eq!(code, Some(10), "{text}");
    assert!(text.ends_with("  in force: generation 00000001\n"), "{text}");
}

#[test]
fn what_was_taken_back_does_not_return_but_by_an_order_on_record() {
    let dir = deployed();
    let deploying = Deploying::start(dir.path(), &["--stages", "50,100", "--bake", "30s"]);
    deploy(dir.path(), &["abort"]).ends_with(0);
    assert_eq!(deploying.end().0, Some(10));
    let ran = deploy(dir.path(), &["rollback", "--to", "2"]).ends_with(1);
    assert!(ran.stderr.contains("generation 00000002 was never in force for good"), "{ran:#?}");
    assert!(ran.stderr.contains("`--unproven`"), "{ran:#?}");
    assert_eq!(floor(dir.path()), "0.6");
    deploy(dir.path(), &["rollback", "--unproven"]).ends_with(64);
    deploy(dir.path(), &["rollback", "--to", "2", "--unproven"]).ends_with(0);
    assert_eq!(floor(dir.path()), "0.7");
    let log = ["audit", "log", "--root", "prod", "--action", "rollback_committed", "--json"];
    let log = crate::binary::run(dir.path(), &log).ends_with(0).json();
    assert_eq!(log["records"][0]["detail"]["unproven"], true);
}

#[test]
fn while_a_rollout_is_under_way_what_is_in_force_is_not_unchanged() {
    let dir = deployed();
    let deploying = Deploying::start(dir.path(), &["--stages", "50,100", "--bake", "30s"]);
    edit(dir.path(), "0.6");
    let ran = deploy(dir.path(), &["apply", "refund.txt"]).ends_with(75);
    assert!(ran.stderr.contains("under way"), "{ran:#?}");
    deploy(dir.path(), &["abort"]).ends_with(0);
    assert_eq!(deploying.end().0, Some(10));
    let ran = deploy(dir.path(), &["apply", "refund.txt"]).ends_with(0);
    assert!(ran.stdout.starts_with("unchanged"), "{ran:#?}");
}

#[test]
fn without_a_rollout_there_is_nothing_to_order() {
    let dir = deployed();
    for order in ["pause", "resume", "abort", "promote"] {
        deploy(dir.path(), &[order]).ends_with(5);
    }
    edit(dir.path(), "0.7");
    deploy(dir.path(), &["sample", "--arm", "control", "--duration", "1ms", "--file", "-"])
        .ends_with(64);
}
