use std::sync::Arc;

use metrics::{Key, KeyName, Metadata, NoopRecorder, Recorder, SharedString, Unit};

use crate::catalogue::CATALOGUE;
use crate::cell::{CounterCell, HistogramCell};
use crate::event::Event;
use crate::forward::{Forward, Instrument};
use crate::fusion_metrics::FusionMetrics;
use crate::metric::{Kind, Source};
use crate::outcome::Outcome;
use crate::render::Format;
use crate::series::{Labels, Series, Value, same};
use crate::store::Store;

/// A recorder for the `metrics` facade that cannot be flooded.
///
/// Metrics of the [`CATALOGUE`] go to the store. Everything else goes to another recorder,
/// under limits of its own: 254 names, 1,000 series a name, 10,000 in all. A series over a
/// limit is counted in one series of its name with the label `overflow="true"`; a name
/// over the limit is refused and counted. So is a name that would stand beside ours on the
/// page: one that begins with `fusion` and is not in the catalogue, or is of another kind.
///
/// Names and labels reach the other recorder as Prometheus takes them. Where that makes
/// two alike, the second gets a hash behind it.
pub struct FusionRecorder<R = NoopRecorder> {
    metrics: FusionMetrics,
    places: Places,
    forward: Forward<R>,
}

impl FusionRecorder {
    /// A recorder for the catalogue alone; metrics of other libraries go nowhere.
    pub fn new(metrics: FusionMetrics) -> Self {
        Self::beside(metrics, NoopRecorder)
    }
}

impl<R> FusionRecorder<R> {
    /// A recorder that hands the metrics of other libraries to `others`.
    ///
    /// The limits are on series. What `others` keeps of each is its own business:
    /// `metrics-exporter-prometheus` holds every value of a histogram until it renders or
    /// `run_upkeep` is called.
    pub fn beside(metrics: FusionMetrics, others: R) -> Self {
        Self {
            places: Places::default(),
            forward: Forward::new(others, Arc::clone(&metrics.0)),
            metrics,
        }
    }

    /// The store behind it.
    pub const fn metrics(&self) -> &FusionMetrics {
        &self.metrics
    }

    /// The exposition, followed by what `others` renders in the text format 0.0.4.
    pub fn render(&self, format: Format, others: impl FnOnce() -> String) -> String {
        self.metrics.render_with(format, others)
    }

    fn store(&self) -> &Store {
        &self.metrics.0
    }

    /// Whose metric it is.
    fn owner(&self, name: &str) -> Owner {
        match self.places.find(name) {
            Some(place) => Owner::Catalogue(place),
            // Such a name begins alike on the page: only what is no letter changes there.
            None if name.starts_with("fusion") => Owner::Nobody,
            None => Owner::Others,
        }
    }

    fn reject(&self) {
        self.store().events.count(Event::RejectedName);
    }

    /// The series for the key, where the metric is of the right kind.
    fn series(&self, place: u8, kind: Kind, key: &Key) -> Option<&Arc<Series>> {
        let metric = CATALOGUE.get(usize::from(place))?;
        if metric.kind != kind {
            self.reject();
            return None;
        }
        self.store().series(place, self.labels(key))
    }

    /// The three labels of the key. Others, and repeated ones, are left out and counted.
    fn labels<'a>(&self, key: &'a Key) -> Labels<'a> {
        let (mut scenario, mut overlay, mut result) = (None, None, None);
        for label in key.labels() {
            let place = match label.key() {
                "scenario" => &mut scenario,
                "overlay" => &mut overlay,
                "result" => &mut result,
                _ => {
                    self.store().events.count(Event::DroppedTag);
                    continue;
                }
            };
            if place.replace(label.value()).is_some() {
                self.store().events.count(Event::DroppedTag);
            }
        }
        Labels {
            scenario: scenario.unwrap_or_default(),
            overlay: overlay.unwrap_or_default(),
            result: Outcome::of(result.unwrap_or_default()),
        }
    }
}

/// Where in the catalogue a name stands. Found by its length: hardly two have the same,
/// and comparing is faster than hashing.
struct Places(Vec<Vec<(&'static str, u8)>>);

impl Default for Places {
    fn default() -> Self {
        let longest = CATALOGUE.iter().map(|it| it.name.len()).max().unwrap_or_default();
        let mut res = vec![Vec::new(); longest + 1];
        for (place, metric) in (0..).zip(CATALOGUE).filter(|(_, it)| it.source == Source::Recorded)
        {
            let of_length = res.get_mut(metric.name.len());
            of_length.into_iter().for_each(|it| it.push((metric.name, place)));
        }
        Self(res)
    }
}

impl Places {
    #[inline]
    fn find(&self, name: &str) -> Option<u8> {
        let mut of_length = self.0.get(name.len())?.iter();
        of_length.find(|it| same(it.0.as_bytes(), name.as_bytes())).map(|it| it.1)
    }
}

enum Owner {
    Catalogue(u8),
    Others,
    Nobody,
}

impl<R: Recorder> Recorder for FusionRecorder<R> {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, text: SharedString) {
        if let Owner::Others = self.owner(key.as_str()) {
            self.forward.describe(Kind::Counter, &key, unit, text);
        }
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, text: SharedString) {
        if let Owner::Others = self.owner(key.as_str()) {
            self.forward.describe(Kind::Gauge, &key, unit, text);
        }
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, text: SharedString) {
        if let Owner::Others = self.owner(key.as_str()) {
            self.forward.describe(Kind::Histogram, &key, unit, text);
        }
    }

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> metrics::Counter {
        let place = match self.owner(key.name()) {
            Owner::Catalogue(place) => place,
            Owner::Others => return self.forward.instrument(key, metadata),
            Owner::Nobody => return self.refused(),
        };
        match self.series(place, Kind::Counter, key).map(|it| &it.value) {
            Some(Value::Counter(shards)) => {
                metrics::Counter::from_arc(Arc::clone(shards.mine(CounterCell::default)))
            }
            _ => metrics::Counter::noop(),
        }
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> metrics::Gauge {
        let place = match self.owner(key.name()) {
            Owner::Catalogue(place) => place,
            Owner::Others => return self.forward.instrument(key, metadata),
            Owner::Nobody => return self.refused(),
        };
        match self.series(place, Kind::Gauge, key).map(|it| &it.value) {
            Some(Value::Gauge(cell)) => metrics::Gauge::from_arc(Arc::clone(cell)),
            _ => metrics::Gauge::noop(),
        }
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> metrics::Histogram {
        let place = match self.owner(key.name()) {
            Owner::Catalogue(place) => place,
            Owner::Others => return self.forward.instrument(key, metadata),
            Owner::Nobody => return self.refused(),
        };
        match self.series(place, Kind::Histogram, key).map(|it| &it.value) {
            Some(Value::Histogram(metric, shards)) => {
                let cell = shards.mine(|| HistogramCell::new(metric));
                metrics::Histogram::from_arc(Arc::clone(cell))
            }
            _ => metrics::Histogram::noop(),
        }
    }
}

impl<R> FusionRecorder<R> {
    /// An instrument that does nothing, for a name that is not taken.
    fn refused<I: Instrument>(&self) -> I {
        self.reject();
        I::noop()
    }
}
