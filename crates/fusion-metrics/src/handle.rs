//! Handles to one series, for callers that record to it again and again.

use std::sync::Arc;

use crate::cell::{CounterCell, HistogramCell};
use crate::series::{Series, Value};

/// A counter of one series.
///
/// A handle that was taken while a limit was reached stays with the series that its names
/// folded into.
#[derive(Clone)]
pub struct Counter(pub(crate) Option<Arc<Series>>);

/// A gauge of one series. Values that are no finite number are refused and counted.
#[derive(Clone)]
pub struct Gauge(pub(crate) Option<Arc<Series>>);

/// A histogram of one series. Values that are no finite number are refused and counted.
#[derive(Clone)]
pub struct Histogram(pub(crate) Option<Arc<Series>>);

impl Counter {
    /// Adds one.
    #[inline]
    pub fn inc(&self) {
        self.add(1);
    }

    /// Adds `n`.
    #[inline]
    pub fn add(&self, n: u64) {
        self.0.iter().for_each(|it| it.add(n));
    }
}

impl Gauge {
    /// Sets the value.
    pub fn set(&self, value: f64) {
        self.0.iter().for_each(|it| it.put(value));
    }

    /// Adds to the value.
    pub fn add(&self, value: f64) {
        if let Some(Value::Gauge(cell)) = self.0.as_ref().map(|it| &it.value) {
            cell.add(value);
        }
    }
}

impl Histogram {
    /// Records a value in the unit of the metric's dotted name.
    #[inline]
    pub fn record(&self, value: f64) {
        self.0.iter().for_each(|it| it.observe(value));
    }
}

impl Series {
    #[inline]
    pub(crate) fn add(&self, n: u64) {
        if let Value::Counter(shards) = &self.value {
            shards.mine(CounterCell::default).add(n);
        }
    }

    pub(crate) fn put(&self, value: f64) {
        if let Value::Gauge(cell) = &self.value {
            cell.put(value);
        }
    }

    #[inline]
    pub(crate) fn observe(&self, value: f64) {
        if let Value::Histogram(metric, shards) = &self.value {
            shards.mine(|| HistogramCell::new(metric)).observe(value, 1);
        }
    }
}
