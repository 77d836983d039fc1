use expect_test::{Expect, expect};
use fusion_metrics::catalogue::{EXECUTION_LATENCY, EXECUTION_REQUESTS, OVERLAY_SELECTED};
use fusion_metrics::{FoldReason, Format, FusionMetrics, Known, Limits, Outcome};

use crate::parser::parse;
use crate::{lines, metrics};

fn inc(metrics: &FusionMetrics, overlay: &str, times: u64) {
    metrics.add(EXECUTION_REQUESTS, times, "refund", overlay, Outcome::Success);
}

fn total(metrics: &FusionMetrics) -> u64 {
    metrics.by_result(EXECUTION_REQUESTS).values().sum()
}

/// The counter on the page, overlay and value.
#[track_caller]
fn check(metrics: &FusionMetrics, expected: Expect) {
    let page = metrics.render(Format::Text);
    parse(&page, Format::Text).expect("a page");
    let lines = lines(&page, "fusion_execution_requests_total");
    let short = |it: &&str| Some(format!("{} {}", it.split('"').nth(1)?, it.rsplit(' ').next()?));
    let told: Vec<_> = lines.iter().filter_map(short).collect();
    expected.assert_eq(&told.join("\n"));
}

#[test]
fn an_overlay_that_is_gone_leaves_the_page_and_the_limits() {
    let metrics = metrics();
    for overlay in ["a", "b\n"] {
        inc(&metrics, overlay, 3);
        metrics.record(EXECUTION_LATENCY, 1.0, "refund", overlay, Outcome::Success);
        metrics.inc(OVERLAY_SELECTED, "refund", overlay, Outcome::Success);
    }
    inc(&metrics, "c", 1);
    assert_eq!(metrics.series(), 7);
    metrics.forget("b\n");
    assert_eq!(metrics.series(), 4);
    check(
        &metrics,
        expect![[r#"
            a 3
            c 1"#]],
    );
    assert_eq!(total(&metrics), 7, "what it counted stays in the sums");
    assert_eq!(metrics.at_most(EXECUTION_LATENCY, 1.0).map(|it| it.total), Some(2));
    metrics.forget("of_nobody");
    assert_eq!(metrics.series(), 4);
}

#[test]
fn an_overlay_that_comes_back_goes_on_from_its_value() {
    let metrics = metrics();
    let handle = metrics.counter(EXECUTION_REQUESTS, "refund", "a", Outcome::Success);
    inc(&metrics, "a", 3);
    metrics.forget("a");
    check(&metrics, expect![""]);
    handle.inc();
    check(&metrics, expect![""]);
    assert_eq!(total(&metrics), 4);
    inc(&metrics, "a", 1);
    check(&metrics, expect!["a 5"]);
    assert_eq!((metrics.series(), total(&metrics)), (1, 5));
}

#[test]
fn an_installation_retires_what_it_no_longer_has() {
    let metrics = metrics();
    inc(&metrics, "before", 1);
    metrics.set_known(Known::only(["refund"], ["a", "b"]));
    for overlay in ["a", "b", "stranger"] {
        inc(&metrics, overlay, 1);
    }
    metrics.set_known(Known::only(["refund"], ["b", "c"]));
    inc(&metrics, "c", 1);
    check(
        &metrics,
        expect![[r#"
            b 1
            before 1
            c 1
            stranger 1"#]],
    );
    metrics.set_known(Known::only(["refund"], ["a", "b", "c"]));
    inc(&metrics, "a", 1);
    check(
        &metrics,
        expect![[r#"
            a 2
            b 1
            before 1
            c 1
            stranger 1"#]],
    );
}

#[test]
fn what_others_fold_into_is_never_retired() {
    let metrics = metrics();
    metrics.set_known(Known::only(["refund"], ["a"]));
    for n in 0..500 {
        inc(&metrics, &format!("stranger-{n}"), 1);
        metrics.inc(EXECUTION_REQUESTS, &format!("work-{n}"), "a", Outcome::Error);
    }
    let (folded, before) = (metrics.folded(FoldReason::UnknownValue), metrics.series());
    assert!(folded > 0);
    metrics.forget("__other__");
    metrics.set_known(Known::only(["refund"], ["b"]));
    assert!(metrics.series() < before);
    let page = metrics.render(Format::Text);
    assert_eq!(lines(&page, "fusion_execution_requests_total{overlay=\"__other__\"").len(), 2);
    assert_eq!((total(&metrics), metrics.folded(FoldReason::UnknownValue)), (1_000, folded));
}

#[test]
fn places_are_free_again_until_the_table_is_full() {
    let metrics = FusionMetrics::with_limits(Limits::new(100, 512, 1.0).unwrap());
    // 93 places beside what others fold into.
    for round in 0..5 {
        for n in 0..93 {
            inc(&metrics, &format!("overlay-{round}-{n}"), 1);
        }
        assert_eq!(metrics.folded(FoldReason::PerMetric), 0, "round {round}");
        (0..93).for_each(|n| metrics.forget(&format!("overlay-{round}-{n}")));
        assert_eq!(metrics.series(), 0);
    }
    let fixed = metrics.fixed_bytes();
    for n in 0..10_000 {
        let overlay = format!("another-{n}");
        inc(&metrics, &overlay, 1);
        metrics.forget(&overlay);
    }
    assert!(metrics.folded(FoldReason::Overall) > 9_000);
    assert_eq!((total(&metrics), metrics.fixed_bytes()), (10_465, fixed));
    inc(&metrics, "overlay-0-0", 1);
    let page = metrics.render(Format::Text);
    assert_eq!(lines(&page, "fusion_execution_requests_total{overlay=\"overlay-0-0\"").len(), 1);
}

#[test]
fn recording_and_retiring_at_once_loses_nothing() {
    let metrics = metrics();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..20_000).for_each(|n| inc(&metrics, ["a", "b", "c"][n % 3], 1)));
        }
        scope.spawn(|| (0..2_000).for_each(|n| metrics.forget(["a", "b", "c"][n % 3])));
        scope.spawn(|| (0..50).for_each(|_| drop(metrics.render(Format::Text))));
    });
    assert_eq!(total(&metrics), 40_000);
    ["a", "b", "c"].iter().for_each(|it| inc(&metrics, it, 1));
    assert_eq!(metrics.series(), 3);
    let page = metrics.render(Format::Text);
    let values = lines(&page, "fusion_execution_requests_total");
    let values = values.iter().filter_map(|it| it.rsplit(' ').next()?.parse::<u64>().ok());
    assert_eq!(values.sum::<u64>(), 40_003, "every series is on the page, with all it counted");
}
