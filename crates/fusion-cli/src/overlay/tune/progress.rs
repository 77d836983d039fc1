//! How far a search is, for people who wait.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::environment::Environment;
use crate::output::Output;

/// A bar of `budget` evaluations, hidden where nobody watches.
pub(super) fn progress(budget: usize, output: &Output, environment: &Environment) -> ProgressBar {
    let is_wanted = environment.stderr_is_terminal
        && !output.is_json()
        && environment.get("TERM") != Some("dumb");
    let target =
        if is_wanted { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(budget as u64), target);
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} {msg}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
