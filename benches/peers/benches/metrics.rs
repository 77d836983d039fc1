//! A counter and a histogram with three labels, 256 combinations, and a scrape of ten
//! thousand counters.

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use fusion_metrics::catalogue::{EXECUTION_LATENCY, EXECUTION_REQUESTS};
use fusion_metrics::{Format, FusionMetrics, FusionRecorder, Limits, Outcome};
use metrics::Label;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusRecorder};
use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry_sdk::metrics::{ManualReader, SdkMeterProvider};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::{counter::Counter, family::Family, histogram::Histogram};
use prometheus_client::registry::Registry;

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
const SECONDS: [f64; 14] =
    [0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 40.0, 80.0];
const SERIES: usize = 10_000;

fn labels(turn: usize) -> (&'static str, &'static str, Outcome) {
    (SCENARIOS[turn % 8], OVERLAYS[turn / 8 % 8], RESULTS[turn / 64 % 4])
}

/// Counts the turns, and goes through the combinations.
#[derive(Default)]
struct Turns(usize);

impl Turns {
    fn take(&mut self) -> (usize, (&'static str, &'static str, Outcome)) {
        self.0 = self.0.wrapping_add(1);
        // A multiple of an odd number reaches every combination, not one after the other.
        (self.0, labels(self.0.wrapping_mul(0x9e37_79b1) >> 8))
    }
}

/// What prometheus-client has as the labels of a series.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Set {
    overlay: &'static str,
    result: &'static str,
    scenario: &'static str,
}

fn set((scenario, overlay, result): (&'static str, &'static str, Outcome)) -> Set {
    Set { overlay, result: result.as_str(), scenario }
}

fn pairs((scenario, overlay, result): (&'static str, &'static str, Outcome)) -> [KeyValue; 3] {
    [
        KeyValue::new("overlay", overlay),
        KeyValue::new("result", result.as_str()),
        KeyValue::new("scenario", scenario),
    ]
}

/// With a reader, without which it would count nothing.
fn provider() -> SdkMeterProvider {
    SdkMeterProvider::builder().with_reader(ManualReader::builder().build()).build()
}

fn exporter() -> PrometheusRecorder {
    let of_latency = Matcher::Full("fusion.execution.latency_ms".to_owned());
    let builder = PrometheusBuilder::new().set_buckets_for_metric(of_latency, &SECONDS);
    builder.expect("buckets").build_recorder()
}

fn counter(c: &mut Criterion) {
    let mut group = c.benchmark_group("peers_metrics");
    let (ours, mut turns) = (FusionMetrics::new(), Turns::default());
    group.bench_function("counter_fusion", |b| {
        b.iter(|| {
            let (scenario, overlay, result) = turns.take().1;
            black_box(&ours).inc(EXECUTION_REQUESTS, scenario, overlay, result);
        });
    });
    let family = Family::<Set, Counter>::default();
    group.bench_function("counter_prometheus_client", |b| {
        b.iter(|| black_box(&family).get_or_create(&set(turns.take().1)).inc());
    });
    let provider = provider();
    let theirs = provider.meter("peers").u64_counter("fusion.execution.requests").build();
    group.bench_function("counter_opentelemetry", |b| {
        b.iter(|| black_box(&theirs).add(1, &pairs(turns.take().1)));
    });
    let mut macros = || {
        let (scenario, overlay, result) = turns.take().1;
        metrics::counter!("fusion.execution.requests",
            "scenario" => scenario, "overlay" => overlay, "result" => result.as_str())
        .increment(1);
    };
    let recorder = FusionRecorder::new(FusionMetrics::new());
    metrics::with_local_recorder(&recorder, || {
        group.bench_function("counter_macro_fusion", |b| b.iter(&mut macros));
    });
    let recorder = exporter();
    metrics::with_local_recorder(&recorder, || {
        group.bench_function("counter_macro_exporter", |b| b.iter(&mut macros));
    });
    group.finish();
}

fn histogram(c: &mut Criterion) {
    let mut group = c.benchmark_group("peers_metrics");
    let (ours, mut turns) = (FusionMetrics::new(), Turns::default());
    let ms = |turn: usize| (turn % 5_000) as f64;
    group.bench_function("histogram_fusion", |b| {
        b.iter(|| {
            let (turn, (scenario, overlay, result)) = turns.take();
            black_box(&ours).record(EXECUTION_LATENCY, ms(turn), scenario, overlay, result);
        });
    });
    let family = Family::<Set, Histogram>::new_with_constructor(|| Histogram::new(SECONDS));
    group.bench_function("histogram_prometheus_client", |b| {
        b.iter(|| {
            let (turn, labels) = turns.take();
            black_box(&family).get_or_create(&set(labels)).observe(ms(turn) / 1_000.0);
        });
    });
    let provider = provider();
    let meter = provider.meter("peers");
    let theirs = meter.f64_histogram("fusion.execution.latency");
    let theirs = theirs.with_boundaries(SECONDS.into()).build();
    group.bench_function("histogram_opentelemetry", |b| {
        b.iter(|| {
            let (turn, labels) = turns.take();
            black_box(&theirs).record(ms(turn) / 1_000.0, &pairs(labels));
        });
    });
    let mut macros = || {
        let (turn, (scenario, overlay, result)) = turns.take();
        metrics::histogram!("fusion.execution.latency_ms",
            "scenario" => scenario, "overlay" => overlay, "result" => result.as_str())
        .record(ms(turn));
    };
    let recorder = FusionRecorder::new(FusionMetrics::new());
    metrics::with_local_recorder(&recorder, || {
        group.bench_function("histogram_macro_fusion", |b| b.iter(&mut macros));
    });
    // It keeps every value until it is asked for them: a part at a time, as a service would.
    let recorder = exporter();
    let handle = recorder.handle();
    metrics::with_local_recorder(&recorder, || {
        group.bench_function("histogram_macro_exporter", |b| {
            b.iter(&mut macros);
            handle.run_upkeep();
        });
    });
    group.finish();
}

fn scrape(c: &mut Criterion) {
    let mut group = c.benchmark_group("peers_metrics");
    let overlays: Vec<String> = (0..SERIES).map(|it| format!("overlay_{it:05}")).collect();
    let limits = Limits::new(2 * SERIES, 2 * SERIES, 1.0).expect("limits");
    let ours = FusionMetrics::with_limits(limits);
    for overlay in &overlays {
        ours.inc(EXECUTION_REQUESTS, SCENARIOS[0], overlay, Outcome::Success);
    }
    group.bench_function("scrape_fusion", |b| b.iter(|| black_box(&ours).render(Format::Text)));

    let family = Family::<[(&'static str, String); 3], Counter>::default();
    for overlay in &overlays {
        let labels = [
            ("overlay", overlay.clone()),
            ("result", "success".to_owned()),
            ("scenario", SCENARIOS[0].to_owned()),
        ];
        family.get_or_create(&labels).inc();
    }
    let mut registry = Registry::default();
    registry.register("fusion_execution_requests", "Requests", family);
    group.bench_function("scrape_prometheus_client", |b| {
        b.iter(|| {
            let mut page = String::new();
            prometheus_client::encoding::text::encode(&mut page, &registry).expect("a page");
            page
        });
    });

    let recorder = exporter();
    let handle = recorder.handle();
    metrics::with_local_recorder(&recorder, || {
        let mut name = String::new();
        for overlay in &overlays {
            name.clear();
            // Writing to a string cannot fail.
            let _ = write!(name, "{overlay}");
            let labels = [
                Label::new("overlay", name.clone()),
                Label::new("result", "success"),
                Label::new("scenario", SCENARIOS[0]),
            ];
            metrics::counter!("fusion.execution.requests", labels.iter()).increment(1);
        }
    });
    group.bench_function("scrape_exporter", |b| b.iter(|| black_box(&handle).render()));
    group.finish();
}

criterion_group!(benches, counter, histogram, scrape);
criterion_main!(benches);
