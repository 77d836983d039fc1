//! Gates: the bootstrap they rest on, and a whole suite of real answers.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "the folder of real inputs comes from FUSION_DATA, and may be missing"
)]
use std::fs;
use std::hint::black_box;
use std::path::Path;

use benches::dice::Dice;
use criterion::{Criterion, criterion_group, criterion_main};
use fusion_golden::budget::{Base, Budgets, gate};
use fusion_golden::statistics::{Alpha, Bootstrap, Totals, ratio_of_totals};
use fusion_golden::{Suite, import};

/// 800 pairs of answers as long as real ones, one side a tenth longer.
fn bootstrap(c: &mut Criterion) {
    let mut dice = Dice(1);
    let mut tokens = |more: f64| (300.0 * (0.5 * dice.normal() + more).exp()).round();
    let pairs: Vec<_> =
        (0..800).map(|_| Totals { base: tokens(0.0), candidate: tokens(0.1) }).collect();
    let mut group = c.benchmark_group("gates");
    group.sample_size(20);
    group.bench_function("bootstrap_10000_of_800", |b| {
        b.iter(|| {
            let found = ratio_of_totals(black_box(&pairs), Bootstrap::default());
            found.map(|it| it.interval(Alpha::P05))
        });
    });
    group.finish();
}

/// A suite of real answers, whose overlay asks the larger model.
fn imported(text: &str, into: &Path) -> Suite {
    import::gsm8k(text, into).expect("an import");
    Suite::open(into).expect("the imported suite")
}

/// The imported suite against the same one with the overlay asking the smaller model: 659
/// scenarios with other requests and recordings on both sides.
fn suite(c: &mut Criterion) {
    let Ok(data) = std::env::var("FUSION_DATA") else {
        eprintln!("gates/suite_659: skipped: no data at FUSION_DATA");
        return;
    };
    let text = fs::read_to_string(Path::new(&data).join("eval/gsm8k_two_models.jsonl"))
        .expect("the answers");
    let dir = tempfile::tempdir().expect("a folder");
    let candidate = imported(&text, &dir.path().join("candidate"));
    imported(&text, &dir.path().join("base"));
    let overlay = dir.path().join("base/configs/overlays/fusion_overlay.larger_model.txt");
    let larger = fs::read_to_string(&overlay).expect("the overlay");
    fs::write(&overlay, larger.replace("gpt-4-1106-preview", "mixtral-8x7b")).expect("a file");
    let base = Suite::open(&dir.path().join("base")).expect("the base");
    let run = || {
        let base = Base::Suite { name: "base".to_owned(), suite: base.clone() };
        gate(black_box(&candidate), "candidate", vec![base], &[], &Budgets::default(), 0)
    };
    let report = run().expect("a report");
    assert!(report.candidate.scenarios >= 659, "the whole suite");
    let tokens = report.checks.iter().map(|it| it.gate.n).max();
    assert!(tokens >= Some(600), "both sides are recorded: {tokens:?}");

    let mut group = c.benchmark_group("gates");
    group.sample_size(10);
    group.bench_function("suite_659", |b| b.iter(|| run().expect("a report")));
    group.finish();
}

criterion_group!(benches, bootstrap, suite);
criterion_main!(benches);
