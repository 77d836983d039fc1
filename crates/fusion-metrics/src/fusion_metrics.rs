use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use crate::catalogue::{
    BREAKER_EVENT, BREAKER_STATE, EXECUTION_LATENCY, EXECUTION_REQUESTS, OVERLAY_SELECTED,
    QUALITY_SCORE, TOKENS_BASELINE, TOKENS_DELTA, TOKENS_USED,
};
use crate::event::{Event, FoldReason};
use crate::handle::{Counter, Gauge, Histogram};
use crate::known::Known;
use crate::limits::Limits;
use crate::metric::{CounterId, GaugeId, HistogramId, InfoId};
use crate::outcome::Outcome;
use crate::render::Format;
use crate::series::Labels;
use crate::slo::Tally;
use crate::store::Store;
use crate::{exposition, translate};

/// The metrics of one service. Clones share them.
///
/// A call locks and allocates nothing once its series exists, nor when it is counted under
/// `__other__`. An empty name leaves the label out.
#[derive(Clone)]
pub struct FusionMetrics(pub(crate) Arc<Store>);

impl Default for FusionMetrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for FusionMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FusionMetrics").field("limits", &self.0.limits).finish_non_exhaustive()
    }
}

impl FusionMetrics {
    /// Metrics under the default limits. Every name counts as known until
    /// [`set_known`](Self::set_known) says otherwise.
    pub fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    /// Metrics under these limits.
    pub fn with_limits(limits: Limits) -> Self {
        Self::seeded(limits, RandomState::new().hash_one(0))
    }

    /// Metrics under these limits, with a given seed for the hashes of names. The seed
    /// must not be known to those who choose names.
    pub fn seeded(limits: Limits, seed: u64) -> Self {
        Self(Arc::new(Store::new(limits, seed)))
    }

    /// Tells which names the installation knows. To be called before the first request
    /// and whenever an installation comes into force. The series of an overlay that was
    /// known and is known no longer are retired as [`forget`](Self::forget) does; every
    /// other one stays.
    pub fn set_known(&self, known: Known) {
        self.0.set_known(known);
    }

    /// Retires the series of an overlay that is gone: they leave the page and the limits,
    /// and are not added to `__other__`, where they would look like new requests.
    ///
    /// Their values are kept. [`by_result`](Self::by_result) and
    /// [`at_most`](Self::at_most) count them on, and a series whose names are recorded
    /// again goes on from its value, within the limits of then. What a handle records to a
    /// retired series counts too, and is on the page once its names are asked for again.
    /// Retired series can be half as many as there may be in use; beyond that, new names
    /// fold.
    pub fn forget(&self, overlay: &str) {
        self.0.forget(overlay);
    }

    /// Adds one to a counter.
    #[inline]
    pub fn inc(&self, metric: CounterId, scenario: &str, overlay: &str, result: Outcome) {
        self.add(metric, 1, scenario, overlay, result);
    }

    /// Adds `n` to a counter.
    #[inline]
    pub fn add(&self, metric: CounterId, n: u64, scenario: &str, overlay: &str, result: Outcome) {
        let labels = Labels { scenario, overlay, result };
        self.0.series(metric.0, labels).into_iter().for_each(|it| it.add(n));
    }

    /// Records a value in a histogram, in the unit of its dotted name: milliseconds for
    /// `fusion.execution.latency_ms`, percent for `fusion.tokens.delta_pct`.
    #[inline]
    pub fn record(
        &self,
        metric: HistogramId,
        value: f64,
        scenario: &str,
        overlay: &str,
        result: Outcome,
    ) {
        let labels = Labels { scenario, overlay, result };
        self.0.series(metric.0, labels).into_iter().for_each(|it| it.observe(value));
    }

    /// Sets a gauge.
    pub fn set(&self, metric: GaugeId, value: f64, scenario: &str, overlay: &str) {
        let labels = Labels { scenario, overlay, result: Outcome::Unset };
        self.0.series(metric.0, labels).into_iter().for_each(|it| it.put(value));
    }

    /// Replaces the lines of an info metric. The values of a line stand in the order of
    /// the labels in the catalogue. Lines over a limit become one, `__other__`.
    pub fn set_info(&self, metric: InfoId, lines: &[&[&str]]) {
        self.0.set_info(metric.0, lines);
    }

    /// A handle to one series of a counter.
    #[must_use]
    pub fn counter(
        &self,
        metric: CounterId,
        scenario: &str,
        overlay: &str,
        result: Outcome,
    ) -> Counter {
        Counter(self.0.series(metric.0, Labels { scenario, overlay, result }).cloned())
    }

    /// A handle to one series of a gauge.
    #[must_use]
    pub fn gauge(&self, metric: GaugeId, scenario: &str, overlay: &str) -> Gauge {
        let labels = Labels { scenario, overlay, result: Outcome::Unset };
        Gauge(self.0.series(metric.0, labels).cloned())
    }

    /// A handle to one series of a histogram.
    #[must_use]
    pub fn histogram(
        &self,
        metric: HistogramId,
        scenario: &str,
        overlay: &str,
        result: Outcome,
    ) -> Histogram {
        Histogram(self.0.series(metric.0, Labels { scenario, overlay, result }).cloned())
    }
}

/// The recorders of the original, by their names.
impl FusionMetrics {
    /// One request: its latency in milliseconds, and the request itself.
    pub fn record_fusion_latency(&self, ms: f64, scenario: &str, overlay: &str, result: Outcome) {
        self.inc(EXECUTION_REQUESTS, scenario, overlay, result);
        self.record(EXECUTION_LATENCY, ms, scenario, overlay, result);
    }

    /// The tokens that a request used, and those that the bare baseline needs for it.
    /// Without a baseline there is no ratio to record.
    pub fn record_token_delta(
        &self,
        used: u64,
        baseline: u64,
        scenario: &str,
        overlay: &str,
        result: Outcome,
    ) {
        self.add(TOKENS_USED, used, scenario, overlay, result);
        self.add(TOKENS_BASELINE, baseline, scenario, overlay, result);
        if baseline > 0 {
            let percent = (used as f64 / baseline as f64 - 1.0) * 100.0;
            self.record(TOKENS_DELTA, percent, scenario, overlay, result);
        }
    }

    /// The score of an answer, from 0 to 1.
    pub fn record_quality_score(&self, score: f64, scenario: &str, overlay: &str, result: Outcome) {
        self.record(QUALITY_SCORE, score, scenario, overlay, result);
    }

    /// An overlay was selected: `Success`; or the baseline in its place: `Fallback`.
    pub fn record_overlay_selection(&self, scenario: &str, overlay: &str, result: Outcome) {
        self.inc(OVERLAY_SELECTED, scenario, overlay, result);
    }

    /// A circuit breaker changed its state: `Open`, `HalfOpen`, `Closed` or `Isolated`.
    pub fn record_circuit_breaker_event(&self, overlay: &str, event: Outcome) {
        self.inc(BREAKER_EVENT, "", overlay, event);
        if let Some(state) = event.breaker_state() {
            self.set(BREAKER_STATE, f64::from(state), "", overlay);
        }
    }
}

/// Reading.
impl FusionMetrics {
    /// The exposition. The same state gives the same bytes.
    pub fn render(&self, format: Format) -> String {
        let mut res = exposition::render(&self.0, format);
        format.end(&mut res);
        res
    }

    /// The exposition, followed by that of the metrics of other libraries, which `others`
    /// gives in the text format 0.0.4.
    pub fn render_with(&self, format: Format, others: impl FnOnce() -> String) -> String {
        let mut res = exposition::render(&self.0, format);
        translate::append(&mut res, format, &others());
        format.end(&mut res);
        res
    }

    /// Notes how long the last exposition took, in seconds, for the next one. Until the
    /// first time, the page says nothing about it.
    pub fn observe_scrape(&self, seconds: f64) {
        self.0.observe_scrape(seconds);
    }

    /// The series in use, folded ones and info lines included.
    pub fn series(&self) -> usize {
        let admission = self.0.admission();
        admission.series.len() + admission.infos.len()
    }

    /// How many recordings were counted under `__other__` for this reason.
    pub fn folded(&self, reason: FoldReason) -> u64 {
        self.0.events.total(Event::Folded(reason))
    }

    /// The memory in bytes that is taken at birth and never grows.
    pub fn fixed_bytes(&self) -> usize {
        self.0.fixed_bytes()
    }

    /// The sum of a counter over all scenarios and overlays, by result.
    pub fn by_result(&self, metric: CounterId) -> BTreeMap<Outcome, u64> {
        let mut res = BTreeMap::new();
        for series in self.0.admission().all().filter(|it| it.metric == metric.0) {
            *res.entry(series.result).or_default() += series.count();
        }
        res
    }

    /// How many values of a histogram there are, and how many of them are at or below
    /// `bound`, in the exposed unit. `None` where `bound` is no bound of its buckets.
    pub fn at_most(&self, metric: HistogramId, bound: f64) -> Option<Tally> {
        let buckets = metric.metric()?.buckets;
        let last = buckets.iter().position(|it| *it == bound)?;
        let mut res = Tally::default();
        for series in self.0.admission().all().filter(|it| it.metric == metric.0) {
            let counts = series.distribution().counts;
            res.good += counts.iter().take(last + 1).sum::<u64>();
            res.total += counts.iter().sum::<u64>();
        }
        Some(res)
    }
}
