//! Effects with their bounds, beside the lines where the gate warns and blocks.

use maud::{Markup, html};

use super::figures::{against, delta, has_moved, interval, scope};
use super::scale::{Scale, c};
use crate::budget::report::{BudgetCheck, BudgetReport, Noise, Subject};
use crate::render::visible::visible;

/// Rows that are drawn.
const MOST: usize = 60;
/// Effects beyond three times the base stand at the end of the line.
const FARTHEST: f64 = 3.0;

/// Shares more than the base: tokens, cost, failures, scores. Latency is in seconds and has
/// a figure of its own.
fn is_share(check: &BudgetCheck) -> bool {
    use Subject::{Cost, Failures, OutputTokens, PromptTokens, Quality};
    matches!(check.name, PromptTokens | OutputTokens | Cost | Failures | Quality)
}

/// Whether the A/A band says something about a check.
fn has_band(check: &BudgetCheck) -> bool {
    matches!(check.name, Subject::OutputTokens | Subject::Cost)
}

pub(super) fn forest(report: &BudgetReport) -> Markup {
    let all: Vec<_> =
        report.checks.iter().filter(|it| is_share(it) && it.gate.delta.is_some()).collect();
    let mut checks: Vec<_> = all.iter().copied().filter(|it| has_moved(it)).collect();
    let unmoved = all.len() - checks.len();
    checks.sort_by_key(|it| (std::cmp::Reverse(it.gate.verdict), it.scenario.is_some()));
    let left = checks.len().saturating_sub(MOST);
    checks.truncate(MOST);
    if checks.is_empty() {
        return html! { p.quiet { "Nothing moved: " (unmoved) " checks are as before." } };
    }
    let ends = checks.iter().flat_map(|it| {
        let bounds = it.gate.interval.map(|it| [it.lower, it.upper]).unwrap_or_default();
        [it.gate.delta.unwrap_or_default(), bounds[0], bounds[1], it.gate.warn, it.gate.block]
    });
    let noise = report.noise.filter(|_| checks.iter().any(|it| has_band(it)));
    let ends = ends.chain(noise.into_iter().flat_map(|it| [it.interval.lower, it.interval.upper]));
    let scale = Scale::over(ends.map(|it| it.clamp(-1.0, FARTHEST)), 1000.0);
    html! {
        div.forest {
            (axis(scale))
            @for check in &checks { (row(report, check, scale)) }
        }
        p.quiet {
            "Each line runs from the lower to the upper bound, the stroke on it is the estimate. \
             Dashed: where the gate warns and where it blocks."
            @if let Some(noise) = noise {
                " Shaded: the A/A band, what second recordings of the same requests differ by ("
                (noise.n) " requests)."
            } @else if report.noise.is_none() {
                " There is no A/A band: no request is recorded twice."
            }
            @if unmoved > 0 { " " (unmoved) " checks are as before and not drawn." }
            @if left > 0 { " " (left) " further rows are not drawn." }
        }
    }
}

fn axis(scale: Scale) -> Markup {
    html! {
        div.row.axis {
            div.label {}
            div.plot {
                @for tick in scale.ticks(5.0) {
                    span style={ "left:" (c(scale.at(tick) / 10.0)) "%" } { (percent(tick)) }
                }
            }
            div.value {}
        }
    }
}

fn row(report: &BudgetReport, check: &BudgetCheck, scale: Scale) -> Markup {
    let gate = &check.gate;
    let at = c(scale.at(gate.delta.unwrap_or_default()));
    let bounds = gate.interval.map(|it| [c(scale.at(it.lower)), c(scale.at(it.upper))]);
    let band = report.noise.filter(|_| has_band(check));
    let zero = c(scale.at(0.0));
    let verdict = gate.verdict.as_str();
    let against = against(report, check);
    html! {
        div.row {
            div.label {
                span class={ "badge " (verdict) } { (verdict) } " "
                b { (check.name.words()) } " " (visible(scope(check)))
                @if !against.is_empty() { div.against { (visible(&against)) } }
            }
            div.plot {
                svg viewBox="0 0 1000 24" preserveAspectRatio="none" role="img"
                    aria-label={ (check.name.words()) " " (delta(check)) } {
                    @if let Some(Noise { interval, .. }) = band {
                        @let (from, to) = (scale.at(interval.lower), scale.at(interval.upper));
                        rect.noise x=(c(from)) y="0" width=(c((to - from).max(1.0))) height="24" {}
                    }
                    line.zero x1=(zero) x2=(zero) y1="0" y2="24" {}
                    @for limit in [gate.warn, gate.block].into_iter().filter(|it| *it <= FARTHEST) {
                        @let limit = c(scale.at(limit));
                        line.limit x1=(limit) x2=(limit) y1="0" y2="24" {}
                    }
                    @if let Some([from, to]) = bounds {
                        line class={ "bounds " (verdict) } x1=(from) x2=(to) y1="12" y2="12" {}
                    }
                    line class={ "point " (verdict) } x1=(at) x2=(at) y1="5" y2="19" {}
                }
            }
            div.value { b { (delta(check)) } " " span.quiet { (interval(check)) } }
        }
    }
}

fn percent(share: f64) -> String {
    if share == 0.0 { "0%".to_owned() } else { format!("{:+.0}%", share * 100.0) }
}
