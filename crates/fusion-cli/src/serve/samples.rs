use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use overlay_sqlite::{BatchWriter, Counts, DatabaseKind, Limits, Sample, SqliteError};

use super::log::line;

/// How long samples wait to be written together.
const INTERVAL: Duration = Duration::from_secs(1);
/// How often it is looked for what was lost.
const LOOK: Duration = Duration::from_secs(10);

/// How long what is left may take once the service has stopped.
const PATIENCE: Duration = Duration::from_secs(20);

/// Writes down the calls of a rollout that the service is told of.
pub(super) struct Samples {
    writer: Arc<BatchWriter>,
    /// Ends the thread by going.
    open: Sender<()>,
    thread: JoinHandle<Losses>,
}

/// What of the samples was lost, as far as it was said.
#[derive(Default)]
struct Losses(u64);

impl Samples {
    /// For the root in `dir`.
    pub(super) fn of(dir: &Path) -> io::Result<Self> {
        let limits = Limits { interval: INTERVAL, ..Limits::default() };
        let path = dir.join(DatabaseKind::Performance.path());
        let writer = Arc::new(BatchWriter::of_rows(path, limits)?);
        let (open, closed) = channel();
        let watched = Arc::clone(&writer);
        let watch = move || {
            let mut losses = Losses::default();
            while closed.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                losses.say(watched.counts(), watched.take_error());
            }
            losses
        };
        let thread = Builder::new().name("fusion-samples".into()).spawn(watch)?;
        Ok(Self { writer, open, thread })
    }

    /// What takes a sample, and says whether there was room; it waits for nothing.
    pub(super) fn keep(&self) -> impl Fn(Sample) -> bool + Send + Sync + 'static {
        let writer = Arc::clone(&self.writer);
        move |sample| writer.sample(sample)
    }

    /// Writes what is left, where that does not take too long.
    pub(super) fn finish(self) {
        drop(self.open);
        let mut losses = self.thread.join().unwrap_or_default();
        // Somebody else holds it only where the service was not ended.
        let Some(writer) = Arc::into_inner(self.writer) else { return };
        let (counts, error) = writer.close_within(PATIENCE);
        losses.say(Counts { failed: counts.failed + counts.waiting, ..counts }, error);
    }
}

impl Losses {
    /// A line for what was lost since the line before.
    fn say(&mut self, counts: Counts, error: Option<SqliteError>) {
        let lost = counts.failed + counts.dropped;
        let now = lost.saturating_sub(self.0);
        if now == 0 {
            return;
        }
        self.0 = lost;
        let why = error.map_or_else(
            || "more come than can be written in time".to_owned(),
            |err| format!("{:#}", anyhow::Error::new(err)),
        );
        let samples =
            if now == 1 { "sample of the rollout is" } else { "samples of the rollout are" };
        line(&format!("failed: {now} {samples} lost: {why}"));
    }
}
