//! Where rows, records and series go.

use std::collections::BTreeSet;

use fusion_metrics::{CATALOGUE, Kind, Metric, Source};
use overlay_loader::Installation;

use super::Scene;
use super::outcome::{Found, Outcome};
use crate::options::{NULL, OptionOrigin};

pub(super) fn adapters(scene: &Scene<'_>) -> Outcome {
    let known = scene.inputs.adapters;
    let named = scene.options.adapters();
    let missing = named.iter().filter(|(name, _)| !known.contains(&name.as_str()));
    let found = missing.map(|(name, row)| {
        let text = format!(
            "{}.{} names the adapter `{name}`, which this build does not have",
            row.section, row.key
        );
        Found::fail(text).hint(format!("this build has {}", known.join(", ")))
    });
    let names: BTreeSet<_> = named.iter().map(|(name, _)| name.as_str()).collect();
    let names: Vec<_> = names.into_iter().collect();
    Outcome::of(found.collect(), format!("{} are in this build", names.join(", ")))
}

pub(super) fn sinks(scene: &Scene<'_>) -> Outcome {
    let is_bad = scene.is_production();
    let (audit, metrics) = (scene.options.text("audit", "sink"), scene.options.metrics_sink());
    let null = |section: &str, key: &str, is_bad: bool, what: &str| {
        let text = format!("{section}.{key} is `null`: {what}");
        let hint = match scene.options.get(section, key).map(|it| &it.origin) {
            Some(OptionOrigin::Variable(name)) => format!("unset {name}"),
            _ => format!("take `{section}.{key}` out of fusion.toml"),
        };
        Found::fail_if(is_bad, text).hint(hint)
    };
    let no_log = || null("audit", "sink", is_bad, "what the API does is on no record");
    let no_series =
        || null("metrics", "sink", is_bad, "no rollout can be judged, no alert can fire");
    let no_rows = || null("database", "kind", false, "response times are unknown");
    let found = [
        (!scene.options.keeps_audit()).then(no_log),
        (metrics == NULL).then(no_series),
        (is_bad && !scene.options.keeps_rows()).then(no_rows),
    ];
    Outcome::of(
        found.into_iter().flatten().collect(),
        format!("audit to {audit}, metrics to {metrics}"),
    )
}

/// Whether the names of the installation alone pass a limit: what is beyond it folds.
pub(super) fn series(scene: &Scene<'_>) -> Outcome {
    let Some(Ok(installation)) = &scene.site.installation else {
        return Outcome::skip("there is no installation to read");
    };
    let limits = match scene.options.series_limits() {
        Ok(limits) => limits,
        Err(err) => {
            let hint = "mend [metrics] in fusion.toml";
            return Found::fail(format!("metrics: {err}")).hint(hint).into();
        }
    };
    let names = Names::of(installation);
    let counted = CATALOGUE.iter().filter(|it| it.kind != Kind::Info && it.source != Source::Own);
    let counted: Vec<_> = counted.map(|it| (it, names.series(it))).collect();
    let hint = "raise the limit in [metrics] of fusion.toml, or serve fewer kinds of work here";
    let mut found = Vec::new();
    for (metric, count) in counted.iter().filter(|(_, it)| *it > limits.per_metric()) {
        let text = format!(
            "{} can have {count} series of known names, {} are its limit",
            metric.prometheus,
            limits.per_metric()
        );
        found.push(Found::warn(text).hint(hint));
    }
    let all: usize = counted.iter().map(|(_, it)| *it).sum();
    if all > limits.overall() {
        let text = format!("known names can have {all} series, {} is the limit", limits.overall());
        found.push(Found::warn(text).hint(hint));
    }
    let limit = limits.overall();
    Outcome::of(found, format!("known names can have {all} series of {limit}"))
}

/// How many names the labels take that the installation knows.
struct Names {
    scenarios: usize,
    overlays: usize,
}

impl Names {
    fn of(installation: &Installation) -> Self {
        let of_catalogue = installation.catalogue().scenarios.iter().map(|it| it.kind());
        let of_flags = installation.flag_file().into_iter().flat_map(|it| &it.features.0);
        let of_flags = of_flags.flat_map(|(_, it)| &it.conditions.scenario_types);
        let scenarios: BTreeSet<_> = of_catalogue.chain(of_flags.map(String::as_str)).collect();
        // The baseline answers where no overlay does.
        let overlays = installation.overlays().keys().map(|it| it.as_str()).chain(["baseline"]);
        let overlays: BTreeSet<_> = overlays.collect();
        Self { scenarios: scenarios.len(), overlays: overlays.len() }
    }

    /// The most series of a metric.
    fn series(&self, metric: &Metric) -> usize {
        let values = metric.labels.iter().map(|label| match *label {
            "scenario" => self.scenarios.max(1),
            "overlay" => self.overlays,
            _ => metric.results.len().max(1),
        });
        values.product()
    }
}
