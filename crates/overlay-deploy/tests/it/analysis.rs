use std::time::Duration;

use overlay_deploy::{
    Arm, Judgement, Limits, Moments, Observed, Rule, Sample, Span, Verdict, judge, lower_bound,
    upper_bound,
};
use proptest::prelude::*;

use crate::simulation::{HARMLESS, SIXFOLD, UNEVEN, run};

/// An arm with these samples and errors, each answer 100 ms and 200 tokens.
fn arm(samples: u64, errors: u64) -> Arm {
    let sample = |at| Sample {
        is_error: at < errors,
        duration: Some(Duration::from_millis(100 + at % 7)),
        tokens: Some(200 + at % 5),
    };
    Arm::of((0..samples).map(sample), Some(Duration::from_millis(500)))
}

fn judged(rule: Rule, candidate: Arm, control: Arm) -> Judgement {
    let limits = Limits { p95: Some(Span(Duration::from_millis(500))), ..Limits::default() };
    judge(rule, &Observed { candidate, control, nacks: Vec::new() }, &limits)
}

#[track_caller]
fn check(rule: Rule, candidate: Arm, control: Arm, expect: Verdict, reason: &str) {
    let judgement = judged(rule, candidate, control);
    assert_eq!(judgement.verdict, expect, "{:?}", judgement.reasons);
    let reasons = judgement.reasons.join("\n");
    assert!(reasons.contains(reason), "{reasons}");
}

#[test]
fn enough_samples_without_harm_pass() {
    check(Rule::Concurrent, arm(300, 6), arm(300, 6), Verdict::Pass, "");
    check(Rule::HardLimits, arm(300, 6), arm(300, 6), Verdict::Pass, "");
}

#[test]
fn missing_data_never_passes() {
    let none = Arm::default();
    let few = "0 of 300 samples";
    check(Rule::Concurrent, none.clone(), none.clone(), Verdict::Inconclusive, few);
    check(Rule::HardLimits, none.clone(), none.clone(), Verdict::Inconclusive, few);
    check(Rule::Concurrent, arm(5000, 0), none.clone(), Verdict::Inconclusive, few);
    check(Rule::HardLimits, arm(5000, 0), none, Verdict::Inconclusive, few);
    check(Rule::Concurrent, arm(299, 0), arm(300, 0), Verdict::Inconclusive, "299 of 300");
}

#[test]
fn a_metric_of_one_arm_alone_never_passes() {
    let silent = Arm { tokens: Moments::default(), ..arm(400, 8) };
    let expect = "tokens: 0 of the candidate against 400 of the control";
    check(Rule::Concurrent, silent, arm(400, 8), Verdict::Inconclusive, expect);
    let untimed = Arm { durations: Moments::default(), ..arm(400, 8) };
    check(Rule::HardLimits, untimed, arm(400, 8), Verdict::Inconclusive, "latency: 0 of 300");
}

#[test]
fn hard_limits_need_no_full_stage() {
    let refused = Observed { nacks: vec!["gateway-1: no".to_owned()], ..Observed::default() };
    let judgement = judge(Rule::HardLimits, &refused, &Limits::default());
    assert_eq!(judgement.verdict, Verdict::Fail);

    let expect = "of the candidate's answers, above 5 times the control's";
    check(Rule::HardLimits, arm(50, 40), arm(500, 5), Verdict::Fail, expect);
    let slow = Arm { slow: 40, ..arm(100, 0) };
    check(Rule::HardLimits, slow, arm(500, 0), Verdict::Fail, "95th percentile is above 500ms");
}

#[test]
fn doubt_is_no_pass() {
    let slow = Arm { slow: 17, ..arm(300, 6) };
    check(Rule::Concurrent, slow, arm(300, 6), Verdict::Inconclusive, "is above 500ms");
    check(Rule::HardLimits, arm(300, 20), arm(300, 3), Verdict::Inconclusive, "5 times");
}

#[test]
fn harm_is_told_in_seconds_and_counts() {
    let timed = |millis, tokens: u64| {
        let sample = |at: u64| Sample {
            is_error: false,
            duration: Some(Duration::from_millis(millis)),
            tokens: Some(tokens + at % 2),
        };
        Arm::of((0..400).map(sample), None)
    };
    let reasons = |candidate, control| {
        let observed = Observed { candidate, control, nacks: Vec::new() };
        judge(Rule::Concurrent, &observed, &Limits::default()).reasons.join("\n")
    };
    let said = reasons(timed(2300, 400), timed(120, 200));
    let latency = "latency: harm, 2.3s of the candidate against 120.0ms of the control (the log ";
    assert!(said.contains(latency), "{said}");
    let tokens = "tokens: harm, 400.5 tokens of the candidate against 200.5 tokens of the control";
    assert!(said.contains(tokens), "{said}");
    let said = reasons(arm(500, 60), arm(1000, 5));
    let errors = "errors: harm, 60 in 500 samples of the candidate against 5 in 1000 samples of";
    assert!(said.contains(errors), "{said}");
}

#[test]
fn slower_and_longer_answers_are_harm() {
    let shifted = |shift: f64| {
        let mut res = arm(2000, 40);
        res.durations.mean += shift;
        res
    };
    let spread = |mut it: Arm| {
        it.durations.squares = 0.5 * it.durations.count as f64;
        it
    };
    let control = || spread(arm(2000, 40));
    check(Rule::Concurrent, spread(shifted(0.4)), control(), Verdict::Fail, "latency: harm");
    let mut longer = control();
    longer.tokens.mean += 1.0;
    check(Rule::Concurrent, longer, control(), Verdict::Fail, "tokens: harm");
    // A tenth more is tolerated, and so is any gain.
    check(Rule::Concurrent, spread(shifted(0.05)), control(), Verdict::Pass, "");
    check(Rule::Concurrent, spread(shifted(-3.0)), control(), Verdict::Pass, "");
}

/// Of `hits` of `all`, each with the probability `p`.
fn probability(all: u64, hits: u64, p: f64) -> f64 {
    let ways: f64 = (0..hits).map(|it| (all - it) as f64 / (it + 1) as f64).product();
    ways * p.powf(hits as f64) * (1.0 - p).powf((all - hits) as f64)
}

#[test]
fn bounds_are_those_of_the_beta_distribution() {
    // At the bound, what was seen or worse has a probability of exactly 0.001.
    let below = |p: f64, to: u64| (0..=to).map(|hits| probability(100, hits, p)).sum::<f64>();
    assert!((1.0 - below(lower_bound(5, 100), 4) - 0.001).abs() < 1e-9);
    assert!((below(upper_bound(5, 100), 5) - 0.001).abs() < 1e-9);
    // Without hits the upper bound is 1 − 0.001^(1/n).
    assert!((upper_bound(0, 100) - (1.0 - 0.001_f64.powf(0.01))).abs() < 1e-9);
    assert_eq!((lower_bound(0, 0), upper_bound(0, 0)), (0.0, 1.0));
}

#[test]
fn the_percentile_is_at_most_a_bar_too_high() {
    let sample = |at: u64| Sample {
        is_error: false,
        duration: Some(Duration::from_millis(at)),
        tokens: None,
    };
    let arm = Arm::of((1..=1000).map(sample), None);
    let p95 = arm.p95().unwrap().as_millis();
    assert!((950..=1040).contains(&p95), "{p95}");
    assert_eq!(Arm::default().p95(), None);
}

/// Also `cargo run --release --example canary_figures`.
#[test]
fn harmless_rollouts_live_and_sixfold_errors_are_found() {
    let rollouts = 2000;
    let harmless = run(HARMLESS, rollouts);
    println!("{harmless}");
    assert!(harmless.share() <= 0.01);
    assert!(harmless.naive > harmless.rollouts / 10, "the peer shows why");
    let uneven = run(UNEVEN, rollouts / 4);
    println!("{uneven}");
    assert!(uneven.share() <= 0.01);
    let sixfold = run(SIXFOLD, rollouts);
    println!("{sixfold}");
    assert!(sixfold.share() >= 0.99);
}

proptest! {
    #[test]
    fn bounds_enclose_the_share(all in 1_u64..5000, part in 0.0..=1.0_f64) {
        let hits = (all as f64 * part) as u64;
        let share = hits as f64 / all as f64;
        prop_assert!(lower_bound(hits, all) <= share && share <= upper_bound(hits, all));
    }

    #[test]
    fn merging_is_the_same_as_pushing(
        a in prop::collection::vec(1.0..1e6_f64, 0..50),
        b in prop::collection::vec(1.0..1e6_f64, 0..50),
    ) {
        let of = |numbers: &[f64]| {
            let mut res = Moments::default();
            numbers.iter().for_each(|it| res.push(*it));
            res
        };
        let merged = of(&a).merged(of(&b));
        let pushed = of(&[a, b].concat());
        prop_assert_eq!(merged.count, pushed.count);
        prop_assert!((merged.mean - pushed.mean).abs() <= 1e-6 * pushed.mean.abs());
        prop_assert!((merged.squares - pushed.squares).abs() <= 1e-6 * pushed.squares.abs() + 1e-6);
    }

    #[test]
    fn more_errors_never_help(errors in 0_u64..300, more in 0_u64..100) {
        let severity = |verdict| match verdict {
            Verdict::Pass => 0,
            Verdict::Inconclusive => 1,
            Verdict::Fail => 2,
        };
        let verdict = |errors| judged(Rule::Concurrent, arm(400, errors), arm(400, 8)).verdict;
        prop_assert!(severity(verdict(errors)) <= severity(verdict(errors + more)));
    }
}
