//! Tokens of every scenario on both sides.

use maud::{Markup, html};

use super::scale::{Scale, c};
use crate::budget::report::ScenarioPair;
use crate::render::visible::visible;

/// Lines that are drawn.
const MOST: usize = 400;
/// Lines from which on they are drawn thinner.
const DENSE: usize = 60;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 308.0;
const TOP: f64 = 14.0;
const HEIGHT: f64 = 200.0;

type Figures = fn(&ScenarioPair) -> [Option<u64>; 2];

/// A line from the base's tokens to the candidate's for each scenario.
pub(super) fn slopes(title: &str, pairs: &[&ScenarioPair], figures: Figures) -> Markup {
    let both = pairs.iter().filter_map(|it| {
        let [base, candidate] = figures(it);
        Some((visible(&it.scenario), base?, candidate?))
    });
    let both: Vec<_> = both.collect();
    let missing = pairs.len() - both.len();
    let total = |side: fn(&(_, u64, u64)) -> u64| -> u64 { both.iter().map(side).sum() };
    let (before, after) = (total(|it| it.1), total(|it| it.2));
    let largest = both.iter().flat_map(|it| [it.1, it.2]).map(number);
    let scale = Scale::over(largest, HEIGHT);
    let y = |it: u64| c(TOP + HEIGHT - scale.at(number(it)));
    html! {
        figure {
            figcaption { b { (title) } ": " (before) " → " (after) " in all" }
            @if both.is_empty() {
                p.quiet { "Nothing is recorded on both sides." }
            } @else {
                svg class=(if both.len() > DENSE { "slopes dense" } else { "slopes" }) viewBox="0 0 360 240" role="img" aria-label=(title) {
                    @for tick in scale.ticks(4.0) {
                        @let at = c(TOP + HEIGHT - scale.at(tick));
                        line.grid x1=(c(LEFT)) x2=(c(RIGHT)) y1=(at) y2=(at) {}
                        text.end x=(c(LEFT - 6.0)) y=(at) dy="4" { (format!("{tick:.0}")) }
                    }
                    @for (name, base, candidate) in both.iter().take(MOST) {
                        line class={ "slope " (direction(*base, *candidate)) }
                            x1=(c(LEFT)) x2=(c(RIGHT)) y1=(y(*base)) y2=(y(*candidate)) {
                            title { (name) ": " (base) " → " (candidate) }
                        }
                    }
                    text.middle x=(c(LEFT)) y="232" { "base" }
                    text.middle x=(c(RIGHT)) y="232" { "candidate" }
                }
            }
            @if missing > 0 {
                p.quiet { (missing) " of " (pairs.len()) " scenarios lack a figure on a side." }
            }
        }
    }
}

fn direction(base: u64, candidate: u64) -> &'static str {
    match candidate.cmp(&base) {
        std::cmp::Ordering::Greater => "more",
        std::cmp::Ordering::Equal => "same",
        std::cmp::Ordering::Less => "less",
    }
}

#[expect(clippy::cast_precision_loss, reason = "a place in a figure")]
fn number(tokens: u64) -> f64 {
    tokens as f64
}
