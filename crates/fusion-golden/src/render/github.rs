use std::cmp::Reverse;
use std::fmt::Write as _;

use overlay_model::Severity;

use super::order;
use super::visible::{cut, push_visible};
use crate::report::{Check, FileFinding, ScenarioReport, SuiteReport, Verdict};

/// How many annotations of one kind GitHub shows for a step.
const MOST: usize = 10;
/// The longest message, in characters.
const LONGEST: usize = 2000;

/// Workflow commands that show the report as annotations: one per scenario that did not
/// pass, and one per finding about a file, worst first.
///
/// At most ten lines: where there is more to say, the tenth says how much.
pub fn github_annotations(report: &SuiteReport) -> Vec<String> {
    let mut all: Vec<_> = order::findings(report)
        .into_iter()
        .filter(|it| it.diagnostic.severity > Severity::Note)
        .map(of_finding)
        .chain(order::not_passed(report).into_iter().map(of_scenario))
        .collect();
    all.sort_by_key(|it| Reverse(it.rank));
    let left = if all.len() > MOST { all.len() - (MOST - 1) } else { 0 };
    all.truncate(all.len() - left);
    let mut res: Vec<_> = all.iter().map(Annotation::command).collect();
    if left > 0 {
        res.push(format!("::notice title=golden::and {left} more, all of them in the report"));
    }
    res
}

struct Annotation {
    rank: Verdict,
    file: Option<String>,
    /// The line, and the column where it is known.
    place: Option<(usize, Option<usize>)>,
    title: String,
    message: String,
}

fn of_finding(finding: &FileFinding) -> Annotation {
    let it = &finding.diagnostic;
    Annotation {
        rank: if it.is_error() { Verdict::Invalid } else { Verdict::Warn },
        file: Some(finding.path.clone()),
        place: it.at.as_ref().map(|at| (at.line, Some(at.column))),
        title: it.code.to_owned(),
        message: with_hint(&it.message, it.hint.as_deref()),
    }
}

fn of_scenario(scenario: &ScenarioReport) -> Annotation {
    let checks = order::checks(scenario);
    let worst = checks.first().copied();
    Annotation {
        rank: scenario.verdict,
        file: worst.and_then(|it| it.file.clone()),
        place: worst.and_then(|it| it.line).map(|line| (line, None)),
        title: title(scenario, worst),
        message: message(scenario, &checks),
    }
}

/// `GLD2001 fail: refund_processing_duplicate`.
fn title(scenario: &ScenarioReport, worst: Option<&Check>) -> String {
    let code = worst.map(|it| format!("{} ", it.code)).unwrap_or_default();
    format!("{code}{}: {}", scenario.verdict.as_str(), scenario.id)
}

fn message(scenario: &ScenarioReport, checks: &[&Check]) -> String {
    let Some((worst, others)) = checks.split_first() else {
        return format!("the scenario came to {}", scenario.verdict.as_str());
    };
    let mut res = match &worst.key {
        Some(key) => format!("{key}: {}", worst.message),
        None => worst.message.clone(),
    };
    res = with_hint(&res, worst.hint.as_deref());
    if !others.is_empty() {
        // Writing to a string cannot fail.
        let _ = write!(res, "\n{}", super::counted(others.len(), "more check"));
    }
    res
}

fn with_hint(message: &str, hint: Option<&str>) -> String {
    match hint {
        Some(hint) => format!("{message}\n{hint}"),
        None => message.to_owned(),
    }
}

impl Annotation {
    fn command(&self) -> String {
        let level = if self.rank >= Verdict::Stale { "error" } else { "warning" };
        let mut properties = Vec::new();
        if let Some(file) = &self.file {
            properties.push(format!("file={}", property(file)));
        }
        if let Some((line, column)) = self.place {
            properties.push(format!("line={line}"));
            properties.extend(column.map(|it| format!("col={it}")));
        }
        properties.push(format!("title={}", property(&self.title)));
        format!("::{level} {}::{}", properties.join(","), data(&cut(&self.message, LONGEST)))
    }
}

/// The message of a workflow command, with what the runner would act on escaped.
pub(crate) fn data(text: &str) -> String {
    let mut res = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '%' => res.push_str("%25"),
            '\r' => res.push_str("%0D"),
            '\n' => res.push_str("%0A"),
            _ => push_visible(&mut res, c),
        }
    }
    res
}

/// A property of a workflow command, in which the separators count too.
pub(crate) fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
