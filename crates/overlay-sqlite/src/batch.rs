use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use overlay_store::audit::Record;

use crate::audit_index::AuditIndex;
use crate::error::SqliteError;
use crate::performance::Performance;
use crate::queue::{Batch, Counts, Queue, Refused};
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

/// Writes rows in batches from a thread of its own.
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
        mut audit: AuditIndex,
        mut performance: Performance,
        limits: Limits,
    ) -> io::Result<Self> {
        let limits = Limits { batch: limits.batch.max(1), ..limits };
        let queue = Arc::new(Queue::new(limits));
        let theirs = Arc::clone(&queue);
        let write = move || while write_batch(&theirs, &mut audit, &mut performance) {};
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

/// Whether there will be another batch.
fn write_batch(queue: &Queue, audit: &mut AuditIndex, performance: &mut Performance) -> bool {
    let batch = queue.take();
    let Batch { audit: records, rows, samples, .. } = &batch;
    let indexed = if records.is_empty() { Ok(0) } else { audit.index(records) };
    let written = if rows.is_empty() && samples.is_empty() {
        Ok(())
    } else {
        performance.write(rows, samples)
    };
    queue.finish(batch, indexed, written)
}
