//! The latency of scenarios that have limits of their own.

use std::collections::BTreeMap;
use std::time::Duration;

use super::blame::is_below_line;
use super::file::Budgets;
use super::identity::answers_same;
use super::measured::Measured;
use super::overlays::duration;
use super::report::{BudgetCheck, Subject};
use super::smallest::Trial;
use super::words::sentence;
use crate::report::Verdict;
use crate::statistics::{Alpha, Gate, Levels, Limits, Reason, holm, request_latency_gate};

/// A scenario that is held to limits of its own.
struct Case<'a> {
    measured: &'a Measured,
    gate: Gate,
    limits: Limits,
    times: [Vec<Duration>; 2],
}

/// The checks of scenarios with latency limits of their own, by scenario.
///
/// There is none where the requests or their outcomes are the same, where a side has no time,
/// and where no answer is over a line and there are too few to be sure: the check of the
/// overlay holds the scenario to its limits too, together with the others.
///
/// They are one family (Holm): that any of them is blocked wrongly has the probability that
/// one alone would have. What is over its limit alone and not in the family is a warning.
pub(super) fn own_latency_checks<'a>(
    pairs: &[(&'a Measured, &'a Measured)],
    budgets: &Budgets,
) -> BTreeMap<&'a str, BudgetCheck> {
    let cases: Vec<_> = pairs.iter().filter_map(|(base, it)| case(base, it, budgets)).collect();
    let in_family = holm(cases.len(), Levels::BUDGET.worse, |at, level| {
        let gate = cases.get(at).map(|it| judged(&it.times, it.limits, level));
        let fails = gate.is_some_and(|it| it.verdict == Verdict::Fail);
        (fails, fails)
    });
    let checks = cases.into_iter().zip(in_family).filter_map(|(case, fails)| {
        let is_over = case.times.last()?.iter().any(|it| it.as_secs_f64() > case.limits.warn);
        let is_shown = is_over || case.gate.verdict != Verdict::Insufficient;
        is_shown.then(|| (case.measured.scenario.as_str(), check(case, fails)))
    });
    checks.collect()
}

fn check(case: Case<'_>, fails_in_family: bool) -> BudgetCheck {
    let Case { measured, gate, times: [_, times], .. } = case;
    let answers = match times.len() {
        1 => "1 recorded answer".to_owned(),
        n => format!("{n} recorded answers"),
    };
    let what = sentence(Subject::LatencyP95, &gate);
    let message = format!("{what}; limits of its own, by {answers}");
    let is_alone = gate.verdict == Verdict::Fail && !fails_in_family;
    let (gate, message) = match is_alone {
        true => (
            gate.decided(Verdict::Warn, Reason::Decided),
            message + ": enough of one scenario, too few of all that have such limits",
        ),
        false => (gate, message),
    };
    let overlay = measured.overlay.as_deref();
    BudgetCheck::of(Subject::LatencyP95, overlay, Some(&measured.scenario), gate, message)
}

fn case<'a>(base: &Measured, candidate: &'a Measured, budgets: &Budgets) -> Option<Case<'a>> {
    let limits = budgets.own(&candidate.scenario).latency?;
    let times = [times(base)?, times(candidate)?];
    (!answers_same(base, candidate)).then(|| Case {
        measured: candidate,
        gate: judged(&times, limits, Levels::BUDGET.worse),
        limits,
        times,
    })
}

fn judged([base, candidate]: &[Vec<Duration>; 2], limits: Limits, worse: Alpha) -> Gate {
    request_latency_gate(base, candidate, limits, Levels { worse, ..Levels::BUDGET })
}

/// The times of all answers that are recorded; `None` where there is none.
fn times(measured: &Measured) -> Option<Vec<Duration>> {
    let answer = measured.answer.as_ref()?;
    let all = match answer.latencies_ms.as_slice() {
        [] => vec![answer.latency_ms?],
        all => all.to_vec(),
    };
    let times: Vec<_> = all.into_iter().filter_map(duration).collect();
    (!times.is_empty()).then_some(times)
}

/// What the base under a part of the change makes of such a check.
pub(super) fn trial(
    check: &BudgetCheck,
    base: &Measured,
    replayed: &Measured,
    budgets: &Budgets,
) -> Trial {
    if answers_same(base, replayed) {
        return Trial::Holds;
    }
    let Some(Case { gate, .. }) = case(base, replayed, budgets) else { return Trial::Unknown };
    match gate.verdict {
        it @ (Verdict::Warn | Verdict::Fail) if it >= check.gate.verdict => Trial::Fails,
        Verdict::Pass | Verdict::Warn => Trial::Holds,
        Verdict::Insufficient if is_below_line(Subject::LatencyP95, &gate) => Trial::Holds,
        _ => Trial::Unknown,
    }
}
