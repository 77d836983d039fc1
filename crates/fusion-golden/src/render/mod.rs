//! Reports for people and machines, all of them written from one [`SuiteReport`].
//!
//! Every text that comes from a file (ids, answers, messages) may be hostile: none of it
//! reaches a terminal, a web page, an XML reader or a workflow runner as anything but text.
//! Equal reports give equal bytes; no clock, no environment, no terminal is asked.

mod diff;
pub(crate) mod github;
pub(crate) mod json;
mod junit;
pub(crate) mod markdown;
mod order;
pub(crate) mod table;
pub(crate) mod visible;

pub use self::diff::diff;
pub use self::github::github_annotations;
pub use self::json::json;
pub use self::junit::junit;
pub use self::markdown::markdown;
pub use self::table::{scenario, table};

use overlay_model::{ScenarioSeverity, Severity};

use crate::report::{Check, Counts, FileFinding, ScenarioReport, SideReport, SuiteReport, Verdict};

/// The verdicts in the order of summaries, with how many scenarios came to each.
fn by_verdict(counts: &Counts) -> [(Verdict, usize); 6] {
    [
        (Verdict::Pass, counts.pass),
        (Verdict::Warn, counts.warn),
        (Verdict::Insufficient, counts.insufficient),
        (Verdict::Stale, counts.stale),
        (Verdict::Fail, counts.fail),
        (Verdict::Invalid, counts.invalid),
    ]
}

/// `18 scenarios: 17 pass, 1 fail`, followed by the findings about files, and by the
/// verdict where the scenarios alone would not lead to it.
fn summary(report: &SuiteReport) -> String {
    let mut res = counted(report.counts.total, "scenario");
    let verdicts: Vec<_> = by_verdict(&report.counts)
        .into_iter()
        .filter(|(_, n)| *n > 0)
        .map(|(verdict, n)| format!("{n} {}", verdict.as_str()))
        .collect();
    if !verdicts.is_empty() {
        res += ": ";
        res += &verdicts.join(", ");
    }
    if !report.findings.is_empty() {
        res += "; in files: ";
        res += &findings_by_severity(&report.findings);
    }
    let worst = report.scenarios.iter().map(|it| it.verdict).max();
    if worst.unwrap_or(Verdict::Pass) != report.verdict {
        res += "; the suite: ";
        res += report.verdict.as_str();
    }
    res
}

/// `1 error, 2 warnings`.
fn findings_by_severity(findings: &[FileFinding]) -> String {
    let parts: Vec<_> = [Severity::Error, Severity::Warning, Severity::Note]
        .into_iter()
        .map(|it| (it, findings.iter().filter(|f| f.diagnostic.severity == it).count()))
        .filter(|(_, n)| *n > 0)
        .map(|(severity, n)| counted(n, &severity.to_string()))
        .collect();
    parts.join(", ")
}

/// `1 scenario`, `2 scenarios`.
pub(crate) fn counted(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// The side whose answer the scenario gives: the overlay's, else the baseline's.
fn answering(scenario: &ScenarioReport) -> Option<&SideReport> {
    scenario.overlay.as_ref().or(scenario.baseline.as_ref())
}

/// The overlay that answered, or `baseline`; `-` where its side could not be replayed.
fn overlay_name(scenario: &ScenarioReport) -> &str {
    scenario.overlay.as_ref().map_or("-", |it| it.overlay.as_deref().unwrap_or("baseline"))
}

/// The verdict of a check; `note` for a remark on something that holds.
fn check_word(check: &Check) -> &'static str {
    match check.verdict {
        Verdict::Pass => "note",
        other => other.as_str(),
    }
}

/// How many scenarios passed and have something to remark, such as a known failure.
fn passed_with_remarks(report: &SuiteReport) -> usize {
    let passes = report.scenarios.iter().filter(|it| it.verdict == Verdict::Pass);
    passes.filter(|it| !it.checks.is_empty()).count()
}

/// `high, critical`.
fn weight(scenario: &ScenarioReport) -> String {
    let severity = match scenario.severity {
        ScenarioSeverity::Low => "low",
        ScenarioSeverity::Medium => "medium",
        ScenarioSeverity::High => "high",
    };
    format!("{severity}{}", if scenario.critical { ", critical" } else { "" })
}
