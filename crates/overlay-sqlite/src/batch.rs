use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use overlay_store::audit::Record;

use crate::audit_index::AuditIndex;
use crate::error::SqliteError;
use crate::performance::Performance;
use crate::queue::{Batch, Counts, Queue, Refused, Written};
use crate::rows::{PerformanceRow, Sample};

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

/// How long rows are written before old ones are looked for again: an hour, microseconds.
const PRUNED_EVERY_US: i64 = 3600 * 1_000_000;

/// Writes rows in batches from a thread of its own.
///
/// A queue that is full drops performance rows and counts them. Audit records wait for
/// room; they are turned away only while the index cannot be written to at all, and the
/// caller is told. Ends with [`Self::close`]; dropped, it writes what is left too, and
/// nobody hears of an error.
pub struct BatchWriter {
    queue: Arc<Queue>,
    has_index: bool,
    thread: Option<JoinHandle<()>>,
}

impl BatchWriter {
    /// Starts the thread. Once an hour, where rows are written, it removes what is older than
    /// it is `kept`.
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
        let performance = Rows::Open(performance);
        let files = Files { audit: Some(audit), performance, kept: Some(kept), pruned_us: None };
        Self::with(files, limits)
    }

    /// Starts a thread for performance rows and samples alone; audit records are turned
    /// away, and nothing is ever removed. The file is opened for each batch, and made where
    /// it is missing: one that is put in its place meanwhile gets what comes then.
    ///
    /// # Errors
    ///
    /// As for [`Self::start`].
    pub fn of_rows(performance: PathBuf, limits: Limits) -> io::Result<Self> {
        let performance = Rows::At(performance);
        Self::with(Files { audit: None, performance, kept: None, pruned_us: None }, limits)
    }

    fn with(mut files: Files, limits: Limits) -> io::Result<Self> {
        let limits = Limits { batch: limits.batch.max(1), ..limits };
        let queue = Arc::new(Queue::new(limits));
        let theirs = Arc::clone(&queue);
        let has_index = files.audit.is_some();
        let write = move || while files.write_batch(&theirs) {};
        let thread = thread::Builder::new().name("overlay-sqlite".to_owned()).spawn(write)?;
        Ok(Self { queue, has_index, thread: Some(thread) })
    }

    /// Hands over the next record of the audit log; waits while the queue is full.
    ///
    /// # Errors
    ///
    /// [`Refused`] gives the record back where waiting is of no use.
    pub fn audit(&self, record: Record) -> Result<(), Refused> {
        if self.has_index { self.queue.push_audit(record) } else { Err(Refused(Box::new(record))) }
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

    /// The last error since it was asked for.
    pub fn take_error(&self) -> Option<SqliteError> {
        self.queue.take_error()
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

    /// Writes what is left, no longer than `patience`, and gives what became of the rows with
    /// the last error since it was asked for. What is not written by then counts as waiting,
    /// and may be written or not.
    pub fn close_within(mut self, patience: Duration) -> (Counts, Option<SqliteError>) {
        self.queue.close();
        if !self.queue.wait_for_end(patience) {
            // Left to itself.
            drop(self.thread.take());
        }
        self.end();
        (self.queue.counts(), self.queue.take_error())
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
    audit: Option<AuditIndex>,
    performance: Rows,
    /// How long rows are kept, where it is for the thread to remove them.
    kept: Option<Kept>,
    /// When old rows were removed last.
    pruned_us: Option<i64>,
}

impl Files {
    /// Whether there will be another batch.
    fn write_batch(&mut self, queue: &Queue) -> bool {
        let batch = queue.take();
        let Batch { audit, rows, samples, .. } = &batch;
        let audit = match &mut self.audit {
            Some(index) if !audit.is_empty() => index.index(audit),
            _ => Ok(0),
        };
        let (performance, removed) = if rows.is_empty() && samples.is_empty() {
            (Ok(()), Ok(0))
        } else {
            self.write_rows(rows, samples)
        };
        queue.finish(batch, Written { audit, performance, removed })
    }

    /// Writes rows, then removes old ones.
    fn write_rows(
        &mut self,
        rows: &[PerformanceRow],
        samples: &[Sample],
    ) -> (Result<(), SqliteError>, Result<u64, SqliteError>) {
        let mut opened = None;
        let file = match &mut self.performance {
            Rows::Open(file) => file,
            Rows::At(path) => match Performance::open(path) {
                Ok(file) => opened.insert(file),
                Err(err) => return (Err(err), Ok(0)),
            },
        };
        let written = file.write(rows, samples);
        let removed = match &self.kept {
            Some(kept) if written.is_ok() => kept.prune(&mut self.pruned_us, file),
            _ => Ok(0),
        };
        (written, removed)
    }
}

/// The file of the rows.
enum Rows {
    Open(Performance),
    At(PathBuf),
}

impl Kept {
    /// Removes what is older than it is kept, where nobody has for an hour, and counts it.
    fn prune(
        &self,
        pruned_us: &mut Option<i64>,
        file: &mut Performance,
    ) -> Result<u64, SqliteError> {
        let now_us = (self.now_us)();
        let next_us = pruned_us.map(|it| it.saturating_add(PRUNED_EVERY_US));
        if next_us.is_some_and(|it| now_us < it) {
            return Ok(0);
        }
        *pruned_us = Some(now_us);
        let span_us = i64::try_from(self.span.as_micros()).unwrap_or(i64::MAX);
        file.prune(now_us.saturating_sub(span_us))
    }
}
