//! Changes with reasons, pins, and what stays as it is.

use expect_test::{Expect, expect};
use overlay_model::TextFormat;
use overlay_optimizer::{
    OptimizeError, OptimizeOptions, Optimized, Pins, Strategy, WorkloadProfile, optimize,
};

use crate::overlay;

#[track_caller]
fn made(more: &str, profile: &str, options: OptimizeOptions<'_>) -> Optimized {
    let (profile, _) = WorkloadProfile::read(TextFormat::Yaml, profile);
    optimize(&overlay(more), &profile, options).unwrap()
}

#[track_caller]
fn check(more: &str, profile: &str, expect: Expect) {
    let made = made(more, profile, OptimizeOptions::default());
    let changes = made.changes.iter().map(|it| {
        let from = it.from.as_deref().unwrap_or("-");
        format!("{}: {from} -> {} [{}] {}\n", it.key, it.to, it.rule, it.because)
    });
    let conflicts = made.conflicts.iter().map(|it| {
        let kept = it.kept.as_deref().unwrap_or("-");
        format!("{} keeps {kept} against {} [{}]\n", it.key, it.wanted, it.rule)
    });
    let lines: Vec<_> = changes.chain(conflicts).collect();
    expect.assert_eq(&lines.concat());
}

#[test]
fn every_change_has_a_reason_and_pins_hold() {
    check(
        "TRUST_FLOOR=0.80 \nOVERLAY_PINNED=TRUST_FLOOR,ENERGY_FLOOR\n",
        "quality_score_minimum: 0.94",
        expect![[r#"
            ENTROPY_REDUCTION_TARGET: 0.30 -> 0.15 [opt.quality.ENTROPY_REDUCTION_TARGET] quality_score_minimum 0.94 > 0.9: candidates that differ give a vote something to do
            CONTINUITY_ENFORCEMENT: basic_thread -> comprehensive_thread [opt.quality.CONTINUITY_ENFORCEMENT] quality_score_minimum 0.94 > 0.9: the whole conversation is verified
            TRUST_SCORING_MODEL: simple_alignment -> quality_alignment [opt.quality.TRUST_SCORING_MODEL] quality_score_minimum 0.94 > 0.9: the score counts how sure the vote is
            FUSION_MODE: adaptive_routing -> quality_first [opt.quality.FUSION_MODE] quality_score_minimum 0.94 > 0.9: several samples and a vote
            ARBITRATION_TIMEOUT_MS: - -> 400 [opt.quality.ARBITRATION_TIMEOUT_MS] quality_score_minimum 0.94 > 0.9: late candidates may still win
            ENTROPY_FLOOR: - -> 0.20 [opt.quality.ENTROPY_FLOOR] quality_score_minimum 0.94 > 0.9: sampling goes on until candidates agree
            PERFORMANCE_MONITORING: - -> comprehensive [opt.quality.PERFORMANCE_MONITORING] quality_score_minimum 0.94 > 0.9: traces show where quality is lost
            OPTIMIZATION_STRATEGY: - -> quality_optimization [opt.metadata] the strategy applied
            WORKLOAD_PROFILE_HASH: - -> sha256:badf7bf35574897f9dce9a50994f529504c6e05237e5ca252d7de99d50f0345f [opt.metadata] the digest of the profile
            TRUST_FLOOR keeps 0.80 against 0.75 [opt.quality.TRUST_FLOOR]
            ENERGY_FLOOR keeps - against 0.05 [opt.quality.ENERGY_FLOOR]
        "#]],
    );
}

#[test]
fn a_reason_holds_whichever_way_the_value_goes() {
    let options =
        OptimizeOptions { strategy: Some(Strategy::Latency), ..OptimizeOptions::default() };
    let reasons = |more: &str| {
        let made = made(more, "quality_score_minimum: 0.8", options);
        let numbers =
            made.changes.into_iter().filter(|it| it.to.starts_with('0') || it.to == "100");
        let line = |it: overlay_optimizer::KeyChange| {
            let from = it.from.as_deref().unwrap_or("-");
            format!("{} {from} -> {}: {}\n", it.key, it.to, it.because)
        };
        numbers.map(line).collect::<String>()
    };
    expect![[r#"
        ENTROPY_REDUCTION_TARGET 0.30 -> 0.50: strategy chosen by hand: more deterministic answers are cheaper
        ARBITRATION_TIMEOUT_MS - -> 100: strategy chosen by hand: late candidates are waited for less
        TRUST_FLOOR 0.60 -> 0.40: strategy chosen by hand: fewer answers are passed on to a slower step
        ENTROPY_FLOOR 0.25 -> 0.35: strategy chosen by hand: sampling stops sooner
    "#]].assert_eq(&reasons("TRUST_FLOOR=0.60\nENTROPY_FLOOR=0.25\n"));
    let other = "TRUST_FLOOR=0.30\nENTROPY_FLOOR=0.90\nARBITRATION_TIMEOUT_MS=50\n";
    let text = format!("{other}TEMPERATURE=0.2\n");
    expect![[r#"
        ENTROPY_REDUCTION_TARGET 0.30 -> 0.50: strategy chosen by hand: more deterministic answers are cheaper
        ARBITRATION_TIMEOUT_MS 50 -> 100: strategy chosen by hand: the fixed value of the strategy: late candidates are waited for longer
        TRUST_FLOOR 0.30 -> 0.40: strategy chosen by hand: the fixed value of the strategy: more answers go to the next step
        ENTROPY_FLOOR 0.90 -> 0.35: strategy chosen by hand: the fixed value of the strategy: sampling goes on longer
    "#]].assert_eq(&reasons(&text));
    for strategy in Strategy::ALL {
        for it in strategy.constants() {
            assert!(!it.reason(None).is_empty() && !it.reason(Some("odd")).is_empty());
        }
    }
    let target = |from| {
        let mut all = Strategy::Latency.constants().iter();
        let target = all.find(|it| it.key == "ENTROPY_REDUCTION_TARGET").unwrap();
        target.reason(Some(from))
    };
    assert_eq!(target("0.30"), "more deterministic answers are cheaper");
    assert_eq!(
        target("0.70"),
        "the fixed value of the strategy: answers become less deterministic and dearer"
    );
    assert_eq!(target("0.5"), "the fixed value of the strategy: what was in force is written out");
}

#[test]
fn only_changed_values_differ() {
    let options = OptimizeOptions {
        strategy: Some(Strategy::Balanced),
        applied: Some("2026-01-02T03:04:05Z"),
        ..OptimizeOptions::default()
    };
    let made = made("TRUST_FLOOR\t=  0.6 \n\n# end", "quality_score_minimum: 0.94", options);
    let text = made.overlay.source();
    assert!(text.starts_with("# Refunds\nFUSION_OVERLAY_VERSION=2.1.0\nOVERLAY_NAME=refund\nENTROPY_REDUCTION_TARGET = 0.30\nCONTINUITY_ENFORCEMENT=enhanced_thread\n"));
    assert!(text.contains("TRUST_FLOOR\t=  0.6 \n\n# end\nARBITRATION_TIMEOUT_MS=250\n"));
    assert!(text.contains("OPTIMIZATION_APPLIED=2026-01-02T03:04:05Z\n"));
    assert!(made.changes[0].because.starts_with("strategy chosen by hand: "));
}

#[test]
fn a_second_time_changes_nothing() {
    let first = made("", "requests_per_minute: 1", OptimizeOptions::default());
    let (profile, _) = WorkloadProfile::read(TextFormat::Yaml, "requests_per_minute: 1");
    let second = optimize(&first.overlay, &profile, OptimizeOptions::default()).unwrap();
    assert_eq!(second.changes, []);
    assert_eq!(second.overlay, first.overlay);
}

#[test]
fn seed_exact_writes_over_pins_and_into_invalid_overlays() {
    let options = OptimizeOptions { pins: Pins::SeedExact, ..OptimizeOptions::default() };
    let more = "TRUST_FLOOR=7\nOVERLAY_PINNED=TRUST_FLOOR\n";
    let made = made(more, "requests_per_minute: 1", options);
    assert_eq!(made.overlay.value("TRUST_FLOOR"), Some("0.60"));
    assert_eq!(made.conflicts, []);
}

#[test]
fn an_invalid_overlay_is_refused_with_its_findings() {
    let refused = optimize(
        &overlay("TRUST_FLOOR=7\n"),
        &WorkloadProfile::default(),
        OptimizeOptions::default(),
    );
    let Err(OptimizeError::Invalid(findings)) = refused else { panic!("{refused:?}") };
    assert_eq!(findings[0].code, "OVL2102");
}

#[test]
fn peak_hours_become_the_active_field_of_a_flag() {
    let profile = "peak_hours: [9, \"22:30-01:00\"]\nrequests_per_minute: 1";
    let made = made("", profile, OptimizeOptions::default());
    let json = serde_json::to_value(&made).unwrap();
    assert_eq!(
        json["active"],
        serde_json::json!({"hours": ["09:00-10:00", "22:30-01:00"], "tz": "UTC"})
    );
    assert_eq!(json["overlay"], made.overlay.source());
}
