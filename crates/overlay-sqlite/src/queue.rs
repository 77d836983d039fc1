use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use overlay_store::audit::Record;
use serde::Serialize;
use thiserror::Error;

use crate::batch::Limits;
use crate::error::SqliteError;
use crate::rows::{PerformanceRow, Sample};

/// What became of the rows that were handed over.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Counts {
    /// Audit records in the index.
    pub audit_written: u64,
    /// Audit records that wait, because the index is down.
    pub audit_waiting: u64,
    /// Performance rows and samples that are not tried yet.
    pub waiting: u64,
    /// Performance rows and samples in the file.
    pub written: u64,
    /// Performance rows and samples that found the queue full.
    pub dropped: u64,
    /// Performance rows and samples that the file did not take.
    pub failed: u64,
    /// Performance rows and samples that were older than they are kept, and are gone.
    pub removed: u64,
}

/// An audit record that the index did not take: it is down and its queue full, or the
/// writer ends. The log has the record; [`crate::AuditIndex::update`] takes it in later.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("the audit index is down: record {} is in the log only", .0.seq)]
pub struct Refused(pub Box<Record>);

/// The rows on their way to the writing thread.
pub(crate) struct Queue {
    limits: Limits,
    state: Mutex<State>,
    /// There is something to do.
    work: Condvar,
    /// Something was done.
    done: Condvar,
}

#[derive(Default)]
struct State {
    audit: VecDeque<Record>,
    rows: VecDeque<PerformanceRow>,
    samples: VecDeque<Sample>,
    counts: Counts,
    /// Whether the index refused the last batch.
    down: bool,
    error: Option<SqliteError>,
    flushes_wanted: u64,
    flushes_done: u64,
    closing: bool,
    /// Whether nothing more will be written.
    ended: bool,
}

impl State {
    fn performance_len(&self) -> usize {
        self.rows.len() + self.samples.len()
    }

    fn is_empty(&self) -> bool {
        self.audit.is_empty() && self.performance_len() == 0
    }

    fn is_pressed(&self) -> bool {
        self.closing || self.flushes_wanted > self.flushes_done
    }

    fn counts(&self) -> Counts {
        let audit_waiting = count(self.audit.len());
        let waiting = count(self.performance_len()) + self.counts.waiting;
        Counts { audit_waiting, waiting, ..self.counts }
    }
}

/// What the thread writes at once.
pub(crate) struct Batch {
    pub(crate) audit: Vec<Record>,
    pub(crate) rows: Vec<PerformanceRow>,
    pub(crate) samples: Vec<Sample>,
    flush: u64,
}

/// What became of a batch.
pub(crate) struct Written {
    pub(crate) audit: Result<u64, SqliteError>,
    pub(crate) performance: Result<(), SqliteError>,
    /// How many rows were removed that were older than they are kept.
    pub(crate) removed: Result<u64, SqliteError>,
}

impl Queue {
    pub(crate) fn new(limits: Limits) -> Self {
        let (state, work, done) = Default::default();
        Self { limits, state, work, done }
    }

    /// A panic elsewhere leaves whole rows.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn push_audit(&self, record: Record) -> Result<(), Refused> {
        let mut state = self.lock();
        while state.audit.len() >= self.limits.capacity && !state.down && !state.closing {
            state = self.done.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.audit.len() >= self.limits.capacity || state.closing {
            return Err(Refused(Box::new(record)));
        }
        state.audit.push_back(record);
        self.work.notify_one();
        Ok(())
    }

    pub(crate) fn push_row(&self, row: PerformanceRow) -> bool {
        self.push(|state| state.rows.push_back(row))
    }

    pub(crate) fn push_sample(&self, sample: Sample) -> bool {
        self.push(|state| state.samples.push_back(sample))
    }

    fn push(&self, push: impl FnOnce(&mut State)) -> bool {
        let mut state = self.lock();
        if state.performance_len() >= self.limits.capacity || state.closing {
            state.counts.dropped += 1;
            return false;
        }
        push(&mut state);
        self.work.notify_one();
        true
    }

    /// The next batch, once it is large enough or old enough.
    pub(crate) fn take(&self) -> Batch {
        let mut state = self.lock();
        while state.is_empty() && !state.is_pressed() {
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let until = Instant::now() + self.limits.interval;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let full = state.audit.len() + state.performance_len() >= self.limits.batch;
            if left.is_zero() || state.is_pressed() || full && !state.down {
                break;
            }
            let waited = self.work.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let State { audit, rows, samples, flushes_wanted, .. } = &mut *state;
        let flush = *flushes_wanted;
        let size = self.limits.batch;
        let audit = audit.drain(..audit.len().min(size)).collect();
        let rows: Vec<_> = rows.drain(..rows.len().min(size)).collect();
        let samples: Vec<_> = samples.drain(..samples.len().min(size - rows.len())).collect();
        state.counts.waiting = count(rows.len() + samples.len());
        Batch { audit, rows, samples, flush }
    }

    /// Says what became of a batch; whether there will be another one.
    pub(crate) fn finish(
        &self,
        batch: Batch,
        Written { audit, performance, removed }: Written,
    ) -> bool {
        let mut state = self.lock();
        state.down = audit.is_err();
        match audit {
            Ok(_) => state.counts.audit_written += count(batch.audit.len()),
            Err(err) => {
                state.error = Some(err);
                for record in batch.audit.into_iter().rev() {
                    state.audit.push_front(record);
                }
            }
        }
        let len = std::mem::take(&mut state.counts.waiting);
        match performance {
            Ok(()) => state.counts.written += len,
            Err(err) => {
                state.counts.failed += len;
                state.error = Some(err);
            }
        }
        match removed {
            Ok(count) => state.counts.removed += count,
            // What was lost is worth more words than what is kept too long.
            Err(err) => drop(state.error.get_or_insert(err)),
        }
        let settled = state.performance_len() == 0 && (state.audit.is_empty() || state.down);
        if settled {
            state.flushes_done = batch.flush;
        }
        state.ended = settled && state.closing;
        self.done.notify_all();
        !state.ended
    }

    /// Waits until all that was pushed before is written, or was tried.
    pub(crate) fn flush(&self) -> Result<Counts, SqliteError> {
        let mut state = self.lock();
        state.flushes_wanted += 1;
        let flush = state.flushes_wanted;
        self.work.notify_one();
        while state.flushes_done < flush {
            state = self.done.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.error.take().map_or_else(|| Ok(state.counts()), Err)
    }

    pub(crate) fn counts(&self) -> Counts {
        self.lock().counts()
    }

    pub(crate) fn close(&self) {
        self.lock().closing = true;
        self.work.notify_one();
        self.done.notify_all();
    }

    /// Waits until all is written, or was tried, after [`Self::close`]; whether it was in time.
    pub(crate) fn wait_for_end(&self, patience: Duration) -> bool {
        let waited = self.done.wait_timeout_while(self.lock(), patience, |it| !it.ended);
        waited.unwrap_or_else(PoisonError::into_inner).0.ended
    }

    pub(crate) fn take_error(&self) -> Option<SqliteError> {
        self.lock().error.take()
    }
}

fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
