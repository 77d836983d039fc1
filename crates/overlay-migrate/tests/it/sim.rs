//! A disk in memory that can stop, fail and lose what was not synced.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use overlay_migrate::{About, Disk, FOLDER, Lock};

/// Files with their permission bits, and folders.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct State {
    pub(crate) files: BTreeMap<PathBuf, (Vec<u8>, u32)>,
    pub(crate) folders: BTreeSet<PathBuf>,
}

impl State {
    /// The tree without what runs keep.
    pub(crate) fn tree(&self) -> Self {
        let is_tree = |path: &Path| !path.components().any(|it| it.as_os_str() == FOLDER);
        Self {
            files: self
                .files
                .iter()
                .filter(|it| is_tree(it.0))
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect(),
            folders: self.folders.iter().filter(|it| is_tree(it)).cloned().collect(),
        }
    }
}

/// What is left after a power cut.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Loss {
    /// Everything that was written.
    Nothing,
    /// Only what was synced.
    Unsynced,
    /// The tree as written, of the runs only what was synced.
    UnsyncedRuns,
    /// The runs as written, of the tree only what was synced.
    UnsyncedTree,
    /// Everything that was written, with zeros in the place of the first half of what a file
    /// of a run has beyond what was synced.
    Holes,
}

impl Loss {
    pub(crate) const ALL: [Self; 5] =
        [Self::Nothing, Self::Unsynced, Self::UnsyncedRuns, Self::UnsyncedTree, Self::Holes];
}

/// What goes wrong at the operation with the number `at`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    pub(crate) at: usize,
    /// Whether the machine stops there, or only this operation fails.
    pub(crate) stops: bool,
    /// Whether half of what the operation writes is written.
    pub(crate) is_torn: bool,
}

#[derive(Default)]
struct Inner {
    written: State,
    synced: State,
    operations: usize,
    syncs: usize,
    has_stopped: bool,
}

#[derive(Default)]
pub(crate) struct Sim {
    inner: RefCell<Inner>,
    fault: Option<Fault>,
    /// The sync of a folder that does nothing.
    skipped_sync: Option<usize>,
}

impl Sim {
    pub(crate) fn of(state: State) -> Self {
        let inner = Inner { written: state.clone(), synced: state, ..Inner::default() };
        Self { inner: RefCell::new(inner), ..Self::default() }
    }

    pub(crate) fn with(self, fault: Option<Fault>) -> Self {
        Self { fault, ..self }
    }

    pub(crate) fn without_sync(self, skipped: usize) -> Self {
        Self { skipped_sync: Some(skipped), ..self }
    }

    pub(crate) fn state(&self) -> State {
        self.inner.borrow().written.clone()
    }

    pub(crate) fn operations(&self) -> usize {
        self.inner.borrow().operations
    }

    pub(crate) fn syncs(&self) -> usize {
        self.inner.borrow().syncs
    }

    /// The disk after the power is back.
    pub(crate) fn after(&self, loss: Loss) -> State {
        let inner = self.inner.borrow();
        let (runs, tree) = match loss {
            Loss::Nothing | Loss::Holes => (&inner.written, &inner.written),
            Loss::Unsynced => (&inner.synced, &inner.synced),
            Loss::UnsyncedRuns => (&inner.synced, &inner.written),
            Loss::UnsyncedTree => (&inner.written, &inner.synced),
        };
        let mut state = tree.tree();
        let is_run = |path: &Path| path.components().any(|it| it.as_os_str() == FOLDER);
        state.files.extend(
            runs.files.iter().filter(|it| is_run(it.0)).map(|(k, v)| (k.clone(), v.clone())),
        );
        state.folders.extend(runs.folders.iter().filter(|it| is_run(it)).cloned());
        if loss == Loss::Holes {
            for (path, (synced, _)) in inner.synced.files.iter().filter(|it| is_run(it.0)) {
                let Some((bytes, _)) = state.files.get_mut(path) else { continue };
                let unsynced = bytes.get_mut(synced.len()..).unwrap_or_default();
                let half = unsynced.len() / 2;
                unsynced[..half].fill(0);
            }
        }
        // What stands in a folder that is gone is gone with it.
        let folders = state.folders.clone();
        let is_reachable = |path: &Path| {
            path.ancestors()
                .skip(1)
                .all(|it| it == Path::new("/t") || it == Path::new("/") || folders.contains(it))
        };
        state.files.retain(|path, _| is_reachable(path));
        state.folders.retain(|path| is_reachable(path));
        state
    }

    /// One operation: `Ok(true)` where only half of it is to be done before it fails.
    fn operation(&self) -> io::Result<bool> {
        let mut inner = self.inner.borrow_mut();
        if inner.has_stopped {
            return Err(io::Error::other("stopped"));
        }
        inner.operations += 1;
        let Some(fault) = self.fault.filter(|it| it.at == inner.operations - 1) else {
            return Ok(false);
        };
        inner.has_stopped = fault.stops;
        if fault.is_torn { Ok(true) } else { Err(io::ErrorKind::StorageFull.into()) }
    }

    fn write(
        &self,
        path: &Path,
        bytes: &[u8],
        mode: Option<u32>,
        is_synced: bool,
    ) -> io::Result<()> {
        let is_torn = self.operation()?;
        let mut inner = self.inner.borrow_mut();
        if mode.is_some() && inner.written.files.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if path
            .parent()
            .is_some_and(|it| it != Path::new("/t") && !inner.written.folders.contains(it))
        {
            return Err(io::ErrorKind::NotFound.into());
        }
        let part = if is_torn { &bytes[..bytes.len() / 2] } else { bytes };
        let file = inner
            .written
            .files
            .entry(path.to_owned())
            .or_insert((Vec::new(), mode.unwrap_or(0o644)));
        file.0.extend_from_slice(part);
        let file = file.clone();
        // Content is synced with the write; the entry is not.
        if !is_torn
            && is_synced
            && let Some(synced) = inner.synced.files.get_mut(path)
        {
            *synced = file;
        }
        if is_torn { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    /// An operation that is whole or not at all.
    fn whole<T>(&self, work: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        if self.operation()? {
            return Err(io::Error::other("failed"));
        }
        work(&mut self.inner.borrow_mut().written)
    }
}

impl Disk for Sim {
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        self.whole(|state| Ok(state.files.get(path).map(|it| it.0.clone())))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        self.whole(|state| {
            let entries = state.files.keys().chain(&state.folders);
            let inside = entries.filter(|it| it.parent() == Some(folder.components().as_path()));
            let names =
                inside.filter_map(|it| Some(it.file_name()?.to_string_lossy().into_owned()));
            let mut names: Vec<_> = names.collect();
            names.sort();
            Ok(names)
        })
    }

    fn about(&self, path: &Path) -> io::Result<About> {
        let about = |mode| About { mode, modified_ns: None };
        self.whole(|state| {
            state.files.get(path).map(|it| about(it.1)).ok_or(io::ErrorKind::NotFound.into())
        })
    }

    fn create(&self, path: &Path, bytes: &[u8], about: About) -> io::Result<()> {
        self.write(path, bytes, Some(about.mode), true)
    }

    fn append(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.write(path, bytes, None, true)
    }

    fn append_loosely(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.write(path, bytes, None, false)
    }

    fn truncate(&self, path: &Path, len: u64) -> io::Result<()> {
        self.whole(|state| {
            let file = state.files.get_mut(path).ok_or(io::ErrorKind::NotFound)?;
            file.0.truncate(usize::try_from(len).expect("small"));
            Ok(())
        })?;
        let mut inner = self.inner.borrow_mut();
        let file = inner.written.files.get(path).cloned();
        if let (Some(file), Some(synced)) = (file, inner.synced.files.get_mut(path)) {
            *synced = file;
        }
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.whole(|state| {
            let file = state.files.remove(from).ok_or(io::ErrorKind::NotFound)?;
            state.files.insert(to.to_owned(), file);
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.whole(|state| state.files.remove(path).map(drop).ok_or(io::ErrorKind::NotFound.into()))
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.whole(|state| {
            state.folders.insert(path.to_owned());
            Ok(())
        })
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        self.whole(|state| {
            state.folders.remove(path);
            Ok(())
        })
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        if self.operation()? {
            return Err(io::Error::other("failed"));
        }
        let mut inner = self.inner.borrow_mut();
        inner.syncs += 1;
        if self.skipped_sync == Some(inner.syncs - 1) {
            return Ok(());
        }
        let folder = path.components().as_path();
        let is_in = |it: &Path| it.parent() == Some(folder);
        let Inner { written, synced, .. } = &mut *inner;
        synced.files.retain(|path, _| !is_in(path));
        synced.folders.retain(|path| !is_in(path));
        synced.files.extend(
            written.files.iter().filter(|it| is_in(it.0)).map(|(k, v)| (k.clone(), v.clone())),
        );
        synced.folders.extend(written.folders.iter().filter(|it| is_in(it)).cloned());
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Lock>> {
        self.whole(|state| {
            state.files.entry(path.to_owned()).or_insert((Vec::new(), 0o644));
            Ok(Some(Lock::default()))
        })
    }
}
