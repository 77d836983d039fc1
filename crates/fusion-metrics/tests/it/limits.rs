use expect_test::expect;
use fusion_metrics::catalogue::{EXECUTION_REQUESTS, OVERLAY_SELECTED, QUALITY_SCORE};
use fusion_metrics::{FoldReason, Format, FusionMetrics, Known, Limits, Outcome};
use proptest::prelude::*;

use crate::parser::parse;
use crate::{lines, metrics};

#[test]
fn limits_that_cannot_be_kept_are_refused() {
    let refused = [
        Limits::new(1_000, 100, 0.1),
        Limits::new(1_000, 2_000_000, 0.1),
        Limits::new(8, 1_000, 0.1),
        Limits::new(2_000, 1_000, 0.1),
        Limits::new(1_000, 10_000, f64::NAN),
        Limits::new(1_000, 10_000, 1.1),
    ];
    let told: Vec<_> = refused.into_iter().map(|it| it.unwrap_err().to_string()).collect();
    expect![[r#"
        overall limit of 100 series: use 256 to 1000000
        overall limit of 2000000 series: use 256 to 1000000
        limit of 8 series a metric: use 16 to the overall limit of 1000
        limit of 2000 series a metric: use 16 to the overall limit of 1000
        share of NaN for unknown names: use 0 to 1
        share of 1.1 for unknown names: use 0 to 1"#]]
    .assert_eq(&told.join("\n"));
}

#[test]
fn a_metric_has_exactly_its_limit() {
    let metrics = metrics();
    for n in 0..5_000 {
        metrics.inc(EXECUTION_REQUESTS, "s", &format!("o{n}"), Outcome::Success);
    }
    // 1,000 less the seven places that are kept, and the one of them that was needed.
    assert_eq!(metrics.series(), 994);
    for result in Outcome::ALL {
        metrics.inc(EXECUTION_REQUESTS, "s", "late", result);
    }
    assert_eq!(metrics.series(), 1_000);
    assert_eq!(metrics.folded(FoldReason::PerMetric), 5_000 - 993 + 17);
}

#[test]
fn all_metrics_together_have_their_limit() {
    let metrics = metrics();
    let counters = fusion_metrics::CATALOGUE.iter().filter(|it| !it.results.is_empty());
    assert!(counters.count() >= 11);
    for n in 0..2_000 {
        let (scenario, overlay) = (format!("s{}", n % 40), format!("o{n}"));
        for result in [Outcome::Success, Outcome::Error, Outcome::Fallback] {
            metrics.record_fusion_latency(1.0, &scenario, &overlay, result);
            metrics.record_token_delta(110, 100, &scenario, &overlay, result);
            metrics.record_quality_score(0.9, &scenario, &overlay, result);
            metrics.record_overlay_selection(&scenario, &overlay, result);
            metrics.record_circuit_breaker_event(&overlay, Outcome::Open);
        }
        metrics.inc(fusion_metrics::catalogue::FLAG_DECISIONS, &scenario, &overlay, Outcome::On);
        metrics.inc(
            fusion_metrics::catalogue::GOLDEN_FAILURES,
            &scenario,
            &overlay,
            Outcome::Stale,
        );
        metrics.inc(
            fusion_metrics::catalogue::BUDGET_VIOLATIONS,
            &scenario,
            &overlay,
            Outcome::Warn,
        );
        assert!(metrics.series() <= 10_000);
    }
    assert!(metrics.series() > 9_900, "{}", metrics.series());
    assert!(metrics.folded(FoldReason::Overall) > 0);
    parse(&metrics.render(Format::Text), Format::Text).unwrap();
}

#[test]
fn known_names_get_in_after_strangers_came_first() {
    let metrics = metrics();
    metrics.set_known(Known::only(["refund"], (0..800).map(|it| format!("known_{it}"))));
    for n in 0..50_000 {
        metrics.inc(EXECUTION_REQUESTS, "refund", &format!("stranger_{n}"), Outcome::Success);
    }
    assert_eq!(metrics.series(), 101, "a tenth, and what the others fold into");
    for n in 0..800 {
        metrics.inc(EXECUTION_REQUESTS, "refund", &format!("known_{n}"), Outcome::Success);
    }
    assert_eq!(metrics.series(), 901);
    let page = metrics.render(Format::Text);
    assert_eq!(lines(&page, "fusion_execution_requests_total{overlay=\"known_").len(), 800);
    assert_eq!(metrics.by_result(EXECUTION_REQUESTS)[&Outcome::Success], 50_800);
    assert_eq!(metrics.folded(FoldReason::UnknownValue), 49_900);
}

#[test]
fn what_is_folded_keeps_its_scenario_while_it_can() {
    let metrics = metrics();
    metrics.set_known(Known::only(["refund"], ["rollback"]));
    for n in 0..1_000 {
        metrics.inc(OVERLAY_SELECTED, "refund", &format!("o{n}"), Outcome::Success);
        metrics.inc(OVERLAY_SELECTED, &format!("s{n}"), "rollback", Outcome::Fallback);
    }
    let page = metrics.render(Format::Text);
    let folded = lines(&page, "fusion_routing_overlay_selected_total{overlay=\"__other__\"");
    expect![[r#"
        fusion_routing_overlay_selected_total{overlay="__other__",result="fallback",scenario="__other__"} 950
        fusion_routing_overlay_selected_total{overlay="__other__",result="success",scenario="refund"} 950"#]]
    .assert_eq(&folded.join("\n"));
}

#[test]
fn a_new_installation_changes_who_is_known() {
    let metrics = metrics();
    metrics.set_known(Known::only(["s"], ["a"]));
    for n in 0..200 {
        metrics.inc(EXECUTION_REQUESTS, "s", &format!("o{n}"), Outcome::Success);
    }
    assert_eq!(metrics.series(), 101);
    // Half of the hundred that got in belong to the new installation.
    metrics.set_known(Known::only(["s"], (0..50).map(|it| format!("o{it}"))));
    for n in 200..400 {
        metrics.inc(EXECUTION_REQUESTS, "s", &format!("o{n}"), Outcome::Success);
    }
    assert_eq!(metrics.series(), 151);
}

#[test]
fn a_result_of_another_metric_is_another() {
    let metrics = metrics();
    metrics.inc(EXECUTION_REQUESTS, "s", "o", Outcome::HalfOpen);
    let page = metrics.render(Format::Text);
    let line =
        "fusion_execution_requests_total{overlay=\"o\",result=\"__other__\",scenario=\"s\"} 1";
    assert_eq!(lines(&page, "fusion_execution_requests_total"), [line]);
}

#[test]
fn a_handle_and_a_call_meet_in_one_series() {
    let metrics = metrics();
    let counter = metrics.counter(EXECUTION_REQUESTS, "s", "o", Outcome::Success);
    counter.inc();
    counter.add(4);
    metrics.inc(EXECUTION_REQUESTS, "s", "o", Outcome::Success);
    let histogram = metrics.histogram(QUALITY_SCORE, "s", "o", Outcome::Success);
    histogram.record(0.85);
    metrics.record_quality_score(0.86, "s", "o", Outcome::Success);
    assert_eq!(metrics.by_result(EXECUTION_REQUESTS)[&Outcome::Success], 6);
    let tally = metrics.at_most(QUALITY_SCORE, 0.85).unwrap();
    assert_eq!((tally.good, tally.total), (1, 2));
    assert_eq!(metrics.at_most(QUALITY_SCORE, 0.84), None);
    assert_eq!(metrics.series(), 2);
}

#[test]
fn values_that_are_no_number_are_refused() {
    let metrics = metrics();
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        metrics.record_quality_score(value, "s", "o", Outcome::Success);
        metrics.gauge(fusion_metrics::catalogue::SYSTEM_HEALTH, "", "").set(value);
    }
    let page = metrics.render(Format::Text);
    assert!(page.contains("fusion_metrics_rejected_values_total 6\n"));
    assert!(page.contains(
        "fusion_quality_score_count{overlay=\"o\",result=\"success\",scenario=\"s\"} 0\n"
    ));
    assert!(page.contains("fusion_system_health 0\n"));
}

#[test]
fn a_ratio_needs_a_baseline() {
    let metrics = metrics();
    metrics.record_token_delta(112, 100, "s", "o", Outcome::Success);
    metrics.record_token_delta(50, 0, "s", "o", Outcome::Success);
    let page = metrics.render(Format::Text);
    let labels = "{overlay=\"o\",result=\"success\",scenario=\"s\"}";
    assert!(page.contains(&format!("fusion_tokens_used_total{labels} 162\n")));
    assert!(page.contains(&format!("fusion_tokens_baseline_total{labels} 100\n")));
    assert!(page.contains(&format!("fusion_tokens_delta_ratio_count{labels} 1\n")));
}

#[test]
fn a_breaker_shows_its_last_state() {
    let metrics = FusionMetrics::new();
    for (event, state) in [
        (Outcome::Open, "2"),
        (Outcome::HalfOpen, "1"),
        (Outcome::Closed, "0"),
        (Outcome::Isolated, "2"),
    ] {
        metrics.record_circuit_breaker_event("o", event);
        let line = format!("fusion_circuit_breaker_state{{overlay=\"o\"}} {state}");
        assert_eq!(lines(&metrics.render(Format::Text), "fusion_circuit_breaker_state"), [line]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_comes_is_counted_once_and_parses(
        calls in prop::collection::vec((".{0,80}", "\\PC{0,80}", 0..17_usize), 1..200),
        known in any::<bool>(),
    ) {
        let metrics = FusionMetrics::with_limits(Limits::new(32, 256, 0.25).unwrap());
        if known {
            metrics.set_known(Known::only(calls.iter().take(5).map(|it| &it.0), [""; 0]));
        }
        for (scenario, overlay, result) in &calls {
            metrics.inc(EXECUTION_REQUESTS, scenario, overlay, Outcome::ALL[*result]);
        }
        prop_assert!(metrics.series() <= 32);
        prop_assert_eq!(metrics.by_result(EXECUTION_REQUESTS).values().sum::<u64>(), calls.len() as u64);
        for format in [Format::Text, Format::OpenMetrics] {
            let page = metrics.render(format);
            let families = parse(&page, format).map_err(TestCaseError::fail)?;
            let sum: f64 = families.iter().filter(|it| it.name.starts_with("fusion_execution")).flat_map(|it| &it.samples).map(|it| it.value).sum();
            prop_assert_eq!(sum, calls.len() as f64);
        }
    }
}
