use std::time::Duration;

use expect_test::{Expect, expect};
use overlay_doctor::{
    Answer, Concern, HealthStatus, PoolUse, Thresholds, Verdict, Vitals, answer_within, health,
    resident_bytes,
};
use overlay_sqlite::Latency;

const MB: u64 = 1 << 20;

/// A service that nothing is wrong with.
fn well() -> Vitals {
    Vitals {
        answer: Some(Answer::Within(Duration::from_millis(3))),
        pool: Some(PoolUse { active: 90, total: 100 }),
        database: Some(Ok(())),
        memory_bytes: Some(512 * MB),
        latency: Some(Latency { count: 9, mean_ms: 1000.0, p95_ms: 1000.0 }),
        concerns: Vec::new(),
    }
}

#[track_caller]
fn check(vitals: &Vitals, status: Verdict, message: &str) {
    let health = health(vitals, &Thresholds::default());
    assert_eq!((health.status, health.message.as_str()), (status, message));
}

#[test]
fn at_the_thresholds_it_is_healthy_and_beyond_each_it_is_not() {
    check(&well(), Verdict::Healthy, "the overlay system is healthy");
    let pool = Some(PoolUse { active: 91, total: 100 });
    check(
        &Vitals { pool, ..well() },
        Verdict::Degraded,
        "the overlay system is degraded: pool usage high: 91 %",
    );
    check(
        &Vitals { memory_bytes: Some(512 * MB + MB / 2), ..well() },
        Verdict::Degraded,
        "the overlay system is degraded: memory usage high: 512.5 MB",
    );
    let latency = |mean_ms, p95_ms| Some(Latency { count: 9, mean_ms, p95_ms });
    check(
        &Vitals { latency: latency(1000.5, 900.0), ..well() },
        Verdict::Degraded,
        "the overlay system is degraded: response times of the last hour high: mean 1000.5 ms",
    );
    check(
        &Vitals { latency: latency(10.0, 1001.0), ..well() },
        Verdict::Degraded,
        "the overlay system is degraded: response times of the last hour high: p95 1001 ms",
    );
    check(
        &Vitals { database: Some(Err("db/perf.sqlite: locked".into())), ..well() },
        Verdict::Degraded,
        "the overlay system is degraded: db/perf.sqlite: locked",
    );
}

#[test]
fn who_does_not_answer_is_unhealthy() {
    check(
        &Vitals { answer: Some(Answer::Late), ..well() },
        Verdict::Unhealthy,
        "the overlay system is unhealthy: overlay service is not responding within 5 s",
    );
    check(
        &Vitals { answer: Some(Answer::Within(Duration::from_millis(5001))), ..well() },
        Verdict::Unhealthy,
        "the overlay system is unhealthy: overlay service is not responding within 5 s",
    );
    check(
        &Vitals {
            answer: Some(Answer::Failed("no model".into())),
            memory_bytes: Some(600 * MB),
            ..well()
        },
        Verdict::Unhealthy,
        "the overlay system is unhealthy: overlay service is not responding: no model; memory \
         usage high: 600 MB",
    );
}

#[test]
fn what_is_unknown_is_shown_and_never_passes() {
    let nothing = health(&Vitals::default(), &Thresholds::default());
    assert_eq!(nothing.status, Verdict::Degraded);
    assert_eq!(nothing.unknown, ["service", "pool", "latency", "database", "memory"]);
    assert!(nothing.checks.iter().all(|it| it.status == HealthStatus::Unknown), "{nothing:#?}");
    check(
        &Vitals { latency: None, database: None, ..well() },
        Verdict::Healthy,
        "the overlay system is healthy as far as is known; unknown: latency, database",
    );
    check(
        &Vitals { answer: None, ..well() },
        Verdict::Degraded,
        "the overlay system is degraded: the service was not asked",
    );
}

#[test]
fn a_pool_without_room_divides_by_nothing() {
    let percent = |active, total| PoolUse { active, total }.percent();
    assert_eq!([percent(0, 0), percent(1, 0), percent(1, 4)], [0.0, 100.0, 25.0]);
    check(
        &Vitals { pool: Some(PoolUse { active: 0, total: 0 }), ..well() },
        Verdict::Healthy,
        "the overlay system is healthy",
    );
}

#[test]
fn concerns_count_by_their_weight() {
    let concerns = vec![Concern::degraded("a rollout waits"), Concern::unhealthy("tampered with")];
    check(
        &Vitals { concerns, ..well() },
        Verdict::Unhealthy,
        "the overlay system is unhealthy: tampered with; a rollout waits",
    );
}

#[track_caller]
fn check_json(vitals: &Vitals, expect: Expect) {
    let health = health(vitals, &Thresholds::default());
    expect.assert_eq(&(serde_json::to_string_pretty(&health).expect("JSON") + "\n"));
}

#[test]
fn the_json_has_the_keys_and_checks_of_old() {
    check_json(
        &Vitals { latency: None, ..well() },
        expect![[r#"
            {
              "status": "healthy",
              "message": "the overlay system is healthy as far as is known; unknown: latency",
              "checks": [
                {
                  "name": "overlay-system",
                  "status": "pass",
                  "message": "answered in 3 ms; 90 of 100 in use; response times unknown"
                },
                {
                  "name": "database",
                  "status": "pass",
                  "message": "reachable"
                },
                {
                  "name": "memory",
                  "status": "pass",
                  "message": "512 MB"
                }
              ],
              "unknown": [
                "latency"
              ],
              "data": {
                "overlayServiceHealthy": true,
                "poolHealth": {
                  "total": 100,
                  "active": 90,
                  "available": 10,
                  "usagePercent": 90.0
                },
                "databaseHealthy": true,
                "memoryUsageMB": 512.0,
                "averageResponseTimeMs": null,
                "p95ResponseTimeMs": null
              }
            }
        "#]],
    );
}

#[test]
fn work_that_hangs_is_late_and_work_that_panics_fails() {
    let (_open, never) = std::sync::mpsc::channel::<()>();
    let hanging = move || never.recv().map_err(|err| err.to_string());
    assert_eq!(answer_within(Duration::from_millis(20), hanging), Answer::Late);
    let limit = Duration::from_secs(600);
    assert!(matches!(answer_within(limit, || Ok(())), Answer::Within(it) if it < limit));
    let failed = answer_within(limit, || Err("no model".to_owned()));
    assert_eq!(failed, Answer::Failed("no model".to_owned()));
}

#[test]
fn this_process_has_memory() {
    let bytes = resident_bytes().expect("Linux says it");
    assert!((MB / 2..64 << 30).contains(&bytes), "{bytes}");
}
