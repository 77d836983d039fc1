use expect_test::{Expect, expect};
use fusion_metrics::catalogue::{
    BUILD_INFO, CONFIG_RELOADS, EXECUTION_LATENCY, EXECUTION_REQUESTS, OVERLAY_INFO, SYSTEM_HEALTH,
};
use fusion_metrics::{Format, FusionMetrics, Outcome};

use crate::metrics;
use crate::parser::parse;

/// The page without what the store says about itself.
#[track_caller]
fn check(metrics: &FusionMetrics, format: Format, expect: Expect) {
    let page = metrics.render(format);
    parse(&page, format).unwrap();
    let own = |it: &&str| !it.contains("fusion_metrics_");
    expect.assert_eq(&page.lines().filter(own).map(|it| format!("{it}\n")).collect::<String>());
}

fn filled() -> FusionMetrics {
    let metrics = metrics();
    metrics.inc(EXECUTION_REQUESTS, "refund", "rollback_first", Outcome::Success);
    metrics.add(EXECUTION_REQUESTS, 2, "refund", "", Outcome::Error);
    metrics.inc(CONFIG_RELOADS, "", "", Outcome::Success);
    metrics.set(SYSTEM_HEALTH, 0.5, "", "");
    metrics.set_info(BUILD_INFO, &[&["0.1.0"]]);
    metrics.record_circuit_breaker_event("rollback_first", Outcome::Open);
    metrics
}

#[test]
fn text() {
    check(
        &filled(),
        Format::Text,
        expect![[r#"
            # HELP fusion_build_info The program that runs: its version (fusion.build.info)
            # TYPE fusion_build_info gauge
            fusion_build_info{version="0.1.0"} 1
            # HELP fusion_circuit_breaker_event_total Changes of state of the circuit breakers (fusion.circuit_breaker.event)
            # TYPE fusion_circuit_breaker_event_total counter
            fusion_circuit_breaker_event_total{overlay="rollback_first",result="open"} 1
            # HELP fusion_circuit_breaker_state State of a circuit breaker: 0 closed, 1 half-open, 2 open or isolated (fusion.circuit_breaker.state)
            # TYPE fusion_circuit_breaker_state gauge
            fusion_circuit_breaker_state{overlay="rollback_first"} 2
            # HELP fusion_config_reloads_total Configurations that were offered: applied, refused as invalid, or not readable (fusion.config.reloads)
            # TYPE fusion_config_reloads_total counter
            fusion_config_reloads_total{result="success"} 1
            # HELP fusion_execution_requests_total Requests that were answered or failed (fusion.execution.requests)
            # TYPE fusion_execution_requests_total counter
            fusion_execution_requests_total{overlay="rollback_first",result="success",scenario="refund"} 1
            fusion_execution_requests_total{result="error",scenario="refund"} 2
            # HELP fusion_system_health Health of the service: 0 unhealthy, 0.5 degraded, 1 healthy (fusion.system.health)
            # TYPE fusion_system_health gauge
            fusion_system_health 0.5
        "#]],
    );
}

#[test]
fn open_metrics() {
    check(
        &filled(),
        Format::OpenMetrics,
        expect![[r#"
            # TYPE fusion_build info
            # HELP fusion_build The program that runs: its version (fusion.build.info)
            fusion_build_info{version="0.1.0"} 1
            # TYPE fusion_circuit_breaker_event counter
            # HELP fusion_circuit_breaker_event Changes of state of the circuit breakers (fusion.circuit_breaker.event)
            fusion_circuit_breaker_event_total{overlay="rollback_first",result="open"} 1
            # TYPE fusion_circuit_breaker_state gauge
            # HELP fusion_circuit_breaker_state State of a circuit breaker: 0 closed, 1 half-open, 2 open or isolated (fusion.circuit_breaker.state)
            fusion_circuit_breaker_state{overlay="rollback_first"} 2
            # TYPE fusion_config_reloads counter
            # HELP fusion_config_reloads Configurations that were offered: applied, refused as invalid, or not readable (fusion.config.reloads)
            fusion_config_reloads_total{result="success"} 1
            # TYPE fusion_execution_requests counter
            # HELP fusion_execution_requests Requests that were answered or failed (fusion.execution.requests)
            fusion_execution_requests_total{overlay="rollback_first",result="success",scenario="refund"} 1
            fusion_execution_requests_total{result="error",scenario="refund"} 2
            # TYPE fusion_system_health gauge
            # HELP fusion_system_health Health of the service: 0 unhealthy, 0.5 degraded, 1 healthy (fusion.system.health)
            fusion_system_health 0.5
            # EOF
        "#]],
    );
}

#[test]
fn a_histogram_in_open_metrics() {
    let metrics = metrics();
    for ms in [250.0, 250.5, 90_000.0] {
        metrics.record(EXECUTION_LATENCY, ms, "refund", "", Outcome::Success);
    }
    check(
        &metrics,
        Format::OpenMetrics,
        expect![[r#"
            # TYPE fusion_execution_latency_seconds histogram
            # UNIT fusion_execution_latency_seconds seconds
            # HELP fusion_execution_latency_seconds Time from request to answer (fusion.execution.latency_ms)
            fusion_execution_latency_seconds_bucket{result="success",scenario="refund",le="0.01"} 0
            fusion_execution_latency_seconds_bucket{result="success",scenario="refund",le="0.02"} 0
            fusion_execution_latency_seconds_bucket{result="success",scenario="refund",le="0.05"} 0
            fusion_execution_latency_seconds_bucket{result="success",scenario="refund",le="0.1"} 0
            fusion_execution_latency_seconds_bucket{result="success",scenario="refund",le="0.25"} 1
            fusion_execution_latency_seconds_bucket{result="success",scenario="refund",le="0.5"} 2
            fusion_execution_latency_seconds_bucket{result="success",scenario="refund",le="1.0"} 2
            fusion_execution_latency_seconds_bucket{result="success",scenario="refund",le="2.0"} 2
            fusion_execution_latency_seconds_bucket{result="success",scenario="refund",le="3.0"} 2
            fusion_execution_latency_seconds_bucket{result="success",scenario="refund",le="5.0"} 2
            fusion_execution_latency_seconds_bucket{result="success",scenario="refund",le="10.0"} 2
            fusion_execution_latency_seconds_bucket{result="success",scenario="refund",le="20.0"} 2
            fusion_execution_latency_seconds_bucket{result="success",scenario="refund",le="40.0"} 2
            fusion_execution_latency_seconds_bucket{result="success",scenario="refund",le="80.0"} 2
            fusion_execution_latency_seconds_bucket{result="success",scenario="refund",le="+Inf"} 3
            fusion_execution_latency_seconds_sum{result="success",scenario="refund"} 90.5005
            fusion_execution_latency_seconds_count{result="success",scenario="refund"} 3
            # EOF
        "#]],
    );
}

#[test]
fn an_exposition_that_nobody_timed_has_no_time() {
    let metrics = filled();
    let exposed = |metrics: &FusionMetrics| {
        let page = metrics.render(Format::Text);
        let families = parse(&page, Format::Text).unwrap();
        let samples: usize = families.iter().map(|it| it.samples.len()).sum();
        assert!(page.contains(&format!("fusion_metrics_exposed_samples {samples}\n")), "{samples}");
        page
    };
    assert!(!exposed(&metrics).contains("fusion_metrics_scrape_seconds"));
    metrics.observe_scrape(0.25);
    assert!(exposed(&metrics).contains("fusion_metrics_scrape_seconds 0.25\n"));
}

#[test]
fn what_the_store_says_about_itself() {
    let metrics = filled();
    metrics.observe_scrape(0.0015);
    let page = metrics.render(Format::Text);
    let own: Vec<_> = page
        .lines()
        .filter(|it| it.starts_with("fusion_metrics_") && !it.contains("demand_estimate"))
        .filter(|it| !it.starts_with("fusion_metrics_metric_series") || !it.ends_with(" 0"))
        .collect();
    expect![[r#"
        fusion_metrics_dropped_tags_total 0
        fusion_metrics_exposed_samples 40
        fusion_metrics_folded_total{reason="overall"} 0
        fusion_metrics_folded_total{reason="per_metric"} 0
        fusion_metrics_folded_total{reason="unknown_value"} 0
        fusion_metrics_forwarded_names 0
        fusion_metrics_forwarded_series 0
        fusion_metrics_metric_series{metric="fusion_build_info"} 1
        fusion_metrics_metric_series{metric="fusion_circuit_breaker_event_total"} 1
        fusion_metrics_metric_series{metric="fusion_circuit_breaker_state"} 1
        fusion_metrics_metric_series{metric="fusion_config_reloads_total"} 1
        fusion_metrics_metric_series{metric="fusion_execution_requests_total"} 2
        fusion_metrics_metric_series{metric="fusion_system_health"} 1
        fusion_metrics_rejected_names_total 0
        fusion_metrics_rejected_values_total 0
        fusion_metrics_scrape_seconds 0.0015
        fusion_metrics_series 7
        fusion_metrics_series_limit 10000"#]]
    .assert_eq(&own.join("\n"));
    let samples: usize =
        parse(&page, Format::Text).unwrap().iter().map(|it| it.samples.len()).sum();
    assert_eq!(
        page.lines().find(|it| it.starts_with("fusion_metrics_exposed")),
        Some(&*format!("fusion_metrics_exposed_samples {samples}"))
    );
}

#[test]
fn the_same_state_gives_the_same_bytes() {
    // Another seed, another order, other threads: the page is the same.
    let pages: Vec<_> = [(1, false), (2, true)]
        .into_iter()
        .map(|(seed, backwards)| {
            let metrics = FusionMetrics::seeded(Default::default(), seed);
            let mut numbers: Vec<_> = (0..500).collect();
            if backwards {
                numbers.reverse();
            }
            std::thread::scope(|scope| {
                for part in numbers.chunks(100) {
                    let metrics = &metrics;
                    scope.spawn(move || {
                        for n in part {
                            let overlay = format!("overlay_{}", n % 100);
                            metrics.record_fusion_latency(
                                f64::from(*n),
                                "s",
                                &overlay,
                                Outcome::Success,
                            );
                            let _ = metrics.render(Format::Text);
                        }
                    });
                }
            });
            let page = metrics.render(Format::Text);
            assert_eq!(page, metrics.render(Format::Text));
            without_estimate(&page)
        })
        .collect();
    assert!(pages[0] == pages[1]);
}

/// The estimate of the demand rests on hashes, and so on the seed.
fn without_estimate(page: &str) -> Vec<String> {
    page.lines().filter(|it| !it.contains("demand_estimate")).map(str::to_owned).collect()
}

#[test]
fn info_lines_are_replaced_sorted_and_limited() {
    let metrics = metrics();
    metrics.set_info(OVERLAY_INFO, &[&["b", "1.0.0", "sha256:b"], &["a", "1.0.0", "sha256:a"]]);
    metrics.set_info(OVERLAY_INFO, &[&["c\n", "1.0.0", "d"], &["a", "1.0.0", "d"]]);
    let page = metrics.render(Format::Text);
    let lines = crate::lines(&page, "fusion_overlay_info");
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0], "fusion_overlay_info{overlay=\"a\",version=\"1.0.0\",digest=\"d\"} 1");
    assert!(lines[1].starts_with("fusion_overlay_info{overlay=\"c_~"), "{lines:?}");

    let names: Vec<_> = (0..3_000).map(|it| format!("o{it}")).collect();
    let rows: Vec<[&str; 3]> = names.iter().map(|it| [it.as_str(), "1.0.0", "d"]).collect();
    let rows: Vec<&[&str]> = rows.iter().map(|it| it.as_slice()).collect();
    metrics.set_info(OVERLAY_INFO, &rows);
    assert_eq!(metrics.series(), 1_000);
    let page = metrics.render(Format::Text);
    assert!(page.contains(
        "fusion_overlay_info{overlay=\"__other__\",version=\"__other__\",digest=\"__other__\"} 1\n"
    ));
    metrics.set_info(OVERLAY_INFO, &[]);
    assert_eq!(metrics.series(), 0);
}
