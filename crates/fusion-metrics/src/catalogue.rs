//! Every metric there is, in one table.

use crate::metric::{CounterId, GaugeId, HistogramId, InfoId, Metric, Unit};
use crate::outcome::Outcome::{
    Block, Closed, Error, Fallback, HalfOpen, Isolated, Off, On, Open, Regression, Rejected, Stale,
    Success, Timeout, Warn,
};

/// `fusion.budget.violations`
pub const BUDGET_VIOLATIONS: CounterId = CounterId::named("fusion.budget.violations");
/// `fusion.build.info`: version
pub const BUILD_INFO: InfoId = InfoId::named("fusion.build.info");
/// `fusion.circuit_breaker.event`
pub const BREAKER_EVENT: CounterId = CounterId::named("fusion.circuit_breaker.event");
/// `fusion.circuit_breaker.state`
pub const BREAKER_STATE: GaugeId = GaugeId::named("fusion.circuit_breaker.state");
/// `fusion.config.epoch`
pub const CONFIG_EPOCH: GaugeId = GaugeId::named("fusion.config.epoch");
/// `fusion.config.generation`
pub const CONFIG_GENERATION: GaugeId = GaugeId::named("fusion.config.generation");
/// `fusion.config.last_reload`
pub const CONFIG_LAST_RELOAD: GaugeId = GaugeId::named("fusion.config.last_reload");
/// `fusion.config.reloads`
pub const CONFIG_RELOADS: CounterId = CounterId::named("fusion.config.reloads");
/// `fusion.emergency.active`
pub const EMERGENCY_ACTIVE: GaugeId = GaugeId::named("fusion.emergency.active");
/// `fusion.execution.latency_ms`
pub const EXECUTION_LATENCY: HistogramId = HistogramId::named("fusion.execution.latency_ms");
/// `fusion.execution.requests`
pub const EXECUTION_REQUESTS: CounterId = CounterId::named("fusion.execution.requests");
/// `fusion.flags.decisions`
pub const FLAG_DECISIONS: CounterId = CounterId::named("fusion.flags.decisions");
/// `fusion.golden.failures`
pub const GOLDEN_FAILURES: CounterId = CounterId::named("fusion.golden.failures");
/// `fusion.overlay.info`: overlay, version, digest
pub const OVERLAY_INFO: InfoId = InfoId::named("fusion.overlay.info");
/// `fusion.quality.score`
pub const QUALITY_SCORE: HistogramId = HistogramId::named("fusion.quality.score");
/// `fusion.routing.overlay_selected`
pub const OVERLAY_SELECTED: CounterId = CounterId::named("fusion.routing.overlay_selected");
/// `fusion.system.health`
pub const SYSTEM_HEALTH: GaugeId = GaugeId::named("fusion.system.health");
/// `fusion.tokens.baseline`
pub const TOKENS_BASELINE: CounterId = CounterId::named("fusion.tokens.baseline");
/// `fusion.tokens.delta_pct`
pub const TOKENS_DELTA: HistogramId = HistogramId::named("fusion.tokens.delta_pct");
/// `fusion.tokens.used`
pub const TOKENS_USED: CounterId = CounterId::named("fusion.tokens.used");

const ALL: &[&str] = &["overlay", "result", "scenario"];

/// Bounds in seconds. The thresholds of the service level objectives (2 s and 5 s) are
/// among them, since a share at or below a threshold can only be read off a bound.
const LATENCY: [f64; 14] =
    [0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 40.0, 80.0];
/// Bounds that hold 0.8 and 0.85, where alert and objective stand.
const QUALITY: [f64; 13] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0];
/// Bounds that hold 0.12 and 0.25, where the token budget warns and blocks.
const DELTA: [f64; 14] =
    [-0.5, -0.25, -0.1, 0.0, 0.05, 0.08, 0.12, 0.16, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0];

const MILLISECONDS: f64 = 1000.0;
const PERCENT: f64 = 100.0;

const LATENCY_MS: [f64; 14] = times(LATENCY, MILLISECONDS);
const DELTA_PCT: [f64; 14] = times(DELTA, PERCENT);

const fn times<const N: usize>(mut bounds: [f64; N], factor: f64) -> [f64; N] {
    let mut at = 0;
    while at < N {
        bounds[at] *= factor;
        at += 1;
    }
    bounds
}

/// Every metric, sorted by dotted name.
pub const CATALOGUE: &[Metric] = &[
    Metric::counter(
        "fusion.budget.violations",
        "fusion_budget_violations_total",
        "Token budgets passed: at the warning line or at the blocking line",
    )
    .labels(ALL)
    .results(&[Warn, Block]),
    Metric::info("fusion.build.info", "fusion_build_info", "The program that runs: its version")
        .labels(&["version"]),
    Metric::counter(
        "fusion.circuit_breaker.event",
        "fusion_circuit_breaker_event_total",
        "Changes of state of the circuit breakers",
    )
    .labels(&["overlay", "result"])
    .results(&[Open, HalfOpen, Closed, Isolated]),
    Metric::gauge(
        "fusion.circuit_breaker.state",
        "fusion_circuit_breaker_state",
        "State of a circuit breaker: 0 closed, 1 half-open, 2 open or isolated",
    )
    .labels(&["overlay"]),
    Metric::gauge(
        "fusion.config.epoch",
        "fusion_config_epoch",
        "Changes of the configuration and of its switches since the start, which is the first",
    ),
    Metric::gauge(
        "fusion.config.generation",
        "fusion_config_generation",
        "Number of the stable generation in force: of the store, or of those a folder had since \
         the start",
    ),
    Metric::gauge(
        "fusion.config.last_reload",
        "fusion_config_last_reload_timestamp_seconds",
        "When the configuration in force was applied, in seconds since 1970",
    )
    .unit(Unit::Seconds, 1.0),
    Metric::counter(
        "fusion.config.reloads",
        "fusion_config_reloads_total",
        "Configurations that were offered: applied, refused as invalid, or not readable",
    )
    .labels(&["result"])
    .results(&[Success, Rejected, Error]),
    Metric::gauge(
        "fusion.emergency.active",
        "fusion_emergency_active",
        "1 while the emergency switch holds every overlay off, else 0",
    ),
    Metric::histogram(
        "fusion.execution.latency_ms",
        "fusion_execution_latency_seconds",
        "Time from request to answer",
    )
    .buckets(&LATENCY, &LATENCY_MS)
    .labels(ALL)
    .results(&[Success, Error, Timeout, Rejected, Fallback])
    .unit(Unit::Seconds, MILLISECONDS),
    Metric::counter(
        "fusion.execution.requests",
        "fusion_execution_requests_total",
        "Requests that were answered or failed",
    )
    .labels(ALL)
    .results(&[Success, Error, Timeout, Rejected, Fallback]),
    Metric::counter(
        "fusion.flags.decisions",
        "fusion_flags_decisions_total",
        "Decisions of the feature flags for or against an overlay",
    )
    .labels(ALL)
    .results(&[On, Off, Error]),
    Metric::counter(
        "fusion.golden.failures",
        "fusion_golden_failures_total",
        "Golden tests that failed: worse answers, and requests without a recording",
    )
    .labels(ALL)
    .results(&[Regression, Stale, Error]),
    Metric::gauge(
        "fusion.metrics.demand_estimate",
        "fusion_metrics_demand_estimate",
        "Series there would be without limits, estimated within some percent",
    )
    .own(),
    Metric::counter(
        "fusion.metrics.dropped_tags",
        "fusion_metrics_dropped_tags_total",
        "Labels beyond scenario, overlay and result that were left out",
    )
    .own(),
    Metric::gauge(
        "fusion.metrics.exposed_samples",
        "fusion_metrics_exposed_samples",
        "Samples of this exposition, without those of other libraries",
    )
    .own(),
    Metric::counter(
        "fusion.metrics.folded",
        "fusion_metrics_folded_total",
        "Recordings counted under __other__, by the limit that was reached",
    )
    .labels(&["reason"])
    .own(),
    Metric::gauge(
        "fusion.metrics.forwarded_names",
        "fusion_metrics_forwarded_names",
        "Metric names of other libraries",
    )
    .own(),
    Metric::gauge(
        "fusion.metrics.forwarded_series",
        "fusion_metrics_forwarded_series",
        "Series of other libraries",
    )
    .own(),
    Metric::gauge(
        "fusion.metrics.metric_series",
        "fusion_metrics_metric_series",
        "Series of each metric",
    )
    .labels(&["metric"])
    .own(),
    Metric::counter(
        "fusion.metrics.rejected_names",
        "fusion_metrics_rejected_names_total",
        "Registrations under a name that is unknown, of another kind, or one too many",
    )
    .own(),
    Metric::counter(
        "fusion.metrics.rejected_values",
        "fusion_metrics_rejected_values_total",
        "Values that are no finite number",
    )
    .own(),
    Metric::gauge(
        "fusion.metrics.scrape_seconds",
        "fusion_metrics_scrape_seconds",
        "Time that the exposition before this one took",
    )
    .unit(Unit::Seconds, 1.0)
    .own(),
    Metric::gauge(
        "fusion.metrics.series",
        "fusion_metrics_series",
        "Series of the catalogue, folded ones included",
    )
    .own(),
    Metric::gauge(
        "fusion.metrics.series_limit",
        "fusion_metrics_series_limit",
        "Series that there can be at most",
    )
    .own(),
    Metric::info("fusion.overlay.info", "fusion_overlay_info", "The overlays in force")
        .labels(&["overlay", "version", "digest"]),
    Metric::histogram(
        "fusion.quality.score",
        "fusion_quality_score",
        "Score of an answer, from 0 to 1",
    )
    .buckets(&QUALITY, &QUALITY)
    .labels(ALL)
    .results(&[Success, Error, Rejected, Fallback]),
    Metric::counter(
        "fusion.routing.overlay_selected",
        "fusion_routing_overlay_selected_total",
        "Requests by the overlay that was selected",
    )
    .labels(ALL)
    .results(&[Success, Fallback, Rejected]),
    Metric::gauge(
        "fusion.system.health",
        "fusion_system_health",
        "Health of the service: 0 unhealthy, 0.5 degraded, 1 healthy",
    ),
    Metric::counter(
        "fusion.tokens.baseline",
        "fusion_tokens_baseline_total",
        "Tokens that the bare baseline needs for the same requests",
    )
    .labels(ALL)
    .results(&[Success, Error, Fallback]),
    Metric::histogram(
        "fusion.tokens.delta_pct",
        "fusion_tokens_delta_ratio",
        "Tokens of a request above those of the baseline, as a share of the baseline",
    )
    .buckets(&DELTA, &DELTA_PCT)
    .labels(ALL)
    .results(&[Success, Error, Fallback])
    .unit(Unit::Ratio, PERCENT),
    Metric::counter("fusion.tokens.used", "fusion_tokens_used_total", "Tokens that requests used")
        .labels(ALL)
        .results(&[Success, Error, Fallback]),
];

/// The metric with this dotted name.
pub fn metric(name: &str) -> Option<&'static Metric> {
    let at = CATALOGUE.binary_search_by_key(&name, |it| it.name).ok()?;
    CATALOGUE.get(at)
}
