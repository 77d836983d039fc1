use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::vfs::{Held, Kind, Vfs};

/// How an operation fails.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// With this kind of error, and without effect.
    Error(io::ErrorKind),
    /// As where the disk fails, and after it took effect: what was renamed is renamed, what
    /// was removed is gone. Only a sync has none.
    AfterEffect,
    /// As on a full disk, half of the bytes written; without effect where none are
    /// written.
    ShortWrite,
}

/// A file system where one operation fails, counted from 0; reading counts too.
#[derive(Debug)]
pub struct Faulty<F> {
    inner: F,
    at: usize,
    fault: Fault,
    done: AtomicUsize,
}

impl<F: Vfs> Faulty<F> {
    /// Lets the operation `at` of `inner` fail with `fault`.
    pub fn new(inner: F, at: usize, fault: Fault) -> Self {
        Self { inner, at, fault, done: AtomicUsize::new(0) }
    }

    /// How many operations there were.
    pub fn done(&self) -> usize {
        self.done.load(Ordering::Relaxed)
    }

    /// Does `effect`, or fails in its place.
    fn run<T>(&self, effect: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        if self.done.fetch_add(1, Ordering::Relaxed) != self.at {
            return effect();
        }
        match self.fault {
            Fault::Error(kind) => Err(kind.into()),
            Fault::ShortWrite => Err(io::ErrorKind::StorageFull.into()),
            Fault::AfterEffect => {
                effect()?;
                Err(io::Error::other("input/output error"))
            }
        }
    }

    /// As [`Self::run`], for an effect that may be done by half.
    fn write(&self, bytes: &[u8], effect: impl FnOnce(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let short = self.fault == Fault::ShortWrite && self.done() == self.at;
        if !short {
            return self.run(|| effect(bytes));
        }
        effect(bytes.get(..bytes.len() / 2).unwrap_or_default())?;
        self.run(|| Ok(()))
    }

    /// As [`Self::run`], for a sync: one that fails has no effect.
    fn sync(&self, effect: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let late = self.fault == Fault::AfterEffect && self.done() == self.at;
        self.run(|| if late { Ok(()) } else { effect() })
    }
}

impl<F: Vfs> Vfs for Faulty<F> {
    fn read(&self, path: &str, max: u64) -> io::Result<Vec<u8>> {
        self.run(|| self.inner.read(path, max))
    }

    fn list(&self, dir: &str) -> io::Result<Vec<(String, Kind)>> {
        self.run(|| self.inner.list(dir))
    }

    fn read_tree(&self, dir: &str, max: u64) -> io::Result<Vec<(String, Vec<u8>)>> {
        self.run(|| self.inner.read_tree(dir, max))
    }

    fn create_dir(&self, path: &str) -> io::Result<()> {
        self.run(|| self.inner.create_dir(path))
    }

    fn write_new(&self, path: &str, bytes: &[u8], mode: u32) -> io::Result<()> {
        self.write(bytes, |bytes| self.inner.write_new(path, bytes, mode))
    }

    fn append(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.write(bytes, |bytes| self.inner.append(path, bytes))
    }

    fn truncate(&self, path: &str, len: u64) -> io::Result<()> {
        self.run(|| self.inner.truncate(path, len))
    }

    fn sync_file(&self, path: &str) -> io::Result<()> {
        self.sync(|| self.inner.sync_file(path))
    }

    fn sync_dir(&self, path: &str) -> io::Result<()> {
        self.sync(|| self.inner.sync_dir(path))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.run(|| self.inner.rename(from, to))
    }

    fn rename_new(&self, from: &str, to: &str) -> io::Result<()> {
        self.run(|| self.inner.rename_new(from, to))
    }

    fn remove_file(&self, path: &str) -> io::Result<()> {
        self.run(|| self.inner.remove_file(path))
    }

    fn remove_dir(&self, path: &str) -> io::Result<()> {
        self.run(|| self.inner.remove_dir(path))
    }

    fn lock(&self, path: &str) -> io::Result<Option<Held>> {
        self.run(|| self.inner.lock(path))
    }

    fn lease(&self, path: &str) -> io::Result<Option<Held>> {
        self.run(|| self.inner.lease(path))
    }

    fn lock_present(&self, path: &str) -> io::Result<Option<Held>> {
        self.run(|| self.inner.lock_present(path))
    }

    fn note(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.write(bytes, |bytes| self.inner.note(path, bytes))
    }

    fn check_owner(&self, lock: &str) -> io::Result<()> {
        self.run(|| self.inner.check_owner(lock))
    }
}
