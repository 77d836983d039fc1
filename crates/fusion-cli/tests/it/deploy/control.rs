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
fn without_a_rollout_there_is_nothing_to_order() {
    let dir = deployed();
    for order in ["pause", "resume", "abort", "promote"] {
        deploy(dir.path(), &[order]).ends_with(5);
    }
    edit(dir.path(), "0.7");
    deploy(dir.path(), &["sample", "--arm", "control", "--duration", "1ms", "--file", "-"])
        .ends_with(64);
}
