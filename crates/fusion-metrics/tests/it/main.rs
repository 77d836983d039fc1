//! Tests of the public API, in one binary.

mod catalogue;
mod hostile;
mod limits;
mod others;
mod page;
mod parser;
mod promtool;
mod recorder;
mod rendering;
mod retire;
mod slo;

use fusion_metrics::{FusionMetrics, Limits};

/// Metrics whose hashes are the same in every run.
fn metrics() -> FusionMetrics {
    FusionMetrics::seeded(Limits::default(), 7)
}

/// The lines of a page that begin with `start`.
fn lines<'a>(page: &'a str, start: &str) -> Vec<&'a str> {
    page.lines().filter(|it| it.starts_with(start)).collect()
}
