use fusion_metrics::catalogue::EXECUTION_REQUESTS;
use fusion_metrics::{Format, FusionRecorder, Outcome};
use metrics::{counter, gauge, histogram, with_local_recorder};

use crate::{lines, metrics};

#[test]
fn macros_reach_the_store() {
    let recorder = FusionRecorder::new(metrics());
    with_local_recorder(&recorder, || {
        let overlay = String::from("rollback");
        counter!("fusion.execution.requests", "scenario" => "refund", "overlay" => overlay, "result" => "success").increment(3);
        histogram!("fusion.execution.latency_ms", "scenario" => "refund").record(250.0);
        histogram!("fusion.execution.latency_ms", "scenario" => "refund").record_many(4_000.0, 2);
        let health = gauge!("fusion.system.health");
        health.set(1.0);
        health.decrement(0.5);
    });
    let page = recorder.render(Format::Text, String::new);
    for line in [
        "fusion_execution_requests_total{overlay=\"rollback\",result=\"success\",scenario=\"refund\"} 3",
        "fusion_execution_latency_seconds_bucket{scenario=\"refund\",le=\"0.25\"} 1",
        "fusion_execution_latency_seconds_sum{scenario=\"refund\"} 8.25",
        "fusion_system_health 0.5",
    ] {
        assert_eq!(lines(&page, line), [line]);
    }
}

#[test]
fn label_order_does_not_matter() {
    let recorder = FusionRecorder::new(metrics());
    with_local_recorder(&recorder, || {
        counter!("fusion.execution.requests", "scenario" => "s", "overlay" => "o").increment(1);
        counter!("fusion.execution.requests", "overlay" => "o", "scenario" => "s").increment(1);
    });
    assert_eq!(recorder.metrics().series(), 1);
}

#[test]
fn labels_beyond_the_three_are_dropped_and_counted() {
    let recorder = FusionRecorder::new(metrics());
    with_local_recorder(&recorder, || {
        for n in 0..100 {
            counter!("fusion.execution.requests", "user" => format!("u{n}"), "result" => "error")
                .increment(1);
        }
        counter!("fusion.execution.requests", "result" => "success", "result" => "error")
            .increment(1);
    });
    let page = recorder.render(Format::Text, String::new);
    assert!(page.contains("fusion_metrics_dropped_tags_total 101\n"));
    assert_eq!(recorder.metrics().by_result(EXECUTION_REQUESTS), [(Outcome::Error, 101)].into());
}

#[test]
fn names_that_are_not_ours_to_give_are_refused() {
    let recorder = FusionRecorder::new(metrics());
    with_local_recorder(&recorder, || {
        counter!("fusion.bogus").increment(1);
        gauge!("fusion.execution.requests").set(1.0);
        counter!("fusion_execution_requests_total").increment(1);
        counter!("fusion.metrics.series").increment(1);
        histogram!("fusion.build.info").record(1.0);
    });
    let page = recorder.render(Format::Text, String::new);
    assert!(page.contains("fusion_metrics_rejected_names_total 5\n"));
    assert_eq!(recorder.metrics().series(), 0);
}

#[test]
fn an_absolute_counter_never_goes_back() {
    let recorder = FusionRecorder::new(metrics());
    with_local_recorder(&recorder, || {
        let counter = counter!("fusion.tokens.used", "overlay" => "o");
        counter.absolute(10);
        counter.absolute(7);
    });
    let sums = recorder.metrics().by_result(fusion_metrics::catalogue::TOKENS_USED);
    assert_eq!(sums, [(Outcome::Unset, 10)].into());
}

#[test]
fn a_handle_of_the_facade_works_on_other_threads() {
    let recorder = FusionRecorder::new(metrics());
    with_local_recorder(&recorder, || {
        let counter = counter!("fusion.execution.requests", "result" => "success");
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..10_000).for_each(|_| counter.increment(1)));
            }
        });
    });
    let sums = recorder.metrics().by_result(EXECUTION_REQUESTS);
    assert_eq!(sums, [(Outcome::Success, 80_000)].into());
}
