use std::collections::BTreeSet;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::bars::bars;
use super::figures::{self, by_verdict, delta, evidence, interval, scope, value};
use super::forest::forest;
use super::latency::latency;
use super::patch::{lines, patch};
use super::slopes::slopes;
use super::style::STYLE;
use crate::budget::attribution::Change;
use crate::budget::report::{BudgetReport, ScenarioPair, Side};
use crate::render::visible::visible;

/// Checks and differences that are shown in full.
const MOST_CHECKS: usize = 80;
const MOST_DIFFS: usize = 20;
/// Lines of one difference.
const MOST_LINES: usize = 120;

/// The report as one HTML file without script: verdict, effects with bounds and limits,
/// tokens of every scenario on both sides, latency, where prompt tokens go, and what changed
/// as patches. Light or dark as the reader's system is.
pub fn html(report: &BudgetReport) -> String {
    let verdict = report.verdict.as_str();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy"
                    content="default-src 'none'; style-src 'unsafe-inline'";
                title { "Budget: " (verdict) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    (head(report))
                    h2 { "Effects and limits" }
                    (forest(report))
                    @for base in &report.bases { (against(report, base)) }
                    (open(report))
                    (texts(report))
                    (all_checks(report))
                    (findings(report))
                }
            }
        }
    };
    page.into_string() + "\n"
}

fn head(report: &BudgetReport) -> Markup {
    let verdict = report.verdict.as_str();
    html! {
        header {
            h1 { span class={ "badge big " (verdict) } { (verdict) } " Budget" }
            p { (side(&report.candidate)) " against "
                @for (at, base) in report.bases.iter().enumerate() {
                    @if at > 0 { " and " }
                    (side(base))
                }
                @if report.bases.is_empty() { "nothing" }
            }
            ul.counts {
                @for (verdict, n) in by_verdict(report) {
                    li { span class={ "badge " (verdict.as_str()) } { (verdict.as_str()) } " " (n) }
                }
            }
            @for note in &report.notes { p.note { (visible(note)) } }
        }
    }
}

fn side(side: &Side) -> Markup {
    html! { b { (visible(&side.name)) } " " span.quiet { code { (side.digest.short()) } } }
}

/// The figures of one comparison.
fn against(report: &BudgetReport, base: &Side) -> Markup {
    let pairs: Vec<&ScenarioPair> =
        report.pairs.iter().filter(|it| it.against == base.name).collect();
    let identical = pairs.iter().filter(|it| it.identical).count();
    let bills: Vec<_> = report.bills.iter().filter(|it| it.against == base.name).collect();
    html! {
        h2 { "Tokens against " (visible(&base.name)) }
        @if identical > 0 {
            p.quiet { (identical) " of " (pairs.len()) " scenarios make the same requests on both sides." }
        }
        div.figures {
            (slopes("Prompt tokens", &pairs, |it| it.prompt_tokens))
            (slopes("Answer tokens", &pairs, |it| it.output_tokens))
            @if let Some(figure) = latency(report, &base.name, &pairs) { (figure) }
        }
        @if !bills.is_empty() {
            h3 { "Where the prompt tokens go" }
            p.quiet { "What each change adds by itself, in the first scenario of its overlay." }
            @for bill in bills { (bars(bill)) }
        }
    }
}

/// What does not pass, with the changes that explain it.
fn open(report: &BudgetReport) -> Markup {
    let open = report.open_checks();
    let mut shown = BTreeSet::new();
    html! {
        @if !open.is_empty() {
            h2 { "What does not pass" }
            @for check in open.iter().take(MOST_CHECKS) {
                details open[check.scenario.is_none()] {
                    summary {
                        span class={ "badge " (check.gate.verdict.as_str()) } { (check.gate.verdict.as_str()) }
                        " " b { (check.name.words()) } " " code { (visible(scope(check))) } ": "
                        (visible(&check.message))
                    }
                    @let against = figures::against(report, check);
                    @if !against.is_empty() { p.quiet { (visible(&against)) } }
                    @for change in report.changes_of(check) { (changed(change, &mut shown)) }
                    @if let Some(found) = report.explanation(check) { p.quiet { (visible(&found.evidence)) } }
                }
            }
            @if open.len() > MOST_CHECKS { p.quiet { (open.len() - MOST_CHECKS) " more: see the JSON report." } }
        }
    }
}

/// A change, with its patch where no check before has shown it.
fn changed(change: &Change, shown: &mut BTreeSet<String>) -> Markup {
    let patch = patch(change);
    let is_new = shown.insert(format!("{:?} {patch}", change.file));
    html! {
        p {
            code { (visible(&change.key)) }
            @if let Some(file) = &change.file {
                " at " code { (visible(file)) @if let Some(line) = change.line { ":" (line) } }
            }
            @if let Some(tokens) = change.tokens { " " b { (format!("{tokens:+}")) } " prompt tokens" }
        }
        @if is_new { (difference(&patch)) }
    }
}

/// The lines of a patch, marked by what they begin with.
fn difference(patch: &str) -> Markup {
    html! {
        pre {
            @for line in patch.lines() {
                @let kind = match line.chars().next() {
                    Some('+') => "add",
                    Some('-') => "del",
                    _ => "ctx",
                };
                span class=(kind) { (line) "\n" }
            }
        }
    }
}

/// Prompts and answers that differ.
fn texts(report: &BudgetReport) -> Markup {
    let mut prompts: Vec<&ScenarioPair> = Vec::new();
    for pair in report.pairs.iter().filter(|it| it.prompts.is_some()) {
        let known = |it: &&ScenarioPair| it.against == pair.against && it.prompts == pair.prompts;
        if !prompts.iter().any(known) {
            prompts.push(pair);
        }
    }
    let answers = report.pairs.iter().filter(|it| it.answers.is_some());
    let prompts = prompts.into_iter().map(|it| ("Prompt of", it, &it.prompts));
    let all: Vec<_> = prompts.chain(answers.map(|it| ("Answer to", it, &it.answers))).collect();
    html! {
        @if !all.is_empty() {
            h2 { "Texts that differ" }
            @for (what, pair, texts) in all.iter().take(MOST_DIFFS) {
                details {
                    summary {
                        (what) " " code { (visible(&pair.scenario)) } " "
                        span.quiet { "against " (visible(&pair.against)) }
                    }
                    @if let Some([before, after]) = texts {
                        (difference(&lines(before, after, MOST_LINES)))
                    }
                }
            }
            @if all.len() > MOST_DIFFS { p.quiet { (all.len() - MOST_DIFFS) " more texts differ." } }
        }
    }
}

fn all_checks(report: &BudgetReport) -> Markup {
    let checks: Vec<_> = report.checks.iter().filter(|it| it.scenario.is_none()).collect();
    html! {
        h2 { "Checks of overlays" }
        div.scroll {
            table {
                thead { tr {
                    th { "verdict" } th { "check" } th { "of" } th { "against" }
                    th.n { "base" } th.n { "now" } th.n { "change" } th { "bounds" } th { "n" }
                } }
                tbody {
                    @for check in checks {
                        tr {
                            td { span class={ "badge " (check.gate.verdict.as_str()) } { (check.gate.verdict.as_str()) } }
                            td { (check.name.words()) }
                            td { (visible(scope(check))) }
                            td { (visible(&check.against)) }
                            td.n { (value(check, check.gate.base)) }
                            td.n { (value(check, check.gate.candidate)) }
                            td.n { (delta(check)) }
                            td { (interval(check)) }
                            td { (evidence(check)) }
                        }
                    }
                }
            }
        }
    }
}

fn findings(report: &BudgetReport) -> Markup {
    html! {
        @if !report.findings.is_empty() {
            h2 { "Files" }
            ul {
                @for it in &report.findings {
                    li { code { (visible(&it.path)) } " " (visible(&it.diagnostic.to_string())) }
                }
            }
        }
    }
}
