use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::visible::push_visible;
use super::{
    by_verdict, check_word, counted, order, overlay_name, passed_with_remarks, summary, weight,
};
use crate::report::{Agreement, Check, FileFinding, ScenarioReport, SuiteReport, Verdict};

/// The first line, by which a workflow finds the comment it wrote before.
const MARKER: &str = "<!-- resontinex:golden -->";
/// The longest report in bytes; a comment holds about 64 kB.
const ROOM: usize = 60_000;
/// Bytes for findings about files, and for agreement with labels.
const SECTION: usize = 9_000;
/// Bytes kept for the line that says what was left out.
const LAST_LINE: usize = 400;
/// The longest name, path or key, and the longest sentence, in bytes.
const NAME: usize = 120;
const SENTENCE: usize = 500;
/// Checks, selection reasons, parts of the bill, and disagreements that are listed.
const ITEMS: usize = 10;

/// The report as GitHub Markdown for a comment or a step summary, at most 60,000 bytes:
/// counts, findings about files, then every scenario that did not pass, worst first, each
/// folded. What does not fit is counted in a line of its own.
///
/// Texts of files cannot add markup, links or mentions to it.
pub fn markdown(report: &SuiteReport) -> String {
    let mut res = head(report);
    let findings = section(
        "### Files\n\n",
        &order::findings(report).into_iter().map(finding).collect::<Vec<_>>(),
    );
    let agreement = section(
        "### Rules and recorded labels\n\n",
        &report.agreement.iter().map(agreement).collect::<Vec<_>>(),
    );
    res += &findings;
    let room = ROOM.saturating_sub(res.len() + agreement.len() + LAST_LINE);
    push_scenarios(&mut res, report, room);
    res += &agreement;
    res
}

fn head(report: &SuiteReport) -> String {
    let mut res = format!(
        "{MARKER}\n## Golden tests: {}\n\nSuite <code>{}</code>, {}\n\n\
         | verdict | scenarios |\n|---|---:|\n",
        report.verdict.as_str(),
        text(&report.suite, NAME),
        text(&summary(report), SENTENCE),
    );
    for (verdict, n) in by_verdict(&report.counts).into_iter().rev().filter(|(_, n)| *n > 0) {
        // Writing to a string cannot fail.
        let _ = writeln!(res, "| {} | {n} |", verdict.as_str());
    }
    res.push('\n');
    if let n @ 1.. = passed_with_remarks(report) {
        let _ =
            writeln!(res, "{} passed with remarks: see the JSON report.\n", counted(n, "scenario"));
    }
    res
}

/// A section of as many blocks as have room, and how many more there are.
fn section(head: &str, blocks: &[String]) -> String {
    if blocks.is_empty() {
        return String::new();
    }
    let mut res = head.to_owned();
    let shown = push_fitting(&mut res, blocks.iter().map(String::as_str), SECTION);
    if shown < blocks.len() {
        let _ = writeln!(res, "- and {} more", blocks.len() - shown);
    }
    res.push('\n');
    res
}

/// Appends blocks until one does not fit into `room` bytes; returns how many were.
pub(crate) fn push_fitting<T: AsRef<str>>(
    to: &mut String,
    blocks: impl Iterator<Item = T>,
    room: usize,
) -> usize {
    let end = to.len() + room;
    let mut shown = 0;
    for block in blocks {
        if to.len() + block.as_ref().len() > end {
            break;
        }
        to.push_str(block.as_ref());
        shown += 1;
    }
    shown
}

fn push_scenarios(to: &mut String, report: &SuiteReport, room: usize) {
    let scenarios = order::not_passed(report);
    let encoding = report.encoding.as_deref();
    let shown = push_fitting(to, scenarios.iter().map(|it| details(it, encoding)), room);
    let Some(left @ [_, ..]) = scenarios.get(shown..) else { return };
    let mut kinds = BTreeMap::<Verdict, usize>::new();
    for it in left {
        *kinds.entry(it.verdict).or_default() += 1;
    }
    let kinds: Vec<_> =
        kinds.iter().rev().map(|(verdict, n)| format!("{n} {}", verdict.as_str())).collect();
    let _ = writeln!(
        to,
        "**{} more did not pass** and {} no room here ({}); the JSON report has all of them.\n",
        counted(left.len(), "scenario"),
        if left.len() == 1 { "has" } else { "have" },
        kinds.join(", ")
    );
}

/// One scenario, folded. The blank line after the summary is where Markdown begins again.
fn details(scenario: &ScenarioReport, encoding: Option<&str>) -> String {
    let mut res = format!(
        "<details>\n<summary><b>{}</b> <code>{}</code> ({}, {})</summary>\n\n",
        scenario.verdict.as_str(),
        text(&scenario.id, NAME),
        text(overlay_name(scenario), NAME),
        weight(scenario)
    );
    let checks = order::checks(scenario);
    for check in checks.iter().take(ITEMS) {
        push_check(&mut res, check);
    }
    if checks.len() > ITEMS {
        let _ = writeln!(res, "- and {}", counted(checks.len() - ITEMS, "more check"));
    }
    if !scenario.selection.is_empty() {
        let _ = writeln!(res, "- selected: {}", text(&scenario.selection.join("; "), SENTENCE));
    }
    push_bill(&mut res, scenario, encoding);
    res += "\n</details>\n\n";
    res
}

fn push_check(to: &mut String, check: &Check) {
    let _ = writeln!(
        to,
        "- **{}** {}: {}",
        check_word(check),
        check.code,
        text(&check.message, SENTENCE)
    );
    for (name, it) in [("file", &check.place()), ("key", &check.key)] {
        if let Some(it) = it {
            let _ = writeln!(to, "  - {name}: <code>{}</code>", text(it, NAME));
        }
    }
    if let Some(hint) = &check.hint {
        let _ = writeln!(to, "  - hint: {}", text(hint, SENTENCE));
    }
}

fn push_bill(to: &mut String, scenario: &ScenarioReport, encoding: Option<&str>) {
    if scenario.bill.is_empty() {
        return;
    }
    let encoding = encoding.map(|it| format!(" ({})", text(it, NAME))).unwrap_or_default();
    let _ = writeln!(to, "\n| prompt part | tokens{encoding} |\n|---|---:|");
    for item in scenario.bill.iter().take(ITEMS) {
        let _ = writeln!(to, "| {} | {:+} |", text(&item.part, NAME), item.tokens);
    }
    if let Some(left @ [_, ..]) = scenario.bill.get(ITEMS..) {
        let sum = left.iter().fold(0_i64, |sum, it| sum.saturating_add(it.tokens));
        let _ = writeln!(to, "| {} | {sum:+} |", counted(left.len(), "more part"));
    }
}

pub(crate) fn finding(finding: &FileFinding) -> String {
    let it = &finding.diagnostic;
    let place = it.at.as_ref().map(|at| format!(":{}:{}", at.line, at.column));
    let mut res = format!(
        "- **{}** {} <code>{}{}</code>: {}",
        it.severity,
        it.code,
        text(&finding.path, NAME),
        place.unwrap_or_default(),
        text(&it.message, SENTENCE)
    );
    if let Some(hint) = &it.hint {
        let _ = write!(res, " ({})", text(hint, SENTENCE));
    }
    res.push('\n');
    res
}

fn agreement(agreement: &Agreement) -> String {
    let Agreement { model, labelled, equal, share, disagreements } = agreement;
    let mut res = format!("- {}: {equal} of {labelled} equal, {share:.4}\n", text(model, NAME));
    for it in disagreements.iter().take(ITEMS) {
        let _ = writeln!(
            res,
            "  - <code>{}</code>: label {}, rules {}: {}",
            text(&it.scenario, NAME),
            it.label,
            it.rules,
            text(&it.evidence, NAME)
        );
    }
    if disagreements.len() > ITEMS {
        let _ = writeln!(res, "  - and {} more", disagreements.len() - ITEMS);
    }
    res
}

/// `text` as text and nothing else, in Markdown as in HTML, in at most `room` bytes; what is
/// longer ends in `…`.
pub(crate) fn text(text: &str, room: usize) -> String {
    let mut res = String::new();
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let end = res.len();
        push_inert(&mut res, before, c, rest.peek().copied());
        if res.len() + '…'.len_utf8() > room {
            res.truncate(end);
            res.push('…');
            break;
        }
        before = c;
    }
    res
}

/// Appends `c` so that neither Markdown nor HTML nor GitHub's own links act on it.
///
/// Entities work in both languages. Mentions, issue numbers and bare addresses are found
/// only after entities are read; these are broken by a character without width.
fn push_inert(to: &mut String, before: char, c: char, next: Option<char>) {
    let in_word = |it: char| it.is_alphanumeric() || it == '_';
    match c {
        '&' => to.push_str("&amp;"),
        '<' => to.push_str("&lt;"),
        '>' => to.push_str("&gt;"),
        '_' if in_word(before) && next.is_some_and(in_word) => to.push('_'),
        '|' | '`' | '*' | '_' | '~' | '[' | ']' | '\\' | '$' | '!' => {
            // Writing to a string cannot fail.
            let _ = write!(to, "&#{};", u32::from(c));
        }
        '@' | '#' => {
            to.push(c);
            to.push_str("&#8203;");
        }
        ':' if next == Some('/') => to.push_str(":&#8203;"),
        '.' if to.ends_with("www") => to.push_str("&#8203;."),
        _ => push_visible(to, c),
    }
}
