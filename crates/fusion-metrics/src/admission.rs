//! Who gets a series of their own. All of it under one mutex.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use crate::catalogue::CATALOGUE;
use crate::event::FoldReason;
use crate::known::Known;
use crate::label::OTHER;
use crate::limits::Limits;
use crate::series::Series;

/// The book of all series. Every limit is exact because only its holder writes.
pub(crate) struct Admission {
    /// Every series in use, in the order of admission. Only added to in one epoch.
    pub(crate) series: Vec<Arc<Series>>,
    /// The series that are off the page; their values still count.
    pub(crate) retired: Vec<Arc<Series>>,
    /// Counts how often series were taken off the page.
    pub(crate) epoch: u64,
    /// The rows of the info metrics, sorted.
    pub(crate) infos: Vec<InfoRow>,
    overall: Count,
    metrics: Box<[Count]>,
    room: Room,
}

/// One line of an info metric.
#[derive(Clone, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct InfoRow {
    pub(crate) metric: u8,
    pub(crate) labels: Box<str>,
}

/// Series that were admitted, without those that others fold into.
#[derive(Clone, Copy, Default)]
struct Count {
    admitted: usize,
    unknown: usize,
}

/// What the limits leave when every series to fold into has its place kept.
struct Room {
    /// The series in use and off the page that can be told apart.
    entries: usize,
    overall: usize,
    overall_unknown: usize,
    metrics: Box<[usize]>,
    metric_unknown: usize,
}

impl Admission {
    /// A book for a table of so many `entries`.
    pub(crate) fn new(limits: &Limits, entries: usize) -> Self {
        let kept: usize = CATALOGUE.iter().map(|it| it.folds()).sum();
        let of_metric = limits.per_metric();
        let room = Room {
            entries: entries.saturating_sub(kept),
            overall: limits.overall().saturating_sub(kept),
            overall_unknown: limits.unknown_of(limits.overall()),
            metrics: CATALOGUE.iter().map(|it| of_metric.saturating_sub(it.folds())).collect(),
            metric_unknown: limits.unknown_of(of_metric),
        };
        Self {
            series: Vec::new(),
            retired: Vec::new(),
            epoch: 0,
            infos: Vec::new(),
            overall: Count::default(),
            metrics: vec![Count::default(); CATALOGUE.len()].into(),
            room,
        }
    }

    /// Whether one more series of the metric is within the limits, and in the table.
    pub(crate) fn judge_new(&self, metric: u8, known: bool) -> Result<(), FoldReason> {
        if self.is_table_full() {
            return Err(FoldReason::Overall);
        }
        self.judge(metric, known)
    }

    /// Whether one more series of the metric is within the limits.
    pub(crate) fn judge(&self, metric: u8, known: bool) -> Result<(), FoldReason> {
        let of = Class::of(known);
        self.overall_gate().judge(of, FoldReason::Overall)?;
        self.metric_gate(metric).judge(of, FoldReason::PerMetric)
    }

    /// Takes the series off the page that are `gone`, out of the limits. Those that others
    /// fold into stay.
    pub(crate) fn retire(&mut self, gone: impl Fn(&Series) -> bool, known: &Known) {
        let is_gone = |it: &mut Arc<Series>| !it.is_last_resort() && gone(it);
        let before = self.retired.len();
        self.retired.extend(self.series.extract_if(.., is_gone));
        for series in self.retired.iter().skip(before) {
            series.retire(true);
            let metric = self.metrics.get_mut(usize::from(series.metric));
            metric.into_iter().chain([&mut self.overall]).for_each(|it| it.admitted -= 1);
        }
        self.epoch += u64::from(self.retired.len() > before);
        self.recount(known);
    }

    /// Puts a retired series back: its names are used again, and its value goes on.
    pub(crate) fn enter_again(&mut self, series: &Arc<Series>, known: bool) {
        self.retired.retain(|it| !Arc::ptr_eq(it, series));
        series.retire(false);
        self.enter(Arc::clone(series), known);
    }

    /// Whether the table holds as many as it can.
    fn is_table_full(&self) -> bool {
        self.series.len() + self.retired.len() >= self.room.entries
    }

    /// Every series, those off the page too.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Series>> {
        self.series.iter().chain(&self.retired)
    }

    /// Enters an admitted series.
    pub(crate) fn enter(&mut self, series: Arc<Series>, known: bool) {
        let metric = self.metrics.get_mut(usize::from(series.metric));
        for count in metric.into_iter().chain([&mut self.overall]) {
            count.admitted += 1;
            count.unknown += usize::from(!known);
        }
        self.series.push(series);
    }

    /// Enters a series that others fold into. Its place was kept.
    pub(crate) fn enter_fold(&mut self, series: Arc<Series>) {
        self.series.push(series);
    }

    /// How many rows of an info metric there can be besides the one for the surplus.
    pub(crate) fn info_room(&self, metric: u8) -> usize {
        let others = self.infos.iter().filter(|it| it.metric != metric).count();
        let overall = self.room.overall.saturating_sub(self.overall.admitted + others);
        self.room.metrics.get(usize::from(metric)).map_or(0, |it| overall.min(*it))
    }

    /// Counts anew which series are unknown, after the installation changed.
    pub(crate) fn recount(&mut self, known: &Known) {
        self.overall.unknown = 0;
        self.metrics.iter_mut().for_each(|it| it.unknown = 0);
        for series in self.series.iter().filter(|it| !is_known(known, it)) {
            let metric = self.metrics.get_mut(usize::from(series.metric));
            metric.into_iter().chain([&mut self.overall]).for_each(|it| it.unknown += 1);
        }
    }

    /// Who still gets in, over all metrics.
    pub(crate) fn overall_gate(&self) -> State {
        let used = self.overall.admitted + self.infos.len();
        let unknown = self.overall.unknown < self.room.overall_unknown;
        State::of(used < self.room.overall, unknown)
    }

    /// Who still gets in, to this metric.
    pub(crate) fn metric_gate(&self, metric: u8) -> State {
        let at = usize::from(metric);
        let (Some(count), Some(room)) = (self.metrics.get(at), self.room.metrics.get(at)) else {
            return State::Shut;
        };
        State::of(count.admitted < *room, count.unknown < self.room.metric_unknown)
    }
}

/// The series to fold into carry names that no installation has, and are no strangers.
fn is_known(known: &Known, series: &Series) -> bool {
    let scenario = series.scenario();
    (scenario == OTHER || known.scenario(scenario)) && known_overlay(known, series.overlay())
}

pub(crate) fn known_overlay(known: &Known, overlay: &str) -> bool {
    overlay == OTHER || known.overlay(overlay)
}

/// Whom a limit lets in.
#[derive(Clone, Copy, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum State {
    Open,
    KnownOnly,
    Shut,
}

/// Whether the installation knows the names of a series.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Class {
    Known,
    Unknown,
}

impl Class {
    const fn of(known: bool) -> Self {
        if known { Self::Known } else { Self::Unknown }
    }
}

impl State {
    const fn of(room: bool, unknown_room: bool) -> Self {
        match (room, unknown_room) {
            (false, _) => Self::Shut,
            (true, false) => Self::KnownOnly,
            (true, true) => Self::Open,
        }
    }

    fn judge(self, class: Class, when_shut: FoldReason) -> Result<(), FoldReason> {
        match (self, class) {
            (Self::Shut, _) => Err(when_shut),
            (Self::KnownOnly, Class::Unknown) => Err(FoldReason::UnknownValue),
            _ => Ok(()),
        }
    }
}

/// A copy of a limit's state that is read without the mutex. It may be late, never wrong
/// for long: who gets past it is judged again under the mutex.
pub(crate) struct Gate(AtomicU8);

impl Gate {
    pub(crate) const fn open() -> Self {
        Self(AtomicU8::new(State::Open as u8))
    }

    pub(crate) fn put(&self, state: State) {
        self.0.store(state as u8, Relaxed);
    }

    /// Whether it is worth asking at the mutex, for a series that is `known` or not.
    pub(crate) fn judge(
        &self,
        known: impl FnOnce() -> bool,
        when_shut: FoldReason,
    ) -> Result<(), FoldReason> {
        match self.0.load(Relaxed) {
            it if it == State::Open as u8 => Ok(()),
            it if it == State::KnownOnly as u8 => {
                State::KnownOnly.judge(Class::of(known()), when_shut)
            }
            _ => Err(when_shut),
        }
    }
}
