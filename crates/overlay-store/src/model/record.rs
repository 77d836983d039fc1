use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::crash::{Sampling, states};
use super::disk::{Bytes, Disk, Node};
use crate::vfs::{Held, Kind, Vfs};

/// A file system in memory; see the [module](super). Clones are the same file system.
#[derive(Clone, Debug)]
pub struct ModelFs {
    inner: Arc<Mutex<Inner>>,
}

/// Something that was done and changed the file system, or synced it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Operation {
    /// The name of the method.
    pub name: &'static str,
    /// What it was called with, or what it was renamed to.
    pub path: String,
    /// Whether it is a sync that made something durable.
    pub synced: bool,
}

#[derive(Debug)]
struct Inner {
    disk: Disk,
    /// Each operation with the disk before it.
    done: Vec<(Operation, Disk)>,
    /// Which operation is a sync that does nothing.
    omitted: Option<usize>,
    locks: Locks,
}

/// By path: how many leases, or the lock.
type Locks = BTreeMap<String, Taken>;

#[derive(Debug)]
enum Taken {
    Lock,
    Leases(usize),
}

impl Default for ModelFs {
    fn default() -> Self {
        Self::new()
    }
}

impl ModelFs {
    /// An empty root.
    pub fn new() -> Self {
        Self::of(Disk::new())
    }

    fn of(disk: Disk) -> Self {
        let inner = Inner { disk, done: Vec::new(), omitted: None, locks: Locks::new() };
        Self { inner: Arc::new(Mutex::new(inner)) }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was done since this file system was made.
    pub fn operations(&self) -> Vec<Operation> {
        self.inner().done.iter().map(|it| it.0.clone()).collect()
    }

    /// The states that a power failure after the first `after` operations may leave, each
    /// once; none where there were fewer operations.
    pub fn crashes(&self, after: usize, sampling: Sampling) -> Vec<Self> {
        let disk = self.inner().after(after);
        let states = disk.map(|it| states(&it, sampling)).unwrap_or_default();
        states.into_iter().map(Self::of).collect()
    }

    /// The state where the process has died after the first `after` operations and the
    /// system goes on: all is seen, and as durable as it was.
    pub fn killed(&self, after: usize) -> Option<Self> {
        self.inner().after(after).map(Self::of)
    }

    /// The same state, and the operation after the first `at` will do nothing if it is a
    /// sync.
    #[must_use]
    pub fn without_sync(&self, at: usize) -> Self {
        let res = Self::of(self.inner().disk.clone());
        res.inner().omitted = Some(at);
        res
    }

    /// A number for all names and bytes that are seen: equal states have equal ones.
    pub fn fingerprint(&self) -> u64 {
        self.inner().disk.fingerprint()
    }

    /// Does `change` and keeps it, where it succeeds.
    fn change(
        &self,
        name: &'static str,
        path: &str,
        change: impl FnOnce(&mut Disk) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut inner = self.inner();
        let before = inner.disk.clone();
        change(&mut inner.disk)?;
        let operation = Operation { name, path: path.to_owned(), synced: false };
        inner.done.push((operation, before));
        Ok(())
    }

    fn sync(
        &self,
        name: &'static str,
        path: &str,
        sync: impl FnOnce(&mut Disk) -> io::Result<bool>,
    ) -> io::Result<()> {
        let mut inner = self.inner();
        let before = inner.disk.clone();
        let mut synced = sync(&mut inner.disk)?;
        if inner.omitted == Some(inner.done.len()) {
            inner.disk.clone_from(&before);
            synced = false;
        }
        inner.done.push((Operation { name, path: path.to_owned(), synced }, before));
        Ok(())
    }

    fn take(&self, path: &str, lock: bool) -> Option<Held> {
        let mut inner = self.inner();
        match inner.locks.get_mut(path) {
            Some(Taken::Leases(count)) if !lock => *count += 1,
            Some(_) => return None,
            None => {
                let taken = if lock { Taken::Lock } else { Taken::Leases(1) };
                inner.locks.insert(path.to_owned(), taken);
            }
        }
        Some(Held::new(Release { fs: self.clone(), path: path.to_owned() }))
    }
}

impl Inner {
    fn after(&self, operations: usize) -> Option<Disk> {
        match self.done.get(operations) {
            Some((_, before)) => Some(before.clone()),
            None => Some(&self.disk).filter(|_| operations == self.done.len()).cloned(),
        }
    }
}

/// Ends a lock or a lease.
struct Release {
    fs: ModelFs,
    path: String,
}

impl Drop for Release {
    fn drop(&mut self) {
        let mut inner = self.fs.inner();
        match inner.locks.get_mut(&self.path) {
            Some(Taken::Leases(count)) if *count > 1 => *count -= 1,
            _ => drop(inner.locks.remove(&self.path)),
        }
    }
}

fn empty_file() -> Node {
    Node::File { seen: Bytes::new(b""), durable: Bytes::new(b"") }
}

impl Vfs for ModelFs {
    fn read(&self, path: &str, max: u64) -> io::Result<Vec<u8>> {
        let bytes = self.inner().disk.bytes(path)?.to_vec();
        if bytes.len() as u64 > max {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(bytes)
    }

    fn list(&self, dir: &str) -> io::Result<Vec<(String, Kind)>> {
        let inner = self.inner();
        let names = inner.disk.names(inner.disk.find(dir)?)?;
        Ok(names.iter().map(|(name, id)| (name.clone(), inner.disk.kind(*id))).collect())
    }

    fn read_tree(&self, dir: &str, max: u64) -> io::Result<Vec<(String, Vec<u8>)>> {
        let inner = self.inner();
        let dir = inner.disk.find(dir)?;
        inner.disk.names(dir)?;
        let mut files = Vec::new();
        inner.disk.files(dir, "", &mut files);
        if files.iter().map(|it| it.1.len() as u64).sum::<u64>() > max {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        files.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Ok(files)
    }

    fn create_dir(&self, path: &str) -> io::Result<()> {
        let directory = Node::Directory { seen: BTreeMap::new(), durable: BTreeMap::new() };
        self.change("create_dir", path, |disk| disk.make(path, directory).map(|_| ()))
    }

    fn write_new(&self, path: &str, bytes: &[u8], _mode: u32) -> io::Result<()> {
        self.change("write_new", path, |disk| {
            disk.make(path, empty_file())?;
            disk.set_bytes(path, Bytes::new(bytes))
        })
    }

    fn append(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.change("append", path, |disk| {
            if disk.find(path).is_err() {
                disk.make(path, empty_file())?;
            }
            let bytes = [disk.bytes(path)?, bytes].concat();
            disk.set_bytes(path, Bytes::new(&bytes))
        })
    }

    fn truncate(&self, path: &str, len: u64) -> io::Result<()> {
        self.change("truncate", path, |disk| {
            let mut bytes = disk.bytes(path)?.to_vec();
            let len = usize::try_from(len).map_err(|_| io::ErrorKind::FileTooLarge)?;
            bytes.resize(len, 0);
            disk.set_bytes(path, Bytes::new(&bytes))
        })
    }

    fn sync_file(&self, path: &str) -> io::Result<()> {
        self.sync("sync_file", path, |disk| disk.sync_file(path))
    }

    fn sync_dir(&self, path: &str) -> io::Result<()> {
        self.sync("sync_dir", path, |disk| disk.sync_dir(path))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.change("rename", to, |disk| disk.rename(from, to, true))
    }

    fn rename_new(&self, from: &str, to: &str) -> io::Result<()> {
        self.change("rename_new", to, |disk| disk.rename(from, to, false))
    }

    fn remove_file(&self, path: &str) -> io::Result<()> {
        self.change("remove_file", path, |disk| disk.remove(path, Kind::File))
    }

    fn remove_dir(&self, path: &str) -> io::Result<()> {
        self.change("remove_dir", path, |disk| disk.remove(path, Kind::Directory))
    }

    fn lock(&self, path: &str) -> io::Result<Option<Held>> {
        if self.inner().disk.find(path).is_err() {
            self.change("lock", path, |disk| disk.make(path, empty_file()).map(|_| ()))?;
        }
        Ok(self.take(path, true))
    }

    fn lease(&self, path: &str) -> io::Result<Option<Held>> {
        self.inner().disk.find(path)?;
        Ok(self.take(path, false))
    }

    fn lock_present(&self, path: &str) -> io::Result<Option<Held>> {
        self.inner().disk.find(path)?;
        Ok(self.take(path, true))
    }

    /// Nobody relies on a note, so it is kept as if it were durable: what a crash leaves of
    /// it would only multiply the states.
    fn note(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let mut inner = self.inner();
        if inner.disk.find(path).is_err() {
            inner.disk.make(path, empty_file())?;
        }
        inner.disk.set_bytes(path, Bytes::new(bytes))?;
        inner.disk.sync_file(path).map(|_| ())
    }

    fn check_owner(&self, _lock: &str) -> io::Result<()> {
        Ok(())
    }
}
