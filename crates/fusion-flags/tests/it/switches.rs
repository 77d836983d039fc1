//! `RESON_FEATURES` in all its forms.

use fusion_flags::{Context, Snapshot, SwitchSource, Switches};

use crate::{flags, flags_in, routed, said, scenario, switched};

const FILE: &str = "schema_version: 2
features:
  refunds:
    enabled_overlays: [rollback_first, careful]
    rollout_percentage: 0
    conditions: {scenario_types: [refund], confidence_threshold: 0.7}
  stopped: {enabled_overlays: [careful], enabled: false}
  kill_rollback: {kind: kill_switch, enabled: false, enabled_overlays: [rollback_first]}
";

#[track_caller]
fn check(switch: Option<&str>, expected: &str) {
    let flags = flags(FILE);
    let unknown = flags.switch(SwitchSource::Environment, Switches::parse(switch));
    let context = Context { confidence: Some(0.1), ..scenario("refund") };
    assert_eq!(format!("{} {unknown:?}", routed(&flags, &context)), expected);
}

#[test]
fn unset_leaves_it_to_the_file() {
    let off = "[] -refunds:CONFIDENCE_BELOW -stopped:DISABLED else baseline_only []";
    check(None, off);
}

#[test]
fn set_and_empty_switches_every_overlay_off() {
    let off = "[] -refunds:EMERGENCY_BASELINE -stopped:EMERGENCY_BASELINE else baseline_only []";
    for text in ["", " ", ",", " ,, ", "\n", "\t,\n"] {
        check(Some(text), off);
    }
}

#[test]
fn a_name_forces_a_flag_on_past_rollout_and_confidence() {
    check(Some("refunds"), "[rollback_first careful] -stopped:DISABLED else baseline_only []");
    check(
        Some(" refunds , stopped "),
        "[rollback_first careful] -stopped:DISABLED else baseline_only []",
    );
    let other = switched(FILE, "refunds");
    assert_eq!(said(&other.decide("refunds", &scenario("audit"))), "off SCENARIO_MISMATCH");
    assert_eq!(said(&other.decide("refunds", &scenario("refund"))), "on FORCED_ON");
}

#[test]
fn a_dash_forces_a_flag_off() {
    let flags = switched("{features: {a: {enabled_overlays: [x]}}}", "-a");
    assert_eq!(routed(&flags, &scenario("any")), "[] -a:FORCED_OFF else baseline_only");
    let both = switched("{features: {a: {enabled_overlays: [x]}}}", "a,-a");
    assert_eq!(said(&both.decide("a", &scenario("any"))), "off FORCED_OFF");
}

#[test]
fn an_overlay_name_means_the_overlay_of_its_flags() {
    check(
        Some("rollback_first"),
        "[rollback_first careful] -stopped:DISABLED else baseline_only []",
    );
    // It alone is out: what else its flags offer still answers.
    check(
        Some("refunds,-careful"),
        "[rollback_first] -refunds/careful:FORCED_OFF -stopped:DISABLED else baseline_only []",
    );
    check(
        Some("rollback_first,-rollback_first"),
        "[careful] -refunds/rollback_first:FORCED_OFF -stopped:DISABLED else baseline_only []",
    );
    // In any order, and more than once.
    let out = switched("{features: {a: {enabled_overlays: [x, y, z]}}}", "-z,-x,-z");
    let both = "[y] -a/x:FORCED_OFF -a/z:FORCED_OFF else baseline_only";
    assert_eq!(routed(&out, &scenario("any")), both);
}

#[test]
fn an_unknown_name_comes_back_and_switches_nothing() {
    check(
        Some("refunnds,-"),
        "[] -refunds:CONFIDENCE_BELOW -stopped:DISABLED else baseline_only [\"refunnds\", \"\"]",
    );
}

#[test]
fn a_kill_switch_is_thrown_by_name_and_beats_a_forced_flag() {
    check(
        Some("refunds,kill_rollback"),
        "[careful] -refunds/rollback_first:KILL_SWITCH -stopped:DISABLED else baseline_only []",
    );
}

#[test]
fn a_forced_flag_does_not_pass_an_open_breaker() {
    let flags = switched(FILE, "refunds");
    flags.breakers().get("rollback_first").isolate();
    assert_eq!(
        routed(&flags, &scenario("refund")),
        "[careful] -refunds/rollback_first:CIRCUIT_OPEN -stopped:DISABLED else baseline_only"
    );
}

#[test]
fn the_files_kill_switch_is_an_emergency() {
    let text = "features: {a: {enabled_overlays: [x]}}
global: {kill_switch: true, default_strategy: x}";
    let flags = flags(text);
    assert!(flags.view().is_emergency());
    assert_eq!(routed(&flags, &scenario("any")), "[] -a:EMERGENCY_BASELINE else baseline_only");
    assert_eq!(said(&flags.decide("nobody", &scenario("any"))), "off EMERGENCY_BASELINE");
}

#[test]
fn a_kill_switch_flag_holds_for_every_unit_of_every_environment() {
    let text = "schema_version: 2
features:
  a: {enabled_overlays: [x, y]}
  kill: {kind: kill_switch, enabled_overlays: [x]}
environments: {staging: {global_rollout_percentage: 100}, half: {global_rollout_percentage: 50}}";
    for environment in [None, Some("staging")] {
        let flags = flags_in(text, environment);
        let context = Context { unit: None, ..scenario("any") };
        assert_eq!(routed(&flags, &context), "[y] -a/x:KILL_SWITCH else baseline_only");
    }
    let half = flags_in(text, Some("half"));
    assert_eq!(said(&half.decide("kill", &Context::default())), "on STATIC");
}

#[test]
fn every_source_counts_and_survives_a_reload() {
    let flags = flags(FILE);
    let before = flags.view().generation();
    flags.switch(SwitchSource::Api, Switches::parse(Some("")));
    assert!(flags.view().is_emergency());
    flags.switch(SwitchSource::File, Switches::parse(Some("refunds")));
    assert!(flags.view().is_emergency(), "another source does not lift it");
    flags.replace(Snapshot::empty());
    assert!(flags.view().is_emergency(), "a reload does not lift it");
    let unknown = flags.switch(SwitchSource::Api, Switches::default());
    assert!(!flags.view().is_emergency());
    assert_eq!(unknown, ["refunds"], "the new file does not know it");
    assert_eq!(flags.view().generation(), before + 4);
}

#[test]
fn switches_know_whether_they_switch() {
    assert!(!Switches::parse(None).is_active());
    assert!(Switches::parse(Some("")).is_active());
    assert!(Switches::parse(Some("-a")).is_active());
    assert_eq!(Switches::parse(Some("a\nb\n")).on, ["a", "b"]);
}
