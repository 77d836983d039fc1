use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use overlay_sqlite::{BatchWriter, Counts, DatabaseKind, Kept, Limits, Sample, SqliteError};

use super::log::line;
use crate::environment::now_us;

/// How long samples wait to be written together.
const INTERVAL: Duration = Duration::from_secs(1);

/// Writes down the calls of a rollout that the service is told of.
pub(super) struct Samples {
    writer: BatchWriter,
    /// What of them was lost, as far as it was said.
    lost: Mutex<u64>,
}

impl Samples {
    /// For the root in `dir`, whose samples are kept for `retention`.
    pub(super) fn of(dir: &Path, retention: Duration) -> io::Result<Self> {
        let limits = Limits { interval: INTERVAL, ..Limits::default() };
        let kept = Kept { span: retention, now_us: Box::new(now_us) };
        let path = dir.join(DatabaseKind::Performance.path());
        let writer = BatchWriter::of_rows(path, limits, kept)?;
        Ok(Self { writer, lost: Mutex::default() })
    }

    /// Takes a sample; whether there was room.
    pub(super) fn take(&self, sample: Sample) -> bool {
        let taken = self.writer.sample(sample);
        self.say_lost();
        taken
    }

    /// Writes what is left.
    pub(super) fn finish(&self) {
        // What failed is counted, and said with the rest.
        let failed = self.writer.flush().err();
        self.say(self.writer.counts(), failed);
    }

    fn say_lost(&self) {
        let counts = self.writer.counts();
        if counts.failed + counts.dropped > 0 {
            self.say(counts, None);
        }
    }

    /// A line for what was lost since the line before.
    fn say(&self, counts: Counts, failed: Option<SqliteError>) {
        let mut said = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        let lost = counts.failed + counts.dropped;
        if lost == *said {
            return;
        }
        let why = failed.or_else(|| self.writer.take_error());
        let why = why.map_or_else(
            || "more come than can be written".to_owned(),
            |err| format!("{:#}", anyhow::Error::new(err)),
        );
        let lost_now = lost - *said;
        let what = if lost_now == 1 { "sample" } else { "samples" };
        let are = if lost_now == 1 { "is" } else { "are" };
        line(&format!("failed: {lost_now} {what} of the rollout {are} lost: {why}"));
        *said = lost;
    }
}
