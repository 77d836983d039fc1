//! The catalogue for people and for machines.

use std::fmt::Write;

use crate::catalogue::CATALOGUE;
use crate::metric::{Kind, Metric, Source, Unit};

/// The metric reference as Markdown: `docs/reference/metrics.md`.
pub fn catalogue_md() -> String {
    let mut res = String::from(INTRODUCTION);
    table(&mut res, Source::Recorded);
    res.push_str(OWN);
    table(&mut res, Source::Own);
    res.push_str(BUCKETS);
    for metric in CATALOGUE.iter().filter(|it| !it.buckets.is_empty()) {
        bounds(&mut res, metric);
    }
    res
}

/// The catalogue as JSON: `/metrics/catalog.json`.
///
/// # Errors
///
/// None in practice: the rows are numbers and texts.
pub fn catalogue_json() -> Result<String, serde_json::Error> {
    #[derive(serde::Serialize)]
    struct Catalogue {
        schema: &'static str,
        metrics: &'static [Metric],
    }
    serde_json::to_string_pretty(&Catalogue { schema: "fusion.metrics/1", metrics: CATALOGUE })
}

const INTRODUCTION: &str = "\
# Metrics

Written by `cargo xtask codegen` from `fusion_metrics::CATALOGUE`.

Names on the wire follow the Prometheus conventions: base units, `_total` for counters.
The dotted name is the one to record under; where its unit differs, the value is
converted. A label that is not set is absent. Over a limit a series is counted under
`overlay=\"__other__\"`, then also `scenario=\"__other__\"`; `result` is always kept.

";

const OWN: &str = "
## What the store says about itself

A constant set of series, outside the limits.

";

const BUCKETS: &str = "
## Buckets

";

fn table(res: &mut String, source: Source) {
    res.push_str("| name | on the wire | kind | labels | results | meaning |\n");
    res.push_str("|---|---|---|---|---|---|\n");
    for metric in CATALOGUE.iter().filter(|it| it.source == source) {
        row(res, metric);
    }
}

fn row(res: &mut String, metric: &Metric) {
    let Metric { name, prometheus, kind, help, .. } = metric;
    let labels = metric.labels.join(", ");
    let results: Vec<_> = metric.results.iter().map(|it| it.as_str()).collect();
    let results = results.join(", ");
    let unit = recorded_unit(metric);
    // Writing to a String cannot fail.
    let _ = writeln!(
        res,
        "| `{name}` | `{prometheus}` | {kind} | {labels} | {results} | {help}{unit} |"
    );
}

fn recorded_unit(metric: &Metric) -> &'static str {
    match (metric.unit, metric.kind) {
        (Unit::Seconds, Kind::Histogram) => "; recorded in milliseconds",
        (Unit::Ratio, Kind::Histogram) => "; recorded in percent",
        _ => "",
    }
}

fn bounds(res: &mut String, metric: &Metric) {
    let bounds: Vec<_> = metric.buckets.iter().map(ToString::to_string).collect();
    let _ = writeln!(res, "- `{}`: {}", metric.prometheus, bounds.join(" "));
}
