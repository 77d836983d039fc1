//! A configuration in force: what a request pays to read it, and how soon a change is seen.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Cache};
use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use notify::event::ModifyKind;
use notify::{Event, EventKind, RecursiveMode, Watcher as _};
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
    let floor = ArcSwap::from_pointee(0_u64);
    group.bench_function("floor_arc_swap_load", |b| b.iter(|| **black_box(&floor).load()));
    let mut cache = Cache::new(&floor);
    group.bench_function("floor_arc_swap_cache", |b| b.iter(|| **black_box(&mut cache).load()));
    let mut reader = live.reader();
    group.bench_function("snapshot_read_cached", |b| {
        b.iter(|| black_box(&mut reader).snapshot().epoch());
    });
    group.finish();
}

/// How many changes give one percentile.
const CHANGES: usize = 100;

/// The time that so many percent of [`CHANGES`] take at most.
fn percentile(percent: usize, once: &mut impl FnMut() -> Duration) -> Duration {
    let mut times: Vec<_> = (0..CHANGES).map(|_| once()).collect();
    times.sort_unstable();
    times[percent * CHANGES / 100 - 1]
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
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    for percent in [50, 99] {
        group.bench_function(format!("reload_visible_p{percent}"), |b| {
            b.iter_custom(|count| (0..count).map(|_| percentile(percent, &mut once)).sum());
        });
    }
    assert!(slowest < Duration::from_secs(1), "the slowest change was seen after {slowest:?}");
    group.bench_function("floor_notify_p50", |b| {
        let mut once = floor_of_rename(dir.path());
        b.iter_custom(|count| (0..count).map(|_| percentile(50, &mut once)).sum());
    });
    group.finish();
}

/// The floor: from the rename to the event that tells of it, and no more.
fn floor_of_rename(root: &Path) -> impl FnMut() -> Duration {
    let watched = root.join("floor");
    fs::create_dir_all(&watched).expect("a folder");
    let (events, arrived) = mpsc::channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        let renamed = |it: &Event| matches!(it.kind, EventKind::Modify(ModifyKind::Name(_)));
        if event.as_ref().is_ok_and(renamed) {
            // Nobody listens any longer once the benchmark is over.
            let _ = events.send(());
        }
    })
    .expect("a watcher");
    watcher.watch(&watched, RecursiveMode::NonRecursive).expect("a watch");
    let (fresh, place) = (root.join("fresh"), watched.join("place"));
    move || {
        let _watcher = &watcher;
        while arrived.try_recv().is_ok() {}
        fs::write(&fresh, "new").expect("a file");
        let started = Instant::now();
        fs::rename(&fresh, &place).expect("a rename");
        arrived.recv_timeout(Duration::from_secs(10)).expect("an event");
        started.elapsed()
    }
}

criterion_group!(live, read, reload);
criterion_main!(live);
