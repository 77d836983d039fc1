//! A configuration that changes under a running service.

mod acknowledgement;
mod deployed;
mod event;
mod generation;
mod in_force;
mod last_good;
mod look;
mod places;
mod signature;
mod status;
mod switch_files;
mod wait;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::{ArcSwap, Cache, Guard};
use fusion_flags::{BreakerSet, Salt, SwitchSource, Switches, buckets_of_percent};
use overlay_model::{Diagnostic, Layer};

pub use self::acknowledgement::{Acknowledgement, acknowledgements};
pub use self::deployed::{Deployment, has_deployments};
pub use self::event::{ByHand, Event, Part};
pub use self::generation::{Arm, Generation, Snapshot, Source, Switched};
use self::generation::{Share, Trial};
use self::in_force::InForce;
use self::look::{Files, Haste, Looked};
pub use self::status::{Health, HealthStatus, Nack, Refusal, Status};
pub use self::switch_files::switch_text;
use self::wait::{Received, Signal, Signals, signals};
use self::watch::Watch;
use crate::code;
use crate::installation::FileFinding;

/// The clock: milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// What the folder of a configuration has to be.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum RootKind {
    /// A root of deployments where it has a pointer `CURRENT`, else an installation.
    #[default]
    Either,
    /// A root of deployments. Where it has no pointer yet nothing else in it is read and
    /// nothing is written there; it is followed as soon as there is one.
    Deployed,
}

/// How a configuration is loaded and kept up to date.
#[derive(Clone)]
pub struct Options {
    /// The folder of the installation, or a root of deployments: a folder with a pointer
    /// `CURRENT`, which says what generation is in force and which one is on trial.
    pub root: PathBuf,
    /// Which of the two it has to be.
    pub kind: RootKind,
    /// Layers above the overlays: environment, command line.
    pub extra: Vec<Layer>,
    /// The environment's name, `RESON_ENV`.
    pub environment: Option<String>,
    /// The text of `RESON_FEATURES`, where it is set.
    pub features: Option<String>,
    /// The file that `RESON_FEATURES_FILE` names; read and watched like the installation.
    /// Where there is no such file it switches nothing.
    pub features_file: Option<PathBuf>,
    /// The folder for copies of the last good configuration, made where it is missing;
    /// none is kept without. Under a root of deployments it is `state/<instance>`, and also
    /// says which epoch this instance accepted or refused.
    pub state: Option<PathBuf>,
    /// How often files are looked at where no event comes; less than 1 s counts as 1 s. What
    /// is not told of (a network's file system, a queue that is full) is in force that late:
    /// more than 5 s are for file systems that tell of everything.
    pub poll: Duration,
    /// The clock.
    pub clock: Clock,
    /// Spreads the recovery times of breakers: a number of its own for each process (of host
    /// and process id, or drawn) keeps them from probing in step.
    pub seed: u64,
}

impl Options {
    /// The installation in `root`, polled every two seconds, without a copy on disk.
    pub fn new(root: impl Into<PathBuf>, clock: Clock) -> Self {
        Self {
            root: root.into(),
            kind: RootKind::Either,
            extra: Vec::new(),
            environment: None,
            features: None,
            features_file: None,
            state: None,
            poll: Duration::from_secs(2),
            clock,
            seed: 0,
        }
    }
}

/// A configuration in force, kept up to date by threads of its own until it is dropped: one
/// for the files, and one for the switches, which wait for no file.
///
/// Reading takes no lock. A change is read, checked and compiled beside it, then put in
/// force by one swap; one that is refused changes nothing and stands in [`Live::status`].
///
/// A change is seen at once where the file system tells of it, else by the next poll. What
/// may be a moment of somebody's saving (a file that is being written, a name that is gone,
/// a tree with errors) is left alone for 50 ms, and taken as it is if it stays so.
pub struct Live {
    files: Arc<Files>,
    in_force: Arc<InForce>,
    signals: Signals,
    threads: Vec<JoinHandle<()>>,
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
        let (signals, received) = signals();
        Self::start_with(options, Watch::new(signals.clone()), (signals, received))
    }

    fn start_with(
        mut options: Options,
        mut watch: Watch,
        (signals, received): (Signals, Received),
    ) -> std::io::Result<Self> {
        options.poll = options.poll.max(Duration::from_secs(1));
        // Watched before the first reading: a change in between is an event.
        watch.cover(&options.root, options.features_file.as_deref());
        let files = Arc::new(Files::new(options));
        let in_force = Arc::new(files.begin());
        in_force.note(Part::Watch, watch.error.clone());
        let mut live = Self { files, in_force, signals, threads: Vec::new() };
        let Received { tree, switches } = received;
        live.spawn("overlay-loader", move |files, in_force| files.keep_up(in_force, &tree, watch))?;
        live.spawn("overlay-switches", move |files, in_force| {
            files.switches.keep_up(in_force, &switches);
        })?;
        Ok(live)
    }

    fn spawn(
        &mut self,
        name: &str,
        look: impl FnOnce(&Files, &InForce) + Send + 'static,
    ) -> std::io::Result<()> {
        let (files, in_force) = (Arc::clone(&self.files), Arc::clone(&self.in_force));
        let thread = std::thread::Builder::new().name(name.to_owned());
        self.threads.push(thread.spawn(move || look(&files, &in_force))?);
        Ok(())
    }

    /// What is in force now; hold it for one request, not longer.
    #[inline]
    pub fn snapshot(&self) -> Guard<Arc<Snapshot>> {
        self.in_force.current.load()
    }

    /// A reader with a cache of its own, the fastest for a loop or a thread.
    pub fn reader(&self) -> Reader<'_> {
        Reader(Cache::new(&self.in_force.current))
    }

    /// Replaces the switches of one source at once, without reading a file. The names that
    /// no flag and no overlay has come back, of all sources.
    pub fn switch(&self, source: SwitchSource, switches: Switches) -> Vec<String> {
        self.in_force.switch(source, switches)
    }

    /// Throws the switch of the API: every overlay is off until it is taken back. Once more
    /// replaces what it was thrown with.
    pub fn throw(&self, by: ByHand) {
        self.in_force.throw(by);
    }

    /// Takes the switch of the API back, where it is thrown; others may still hold.
    pub fn take_back(&self) {
        self.in_force.take_back();
    }

    /// Adds to [`Self::events`] what the user of this configuration saw: that a breaker
    /// stands otherwise.
    pub fn tell(&self, event: Event) {
        self.in_force.tell(event);
    }

    /// Reads the files now, and takes them as they are. Says whether they could be read as
    /// one state: `false` where they kept changing meanwhile.
    pub fn reload(&self) -> bool {
        // First, and by themselves: a switch does not wait for a tree.
        self.files.switches.look(&self.in_force);
        self.files.look(&self.in_force, Haste::Read) != Looked::Restless
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
        let Some(weight) = buckets_of_percent(percent) else {
            let message = format!("{percent} is no share from 0 to 100 percent");
            let diagnostic = Diagnostic::error(code::SHARE, message);
            return Err(vec![FileFinding { path: String::new(), diagnostic }]);
        };
        let generation = Arc::new(self.files.candidate(root)?);
        let salt = Salt::new(&format!("deploy/{deployment}"));
        self.in_force.try_out(Some(Trial { generation, share: Share { weight, salt } }));
        Ok(())
    }

    /// Takes the candidate away, where there is one.
    pub fn drop_candidate(&self) {
        self.in_force.try_out(None);
    }

    /// What is in force, and what was refused.
    pub fn status(&self) -> Status {
        self.in_force.status()
    }

    /// How the configuration in force is.
    pub fn health(&self) -> Health {
        self.status().health()
    }

    /// The epoch of every change from now on.
    pub fn subscribe(&self) -> Receiver<u64> {
        self.in_force.subscribe()
    }

    /// Everything that happens from now on, for a log: changes taken over and refused,
    /// switches, and what keeps the configuration up to date and fails.
    pub fn events(&self) -> Receiver<Event> {
        self.in_force.observe()
    }

    /// The breakers of the overlays in force, which outlive every reload.
    pub fn breakers(&self) -> &BreakerSet {
        &self.in_force.breakers
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.signals.send(&Signal::Stop);
        for thread in self.threads.drain(..) {
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
