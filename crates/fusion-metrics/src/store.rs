//! The bounded store: names in, one series out, always.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use arc_swap::ArcSwap;

use crate::admission::{Admission, Gate, InfoRow, known_overlay};
use crate::catalogue::CATALOGUE;
use crate::demand::Demand;
use crate::event::{Event, EventCounts, FoldReason};
use crate::known::Known;
use crate::label::{MAX_VALUE, OTHER, Scratch, clean, is_clean};
use crate::limits::Limits;
use crate::metric::Metric;
use crate::outcome::Outcome;
use crate::series::{Labels, Series, write_label};
use crate::table::{Seeded, Table};

pub(crate) struct Store {
    pub(crate) limits: Limits,
    pub(crate) hashes: Seeded,
    /// The hash of the overlay that others fold into.
    other: u64,
    table: Table<Series>,
    folds: Box<[Folds]>,
    gates: Box<[Gate]>,
    overall_gate: Gate,
    known: ArcSwap<Known>,
    admission: Mutex<Admission>,
    sorted: Mutex<Sorted>,
    pub(crate) events: EventCounts,
    pub(crate) demand: Demand,
    /// The bits of a number; no number until the first exposition was timed.
    scrape_seconds: AtomicU64,
    pub(crate) forwarded_names: AtomicUsize,
    pub(crate) forwarded_series: AtomicUsize,
}

/// What a metric folds into in the end, by result.
type Folds = [OnceLock<Arc<Series>>; Outcome::ALL.len()];

/// The series in use of one epoch, by place in the catalogue and labels.
#[derive(Default)]
struct Sorted {
    epoch: u64,
    series: Vec<Arc<Series>>,
}

/// The hash of a series, and the part of it that its scenario gives.
#[derive(Clone, Copy)]
struct Hash {
    scenario: u64,
    whole: u64,
}

impl Store {
    pub(crate) fn new(limits: Limits, seed: u64) -> Self {
        let (hashes, table) = (Seeded::new(seed), Table::for_entries(limits.overall()));
        Self {
            limits,
            other: hashes.text(OTHER),
            hashes,
            folds: CATALOGUE.iter().map(|_| [const { OnceLock::new() }; _]).collect(),
            gates: CATALOGUE.iter().map(|_| Gate::open()).collect(),
            overall_gate: Gate::open(),
            known: ArcSwap::from_pointee(Known::every_name()),
            admission: Mutex::new(Admission::new(&limits, table.most())),
            table,
            sorted: Mutex::default(),
            events: EventCounts::default(),
            demand: Demand::default(),
            scrape_seconds: AtomicU64::new(f64::NAN.to_bits()),
            forwarded_names: AtomicUsize::new(0),
            forwarded_series: AtomicUsize::new(0),
        }
    }

    /// The series for these names: their own or the one they fold into. Nothing is
    /// allocated or locked where it exists already. `None` for no metric.
    #[inline]
    pub(crate) fn series(&self, metric: u8, labels: Labels<'_>) -> Option<&Arc<Series>> {
        // A name that is too long is not even hashed here.
        if labels.scenario.len() <= MAX_VALUE && labels.overlay.len() <= MAX_VALUE {
            let hash = self.hash(metric, labels);
            let found = self.table.find(hash.whole, |it| it.is_verbatim(metric, labels));
            if found.is_some() {
                return found;
            }
            return self.series_of_any(metric, labels, Some(hash));
        }
        self.series_of_any(metric, labels, None)
    }

    #[inline]
    fn hash(&self, metric: u8, labels: Labels<'_>) -> Hash {
        let scenario = self.hashes.text(labels.scenario);
        let overlay = self.hashes.text(labels.overlay);
        Hash { scenario, whole: Seeded::both(scenario, overlay, tag(metric, labels.result)) }
    }

    /// The series for names that have none in use; `raw_hash` is theirs.
    #[cold]
    #[inline(never)]
    fn series_of_any(
        &self,
        metric: u8,
        raw: Labels<'_>,
        raw_hash: Option<Hash>,
    ) -> Option<&Arc<Series>> {
        let row = CATALOGUE.get(usize::from(metric))?;
        let result = row.outcome(raw.result);
        if let Some(hash) = raw_hash
            && result == raw.result
            && is_clean(raw.scenario)
            && is_clean(raw.overlay)
        {
            return Some(match self.admitted(metric, row, raw, hash.whole) {
                Ok(series) => series,
                Err(reason) => self.fold(metric, row, raw, hash, reason)?,
            });
        }
        let (mut scenario, mut overlay) = (Scratch::default(), Scratch::default());
        let labels = Labels {
            scenario: clean(raw.scenario, &mut scenario),
            overlay: clean(raw.overlay, &mut overlay),
            result,
        };
        let hash = self.hash(metric, labels);
        self.found_or_admitted(metric, row, labels, hash.whole)
            .map_or_else(|reason| self.fold(metric, row, labels, hash, reason), Some)
    }

    fn found_or_admitted(
        &self,
        metric: u8,
        row: &'static Metric,
        labels: Labels<'_>,
        hash: u64,
    ) -> Result<&Arc<Series>, FoldReason> {
        let found = self.table.find(hash, |it| it.is(metric, labels));
        match found.filter(|it| !it.is_retired()) {
            Some(series) => Ok(series),
            None => self.admitted(metric, row, labels, hash),
        }
    }

    /// The series for clean names that have none in use.
    fn admitted(
        &self,
        metric: u8,
        row: &'static Metric,
        labels: Labels<'_>,
        hash: u64,
    ) -> Result<&Arc<Series>, FoldReason> {
        self.ask_gates(metric, labels)?;
        self.admit(metric, row, labels, hash)?;
        // It stands in the table now, whoever put it there.
        self.table.find(hash, |it| it.is(metric, labels)).ok_or(FoldReason::Overall)
    }

    fn ask_gates(&self, metric: u8, labels: Labels<'_>) -> Result<(), FoldReason> {
        let known = || is_known(&self.known.load(), labels);
        self.overall_gate.judge(known, FoldReason::Overall)?;
        let gate = self.gates.get(usize::from(metric)).ok_or(FoldReason::PerMetric)?;
        gate.judge(known, FoldReason::PerMetric)
    }

    fn admit(
        &self,
        metric: u8,
        row: &'static Metric,
        labels: Labels<'_>,
        hash: u64,
    ) -> Result<(), FoldReason> {
        let mut admission = self.admission();
        let found = self.table.find(hash, |it| it.is(metric, labels));
        if found.is_some_and(|it| !it.is_retired()) {
            return Ok(());
        }
        let known = is_known(&self.known.load(), labels);
        if let Some(retired) = found {
            admission.judge(metric, known)?;
            admission.enter_again(retired, known);
        } else {
            admission.judge_new(metric, known)?;
            let series = Arc::new(Series::new(metric, row, labels));
            self.table.add(hash, &series);
            admission.enter(series, known);
            self.demand.note(hash);
        }
        self.set_gates(&admission, metric);
        Ok(())
    }

    /// The series for those who get none of their own: first without the overlay, then
    /// without both names. The result stays, so that shares of it stay exact.
    fn fold(
        &self,
        metric: u8,
        row: &'static Metric,
        labels: Labels<'_>,
        hash: Hash,
        reason: FoldReason,
    ) -> Option<&Arc<Series>> {
        self.events.count(Event::Folded(reason));
        self.demand.note(hash.whole);
        let without_overlay = Labels { overlay: OTHER, ..labels };
        let hash = Seeded::both(hash.scenario, self.other, tag(metric, labels.result));
        match self.found_or_admitted(metric, row, without_overlay, hash) {
            Ok(series) => Some(series),
            Err(_) => self.last_resort(metric, row, labels.result),
        }
    }

    fn last_resort(
        &self,
        metric: u8,
        row: &'static Metric,
        result: Outcome,
    ) -> Option<&Arc<Series>> {
        let fold = self.folds.get(usize::from(metric))?.get(result as usize)?;
        let labels = Labels { scenario: OTHER, overlay: OTHER, result };
        Some(fold.get_or_init(|| {
            let series = Arc::new(Series::new(metric, row, labels));
            self.admission().enter_fold(Arc::clone(&series));
            series
        }))
    }

    /// The book of series. A panic while it was held left it whole: each entry is made
    /// before it is counted.
    pub(crate) fn admission(&self) -> MutexGuard<'_, Admission> {
        self.admission.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_gates(&self, admission: &Admission, metric: u8) {
        self.overall_gate.put(admission.overall_gate());
        if let Some(gate) = self.gates.get(usize::from(metric)) {
            gate.put(admission.metric_gate(metric));
        }
    }

    fn set_all_gates(&self, admission: &Admission) {
        for (metric, gate) in (0_u8..).zip(&self.gates) {
            gate.put(admission.metric_gate(metric));
        }
        self.overall_gate.put(admission.overall_gate());
    }

    /// Makes these names the known ones, and retires the series of overlays that no
    /// longer are.
    pub(crate) fn set_known(&self, known: Known) {
        let mut admission = self.admission();
        let before = self.known.load_full();
        admission.retire(|it| before.loses(it.overlay(), &known), &known);
        self.known.store(Arc::new(known));
        self.set_all_gates(&admission);
    }

    /// Retires the series of an overlay. Those without one belong to none.
    pub(crate) fn forget(&self, overlay: &str) {
        if overlay.is_empty() {
            return;
        }
        let mut scratch = Scratch::default();
        let overlay = clean(overlay, &mut scratch);
        let mut admission = self.admission();
        admission.retire(|it| it.overlay() == overlay, &self.known.load());
        self.set_all_gates(&admission);
    }

    /// Replaces the rows of an info metric. Surplus rows become one.
    pub(crate) fn set_info(&self, metric: u8, rows: &[&[&str]]) {
        let Some(row) = CATALOGUE.get(usize::from(metric)) else { return };
        let mut admission = self.admission();
        let room = admission.info_room(metric);
        admission.infos.retain(|it| it.metric != metric);
        let mut lines: Vec<_> = rows.iter().map(|it| info_row(metric, row, it)).collect();
        lines.sort_unstable();
        lines.dedup();
        if lines.len() > room {
            lines.truncate(room);
            lines.push(info_row(metric, row, &vec![OTHER; row.labels.len()]));
        }
        admission.infos.extend(lines);
        admission.infos.sort_unstable();
        self.set_all_gates(&admission);
    }

    /// Calls `read` with every series, sorted by place in the catalogue and labels.
    pub(crate) fn with_sorted<T>(&self, read: impl FnOnce(&[Arc<Series>]) -> T) -> T {
        let mut sorted = self.sorted.lock().unwrap_or_else(PoisonError::into_inner);
        let Sorted { epoch, series } = &mut *sorted;
        {
            let admission = self.admission();
            if *epoch != admission.epoch {
                *epoch = admission.epoch;
                series.clear();
            }
            let before = series.len();
            series.extend(admission.series.iter().skip(before).cloned());
            let added = series.len() > before;
            drop(admission);
            if added {
                series.sort_by(|a, b| (a.metric, a.labels()).cmp(&(b.metric, b.labels())));
            }
        }
        read(series)
    }

    /// How long the last exposition took, where somebody told.
    pub(crate) fn scrape_seconds(&self) -> Option<f64> {
        Some(f64::from_bits(self.scrape_seconds.load(Relaxed))).filter(|it| it.is_finite())
    }

    pub(crate) fn observe_scrape(&self, seconds: f64) {
        self.scrape_seconds.store(seconds.to_bits(), Relaxed);
    }

    /// The bytes that were taken at birth and never grow.
    pub(crate) fn fixed_bytes(&self) -> usize {
        self.table.bytes() + size_of::<Self>() + size_of_val(&*self.folds)
    }
}

/// The overlay first: it is what strangers make up.
fn is_known(known: &Known, labels: Labels<'_>) -> bool {
    known_overlay(known, labels.overlay) && known.scenario(labels.scenario)
}

/// What tells series of the same names apart.
const fn tag(metric: u8, result: Outcome) -> u64 {
    (metric as u64) << 8 | result as u64
}

fn info_row(metric: u8, row: &Metric, values: &[&str]) -> InfoRow {
    let mut labels = String::new();
    for (key, value) in row.labels.iter().zip(values) {
        let mut scratch = Scratch::default();
        let value = if *value == OTHER { OTHER } else { clean(value, &mut scratch) };
        write_label(&mut labels, key, value);
    }
    InfoRow { metric, labels: labels.into() }
}
