//! Golden suites: replay with rules alone, and with tokens.

#![expect(clippy::disallowed_methods, reason = "the folder of real inputs comes from FUSION_DATA")]
use std::fs;
use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fusion_golden::{Suite, ValidateOptions, import, validate};

fn replay(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a folder");
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../goldens");
    let (suite, name) = match std::env::var("FUSION_DATA") {
        Ok(data) => {
            let text = fs::read_to_string(Path::new(&data).join("eval/gsm8k_two_models.jsonl"))
                .expect("the answers");
            import::gsm8k(&text, dir.path()).expect("an import");
            (Suite::open(dir.path()).expect("the imported suite"), "gsm8k")
        }
        Err(_) => (Suite::open(&shipped).expect("the shipped suite"), "shipped"),
    };
    let options = |tokens| ValidateOptions { tokens, ..ValidateOptions::default() };
    let run = |tokens| validate(black_box(&suite), &options(tokens)).expect("a report");
    let report = run(true);
    let scenarios = report.counts.total as u64;

    let mut group = c.benchmark_group(format!("golden_{name}"));
    group.throughput(Throughput::Elements(scenarios));
    group.sample_size(20);
    group.bench_function("replay_rules", |b| b.iter(|| run(false)));
    group.bench_function("replay_tokens", |b| b.iter(|| run(true)));
    group.finish();
}

criterion_group!(benches, replay);
criterion_main!(benches);
