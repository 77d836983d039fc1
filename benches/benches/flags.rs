//! Flags: what a decision and a route cost, by name and by handle, and how long a file of
//! ten thousand flags takes to be in force.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::hint::black_box;

use arc_swap::ArcSwap;
use benches::Turns;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};
use fusion_flags::{
    BreakerSet, Context, FlagFile, FlagReferences, Flags, Reason, Route, Salt, Snapshot, check,
};
use rapidhash::fast::RandomState;

fn name(number: usize) -> String {
    format!("refund_lot_switch_{number:05}")
}

/// The kind of work that three flags name, whatever their number.
fn kind(number: usize) -> String {
    format!("kind_of_work_{:05}", number / 3)
}

/// `count` flags for two kinds of work each, from a confidence on, for half of the units.
fn text(count: usize, matching: &str) -> String {
    let mut res = format!(
        "{{\"schema_version\": 2, \"defaults\": {{\"match\": \"{matching}\"}}, \"features\": {{"
    );
    for number in 0..count {
        let comma = if number == 0 { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(
            res,
            "{comma}\n\"{}\": {{\"enabled_overlays\": [\"overlay_{}\"], \"rollout_percentage\": 50, \
             \"conditions\": {{\"scenario_types\": [\"{}\", \"other_work_{number:05}\"], \
             \"confidence_threshold\": 0.7}}}}",
            name(number),
            number % 100,
            kind(number),
        );
    }
    res.push_str("\n}}");
    res
}

fn flags(count: usize, matching: &str) -> Flags {
    let file = FlagFile::parse(&text(count, matching)).expect("a flag file");
    Flags::new(Snapshot::compile(&file, None).expect("no errors"), BreakerSet::default())
}

/// The sticky ids of 256 units, each of twenty bytes.
fn units() -> Vec<String> {
    (0..256).map(|number| format!("user-{number:015}")).collect()
}

/// The least that decides: a map behind an atomic pointer, the same conditions and the same
/// hash, and no reason.
struct Floor(ArcSwap<Vec<FloorFlag>>, ArcSwap<HashMap<Box<str>, FloorFlag, RandomState>>);

#[derive(Clone)]
struct FloorFlag {
    kinds: [Box<str>; 2],
    confidence: f64,
    buckets: u32,
    salt: Salt,
}

impl FloorFlag {
    fn is_on(&self, context: &Context<'_>) -> bool {
        self.kinds.iter().any(|it| **it == *context.scenario_type)
            && context.confidence.is_some_and(|it| it >= self.confidence)
            && context.unit.is_some_and(|it| self.salt.bucket(it) < self.buckets)
    }
}

impl Floor {
    fn new(count: usize) -> Self {
        let flag = |number| FloorFlag {
            kinds: [kind(number).into(), format!("other_work_{number:05}").into()],
            confidence: 0.7,
            buckets: 50_000,
            salt: Salt::new(&name(number)),
        };
        let all: Vec<_> = (0..count).map(flag).collect();
        let named = (0..count).map(|it| name(it).into()).zip(all.clone()).collect();
        Self(ArcSwap::from_pointee(all), ArcSwap::from_pointee(named))
    }

    fn by_name(&self, name: &str, context: &Context<'_>) -> bool {
        self.1.load().get(name).is_some_and(|it| it.is_on(context))
    }

    fn by_handle(&self, place: usize, context: &Context<'_>) -> bool {
        self.0.load().get(place).is_some_and(|it| it.is_on(context))
    }
}

fn decisions(group: &mut BenchmarkGroup<'_, WallTime>, count: usize) {
    let (flags, floor, units) = (flags(count, "exact"), Floor::new(count), units());
    let names: Vec<String> = (0..count).map(name).collect();
    let kinds: Vec<String> = (0..count).map(kind).collect();
    let context = |turn: usize, at: usize| Context {
        unit: units.get(turn % 256).map(|it| &**it),
        scenario_type: &kinds[at],
        confidence: Some(0.9),
        ..Context::default()
    };
    let handles: Vec<_> =
        names.iter().map(|it| flags.view().snapshot().flag(it).expect("its name")).collect();
    let on =
        (0..4_096).filter(|it| flags.decide(&names[it % count], &context(*it, it % count)).enabled);
    assert!((1_700..2_400).contains(&on.count()), "about half are on");
    let reason = flags.decide(&names[0], &context(0, 0)).reason;
    assert!(matches!(reason, Reason::Split | Reason::RolloutMiss), "{reason:?}");

    let mut turns = Turns::new(count);
    // What a caller looks at is not copied out of the loop once more, as a result would be.
    group.bench_function(format!("decide_name_{count}"), |b| {
        b.iter(|| {
            let (turn, at) = turns.take();
            let decision = black_box(&flags).decide(&names[at], &context(turn, at));
            black_box(&decision);
        });
    });
    group.bench_function(format!("decide_handle_{count}"), |b| {
        b.iter(|| {
            let (turn, at) = turns.take();
            let decision = black_box(&flags).view().decide_flag(handles[at], &context(turn, at));
            black_box(&decision);
        });
    });
    group.bench_function(format!("floor_name_{count}"), |b| {
        b.iter(|| {
            let (turn, at) = turns.take();
            black_box(&floor).by_name(&names[at], &context(turn, at))
        });
    });
    group.bench_function(format!("floor_handle_{count}"), |b| {
        b.iter(|| {
            let (turn, at) = turns.take();
            black_box(&floor).by_handle(at, &context(turn, at))
        });
    });
}

fn decide(c: &mut Criterion) {
    let mut group = c.benchmark_group("flags");
    decisions(&mut group, 100);
    decisions(&mut group, 10_000);
    group.finish();
}

fn route(c: &mut Criterion) {
    const COUNT: usize = 10_000;
    let units = units();
    let kinds: Vec<String> = (0..COUNT).map(kind).collect();
    let mut group = c.benchmark_group("flags");
    for matching in ["exact", "substring"] {
        let flags = flags(COUNT, matching);
        let (mut route, mut turns) = (Route::default(), Turns::new(COUNT));
        let mut ask = |route: &mut Route| {
            let (turn, at) = turns.take();
            let context = Context {
                unit: units.get(turn % 256).map(|it| &**it),
                scenario_type: &kinds[at],
                confidence: Some(0.9),
                ..Context::default()
            };
            black_box(&flags).view().route(&context, route);
        };
        ask(&mut route);
        assert_eq!(route.enabled.len() + route.rejected.len(), 3, "three flags name each kind");
        group.bench_function(format!("route_{matching}_{COUNT}"), |b| {
            b.iter(|| {
                ask(&mut route);
                route.primary()
            });
        });
    }
    group.finish();
}

/// From the text to a snapshot that can be put in force.
fn load(c: &mut Criterion) {
    const COUNT: usize = 10_000;
    let text = text(COUNT, "exact");
    let load = || {
        let (file, findings) = check(black_box(&text), Some(&FlagReferences::default()));
        let file = file.expect("a flag file");
        (Snapshot::compile(&file, None).expect("no errors"), findings)
    };
    let mut group = c.benchmark_group("flags");
    group.sample_size(20);
    group.bench_function(format!("load_{COUNT}"), |b| b.iter(load));
    // The peer: the same text as a tree of values, nothing checked or compiled.
    group.bench_function(format!("peer_json_{COUNT}"), |b| {
        b.iter(|| serde_json::from_str::<serde_json::Value>(black_box(&text)).expect("JSON"));
    });
    group.finish();
}

criterion_group!(benches, decide, route, load);
criterion_main!(benches);
