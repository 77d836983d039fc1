use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use overlay_model::Digest;

use crate::audit;
use crate::error::{StoreError, check_name};
use crate::generation::verify;
use crate::layout;
use crate::manifest::{MAX_MANIFEST_BYTES, Manifest};
use crate::pointer::{GenerationId, GenerationRef, MAX_POINTER_BYTES, Pointer};
use crate::tampering::{Problem, Tampering};
use crate::tree::{MAX_TREE_BYTES, Tree};
use crate::vfs::{Held, Kind, RealFs, Vfs};

/// The most bytes a rollout's file has.
const MAX_ROLLOUT_BYTES: u64 = 16 << 20;
/// The most bytes a pin has.
const MAX_PIN_BYTES: u64 = 64;

/// A deployment root: its generations, and the pointer that says which is live.
///
/// Reading takes no lock and never writes.
#[derive(Debug)]
pub struct Store<F: Vfs = RealFs> {
    pub(crate) fs: F,
}

/// A generation that was read and verified. As long as it is kept the generation is not
/// removed.
#[derive(Debug)]
pub struct Leased {
    /// What it consists of.
    pub manifest: Manifest,
    /// Its files.
    pub tree: Tree,
    #[expect(dead_code, reason = "held for its drop")]
    lease: Held,
}

impl Store<RealFs> {
    /// Opens the root in the directory `root`. Nothing is written.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoRoot`] where there is no such directory.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let fs = RealFs::open(root)
            .map_err(|source| StoreError::NoRoot { path: root.to_owned(), source })?;
        Ok(Self::with(fs))
    }

    /// Opens the root in `root`, made where it is missing, with all its directories
    /// durable.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where something cannot be made or belongs to another user.
    pub fn create(root: &Path) -> Result<Self, StoreError> {
        let fs = RealFs::create(root)
            .map_err(|err| StoreError::of("make", &root.display().to_string(), err))?;
        let store = Self::with(fs);
        store.lay_out()?;
        Ok(store)
    }

    /// Whether something is deployed in the directory `path`: it has a `CURRENT`.
    pub fn is_root(path: &Path) -> bool {
        path.join(layout::CURRENT).symlink_metadata().is_ok_and(|it| it.is_file())
    }
}

impl<F: Vfs> Store<F> {
    /// A root in a file system of another kind.
    pub fn with(fs: F) -> Self {
        Self { fs }
    }

    /// The file system the root is in.
    pub fn fs(&self) -> &F {
        &self.fs
    }

    /// What is live; `None` where nothing is deployed yet.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] for a pointer with a wrong checksum.
    pub fn current(&self) -> Result<Option<Pointer>, StoreError> {
        let Some(bytes) = self.optional(layout::CURRENT, MAX_POINTER_BYTES)? else {
            return Ok(None);
        };
        let pointer = Pointer::decode(&bytes).map_err(|err| damaged(layout::CURRENT, err.0))?;
        Ok(Some(pointer))
    }

    /// What is live, with the generation in force, read in one go: where the pointer moves
    /// on meanwhile and the generation is removed, both are read again.
    ///
    /// # Errors
    ///
    /// As [`Self::current`] and [`Self::read`].
    pub fn read_current(&self) -> Result<Option<(Pointer, Leased)>, StoreError> {
        let mut last = None;
        loop {
            let Some(pointer) = self.current()? else { return Ok(None) };
            match self.read(pointer.stable) {
                Err(StoreError::Missing { .. }) if last != Some(pointer.epoch) => {
                    last = Some(pointer.epoch);
                }
                // What is in force is never removed but by somebody else.
                Err(StoreError::Missing { generation }) => {
                    return Err(tampered_manifest(generation, Tampering::Missing));
                }
                res => return res.map(|leased| Some((pointer, leased))),
            }
        }
    }

    /// The generations that are there, in ascending order.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the directory cannot be read.
    pub fn generations(&self) -> Result<Vec<GenerationId>, StoreError> {
        let number =
            |name: &str| name.parse().ok().filter(|it: &GenerationId| it.to_string() == name);
        let names = self.names(layout::GENERATIONS, Kind::Directory)?;
        let mut res: Vec<_> = names.iter().filter_map(|it| number(it)).collect();
        res.sort_unstable();
        Ok(res)
    }

    /// The manifest of a generation, and the digest of its bytes. Its files are not looked
    /// at.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`] where there is no such generation, [`StoreError::Tampered`]
    /// where the manifest is missing or contradicts itself.
    pub fn manifest(&self, id: GenerationId) -> Result<(Manifest, Digest), StoreError> {
        let path = layout::manifest(id);
        let Some(bytes) = self.optional(&path, MAX_MANIFEST_BYTES)? else {
            return Err(self.missing(id));
        };
        let manifest = Manifest::decode(id, &bytes).map_err(|what| tampered_manifest(id, what))?;
        Ok((manifest, Digest::of(&bytes)))
    }

    /// Reads all files of a generation and compares them with its manifest, and the
    /// manifest with the digest it should have, where that is known.
    ///
    /// # Errors
    ///
    /// [`StoreError::Tampered`] with every file that is not as published,
    /// [`StoreError::Missing`] where there is no such generation.
    pub fn verify(
        &self,
        id: GenerationId,
        expected: Option<Digest>,
    ) -> Result<Manifest, StoreError> {
        Ok(self.leased(id, expected)?.manifest)
    }

    /// Reads and verifies a generation, and keeps it from being removed.
    ///
    /// # Errors
    ///
    /// As [`Self::verify`].
    pub fn read(&self, which: GenerationRef) -> Result<Leased, StoreError> {
        self.leased(which.generation, Some(which.manifest))
    }

    /// One that vanishes between its lease and its files is looked for again.
    fn leased(&self, id: GenerationId, expected: Option<Digest>) -> Result<Leased, StoreError> {
        match self.try_leased(id, expected) {
            Err(StoreError::Missing { .. }) => self.try_leased(id, expected),
            res => res,
        }
    }

    fn try_leased(&self, id: GenerationId, expected: Option<Digest>) -> Result<Leased, StoreError> {
        let path = layout::manifest(id);
        let lease =
            found(self.fs.lease(&path)).map_err(|err| StoreError::of("lease", &path, err))?;
        let gone = || StoreError::Missing { generation: id };
        // A manifest that somebody has locked is just being removed.
        let lease = lease.ok_or_else(|| self.missing(id))?.ok_or_else(gone)?;
        let dir = layout::generation(id);
        let files = found(self.fs.read_tree(&dir, MAX_TREE_BYTES + MAX_MANIFEST_BYTES))
            .map_err(|err| tampered_if_not_plain(id, StoreError::of("read", &dir, err)))?;
        let (manifest, tree) = verify(id, expected, files.ok_or_else(gone)?)
            .map_err(|problems| StoreError::Tampered { generation: id, problems })?;
        Ok(Leased { manifest, tree, lease })
    }

    /// Why a generation without a manifest is none.
    fn missing(&self, id: GenerationId) -> StoreError {
        match self.fs.list(&layout::generation(id)) {
            Ok(_) => tampered_manifest(id, Tampering::Missing),
            Err(_) => StoreError::Missing { generation: id },
        }
    }

    /// The pins: a name for a generation that is not to be removed.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] for a pin that names no generation.
    pub fn pins(&self) -> Result<BTreeMap<String, GenerationId>, StoreError> {
        let mut res = BTreeMap::new();
        for name in self.names(layout::PINS, Kind::File)? {
            let path = layout::pin(&name);
            let Some(bytes) = self.optional(&path, MAX_PIN_BYTES)? else { continue };
            let text = String::from_utf8_lossy(&bytes);
            let id = text.trim_end().parse().map_err(|err| damaged(&path, err))?;
            res.insert(name, id);
        }
        Ok(res)
    }

    /// The rollouts something is kept of, by id.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the directory cannot be read.
    pub fn rollouts(&self) -> Result<Vec<String>, StoreError> {
        let names = self.names(layout::ROLLOUTS, Kind::File)?;
        Ok(names.iter().filter_map(|it| it.strip_suffix(".json")).map(str::to_owned).collect())
    }

    /// What is kept of a rollout; the store does not read it.
    ///
    /// # Errors
    ///
    /// [`StoreError::InvalidName`], or where it cannot be read.
    pub fn read_rollout(&self, id: &str) -> Result<Option<Vec<u8>>, StoreError> {
        check_name(id)?;
        self.optional(&layout::rollout(id), MAX_ROLLOUT_BYTES)
    }

    /// Takes the lock of a rollout's controller; `None` where another holds it.
    ///
    /// # Errors
    ///
    /// [`StoreError::InvalidName`], or where the lock cannot be made.
    pub fn lock_rollout(&self, id: &str) -> Result<Option<Held>, StoreError> {
        check_name(id)?;
        let path = layout::rollout_lock(id);
        self.fs.lock(&path).map_err(|err| StoreError::of("lock", &path, err))
    }

    /// Whether some process has the lock of a rollout's controller. Nothing is written.
    ///
    /// # Errors
    ///
    /// [`StoreError::InvalidName`], or where it cannot be asked.
    pub fn is_driven(&self, id: &str) -> Result<bool, StoreError> {
        check_name(id)?;
        let path = layout::rollout_lock(id);
        let free =
            found(self.fs.lease(&path)).map_err(|err| StoreError::of("lease", &path, err))?;
        // A lock that nobody has made yet nobody holds.
        Ok(free.is_some_and(|it| it.is_none()))
    }

    /// The audit log, for reading.
    pub fn audit(&self) -> audit::Log<'_, F> {
        audit::Log::new(&self.fs)
    }

    /// Makes the directories of a root where they are missing, and everything durable that
    /// a process before may have named without syncing it: what is seen now stays.
    pub(crate) fn lay_out(&self) -> Result<(), StoreError> {
        let owner = self.fs.check_owner(layout::LOCK);
        owner.map_err(|err| StoreError::of("write", layout::LOCK, err))?;
        for dir in layout::DIRECTORIES {
            let made = self.fs.create_dir(dir).or_else(existing);
            made.map_err(|err| StoreError::of("make", dir, err))?;
        }
        layout::SYNCED.iter().try_for_each(|dir| self.sync_dir(dir))
    }

    pub(crate) fn sync_dir(&self, dir: &str) -> Result<(), StoreError> {
        self.fs.sync_dir(dir).map_err(|err| StoreError::of("sync", dir, err))
    }

    /// The names of one kind in a directory; none where it is missing.
    fn names(&self, dir: &str, kind: Kind) -> Result<Vec<String>, StoreError> {
        let listed = found(self.fs.list(dir)).map_err(|err| StoreError::of("list", dir, err))?;
        let listed = listed.unwrap_or_default();
        Ok(listed.into_iter().filter(|it| it.1 == kind).map(|it| it.0).collect())
    }

    /// The bytes of a file that may be missing.
    fn optional(&self, path: &str, max: u64) -> Result<Option<Vec<u8>>, StoreError> {
        found(self.fs.read(path, max)).map_err(|err| match err.kind() {
            io::ErrorKind::FileTooLarge => damaged(path, format!("more than {max} bytes")),
            _ => StoreError::of("read", path, err),
        })
    }
}

/// `None` for what is not there.
pub(crate) fn found<T>(res: io::Result<T>) -> io::Result<Option<T>> {
    match res {
        Ok(it) => Ok(Some(it)),
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(err) => Err(err),
    }
}

fn existing(err: io::Error) -> io::Result<()> {
    if err.kind() == io::ErrorKind::AlreadyExists { Ok(()) } else { Err(err) }
}

pub(crate) fn damaged(path: &str, why: impl ToString) -> StoreError {
    StoreError::Damaged { path: path.to_owned(), why: why.to_string() }
}

fn tampered_manifest(id: GenerationId, what: Tampering) -> StoreError {
    StoreError::Tampered { generation: id, problems: vec![Problem::manifest(what)] }
}

/// What is no plain file in a generation was put there.
fn tampered_if_not_plain(id: GenerationId, err: StoreError) -> StoreError {
    match err {
        StoreError::NotPlain(it) => {
            let problems = vec![Problem { path: it.path, what: Tampering::NotPlain }];
            StoreError::Tampered { generation: id, problems }
        }
        err => err,
    }
}
