use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use fusion_flags::{SwitchSource, Switches};

use super::deployed;
use super::event::Part;
use super::in_force::InForce;
use super::wait::{Signal, Wake, wait};
use crate::root_switch::RootSwitch;

/// The most bytes the switch file has.
const MAX_BYTES: u64 = 64 << 10;
/// How often switches are looked at where no event comes: they hold within a second,
/// whatever becomes of events.
const POLL: Duration = Duration::from_millis(500);

/// The switches that are files: the one that `RESON_FEATURES_FILE` names, and that of a root
/// of deployments. They are looked at by themselves, so that none waits for a tree.
pub(crate) struct SwitchFiles {
    file: Option<PathBuf>,
    root: PathBuf,
    /// A pointer was followed: the root is one of deployments, whatever it loses.
    was_deployed: AtomicBool,
    /// For those who look, who take turns.
    seen: Mutex<Seen>,
}

/// What was seen of the switch file last.
#[derive(Default)]
enum Seen {
    /// It could never be read.
    #[default]
    Nothing,
    /// Its text; `None` where there is no file.
    Text(Option<String>),
}

impl SwitchFiles {
    /// Those of the configuration in `root`.
    pub(crate) fn new(file: Option<PathBuf>, root: PathBuf) -> Self {
        Self { file, root, was_deployed: AtomicBool::new(false), seen: Mutex::default() }
    }

    /// A pointer was followed.
    pub(crate) fn follow_root(&self) {
        self.was_deployed.store(true, Ordering::Release);
    }

    /// What a service begins under. A switch that is there and cannot be read counts as
    /// thrown: nobody knows that it is not, and nothing before says otherwise.
    pub(crate) fn begin(&self) -> (Switches, Option<RootSwitch>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let switches = match self.file.as_deref().map(switch_text) {
            None => Switches::default(),
            Some(Ok(text)) => {
                let switches = Switches::parse(text.as_deref());
                *seen = Seen::Text(text);
                switches
            }
            Some(Err(_)) => Switches::parse(Some("")),
        };
        let unread = || RootSwitch { reason: "it cannot be read".into(), ..RootSwitch::default() };
        let root = self.root_switch().and_then(|it| it.unwrap_or_else(|_| Some(unread())));
        (switches, root)
    }

    /// Takes over what the switches say now. One that cannot be read says what it said last.
    pub(crate) fn look(&self, in_force: &InForce) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut error = None;
        match self.file.as_deref().map(switch_text) {
            None => (),
            Some(Ok(text)) if matches!(&*seen, Seen::Text(before) if *before == text) => (),
            Some(Ok(text)) => {
                in_force.switch(SwitchSource::File, Switches::parse(text.as_deref()));
                *seen = Seen::Text(text);
            }
            Some(Err(err)) => error = Some(err.to_string()),
        }
        match self.root_switch() {
            None => (),
            Some(Ok(switch)) => in_force.switch_root(switch),
            Some(Err(err)) => error = error.or_else(|| Some(format!("KILL: {err}"))),
        }
        in_force.note(Part::SwitchFile, error);
    }

    /// The switch of the root, for a root of deployments.
    fn root_switch(&self) -> Option<io::Result<Option<RootSwitch>>> {
        let is_deployed = || deployed::has_deployments(&self.root);
        let before = is_deployed();
        if !before && !self.was_deployed.load(Ordering::Acquire) {
            return None;
        }
        Some(RootSwitch::read(&self.root).and_then(|it| {
            // A volume that is not mounted leaves an empty folder: the switch is elsewhere.
            if it.is_none() && !(before && is_deployed()) {
                return Err(io::Error::other("nothing is deployed in its folder any more"));
            }
            Ok(it)
        }))
    }

    /// Looks until it is told to stop.
    pub(crate) fn keep_up(&self, in_force: &InForce, signals: &Receiver<Signal>) {
        while wait(signals, POLL) != Wake::Stop {
            self.look(in_force);
        }
    }
}

/// The text of the switch file `path`, which `RESON_FEATURES_FILE` names; a file that is not
/// there has none. A link that leads to nothing is there.
///
/// # Errors
///
/// Where it cannot be read: it is no file, no text, or has more than 64 KiB. A service that
/// starts counts it as thrown then, and one that runs keeps to what it said last.
pub fn switch_text(path: &Path) -> io::Result<Option<String>> {
    match fs::metadata(path) {
        Ok(facts) if facts.is_file() => (),
        Ok(_) => return Err(io::Error::other("it is no file")),
        Err(err) if err.kind() == io::ErrorKind::NotFound => {
            return match path.is_symlink() {
                true => Err(io::Error::other("it is a link that leads to nothing")),
                false => Ok(None),
            };
        }
        Err(err) => return Err(err),
    }
    let mut text = String::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::Error::other(format!("more than {MAX_BYTES} bytes")));
    }
    Ok(Some(text))
}
