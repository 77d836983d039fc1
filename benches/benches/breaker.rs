//! Circuit breakers: what a call pays while all is well, and while a half-open breaker is
//! stormed.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use fusion_flags::{Breaker, BreakerPolicy, WindowPolicy};

/// A breaker that waits for its probes, and the moment it does.
fn half_open() -> (Breaker, i64) {
    let breaker = Breaker::new(BreakerPolicy::default(), 7);
    for _ in 0..5 {
        breaker.acquire(0).expect("it is closed").failure(0);
    }
    let after = breaker.retry_in_ms(0).expect("it is open") + 1;
    (breaker, after)
}

fn breaker(c: &mut Criterion) {
    let mut group = c.benchmark_group("breaker");
    let call = |breaker: &Breaker, now: i64| {
        let permit = black_box(breaker).acquire(black_box(now)).expect("it is closed");
        permit.success(now, Duration::from_millis(1));
    };
    let breaker = Breaker::new(BreakerPolicy::default(), 7);
    group.bench_function("closed", |b| b.iter(|| call(&breaker, 1)));
    let window = WindowPolicy {
        length: Duration::from_secs(60),
        failure_rate: 0.5,
        min_calls: 20,
        slow: Duration::from_secs(5),
        slow_rate: 0.5,
    };
    let policy = BreakerPolicy { window: Some(window), ..BreakerPolicy::default() };
    let breaker = Breaker::new(policy, 7);
    group.bench_function("closed_window", |b| b.iter(|| call(&breaker, 1)));
    // The floor: a state that is read before the call and after it.
    let state = AtomicU64::new(0);
    group.bench_function("floor_two_loads", |b| {
        b.iter(|| {
            let before = black_box(&state).load(Ordering::Acquire);
            before == black_box(&state).load(Ordering::Acquire)
        });
    });
    group.bench_function("half_open_64", |b| {
        b.iter_batched_ref(
            half_open,
            |(breaker, now)| {
                let permits: Vec<_> = (0..64).filter_map(|_| breaker.acquire(*now)).collect();
                assert_eq!(permits.len(), 3);
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, breaker);
criterion_main!(benches);
