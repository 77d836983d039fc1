//! Prompt tokens of every change, as bars.

use maud::{Markup, html};

use super::scale::{Scale, c};
use crate::budget::report::Bill;
use crate::render::visible::visible;

/// Bars that are drawn.
const MOST: usize = 40;

pub(super) fn bars(bill: &Bill) -> Markup {
    let mut changes: Vec<_> = bill.changes.iter().collect();
    changes.sort_by_key(|it| std::cmp::Reverse(it.tokens.unwrap_or_default().abs()));
    let left = changes.len().saturating_sub(MOST);
    changes.truncate(MOST);
    let scale = Scale::over(changes.iter().filter_map(|it| it.tokens).map(number), 1000.0);
    let [before, after] = bill.tokens.map(|it| it.map_or("-".to_owned(), |it| it.to_string()));
    html! {
        figure.wide {
            figcaption {
                b { (visible(bill.overlay.as_deref().unwrap_or("baseline"))) }
                ": prompt of " code { (visible(&bill.scenario)) } " "
                (before) " → " (after) " tokens"
            }
            div.forest {
                @for change in &changes {
                    @let tokens = change.tokens.unwrap_or_default();
                    @let (zero, at) = (scale.at(0.0), scale.at(number(tokens)));
                    div.row {
                        div.label {
                            code { (visible(&change.key)) }
                            @if let Some(file) = &change.file {
                                div.against {
                                    (visible(file)) @if let Some(line) = change.line { ":" (line) }
                                }
                            }
                        }
                        div.plot {
                            svg viewBox="0 0 1000 24" preserveAspectRatio="none" aria-hidden="true" {
                                line.zero x1=(c(zero)) x2=(c(zero)) y1="0" y2="24" {}
                                rect class=(if tokens > 0 { "more" } else { "less" })
                                    x=(c(zero.min(at))) width=(c((at - zero).abs()))
                                    y="5" height="14" {}
                            }
                        }
                        div.value {
                            @match change.tokens {
                                Some(tokens) => b { (format!("{tokens:+}")) },
                                None => span.quiet { "no request" },
                            }
                        }
                    }
                }
            }
            @if left > 0 { p.quiet { (left) " further changes are not drawn." } }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a place in a figure")]
fn number(tokens: i64) -> f64 {
    tokens as f64
}
