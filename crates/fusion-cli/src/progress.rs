//! How far work is, for people who wait.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::environment::Environment;
use crate::output::Output;

/// A bar of `len` steps on standard error, hidden where nobody looks.
pub(crate) fn progress(len: usize, output: &Output, environment: &Environment) -> ProgressBar {
    let is_wanted = is_watched(output, environment);
    let target =
        if is_wanted { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(len as u64), target);
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} {msg}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Whether somebody looks at standard error, on a terminal that can draw.
pub(crate) fn is_watched(output: &Output, environment: &Environment) -> bool {
    environment.stderr_is_terminal && !output.is_json() && environment.get("TERM") != Some("dumb")
}
