use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use notify::event::{AccessKind, AccessMode, CreateKind, EventKind, ModifyKind, RenameMode};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};

use super::places::Places;
use super::wait::{Signal, Signals};

/// Watches folders, never files: a file that is replaced takes its watch with it.
#[derive(Debug)]
pub(crate) struct Watch {
    watcher: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
    filter: Arc<Filter>,
    pub(crate) error: Option<String>,
}

/// What the watcher's own thread knows.
#[derive(Debug, Default)]
struct Filter {
    places: Mutex<Arc<Places>>,
    /// A folder went away, and its watch with it.
    lost: AtomicBool,
}

impl Watch {
    pub(crate) fn new(signals: Signals) -> Self {
        Self::after(|| (), signals)
    }

    /// [`Self::new`], whose own thread does `first` before it takes an event.
    fn after(first: impl Fn() + Send + 'static, signals: Signals) -> Self {
        let filter = Arc::new(Filter::default());
        let seen = Arc::clone(&filter);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            first();
            if let Some(signal) = seen.signal(event) {
                signals.send(&signal);
            }
        });
        let (watcher, error) = match watcher {
            Ok(watcher) => (Some(watcher), None),
            Err(err) => (None, Some(err.to_string())),
        };
        Self { watcher, watched: BTreeSet::new(), filter, error }
    }

    /// Watches all that a change of the tree in `root`, or of the file `extra`, can go
    /// through. Says whether a place is watched that was not: what happened there before is
    /// no event, so that the files must be looked at again.
    pub(crate) fn cover(&mut self, root: &Path, extra: Option<&Path>) -> bool {
        let wanted = Arc::new(Places::of(root, extra));
        let known = self.filter.replace(&wanted);
        let lost = self.filter.lost.swap(false, Ordering::AcqRel);
        let stays = |path: &PathBuf| {
            known.folders.contains_key(path) && known.folders.get(path) == wanted.folders.get(path)
        };
        if lost || !self.watched.iter().all(stays) {
            for path in std::mem::take(&mut self.watched) {
                // A folder that is gone has lost its watch by itself.
                let _ = self.ask(|it| it.unwatch(&path));
            }
        }
        let new: Vec<_> =
            wanted.folders.keys().filter(|it| !self.watched.contains(*it)).cloned().collect();
        if self.watcher.is_some() {
            self.error = None;
        }
        let mut covered = known != wanted;
        for path in new {
            match self.ask(|it| it.watch(&path, RecursiveMode::NonRecursive)) {
                Ok(()) => covered |= self.watched.insert(path),
                Err(err) => self.error = Some(err),
            }
        }
        covered
    }

    /// Asks the watcher's thread. It answers with a panic where that thread is gone; then
    /// there is no watcher any more.
    fn ask(
        &mut self,
        what: impl FnOnce(&mut RecommendedWatcher) -> notify::Result<()>,
    ) -> Result<(), String> {
        let Some(watcher) = &mut self.watcher else {
            return Err(self.error.clone().unwrap_or_default());
        };
        let answer = catch_unwind(AssertUnwindSafe(|| what(watcher)));
        answer.map_or_else(
            |_| {
                // To drop it is to ask it once more.
                if let Some(watcher) = self.watcher.take() {
                    std::mem::forget(watcher);
                }
                Err("the watcher's thread has ended".to_owned())
            },
            |it| it.map_err(|err| err.to_string()),
        )
    }
}

impl Filter {
    fn replace(&self, places: &Arc<Places>) -> Arc<Places> {
        let mut known = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *known, Arc::clone(places))
    }

    /// What an event means, where it concerns the installation.
    fn signal(&self, event: notify::Result<notify::Event>) -> Option<Signal> {
        let Ok(event) = event else { return Some(Signal::Look) };
        let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
        if matches!(event.kind, EventKind::Access(_)) && event.kind != written {
            // What our own reading causes.
            return None;
        }
        let places = Arc::clone(&self.places.lock().unwrap_or_else(PoisonError::into_inner));
        let gone = matches!(
            event.kind,
            EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(RenameMode::From))
        );
        if gone && event.paths.iter().any(|it| places.folders.contains_key(it)) {
            self.lost.store(true, Ordering::Release);
        }
        if !event.need_rescan()
            && !event.paths.is_empty()
            && !event.paths.iter().any(|it| places.concern(it))
        {
            return None;
        }
        let Some(path) = event.paths.into_iter().next() else { return Some(Signal::Look) };
        Some(match event.kind {
            EventKind::Modify(ModifyKind::Data(_)) | EventKind::Create(CreateKind::File) => {
                Signal::Writing(path)
            }
            _ if gone || event.kind == written => Signal::Whole(path),
            _ => Signal::Look,
        })
    }
}

#[cfg(test)]
impl Watch {
    /// A watch whose thread has ended.
    pub(crate) fn ended(signals: Signals) -> Self {
        let mut watch = Self::new(signals);
        watch.error = watch.ask(|_| std::panic::resume_unwind(Box::new("no thread"))).err();
        watch
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use notify::event::{DataChange, Event, EventKind, Flag, ModifyKind};

    use super::{Filter, Places, Signal, Watch};
    use crate::live::wait::{Wake, signals, wait};
    use crate::live::{HealthStatus, Live, Options};

    fn filter() -> (tempfile::TempDir, Filter) {
        let dir = tempfile::tempdir().unwrap();
        let filter = Filter::default();
        filter.replace(&Arc::new(Places::of(dir.path(), None)));
        (dir, filter)
    }

    #[test]
    fn an_overflow_of_the_queue_is_a_reason_to_look() {
        let (dir, filter) = filter();
        let of = |path: PathBuf| {
            Event::new(EventKind::Modify(ModifyKind::Data(DataChange::Any))).add_path(path)
        };
        let stranger = PathBuf::from("/nowhere/near");
        assert_eq!(filter.signal(Ok(of(stranger.clone()))), None);
        let lost = Event::new(EventKind::Other).set_flag(Flag::Rescan);
        assert_eq!(filter.signal(Ok(lost.clone())), Some(Signal::Look));
        assert!(filter.signal(Ok(of(stranger).set_flag(Flag::Rescan))).is_some());
        assert!(filter.signal(Ok(of(dir.path().join("providers.toml")))).is_some());
        assert_eq!(filter.signal(Err(notify::Error::generic("lost"))), Some(Signal::Look));

        let (signals, received) = signals();
        signals.send(&filter.signal(Ok(lost)).unwrap());
        assert_eq!(wait(&received.tree, Duration::from_secs(120)), Wake::Signal);
        assert_eq!(wait(&received.switches, Duration::from_secs(120)), Wake::Signal);
    }

    /// The system keeps only so many events; that it dropped some is all there is to know of
    /// them.
    #[cfg(target_os = "linux")]
    #[test]
    fn what_the_queue_has_dropped_is_looked_for() {
        let limit = std::fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
        let limit: usize = limit.trim().parse().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        let path = root.join("overlays/fusion_overlay.baseline.txt");
        std::fs::create_dir_all(root.join("overlays")).unwrap();
        let text = overlay_schema::EMBEDDED_OVERLAY;
        std::fs::write(&path, text).unwrap();
        // No poll helps out.
        let poll = Duration::from_secs(24 * 3600);
        let gate = Arc::new(Mutex::new(()));
        let waits = Arc::clone(&gate);
        let (signals, received) = signals();
        let watch = Watch::after(move || drop(waits.lock()), signals.clone());
        let options = Options { poll, ..Options::new(&root, Arc::new(|| 0)) };
        let live = Live::start_with(options, watch, (signals, received)).unwrap();
        let epochs = live.subscribe();
        std::fs::write(&path, format!("{text}\nMAX_TOKENS=7\n")).unwrap();
        assert_eq!(epochs.recv_timeout(Duration::from_secs(120)), Ok(2));
        // Now nobody reads what comes in, and all of it is about a stranger beside the root.
        let held = gate.lock();
        let stranger = dir.path().join("stranger");
        for _ in 0..=limit / 2 {
            std::fs::write(&stranger, "").unwrap();
            std::fs::remove_file(&stranger).unwrap();
        }
        std::fs::write(&path, format!("{text}\nMAX_TOKENS=8\n")).unwrap();
        drop(held);
        assert_eq!(epochs.recv_timeout(Duration::from_secs(120)), Ok(3));
    }

    /// Whoever has no watcher any more polls, and says so.
    #[test]
    fn a_watcher_that_ends_leaves_the_poll() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("overlays/fusion_overlay.baseline.txt");
        std::fs::create_dir(dir.path().join("overlays")).unwrap();
        let text = overlay_schema::EMBEDDED_OVERLAY;
        std::fs::write(&path, text).unwrap();
        let (signals, received) = signals();
        let watch = Watch::ended(signals.clone());
        assert!(watch.error.is_some());
        let options =
            Options { poll: Duration::from_secs(1), ..Options::new(dir.path(), Arc::new(|| 0)) };
        let live = Live::start_with(options, watch, (signals, received)).unwrap();
        let epochs = live.subscribe();
        assert_eq!(live.status().source, crate::live::Source::Files, "{:#?}", live.status());
        let health = live.health();
        assert_eq!(health.status, HealthStatus::Degraded);
        assert_eq!(health.reasons, ["changes are polled for: the watcher's thread has ended"]);
        std::fs::write(&path, format!("{text}\nMAX_TOKENS=7\n")).unwrap();
        assert_eq!(epochs.recv_timeout(Duration::from_secs(120)), Ok(2));
        assert_eq!(live.health().status, HealthStatus::Degraded);
    }
}
