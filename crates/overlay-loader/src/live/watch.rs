use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};

/// Why to look at the files.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Signal {
    /// A file is whole: it was renamed to its place, or closed after writing.
    Look,
    /// A file is being written; another event says when that is over.
    Writing,
    /// Stop watching.
    Stop,
}

/// How long a file may go without another write before it counts as whole.
const SETTLE: Duration = Duration::from_millis(50);

/// Watches folders, never files: a file that is replaced takes its watch with it.
#[derive(Debug)]
pub(crate) struct Watch {
    watcher: Option<RecommendedWatcher>,
    watched: Vec<PathBuf>,
    pub(crate) error: Option<String>,
}

impl Watch {
    pub(crate) fn new(signals: Sender<Signal>) -> Self {
        let watcher = notify::recommended_watcher(move |event| {
            if let Some(signal) = signal(&event) {
                // The receiver ends with the loader; there is nobody left to tell.
                let _ = signals.send(signal);
            }
        });
        match watcher {
            Ok(watcher) => Self { watcher: Some(watcher), watched: Vec::new(), error: None },
            Err(err) => Self { watcher: None, watched: Vec::new(), error: Some(err.to_string()) },
        }
    }

    /// Watches what a change of the tree in `root`, or of the file `extra`, can go
    /// through: the folder a link to it lies in, the folder it leads to, and its folders.
    /// What is watched already is watched anew where it was replaced.
    pub(crate) fn cover(&mut self, root: &Path, extra: Option<&Path>) {
        let Some(watcher) = &mut self.watcher else { return };
        for path in self.watched.drain(..) {
            // A folder that is gone has lost its watch by itself.
            let _ = watcher.unwatch(&path);
        }
        self.error = None;
        let parent = |path: &Path| match path.parent() {
            Some(it) if it.as_os_str().is_empty() => PathBuf::from("."),
            Some(it) => it.to_owned(),
            None => path.to_owned(),
        };
        let mut wanted = vec![parent(root)];
        let real = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        wanted.extend(["", "overlays", "micro_overlays"].map(|it| real.join(it)));
        wanted.extend(["overlays", "micro_overlays"].map(|it| root.join(it)));
        wanted.extend(extra.map(parent));
        wanted.retain(|it| it.is_dir());
        wanted.sort();
        wanted.dedup();
        for path in wanted {
            match watcher.watch(&path, RecursiveMode::NonRecursive) {
                Ok(()) => self.watched.push(path),
                Err(err) => self.error = Some(err.to_string()),
            }
        }
    }
}

fn signal(event: &notify::Result<notify::Event>) -> Option<Signal> {
    let Ok(event) = event else { return Some(Signal::Look) };
    if event.need_rescan() {
        return Some(Signal::Look);
    }
    match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => Some(Signal::Look),
        // What our own reading causes.
        EventKind::Access(_) => None,
        EventKind::Modify(ModifyKind::Data(_)) => Some(Signal::Writing),
        _ => Some(Signal::Look),
    }
}

/// Waits for a reason to look: a signal, or the end of `poll`. `false` means to stop.
pub(crate) fn wait(signals: &Receiver<Signal>, poll: Duration) -> bool {
    let mut patience = poll;
    loop {
        match signals.recv_timeout(patience) {
            Ok(Signal::Look) | Err(RecvTimeoutError::Timeout) => return true,
            Ok(Signal::Writing) => patience = SETTLE,
            Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
}
