//! Which candidates may replace an overlay.

use overlay_optimizer::{AcceptVerdict, Acceptance, Aim, GainUnit, HeldOut, accept};

/// Scenarios with the gains of their repeats, on a score of 0.5.
fn held_out(gains: &[&[f64]]) -> Vec<HeldOut> {
    let scenario = |(at, gains): (usize, &&[f64])| HeldOut {
        scenario: format!("s{at}"),
        weight: 1.0,
        pairs: gains.iter().map(|it| (0.5, 0.5 + it)).collect(),
    };
    gains.iter().enumerate().map(scenario).collect()
}

#[track_caller]
fn check(gains: &[&[f64]], verdict: AcceptVerdict, because: &str) -> Acceptance {
    let found = accept(&held_out(gains), Aim::Most, GainUnit::Points, 1).unwrap();
    assert_eq!((found.verdict, found.because.as_str()), (verdict, because));
    assert_eq!(accept(&held_out(gains), Aim::Most, GainUnit::Points, 1), Ok(found.clone()));
    found
}

#[test]
fn a_sure_gain_is_accepted() {
    let found = check(
        &[&[0.1, 0.12, 0.09], &[0.08, 0.1, 0.11], &[0.12, 0.07, 0.1], &[0.1, 0.1, 0.1]],
        AcceptVerdict::Accepted,
        "a gain of at least 0.05 has the probability 1.000",
    );
    assert!(found.interval.0 > 0.05 && found.interval.0 < found.gain && found.gain < 0.12);
}

#[test]
fn an_unsure_gain_is_not() {
    check(
        &[&[0.3, -0.2, 0.2], &[0.0, 0.1, -0.1], &[0.1, 0.05, 0.0]],
        AcceptVerdict::Rejected,
        "a gain of at least 0.05 has the probability 0.461, less than 0.95",
    );
    check(
        &[&[0.04; 9], &[0.04; 9], &[0.04; 9]],
        AcceptVerdict::Rejected,
        "a gain of at least 0.05 has the probability 0.000, less than 0.95",
    );
}

#[test]
fn a_scenario_that_loses_is_a_veto() {
    let found = check(
        &[&[0.5], &[0.5], &[0.5], &[-0.021]],
        AcceptVerdict::Rejected,
        "scenario `s3` loses 0.021, more than 0.02",
    );
    assert_eq!(found.losers.len(), 1);
    check(
        &[&[0.5], &[0.5], &[0.5], &[-0.019]],
        AcceptVerdict::Accepted,
        "a gain of at least 0.05 has the probability 0.997",
    );
}

#[test]
fn too_little_is_insufficient_never_accepted() {
    let because = "2 scenarios were evaluated, 3 are needed";
    check(&[&[0.5], &[0.5]], AcceptVerdict::Insufficient, because);
    check(&[&[0.5], &[0.5], &[]], AcceptVerdict::Insufficient, because);
    let because = "0 scenarios were evaluated, 3 are needed";
    check(&[], AcceptVerdict::Insufficient, because);
}

#[test]
fn times_are_compared_in_shares() {
    let times: Vec<_> = ["a", "b", "c"]
        .iter()
        .map(|id| HeldOut {
            scenario: (*id).to_owned(),
            weight: 2.0,
            pairs: vec![(1000.0, 900.0), (1200.0, 1100.0)],
        })
        .collect();
    let found = accept(&times, Aim::Least, GainUnit::Shares, 1).unwrap();
    assert_eq!(found.verdict, AcceptVerdict::Accepted);
    assert!((found.gain - 100.0 / 1100.0).abs() < 1e-12);
    let found = accept(&times, Aim::Most, GainUnit::Shares, 1).unwrap();
    assert_eq!(found.losers.len(), 3);
}

#[test]
fn values_that_cannot_be_compared() {
    let with = |pair, weight| {
        let mut it = held_out(&[&[0.1], &[0.1], &[0.1]]);
        it[1].pairs[0] = pair;
        it[1].weight = weight;
        accept(&it, Aim::Most, GainUnit::Shares, 1).unwrap_err().to_string()
    };
    assert_eq!(with((f64::NAN, 0.0), 1.0), "a value of scenario `s1` is not a finite number");
    assert_eq!(with((0.1, f64::INFINITY), 1.0), "a value of scenario `s1` is not a finite number");
    assert_eq!(with((0.1, 0.1), 0.0), "the weight of scenario `s1` must be more than 0");
    assert!(with((0.0, 0.1), 1.0).starts_with("scenario `s1` is 0 with the overlay as it is"));
}
