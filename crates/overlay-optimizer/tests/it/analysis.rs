//! The original's thresholds, on both sides of each.

use overlay_optimizer::{Strategy, WorkloadLimits, WorkloadProfile, analyse};

#[track_caller]
fn check(rate: f64, latency: f64, quality: f64, memory: Option<f64>, expect: &[Strategy]) {
    let profile = WorkloadProfile {
        requests_per_minute: rate,
        average_latency_ms: latency,
        quality_score_minimum: quality,
        resource_constraints: WorkloadLimits { max_memory_mb: memory, max_energy_units: None },
        ..WorkloadProfile::default()
    };
    let analysis = analyse(&profile);
    let matches: Vec<_> = analysis.matches.iter().map(|it| it.strategy).collect();
    assert_eq!(matches, expect);
    let first = expect.first().copied().unwrap_or(Strategy::Balanced);
    assert_eq!(analysis.recommended_strategy, first);
}

#[test]
fn thresholds_are_open() {
    check(100.0, 299.0, 0.9, Some(1024.0), &[]);
    check(101.0, 300.0, 0.9, None, &[]);
    check(101.0, 299.0, 0.9, None, &[Strategy::Latency]);
    check(0.0, 0.0, 0.901, None, &[Strategy::Quality]);
    check(0.0, 0.0, 0.0, Some(1023.0), &[Strategy::Resource]);
}

#[test]
fn all_that_match_are_shown_and_the_first_decides() {
    let all = [Strategy::Latency, Strategy::Quality, Strategy::Resource];
    check(101.0, 10.0, 1.0, Some(0.0), &all);
    check(1.0, 10.0, 1.0, Some(0.0), &all[1..]);
}

#[test]
fn a_match_says_why() {
    let profile = WorkloadProfile { quality_score_minimum: 0.94, ..WorkloadProfile::default() };
    assert_eq!(analyse(&profile).matches[0].because, "quality_score_minimum 0.94 > 0.9");
    let none = analyse(&WorkloadProfile::default());
    assert_eq!((none.workload_type, none.confidence), ("unknown", 0.5));
}
