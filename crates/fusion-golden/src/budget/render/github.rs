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

/// Workflow commands that show the report as annotations: one per finding about a file and
/// one per check that does not pass, at the line of the change that explains it, worst
/// first. At most ten lines: where there is more to say, the tenth says how much.
pub fn github_annotations(report: &BudgetReport) -> Vec<String> {
    let findings = report.findings.iter().filter(|it| it.diagnostic.severity > Severity::Note);
    let mut all: Vec<String> = findings.map(of_finding).collect();
    all.extend(report.open_checks().into_iter().map(|it| of_check(report, it)));
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

fn of_check(report: &BudgetReport, check: &BudgetCheck) -> String {
    let level = if check.gate.verdict >= Verdict::Stale { "error" } else { "warning" };
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
