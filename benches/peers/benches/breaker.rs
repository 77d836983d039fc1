//! A call through a closed breaker that works, and how many of 64 callers at once a
//! half-open breaker lets through.

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use failsafe::{CircuitBreaker as _, backoff, failure_policy};
use fusion_flags::{Breaker, BreakerPolicy};
use recloser::Recloser;
use tower::{Service as _, ServiceExt as _, service_fn};
use tower_resilience_circuitbreaker::CircuitBreakerLayer;

const CALLERS: u32 = 64;

fn closed(c: &mut Criterion) {
    let mut group = c.benchmark_group("peers_breaker");
    let ours = Breaker::new(BreakerPolicy::default(), 7);
    group.bench_function("fusion", |b| {
        b.iter(|| {
            let permit = black_box(&ours).acquire(black_box(1)).expect("it is closed");
            permit.success(1, Duration::ZERO);
        });
    });
    let recloser = Recloser::custom().closed_len(5).build();
    group.bench_function("recloser", |b| {
        b.iter(|| black_box(&recloser).call(|| Ok::<_, Infallible>(())).is_ok());
    });
    let constant = backoff::constant(Duration::from_secs(300));
    let policy = failure_policy::consecutive_failures(5, constant);
    let failsafe = failsafe::Config::new().failure_policy(policy).build();
    group.bench_function("failsafe", |b| {
        b.iter(|| black_box(&failsafe).call(|| Ok::<_, Infallible>(())).is_ok());
    });
    let layer = CircuitBreakerLayer::builder().sliding_window_size(20).build().expect("a layer");
    let mut service = layer.layer_fn(service_fn(|(): ()| async { Ok::<_, Infallible>(()) }));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    // Many calls in one entry of the runtime, whose own cost is not the breaker's.
    group.bench_function("tower_resilience", |b| {
        b.iter_custom(|count| {
            runtime.block_on(async {
                let started = std::time::Instant::now();
                for _ in 0..count {
                    let ready = service.ready().await.expect("it is closed");
                    let _ = black_box(ready.call(()).await);
                }
                started.elapsed()
            })
        });
    });
    group.finish();
}

/// How many of the callers get in, each of them before any other is through.
fn admitted(call: impl Fn(&dyn Fn()) + Sync) -> u32 {
    let (inside, start) = (AtomicU32::new(0), Barrier::new(CALLERS as usize));
    let through = || {
        inside.fetch_add(1, Ordering::SeqCst);
        // Long beside the start of all threads: nobody is through before all have asked.
        thread::sleep(Duration::from_millis(300));
    };
    thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                start.wait();
                call(&through);
            });
        }
    });
    inside.into_inner()
}

/// Prints how many get in; the time of a storm is no figure.
fn half_open(_: &mut Criterion) {
    let ours = Breaker::new(BreakerPolicy::default(), 7);
    (0..5).for_each(|_| ours.acquire(0).expect("it is closed").failure(0));
    let after = ours.retry_in_ms(0).expect("it is open") + 1;
    let fusion = admitted(|through| {
        if let Some(permit) = ours.acquire(after) {
            through();
            permit.success(after, Duration::ZERO);
        }
    });
    assert_eq!(fusion, 3, "a half-open breaker admits its three probes");

    let wait = Duration::from_millis(20);
    let theirs = Recloser::custom().closed_len(1).half_open_len(3).open_wait(wait).build();
    while !matches!(theirs.call(|| Err::<(), ()>(())), Err(recloser::Error::Rejected)) {}
    thread::sleep(2 * wait);
    let recloser = admitted(|through| {
        let _ = theirs.call(|| {
            through();
            Ok::<_, ()>(())
        });
    });
    let policy = failure_policy::consecutive_failures(3, backoff::constant(wait));
    let theirs = failsafe::Config::new().failure_policy(policy).build();
    while theirs.is_call_permitted() {
        let _ = theirs.call(|| Err::<(), ()>(()));
    }
    thread::sleep(2 * wait);
    let failsafe = admitted(|through| {
        let _ = theirs.call(|| {
            through();
            Ok::<_, ()>(())
        });
    });
    println!(
        "half-open, {CALLERS} callers at once: fusion admits {fusion}, recloser {recloser}, \
         failsafe {failsafe}"
    );
}

criterion_group!(benches, closed, half_open);
criterion_main!(benches);
