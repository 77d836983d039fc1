use expect_test::expect;
use overlay_deploy::{ApplyReport, Observed, diff, show, status};
use overlay_store::Phase;
use serde_json::{Value, json};

use crate::world::{World, harmful};

fn as_json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

#[test]
fn status_has_the_fields_it_is_known_by() {
    let world = World::new("development");
    let empty = as_json(&status(&world.store, &world.environment).unwrap());
    assert_eq!(empty["phase"], Value::Null);
    assert_eq!(empty["health"]["status"], "unknown");

    world.deploy(&world.refund("0.6"));
    let report = as_json(&status(&world.store, &world.environment).unwrap());
    let keys: Vec<&String> = report.as_object().unwrap().keys().collect();
    let expected =
        ["schema", "phase", "epoch", "stable", "candidate", "weight", "deployment", "health"];
    let mut sorted = expected;
    sorted.sort_unstable();
    let mut found: Vec<&str> = keys.iter().map(|it| it.as_str()).collect();
    found.sort_unstable();
    assert_eq!(found, sorted);
    assert_eq!(report["phase"], "stable");
    assert_eq!(report["stable"]["generation"], 1);
    assert!(report["stable"]["overlays"]["refund"].as_str().unwrap().starts_with("sha256:"));
}

#[test]
fn a_paused_rollout_is_degraded_and_shows_both() {
    let world = World::new("staging");
    world.deploy(&world.refund("0.6"));
    world.see(|_| Ok(Observed::default()));
    world.deploy(&world.refund("0.65"));
    let report = status(&world.store, &world.environment).unwrap();
    assert_eq!(report.phase, Some(Phase::Paused));
    assert_eq!(report.weight, 1.0);
    assert_eq!(report.candidate.unwrap().generation.0, 2);
    expect![[r#"
        Health {
            status: Degraded,
            reasons: [
                "the rollout is paused: resume, promote or abort it",
            ],
        }
    "#]]
    .assert_debug_eq(&report.health);
}

#[test]
fn apply_has_the_fields_it_is_known_by() {
    let world = World::new("staging");
    world.deploy(&world.refund("0.6"));
    world.see(|_| Ok(harmful()));
    let planned = world.refund("0.65");
    let applied = world.deploy(&planned);
    let health = status(&world.store, &world.environment).unwrap().health;
    let took = std::time::Duration::from_millis(7);
    let mut report = as_json(&ApplyReport::of(&applied, &planned.plan, health, took));
    for key in ["deployment_id", "deployment_time", "errors"] {
        assert!(!report[key].is_null(), "{key}");
        report[key] = Value::Null;
    }
    assert_eq!(
        report,
        json!({
            "schema": "fusion/deploy-apply/1",
            "deployed": false,
            "deployment_id": null,
            "stage": "canary",
            "generation": 2,
            "errors": null,
            "rollback": { "performed": true, "outcome": "restored" },
            "overlay_name": "refund",
            "deployment_mode": "staged",
            "deployment_time": null,
            "backup": 1,
            "health": { "status": "healthy", "reasons": [] },
            "duration_ms": 7,
        }),
    );
}

#[test]
fn generations_are_shown_and_compared() {
    let world = World::new("development");
    world.deploy(&world.refund("0.6"));
    world.deploy(&world.refund("0.65"));
    let generations = world.store.generations().unwrap();
    let changes = diff(&world.store, generations[0], generations[1]).unwrap();
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].keys[0].key, "TRUST_FLOOR");
    let shown = show(&world.store, generations[1]).unwrap();
    assert_eq!(shown.rollout.unwrap().overlays, ["refund"]);
    assert_eq!(
        diff(&world.store, generations[0], "9".parse().unwrap()).unwrap_err().exit_code(),
        65
    );
}
