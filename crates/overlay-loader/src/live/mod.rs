//! A configuration that changes under a running service.

mod generation;
mod last_good;
mod signature;
mod status;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::{ArcSwap, Cache, Guard};
use fusion_flags::{BreakerPolicy, BreakerSet, Salt, SwitchSource, Switches, buckets_of_percent};
use overlay_model::Layer;

use self::generation::Candidate;
pub use self::generation::{Generation, Snapshot, Source, Switched};
use self::signature::Signature;
pub use self::status::{Health, HealthStatus, Nack, Refusal, Status};
use self::watch::{Signal, Watch, wait};
use crate::installation::{FileFinding, Installation};

/// The clock: milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// How a configuration is loaded and kept up to date.
#[derive(Clone)]
pub struct Options {
    /// The folder of the installation.
    pub root: PathBuf,
    /// Layers above the overlays: environment, command line.
    pub extra: Vec<Layer>,
    /// The environment's name, `RESON_ENV`.
    pub environment: Option<String>,
    /// The text of `RESON_FEATURES`, where it is set.
    pub features: Option<String>,
    /// The file that `RESON_FEATURES_FILE` names; read and watched like the installation.
    pub features_file: Option<PathBuf>,
    /// The folder for the copy of the last good configuration; none is kept without.
    pub state: Option<PathBuf>,
    /// How often files are looked at where no event comes: 1 to 5 s.
    pub poll: Duration,
    /// The clock.
    pub clock: Clock,
}

impl Options {
    /// The installation in `root`, polled every two seconds, without a copy on disk.
    pub fn new(root: impl Into<PathBuf>, clock: Clock) -> Self {
        Self {
            root: root.into(),
            extra: Vec::new(),
            environment: None,
            features: None,
            features_file: None,
            state: None,
            poll: Duration::from_secs(2),
            clock,
        }
    }
}

/// A configuration in force, kept up to date by a thread of its own until it is dropped.
///
/// Reading takes no lock. A change is read, checked and compiled beside it, then put in
/// force by one swap; one that is refused changes nothing and stands in [`Live::status`].
pub struct Live {
    shared: Arc<Shared>,
    signals: Sender<Signal>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    options: Options,
    current: ArcSwap<Snapshot>,
    breakers: BreakerSet,
    /// For writers, which take turns.
    writing: Mutex<Writing>,
}

struct Writing {
    switches: [Switches; 3],
    seen: Signature,
    status: Status,
    subscribers: Vec<Sender<u64>>,
}

impl Live {
    /// Loads the configuration and starts to watch it.
    ///
    /// What cannot be loaded falls back: to the copy of the last good configuration, then
    /// to the built-in overlay; [`Status::source`] and [`Live::health`] say so.
    ///
    /// # Errors
    ///
    /// Where no thread can be started.
    pub fn start(options: Options) -> std::io::Result<Self> {
        let (signals, received) = channel();
        // Watched before the first reading: a change in between is an event.
        let mut watch = Watch::new(signals.clone());
        watch.cover(&options.root, options.features_file.as_deref());
        let shared = Arc::new(Shared::load(options, watch.error.clone()));
        let looking = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("overlay-loader".into())
            .spawn(move || looking.keep_up(&received, watch))?;
        Ok(Self { shared, signals, thread: Some(thread) })
    }

    /// What is in force now; hold it for one request, not longer.
    #[inline]
    pub fn snapshot(&self) -> Guard<Arc<Snapshot>> {
        self.shared.current.load()
    }

    /// A reader with a cache of its own, the fastest for a loop or a thread.
    pub fn reader(&self) -> Reader<'_> {
        Reader(Cache::new(&self.shared.current))
    }

    /// Replaces the switches of one source at once, without reading a file. The names that
    /// no flag and no overlay has come back.
    pub fn switch(&self, source: SwitchSource, switches: Switches) -> Vec<String> {
        self.shared.switch(source, switches)
    }

    /// Looks at the files now. Says whether something changed.
    pub fn reload(&self) -> bool {
        self.shared.look(true)
    }

    /// Puts a candidate beside the stable configuration: the installation in `root`, for
    /// `percent` of the units, by the bucket of `deploy/<deployment>`.
    ///
    /// # Errors
    ///
    /// Every finding that speaks against it; nothing changes then.
    pub fn try_candidate(
        &self,
        root: &Path,
        deployment: &str,
        percent: f64,
    ) -> Result<(), Vec<FileFinding>> {
        self.shared.try_candidate(root, deployment, percent)
    }

    /// Takes the candidate away, where there is one.
    pub fn drop_candidate(&self) {
        let mut writing = self.shared.lock();
        let stable = Arc::clone(self.shared.current.load().stable.shared());
        self.shared.publish(&mut writing, &stable, None);
    }

    /// What is in force, and what was refused.
    pub fn status(&self) -> Status {
        let mut status = self.shared.lock().status.clone();
        status.staleness_ms = (self.shared.options.clock)().saturating_sub(status.checked_at_ms);
        status
    }

    /// How the configuration in force is.
    pub fn health(&self) -> Health {
        self.status().health()
    }

    /// The epoch of every change from now on.
    pub fn subscribe(&self) -> Receiver<u64> {
        let (sender, receiver) = channel();
        self.shared.lock().subscribers.push(sender);
        receiver
    }

    /// The breakers, which outlive every reload.
    pub fn breakers(&self) -> &BreakerSet {
        &self.shared.breakers
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // Where the thread is gone already there is nobody to stop.
        let _ = self.signals.send(Signal::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Reads a configuration through a cache of its own.
pub struct Reader<'a>(Cache<&'a ArcSwap<Snapshot>, Arc<Snapshot>>);

impl Reader<'_> {
    /// What is in force now.
    #[inline]
    pub fn snapshot(&mut self) -> &Snapshot {
        self.0.load()
    }
}

impl Shared {
    fn load(options: Options, watch_error: Option<String>) -> Self {
        let seen = Signature::of(&options.root, options.features_file.as_deref());
        let (generation, refused) = first_generation(&options);
        let generation = Arc::new(generation);
        let policy = breaker_policy(&generation);
        let breakers = BreakerSet::new(policy, 0.5, 0);
        let now = (options.clock)();
        let mut switches: [Switches; 3] = Default::default();
        switches[SwitchSource::Environment as usize] = Switches::parse(options.features.as_deref());
        switches[SwitchSource::File as usize] = file_switches(&options);
        let sources: Vec<&Switches> = switches.iter().collect();
        let (stable, unknown_switches) = generation.switched(&sources, &breakers, 1);
        let last_error = (!refused.is_empty()).then(|| nack(now, &refused));
        let status = Status {
            epoch: 1,
            digest: generation.digest(),
            source: generation.source(),
            applied_at_ms: now,
            nacks: u64::from(last_error.is_some()),
            last_error,
            watch_error,
            checked_at_ms: now,
            staleness_ms: 0,
            shadowed: shadowed(&options.extra),
            emergency: stable.flags().is_emergency(),
            unknown_switches,
        };
        if let (Source::Files, Some(state)) = (generation.source(), &options.state) {
            last_good::keep(&options.root, state);
        }
        let snapshot = Snapshot { stable, candidate: None, epoch: 1 };
        Self {
            options,
            current: ArcSwap::from_pointee(snapshot),
            breakers,
            writing: Mutex::new(Writing { switches, seen, status, subscribers: Vec::new() }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Writing> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep_up(&self, signals: &Receiver<Signal>, mut watch: Watch) {
        while wait(signals, self.options.poll) {
            // One look answers all signals that came so far.
            while let Ok(signal) = signals.try_recv() {
                if signal == Signal::Stop {
                    return;
                }
            }
            if self.look(false) {
                watch.cover(&self.options.root, self.options.features_file.as_deref());
                self.lock().status.watch_error.clone_from(&watch.error);
            }
        }
    }

    /// Compares the files with what was seen last, and takes over what is new. Says
    /// whether the files had changed.
    fn look(&self, always: bool) -> bool {
        let mut writing = self.lock();
        let extra_file = self.options.features_file.as_deref();
        let now = Signature::of(&self.options.root, extra_file);
        writing.status.checked_at_ms = (self.options.clock)();
        if now == writing.seen && !always {
            return false;
        }
        self.take_over(&mut writing, now);
        true
    }

    fn take_over(&self, writing: &mut Writing, before: Signature) {
        let switches = file_switches(&self.options);
        let slot = &mut writing.switches[SwitchSource::File as usize];
        let switched = *slot != switches;
        *slot = switches;
        let (read, seen) = self.read_unmoved(before);
        writing.seen = seen;
        let current = self.current.load();
        match read {
            Ok(generation)
                if generation.digest() == current.stable.shared().digest()
                    && writing.status.source == Source::Files =>
            {
                writing.status.last_error = None;
                if switched {
                    let stable = Arc::clone(current.stable.shared());
                    self.publish(writing, &stable, current.candidate.clone());
                }
            }
            Ok(generation) => {
                writing.status.last_error = None;
                if let Some(state) = &self.options.state {
                    last_good::keep(&self.options.root, state);
                }
                self.publish(writing, &Arc::new(generation), current.candidate.clone());
            }
            Err(findings) => {
                writing.status.nacks += 1;
                writing.status.last_error = Some(nack((self.options.clock)(), &findings));
                if switched {
                    let stable = Arc::clone(current.stable.shared());
                    self.publish(writing, &stable, current.candidate.clone());
                }
            }
        }
    }

    /// Reads the tree until no file moved meanwhile, at most a few times.
    fn read_unmoved(
        &self,
        mut before: Signature,
    ) -> (Result<Generation, Vec<FileFinding>>, Signature) {
        let mut read = read(&self.options, &self.options.root, Source::Files);
        for _ in 0..5 {
            let after = Signature::of(&self.options.root, self.options.features_file.as_deref());
            if after == before {
                break;
            }
            before = after;
            read = crate::live::read(&self.options, &self.options.root, Source::Files);
        }
        (read, before)
    }

    fn publish(
        &self,
        writing: &mut Writing,
        stable: &Arc<Generation>,
        candidate: Option<Candidate>,
    ) {
        let epoch = writing.status.epoch + 1;
        let sources: Vec<&Switches> = writing.switches.iter().collect();
        let (switched, unknown) = stable.switched(&sources, &self.breakers, epoch);
        let candidate = candidate.map(|it| {
            let (switched, _) = it.switched.shared().switched(&sources, &self.breakers, epoch);
            Candidate { switched, ..it }
        });
        let status = &mut writing.status;
        status.epoch = epoch;
        status.digest = stable.digest();
        status.source = stable.source();
        status.applied_at_ms = (self.options.clock)();
        status.emergency = switched.flags().is_emergency();
        status.unknown_switches = unknown;
        self.current.store(Arc::new(Snapshot { stable: switched, candidate, epoch }));
        writing.subscribers.retain(|it| it.send(epoch).is_ok());
    }

    fn switch(&self, source: SwitchSource, switches: Switches) -> Vec<String> {
        let mut writing = self.lock();
        writing.switches[source as usize] = switches;
        let current = self.current.load();
        let stable = Arc::clone(current.stable.shared());
        self.publish(&mut writing, &stable, current.candidate.clone());
        writing.status.unknown_switches.clone()
    }

    fn try_candidate(
        &self,
        root: &Path,
        deployment: &str,
        percent: f64,
    ) -> Result<(), Vec<FileFinding>> {
        let generation = Arc::new(read(&self.options, root, Source::Files)?);
        let mut writing = self.lock();
        let sources: Vec<&Switches> = writing.switches.iter().collect();
        let (switched, _) = generation.switched(&sources, &self.breakers, 0);
        let weight = buckets_of_percent(percent).unwrap_or(0);
        let salt = Salt::new(&format!("deploy/{deployment}"));
        let stable = Arc::clone(self.current.load().stable.shared());
        self.publish(&mut writing, &stable, Some(Candidate { switched, weight, salt }));
        Ok(())
    }
}

/// Reads and compiles the installation in `root`.
fn read(options: &Options, root: &Path, source: Source) -> Result<Generation, Vec<FileFinding>> {
    let installation = Installation::read_for(root, options.environment.as_deref())
        .map_err(|err| vec![crate::installation::unreadable(&err)])?;
    Generation::compile(installation, &options.extra, source)
}

/// The best there is: the files, the last good copy, the built-in overlay; with what
/// speaks against the files.
fn first_generation(options: &Options) -> (Generation, Vec<FileFinding>) {
    let refused = match read(options, &options.root, Source::Files) {
        Ok(generation) => return (generation, Vec::new()),
        Err(refused) => refused,
    };
    let copy = options.state.as_deref().map(last_good::folder);
    let kept = copy.and_then(|it| read(options, &it, Source::LastGood).ok());
    (kept.unwrap_or_else(Generation::embedded), refused)
}

fn breaker_policy(generation: &Generation) -> BreakerPolicy {
    let file = generation.installation().flag_file();
    file.map_or_else(BreakerPolicy::default, |it| {
        BreakerPolicy::from_settings(&it.global.circuit_breaker)
    })
}

/// The switches in the file of `RESON_FEATURES_FILE`; a file that is not there switches
/// nothing.
fn file_switches(options: &Options) -> Switches {
    let text = options.features_file.as_deref().and_then(|it| std::fs::read_to_string(it).ok());
    Switches::parse(text.as_deref())
}

fn nack(at_ms: i64, findings: &[FileFinding]) -> Nack {
    Nack { at_ms, findings: findings.iter().take(100).map(Refusal::of).collect() }
}

/// The keys that layers from outside set.
fn shadowed(extra: &[Layer]) -> Vec<String> {
    let mut keys: Vec<_> =
        extra.iter().flat_map(|it| it.iter().map(|(key, _)| key.to_string())).collect();
    keys.sort();
    keys.dedup();
    keys
}
