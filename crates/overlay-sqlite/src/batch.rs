use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use overlay_store::audit::Record;

use crate::audit_index::AuditIndex;
use crate::error::SqliteError;
use crate::performance::Performance;
use crate::queue::{Batch, Counts, Queue, Refused, Written};
use crate::rows::{PerformanceRow, RETENTION_US, Sample};

/// How much is kept and written at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// How many audit records may wait, and how many performance rows and samples.
    pub capacity: usize,
    /// How many rows one transaction takes, at least 1.
    pub batch: usize,
    /// How long a row waits for others.
    pub interval: Duration,
}

/// 10,000 rows, 1,000 a transaction, 200 ms.
impl Default for Limits {
    fn default() -> Self {
        Self { capacity: 10_000, batch: 1_000, interval: Duration::from_millis(200) }
    }
}

/// How long rows are kept, and by which clock.
pub struct Kept {
    /// Performance rows and samples that are older are removed.
    pub span: Duration,
    /// What time it is, microseconds since 1970.
    pub now_us: Box<dyn Fn() -> i64 + Send>,
}

impl Kept {
    /// For the 90 days of [`crate::RETENTION_US`].
    pub fn by_default(now_us: impl Fn() -> i64 + Send + 'static) -> Self {
        let span = Duration::from_micros(RETENTION_US.unsigned_abs());
        Self { span, now_us: Box::new(now_us) }
    }
}

/// How long rows are written before old ones are looked for again: an hour, microseconds.
const PRUNED_EVERY_US: i64 = 3600 * 1_000_000;

/// Writes rows in batches from a thread of its own, and removes what is older than it is kept
/// where rows are written, once an hour.
///
/// A queue that is full drops performance rows and counts them. Audit records wait for
/// room; they are turned away only while the index cannot be written to at all, and the
/// caller is told. Ends with [`Self::close`]; dropped, it writes what is left too, and
/// nobody hears of an error.
pub struct BatchWriter {
    queue: Arc<Queue>,
    thread: Option<JoinHandle<()>>,
}

impl BatchWriter {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// Where the system has no thread.
    pub fn start(
        audit: AuditIndex,
        performance: Performance,
        limits: Limits,
        kept: Kept,
    ) -> io::Result<Self> {
        let limits = Limits { batch: limits.batch.max(1), ..limits };
        let queue = Arc::new(Queue::new(limits));
        let theirs = Arc::clone(&queue);
        let mut files = Files { audit, performance, kept, pruned_us: None };
        let write = move || while files.write_batch(&theirs) {};
        let thread = thread::Builder::new().name("overlay-sqlite".to_owned()).spawn(write)?;
        Ok(Self { queue, thread: Some(thread) })
    }

    /// Hands over the next record of the audit log; waits while the queue is full.
    ///
    /// # Errors
    ///
    /// [`Refused`] gives the record back where waiting is of no use.
    pub fn audit(&self, record: Record) -> Result<(), Refused> {
        self.queue.push_audit(record)
    }

    /// Hands over a performance row; whether there was room.
    pub fn performance(&self, row: PerformanceRow) -> bool {
        self.queue.push_row(row)
    }

    /// Hands over a rollout sample; whether there was room.
    pub fn sample(&self, sample: Sample) -> bool {
        self.queue.push_sample(sample)
    }

    /// Waits until everything that was handed over before is written, or was tried.
    ///
    /// # Errors
    ///
    /// The last error since the flush before; [`Self::counts`] says what became of the rows.
    pub fn flush(&self) -> Result<Counts, SqliteError> {
        self.queue.flush()
    }

    /// What became of the rows so far.
    pub fn counts(&self) -> Counts {
        self.queue.counts()
    }

    /// Writes what is left and ends the thread.
    ///
    /// # Errors
    ///
    /// As for [`Self::flush`].
    pub fn close(mut self) -> Result<Counts, SqliteError> {
        self.end();
        match self.queue.take_error() {
            Some(err) => Err(err),
            None => Ok(self.queue.counts()),
        }
    }

    fn end(&mut self) {
        self.queue.close();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing left to say.
            let _ = thread.join();
        }
    }
}

impl Drop for BatchWriter {
    fn drop(&mut self) {
        self.end();
    }
}

/// What the thread writes to.
struct Files {
    audit: AuditIndex,
    performance: Performance,
    kept: Kept,
    /// When old rows were removed last.
    pruned_us: Option<i64>,
}

impl Files {
    /// Whether there will be another batch.
    fn write_batch(&mut self, queue: &Queue) -> bool {
        let batch = queue.take();
        let Batch { audit, rows, samples, .. } = &batch;
        let audit = if audit.is_empty() { Ok(0) } else { self.audit.index(audit) };
        let has_rows = !(rows.is_empty() && samples.is_empty());
        let performance = if has_rows { self.performance.write(rows, samples) } else { Ok(()) };
        let removed = if has_rows && performance.is_ok() { self.prune() } else { Ok(0) };
        queue.finish(batch, Written { audit, performance, removed })
    }

    /// Removes what is older than it is kept, where nobody has for an hour, and counts it.
    fn prune(&mut self) -> Result<u64, SqliteError> {
        let now_us = (self.kept.now_us)();
        let next_us = self.pruned_us.map(|it| it.saturating_add(PRUNED_EVERY_US));
        if next_us.is_some_and(|it| now_us < it) {
            return Ok(0);
        }
        self.pruned_us = Some(now_us);
        let span_us = i64::try_from(self.kept.span.as_micros()).unwrap_or(i64::MAX);
        self.performance.prune(now_us.saturating_sub(span_us))
    }
}
