//! Metrics: what a recording costs, alone, beside others and during an attack, and what a
//! scrape of ten thousand series does.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Barrier, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use benches::Turns;
use criterion::{Criterion, criterion_group, criterion_main};
use fusion_metrics::catalogue::{EXECUTION_LATENCY, EXECUTION_REQUESTS};
use fusion_metrics::{Format, FusionMetrics, FusionRecorder, Known, Limits, Outcome};

const SCENARIOS: [&str; 8] = [
    "refund_processing",
    "payment_reversal",
    "data_migration",
    "security_incident",
    "regulatory_audit",
    "contract_review",
    "code_review",
    "translation",
];
const OVERLAYS: [&str; 8] = [
    "rollback_first",
    "state_model_first",
    "observability_first",
    "quality_first",
    "baseline",
    "short_answers",
    "second_opinion",
    "three_judges",
];
const RESULTS: [Outcome; 4] =
    [Outcome::Success, Outcome::Error, Outcome::Timeout, Outcome::Fallback];
/// Every combination of the three labels.
const SERIES: usize = 256;

fn metrics() -> FusionMetrics {
    let metrics = FusionMetrics::new();
    metrics.set_known(Known::only(SCENARIOS, OVERLAYS));
    metrics
}

/// The labels of a combination.
fn labels(at: usize) -> (&'static str, &'static str, Outcome) {
    (SCENARIOS[at % 8], OVERLAYS[at / 8 % 8], RESULTS[at / 64 % 4])
}

fn inc(metrics: &FusionMetrics, at: usize) {
    let (scenario, overlay, result) = labels(at);
    metrics.inc(EXECUTION_REQUESTS, scenario, overlay, result);
}

fn one_thread(c: &mut Criterion) {
    let mut group = c.benchmark_group("metrics");
    let (metrics, mut turns) = (metrics(), Turns::new(SERIES));
    // The floor: one of as many atomic numbers, known beforehand.
    let floor: Vec<AtomicU64> = (0..SERIES).map(|_| AtomicU64::new(0)).collect();
    group.bench_function("floor_atomic_add", |b| {
        b.iter(|| black_box(&floor)[turns.take().1].fetch_add(1, Ordering::Relaxed));
    });
    group.bench_function("counter", |b| b.iter(|| inc(black_box(&metrics), turns.take().1)));
    group.bench_function("histogram", |b| {
        b.iter(|| {
            let (turn, at) = turns.take();
            let ((scenario, overlay, result), ms) = (labels(at), (turn % 5_000) as f64);
            black_box(&metrics).record(EXECUTION_LATENCY, ms, scenario, overlay, result);
        });
    });
    // The peer: a map behind a lock, as prometheus-client has it.
    let map: RwLock<HashMap<_, _>> =
        RwLock::new((0..SERIES).map(|it| (labels(it), AtomicU64::new(0))).collect());
    group.bench_function("peer_locked_map", |b| {
        b.iter(|| {
            let map = black_box(&map).read().expect("nobody panics");
            map[&labels(turns.take().1)].fetch_add(1, Ordering::Relaxed)
        });
    });
    let handle = metrics.counter(EXECUTION_REQUESTS, "refund_processing", "baseline", RESULTS[0]);
    group.bench_function("counter_handle", |b| b.iter(|| black_box(&handle).inc()));
    group.finish();
}

/// The same through the macros, whose recorder the whole process has.
fn macros(c: &mut Criterion) {
    let recorder = FusionRecorder::new(metrics());
    metrics::set_global_recorder(recorder).expect("there is no other");
    let mut turns = Turns::new(SERIES);
    let mut group = c.benchmark_group("metrics");
    group.bench_function("counter_macro", |b| {
        b.iter(|| {
            let (scenario, overlay, result) = labels(turns.take().1);
            metrics::counter!("fusion.execution.requests",
                "scenario" => scenario, "overlay" => overlay, "result" => result.as_str())
            .increment(1);
        });
    });
    group.bench_function("histogram_macro", |b| {
        b.iter(|| {
            let (turn, at) = turns.take();
            let (scenario, overlay, result) = labels(at);
            metrics::histogram!("fusion.execution.latency_ms",
                "scenario" => scenario, "overlay" => overlay, "result" => result.as_str())
            .record((turn % 5_000) as f64);
        });
    });
    group.finish();
}

/// The time of `count` calls by each of two threads, 0 and 1, that run at once.
fn together(count: u64, call: impl Fn(usize, usize) + Sync) -> Duration {
    let (barrier, call) = (Barrier::new(2), &call);
    let timed = |of| {
        let mut turns = Turns::new(SERIES);
        barrier.wait();
        let started = Instant::now();
        (0..count).for_each(|_| call(of, turns.take().1));
        started.elapsed()
    };
    thread::scope(|scope| {
        let other = scope.spawn(move || timed(1));
        let mine = timed(0);
        let other = other.join().expect("it only counts");
        (mine + other) / 2
    })
}

fn two_threads(c: &mut Criterion) {
    let stores = [metrics(), metrics()];
    let floor: Vec<AtomicU64> = (0..SERIES).map(|_| AtomicU64::new(0)).collect();
    let mut group = c.benchmark_group("metrics");
    group.bench_function("counter_two_threads", |b| {
        b.iter_custom(|count| together(count, |_, at| inc(black_box(&stores[0]), at)));
    });
    // What two threads cost by themselves: each has a store of its own.
    group.bench_function("counter_two_threads_apart", |b| {
        b.iter_custom(|count| together(count, |of, at| inc(black_box(&stores[of]), at)));
    });
    group.bench_function("floor_atomic_two_threads", |b| {
        b.iter_custom(|count| {
            together(count, |_, at| {
                black_box(&floor)[at].fetch_add(1, Ordering::Relaxed);
            })
        });
    });
    group.finish();
}

fn strangers() -> Vec<String> {
    (0..1 << 14).map(|number| format!("stranger-{number:08}")).collect()
}

/// Measures while another thread calls without end.
fn beside(call: impl Fn(usize) + Sync, measure: impl FnOnce()) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut turns = Turns::new(1 << 14);
            while !done.load(Ordering::Relaxed) {
                call(turns.take().1);
            }
        });
        measure();
        done.store(true, Ordering::Relaxed);
    });
}

/// Names beyond every limit, and what the others pay meanwhile.
fn attack(c: &mut Criterion) {
    let (metrics, strangers) = (metrics(), strangers());
    let scenario = SCENARIOS[0];
    let hostile =
        |at: usize| metrics.inc(EXECUTION_REQUESTS, scenario, &strangers[at], Outcome::Error);
    (0..SERIES).for_each(|it| inc(&metrics, it));
    (0..strangers.len()).for_each(hostile);
    let mut group = c.benchmark_group("metrics");
    // One after the other: whoever made a name up has it at hand. Its place in the table is
    // nowhere near the last one's.
    let mut names = (0..strangers.len()).cycle();
    group.bench_function("counter_over_limit", |b| b.iter(|| names.next().map(hostile)));
    group.bench_function("counter_known_beside_calm", |b| {
        beside(
            |at| inc(&metrics, at % SERIES),
            || {
                let mut turns = Turns::new(SERIES);
                b.iter(|| inc(black_box(&metrics), turns.take().1));
            },
        );
    });
    group.bench_function("counter_known_in_flood", |b| {
        beside(hostile, || {
            let mut turns = Turns::new(SERIES);
            b.iter(|| inc(black_box(&metrics), turns.take().1));
        });
    });
    assert!(metrics.series() <= 1_000);
    group.finish();
}

fn scrape(c: &mut Criterion) {
    const COUNT: usize = 10_000;
    let limits = Limits::new(2 * COUNT, 2 * COUNT, 1.0).expect("limits");
    let metrics = FusionMetrics::with_limits(limits);
    for number in 0..COUNT {
        let overlay = format!("overlay_{number:05}");
        metrics.add(EXECUTION_REQUESTS, number as u64, "refund_processing", &overlay, RESULTS[0]);
    }
    let page = metrics.render(Format::Text);
    assert_eq!(page.matches("fusion_execution_requests_total{").count(), COUNT);
    assert_eq!(page, metrics.render(Format::Text), "the same state gives the same bytes");

    let mut group = c.benchmark_group("metrics");
    group.bench_function(format!("scrape_{COUNT}"), |b| {
        b.iter(|| black_box(&metrics).render(Format::Text));
    });
    // The floor: the same lines by the standard library, sorted beforehand.
    let lines: Vec<&str> = page.lines().filter(|it| it.contains("overlay_")).collect();
    let lines: Vec<(&str, u64)> = lines
        .into_iter()
        .filter_map(|it| it.rsplit_once(' '))
        .map(|(series, value)| (series, value.parse().expect("a number")))
        .collect();
    group.bench_function(format!("floor_write_{COUNT}"), |b| {
        b.iter(|| {
            let mut page = String::new();
            for (series, value) in black_box(&lines) {
                // Writing to a string cannot fail.
                let _ = writeln!(page, "{series} {value}");
            }
            page
        });
    });
    group.finish();
}

criterion_group!(benches, one_thread, macros, two_threads, attack, scrape);
criterion_main!(benches);
