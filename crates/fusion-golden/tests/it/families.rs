//! Several overlays, and scenarios that hang together.

use std::time::Duration;

use fusion_golden::Verdict;
use fusion_golden::budget::{
    BudgetReport, Budgets, Measured, Measurement, Subject, Taken, Watch, WatchError, compare,
    measure, watch_schema,
};
use fusion_golden::statistics::{
    Bootstrap, DEFAULT_MARGIN, Gate, Levels, Limits, Pair, error_gate, latency_gate, quality_gate,
    token_gate,
};
use overlay_model::Digest;

use crate::shipped::Shipped;

/// Two measurements of `overlays` with 60 scenarios each, whose answers are `percent` as
/// long, more or less.
fn measured(shipped: &Shipped, overlays: usize, percent: u64) -> [Measurement; 2] {
    let measurement = measure(&shipped.suite(), &[], "base", 1).unwrap();
    let one = measurement.scenarios.iter().find(|it| it.answer.is_some()).unwrap().clone();
    let of = |overlay: usize, number: u64, side: &str, tokens: u64| {
        let mut answer = one.answer.clone().unwrap();
        answer.tokens = tokens;
        Measured {
            scenario: format!("{overlay}-{number}"),
            overlay: Some(format!("overlay {overlay}")),
            requests: vec![Digest::of(side.as_bytes())],
            answer: Some(answer),
            ..one.clone()
        }
    };
    let (mut base, mut candidate) = (measurement.clone(), measurement);
    base.scenarios.clear();
    candidate.scenarios.clear();
    for (overlay, number) in (0..overlays).flat_map(|it| (0..60).map(move |n| (it, n))) {
        let before = 40 + number * 7919 % 361;
        let waver = [70, 85, 100, 115, 130][usize::try_from(number * 31 % 5).unwrap()];
        // Only the first overlay writes more.
        let percent = if overlay == 0 { percent } else { 105 };
        let after = before * percent * waver / 10_000;
        base.scenarios.push(of(overlay, number, "base", before));
        candidate.scenarios.push(of(overlay, number, "candidate", after));
    }
    [base, candidate]
}

fn first_of(shipped: &Shipped, overlays: usize, percent: u64) -> Gate {
    let [base, candidate] = measured(shipped, overlays, percent);
    let budgets = Budgets::default();
    let report: BudgetReport = compare(&shipped.suite(), &base, &candidate, &[], &budgets).unwrap();
    let mut checks = report.checks.into_iter();
    checks.find(|it| it.name == Subject::OutputTokens).unwrap().gate
}

#[test]
fn one_of_several_overlays_is_called_worse_on_better_evidence() {
    let shipped = Shipped::new();
    let verdicts = |percent| [1, 4].map(|overlays| first_of(&shipped, overlays, percent).verdict);
    assert_eq!(verdicts(105), [Verdict::Pass; 2], "letting pass needs no more");
    assert_eq!(verdicts(140), [Verdict::Fail; 2]);
    let between = (113..140).map(verdicts).find(|it| it[0] != it[1]);
    assert_eq!(between, Some([Verdict::Warn, Verdict::Insufficient]));
}

/// `n` pairs in clusters of `size`.
fn clustered<T: Copy>(
    pairs: &[Pair<'static, T>],
    labels: &'static [&str],
) -> Vec<Pair<'static, T>> {
    let size = pairs.len().div_ceil(labels.len());
    pairs.iter().enumerate().map(|(at, it)| it.in_cluster(labels[at / size])).collect()
}

const FIVE: &[&str] = &["a", "b", "c", "d", "e"];

#[test]
fn a_cluster_counts_as_one_in_every_gate() {
    let errors = |pairs: &[_]| error_gate(pairs, Limits::ERRORS, Levels::BUDGET);
    let none = vec![Pair::new(false, false); 400];
    assert_eq!(errors(&none).verdict, Verdict::Pass);
    let gate = errors(&clustered(&none, FIVE));
    assert_eq!((gate.verdict, gate.n), (Verdict::Insufficient, 5));
    // Every cluster fails now: five of five, by McNemar 1 in 32.
    let all = vec![Pair::new(false, true); 400];
    assert_eq!(errors(&clustered(&all, FIVE)).verdict, Verdict::Fail);
    assert_eq!(errors(&clustered(&all, &["a", "b", "c", "d"])).verdict, Verdict::Insufficient);

    let latency = |pairs: &[_]| latency_gate(pairs, Limits::LATENCY, Levels::BUDGET);
    let quick = vec![Pair::new(Duration::from_millis(400), Duration::from_millis(420)); 100];
    assert_eq!(latency(&quick).verdict, Verdict::Pass);
    let gate = latency(&clustered(&quick, FIVE));
    assert_eq!((gate.verdict, gate.n, gate.n_needed), (Verdict::Insufficient, 5, Some(59)));

    let quality = |pairs: &[_]| quality_gate(pairs, DEFAULT_MARGIN, Levels::QUALITY);
    let ties = vec![Pair::new(0.5, 0.5); 400];
    assert_eq!(quality(&ties).verdict, Verdict::Pass);
    let gate = quality(&clustered(&ties, FIVE));
    assert_eq!((gate.verdict, gate.n), (Verdict::Insufficient, 5));

    let tokens =
        |pairs: &[_]| token_gate(pairs, Limits::TOKENS, Levels::BUDGET, Bootstrap::default());
    let equal = vec![Pair::new(100, 100); 400];
    assert_eq!(tokens(&equal).verdict, Verdict::Pass);
    let gate = tokens(&clustered(&equal, &["a", "b"]));
    assert_eq!((gate.verdict, gate.n), (Verdict::Insufficient, 2));
}

/// The slowest of a cluster cannot accuse, the fastest cannot acquit.
#[test]
fn a_cluster_of_latencies_claims_neither_way() {
    let pair = |at: usize| {
        let slow = at.is_multiple_of(2);
        let time = Duration::from_secs(if slow { 9 } else { 1 });
        Pair::new(Duration::from_secs(1), time)
    };
    let labels: Vec<_> = (0..120).map(|it| (it / 2).to_string()).collect();
    let pairs: Vec<_> = (0..120).map(|it| pair(it).in_cluster(&labels[it])).collect();
    let gate = latency_gate(&pairs, Limits::LATENCY, Levels::BUDGET);
    assert_eq!((gate.verdict, gate.n), (Verdict::Insufficient, 60), "{gate:#?}");
}

/// Four of fifteen is more than Newcombe's approximation allows for, and not more than
/// chance does by McNemar's exact test (1 in 16).
#[test]
fn failures_accuse_where_the_exact_test_agrees() {
    let gate = |new: usize| {
        let pairs: Vec<_> = (0..15).map(|it| Pair::new(false, it < new)).collect();
        error_gate(&pairs, Limits::ERRORS, Levels::BUDGET)
    };
    let four = gate(4);
    assert_eq!(four.verdict, Verdict::Insufficient, "{four:#?}");
    assert!(four.interval.unwrap().lower <= 0.0);
    assert_eq!(gate(5).verdict, Verdict::Fail);
}

/// The shipped suite with a score of a judge in every recording.
fn judged(score: f64, mark: &str) -> Shipped {
    let shipped = Shipped::new();
    for entry in std::fs::read_dir(shipped.path("goldens/cassettes")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let judge = format!("\"judge\":[{{\"id\":\"{mark}\",\"score\":{score}}}],\"recorder\"");
        std::fs::write(&path, text.replace("\"recorder\"", &judge)).unwrap();
    }
    shipped
}

fn take(watch: &mut Watch, base: &Shipped, candidate: &Shipped) -> Result<Taken, WatchError> {
    let measured = |it: &Shipped| measure(&it.suite(), &[], "side", 1).unwrap();
    let (before, after) = (measured(base).without_requests(), measured(candidate));
    watch.take((&base.suite(), &before), (&candidate.suite(), &after))
}

#[test]
fn a_watch_keeps_its_verdict_over_many_runs() {
    let base = judged(0.8, "base");
    let mut watch = Watch::begin(&base.suite()).unwrap();
    let mut verdicts = Vec::new();
    for night in 0..12 {
        let run = judged(0.5, &format!("night {night}"));
        assert_eq!(take(&mut watch, &base, &run).unwrap(), Taken::New);
        verdicts.push(watch.check().gate.verdict);
        // The same recording says nothing new.
        let before = watch.clone();
        assert_eq!(take(&mut watch, &base, &run).unwrap(), Taken::Known);
        assert_eq!(watch, before);
        let text = serde_json::to_string(&watch).unwrap();
        watch = Watch::parse(&text).unwrap();
        assert_eq!(watch, before);
    }
    assert_eq!(verdicts[0], Verdict::Insufficient, "{verdicts:?}");
    assert_eq!(verdicts[11], Verdict::Fail, "{verdicts:?}");
    let first = verdicts.iter().position(|it| *it == Verdict::Fail).unwrap();
    assert!(verdicts[first..].iter().all(|it| *it == Verdict::Fail), "{verdicts:?}");
    let schema = jsonschema::validator_for(&watch_schema()).unwrap();
    assert!(schema.is_valid(&serde_json::to_value(&watch).unwrap()));
}

/// The rows about scores in a report of a run that a watch was kept of.
fn rows(watch: &Watch, base: &Shipped, run: &Shipped) -> Vec<(Subject, Verdict)> {
    let measured = |it: &Shipped| measure(&it.suite(), &[], "side", 1).unwrap();
    let (before, after) = (measured(base).without_requests(), measured(run));
    let budgets = Budgets::default();
    let mut report = compare(&run.suite(), &before, &after, &[], &budgets).unwrap();
    report.add_watch(watch);
    let is_score = |it: &Subject| matches!(it, Subject::Quality | Subject::QualityWatch);
    let found = report.checks.iter().filter(|it| is_score(&it.name));
    found.map(|it| (it.name, it.gate.verdict)).collect()
}

#[test]
fn a_regression_after_a_pass_is_not_covered_by_it() {
    let base = judged(0.8, "base");
    let mut watch = Watch::begin(&base.suite()).unwrap();
    let good: Vec<_> = (0..20).map(|it| judged(0.8, &format!("good {it}"))).collect();
    let passed = good.iter().position(|run| {
        take(&mut watch, &base, run).unwrap();
        watch.check().gate.verdict == Verdict::Pass
    });
    let last = &good[passed.expect("it passes in the end")];
    assert_eq!(rows(&watch, &base, last), [(Subject::QualityWatch, Verdict::Pass)]);
    let bad: Vec<_> = (0..8).map(|it| judged(0.3, &format!("bad {it}"))).collect();
    let verdicts = bad.iter().map(|run| {
        take(&mut watch, &base, run).unwrap();
        watch.check().gate.verdict
    });
    let verdicts: Vec<_> = verdicts.collect();
    assert!(!verdicts.contains(&Verdict::Pass), "{verdicts:?}");
    assert_eq!(verdicts[7], Verdict::Fail, "{verdicts:?}");
    assert_eq!(rows(&watch, &base, &bad[7]), [(Subject::QualityWatch, Verdict::Fail)]);
    // The run's own row stays where it fails by itself, as it is made for one look.
    let [mut before, mut after] = measured(&base, 1, 100);
    for (side, score) in [(&mut before, 0.8), (&mut after, 0.3)] {
        side.scenarios.iter_mut().for_each(|it| it.answer.as_mut().unwrap().score = Some(score));
    }
    let mut report = compare(&base.suite(), &before, &after, &[], &Budgets::default()).unwrap();
    let own = |it: &BudgetReport| {
        let found = it.checks.iter().find(|it| it.name == Subject::Quality);
        found.map(|it| it.gate.verdict)
    };
    assert_eq!(own(&report), Some(Verdict::Fail));
    report.add_watch(&watch);
    assert_eq!((own(&report), report.verdict), (Some(Verdict::Warn), Verdict::Fail));
}

#[test]
fn a_watch_takes_nothing_that_says_nothing() {
    let (base, other, bare) = (judged(0.8, "base"), judged(0.8, "other"), Shipped::new());
    let mut watch = Watch::begin(&base.suite()).unwrap();
    let before = watch.clone();
    assert!(matches!(take(&mut watch, &base, &base), Err(WatchError::SameRecording)));
    assert!(matches!(take(&mut watch, &other, &base), Err(WatchError::OtherBase)));
    assert!(matches!(take(&mut watch, &base, &bare), Err(WatchError::NoScores)));
    assert_eq!(watch, before);
    assert!(matches!(Watch::parse("{}"), Err(WatchError::Unreadable(_))));
}
