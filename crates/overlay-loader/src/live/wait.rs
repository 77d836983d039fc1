use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// Why to look at the files.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Signal {
    /// Something changed.
    Look,
    /// A file is being written; another event says when that is over.
    Writing(PathBuf),
    /// A file was closed after writing, or its name is gone.
    Whole(PathBuf),
    /// Stop watching.
    Stop,
}

/// To those who look: at the tree, and at the switches.
#[derive(Clone, Debug)]
pub(crate) struct Signals([Sender<Signal>; 2]);

/// What each of them is told.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) tree: Receiver<Signal>,
    pub(crate) switches: Receiver<Signal>,
}

/// A way to tell both.
pub(crate) fn signals() -> (Signals, Received) {
    let ((to_tree, tree), (to_switches, switches)) = (channel(), channel());
    (Signals([to_tree, to_switches]), Received { tree, switches })
}

impl Signals {
    /// Tells both. Who is gone already need not be told.
    pub(crate) fn send(&self, signal: &Signal) {
        for to in &self.0 {
            let _ = to.send(signal.clone());
        }
    }
}

/// How a waiting ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wake {
    /// Something changed.
    Signal,
    /// Nothing did.
    Quiet,
    /// Stop watching.
    Stop,
}

/// How long a file may go without another write before it counts as whole.
pub(crate) const SETTLE: Duration = Duration::from_millis(50);
/// How long one file that is being written may hold up the others.
const MOST: Duration = Duration::from_millis(250);
/// How long signals are taken that do not stop to come.
const CATCH_UP: Duration = Duration::from_millis(5);

/// Waits for a reason to look, at most for `patience`, and takes all signals that came so
/// far: one look answers them. Files that are being written are waited for.
pub(crate) fn wait(signals: &Receiver<Signal>, patience: Duration) -> Wake {
    let mut unfinished = BTreeSet::new();
    let mut first: Option<Instant> = None;
    loop {
        let waited = first.map(|it| it.elapsed());
        let now = match waited {
            None => patience,
            Some(waited) if unfinished.is_empty() => {
                if waited > CATCH_UP {
                    return Wake::Signal;
                }
                Duration::ZERO
            }
            Some(waited) => SETTLE.min(MOST.saturating_sub(waited)),
        };
        match signals.recv_timeout(now) {
            Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => return Wake::Stop,
            Err(RecvTimeoutError::Timeout) if first.is_none() => return Wake::Quiet,
            Err(RecvTimeoutError::Timeout) => return Wake::Signal,
            Ok(Signal::Look) => (),
            Ok(Signal::Writing(path)) => drop(unfinished.insert(path)),
            Ok(Signal::Whole(path)) => drop(unfinished.remove(&path)),
        }
        if waited.is_some_and(|it| it > MOST) {
            return Wake::Signal;
        }
        first.get_or_insert_with(Instant::now);
    }
}
