//! The bounded store: names in, one series out, always.

use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use arc_swap::ArcSwap;

use crate::admission::{Admission, Gate, InfoRow, known_overlay};
use crate::catalogue::CATALOGUE;
use crate::demand::Demand;
use crate::event::{Event, EventCounts, FoldReason};
use crate::known::Known;
use crate::label::{MAX_VALUE, OTHER, Scratch, clean};
use crate::limits::Limits;
use crate::metric::Metric;
use crate::outcome::Outcome;
use crate::series::{Labels, Series, write_label};
use crate::table::{Seeded, Table};

pub(crate) struct Store {
    pub(crate) limits: Limits,
    pub(crate) hashes: Seeded,
    table: Table<Series>,
    folds: Box<[Folds]>,
    gates: Box<[Gate]>,
    overall_gate: Gate,
    known: ArcSwap<Known>,
    admission: Mutex<Admission>,
    sorted: Mutex<Vec<Arc<Series>>>,
    pub(crate) events: EventCounts,
    pub(crate) demand: Demand,
    pub(crate) scrape_seconds: AtomicU64,
    pub(crate) forwarded_names: AtomicUsize,
    pub(crate) forwarded_series: AtomicUsize,
}

/// What a metric folds into in the end, by result.
type Folds = [OnceLock<Arc<Series>>; Outcome::ALL.len()];

impl Store {
    pub(crate) fn new(limits: Limits, seed: u64) -> Self {
        Self {
            limits,
            hashes: Seeded::new(seed),
            table: Table::for_entries(limits.overall()),
            folds: CATALOGUE.iter().map(|_| [const { OnceLock::new() }; _]).collect(),
            gates: CATALOGUE.iter().map(|_| Gate::open()).collect(),
            overall_gate: Gate::open(),
            known: ArcSwap::from_pointee(Known::every_name()),
            admission: Mutex::new(Admission::new(&limits)),
            sorted: Mutex::default(),
            events: EventCounts::default(),
            demand: Demand::default(),
            scrape_seconds: AtomicU64::new(0),
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
            let found = self.table.find(hash, |it| it.is_verbatim(metric, labels));
            if found.is_some() {
                return found;
            }
        }
        self.series_of_any(metric, labels)
    }

    #[inline]
    fn hash(&self, metric: u8, labels: Labels<'_>) -> u64 {
        let scenario = self.hashes.text(labels.scenario);
        let overlay = self.hashes.text(labels.overlay);
        Seeded::both(scenario, overlay, u64::from(metric) << 8 | labels.result as u64)
    }

    #[cold]
    #[inline(never)]
    fn series_of_any(&self, metric: u8, raw: Labels<'_>) -> Option<&Arc<Series>> {
        let row = CATALOGUE.get(usize::from(metric))?;
        let (mut scenario, mut overlay) = (Scratch::default(), Scratch::default());
        let labels = Labels {
            scenario: clean(raw.scenario, &mut scenario),
            overlay: clean(raw.overlay, &mut overlay),
            result: row.outcome(raw.result),
        };
        let hash = self.hash(metric, labels);
        self.found_or_admitted(metric, row, labels, hash)
            .map_or_else(|reason| self.fold(metric, row, labels, hash, reason), Some)
    }

    fn found_or_admitted(
        &self,
        metric: u8,
        row: &'static Metric,
        labels: Labels<'_>,
        hash: u64,
    ) -> Result<&Arc<Series>, FoldReason> {
        if let Some(series) = self.table.find(hash, |it| it.is(metric, labels)) {
            return Ok(series);
        }
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
        if self.table.find(hash, |it| it.is(metric, labels)).is_some() {
            return Ok(());
        }
        let known = is_known(&self.known.load(), labels);
        admission.judge(metric, known)?;
        let series = Arc::new(Series::new(metric, row, labels));
        self.table.add(hash, &series);
        admission.enter(series, known);
        self.demand.note(hash);
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
        hash: u64,
        reason: FoldReason,
    ) -> Option<&Arc<Series>> {
        self.events.count(Event::Folded(reason));
        self.demand.note(hash);
        let without_overlay = Labels { overlay: OTHER, ..labels };
        let hash = self.hash(metric, without_overlay);
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

    pub(crate) fn set_known(&self, known: Known) {
        let mut admission = self.admission();
        admission.recount(&known);
        self.known.store(Arc::new(known));
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
        let before = sorted.len();
        sorted.extend(self.admission().series.iter().skip(before).cloned());
        if sorted.len() > before {
            sorted.sort_by(|a, b| (a.metric, a.labels()).cmp(&(b.metric, b.labels())));
        }
        read(&sorted)
    }

    /// The bytes that were taken at birth and never grow.
    pub(crate) fn fixed_bytes(&self) -> usize {
        self.table.bytes() + size_of::<Self>() + size_of_val(&*self.folds)
    }
}

fn is_known(known: &Known, labels: Labels<'_>) -> bool {
    known.scenario(labels.scenario) && known_overlay(known, labels.overlay)
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
