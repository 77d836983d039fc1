//! A configuration in force: what a request pays to read it, and how soon a change is seen.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use overlay_loader::{HealthStatus, Live, Options};

const OVERLAY: &str = "overlays/fusion_overlay.baseline.txt";

/// A valid overlay whose answers have at most `tokens` tokens.
fn overlay(tokens: u64) -> String {
    format!(
        "FUSION_OVERLAY_VERSION=2.1.0\nOVERLAY_NAME=baseline\nFUSION_MODE=baseline_only\n\
         ENTROPY_REDUCTION_TARGET=0.3\nCONTINUITY_ENFORCEMENT=basic_thread\n\
         TRUST_SCORING_MODEL=simple_alignment\nTRUST_FLOOR=0.5\nMAX_TOKENS={tokens}\n"
    )
}

fn start(root: &Path) -> Live {
    fs::create_dir(root.join("overlays")).expect("a folder");
    fs::write(root.join(OVERLAY), overlay(1)).expect("a file");
    let live = Live::start(Options::new(root, Arc::new(|| 0))).expect("a thread");
    assert_eq!(live.health().status, HealthStatus::Healthy, "{:?}", live.status());
    live
}

fn read(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a folder");
    let live = start(dir.path());
    let mut group = c.benchmark_group("live");
    group.bench_function("snapshot_read", |b| b.iter(|| black_box(&live).snapshot().epoch()));
    let mut reader = live.reader();
    group.bench_function("snapshot_read_cached", |b| {
        b.iter(|| black_box(&mut reader).snapshot().epoch());
    });
    group.finish();
}

/// From the moment before the rename to the moment a subscriber has the new epoch.
fn reload(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a folder");
    let live = start(dir.path());
    let epochs = live.subscribe();
    let (fresh, place) = (dir.path().join("overlays/.fresh"), dir.path().join(OVERLAY));
    let (mut tokens, mut slowest) = (1, Duration::ZERO);
    let mut once = || {
        tokens += 1;
        fs::write(&fresh, overlay(tokens)).expect("a file");
        let started = Instant::now();
        fs::rename(&fresh, &place).expect("a rename");
        epochs.recv_timeout(Duration::from_secs(10)).expect("an epoch");
        let took = started.elapsed();
        slowest = slowest.max(took);
        took
    };
    let mut group = c.benchmark_group("live");
    group.sample_size(50).bench_function("reload_rename_visible", |b| {
        b.iter_custom(|count| (0..count).map(|_| once()).sum());
    });
    group.finish();
    assert!(slowest < Duration::from_secs(1), "the slowest change was seen after {slowest:?}");
}

criterion_group!(live, read, reload);
criterion_main!(live);
