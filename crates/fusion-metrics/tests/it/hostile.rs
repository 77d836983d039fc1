use std::collections::BTreeMap;

use fusion_metrics::catalogue::{
    EXECUTION_REQUESTS, FLAG_DECISIONS, OVERLAY_SELECTED, TOKENS_USED,
};
use fusion_metrics::{CounterId, FoldReason, Format, FusionMetrics, Known, Outcome};

use crate::metrics;
use crate::parser::parse;

const RESULTS: [Outcome; 4] =
    [Outcome::Success, Outcome::Error, Outcome::Timeout, Outcome::Fallback];

/// Which overlay names threads bring.
#[derive(Clone, Copy)]
enum Names {
    /// Each thread its own, so that every call has a name that nobody has brought.
    Own,
    /// All the same at the same time, so that each admission is raced for.
    Raced,
}

/// `threads` bring `values` overlay names between them; the calls go round over the results
/// and metrics.
fn attack(
    metrics: &FusionMetrics,
    threads: usize,
    values: usize,
    targets: &[CounterId],
    names: Names,
) {
    let each = values / threads;
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let first = match names {
                Names::Own => thread * each,
                Names::Raced => 0,
            };
            scope.spawn(move || {
                for n in first..first + each {
                    let overlay = format!("overlay-{n}");
                    let target = targets[n / RESULTS.len() % targets.len()];
                    let scenario = if n % 3 == 0 { "known" } else { overlay.as_str() };
                    metrics.inc(target, scenario, &overlay, RESULTS[n % RESULTS.len()]);
                }
            });
        }
    });
}

/// What a metric has when each result was brought `each` times: those that it does not have
/// count as other.
fn expected(target: CounterId, each: u64) -> BTreeMap<Outcome, u64> {
    let has = target.metric().unwrap().results;
    let mut sums = BTreeMap::new();
    for result in RESULTS {
        let result = if has.contains(&result) { result } else { Outcome::Other };
        *sums.entry(result).or_default() += each;
    }
    sums
}

/// How many series the metrics say were asked for.
fn demand(page: &str) -> f64 {
    let line = crate::lines(page, "fusion_metrics_demand_estimate")[0];
    line.split(' ').nth(1).unwrap().parse().unwrap()
}

#[track_caller]
fn check(threads: usize, values: usize, targets: &[CounterId], names: Names, known: Option<Known>) {
    let metrics = metrics();
    if let Some(known) = known {
        metrics.set_known(known);
    }
    let fixed = metrics.fixed_bytes();
    attack(&metrics, threads, values, targets, names);

    assert!(metrics.series() <= 10_000);
    assert_eq!(metrics.fixed_bytes(), fixed);
    let each = (values / targets.len() / RESULTS.len()) as u64;
    for target in targets {
        assert_eq!(metrics.by_result(*target), expected(*target, each));
    }
    let page = metrics.render(Format::Text);
    for family in parse(&page, Format::Text).unwrap() {
        assert!(family.samples.len() <= 1_000, "{}: {}", family.name, family.samples.len());
    }
    let distinct = match names {
        Names::Own => values,
        Names::Raced => values / threads,
    };
    let share = demand(&page) / distinct as f64;
    assert!((0.9..1.1).contains(&share), "{share} of {distinct} names were brought");
    let folded: u64 = FoldReason::ALL.into_iter().map(|it| metrics.folded(it)).sum();
    assert!(folded > (values / 2) as u64);
}

#[test]
fn a_million_values_by_one_thread() {
    check(1, 1_000_000, &[EXECUTION_REQUESTS], Names::Own, None);
}

#[test]
fn a_million_values_by_two_threads() {
    check(2, 1_000_000, &[EXECUTION_REQUESTS], Names::Own, None);
}

#[test]
fn a_million_values_by_eight_threads() {
    check(8, 1_000_000, &[EXECUTION_REQUESTS], Names::Own, None);
}

#[test]
fn a_million_calls_of_the_same_names_by_eight_threads() {
    check(8, 1_000_000, &[EXECUTION_REQUESTS], Names::Raced, None);
}

#[test]
fn many_metrics_by_eight_threads() {
    let targets = [EXECUTION_REQUESTS, OVERLAY_SELECTED, TOKENS_USED, FLAG_DECISIONS];
    check(8, 320_000, &targets, Names::Own, None);
    check(8, 320_000, &targets, Names::Raced, Some(Known::only(["known"], [""; 0])));
}

#[test]
fn the_limit_is_met_by_racing_threads_whatever_the_order() {
    // Short rounds, since the race is at the limit: each passes it once.
    for _ in 0..40 {
        let metrics = metrics();
        attack(&metrics, 4, 6_000, &[EXECUTION_REQUESTS], Names::Raced);
        let ordinary = 1_000 - 7;
        assert!((ordinary + 1..=ordinary + 7).contains(&metrics.series()), "{}", metrics.series());
        assert_eq!(metrics.by_result(EXECUTION_REQUESTS), expected(EXECUTION_REQUESTS, 1_500));
    }
}

#[test]
fn error_ratios_stay_exact_during_an_attack() {
    let metrics = metrics();
    metrics.set_known(Known::only(["refund"], ["rollback"]));
    for n in 0..100_000 {
        let result = if n % 20 == 0 { Outcome::Error } else { Outcome::Success };
        let stranger = format!("stranger-{n}");
        let overlay = if n % 3 == 0 { stranger.as_str() } else { "rollback" };
        metrics.inc(EXECUTION_REQUESTS, "refund", overlay, result);
    }
    let sums = metrics.by_result(EXECUTION_REQUESTS);
    assert_eq!(sums[&Outcome::Error] * 19, sums[&Outcome::Success]);
}

#[test]
fn values_of_every_kind_stay_apart_and_parse() {
    let long = "x".repeat(64 * 1024);
    let values = [
        "a.b",
        "a_b",
        "a b",
        "a\"b",
        "a\\b",
        "a\\\\b",
        "a\nb",
        "a\r\nb",
        "a\0b",
        "a}b",
        "a,b",
        "a=b",
        "a~b",
        "{}",
        "__other__",
        "\u{feff}",
        "zażółć",
        "\u{1f600}",
        "\\",
        "\\\\",
        "\"",
        "# EOF",
        &long,
        long.split_at(1).1,
        &"é".repeat(40_000),
    ];
    let metrics = metrics();
    for value in values {
        metrics.inc(EXECUTION_REQUESTS, value, "", Outcome::Success);
        metrics.inc(EXECUTION_REQUESTS, "", value, Outcome::Success);
    }
    assert_eq!(metrics.series(), 2 * values.len());
    for format in [Format::Text, Format::OpenMetrics] {
        let page = metrics.render(format);
        for family in parse(&page, format).unwrap() {
            for (key, value) in family.samples.iter().flat_map(|it| &it.labels) {
                assert!(value.len() <= 64 && value.is_ascii(), "{key} {value:?}");
            }
        }
    }
}

#[test]
fn nobody_passes_for_a_marked_value() {
    let metrics = metrics();
    metrics.inc(EXECUTION_REQUESTS, "a\nb", "", Outcome::Success);
    let page = metrics.render(Format::Text);
    let line = crate::lines(&page, "fusion_execution_requests_total")[0];
    let marked = line.split('"').nth(3).unwrap();
    assert!(marked.starts_with("a_b~"), "{marked}");
    metrics.inc(EXECUTION_REQUESTS, marked, "", Outcome::Success);
    assert_eq!(metrics.series(), 2);
}

#[test]
fn the_demand_is_estimated() {
    let metrics = metrics();
    for n in 0..200_000 {
        metrics.inc(EXECUTION_REQUESTS, "s", &format!("o{n}"), Outcome::Success);
        metrics.inc(EXECUTION_REQUESTS, "s", "o1", Outcome::Success);
    }
    let estimate = demand(&metrics.render(Format::Text));
    assert!((190_000.0..210_000.0).contains(&estimate), "{estimate}");
}
