use std::time::Duration;

use overlay_sqlite::{
    Arm, Operations, Performance, PerformanceRow, RETENTION_US, ResultCount, Sample, Span,
    SqliteError, Timing,
};
use proptest::prelude::*;
use rusqlite::Connection;

use crate::{Root, at};

pub(crate) fn row(duration_us: u64, at_us: i64) -> PerformanceRow {
    PerformanceRow {
        overlay_type: "refund".to_owned(),
        operation: "answer".to_owned(),
        duration_us,
        memory_usage_kb: Some(2_048),
        at_us,
        environment: "production".to_owned(),
    }
}

pub(crate) fn sample(arm: Arm, result: &str, duration_us: u64, n: u64) -> Sample {
    let (deployment, result) = ("d-1".to_owned(), result.to_owned());
    Sample { deployment, arm, result, duration_us, tokens: Some(10 * n), at_us: at(n) }
}

fn open(root: &Root) -> Performance {
    Performance::open(&root.path("db/perf.sqlite")).unwrap()
}

#[test]
fn latency_of_the_last_hour() {
    let root = Root::new(0);
    let mut performance = open(&root);
    let now = at(10_000);
    assert_eq!(performance.latency(None, Span::last_hour(now)).unwrap(), None);

    let hour = 3600 * 1_000_000;
    let mut rows: Vec<_> = (1..=20).map(|n| row(n * 1_000, now - 1)).collect();
    rows.extend([row(9_000_000, now - hour - 1), row(9_000_000, now)]);
    rows.push(PerformanceRow { environment: "staging".to_owned(), ..row(50_000, now - hour) });
    performance.write(&rows, &[]).unwrap();

    let all = performance.latency(None, Span::last_hour(now)).unwrap().unwrap();
    assert_eq!((all.count, all.p95_ms), (21, 20.0));
    let one = performance.latency(Some("production"), Span::last_hour(now)).unwrap().unwrap();
    assert_eq!((one.count, one.mean_ms, one.p95_ms), (20, 10.5, 19.0));
    assert_eq!(performance.latency(Some("test"), Span::ALL).unwrap(), None);
}

#[test]
fn timings_of_what_is_meant() {
    let root = Root::new(0);
    let mut performance = open(&root);
    let other = PerformanceRow { overlay_type: "audit".to_owned(), ..row(3, 30) };
    let load = PerformanceRow { operation: "load".to_owned(), ..row(4, 40) };
    performance.write(&[row(2, 20), row(1, 10), other, load, row(9, 100)], &[]).unwrap();
    let of = Operations { overlay: Some("refund"), operation: Some("answer"), environment: None };
    let found = performance.timings(of, Span { from_us: 10, before_us: 100 }).unwrap();
    let timing = |duration_us, at_us| Timing { at_us, duration_us };
    assert_eq!(found, [timing(1, 10), timing(2, 20)]);
    assert_eq!(performance.timings(Operations::default(), Span::ALL).unwrap().len(), 5);
    let nowhere = Operations { environment: Some("test"), ..Operations::default() };
    assert_eq!(performance.timings(nowhere, Span::ALL).unwrap(), []);
}

#[test]
fn milliseconds_follow_from_microseconds() {
    let root = Root::new(0);
    let mut performance = open(&root);
    performance.write(&[row(499, 0), row(500, 0), row(1_499, 0)], &[]).unwrap();
    let conn = Connection::open(root.path("db/perf.sqlite")).unwrap();
    let sql = "SELECT group_concat(duration_ms) FROM overlay_performance_metrics";
    let found: String = conn.query_one(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(found, "0,1,1");
}

#[test]
fn samples_by_arm() {
    let root = Root::new(0);
    let mut performance = open(&root);
    let mut samples = vec![
        sample(Arm::Control, "success", 300, 1),
        sample(Arm::Control, "success", 100, 2),
        sample(Arm::Control, "error", 200, 3),
        sample(Arm::Candidate, "success", 50, 4),
        Sample { tokens: None, ..sample(Arm::Candidate, "error", 70, 5) },
    ];
    samples.push(Sample { deployment: "d-2".to_owned(), ..samples[0].clone() });
    performance.write(&[], &samples).unwrap();

    let count = |arm, result: &str, count| ResultCount { arm, result: result.to_owned(), count };
    assert_eq!(
        performance.counts("d-1", Span::ALL).unwrap(),
        [
            count(Arm::Control, "error", 1),
            count(Arm::Control, "success", 2),
            count(Arm::Candidate, "error", 1),
            count(Arm::Candidate, "success", 1),
        ]
    );
    let stage = Span { from_us: at(3), before_us: at(5) };
    assert_eq!(
        performance.counts("d-1", stage).unwrap(),
        [count(Arm::Control, "error", 1), count(Arm::Candidate, "success", 1)]
    );
    let durations = |arm, span, limit| performance.durations("d-1", arm, span, limit).unwrap();
    assert_eq!(durations(Arm::Control, Span::ALL, 10), [100, 200, 300]);
    assert_eq!(durations(Arm::Control, Span::ALL, 2), [100, 200]);
    assert_eq!(durations(Arm::Candidate, stage, 10), [50]);
    assert_eq!(performance.tokens("d-1", Arm::Candidate, Span::ALL, 10).unwrap(), [40]);
    assert_eq!(performance.counts("d-9", Span::ALL).unwrap(), []);
}

#[test]
fn rows_older_than_90_days_go() {
    let root = Root::new(0);
    let mut performance = open(&root);
    let now = at(0);
    let before = now - RETENTION_US;
    let day = 24 * 3600 * 1_000_000;
    let kept = Sample { at_us: before, ..sample(Arm::Control, "success", 1, 0) };
    let old = Sample { at_us: before - 1, ..kept.clone() };
    performance.write(&[row(1, before - day), row(2, before), row(3, now)], &[kept, old]).unwrap();
    assert_eq!(performance.prune(before).unwrap(), 2);
    assert_eq!(performance.prune(before).unwrap(), 0);
    assert_eq!(performance.latency(None, Span::ALL).unwrap().unwrap().count, 2);
    assert_eq!(performance.durations("d-1", Arm::Control, Span::ALL, 9).unwrap(), [1]);
}

#[test]
fn eight_write_at_once() {
    let root = Root::new(0);
    let path = root.path("db/perf.sqlite");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut performance = Performance::open(&path).unwrap();
                for n in 0..25 {
                    let samples = [sample(Arm::Candidate, "success", n, n)];
                    performance.write(&[row(n, at(n)), row(n, at(n))], &samples).unwrap();
                }
            });
        }
    });
    let performance = open(&root);
    assert_eq!(performance.latency(None, Span::ALL).unwrap().unwrap().count, 400);
    assert_eq!(performance.counts("d-1", Span::ALL).unwrap()[0].count, 200);
}

#[test]
fn locked_file_is_said_and_nothing_written() {
    let root = Root::new(0);
    let mut performance = open(&root);
    performance.wait_at_most(Duration::ZERO).unwrap();
    let other = Connection::open(root.path("db/perf.sqlite")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let err = performance.write(&[row(1, 0)], &[]).unwrap_err();
    assert!(matches!(err, SqliteError::Busy { .. }), "{err}");
    other.execute_batch("ROLLBACK").unwrap();
    performance.write(&[row(1, 0)], &[]).unwrap();
    assert_eq!(performance.latency(None, Span::ALL).unwrap().unwrap().count, 1);
}

#[test]
fn damaged_file_is_said() {
    let root = Root::new(0);
    let path = root.path("db/perf.sqlite");
    std::fs::write(&path, "no database at all, only text").unwrap();
    let err = Performance::open(&path).err().unwrap();
    assert!(matches!(err, SqliteError::Corrupt { .. }), "{err}");
    let err = Performance::open(&root.path("none/perf.sqlite")).err().unwrap();
    assert!(matches!(err, SqliteError::Unreachable { .. }), "{err}");
}

#[test]
fn missing_table_is_an_error_and_no_panic() {
    let root = Root::new(0);
    let mut performance = open(&root);
    let conn = Connection::open(root.path("db/perf.sqlite")).unwrap();
    conn.execute_batch("DROP TABLE rollout_samples").unwrap();
    let err = performance.counts("d-1", Span::ALL).unwrap_err();
    assert!(err.to_string().contains("no such table: rollout_samples"), "{err}");
    assert!(performance.write(&[row(1, 0)], &[sample(Arm::Control, "x", 1, 1)]).is_err());
    assert_eq!(performance.latency(None, Span::ALL).unwrap(), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn percentile_is_the_nearest_rank(mut durations in prop::collection::vec(0u64..100_000, 1..60)) {
        let root = Root::new(0);
        let mut performance = open(&root);
        let rows: Vec<_> = durations.iter().map(|it| row(*it, 0)).collect();
        performance.write(&rows, &[]).unwrap();
        durations.sort_unstable();
        let found = performance.latency(None, Span::ALL).unwrap().unwrap();
        let expect = durations[(durations.len() * 95).div_ceil(100) - 1] as f64 / 1_000.0;
        prop_assert!((found.p95_ms - expect).abs() < 1e-9);
        let mean = durations.iter().sum::<u64>() as f64 / durations.len() as f64 / 1_000.0;
        prop_assert!((found.mean_ms - mean).abs() < 1e-9);
    }
}
