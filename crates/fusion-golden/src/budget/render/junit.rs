use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use super::figures::{delta, evidence, interval, scope, value};
use super::table::named;
use crate::budget::report::{BudgetCheck, BudgetReport};
use crate::render::visible::visible;
use crate::report::{FileFinding, Verdict};

/// The report as JUnit XML: a suite per base, a test case per check, and a suite `files`
/// with the findings about files.
///
/// What blocks is a failure: `fail`, `invalid` and `stale`. `insufficient` is skipped and `warn`
/// is a success with a message; with `strict` these two are failures too.
pub fn junit(report: &BudgetReport, strict: bool) -> String {
    let mut res = Report::new("fusion budget");
    let mut names: Vec<&str> = Vec::new();
    for check in &report.checks {
        if !names.contains(&check.against.as_str()) {
            names.push(&check.against);
        }
    }
    for name in names {
        let shown = if name.is_empty() { "candidate" } else { name };
        let mut suite = TestSuite::new(visible(shown));
        let checks = report.checks.iter().filter(|it| it.against == name);
        suite.add_test_cases(checks.map(|it| test_case(report, it, strict)));
        res.add_test_suite(suite);
    }
    if !report.findings.is_empty() {
        let mut suite = TestSuite::new("files");
        suite.add_test_cases(report.findings.iter().map(file_case));
        res.add_test_suite(suite);
    }
    // Only a writer can fail, and text in memory takes everything; a reader must not take
    // silence for success.
    res.to_string().unwrap_or_else(|_| UNWRITTEN.to_owned())
}

const UNWRITTEN: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
    <testsuites name=\"fusion budget\" tests=\"0\" failures=\"0\" errors=\"1\"></testsuites>\n";

fn test_case(report: &BudgetReport, check: &BudgetCheck, strict: bool) -> TestCase {
    let name = format!("{} of {}", check.name.words(), scope(check));
    let mut status = match check.gate.verdict {
        it if it.blocks(strict) => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Verdict::Insufficient => TestCaseStatus::skipped(),
        _ => TestCaseStatus::success(),
    };
    let keys: Vec<_> = report.changes_of(check).into_iter().map(named).collect();
    let text = format!("{}\n{}", check.message, keys.join("\n"));
    let lines: Vec<_> = text.lines().map(|it| visible(it).into_owned()).collect();
    let is_success = matches!(status, TestCaseStatus::Success { .. });
    if !is_success {
        status.set_type(check.gate.verdict.as_str());
        status.set_message(visible(&check.message));
        status.set_description(lines.join("\n"));
    }
    let mut res = TestCase::new(visible(&name), status);
    res.set_classname(visible(check.overlay.as_deref().unwrap_or("baseline")));
    if is_success && check.gate.verdict == Verdict::Warn {
        res.set_system_out(lines.join("\n"));
    }
    let figures = [
        ("base", value(check, check.gate.base)),
        ("candidate", value(check, check.gate.candidate)),
        ("delta", delta(check)),
        ("interval", interval(check)),
        ("n", evidence(check)),
    ];
    res.add_properties(figures.map(|(name, value)| Property::new(name, value)));
    res
}

fn file_case(finding: &FileFinding) -> TestCase {
    let it = &finding.diagnostic;
    let place = it.at.as_ref().map(|at| format!(":{}:{}", at.line, at.column));
    let name = format!("{}{}", finding.path, place.unwrap_or_default());
    let mut status = match it.is_error() {
        true => TestCaseStatus::non_success(NonSuccessKind::Failure),
        false => TestCaseStatus::success(),
    };
    if it.is_error() {
        status.set_type(it.code);
        status.set_message(visible(&it.message));
    }
    let mut res = TestCase::new(visible(&name), status);
    res.set_classname(it.code);
    if !it.is_error() {
        res.set_system_out(visible(&it.to_string()));
    }
    res
}
