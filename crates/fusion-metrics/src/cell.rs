//! Where values are added up.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use crate::metric::Metric;

/// Into how many parts a value is split, so that threads do not wait for each other.
pub(crate) const SHARDS: usize = 8;

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static SHARD: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// The shard of this thread. Threads take turns, so neighbours never share one.
#[inline]
pub(crate) fn shard() -> usize {
    SHARD.with(|it| match it.get() {
        usize::MAX => first_use(it),
        shard => shard,
    })
}

#[cold]
fn first_use(shard: &Cell<usize>) -> usize {
    shard.set(THREADS.fetch_add(1, Relaxed) % SHARDS);
    shard.get()
}

/// A value in shards. A shard is allocated by the first thread that writes it.
pub(crate) struct Sharded<C>([OnceLock<Arc<C>>; SHARDS]);

impl<C> Default for Sharded<C> {
    fn default() -> Self {
        Self([const { OnceLock::new() }; SHARDS])
    }
}

impl<C> Sharded<C> {
    /// The shard of this thread.
    #[inline]
    pub(crate) fn mine(&self, make: impl FnOnce() -> C) -> &Arc<C> {
        self.0[shard() % SHARDS].get_or_init(|| Arc::new(make()))
    }

    /// The shards that were written.
    pub(crate) fn written(&self) -> impl Iterator<Item = &C> {
        self.0.iter().filter_map(OnceLock::get).map(|it| &**it)
    }
}

/// One shard of a counter.
#[derive(Default)]
pub(crate) struct CounterCell {
    added: AtomicU64,
    floor: AtomicU64,
}

impl CounterCell {
    #[inline]
    pub(crate) fn add(&self, n: u64) {
        self.added.fetch_add(n, Relaxed);
    }

    pub(crate) fn added(&self) -> u64 {
        self.added.load(Relaxed)
    }

    pub(crate) fn floor(&self) -> u64 {
        self.floor.load(Relaxed)
    }
}

impl metrics::CounterFn for CounterCell {
    fn increment(&self, value: u64) {
        self.add(value);
    }

    /// The counter shows at least `value`. It is meant for a counter that is kept
    /// elsewhere: what is added to the same series beside it is not added to `value`.
    fn absolute(&self, value: u64) {
        self.floor.fetch_max(value, Relaxed);
    }
}

/// A gauge: the last value wins, so it has one place.
#[derive(Default)]
pub(crate) struct GaugeCell {
    bits: AtomicU64,
    rejected: AtomicU64,
}

impl GaugeCell {
    pub(crate) fn value(&self) -> f64 {
        f64::from_bits(self.bits.load(Relaxed))
    }

    pub(crate) fn rejected(&self) -> u64 {
        self.rejected.load(Relaxed)
    }

    pub(crate) fn put(&self, value: f64) {
        if value.is_finite() {
            self.bits.store(value.to_bits(), Relaxed);
        } else {
            self.rejected.fetch_add(1, Relaxed);
        }
    }

    pub(crate) fn add(&self, value: f64) {
        if value.is_finite() {
            add_f64(&self.bits, value);
        } else {
            self.rejected.fetch_add(1, Relaxed);
        }
    }
}

impl metrics::GaugeFn for GaugeCell {
    fn increment(&self, value: f64) {
        self.add(value);
    }

    fn decrement(&self, value: f64) {
        self.add(-value);
    }

    fn set(&self, value: f64) {
        self.put(value);
    }
}

/// The most buckets of a histogram, the last one without bound included.
pub(crate) const MAX_BUCKETS: usize = 16;

/// One shard of a histogram. In this order the sum lies beside the first buckets.
#[repr(C)]
pub(crate) struct HistogramCell {
    /// Upper bounds in the recorded unit, so that no call pays for a division.
    bounds: &'static [f64],
    sum: AtomicU64,
    counts: [AtomicU64; MAX_BUCKETS],
    rejected: AtomicU64,
}

impl HistogramCell {
    pub(crate) fn new(metric: &Metric) -> Self {
        Self {
            bounds: metric.recorded_buckets,
            counts: [const { AtomicU64::new(0) }; MAX_BUCKETS],
            sum: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
        }
    }

    /// Records `value`, in the recorded unit, `times` times.
    #[inline]
    pub(crate) fn observe(&self, value: f64, times: u64) {
        if !value.is_finite() {
            self.rejected.fetch_add(times, Relaxed);
            return;
        }
        // All bounds are compared: which one is the last differs from call to call, and a
        // branch guessed wrong costs more than the rest of them.
        let bucket = self.bounds.iter().filter(|it| value > **it).count();
        // The sum first: it is read before it is written, and a read waits for an atomic
        // write before it.
        add_f64(&self.sum, value * times as f64);
        self.counts[bucket % MAX_BUCKETS].fetch_add(times, Relaxed);
    }

    pub(crate) fn counts(&self) -> impl Iterator<Item = u64> {
        self.counts.iter().map(|it| it.load(Relaxed))
    }

    /// The sum of all values in the recorded unit.
    pub(crate) fn sum(&self) -> f64 {
        f64::from_bits(self.sum.load(Relaxed))
    }

    pub(crate) fn rejected(&self) -> u64 {
        self.rejected.load(Relaxed)
    }
}

impl metrics::HistogramFn for HistogramCell {
    fn record(&self, value: f64) {
        self.observe(value, 1);
    }

    fn record_many(&self, value: f64, count: usize) {
        self.observe(value, count as u64);
    }
}

fn add_f64(bits: &AtomicU64, value: f64) {
    let add = |it: u64| Some((f64::from_bits(it) + value).to_bits());
    // The closure always gives a value, so the update cannot fail.
    let _ = bits.fetch_update(Relaxed, Relaxed, add);
}
