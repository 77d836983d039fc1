use std::time::Duration;

use overlay_deploy::{Window, observed};
use overlay_sqlite::{Arm, Performance, Sample};

fn sample(arm: Arm, result: &str, at_us: i64) -> Sample {
    Sample {
        deployment: "refunds".to_owned(),
        arm,
        result: result.to_owned(),
        duration_us: 200_000,
        tokens: Some(100),
        at_us,
    }
}

#[test]
fn rows_of_the_window_become_arms() {
    let dir = tempfile::tempdir().unwrap();
    let mut rows = Performance::open(&dir.path().join("perf.sqlite")).unwrap();
    let mut samples = vec![sample(Arm::Candidate, "error", 10)];
    samples.extend((0..30).map(|at| sample(Arm::Control, "success", 100 + at)));
    samples.extend((0..7).map(|at| sample(Arm::Candidate, "success", 100 + at)));
    samples.extend((0..3).map(|at| sample(Arm::Candidate, "timeout", 200 + at)));
    samples.push(Sample { deployment: "other".to_owned(), ..sample(Arm::Candidate, "error", 100) });
    rows.write(&[], &samples).unwrap();

    let window = Window {
        deployment: "refunds",
        since_us: 100,
        p95: Some(Duration::from_millis(100)),
        is_stable: false,
    };
    let seen = observed(&rows, &window).unwrap();
    assert_eq!((seen.control.samples, seen.control.errors), (30, 0));
    assert_eq!((seen.candidate.samples, seen.candidate.errors), (10, 3));
    assert_eq!((seen.candidate.slow, seen.candidate.tokens.count), (10, 10));

    // Once it is stable every answer is the candidate's.
    let seen = observed(&rows, &Window { is_stable: true, ..window }).unwrap();
    assert_eq!((seen.control.samples, seen.candidate.samples), (0, 40));
}
