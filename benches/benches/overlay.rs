//! Overlay files: parse and check, digest, read from disk.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use overlay_loader::Installation;
use overlay_model::Overlay;
use overlay_schema::{Profile, Subject, check};

/// A valid overlay of sixty keys and about 2.4 kB.
fn sixty_keys() -> String {
    let mut text = String::from(
        "# Refunds that can be taken back\n\
         FUSION_OVERLAY_VERSION=2.1.0\nOVERLAY_NAME=sixty_keys\n\
         OVERLAY_DESCRIPTION=Refunds, reversals and releases; every step with its way back\n\
         OVERLAY_AUTHOR=RESONTINEX Fusion\nOVERLAY_CREATED=2026-01-01T00:00:00Z\n\
         OVERLAY_TARGET_SCENARIOS=refund_processing,payment_reversal,data_migration\n\
         OVERLAY_PINNED=TRUST_FLOOR,MAX_TOKENS\nENTROPY_REDUCTION_TARGET=0.35\n\
         CONTINUITY_ENFORCEMENT=enhanced_thread\nTRUST_SCORING_MODEL=contextual_alignment\n\
         PRIMARY_MODEL_SELECTION=multi_model_weighted\nFUSION_MODE=quality_first\n\
         VOTING_POWER_MAP=energy:2,entropy:2,trust:2,continuity:1,insight:1\n\
         ARBITRATION_TIMEOUT_MS=250\nREQUEST_DEADLINE_MS=30000\nSAMPLES=5\n\
         MODEL=gpt-4o-mini,gpt-4o\nTRUST_FLOOR=0.65\nENTROPY_FLOOR=0.25\nENERGY_FLOOR=0.08\n\
         MAX_ENERGY_UNITS=5000\nENERGY_BUDGET_PER_DAY=500000\nBASELINE_TOKEN_CAP_PCT=400\n\
         TEMPERATURE=0.25\nTOP_P=0.85\nPRESENCE_PENALTY=0.05\nFREQUENCY_PENALTY=0.30\n\
         MAX_TOKENS=900\nRESPONSE_FORMAT=text\nAPI_CIRCUIT_BREAKER=true\nADAPTIVE_CACHING=true\n\
         PERFORMANCE_MONITORING=enhanced\n",
    );
    for number in 1..=7 {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "REGIONAL-{number}_MAX_CONTEXT_TOKENS=128000\nREGIONAL-{number}_TEMPERATURE=0.{number}\n\
             REGIONAL-{number}_TOP_P=0.9{number}\nREGIONAL-{number}_MAX_TOKENS={number}00"
        );
    }
    text
}

fn overlay(c: &mut Criterion) {
    let text = sixty_keys();
    let subject = Subject::default();
    let checked = |text: &str| {
        let (overlay, syntax) = Overlay::parse(text);
        let checked = check(&overlay, syntax, Profile::Deploy, &subject);
        (overlay, checked)
    };
    let (parsed, verdict) = checked(&text);
    assert_eq!(parsed.len(), 60, "the text has sixty keys");
    assert!(verdict.is_deployable(), "{:#?}", verdict.diagnostics);

    let mut group = c.benchmark_group("overlay");
    group.bench_function("parse_check_60", |b| b.iter(|| checked(black_box(&text))));
    group.bench_function("parse_60", |b| b.iter(|| Overlay::parse(black_box(&text))));
    group.bench_function("digest_60", |b| b.iter(|| overlay_schema::digest(black_box(&parsed))));
    // The peer: split into a map of strings, nothing checked.
    group.bench_function("peer_hash_map_60", |b| {
        b.iter(|| {
            let pairs = black_box(&text).lines().filter_map(|it| it.split_once('='));
            pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect::<HashMap<_, _>>()
        });
    });
    group.finish();
}

/// The models and scenario types that [`sixty_keys`] names.
fn references() -> (String, String) {
    let regional = (1..=7).map(|number| format!("regional-{number}"));
    let models = ["gpt-4o-mini", "gpt-4o"].map(str::to_owned).into_iter().chain(regional);
    let mut providers = String::from(
        "schema = \"fusion/providers/1\"\n[[providers]]\nname = \"p\"\nendpoint = \"http://127.0.0.1:1/v1\"\n",
    );
    for model in models {
        // Writing to a string cannot fail.
        let _ = writeln!(
            providers,
            "[[models]]\nid = \"{model}\"\nprovider = \"p\"\nencoding = \"o200k_base\"\n\
             context_tokens = 128000\ninput_usd_per_mtok = 1.0\noutput_usd_per_mtok = 2.0"
        );
    }
    let types = ["refund_processing", "payment_reversal", "data_migration"];
    let scenario = |it: &&str| format!("  - {{id: {it}, type: {it}, prompt: Answer.}}\n");
    (providers, format!("scenarios:\n{}", types.iter().map(scenario).collect::<String>()))
}

/// An installation of ten thousand overlays of sixty keys.
fn installation(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a folder");
    fs::create_dir(dir.path().join("overlays")).expect("a folder");
    let text = sixty_keys();
    let (providers, scenarios) = references();
    fs::write(dir.path().join("providers.toml"), providers).expect("a file");
    fs::write(dir.path().join("scenarios.yaml"), scenarios).expect("a file");
    for number in 0..10_000 {
        let name = format!("overlay_{number:05}");
        let text = text.replace("OVERLAY_NAME=sixty_keys", &format!("OVERLAY_NAME={name}"));
        let path = dir.path().join(format!("overlays/fusion_overlay.{name}.txt"));
        fs::write(path, text).expect("a file");
    }
    let read = || Installation::read(black_box(dir.path())).expect("an installation");
    let installation = read();
    assert_eq!(installation.overlays().len(), 10_000);
    assert!(installation.overlays().values().all(|it| it.checked.is_deployable()));

    let mut group = c.benchmark_group("installation");
    group.sample_size(10);
    group.bench_function("read_check_10000", |b| {
        b.iter_batched(|| (), |()| read(), BatchSize::PerIteration);
    });
    // The floor: only read the files.
    group.bench_function("floor_read_10000", |b| {
        b.iter(|| {
            let entries = fs::read_dir(dir.path().join("overlays")).expect("a folder");
            entries
                .map(|it| fs::read(it.expect("an entry").path()).expect("a file").len())
                .sum::<usize>()
        });
    });
    group.finish();
}

criterion_group!(benches, overlay, installation);
criterion_main!(benches);
