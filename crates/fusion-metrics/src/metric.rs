use std::fmt;

use serde::Serialize;

use crate::catalogue::CATALOGUE;
use crate::outcome::Outcome;

/// What a metric does with a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Only goes up.
    Counter,
    /// Holds the last value.
    Gauge,
    /// Counts values by size.
    Histogram,
    /// A constant 1 whose labels say something.
    Info,
}

impl Kind {
    /// The word of the text format 0.0.4, which knows no `info`.
    pub(crate) const fn in_text(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge | Self::Info => "gauge",
            Self::Histogram => "histogram",
        }
    }

    /// The word of OpenMetrics.
    pub(crate) const fn in_open_metrics(self) -> &'static str {
        match self {
            Self::Info => "info",
            other => other.in_text(),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Info => "info",
            other => other.in_text(),
        })
    }
}

/// The unit of what is exposed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// A number of something, or a state.
    None,
    /// Seconds.
    Seconds,
    /// A share; 1 is the whole.
    Ratio,
}

impl Unit {
    /// The word in `# UNIT` and at the end of the Prometheus name; empty for none.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Seconds => "seconds",
            Self::Ratio => "ratio",
        }
    }
}

/// Who gives the values of a metric.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The service records them, under the limits of the store.
    Recorded,
    /// The store reports on itself: a constant set of series, outside the limits.
    Own,
}

/// One row of the [`CATALOGUE`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Metric {
    /// The dotted name that callers record under.
    pub name: &'static str,
    /// The name on the wire, with the suffix `_total` of a counter and `_info` of an info.
    pub prometheus: &'static str,
    /// What it does with a value.
    pub kind: Kind,
    /// The unit on the wire.
    pub unit: Unit,
    /// How much of the recorded unit makes one of the exposed unit: 1000 where
    /// milliseconds are recorded and seconds exposed.
    pub per_unit: f64,
    /// What it counts, in a sentence without final period.
    pub help: &'static str,
    /// The labels that are set, in the order they are rendered.
    pub labels: &'static [&'static str],
    /// The values that the label `result` takes, beside absent and `__other__`.
    pub results: &'static [Outcome],
    /// The upper bounds of a histogram's buckets in the exposed unit, ascending.
    pub buckets: &'static [f64],
    /// The same bounds in the recorded unit.
    #[serde(skip)]
    pub(crate) recorded_buckets: &'static [f64],
    /// Who gives the values.
    pub source: Source,
}

impl Metric {
    const fn new(
        kind: Kind,
        name: &'static str,
        prometheus: &'static str,
        help: &'static str,
    ) -> Self {
        Self {
            name,
            prometheus,
            kind,
            unit: Unit::None,
            per_unit: 1.0,
            help,
            labels: &[],
            results: &[],
            buckets: &[],
            recorded_buckets: &[],
            source: Source::Recorded,
        }
    }

    pub(crate) const fn counter(
        name: &'static str,
        prometheus: &'static str,
        help: &'static str,
    ) -> Self {
        Self::new(Kind::Counter, name, prometheus, help)
    }

    pub(crate) const fn gauge(
        name: &'static str,
        prometheus: &'static str,
        help: &'static str,
    ) -> Self {
        Self::new(Kind::Gauge, name, prometheus, help)
    }

    pub(crate) const fn histogram(
        name: &'static str,
        prometheus: &'static str,
        help: &'static str,
    ) -> Self {
        Self::new(Kind::Histogram, name, prometheus, help)
    }

    pub(crate) const fn buckets(
        mut self,
        exposed: &'static [f64],
        recorded: &'static [f64],
    ) -> Self {
        self.buckets = exposed;
        self.recorded_buckets = recorded;
        self
    }

    pub(crate) const fn info(
        name: &'static str,
        prometheus: &'static str,
        help: &'static str,
    ) -> Self {
        Self::new(Kind::Info, name, prometheus, help)
    }

    pub(crate) const fn labels(mut self, labels: &'static [&'static str]) -> Self {
        self.labels = labels;
        self
    }

    pub(crate) const fn results(mut self, results: &'static [Outcome]) -> Self {
        self.results = results;
        self
    }

    pub(crate) const fn unit(mut self, unit: Unit, per_unit: f64) -> Self {
        self.unit = unit;
        self.per_unit = per_unit;
        self
    }

    pub(crate) const fn own(mut self) -> Self {
        self.source = Source::Own;
        self
    }

    /// The name of the family in OpenMetrics, which knows `_total` and `_info` as
    /// suffixes of the samples only.
    pub fn family(&self) -> &'static str {
        let suffix = match self.kind {
            Kind::Counter => "_total",
            Kind::Info => "_info",
            Kind::Gauge | Kind::Histogram => "",
        };
        self.prometheus.strip_suffix(suffix).unwrap_or(self.prometheus)
    }

    /// The outcome under which this metric counts `outcome`.
    pub fn outcome(&self, outcome: Outcome) -> Outcome {
        let takes = outcome == Outcome::Unset || self.results.contains(&outcome);
        if takes { outcome } else { Outcome::Other }
    }

    /// The series it may fold into: one for each of its results, absent and `__other__`;
    /// one line for the surplus of an info metric.
    pub(crate) const fn folds(&self) -> usize {
        match (self.source, self.kind) {
            (Source::Own, _) => 0,
            (Source::Recorded, Kind::Info) => 1,
            (Source::Recorded, _) => self.results.len() + 2,
        }
    }
}

/// The place of a metric in the [`CATALOGUE`], found when the program is compiled.
const fn place(name: &str, kind: Kind) -> u8 {
    let mut at = 0;
    while at < CATALOGUE.len() {
        let metric = &CATALOGUE[at];
        if same(metric.name, name) {
            assert!(metric.kind as u8 == kind as u8, "the metric is of another kind");
            return at as u8;
        }
        at += 1;
    }
    panic!("no metric of this name in the catalogue")
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}

macro_rules! id {
    ($(#[$doc:meta])* $id:ident, $kind:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        pub struct $id(pub(crate) u8);

        impl $id {
            /// The metric with this dotted name. Only for constants: the build fails
            /// where the catalogue has no such metric of this kind.
            pub(crate) const fn named(name: &'static str) -> Self {
                Self(place(name, $kind))
            }

            /// The row of the catalogue.
            pub fn metric(self) -> Option<&'static Metric> {
                CATALOGUE.get(usize::from(self.0))
            }
        }
    };
}

id!(
    /// A counter of the catalogue.
    CounterId,
    Kind::Counter
);
id!(
    /// A gauge of the catalogue.
    GaugeId,
    Kind::Gauge
);
id!(
    /// A histogram of the catalogue.
    HistogramId,
    Kind::Histogram
);
id!(
    /// An info metric of the catalogue.
    InfoId,
    Kind::Info
);
