use crate::audit::{self, Entry, Head, Record};
use crate::error::{StoreError, WriteError, check_name};
use crate::holder::{Holder, LockError};
use crate::layout;
use crate::pointer::{GenerationId, Pointer};
use crate::recovery::{Recovered, Recovery, recover};
use crate::store::{Store, found};
use crate::vfs::{Held, Vfs};

/// How long a holder's note may be.
const MAX_HOLDER_BYTES: u64 = 4096;

/// The one who changes a root, as long as it holds the lock.
///
/// After a sync, a rename or an append to the audit log has failed it writes no more
/// ([`WriteError::Spent`]): what the system still has in memory may never reach the disk,
/// and asking it again gives a wrong answer.
#[derive(Debug)]
pub struct Writer<'a, F: Vfs> {
    pub(crate) store: &'a Store<F>,
    #[expect(dead_code, reason = "held for its drop")]
    lock: Held,
    pub(crate) pointer: Option<Pointer>,
    pub(crate) head: Head,
    recovery: Recovery,
    spent: bool,
    temporaries: u64,
}

impl<F: Vfs> Store<F> {
    /// Takes the lock of the root, and puts in order what an interrupted writer left. The
    /// lock ends with the writer, or with its process.
    ///
    /// # Errors
    ///
    /// [`LockError::Busy`] where another holds it, without waiting.
    pub fn lock(&self, holder: &Holder) -> Result<Writer<'_, F>, LockError> {
        let lock = self.take(holder)?;
        let recovered = recover(self, holder)?;
        Ok(self.writer(lock, recovered))
    }

    pub(crate) fn writer(&self, lock: Held, recovered: Recovered) -> Writer<'_, F> {
        let Recovered { pointer, head, recovery } = recovered;
        Writer { store: self, lock, pointer, head, recovery, spent: false, temporaries: 0 }
    }

    /// The lock itself.
    pub(crate) fn take(&self, holder: &Holder) -> Result<Held, LockError> {
        let failed = |err| StoreError::of("lock", layout::LOCK, err);
        self.fs.check_owner(layout::LOCK).map_err(failed)?;
        let Some(lock) = self.fs.lock(layout::LOCK).map_err(failed)? else {
            return Err(LockError::Busy(self.holder().unwrap_or_else(Holder::unknown)));
        };
        let note = serde_json::to_vec(holder).map_err(|err| failed(err.into()))?;
        self.fs
            .note(layout::LOCK, &note)
            .map_err(|err| StoreError::of("write", layout::LOCK, err))?;
        Ok(lock)
    }

    /// Who holds the lock or held it last, as far as it can be read.
    pub fn holder(&self) -> Option<Holder> {
        let bytes = self.fs.read(layout::LOCK, MAX_HOLDER_BYTES).ok()?;
        serde_json::from_slice(&bytes).ok()
    }
}

impl<F: Vfs> Writer<'_, F> {
    /// What the start found and put in order.
    pub fn recovered(&self) -> &Recovery {
        &self.recovery
    }

    /// The root, for reading.
    pub fn store(&self) -> &Store<F> {
        self.store
    }

    /// What is live.
    pub fn current(&self) -> Option<&Pointer> {
        self.pointer.as_ref()
    }

    /// The end of the audit log.
    pub fn head(&self) -> Head {
        self.head
    }

    /// Adds a record to the audit log, durably. Actions that end with `_intent`,
    /// `_committed` or `_abandoned` are those of [`Self::switch`].
    ///
    /// # Errors
    ///
    /// [`WriteError`]; the writer is spent then.
    pub fn append(&mut self, entry: Entry) -> Result<Record, WriteError> {
        self.check_usable()?;
        Ok(self.record(entry)?)
    }

    /// Keeps something for a rollout, in place of what was kept before.
    ///
    /// # Errors
    ///
    /// [`WriteError`]; what was kept before is there then, or `bytes`, whole.
    pub fn write_rollout(&mut self, id: &str, bytes: &[u8]) -> Result<(), WriteError> {
        check_name(id)?;
        self.replace(layout::ROLLOUTS, &layout::rollout(id), bytes)
    }

    /// Gives a generation a name that keeps it from being removed; a name that is taken
    /// moves.
    ///
    /// # Errors
    ///
    /// [`WriteError`]; [`StoreError::Missing`] where there is no such generation.
    pub fn pin(&mut self, name: &str, generation: GenerationId) -> Result<(), WriteError> {
        check_name(name)?;
        self.store.manifest(generation)?;
        self.replace(layout::PINS, &layout::pin(name), format!("{generation}\n").as_bytes())
    }

    /// Takes a name away; `false` where it was not there.
    ///
    /// # Errors
    ///
    /// [`WriteError`].
    pub fn unpin(&mut self, name: &str) -> Result<bool, WriteError> {
        self.check_usable()?;
        check_name(name)?;
        let path = layout::pin(name);
        let removed = found(self.store.fs.remove_file(&path));
        if removed.map_err(|err| StoreError::of("remove", &path, err))?.is_none() {
            return Ok(false);
        }
        self.sync_dir(layout::PINS)?;
        Ok(true)
    }

    pub(crate) fn check_usable(&self) -> Result<(), WriteError> {
        if self.spent { Err(WriteError::Spent) } else { Ok(()) }
    }

    pub(crate) fn spend(&mut self) {
        self.spent = true;
    }

    pub(crate) fn record(&mut self, entry: Entry) -> Result<Record, StoreError> {
        let res = audit::append(&self.store.fs, self.head, entry);
        self.spent |= res.is_err();
        let (record, head) = res.map_err(|err| StoreError::of("append to", "audit", err))?;
        self.head = head;
        Ok(record)
    }

    /// A path in `tmp/` that nothing has yet.
    pub(crate) fn temporary(&mut self) -> String {
        self.temporaries += 1;
        format!("{}/{}", layout::TMP, self.temporaries)
    }

    /// Replaces a file of `dir` by one with these bytes, durably.
    fn replace(&mut self, dir: &str, path: &str, bytes: &[u8]) -> Result<(), WriteError> {
        self.check_usable()?;
        let from = self.prepare(bytes)?;
        self.rename(&from, path)?;
        Ok(self.sync_dir(dir)?)
    }

    /// Writes a file that is still to be renamed.
    pub(crate) fn prepare(&mut self, bytes: &[u8]) -> Result<String, StoreError> {
        let path = self.temporary();
        self.write_new(&path, bytes, 0o644)?;
        self.sync_file(&path)?;
        Ok(path)
    }

    pub(crate) fn write_new(&self, path: &str, bytes: &[u8], mode: u32) -> Result<(), StoreError> {
        let res = self.store.fs.write_new(path, bytes, mode);
        res.map_err(|err| StoreError::of("write", path, err))
    }

    pub(crate) fn rename(&mut self, from: &str, to: &str) -> Result<(), StoreError> {
        let res = self.store.fs.rename(from, to);
        self.spent |= res.is_err();
        res.map_err(|err| StoreError::of("replace", to, err))
    }

    pub(crate) fn rename_new(&mut self, from: &str, to: &str) -> Result<(), StoreError> {
        let res = self.store.fs.rename_new(from, to);
        self.spent |= res.is_err();
        res.map_err(|err| StoreError::of("make", to, err))
    }

    pub(crate) fn sync_file(&mut self, path: &str) -> Result<(), StoreError> {
        let res = self.store.fs.sync_file(path);
        self.spent |= res.is_err();
        res.map_err(|err| StoreError::of("sync", path, err))
    }

    pub(crate) fn sync_dir(&mut self, path: &str) -> Result<(), StoreError> {
        let res = self.store.sync_dir(path);
        self.spent |= res.is_err();
        res
    }
}
