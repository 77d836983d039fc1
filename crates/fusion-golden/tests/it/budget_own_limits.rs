//! Scenarios with limits of their own in `budgets.toml`, and the rows that hold them to it.

use fusion_golden::Verdict;
use fusion_golden::budget::{
    BudgetCheck, BudgetReport, Budgets, Measured, Measurement, Subject, compare, measure,
};
use fusion_golden::statistics::{Bounded, Limits};
use overlay_model::Digest;

use crate::shipped::Shipped;

/// A scenario of an overlay of both sides: tokens, seconds, and whether it failed.
#[derive(Clone)]
struct Case {
    tokens: [u64; 2],
    seconds: [Vec<f64>; 2],
    failed: bool,
    identical: bool,
}

impl Case {
    fn quick() -> Self {
        Self {
            tokens: [100, 100],
            seconds: [vec![1.0], vec![1.0]],
            failed: false,
            identical: false,
        }
    }

    fn taking(seconds: &[f64]) -> Self {
        Self { seconds: [vec![1.0], seconds.to_vec()], ..Self::quick() }
    }
}

/// The report about `cases`, the scenarios `s0`, `s1` and so on, under a `budgets.toml`.
#[track_caller]
fn report(cases: &[Case], budgets: &str) -> BudgetReport {
    let (budgets, findings) = Budgets::parse(budgets);
    assert_eq!(findings, []);
    let shipped = Shipped::new();
    let measurement = measure(&shipped.suite(), &[], "base", 1).unwrap();
    let one = measurement.scenarios.iter().find(|it| it.answer.is_some()).unwrap().clone();
    let side = |side: usize| -> Measurement {
        let scenario = |(number, case): (usize, &Case)| {
            let mut answer = one.answer.clone().unwrap();
            let times: Vec<_> = case.seconds[side].iter().map(|it| it * 1000.0).collect();
            answer.tokens = case.tokens[side];
            answer.latency_ms = times.first().copied();
            answer.latencies_ms = if times.len() > 1 { times } else { Vec::new() };
            answer.accepted = !(case.failed && side == 1);
            let name = if case.identical { "both" } else { ["base", "candidate"][side] };
            Measured {
                scenario: format!("s{number}"),
                overlay: Some("refund".to_owned()),
                requests: vec![Digest::of(name.as_bytes())],
                prompt_tokens: Some(case.tokens[side]),
                answer: Some(answer),
                ..one.clone()
            }
        };
        let scenarios = cases.iter().enumerate().map(scenario).collect();
        Measurement { scenarios, ..measurement.clone() }
    };
    compare(&shipped.suite(), &side(0), &side(1), &[], &budgets).unwrap()
}

fn row<'r>(
    report: &'r BudgetReport,
    name: Subject,
    scenario: Option<&str>,
) -> Option<&'r BudgetCheck> {
    report.checks.iter().find(|it| it.name == name && it.scenario.as_deref() == scenario)
}

#[track_caller]
fn of_all(report: &BudgetReport, name: Subject) -> &BudgetCheck {
    row(report, name, None).expect("a check of the overlay")
}

const STRICT: &str = "[scenarios.s0.latency]\nwarn = 3\nblock = 4\n";

#[test]
fn one_answer_beyond_the_limit_of_its_scenario_is_blocked() {
    let verdict = |cases: &[Case], budgets: &str| {
        let found = report(cases, budgets);
        row(&found, Subject::LatencyP95, Some("s0")).map(|it| it.gate.verdict)
    };
    let few = |seconds: &[f64]| [Case::taking(seconds), Case::quick(), Case::quick()];
    assert_eq!(verdict(&few(&[4.5]), ""), None, "no limits of its own");
    assert_eq!(verdict(&few(&[4.5]), STRICT), Some(Verdict::Fail));
    assert_eq!(verdict(&few(&[4.0]), STRICT), Some(Verdict::Warn));
    assert_eq!(verdict(&few(&[3.0]), STRICT), None, "within, and too few to be sure");
    assert_eq!(verdict(&few(&[4.5, 1.0]), STRICT), Some(Verdict::Insufficient));
    assert_eq!(verdict(&few(&[4.5, 4.6]), STRICT), Some(Verdict::Fail));
    assert_eq!(verdict(&few(&[1.0; 59]), STRICT), Some(Verdict::Pass));
    assert_eq!(verdict(&few(&[1.0; 58]), STRICT), None);
    let same = Case { identical: true, ..Case::taking(&[1.0]) };
    assert_eq!(verdict(&[same, Case::quick()], STRICT), None);
    // The base was as slow: no reason to block.
    let slow = Case { seconds: [vec![9.0], vec![9.0]], ..Case::quick() };
    assert_eq!(verdict(&[slow, Case::quick()], STRICT), Some(Verdict::Warn));
    let found = report(&few(&[4.5]), STRICT);
    let message = &row(&found, Subject::LatencyP95, Some("s0")).unwrap().message;
    assert_eq!(
        message,
        "p95 of the latency 4.50 s, at least 4.50 s: over the limit of 4 s; base 1.00 s; limits \
         of its own, by 1 recorded answer"
    );
}

/// A looser limit is no cover for the others, and a scenario within its own lends no doubt.
#[test]
fn own_latency_limits_hold_in_the_check_of_the_overlay_too() {
    let mut cases = vec![Case::quick(); 100];
    cases.iter_mut().take(50).for_each(|it| it.seconds[1] = vec![20.0]);
    let own: String =
        (0..50).map(|it| format!("[scenarios.s{it}.latency]\nwarn = 30\nblock = 60\n")).collect();
    assert_eq!(of_all(&report(&cases, ""), Subject::LatencyP95).gate.verdict, Verdict::Fail);
    let found = report(&cases, &own);
    let check = of_all(&found, Subject::LatencyP95);
    assert_eq!((check.gate.verdict, check.gate.interval_of), (Verdict::Pass, Bounded::Counted));
    // What was recorded is shown, what it is held to is said.
    assert_eq!(check.gate.candidate, Some(20.0));
    assert!(
        check.message.starts_with(
            "p95 of the latency 20.00 s; base 1.00 s; every time counted by its own scenario's \
             limits as if they were 2 s and 5 s, at most "
        ),
        "{}",
        check.message
    );
    cases.iter_mut().skip(50).take(20).for_each(|it| it.seconds[1] = vec![6.0]);
    let found = report(&cases, &own);
    let check = of_all(&found, Subject::LatencyP95);
    assert_eq!(check.gate.verdict, Verdict::Fail, "20 of 100 are over theirs");
    assert!(check.message.contains(": over the limit of 5 s"), "{}", check.message);
}

/// Twenty limits are twenty chances: one late answer among them warns, two of one block.
#[test]
fn many_scenarios_with_limits_of_their_own_are_one_family() {
    let limits: String =
        (0..20).map(|it| format!("[scenarios.s{it}.latency]\nwarn = 3\nblock = 4\n")).collect();
    let mut cases = vec![Case::quick(); 20];
    cases[7] = Case::taking(&[9.0]);
    let verdict = |cases: &[Case]| {
        let found = report(cases, &limits);
        let check = row(&found, Subject::LatencyP95, Some("s7")).expect("a row");
        (check.gate.verdict, check.message.contains("too few of all that have such limits"))
    };
    assert_eq!(verdict(&cases), (Verdict::Warn, true));
    cases[7] = Case::taking(&[9.0, 9.5]);
    assert_eq!(verdict(&cases), (Verdict::Fail, false));
}

#[test]
fn tokens_of_an_overlay_may_be_what_its_scenarios_may_have() {
    let growing = |by: u64| Case { tokens: [100, 100 + by], ..Case::quick() };
    let cases: Vec<_> = (0..60).map(|it| growing(if it < 20 { 90 } else { 5 })).collect();
    let loose: String =
        (0..20).map(|it| format!("[scenarios.s{it}.tokens]\nwarn = 100\nblock = 150\n")).collect();
    for name in [Subject::PromptTokens, Subject::OutputTokens] {
        assert_ne!(of_all(&report(&cases, ""), name).gate.verdict, Verdict::Pass, "{name:?}");
        let found = report(&cases, &loose);
        let check = of_all(&found, name);
        assert_eq!(check.gate.verdict, Verdict::Pass, "{check:#?}");
        // A third may have 100 % more, the rest 12 %.
        assert!((check.gate.warn - (100.0 + 2.0 * 12.0) / 300.0).abs() < 1e-12);
        let words = "; with the limits of its scenarios together 41.3333 and 66.6667 %";
        assert!(check.message.contains(words), "{}", check.message);
    }
    // Every scenario is held to its own, besides.
    let found = report(&cases, &loose);
    let of_one = row(&found, Subject::PromptTokens, Some("s3")).expect("a row");
    assert_eq!((of_one.gate.verdict, of_one.gate.warn), (Verdict::Pass, 1.0));
}

/// A scenario that did not change lends the others nothing of what it may have.
#[test]
fn an_identical_scenario_lends_no_room() {
    let growing = Case { tokens: [100, 140], ..Case::quick() };
    let idle = Case { identical: true, tokens: [10_000, 10_000], ..Case::quick() };
    let cases: Vec<_> = [idle].into_iter().chain(vec![growing; 40]).collect();
    let found = report(&cases, "[scenarios.s0.tokens]\nwarn = 500\nblock = 900\n");
    let check = of_all(&found, Subject::OutputTokens);
    assert_eq!((check.gate.verdict, check.gate.block), (Verdict::Fail, 0.25), "{check:#?}");
}

#[test]
fn failures_are_held_to_the_mean_of_their_limits() {
    let mut cases = vec![Case::quick(); 60];
    cases.iter_mut().take(12).for_each(|it| it.failed = true);
    let limits: String =
        (0..30).map(|it| format!("[scenarios.s{it}.failures]\nwarn = 80\nblock = 90\n")).collect();
    assert_eq!(of_all(&report(&cases, ""), Subject::Failures).gate.verdict, Verdict::Fail);
    let found = report(&cases, &limits);
    let check = of_all(&found, Subject::Failures);
    assert_eq!((check.gate.verdict, check.gate.warn), (Verdict::Pass, 0.41), "{check:#?}");
    assert!(check.message.contains("together 41 and 47.5 points"), "{}", check.message);
}

#[test]
fn a_limit_that_a_scenario_has_looser_now_is_named() {
    let raised = |before: &str, after: &str| -> Vec<String> {
        let shipped = Shipped::new();
        shipped.write("configs/budgets.toml", before);
        let base = measure(&shipped.suite(), &[], "base", 1).unwrap();
        let (budgets, findings) = Budgets::parse(after);
        assert_eq!(findings, []);
        let report = compare(&shipped.suite(), &base, &base, &[], &budgets).unwrap();
        let check = report.checks.iter().find(|it| it.name == Subject::Limits);
        check.map(|it| it.keys.clone()).unwrap_or_default()
    };
    let table = |kind: &str, warn: f64, block: f64| {
        format!("[scenarios.s.{kind}]\nwarn = {warn}\nblock = {block}\n")
    };
    for (kind, general) in [("tokens", 25.0), ("latency", 5.0), ("failures", 5.0)] {
        let block = vec![format!("scenarios.s.{kind}.block")];
        let of = |more: f64| table(kind, 1.0, general + more);
        assert_eq!(raised("", &of(1.0)), block);
        assert_eq!(raised(&of(1.0), &of(2.0)), block);
        assert_eq!(raised("", &of(0.0)), Vec::<String>::new(), "as strict as before");
        // The strict one was taken away.
        assert_eq!(raised(&of(-1.0), "").len(), 2);
        assert_eq!(raised(&of(2.0), &of(1.0)), Vec::<String>::new());
    }
}

#[test]
fn a_missing_end_is_the_general_one() {
    let text = "[latency]\nwarn = 4\nblock = 9\n[scenarios.s.latency]\nblock = 7\n\
                [scenarios.s.failures]\nwarn = 1\n";
    let (budgets, findings) = Budgets::parse(text);
    assert_eq!(findings, []);
    assert_eq!(budgets.latency_of("s"), Limits { warn: 4.0, block: 7.0 });
    assert_eq!(budgets.failures_of("s"), Limits { warn: 0.01, block: 0.05 });
    assert_eq!(budgets.tokens_of("s"), Limits::TOKENS);
    assert_eq!(budgets.latency_of("another"), Limits { warn: 4.0, block: 9.0 });
}
