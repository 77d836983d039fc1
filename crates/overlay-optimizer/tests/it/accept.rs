//! Which candidates may replace an overlay.

use overlay_optimizer::{AcceptVerdict, Acceptance, Aim, HeldOut, accept};

/// Scenarios with the gains of their repeats, on a score of 0.5.
fn held_out(gains: &[&[f64]]) -> Vec<HeldOut> {
    let scenario = |(at, gains): (usize, &&[f64])| HeldOut {
        scenario: format!("s{at}"),
        weight: 1.0,
        whole: 1.0,
        pairs: gains.iter().map(|it| (0.5, 0.5 + it)).collect(),
    };
    gains.iter().enumerate().map(scenario).collect()
}

#[track_caller]
fn check(gains: &[&[f64]], verdict: AcceptVerdict, because: &str) -> Acceptance {
    let found = accept(&held_out(gains), Aim::Most, 1, 1).unwrap();
    assert_eq!((found.verdict, found.because.as_str()), (verdict, because));
    assert_eq!(accept(&held_out(gains), Aim::Most, 1, 1), Ok(found.clone()));
    found
}

#[test]
fn a_sure_gain_is_accepted() {
    let gains: [&[f64]; 4] = [&[0.2, 0.22, 0.19], &[0.18, 0.2], &[0.22, 0.17], &[0.2; 3]];
    let found =
        check(&gains, AcceptVerdict::Accepted, "a gain of at least 0.05 has the probability 0.962");
    assert!(found.interval.0 > 0.15 && found.interval.0 < found.gain && found.gain < 0.22);
    assert_eq!((found.probability, found.needed), (1.0, None));
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
        AcceptVerdict::Insufficient,
        "4 scenarios are not enough to be sure: a gain of at least 0.05 has the probability \
         0.935; 5 like these are",
    );
}

#[test]
fn few_scenarios_have_to_gain_much() {
    let because = "3 scenarios are not enough to be sure: a gain of at least 0.05 has the \
                   probability 0.724; 7 like these are";
    let found = check(&[&[0.1; 9][..]; 3], AcceptVerdict::Insufficient, because);
    assert_eq!((found.probability, found.needed), (1.0, Some(7)));
    let verdict = |scenarios: usize, gain: f64| {
        let gains = vec![gain; scenarios];
        let gains: Vec<_> = gains.iter().map(std::slice::from_ref).collect();
        accept(&held_out(&gains), Aim::Most, 1, 1).unwrap().verdict
    };
    for (scenarios, gain) in [(3, 0.42), (4, 0.17), (6, 0.11), (30, 0.06)] {
        assert_eq!(verdict(scenarios, gain), AcceptVerdict::Accepted, "{gain} on {scenarios}");
    }
    for (scenarios, gain) in [(3, 0.41), (4, 0.16), (6, 0.10), (30, 0.055)] {
        assert_eq!(verdict(scenarios, gain), AcceptVerdict::Insufficient, "{gain} on {scenarios}");
    }
}

#[test]
fn one_of_several_objectives_has_to_gain_more_surely() {
    let of = |objectives| {
        let found = accept(&held_out(&[&[0.5][..]; 3]), Aim::Most, objectives, 1).unwrap();
        (found.verdict, found.needed)
    };
    assert_eq!(of(1), (AcceptVerdict::Accepted, None));
    assert_eq!(of(2), (AcceptVerdict::Insufficient, Some(4)));
}

/// Gains of 0.05 in truth, as a user's noisy evaluator shows them.
#[test]
fn what_gains_just_too_little_is_rarely_accepted() {
    let mut state = 1_u64;
    let mut even = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    for scenarios in [3, 4, 6] {
        let mut accepted = 0;
        for _ in 0..60 {
            let gains: Vec<f64> = (0..scenarios).map(|_| 0.03 + 0.04 * even()).collect();
            let gains: Vec<_> = gains.iter().map(std::slice::from_ref).collect();
            let found = accept(&held_out(&gains), Aim::Most, 1, 1).unwrap();
            accepted += usize::from(found.verdict == AcceptVerdict::Accepted);
        }
        assert!(accepted * 20 <= 60, "{accepted} of 60 on {scenarios} scenarios");
    }
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
            whole: 1100.0,
            pairs: vec![(1000.0, 500.0), (1200.0, 700.0)],
        })
        .collect();
    let found = accept(&times, Aim::Least, 1, 1).unwrap();
    assert_eq!(found.verdict, AcceptVerdict::Accepted);
    assert!((found.gain - 500.0 / 1100.0).abs() < 1e-12);
    let found = accept(&times, Aim::Most, 1, 1).unwrap();
    assert_eq!(found.losers.len(), 3);
}

#[test]
fn values_that_cannot_be_compared() {
    let with = |pair, weight, whole| {
        let mut it = held_out(&[&[0.1], &[0.1], &[0.1]]);
        it[1].pairs[0] = pair;
        it[1].weight = weight;
        it[1].whole = whole;
        accept(&it, Aim::Most, 1, 1).unwrap_err().to_string()
    };
    let message = "a value of scenario `s1` is not a finite number, or too large to reckon with";
    assert_eq!(with((f64::NAN, 0.0), 1.0, 1.0), message);
    assert_eq!(with((0.1, f64::INFINITY), 1.0, 1.0), message);
    assert_eq!(with((0.1, 1e308), 1.0, 1.0), message);
    assert_eq!(with((0.1, 0.2), 1.0, 1e-300), message);
    assert_eq!(with((0.1, 0.1), 0.0, 1.0), "the weight of scenario `s1` must be more than 0");
    assert!(with((0.0, 0.1), 1.0, 0.0).starts_with("scenario `s1` is 0 with the overlay as it"));
}
