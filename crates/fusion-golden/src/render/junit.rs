use std::collections::BTreeSet;
use std::fmt::Write as _;

use overlay_model::Severity;
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use super::visible::visible;
use super::{answering, check_word, order, overlay_name};
use crate::report::{Check, FileFinding, ScenarioReport, SideReport, SuiteReport, Verdict};

/// The report as JUnit XML: a suite per kind of work in catalogue order, a test case per
/// scenario, and a suite `files` with the findings about files.
///
/// `fail`, `invalid` and `stale` are failures, with the code of the worst check as their type:
/// they block. `insufficient` is skipped, `warn` is a success that says on its standard output
/// what to look at, as a pass with remarks does; with `strict` these two are failures too.
/// There are no times in it.
pub fn junit(report: &SuiteReport, strict: bool) -> String {
    let mut res = Report::new("fusion golden");
    for kind in kinds(report) {
        let mut suite = TestSuite::new(visible(kind));
        if let Some(encoding) = &report.encoding {
            suite.add_property(Property::new("tokens.encoding", visible(encoding)));
        }
        let scenarios = report.scenarios.iter().filter(|it| it.scenario_type == kind);
        suite.add_test_cases(scenarios.map(|it| test_case(it, strict)));
        res.add_test_suite(suite);
    }
    if !report.findings.is_empty() {
        let mut suite = TestSuite::new("files");
        suite.add_test_cases(report.findings.iter().map(|it| file_case(it, strict)));
        res.add_test_suite(suite);
    }
    // Only a writer can fail, and text in memory takes everything; a reader must not take
    // silence for success.
    res.to_string().unwrap_or_else(|_| UNWRITTEN.to_owned())
}

const UNWRITTEN: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
    <testsuites name=\"fusion golden\" tests=\"0\" failures=\"0\" errors=\"1\"></testsuites>\n";

/// The kinds of work, each once, in the order in which they first appear.
fn kinds(report: &SuiteReport) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    let kinds = report.scenarios.iter().map(|it| it.scenario_type.as_str());
    kinds.filter(|it| seen.insert(*it)).collect()
}

fn test_case(scenario: &ScenarioReport, strict: bool) -> TestCase {
    let mut res = TestCase::new(visible(&scenario.id), status(scenario, strict));
    res.set_classname(visible(overlay_name(scenario)));
    if matches!(res.status, TestCaseStatus::Success { .. }) && !scenario.checks.is_empty() {
        res.set_system_out(description(scenario));
    }
    if let Some(side) = answering(scenario) {
        res.add_properties(properties("", side));
    }
    if let (Some(_), Some(baseline)) = (&scenario.overlay, &scenario.baseline) {
        res.add_properties(properties("baseline.", baseline));
    }
    res
}

fn status(scenario: &ScenarioReport, strict: bool) -> TestCaseStatus {
    let mut res = match scenario.verdict {
        Verdict::Pass => return TestCaseStatus::success(),
        Verdict::Warn if !strict => return TestCaseStatus::success(),
        Verdict::Insufficient if !strict => TestCaseStatus::skipped(),
        _ => TestCaseStatus::non_success(NonSuccessKind::Failure),
    };
    let worst = order::checks(scenario).first().copied();
    res.set_type(worst.map_or(scenario.verdict.as_str(), |it| it.code));
    res.set_message(visible(worst.map_or(scenario.verdict.as_str(), |it| &it.message)));
    res.set_description(description(scenario));
    res
}

/// Every check on a line of its own, worst first.
fn description(scenario: &ScenarioReport) -> String {
    let lines: Vec<_> = order::checks(scenario).into_iter().map(line).collect();
    lines.join("\n")
}

fn line(check: &Check) -> String {
    let mut res = format!("{}[{}]: {}", check_word(check), check.code, check.message);
    for (name, text) in [("file", &check.place()), ("key", &check.key), ("hint", &check.hint)] {
        if let Some(text) = text {
            // Writing to a string cannot fail.
            let _ = write!(res, "; {name}: {text}");
        }
    }
    visible(&res).into_owned()
}

fn properties(prefix: &str, side: &SideReport) -> Vec<Property> {
    let values = [
        ("tokens.prompt", side.prompt_tokens.map(|it| it.to_string())),
        ("tokens.answer", side.answer_tokens.map(|it| it.to_string())),
        ("calls", Some(side.calls.to_string())),
        ("units", Some(format!("{:.2}", side.units))),
        ("trust", side.trust.map(|it| format!("{it:.4}"))),
    ];
    let property = |(name, value): (&str, Option<String>)| {
        Some(Property::new(format!("{prefix}{name}"), value?))
    };
    values.into_iter().filter_map(property).collect()
}

fn file_case(finding: &FileFinding, strict: bool) -> TestCase {
    let it = &finding.diagnostic;
    let failed = it.is_error() || (strict && it.severity == Severity::Warning);
    let place = it.at.as_ref().map(|at| format!(":{}:{}", at.line, at.column));
    let name = format!("{}{}", finding.path, place.unwrap_or_default());
    let status = if failed { failure(finding) } else { TestCaseStatus::success() };
    let mut res = TestCase::new(visible(&name), status);
    res.set_classname(it.code);
    if !failed {
        res.set_system_out(visible(&it.to_string()));
    }
    res
}

fn failure(finding: &FileFinding) -> TestCaseStatus {
    let it = &finding.diagnostic;
    let mut res = TestCaseStatus::non_success(NonSuccessKind::Failure);
    res.set_type(it.code);
    res.set_message(visible(&it.message));
    res.set_description(visible(&it.to_string()));
    res
}
