//! The breaker under every order of its threads' steps. `.ci/run` runs it:
//! `RUSTFLAGS="--cfg loom" cargo test -p fusion-flags --test loom --target-dir target/loom`.

#![cfg(loom)]

use std::time::Duration;

use fusion_flags::{Breaker, BreakerPolicy, BreakerState};
use loom::sync::Arc;
use loom::thread;

const QUICK: Duration = Duration::from_millis(1);

fn policy() -> BreakerPolicy {
    BreakerPolicy {
        failure_threshold: 1,
        recovery: Duration::from_secs(10),
        max_probes: 1,
        need: 1,
        ..BreakerPolicy::default()
    }
}

/// Runs `model` over every order, with at most three forced switches between threads.
fn check(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

fn opened() -> Arc<Breaker> {
    let breaker = Arc::new(Breaker::new(policy(), 0));
    breaker.acquire(0).unwrap().failure(0);
    breaker
}

#[test]
fn one_probe_is_admitted() {
    check(|| {
        let breaker = opened();
        let ask = |breaker: Arc<Breaker>| {
            thread::spawn(move || {
                let permit = breaker.acquire(10_000);
                let admitted = permit.is_some();
                std::mem::forget(permit);
                admitted
            })
        };
        let threads = [ask(Arc::clone(&breaker)), ask(Arc::clone(&breaker))];
        let here = breaker.acquire(10_000);
        let mut admitted = usize::from(here.is_some());
        std::mem::forget(here);
        for thread in threads {
            admitted += usize::from(thread.join().unwrap());
        }
        assert_eq!(admitted, 1);
    });
}

#[test]
fn one_probe_is_admitted_even_where_it_answers() {
    check(|| {
        let breaker = opened();
        let ask = |breaker: Arc<Breaker>| {
            thread::spawn(move || {
                let Some(permit) = breaker.acquire(10_000) else { return 0 };
                let probe = usize::from(permit.is_probe());
                permit.success(10_000, QUICK);
                probe
            })
        };
        let thread = ask(Arc::clone(&breaker));
        let other = ask(Arc::clone(&breaker));
        assert_eq!(thread.join().unwrap() + other.join().unwrap(), 1);
        assert_eq!(breaker.state(10_000), BreakerState::Closed);
    });
}

#[test]
fn two_failures_open_it_once() {
    check(|| {
        let breaker = Arc::new(Breaker::new(policy(), 0));
        let fail = |breaker: Arc<Breaker>, now_ms: i64| {
            thread::spawn(move || {
                if let Some(permit) = breaker.acquire(now_ms) {
                    permit.failure(now_ms);
                }
            })
        };
        let threads = [fail(Arc::clone(&breaker), 100), fail(Arc::clone(&breaker), 0)];
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(breaker.state(9_999), BreakerState::Open, "never an old end with a new state");
        assert!(breaker.retry_in_ms(100).is_some_and(|it| it <= 10_000), "not opened twice");
        assert_eq!(breaker.state(10_100), BreakerState::HalfOpen);
    });
}

#[test]
fn a_late_failure_does_not_open_a_closed_breaker() {
    check(|| {
        let breaker = Arc::new(Breaker::new(policy(), 0));
        let late = breaker.acquire(0).unwrap();
        breaker.acquire(0).unwrap().failure(0);
        let probing = Arc::clone(&breaker);
        let thread = thread::spawn(move || {
            if let Some(permit) = probing.acquire(10_000) {
                permit.success(10_000, QUICK);
            }
        });
        late.failure(10_000);
        thread.join().unwrap();
        assert_eq!(breaker.state(10_000), BreakerState::Closed);
    });
}

#[test]
fn isolation_is_not_lost() {
    check(|| {
        let breaker = opened();
        let probing = Arc::clone(&breaker);
        let thread = thread::spawn(move || {
            if let Some(permit) = probing.acquire(10_000) {
                permit.success(10_000, QUICK);
            }
        });
        breaker.isolate();
        thread.join().unwrap();
        assert_eq!(breaker.state(i64::MAX), BreakerState::Isolated);
    });
}
