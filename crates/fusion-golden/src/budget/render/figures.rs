//! The words and numbers that every report shares.

use crate::budget::report::{BudgetCheck, BudgetReport, Subject};
use crate::render::counted;
use crate::report::Verdict;
use crate::statistics::{Bounded, Reason};

/// The verdicts, worst first.
const VERDICTS: [Verdict; 6] = [
    Verdict::Invalid,
    Verdict::Fail,
    Verdict::Stale,
    Verdict::Insufficient,
    Verdict::Warn,
    Verdict::Pass,
];

/// How many checks came to each verdict, worst first; those that none came to are left out.
pub(super) fn by_verdict(report: &BudgetReport) -> Vec<(Verdict, usize)> {
    let count = |verdict| report.checks.iter().filter(|it| it.gate.verdict == verdict).count();
    VERDICTS.into_iter().map(|it| (it, count(it))).filter(|(_, n)| *n > 0).collect()
}

/// `fail: 14 checks, 1 fail, 13 pass`.
pub(super) fn summary(report: &BudgetReport) -> String {
    let parts = by_verdict(report).into_iter().map(|(it, n)| format!("{n} {}", it.as_str()));
    let parts: Vec<_> = parts.collect();
    format!(
        "{}: {}, {}",
        report.verdict.as_str(),
        counted(report.checks.len(), "check"),
        if parts.is_empty() { "nothing was compared".to_owned() } else { parts.join(", ") }
    )
}

/// `candidate X against A and B`.
pub(super) fn sides(report: &BudgetReport) -> String {
    let bases: Vec<_> = report.bases.iter().map(|it| it.name.as_str()).collect();
    let bases = if bases.is_empty() { "nothing".to_owned() } else { bases.join(" and ") };
    format!("{} against {bases}", report.candidate.name)
}

/// What a check is about: its scenario, its overlay, or everything.
pub(super) fn scope(check: &BudgetCheck) -> &str {
    match (&check.scenario, &check.overlay, check.name) {
        (Some(scenario), ..) => scenario,
        (None, Some(overlay), _) => overlay,
        (None, None, it) if is_of_all(it) => "all scenarios",
        (None, None, _) => "baseline",
    }
}

/// Whether checks of a subject are about everything.
fn is_of_all(name: Subject) -> bool {
    use Subject::{Catalogue, Limits, QualityWatch, Recordings, Suite};
    matches!(name, Suite | Recordings | Catalogue | Limits | QualityWatch)
}

/// Whether a check has something to show beyond "as before".
pub(super) fn has_moved(check: &BudgetCheck) -> bool {
    check.gate.verdict != Verdict::Pass || check.gate.delta.is_some_and(|it| it != 0.0)
}

/// ` against X`, where there is more than one base.
pub(super) fn against(report: &BudgetReport, check: &BudgetCheck) -> String {
    match check.against.as_str() {
        name if report.bases.len() > 1 && !name.is_empty() => format!(" against {name}"),
        _ => String::new(),
    }
}

/// Whether the figures of a check are counts that no limit is set for.
fn is_counted(check: &BudgetCheck) -> bool {
    matches!(check.name, Subject::Suite | Subject::HardRules)
}

/// Whether a check says what is the case in words alone.
fn is_wordy(check: &BudgetCheck) -> bool {
    use Subject::{Catalogue, Limits, Recordings, Selection, Settings};
    matches!(check.name, Selection | Settings | Limits | Catalogue | Recordings)
}

/// One of the two figures of a check.
pub(super) fn value(check: &BudgetCheck, value: Option<f64>) -> String {
    let Some(value) = value else { return "-".to_owned() };
    match check.name {
        _ if is_wordy(check) => "-".to_owned(),
        Subject::Cost => format!("{value:.2}"),
        Subject::LatencyP95 => format!("{value:.2} s"),
        Subject::Failures => format!("{:.1} %", value * 100.0),
        Subject::Quality | Subject::QualityWatch => format!("{value:.3}"),
        _ => format!("{value:.0}"),
    }
}

/// The effect of a check in its unit.
pub(super) fn delta(check: &BudgetCheck) -> String {
    match check.gate.delta {
        None => "-".to_owned(),
        Some(_) if is_wordy(check) => "-".to_owned(),
        Some(delta) => number(check, delta, check.name == Subject::LatencyP95),
    }
}

/// The bounds of a check; empty where it is exact.
pub(super) fn interval(check: &BudgetCheck) -> String {
    let Some(interval) = check.gate.interval.filter(|_| check.gate.reason != Reason::Exact) else {
        return String::new();
    };
    let bound = |it: f64| match it.is_finite() {
        true => number(check, it, false),
        false => "?".to_owned(),
    };
    if check.gate.has_no_upper_bound() {
        return format!("{}, no upper bound: one answer decides", bound(interval.lower));
    }
    let of = match check.gate.interval_of {
        Bounded::Delta => "",
        // Beside the change stand the bounds of something else.
        Bounded::Candidate => "p95 ",
        Bounded::Counted => "by own limits ",
    };
    format!("{of}{} to {}", bound(interval.lower), bound(interval.upper))
}

fn number(check: &BudgetCheck, it: f64, signed: bool) -> String {
    match check.name {
        Subject::LatencyP95 if signed => format!("{it:+.2} s"),
        Subject::LatencyP95 => format!("{it:.2} s"),
        Subject::Failures | Subject::Quality | Subject::QualityWatch => {
            format!("{:+.1} points", it * 100.0)
        }
        _ if is_counted(check) => format!("{it:+.0}"),
        _ => format!("{:+.1} %", it * 100.0),
    }
}

/// How many pairs a check rests on; `exact` where it is none of chance.
pub(super) fn evidence(check: &BudgetCheck) -> String {
    match (check.gate.reason, check.gate.n_needed) {
        (Reason::Exact, _) => "exact".to_owned(),
        (Reason::Identity, _) => "identical".to_owned(),
        (Reason::NoFigure, _) => "-".to_owned(),
        (_, Some(needed)) => format!("{} of {needed}", check.gate.n),
        (_, None) => check.gate.n.to_string(),
    }
}
