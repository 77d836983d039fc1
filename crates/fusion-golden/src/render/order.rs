use std::cmp::Reverse;

use crate::report::{Check, FileFinding, ScenarioReport, SuiteReport, Verdict};

/// The scenarios that did not pass, worst first: by verdict, then the critical ones, then by
/// what a failure costs, then in catalogue order.
pub(super) fn not_passed(report: &SuiteReport) -> Vec<&ScenarioReport> {
    let mut res: Vec<_> =
        report.scenarios.iter().filter(|it| it.verdict != Verdict::Pass).collect();
    res.sort_by_key(|it| Reverse((it.verdict, it.critical, it.severity)));
    res
}

/// The checks, worst first.
pub(super) fn checks(scenario: &ScenarioReport) -> Vec<&Check> {
    let mut res: Vec<_> = scenario.checks.iter().collect();
    res.sort_by_key(|it| Reverse(it.verdict));
    res
}

/// The findings, errors first.
pub(super) fn findings(report: &SuiteReport) -> Vec<&FileFinding> {
    let mut res: Vec<_> = report.findings.iter().collect();
    res.sort_by_key(|it| Reverse(it.diagnostic.severity));
    res
}
