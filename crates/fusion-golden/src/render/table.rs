use std::fmt::Write as _;

use super::visible::{cut, visible};
use super::{
    answering, check_word, counted, order, overlay_name, passed_with_remarks, summary, weight,
};
use crate::report::{Agreement, BillItem, Check, ScenarioReport, SideReport, SuiteReport, Verdict};

/// Disagreements that are listed for a model.
const DISAGREEMENTS: usize = 10;
/// Scenarios up to which every one has its row; above, clean passes are only counted.
const ALL_ROWS: usize = 60;
/// The narrowest a column of names becomes.
const NARROWEST: usize = 12;
/// Blanks between columns.
const GAP: &str = "  ";

const COLUMNS: usize = 7;
/// Columns of names, which are cut where the terminal is too narrow.
const NAMES: [usize; 2] = [0, 1];
/// The first column of numbers, which stand at the right.
const FIRST_NUMBER: usize = 3;

/// The report for a terminal of `width` columns: the summary, a row per scenario, then for
/// each that did not pass its checks and where its prompt tokens go, for passes what there is
/// to remark and the bill where one was asked for, agreement with recorded labels, findings
/// about files, and the summary again. In a large suite passes are only counted.
///
/// Only the table is fitted to the width. Without `color` there is no escape sequence in the
/// text.
pub fn table(report: &SuiteReport, width: usize, color: bool) -> String {
    let ink = Ink(color);
    let summary = ink.verdict(report.verdict, &visible(&summary(report)));
    let mut res = format!("{summary}\n");
    if !report.scenarios.is_empty() {
        res.push('\n');
        push_rows(&mut res, report, width, ink);
    }
    let remarked = |it: &ScenarioReport| !is_large(report) && !it.checks.is_empty();
    let passes = report.scenarios.iter().filter(|it| it.verdict == Verdict::Pass);
    let told = passes.filter(|it| !it.bill.is_empty() || remarked(it));
    for scenario in order::not_passed(report).into_iter().chain(told) {
        res.push('\n');
        push_details(&mut res, scenario, report.encoding.as_deref(), ink);
    }
    if !report.agreement.is_empty() {
        res.push_str("\nrules and recorded labels:\n");
    }
    for agreement in &report.agreement {
        push_agreement(&mut res, agreement);
    }
    push_findings(&mut res, report);
    if res.lines().count() > 1 {
        let _ = writeln!(res, "\n{summary}");
    }
    res
}

/// What [`table`] says about one scenario: its verdict, why this overlay answers, its checks
/// worst first, and where its prompt tokens go, counted with `encoding`.
pub fn scenario(scenario: &ScenarioReport, encoding: Option<&str>, color: bool) -> String {
    let mut res = String::new();
    push_details(&mut res, scenario, encoding, Ink(color));
    res
}

/// Whether, and how, verdicts are coloured.
#[derive(Clone, Copy)]
pub(crate) struct Ink(pub(crate) bool);

impl Ink {
    pub(crate) fn verdict(self, verdict: Verdict, text: &str) -> String {
        let code = match verdict {
            Verdict::Pass => "32",
            Verdict::Warn | Verdict::Insufficient => "33",
            Verdict::Stale => "35",
            Verdict::Fail => "31",
            Verdict::Invalid => "1;31",
        };
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

fn is_large(report: &SuiteReport) -> bool {
    report.scenarios.len() > ALL_ROWS
}

type Cells = [String; COLUMNS];

fn push_rows(to: &mut String, report: &SuiteReport, width: usize, ink: Ink) {
    let listed = |it: &&ScenarioReport| !is_large(report) || it.verdict != Verdict::Pass;
    let rows: Vec<_> =
        report.scenarios.iter().filter(listed).map(|it| (Some(it.verdict), cells(it))).collect();
    let folded = report.scenarios.len() - rows.len();
    let head = ["scenario", "overlay", "verdict", "trust", "calls", "tokens", "units"];
    let mut all = vec![(None, head.map(str::to_owned))];
    all.extend(rows);
    let widths = fitted(widths(&all), width);
    if all.len() > 1 {
        for (verdict, cells) in &all {
            push_row(to, cells, &widths, verdict.map(|it| (it, ink)));
        }
    }
    if folded > 0 {
        let remarks = match passed_with_remarks(report) {
            0 => String::new(),
            n => format!(", {n} of them with remarks"),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(to, "{} passed and are not listed{remarks}", counted(folded, "scenario"));
    }
}

fn cells(scenario: &ScenarioReport) -> Cells {
    let side = answering(scenario);
    let number = |it: Option<String>| it.unwrap_or_else(|| "-".to_owned());
    [
        visible(&scenario.id).into_owned(),
        visible(overlay_name(scenario)).into_owned(),
        scenario.verdict.as_str().to_owned(),
        number(side.and_then(|it| it.trust).map(|it| format!("{it:.2}"))),
        number(side.map(|it| it.calls.to_string())),
        number(side.and_then(tokens)),
        number(side.map(|it| format!("{:.2}", it.units))),
    ]
}

/// `412/96`: of the prompt and of the answer.
fn tokens(side: &SideReport) -> Option<String> {
    let (prompt, answer) = (side.prompt_tokens, side.answer_tokens);
    if prompt.is_none() && answer.is_none() {
        return None;
    }
    let shown = |it: Option<usize>| it.map_or("-".to_owned(), |it| it.to_string());
    Some(format!("{}/{}", shown(prompt), shown(answer)))
}

fn widths(rows: &[(Option<Verdict>, Cells)]) -> [usize; COLUMNS] {
    let mut res = [0; COLUMNS];
    for (_, cells) in rows {
        for (width, cell) in res.iter_mut().zip(cells) {
            *width = (*width).max(cell.chars().count());
        }
    }
    res
}

/// The widths with the columns of names made narrower, the wider one first, until a row fits
/// or both are as narrow as they become.
fn fitted(mut widths: [usize; COLUMNS], room: usize) -> [usize; COLUMNS] {
    let total: usize = widths.iter().sum::<usize>() + GAP.len() * (COLUMNS - 1);
    for _ in room..total {
        let widest = widths.iter_mut().take(NAMES.len()).max_by_key(|it| **it);
        match widest {
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
    for (at, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let cell = cut(cell, *width);
        let blanks = " ".repeat(width.saturating_sub(cell.chars().count()));
        let cell = match ink {
            Some((verdict, ink)) if at == FIRST_NUMBER - 1 => ink.verdict(verdict, &cell),
            _ => cell.into_owned(),
        };
        let (left, right) = if at < FIRST_NUMBER { (cell, blanks) } else { (blanks, cell) };
        line.push_str(if at == 0 { "" } else { GAP });
        line.push_str(&left);
        line.push_str(&right);
    }
    to.push_str(line.trim_end());
    to.push('\n');
}

fn push_details(to: &mut String, scenario: &ScenarioReport, encoding: Option<&str>, ink: Ink) {
    let verdict = ink.verdict(scenario.verdict, scenario.verdict.as_str());
    let _ = writeln!(to, "{verdict} {} ({})", visible(&scenario.id), weight(scenario));
    if !scenario.selection.is_empty() {
        let why = scenario.selection.join("; ");
        let _ = writeln!(to, "  {}: {}", visible(overlay_name(scenario)), visible(&why));
    }
    for check in order::checks(scenario) {
        push_check(to, check, ink);
    }
    push_bill(to, &scenario.bill, encoding);
}

fn push_check(to: &mut String, check: &Check, ink: Ink) {
    let verdict = ink.verdict(check.verdict, check_word(check));
    let _ = writeln!(to, "  {verdict}[{}]: {}", check.code, visible(&check.message));
    for (name, text) in [("file", &check.place()), ("key", &check.key), ("hint", &check.hint)] {
        if let Some(text) = text {
            let _ = writeln!(to, "    {name}: {}", visible(text));
        }
    }
}

fn push_bill(to: &mut String, bill: &[BillItem], encoding: Option<&str>) {
    if bill.is_empty() {
        return;
    }
    let encoding = encoding.map(|it| format!(" ({})", visible(it))).unwrap_or_default();
    let _ = writeln!(to, "  prompt tokens{encoding}:");
    for item in bill {
        let _ = writeln!(to, "  {:>+8}  {}", item.tokens, visible(&item.part));
    }
}

fn push_agreement(to: &mut String, agreement: &Agreement) {
    let Agreement { model, labelled, equal, share, disagreements } = agreement;
    let _ = writeln!(to, "  {}: {equal} of {labelled} equal, {share:.4}", visible(model));
    for it in disagreements.iter().take(DISAGREEMENTS) {
        let _ = writeln!(
            to,
            "    {}: label {}, rules {}: {}",
            visible(&it.scenario),
            it.label,
            it.rules,
            visible(&it.evidence)
        );
    }
    let left = disagreements.len().saturating_sub(DISAGREEMENTS);
    if left > 0 {
        let _ = writeln!(to, "    and {left} more");
    }
}

fn push_findings(to: &mut String, report: &SuiteReport) {
    for (at, it) in order::findings(report).into_iter().enumerate() {
        to.push_str(if at == 0 { "\n" } else { "" });
        let _ = writeln!(to, "{}", visible(&it.to_string()));
    }
}
