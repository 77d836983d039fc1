//! How far a run is, for people who wait.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use overlay_migrate::Passed;

use crate::environment::Environment;
use crate::output::Output;

/// A bar for the steps of a run, hidden where nobody watches.
pub(super) fn bar(output: &Output, environment: &Environment) -> ProgressBar {
    let is_wanted = environment.stderr_is_terminal
        && !output.is_json()
        && environment.get("TERM") != Some("dumb");
    let target =
        if is_wanted { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(0), target);
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} {msg}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Shows on `bar` how far a run is.
pub(super) fn show(bar: &ProgressBar, passed: Passed) {
    if bar.length() != Some(passed.of as u64) || passed.done == 1 {
        bar.set_length(passed.of as u64);
        bar.set_message(passed.what);
    }
    bar.set_position(passed.done as u64);
}
