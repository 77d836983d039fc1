use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fusion_flags::Switches;
use overlay_model::Diagnostic;
use overlay_store::Pointer;

use super::acknowledgement::Acknowledgement;
use super::deployed::{self, Deployed, Stored};
use super::event::Part;
use super::generation::{Generation, Refused, Source};
use super::in_force::{InForce, Under};
use super::places::pinned;
use super::signature::Signature;
use super::switch_files::SwitchFiles;
use super::wait::{SETTLE, Signal, Wake, wait};
use super::watch::Watch;
use super::{Options, RootKind, last_good};
use crate::code;
use crate::installation::FileFinding;
use crate::read::FLAG_FILE;
use crate::state_folder::make_state_folder;

/// How often a tree is read that changes meanwhile, before it is left to rest.
const ATTEMPTS: usize = 5;

/// The files of a configuration, and what was seen of them last.
pub(crate) struct Files {
    options: Options,
    pub(crate) switches: SwitchFiles,
    /// For those who look at the tree, who take turns; held while it is read.
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// The tree that was accepted or refused last.
    tree: Option<Signature>,
    /// For a root of deployments.
    pointed: Pointed,
}

/// What was seen of a root of deployments.
#[derive(Default)]
struct Pointed {
    /// The pointer that was followed last.
    last: Option<Pointer>,
    /// The generations it led to.
    stored: Vec<Stored>,
    /// Why the pointer that is there now is not followed.
    refused: Option<String>,
}

impl Pointed {
    fn is(&self, pointer: &Pointer) -> bool {
        self.last.as_ref() == Some(pointer)
    }

    fn refuse(&mut self, refused: Refused) -> Followed {
        self.refused = refused.findings.first().map(|it| it.diagnostic.to_string());
        Followed::Refused(refused)
    }
}

/// What following a pointer has come to.
enum Followed {
    Same,
    New(Box<Deployed>),
    Refused(Refused),
}

/// What to do about a state that may be a moment of somebody's saving.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Haste {
    /// Leave it: there will be another look.
    Wait,
    /// Take it as it is.
    Take,
    /// Take it, and read the files even where none changed.
    Read,
}

/// What a look has come to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Looked {
    /// Nothing is new.
    Same,
    /// What is new was accepted or refused.
    Changed,
    /// Something is new and was left: look again.
    Restless,
}

/// A tree that did not change while it was read.
struct Reading {
    read: Result<Generation, Refused>,
    place: Place,
}

/// A tree as the file system shows it.
struct Place {
    /// Where it is read.
    root: PathBuf,
    signature: Signature,
}

impl Place {
    fn of(root: &Path) -> Self {
        let root = pinned(root);
        Self { signature: Signature::of(&root), root }
    }
}

impl Files {
    pub(crate) fn new(options: Options) -> Self {
        let switches = SwitchFiles::new(options.features_file.clone(), options.root.clone());
        Self { options, switches, seen: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What to begin with: the files, else the last copy that is whole and good, else the
    /// built-in overlay.
    pub(crate) fn begin(&self) -> InForce {
        let options = &self.options;
        let mut seen = self.lock();
        let mut spoiled = None;
        let mut fallback = || {
            let (generation, passed_over) = self.fallback();
            spoiled = passed_over;
            generation
        };
        let (first, deployed, refused) = if self.is_deployed(&seen) {
            match self.follow(&mut seen.pointed, Haste::Read) {
                Followed::New(it) => (Arc::clone(&it.stable.generation), Some(it), None),
                Followed::Refused(refused) => (fallback(), None, Some(refused)),
                Followed::Same => (fallback(), None, None),
            }
        } else {
            let reading = self.reading(&options.root, None, None);
            let read = reading.map(|it| (it.read, seen.tree.insert(it.place.signature)).0);
            let read = read.unwrap_or_else(|| Err(restless()));
            match read.and_then(|it| it.after(self.kept_a_flag_file())) {
                Ok(generation) => (Arc::new(generation), None, None),
                Err(refused) => (fallback(), None, Some(refused)),
            }
        };
        // Where one cannot be read, the first look says so.
        let (file, root) = self.switches.begin();
        let environment = Switches::parse(options.features.as_deref());
        let under = Under { environment, file, root, deployed };
        let in_force = InForce::new(&first, under, options.clock.clone(), options.seed);
        if let Some(refused) = refused {
            in_force.refuse(&refused);
        }
        self.switches.look(&in_force);
        in_force.note(Part::Copy, spoiled);
        if let (Some(state), Source::Files) = (&options.state, first.source()) {
            // Known before anybody asks how it is; the copy itself takes its time.
            let made = make_state_folder(&options.root, state);
            in_force.note(Part::Copy, made.err().map(|it| it.to_string()));
        }
        self.acknowledge(&in_force);
        in_force
    }

    /// Whether the configuration is what a pointer says.
    fn is_deployed(&self, seen: &Seen) -> bool {
        self.options.kind == RootKind::Deployed
            || seen.pointed.last.is_some()
            || deployed::is_root(&self.options.root)
    }

    /// Follows the pointer of a root of deployments; the same one is followed once.
    fn follow(&self, seen: &mut Pointed, haste: Haste) -> Followed {
        if seen.last.is_none() && !deployed::is_root(&self.options.root) {
            return seen.refuse(deployed::no_root(&self.options.root));
        }
        let pointer = match deployed::pointer(&self.options.root) {
            Ok(pointer) if seen.refused.is_none() && haste != Haste::Read && seen.is(&pointer) => {
                return Followed::Same;
            }
            Ok(pointer) => pointer,
            Err(refused) => return seen.refuse(refused),
        };
        if seen.last.as_ref().is_some_and(|it| it.epoch > pointer.epoch) {
            return seen.refuse(deployed::went_back(&pointer));
        }
        match deployed::follow(&self.options.root, pointer, &self.options, &seen.stored) {
            Ok(deployed) => {
                let both = [Some(&deployed.stable), deployed.candidate.as_ref()];
                seen.stored = both.into_iter().flatten().cloned().collect();
                seen.last = Some(deployed.pointer.clone());
                self.switches.follow_root();
                seen.refused = None;
                Followed::New(Box::new(deployed))
            }
            Err(refused) => seen.refuse(refused),
        }
    }

    fn look_at_pointer(&self, seen: &mut Seen, in_force: &InForce, haste: Haste) -> Looked {
        let before = seen.pointed.refused.clone();
        match self.follow(&mut seen.pointed, haste) {
            Followed::Same => return Looked::Same,
            Followed::New(deployed) => {
                // A root that has just come may be switched off already.
                self.switches.look(in_force);
                in_force.deploy(&deployed);
                self.keep_copy(in_force, &deployed.stable.place(&self.options.root));
            }
            Followed::Refused(_) if haste == Haste::Wait && before.is_none() => {
                // It may be on its way: there will be another look.
                seen.pointed.refused = None;
                return Looked::Restless;
            }
            Followed::Refused(_) if before == seen.pointed.refused => return Looked::Same,
            Followed::Refused(refused) => in_force.refuse(&refused),
        }
        self.acknowledge(in_force);
        Looked::Changed
    }

    /// Writes down which epoch is in force here, for those who roll it out. Where there is no
    /// root of deployments none is made by that.
    fn acknowledge(&self, in_force: &InForce) {
        let root = &self.options.root;
        let Some(state) = &self.options.state else { return };
        if !deployed::has_deployments(root) {
            return;
        }
        let status = in_force.status();
        if let Some(acknowledgement) = Acknowledgement::of(&status, (self.options.clock)()) {
            let written = acknowledgement.write(root, state);
            in_force.note(Part::Acknowledgement, written.err().map(|err| err.to_string()));
        }
    }

    /// The last copy that is whole and good, else the built-in overlay; and what was passed
    /// over for it.
    fn fallback(&self) -> (Arc<Generation>, Option<String>) {
        let state = self.options.state.as_deref();
        let mut spoiled = None;
        for (copy, digest) in state.into_iter().flat_map(last_good::copies) {
            match Generation::read(&copy, &self.options, None, Source::LastGood) {
                Ok(it) if it.installation().digest() == digest => return (Arc::new(it), spoiled),
                _ => {
                    let text = format!("the copy {} is not what was kept", copy.display());
                    spoiled.get_or_insert(text);
                }
            }
        }
        (Arc::new(Generation::embedded()), spoiled)
    }

    /// Whether the last good configuration had a flag file.
    fn kept_a_flag_file(&self) -> bool {
        let state = self.options.state.as_deref();
        let mut copies = state.into_iter().flat_map(last_good::copies);
        copies.next().is_some_and(|(copy, _)| copy.join(FLAG_FILE).is_file())
    }

    /// The candidate in `root`.
    pub(crate) fn candidate(&self, root: &Path) -> Result<Generation, Vec<FileFinding>> {
        let read = self.reading(root, None, None).map_or_else(|| Err(restless()), |it| it.read);
        read.map_err(|it| it.findings)
    }

    /// Looks until it is told to stop.
    pub(crate) fn keep_up(&self, in_force: &InForce, signals: &Receiver<Signal>, mut watch: Watch) {
        let place = self.place(&self.lock());
        self.keep_copy(in_force, &place);
        let mut haste = Haste::Wait;
        loop {
            let looked = self.look(in_force, haste);
            let covered = watch.cover(&self.options.root, self.options.features_file.as_deref());
            in_force.note(Part::Watch, watch.error.clone());
            // What was not watched is looked at again, since its changes are no events.
            let patience = match looked {
                _ if covered => Duration::ZERO,
                Looked::Restless => SETTLE,
                Looked::Same | Looked::Changed => self.options.poll,
            };
            haste = match wait(signals, patience) {
                Wake::Stop => return,
                Wake::Quiet if looked == Looked::Restless && !covered => Haste::Take,
                Wake::Quiet | Wake::Signal => Haste::Wait,
            };
        }
    }

    /// Compares the files with what was seen last, and takes over what is new.
    pub(crate) fn look(&self, in_force: &InForce, haste: Haste) -> Looked {
        let mut seen = self.lock();
        let looked = self.look_at_tree(&mut seen, in_force, haste);
        if looked == Looked::Same {
            self.keep_missing_copy(&seen, in_force);
        }
        if looked != Looked::Restless {
            in_force.checked();
        }
        looked
    }

    fn look_at_tree(&self, seen: &mut Seen, in_force: &InForce, haste: Haste) -> Looked {
        if self.is_deployed(seen) {
            return self.look_at_pointer(seen, in_force, haste);
        }
        let mut found = None;
        if let (Some(tree), false) = (&seen.tree, haste == Haste::Read) {
            let now = Place::of(&self.options.root);
            if now.signature.same_files(tree) {
                return Looked::Same;
            }
            // An editor that saves by renaming: the name will be back.
            if haste == Haste::Wait && now.signature.lost_a_name_of(tree) {
                return Looked::Restless;
            }
            found = Some(now);
        }
        let known = Arc::clone(in_force.current.load().stable.shared());
        let reading = self.reading(&self.options.root, Some(&known), found);
        let Some(Reading { read, place }) = reading else { return Looked::Restless };
        match read.and_then(|it| it.after(known.has_flag_file())) {
            Err(_) if haste == Haste::Wait => return Looked::Restless,
            Err(refused) => in_force.refuse(&refused),
            Ok(generation) => {
                in_force.accept(generation);
                self.keep_copy(in_force, &place.root);
            }
        }
        seen.tree = Some(place.signature);
        Looked::Changed
    }

    /// Reads the tree in `root` until it did not change meanwhile, at most a few times;
    /// `found` is where it was found just now.
    fn reading(
        &self,
        root: &Path,
        known: Option<&Generation>,
        mut found: Option<Place>,
    ) -> Option<Reading> {
        (0..ATTEMPTS).find_map(|_| {
            let place = found.take().unwrap_or_else(|| Place::of(root));
            let read = Generation::read(&place.root, &self.options, known, Source::Files);
            let same = Signature::of(&place.root) == place.signature;
            same.then_some(Reading { read, place })
        })
    }

    /// Where the files in force were read from.
    fn place(&self, seen: &Seen) -> PathBuf {
        let root = &self.options.root;
        seen.pointed.stored.first().map_or_else(|| pinned(root), |it| it.place(root))
    }

    /// Tries once more what failed: the disk may have room again.
    fn keep_missing_copy(&self, seen: &Seen, in_force: &InForce) {
        let status = in_force.status();
        // Nothing is made in a folder that is not what is in force.
        if status.copy_error.is_some() && status.last_error.is_none() {
            self.keep_copy(in_force, &self.place(seen));
        }
    }

    /// Copies what is in force, where it was read from `root`.
    fn keep_copy(&self, in_force: &InForce, root: &Path) {
        let Some(state) = &self.options.state else { return };
        let (source, digest) = {
            let current = in_force.current.load();
            let generation = current.stable().generation();
            (generation.source(), generation.installation().digest())
        };
        if source == Source::Files {
            // Where there is nothing to be copied nothing is made.
            let kept = fs::read_dir(root)
                .and_then(|_| make_state_folder(&self.options.root, state))
                .and_then(|()| last_good::keep(root, state, digest));
            in_force.note(Part::Copy, kept.err().map(|err| err.to_string()));
        }
    }
}

fn restless() -> Refused {
    let diagnostic = Diagnostic::error(code::RESTLESS, "the files change while they are read");
    Refused::of(FileFinding { path: String::new(), diagnostic })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::sync::Arc;
    use std::time::Duration;

    use overlay_store::audit::Entry;
    use overlay_store::{Change, Holder, Origin, Store, Tree};

    use super::{Files, Haste, Looked};
    use crate::RootSwitch;
    use crate::live::{Live, Options, RootKind};

    /// A tree may take its time, and a kill has none.
    #[test]
    fn a_switch_does_not_wait_for_a_tree_that_is_being_read() {
        let dir = tempfile::tempdir().unwrap();
        let (root, file) = (dir.path().join("root"), dir.path().join("features"));
        fs::create_dir_all(root.join("overlays")).unwrap();
        let path = root.join("overlays/fusion_overlay.baseline.txt");
        fs::write(path, overlay_schema::EMBEDDED_OVERLAY).unwrap();
        let mut options = Options::new(&root, Arc::new(|| 0));
        options.features_file = Some(file.clone());
        let live = Live::start(options).unwrap();
        let epochs = live.subscribe();
        // Held for as long as a tree is read.
        let reading = live.files.lock();
        fs::write(&file, "").unwrap();
        assert_eq!(epochs.recv_timeout(Duration::from_secs(120)), Ok(2));
        assert_eq!(live.status().held_by, ["RESON_FEATURES_FILE"]);
        fs::remove_file(&file).unwrap();
        assert_eq!(epochs.recv_timeout(Duration::from_secs(120)), Ok(3));
        drop(reading);
    }

    /// A volume that is mounted late may be switched off already: nothing of it is in force
    /// before its switch is.
    #[test]
    fn a_root_that_comes_later_comes_with_its_switch() {
        let dir = tempfile::tempdir().unwrap();
        let mut options = Options::new(dir.path(), Arc::new(|| 0));
        options.kind = RootKind::Deployed;
        let files = Files::new(options);
        let in_force = files.begin();
        assert!(!in_force.status().emergency);
        deploy(dir.path());
        RootSwitch::default().throw(dir.path()).unwrap();
        let events = in_force.observe();
        assert_eq!(files.look(&in_force, Haste::Take), Looked::Changed);
        let lines: Vec<_> = events.try_iter().map(|it| it.to_string()).collect();
        assert!(lines[0].starts_with("switch thrown: "), "{lines:#?}");
        assert!(lines[1].starts_with("accepted: "), "{lines:#?}");
    }

    /// Makes a root of deployments with the built-in overlay.
    fn deploy(root: &Path) {
        let mut tree = Tree::new();
        let path = "overlays/fusion_overlay.baseline.txt";
        tree.insert(path, overlay_schema::EMBEDDED_OVERLAY.as_bytes()).unwrap();
        let holder = Holder { pid: 1, host: "here".into(), started_us: 1, deployment: None };
        let store = Store::create(root).unwrap();
        let mut writer = store.lock(&holder).unwrap();
        let stable = writer.publish(&tree, Origin::default(), "d-1", 1).unwrap();
        let entry = Entry {
            at_us: 1,
            actor: "ann".into(),
            host: "here".into(),
            action: "deploy".into(),
            env: "development".into(),
            deployment: None,
            generation: None,
            base: None,
            manifest_sha256: None,
            detail: serde_json::Value::Null,
        };
        writer.switch(None, Change::to(stable), entry).unwrap();
    }
}
