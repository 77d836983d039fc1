use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::figures::{against, delta, evidence, has_moved, interval, scope, sides, summary, value};
use super::patch::patch;
use crate::budget::attribution::Change;
use crate::budget::report::{BudgetCheck, BudgetReport};
use crate::render::table::Ink;
use crate::render::visible::{cut, visible};
use crate::report::Verdict;

const COLUMNS: usize = 9;
/// The first column of numbers, which stand at the right.
const FIRST_NUMBER: usize = 4;
/// The columns of names, which are cut where the terminal is too narrow.
const NAMES: [usize; 2] = [2, 3];
/// The column that names the base.
const AGAINST: usize = 3;
/// The narrowest a column of names becomes.
const NARROWEST: usize = 10;
const GAP: &str = "  ";
/// Lines of a patch that are shown.
const PATCH: usize = 12;

type Cells = [String; COLUMNS];

/// The report for a terminal of `width` columns: the verdict, a row per check that moved,
/// worst first, then for each that does not pass the keys that explain it with file and
/// line, notes, findings, and the verdict again.
///
/// Without `color` there is no escape sequence in the text.
pub fn table(report: &BudgetReport, width: usize, color: bool) -> String {
    let ink = Ink(color);
    let head = ink.verdict(report.verdict, &summary(report));
    let mut res = format!("{head}\n{}\n", visible(&sides(report)));
    push_rows(&mut res, report, width, ink);
    let mut shown = BTreeSet::new();
    for check in report.open_checks() {
        push_details(&mut res, report, check, ink);
        push_changes(&mut res, report, check, width, &mut shown);
    }
    for note in &report.notes {
        // Writing to a string cannot fail.
        let _ = writeln!(res, "\nnote: {}", visible(note));
    }
    for (at, it) in report.findings.iter().enumerate() {
        res.push_str(if at == 0 { "\n" } else { "" });
        let _ = writeln!(res, "{}", visible(&it.to_string()));
    }
    let _ = writeln!(res, "\n{head}");
    res
}

fn push_rows(to: &mut String, report: &BudgetReport, width: usize, ink: Ink) {
    let listed = |it: &&BudgetCheck| {
        has_moved(it) && (it.scenario.is_none() || it.gate.verdict != Verdict::Pass)
    };
    let mut checks: Vec<_> = report.checks.iter().filter(listed).collect();
    checks.sort_by_key(|it| (std::cmp::Reverse(it.gate.verdict), it.scenario.is_some()));
    let passed = report.checks.len() - checks.len();
    let head = ["verdict", "check", "of", "against", "base", "now", "change", "bounds", "n"];
    let mut rows = vec![(None, head.map(str::to_owned))];
    rows.extend(checks.iter().map(|it| (Some(it.gate.verdict), cells(it))));
    if report.bases.len() < 2 {
        // The one base stands above.
        rows.iter_mut().for_each(|(_, cells)| cells[AGAINST].clear());
    }
    let widths = fitted(&rows, width);
    to.push('\n');
    for (verdict, cells) in &rows {
        push_row(to, cells, &widths, verdict.map(|it| (it, ink)));
    }
    if passed > 0 {
        let _ = writeln!(to, "{passed} further checks pass");
    }
}

fn cells(check: &BudgetCheck) -> Cells {
    [
        check.gate.verdict.as_str().to_owned(),
        check.name.words().to_owned(),
        visible(scope(check)).into_owned(),
        visible(&check.against).into_owned(),
        value(check, check.gate.base),
        value(check, check.gate.candidate),
        delta(check),
        interval(check),
        evidence(check),
    ]
}

/// The widths of the columns, those of names made narrower until a row fits.
fn fitted(rows: &[(Option<Verdict>, Cells)], room: usize) -> [usize; COLUMNS] {
    let mut widths = [0; COLUMNS];
    for (_, cells) in rows {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let total = widths.iter().sum::<usize>() + GAP.len() * (COLUMNS - 1);
    for _ in room..total {
        let names = widths.iter_mut().enumerate().filter(|(at, _)| NAMES.contains(at));
        match names.map(|(_, it)| it).max_by_key(|it| **it) {
            Some(it) if *it > NARROWEST => *it -= 1,
            _ => break,
        }
    }
    widths
}

fn push_row(
    to: &mut String,
    cells: &Cells,
    widths: &[usize; COLUMNS],
    ink: Option<(Verdict, Ink)>,
) {
    let mut line = String::new();
    for (at, (cell, width)) in cells.iter().zip(widths).enumerate().filter(|(_, it)| *it.1 > 0) {
        let cell = cut(cell, *width);
        let blanks = " ".repeat(width.saturating_sub(cell.chars().count()));
        let shown = match ink {
            Some((verdict, ink)) if at == 0 => ink.verdict(verdict, &cell),
            _ => cell.into_owned(),
        };
        line.push_str(if at == 0 { "" } else { GAP });
        let (left, right) = if at < FIRST_NUMBER { (shown, blanks) } else { (blanks, shown) };
        line.push_str(&left);
        line.push_str(&right);
    }
    to.push_str(line.trim_end());
    to.push('\n');
}

fn push_details(to: &mut String, report: &BudgetReport, check: &BudgetCheck, ink: Ink) {
    let verdict = ink.verdict(check.gate.verdict, check.gate.verdict.as_str());
    let against = against(report, check);
    let _ = writeln!(
        to,
        "\n{verdict} {} of {}{}: {}",
        check.name.words(),
        visible(scope(check)),
        visible(&against),
        visible(&check.message)
    );
    if let Some(explanation) = report.explanation(check) {
        let _ = writeln!(to, "  {}", visible(&explanation.evidence));
    }
}

/// The changes that explain a check; each patch once, though it explains several.
fn push_changes(
    to: &mut String,
    report: &BudgetReport,
    check: &BudgetCheck,
    width: usize,
    shown: &mut BTreeSet<String>,
) {
    for change in report.changes_of(check) {
        let name = named(change);
        let _ = writeln!(to, "  {}", visible(&name));
        if shown.insert(name) {
            for line in patch(change).lines().take(PATCH) {
                let line = format!("    {}", cut(line, width.saturating_sub(4)));
                let _ = writeln!(to, "{}", line.trim_end());
            }
        }
    }
}

/// `prompt: Core Directive (+301 tokens) at configs/micro_overlays/refund.md:12`.
pub(super) fn named(change: &Change) -> String {
    let tokens = change.tokens.map(|it| format!(" ({it:+} prompt tokens)"));
    let place = change.file.as_ref().map(|file| match change.line {
        Some(line) => format!(" at {file}:{line}"),
        None => format!(" in {file}"),
    });
    format!("{}{}{}", change.key, tokens.unwrap_or_default(), place.unwrap_or_default())
}
