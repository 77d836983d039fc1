//! The emergency switch, in each of its forms.

use overlay_loader::Event;
use serde_json::json;

use crate::installation::{FLAGS, Tree, flags_with};
use crate::running::{ADMIN, NOW_MS, Running, TOKEN, options, wait};

const KILL: &str = "/admin/v1/kill";
const WHY: &str = r#"{"reason": "refunds doubled", "by": "on-call"}"#;

#[track_caller]
fn serves_overlay(running: &Running) {
    assert_eq!(running.client.refund_route()["primary_overlay"], "rollback_first");
}

#[track_caller]
fn serves_baseline(running: &Running) {
    let route = running.client.refund_route();
    assert_eq!(route["overlay_candidates"], json!([]), "{route:#}");
    assert_eq!(route["fallback_strategy"], "baseline_only");
    assert_eq!(route["env_overrides_active"], true);
    for rejected in route["rejected"].as_array().expect("a list") {
        assert_eq!(rejected["reason"], "EMERGENCY_BASELINE", "{route:#}");
    }
}

#[test]
fn by_the_api() {
    let tree = Tree::new();
    let running = Running::on(&tree);
    serves_overlay(&running);
    let killed = running.client.post_with(KILL, WHY, &[ADMIN]).with_code(200).json();
    let kill = json!({ "reason": "refunds doubled", "by": "on-call", "at_ms": NOW_MS });
    let held_by = ["the API (refunds doubled, on-call)"];
    let expect = json!({
        "schema": "fusion/kill/1", "emergency": true, "epoch": 2, "held_by": held_by, "kill": kill,
    });
    assert_eq!(killed, expect);
    serves_baseline(&running);
    assert_eq!(running.client.get("/v1/status").json()["kill"], kill);

    let revived = running.client.delete_with(KILL, &[ADMIN]).with_code(200).json();
    let expect = json!({
        "schema": "fusion/kill/1", "emergency": false, "epoch": 3, "held_by": [], "kill": null,
    });
    assert_eq!(revived, expect);
    serves_overlay(&running);
}

#[test]
fn a_switch_survives_a_change_of_the_files() {
    let tree = Tree::new();
    let running = Running::on(&tree);
    running.client.post_with(KILL, WHY, &[ADMIN]).with_code(200);
    tree.write("configs/overlay_feature_flags.yaml", &flags_with("0.7", "0.8"));
    running.service.live().reload();
    serves_baseline(&running);
}

#[test]
fn by_the_file_of_switches() {
    let tree = Tree::new();
    let mut options = options(tree.configs());
    options.features_file = Some(tree.path("switches"));
    let running = Running::with(options, Some(TOKEN));
    let changes = running.changes();
    serves_overlay(&running);
    for empty in ["", " ,\n"] {
        tree.write("switches", empty);
        wait(&changes);
        serves_baseline(&running);
        tree.remove("switches");
        wait(&changes);
        serves_overlay(&running);
    }

    tree.write("switches", "-refunds\n");
    wait(&changes);
    let route = running.client.refund_route();
    assert_eq!(route["rejected"][0], json!({ "feature": "refunds", "reason": "FORCED_OFF" }));
}

#[test]
fn by_the_flag_file() {
    let tree = Tree::new();
    let running = Running::on(&tree);
    let changes = running.changes();
    serves_overlay(&running);
    let killed = flags_with("kill_switch: false", "kill_switch: true");
    tree.write("configs/overlay_feature_flags.yaml", &killed);
    wait(&changes);
    serves_baseline(&running);
    tree.write("configs/overlay_feature_flags.yaml", FLAGS);
    wait(&changes);
    serves_overlay(&running);
}

#[test]
fn by_the_environment() {
    let tree = Tree::new();
    let mut options = options(tree.configs());
    options.features = Some(String::new());
    let running = Running::with(options, Some(TOKEN));
    serves_baseline(&running);
    // The API takes back what the API did, and no more.
    let revived = running.client.delete_with(KILL, &[ADMIN]).with_code(200).json();
    assert_eq!((&revived["emergency"], &revived["kill"]), (&json!(true), &json!(null)));
    assert_eq!(revived["held_by"], json!(["RESON_FEATURES"]), "what holds is named");
    serves_baseline(&running);
}

#[test]
fn is_for_those_who_have_the_token() {
    let tree = Tree::new();
    let running = Running::on(&tree);
    let wrong = [
        None,
        Some(""),
        Some("Bearer"),
        Some("Bearer "),
        Some("Bearer correct"),
        Some("correct horse"),
        Some("Basic correct horse"),
        Some("Bearer correct horse battery"),
    ];
    for value in wrong {
        let headers: Vec<_> = value.map(|it| ("authorization", it)).into_iter().collect();
        let answer = running.client.post_with(KILL, WHY, &headers).with_code(401);
        assert_eq!(answer.error(), "the bearer token is missing or wrong", "{value:?}");
        running.client.delete_with(KILL, &headers).with_code(401);
    }
    serves_overlay(&running);
    let lower = [("authorization", "bearer correct horse")];
    running.client.post_with(KILL, WHY, &lower).with_code(200);
    serves_baseline(&running);
}

#[test]
fn is_for_nobody_without_a_token() {
    let tree = Tree::new();
    for token in [None, Some(""), Some(" \n")] {
        let running = Running::with(options(tree.configs()), token);
        for headers in [&[][..], &[ADMIN], &[("authorization", "Bearer ")]] {
            let answer = running.client.post_with(KILL, WHY, headers).with_code(403);
            assert_eq!(answer.error(), "the service has no admin token");
            running.client.delete_with(KILL, headers).with_code(403);
        }
        serves_overlay(&running);
    }
}

#[test]
fn needs_a_reason() {
    let tree = Tree::new();
    let running = Running::on(&tree);
    let long = json!({ "reason": "a".repeat(501) }).to_string();
    for body in [
        r#"{"reason": " "}"#,
        "{}",
        r#"{"reason": "a", "when": 1}"#,
        r#"{"reason": "a\nb"}"#,
        r#"{"reason": "a", "by": "\u001b[2J"}"#,
        &long,
        "kill",
        "",
    ] {
        let answer = running.client.post_with(KILL, body, &[ADMIN]).with_code(400);
        assert!(!answer.error().is_empty());
    }
    serves_overlay(&running);
}

/// Every call is told of with its words, also those that follow each other at once, and one
/// that replaces another.
#[test]
fn every_call_is_told_of() {
    let tree = Tree::new();
    let running = Running::on(&tree);
    let events = running.service.live().events();
    let post = |reason: &str, by: &str| {
        let body = json!({ "reason": reason, "by": by }).to_string();
        running.client.post_with(KILL, &body, &[ADMIN]).with_code(200);
    };
    for round in 0..6 {
        post(&format!("round {round}"), "ann");
        running.client.delete_with(KILL, &[ADMIN]).with_code(200);
    }
    post("first", "ann");
    post("second", "eve");
    running.client.delete_with(KILL, &[ADMIN]).with_code(200);
    // Nothing is thrown any more: nothing is taken back.
    running.client.delete_with(KILL, &[ADMIN]).with_code(200);
    let told = events.try_iter().filter_map(|it| match it {
        Event::Thrown(by) => Some(format!("+ {}, {}", by.reason, by.by)),
        Event::TakenBack(by) => Some(format!("- {}, {}", by.reason, by.by)),
        _ => None,
    });
    let mut expected: Vec<_> = (0..6)
        .flat_map(|it| [format!("+ round {it}, ann"), format!("- round {it}, ann")])
        .collect();
    expected.extend(["+ first, ann", "+ second, eve", "- second, eve"].map(str::to_owned));
    assert_eq!(told.collect::<Vec<_>>(), expected);
    assert_eq!(running.service.killed_by(), None);
    post("third", "ann");
    let killed = running.service.killed_by().map(|it| (it.reason, it.by));
    assert_eq!(killed, Some(("third".to_owned(), "ann".to_owned())));
    running.client.delete_with(KILL, &[ADMIN]).with_code(200);
    serves_overlay(&running);
}
