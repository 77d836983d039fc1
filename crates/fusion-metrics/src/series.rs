use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::cell::{CounterCell, GaugeCell, HistogramCell, MAX_BUCKETS, Sharded};
use crate::label::{OTHER, is_clean};
use crate::metric::{Kind, Metric};
use crate::outcome::Outcome;

/// The labels of a series, as they come or as they are rendered.
#[derive(Clone, Copy)]
pub(crate) struct Labels<'a> {
    pub(crate) scenario: &'a str,
    pub(crate) overlay: &'a str,
    pub(crate) result: Outcome,
}

/// One series of the store: its labels and its value.
///
/// In this order what every call reads lies in one line of the processor's cache.
#[repr(C)]
pub(crate) struct Series {
    /// The place of its metric in the catalogue.
    pub(crate) metric: u8,
    pub(crate) result: Outcome,
    /// Whether its names came as they stand here. Only then does a name that was not
    /// looked at yet belong here because it is equal.
    verbatim: bool,
    /// Whether it is off the page, with its value kept for the day its names come back.
    retired: AtomicBool,
    overlay: Part,
    scenario: Part,
    /// `overlay="x",result="y",scenario="z"`, ready to be rendered.
    labels: Box<str>,
    pub(crate) value: Value,
}

/// Bytes of the label text. With names of 64 bytes it stays below 256.
#[derive(Clone, Copy, Default)]
pub(crate) struct Part {
    start: u8,
    end: u8,
}

pub(crate) enum Value {
    Counter(Sharded<CounterCell>),
    Gauge(Arc<GaugeCell>),
    Histogram(&'static Metric, Sharded<HistogramCell>),
}

/// The counts of a histogram, shards added up.
pub(crate) struct Distribution {
    /// One count a bucket, not cumulative.
    pub(crate) counts: [u64; MAX_BUCKETS],
    /// In the exposed unit.
    pub(crate) sum: f64,
}

impl Series {
    /// A series with clean names.
    pub(crate) fn new(place: u8, metric: &'static Metric, labels: Labels<'_>) -> Self {
        let mut text = String::with_capacity(64);
        let overlay = write_label(&mut text, "overlay", labels.overlay);
        write_label(&mut text, "result", labels.result.as_str());
        let scenario = write_label(&mut text, "scenario", labels.scenario);
        Self {
            metric: place,
            result: labels.result,
            verbatim: [labels.overlay, labels.scenario].into_iter().all(is_clean),
            retired: AtomicBool::new(false),
            overlay,
            scenario,
            labels: text.into(),
            value: Value::new(metric),
        }
    }

    /// Whether this is the series of these clean names.
    #[inline]
    pub(crate) fn is(&self, metric: u8, labels: Labels<'_>) -> bool {
        self.metric == metric
            && self.result == labels.result
            && same(self.part(self.overlay), labels.overlay.as_bytes())
            && same(self.part(self.scenario), labels.scenario.as_bytes())
    }

    /// Whether this is the series of these names, which nobody has looked at, and in use.
    #[inline]
    pub(crate) fn is_verbatim(&self, metric: u8, labels: Labels<'_>) -> bool {
        self.verbatim && !self.is_retired() && self.is(metric, labels)
    }

    #[inline]
    pub(crate) fn is_retired(&self) -> bool {
        self.retired.load(Relaxed)
    }

    /// Takes it off the page, or puts it back. Only the holder of the admission does.
    pub(crate) fn retire(&self, retired: bool) {
        self.retired.store(retired, Relaxed);
    }

    /// Whether others fold into it, and it has a place that was kept for it.
    pub(crate) fn is_last_resort(&self) -> bool {
        self.scenario() == OTHER
    }

    #[inline]
    fn part(&self, part: Part) -> &[u8] {
        let bytes = usize::from(part.start)..usize::from(part.end);
        self.labels.as_bytes().get(bytes).unwrap_or_default()
    }

    pub(crate) fn overlay(&self) -> &str {
        std::str::from_utf8(self.part(self.overlay)).unwrap_or_default()
    }

    pub(crate) fn scenario(&self) -> &str {
        std::str::from_utf8(self.part(self.scenario)).unwrap_or_default()
    }

    /// The labels as they are rendered, without braces.
    pub(crate) fn labels(&self) -> &str {
        &self.labels
    }

    /// The value of a counter; 0 for other kinds.
    pub(crate) fn count(&self) -> u64 {
        let Value::Counter(shards) = &self.value else { return 0 };
        let added: u64 = shards.written().map(CounterCell::added).fold(0, u64::wrapping_add);
        shards.written().map(CounterCell::floor).fold(added, u64::max)
    }

    /// The value of a histogram; empty for other kinds.
    pub(crate) fn distribution(&self) -> Distribution {
        let mut res = Distribution { counts: [0; MAX_BUCKETS], sum: 0.0 };
        let Value::Histogram(metric, shards) = &self.value else { return res };
        for shard in shards.written() {
            res.sum += shard.sum();
            for (to, from) in res.counts.iter_mut().zip(shard.counts()) {
                *to += from;
            }
        }
        // Once, at the end: whole milliseconds then add up exactly, in whatever order.
        res.sum /= metric.per_unit;
        res
    }

    /// How many values it refused.
    pub(crate) fn rejected(&self) -> u64 {
        match &self.value {
            Value::Counter(_) => 0,
            Value::Gauge(cell) => cell.rejected(),
            Value::Histogram(_, shards) => shards.written().map(HistogramCell::rejected).sum(),
        }
    }
}

impl Value {
    fn new(metric: &'static Metric) -> Self {
        match metric.kind {
            Kind::Counter => Self::Counter(Sharded::default()),
            Kind::Gauge | Kind::Info => Self::Gauge(Arc::default()),
            Kind::Histogram => Self::Histogram(metric, Sharded::default()),
        }
    }
}

/// Whether two short texts are equal, in words of eight bytes. For names of some fifteen
/// bytes the call of the general comparison takes longer than its work.
#[inline]
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let (Some(a_end), Some(b_end)) = (a.last_chunk::<8>(), b.last_chunk::<8>()) else {
        return a.iter().eq(b);
    };
    let word = |it: &[u8; 8]| u64::from_ne_bytes(*it);
    let differ = |(a, b)| word(a) != word(b);
    word(a_end) == word(b_end) && !a.as_chunks().0.iter().zip(b.as_chunks().0).any(differ)
}

/// Writes a label with a clean value, and tells where the value stands. Nothing is
/// written for an empty one: to Prometheus that is the same.
pub(crate) fn write_label(text: &mut String, key: &str, value: &str) -> Part {
    if value.is_empty() {
        return Part::default();
    }
    let comma = if text.is_empty() { "" } else { "," };
    // Writing to a String cannot fail.
    let _ = write!(text, "{comma}{key}=\"{value}\"");
    let end = text.len() - 1;
    let part = |it: usize| u8::try_from(it).unwrap_or(u8::MAX);
    Part { start: part(end - value.len()), end: part(end) }
}
