use std::fmt::Write as _;

use overlay_model::Severity;

use super::figures::scope;
use super::table::named;
use crate::budget::report::{BudgetCheck, BudgetReport};
use crate::render::github::{data, property};
use crate::render::visible::cut;
use crate::report::{FileFinding, Verdict};

/// How many annotations of one kind GitHub shows for a step.
const MOST: usize = 10;
/// The longest message, in characters.
const LONGEST: usize = 2000;

/// Workflow commands that show the report as annotations: one per check that does not pass, at
/// the line of the change that explains it, and one per finding about a file. Checks that
/// block come first, worst first, then errors in files, then warnings, so that none of these
/// pushes out what stops the change. At most ten lines: where there is more to say, the tenth
/// says how much.
pub fn github_annotations(report: &BudgetReport) -> Vec<String> {
    let (blocking, open): (Vec<_>, Vec<_>) =
        report.open_checks().into_iter().partition(|it| is_error(it));
    let findings = report.findings.iter().filter(|it| it.diagnostic.severity > Severity::Note);
    let (errors, warnings): (Vec<_>, Vec<_>) = findings.partition(|it| it.diagnostic.is_error());
    let mut all: Vec<String> = blocking.into_iter().map(|it| of_check(report, it)).collect();
    all.extend(errors.into_iter().map(of_finding));
    all.extend(open.into_iter().map(|it| of_check(report, it)));
    all.extend(warnings.into_iter().map(of_finding));
    let left = if all.len() > MOST { all.len() - (MOST - 1) } else { 0 };
    all.truncate(all.len() - left);
    if left > 0 {
        all.push(format!("::notice title=budget::and {left} more, all of them in the report"));
    }
    all
}

fn of_finding(finding: &FileFinding) -> String {
    let it = &finding.diagnostic;
    let level = if it.is_error() { "error" } else { "warning" };
    let mut properties = vec![format!("file={}", property(&finding.path))];
    if let Some(at) = &it.at {
        properties.push(format!("line={},col={}", at.line, at.column));
    }
    properties.push(format!("title={}", property(it.code)));
    format!("::{level} {}::{}", properties.join(","), data(&cut(&it.message, LONGEST)))
}

fn is_error(check: &BudgetCheck) -> bool {
    check.gate.verdict >= Verdict::Stale
}

fn of_check(report: &BudgetReport, check: &BudgetCheck) -> String {
    let level = if is_error(check) { "error" } else { "warning" };
    let changes = report.changes_of(check);
    let mut properties = Vec::new();
    if let Some(change) = changes.iter().find(|it| it.file.is_some()) {
        properties.extend(change.file.as_deref().map(|it| format!("file={}", property(it))));
        properties.extend(change.line.map(|it| format!("line={it}")));
    }
    let title =
        format!("{}: {} of {}", check.gate.verdict.as_str(), check.name.words(), scope(check));
    properties.push(format!("title={}", property(&title)));
    let mut message = check.message.clone();
    if !check.against.is_empty() {
        // Writing to a string cannot fail.
        let _ = write!(message, " (against {})", check.against);
    }
    for change in changes {
        let _ = write!(message, "\n{}", named(change));
    }
    format!("::{level} {}::{}", properties.join(","), data(&cut(&message, LONGEST)))
}
