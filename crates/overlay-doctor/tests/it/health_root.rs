use std::sync::Arc;

use overlay_doctor::{Thresholds, Verdict, diagnose, health, vitals_of_root};
use overlay_loader::{Live, Options};
use overlay_sqlite::{DatabaseKind, Performance, PerformanceRow};
use overlay_store::StoreError;

use crate::site::{NOW_US, Site};

const MINUTE_US: i64 = 60 * 1_000_000;

fn row(duration_ms: u64, at_us: i64) -> PerformanceRow {
    PerformanceRow {
        overlay_type: "refund".into(),
        operation: "answer".into(),
        duration_us: duration_ms * 1_000,
        memory_usage_kb: None,
        at_us,
        environment: "production".into(),
    }
}

#[test]
fn response_times_are_those_of_the_last_hour() {
    let site = Site::new().deployed();
    let now = NOW_US + 120 * MINUTE_US;
    let vitals = || vitals_of_root(&site.root(), Some("production"), now).expect("a root");
    assert_eq!((vitals().latency, vitals().database), (None, Some(Ok(()))));
    assert_eq!(vitals().concerns, []);
    let mut rows =
        Performance::open(&site.root().join(DatabaseKind::Performance.path())).expect("rows");
    rows.write(&[row(90_000, now - 61 * MINUTE_US)], &[]).expect("written");
    assert_eq!(vitals().latency, None);
    rows.write(&[row(500, now - MINUTE_US), row(2500, now - MINUTE_US)], &[]).expect("written");
    let health = health(&vitals(), &Thresholds::default());
    assert_eq!(health.data.average_response_time_ms, Some(1500.0));
    assert_eq!(health.data.p95_response_time_ms, Some(2500.0));
    assert_eq!(health.status, Verdict::Degraded);
    let other = vitals_of_root(&site.root(), Some("staging"), now).expect("a root");
    assert_eq!(other.latency, None);
}

#[test]
fn instances_that_refuse_or_lag_are_concerns() {
    let site = Site::new().deployed();
    let digest = overlay_model::Digest::of(b"");
    let ack = |epoch: &str, refused: &str| {
        format!(r#"{{"epoch": {epoch}, "digest": "{digest}", "refused": {refused}, "at_ms": 1}}"#)
    };
    site.write("root/state/a/ack.json", &ack("1", "null"));
    site.write("root/state/b/ack.json", &ack("1", "\"TRUST_FLOOR\""));
    site.write("root/state/c/ack.json", &ack("0", "null"));
    site.write("root/state/d/ack.json", "nonsense");
    let vitals = vitals_of_root(&site.root(), None, NOW_US).expect("a root");
    let said: Vec<_> = vitals.concerns.iter().map(|it| it.what.as_str()).collect();
    assert_eq!(
        said[..2],
        ["instance b refuses what is deployed: TRUST_FLOOR", "instance c is behind, at epoch 0"]
    );
    assert!(said[2].starts_with("instance d cannot be read:"), "{said:?}");
    assert!(vitals.concerns.iter().all(|it| it.weight == Verdict::Degraded));
}

#[test]
fn a_database_that_is_damaged_degrades() {
    let site = Site::new().deployed();
    std::fs::write(site.root().join(DatabaseKind::Audit.path()), "no database at all")
        .expect("written");
    let vitals = vitals_of_root(&site.root(), None, NOW_US).expect("a root");
    assert!(vitals.database.is_some_and(|it| it.is_err()));
    let gone = vitals_of_root(&site.path("nowhere"), None, NOW_US);
    assert!(matches!(gone, Err(StoreError::NoRoot { .. })));
}

#[test]
fn a_request_goes_through_what_is_in_force() {
    let site = Site::new();
    let diagnosed = || {
        let clock = Arc::new(|| NOW_US / 1_000);
        let live = Live::start(Options::new(site.path("configs"), clock)).expect("a thread");
        diagnose(&live.snapshot(), NOW_US / 1_000)
    };
    assert_eq!(diagnosed(), Ok(()));
    // A cap that does not pay one token: the files are fine, and nothing can be sent.
    let overlay = std::fs::read_to_string(site.path("configs/overlays/fusion_overlay.refund.txt"));
    let text = overlay.expect("a file") + "MAX_ENERGY_UNITS=1\nENERGY_BUDGET_PER_DAY=1000\n";
    site.write("configs/overlays/fusion_overlay.refund.txt", &text);
    let providers = std::fs::read_to_string(site.path("configs/providers.toml")).expect("a file");
    let dear = providers.replace("= 0.5", "= 90000.0").replace("= 1.5", "= 90000.0");
    site.write("configs/providers.toml", &dear);
    let err = diagnosed().expect_err("nothing can be sent");
    assert!(err.contains("does not pay"), "{err}");
}

/// What speaks against a root, each with its weight.
#[track_caller]
fn concerns(site: &Site) -> Vec<(Verdict, String)> {
    let vitals = vitals_of_root(&site.root(), None, NOW_US).expect("a root");
    vitals.concerns.into_iter().map(|it| (it.weight, it.what)).collect()
}

#[test]
fn a_fall_of_the_token_budget_degrades() {
    let concerns = concerns(&Site::new().deployed().fallen());
    let [(Verdict::Degraded, why)] = concerns.as_slice() else { panic!("{concerns:?}") };
    assert!(why.contains("since 2026-09-21T14:00:00Z: `fusion budget check`"), "{why}");
}

#[test]
fn a_look_writes_nothing() {
    let site = Site::new().deployed();
    concerns(&site);
    assert_eq!(site.databases(), ["audit.sqlite", "perf.sqlite"]);
}
