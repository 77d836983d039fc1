use serde_json::{Value, json};

use crate::installation::Tree;
use crate::running::Running;

#[track_caller]
fn check(body: &Value, expect: &Value) {
    let tree = Tree::new();
    let running = Running::on(&tree);
    let answer = running.client.post("/v1/route", &body.to_string()).with_code(200);
    let mut expect = expect.clone();
    let snapshot = running.service.live().snapshot();
    let generation = snapshot.stable().generation();
    expect["digest"] = json!(generation.digest());
    if let Some(name) = expect["primary_overlay"].as_str() {
        let digest = generation.overlay_digest(name);
        expect["overlay"] = json!({ "name": name, "version": "2.1.0", "digest": digest });
    }
    assert_eq!(answer.json(), expect);
}

#[test]
fn an_overlay_that_is_on_is_primary() {
    check(
        &json!({ "scenario_type": "refund_processing", "confidence": 0.9, "unit": "u-1" }),
        &json!({
            "schema": "fusion/route/1",
            "scenario_type": "refund_processing",
            "enabled_features": ["refunds"],
            "overlay_candidates": ["rollback_first"],
            "permit": "0",
            "primary_overlay": "rollback_first",
            "fallback_strategy": "baseline_only",
            "env_overrides_active": false,
            "rejected": [{ "feature": "dark", "reason": "DISABLED" }],
            "generation": 1,
            "epoch": 1,
            "overlay": null,
            "arm": null,
            "deployment": null,
        }),
    );
}

#[test]
fn a_flag_that_is_off_says_why() {
    check(
        &json!({ "scenario_type": "refund_processing", "confidence": 0.5 }),
        &json!({
            "schema": "fusion/route/1",
            "scenario_type": "refund_processing",
            "enabled_features": [],
            "overlay_candidates": [],
            "primary_overlay": null,
            "fallback_strategy": "baseline_only",
            "env_overrides_active": false,
            "rejected": [
                { "feature": "refunds", "reason": "CONFIDENCE_BELOW" },
                { "feature": "dark", "reason": "DISABLED" },
            ],
            "generation": 1,
            "epoch": 1,
            "overlay": null,
            "arm": null,
            "deployment": null,
        }),
    );
}

#[test]
fn a_request_without_unit_is_out_of_a_partial_rollout() {
    let tree = Tree::new();
    let running = Running::on(&tree);
    let body = r#"{"scenario_type": "customer_support", "confidence": 1}"#;
    let route = running.client.post("/v1/route", body).with_code(200).json();
    assert_eq!(route["rejected"][0]["reason"], "TARGETING_KEY_MISSING");
}

#[test]
fn a_partial_rollout_takes_its_share_of_the_units() {
    let tree = Tree::new();
    let running = Running::on(&tree);
    let taken = (0..200).filter(|unit| {
        let body = json!({ "scenario_type": "customer_support", "confidence": 1, "unit": unit.to_string() });
        let route = running.client.post("/v1/route", &body.to_string()).with_code(200).json();
        route["primary_overlay"] == "concise_support"
    });
    let taken = taken.count();
    assert!((70..130).contains(&taken), "{taken} of 200");
}

#[test]
fn the_status_says_what_is_in_force() {
    let tree = Tree::new();
    let running = Running::on(&tree);
    let status = running.client.get("/v1/status").with_code(200).json();
    assert_eq!(status["schema"], "fusion/status/1");
    assert_eq!(status["epoch"], 1);
    assert_eq!(status["source"], "files");
    assert_eq!(status["nacks"], 0);
    assert_eq!(status["emergency"], false);
    assert_eq!(status["kill"], Value::Null);
    let digest = running.service.live().status().digest;
    assert_eq!(status["digest"], digest.to_string());
}
