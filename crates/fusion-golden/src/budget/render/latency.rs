//! Recorded latencies of both sides as cumulative shares, with the bound of the p95.

use maud::{Markup, html};

use super::scale::{Scale, c};
use crate::budget::report::{BudgetCheck, BudgetReport, ScenarioPair, Subject};
use crate::statistics::Bounded;

const LEFT: f64 = 40.0;
const WIDTH: f64 = 300.0;
const TOP: f64 = 14.0;
const HEIGHT: f64 = 180.0;

/// The figure; `None` where no time is recorded.
pub(super) fn latency(
    report: &BudgetReport,
    against: &str,
    pairs: &[&ScenarioPair],
) -> Option<Markup> {
    let seconds = |side: usize| {
        let times = pairs.iter().filter_map(|it| *it.latency_ms.get(side)?);
        let mut times: Vec<_> = times.map(|it| it / 1000.0).filter(|it| it.is_finite()).collect();
        times.sort_unstable_by(f64::total_cmp);
        times
    };
    let (base, candidate) = (seconds(0), seconds(1));
    if base.is_empty() && candidate.is_empty() {
        return None;
    }
    let check = report.checks.iter().filter(|it| it.against == against);
    let is_of_all = |it: &&BudgetCheck| it.name == Subject::LatencyP95 && it.scenario.is_none();
    let gate = check.filter(is_of_all).max_by_key(|it| it.gate.verdict);
    // Limits that differ from scenario to scenario are no lines among these times.
    let is_counted = gate.is_some_and(|it| it.gate.interval_of == Bounded::Counted);
    let gate = gate.filter(|_| !is_counted);
    let limits = gate.map(|it| [it.gate.warn, it.gate.block]);
    let bound = gate.and_then(|it| it.gate.interval).map(|it| it.upper).filter(|it| it.is_finite());
    let ends = base.iter().chain(&candidate).copied().chain(limits.into_iter().flatten());
    let scale = Scale::over(ends.chain(bound), WIDTH);
    let (low, high) = (c(TOP + HEIGHT), c(TOP));
    Some(html! {
        figure {
            figcaption {
                b { "Recorded latency" } ", share of scenarios answered within"
                @if let Some(bound) = bound { "; p95 at most " (format!("{bound:.2}")) " s" }
            }
            svg.latency viewBox="0 0 360 224" role="img" aria-label="Recorded latency" {
                @for share in [0.0, 0.5, 0.95] {
                    @let at = c(TOP + HEIGHT * (1.0 - share));
                    line.grid x1=(c(LEFT)) x2=(c(LEFT + WIDTH)) y1=(at) y2=(at) {}
                    text.end x=(c(LEFT - 5.0)) y=(at) dy="4" { (format!("{:.0}%", share * 100.0)) }
                }
                @for tick in scale.ticks(5.0) {
                    text.middle x=(c(LEFT + scale.at(tick))) y="212" { (tick) " s" }
                }
                @for limit in limits.into_iter().flatten() {
                    @let at = c(LEFT + scale.at(limit));
                    line.limit x1=(at) x2=(at) y1=(high) y2=(low) {}
                }
                @if let Some(bound) = bound {
                    @let at = c(LEFT + scale.at(bound));
                    line.upper x1=(at) x2=(at) y1=(high) y2=(low) {}
                }
                path.base d=(steps(&base, scale)) {}
                path.candidate d=(steps(&candidate, scale)) {}
            }
            p.quiet {
                "Grey: base. Blue: candidate. "
                @if is_counted { "Scenarios have limits of their own, which are not drawn. " }
                @else { "Dashed: limits. " }
                "Times are as recorded."
            }
        }
    })
}

/// The cumulative share as a staircase.
#[expect(clippy::cast_precision_loss, reason = "places in a figure")]
fn steps(times: &[f64], scale: Scale) -> String {
    use std::fmt::Write as _;

    let mut path = format!("M{} {}", c(LEFT), c(TOP + HEIGHT));
    for (at, time) in (1..).zip(times) {
        let share = at as f64 / times.len() as f64;
        // Writing to a string cannot fail.
        let _ = write!(path, "H{}V{}", c(LEFT + scale.at(*time)), c(TOP + HEIGHT * (1.0 - share)));
    }
    let _ = write!(path, "H{}", c(LEFT + WIDTH));
    path
}
