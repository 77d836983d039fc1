use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::figures::{against, delta, evidence, has_moved, interval, scope, sides, summary, value};
use super::patch::patch;
use crate::budget::attribution::Change;
use crate::budget::report::{BudgetCheck, BudgetReport};
use crate::render::counted;
use crate::render::markdown::{finding, push_fitting, text};
use crate::render::visible::cut;
use crate::report::Verdict;

/// The first line, by which a workflow finds the comment it wrote before.
const MARKER: &str = "<!-- resontinex:budget -->";
/// The longest report in bytes; a comment holds about 64 kB.
const ROOM: usize = 60_000;
/// Bytes for the rows of overlays, and for findings.
const SECTION: usize = 12_000;
/// Bytes kept for the lines that say what was left out.
const LAST_LINES: usize = 1_000;
/// The longest name, and the longest sentence, in bytes.
const NAME: usize = 160;
const SENTENCE: usize = 500;
/// Changes that are listed for a check, and bytes of a patch.
const CHANGES: usize = 6;
const PATCH: usize = 4_000;
/// The longest line of a patch, in characters.
const LINE: usize = 300;

/// The report as GitHub Markdown for a comment that is replaced each time, at most 60,000
/// bytes: the verdict, a row per check of an overlay that moved, then every check that does not pass,
/// worst first, each folded with the patch that explains it. What does not fit is counted.
///
/// The first line is a hidden marker. Texts of files cannot add markup, links or mentions.
pub fn markdown(report: &BudgetReport) -> String {
    let mut res = head(report);
    push_rows(&mut res, report);
    for note in report.notes.iter().take(CHANGES) {
        // Writing to a string cannot fail.
        let _ = writeln!(res, "> {}\n", text(note, SENTENCE));
    }
    push_findings(&mut res, report);
    let open = report.open_checks();
    let mut patches = BTreeSet::new();
    let blocks = open.iter().map(|it| details(report, it, &mut patches));
    let room = ROOM.saturating_sub(res.len() + LAST_LINES);
    let shown = push_fitting(&mut res, blocks, room);
    if shown < open.len() {
        let left = counted(open.len() - shown, "more check");
        let _ = writeln!(res, "**{left} did not pass**; the JSON report has all of them.\n");
    }
    res
}

fn head(report: &BudgetReport) -> String {
    format!(
        "{MARKER}\n## Budget: {}\n\n{}<br>\n{}\n\n",
        report.verdict.as_str(),
        text(&sides(report), SENTENCE),
        text(&summary(report), SENTENCE),
    )
}

fn push_rows(to: &mut String, report: &BudgetReport) {
    let moved = report.checks.iter().filter(|it| it.scenario.is_none() && has_moved(it));
    let mut checks: Vec<_> = moved.collect();
    checks.sort_by_key(|it| std::cmp::Reverse(it.gate.verdict));
    if checks.is_empty() {
        return;
    }
    to.push_str(
        "| verdict | check | of | against | base | now | change | bounds | n |\n\
         |---|---|---|---|---:|---:|---:|---|---|\n",
    );
    let shown = push_fitting(to, checks.iter().map(|it| row(it)), SECTION);
    to.push('\n');
    if shown < checks.len() {
        let _ = writeln!(to, "and {} more\n", checks.len() - shown);
    }
}

fn row(check: &BudgetCheck) -> String {
    format!(
        "| {} | {} | <code>{}</code> | {} | {} | {} | {} | {} | {} |\n",
        mark(check.gate.verdict),
        check.name.words(),
        text(scope(check), NAME),
        text(&check.against, NAME),
        value(check, check.gate.base),
        value(check, check.gate.candidate),
        delta(check),
        interval(check),
        evidence(check),
    )
}

fn mark(verdict: Verdict) -> String {
    match verdict {
        Verdict::Pass => verdict.as_str().to_owned(),
        _ => format!("**{}**", verdict.as_str()),
    }
}

fn push_findings(to: &mut String, report: &BudgetReport) {
    if report.findings.is_empty() {
        return;
    }
    to.push_str("### Files\n\n");
    let shown = push_fitting(to, report.findings.iter().map(finding), SECTION);
    if shown < report.findings.len() {
        let _ = writeln!(to, "- and {} more", report.findings.len() - shown);
    }
    to.push('\n');
}

/// One check, folded. The blank line after the summary is where Markdown begins again.
fn details(report: &BudgetReport, check: &BudgetCheck, patches: &mut BTreeSet<String>) -> String {
    let mut res = format!(
        "<details>\n<summary><b>{}</b> {} of <code>{}</code>: {}</summary>\n\n",
        check.gate.verdict.as_str(),
        check.name.words(),
        text(scope(check), NAME),
        text(&check.message, SENTENCE),
    );
    let against = against(report, check);
    if !against.is_empty() {
        let _ = writeln!(res, "- {}", text(against.trim_start(), NAME));
    }
    let changes = report.changes_of(check);
    for change in changes.iter().take(CHANGES) {
        push_change(&mut res, change, patches);
    }
    if changes.len() > CHANGES {
        let _ = writeln!(res, "- and {}", counted(changes.len() - CHANGES, "more change"));
    }
    if let Some(explanation) = report.explanation(check) {
        let _ = writeln!(res, "- {}", text(&explanation.evidence, SENTENCE));
    }
    res += "\n</details>\n\n";
    res
}

/// A change; its patch where no check before has shown it.
fn push_change(to: &mut String, change: &Change, patches: &mut BTreeSet<String>) {
    let place = change.file.as_ref().map(|file| match change.line {
        Some(line) => format!(" at <code>{}:{line}</code>", text(file, NAME)),
        None => format!(" in <code>{}</code>", text(file, NAME)),
    });
    let tokens = change.tokens.map(|it| format!(", {it:+} prompt tokens"));
    let _ = writeln!(
        to,
        "- <code>{}</code>{}{}",
        text(&change.key, NAME),
        place.unwrap_or_default(),
        tokens.unwrap_or_default()
    );
    let lines: Vec<_> = patch(change).lines().map(|it| cut(it, LINE).into_owned()).collect();
    let patch = lines.join("\n");
    if !patch.is_empty() && patch.len() <= PATCH && patches.insert(patch.clone()) {
        // Longer than any run of backticks inside, so that the text cannot end it.
        let fence = "`".repeat(longest_run(&patch).max(2) + 1);
        let _ = writeln!(to, "\n{fence}diff\n{patch}\n{fence}\n");
    }
}

fn longest_run(text: &str) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}
