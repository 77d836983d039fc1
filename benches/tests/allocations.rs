//! What the calls of every request allocate: nothing.

use std::hint::black_box;
use std::time::Duration;

use allocation_counter::measure;
use fusion_flags::{
    Attribute, Breaker, BreakerPolicy, BreakerSet, Context, FlagFile, Flags, Route, Snapshot,
};
use fusion_metrics::catalogue::{EXECUTION_LATENCY, EXECUTION_REQUESTS};
use fusion_metrics::{FusionMetrics, FusionRecorder, Known, Outcome};

const FLAGS: &str = "
schema_version: 2
defaults: {match: substring}
features:
  plain: {enabled_overlays: [a], conditions: {scenario_types: [refund], confidence_threshold: 0.7}}
  half: {enabled_overlays: [b], rollout_percentage: 50}
  tenants: {enabled_overlays: [c], conditions: {where: {tenant: {in: [one, two]}}}}
  arms:
    variants: {one: {overlay: d, weight: 50}, two: {overlay: e, weight: 50}}
    requires: [{flag: half, is: on}]
  ramped:
    enabled_overlays: [f]
    ramp: {start: 2026-01-01T00:00Z, steps: [{percent: 1, hold: 1h}, {percent: 100}]}
    active: {hours: ['09:00-17:00'], tz: Europe/Warsaw}
";

/// Runs `call` until nothing is made for the first time, then counts.
#[track_caller]
fn check(mut call: impl FnMut(usize)) {
    (0..64).for_each(&mut call);
    let found = measure(|| (0..1_000).for_each(&mut call));
    assert_eq!((found.count_total, found.bytes_total), (0, 0), "in 1,000 calls");
}

fn contexts(units: &[String]) -> Vec<Context<'_>> {
    const ATTRIBUTES: &[(&str, Attribute<'_>)] = &[("tenant", Attribute::Text("two"))];
    let kinds = [("refund", Some(0.9)), ("partial_refund", Some(0.1)), ("other", None)];
    let units = units.iter().zip(kinds.into_iter().cycle());
    let context = |(unit, (scenario_type, confidence))| Context {
        unit: Some(unit),
        scenario_type,
        confidence,
        attributes: ATTRIBUTES,
        now_ms: 1_790_000_000_000,
        quality: Some(0.9),
    };
    units.map(|(unit, kind)| context((unit.as_str(), kind))).collect()
}

#[test]
fn decisions_routes_and_breakers_allocate_nothing() {
    let file = FlagFile::parse(FLAGS).expect("a flag file");
    let snapshot = Snapshot::compile(&file, None).expect("no errors");
    let flags = Flags::new(snapshot, BreakerSet::default());
    let units: Vec<_> = (0..60).map(|it| format!("user-{it}-{}", "x".repeat(it))).collect();
    let contexts = contexts(&units);
    let names = ["plain", "half", "tenants", "arms", "ramped", "of_nobody"];
    check(|turn| {
        let (name, context) = (names[turn % names.len()], &contexts[turn % contexts.len()]);
        black_box(flags.decide(name, context));
    });
    let handle = flags.view().snapshot().flag("arms").expect("its name");
    check(|turn| {
        black_box(flags.view().decide_flag(handle, &contexts[turn % contexts.len()]));
    });
    let mut route = Route::default();
    check(|turn| flags.view().route(&contexts[turn % contexts.len()], &mut route));
    let breaker = Breaker::new(BreakerPolicy::default(), 1);
    check(|turn| {
        let now = i64::try_from(turn).unwrap_or_default();
        breaker.acquire(now).expect("it is closed").success(now, Duration::ZERO);
    });
}

#[test]
fn recordings_allocate_nothing() {
    let metrics = FusionMetrics::new();
    metrics.set_known(Known::only(["refund"], ["a", "b"]));
    let strangers: Vec<_> = (0..2_000).map(|it| format!("stranger-{it}\n")).collect();
    for name in &strangers {
        metrics.inc(EXECUTION_REQUESTS, "refund", name, Outcome::Error);
        metrics.record(EXECUTION_LATENCY, 1.0, "refund", name, Outcome::Error);
    }
    let overlay = |turn: usize| ["a", "b"][turn % 2];
    check(|turn| metrics.inc(EXECUTION_REQUESTS, "refund", overlay(turn), Outcome::Success));
    check(|turn| {
        metrics.record(EXECUTION_LATENCY, 9.0, "refund", overlay(turn), Outcome::Success);
    });
    check(|turn| metrics.inc(EXECUTION_REQUESTS, "refund", &strangers[turn], Outcome::Error));
    let recorder = FusionRecorder::new(metrics);
    metrics::with_local_recorder(&recorder, || {
        // Of labels that are no literals the macro makes a list itself.
        check(|_| metrics::counter!("fusion.execution.requests", "overlay" => "a").increment(1));
    });
}
