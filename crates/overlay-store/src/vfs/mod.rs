//! What the store asks of a file system.

mod real;

use std::fmt;
use std::io;

use thiserror::Error;

pub use self::real::RealFs;

/// An open lock or lease; it ends when this is dropped or the process dies.
pub struct Held(#[expect(dead_code, reason = "held for its drop")] Box<dyn Send + Sync>);

impl Held {
    /// Keeps `handle` until it is dropped.
    pub fn new(handle: impl Send + Sync + 'static) -> Self {
        Self(Box::new(handle))
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Held")
    }
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// Anything else: a symbolic link, a socket, a device.
    Other,
}

/// A symbolic link, a socket or a device where a file or a directory has to be, or a file
/// where a directory has to be. It travels inside an [`io::Error`].
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{path} is no plain file or directory")]
pub struct NotPlain {
    /// Its path below the root.
    pub path: String,
}

impl From<NotPlain> for io::Error {
    fn from(err: NotPlain) -> Self {
        Self::new(io::ErrorKind::InvalidData, err)
    }
}

/// A directory that another file system is mounted on: a rename cannot cross into it. It
/// travels inside an [`io::Error`].
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{path} is on another file system than its root")]
pub struct OtherFilesystem {
    /// Its path below the root.
    pub path: String,
}

impl From<OtherFilesystem> for io::Error {
    fn from(err: OtherFilesystem) -> Self {
        Self::new(io::ErrorKind::CrossesDevices, err)
    }
}

/// A root of another user's: what one made there the other could not replace. It travels
/// inside an [`io::Error`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the root belongs to user {owner}, and this is user {user}")]
pub struct WrongOwner {
    /// The number of the user it belongs to.
    pub owner: u32,
    /// The number of the user who asks.
    pub user: u32,
}

impl From<WrongOwner> for io::Error {
    fn from(err: WrongOwner) -> Self {
        Self::new(io::ErrorKind::PermissionDenied, err)
    }
}

/// The operations of a file system that durability rests on, each one system call or a
/// plain run of them. Paths are relative to one root and use `/`; none leads outside.
///
/// Nothing is durable before it is synced: the bytes of a file by [`Vfs::sync_file`], a
/// name in a directory by [`Vfs::sync_dir`] of that directory.
pub trait Vfs: Send + Sync {
    /// All bytes of a file of at most `max` bytes; more is `FileTooLarge`.
    ///
    /// # Errors
    ///
    /// As the system gives them.
    fn read(&self, path: &str, max: u64) -> io::Result<Vec<u8>>;

    /// Names and kinds in a directory, sorted by name.
    ///
    /// # Errors
    ///
    /// As the system gives them.
    fn list(&self, dir: &str) -> io::Result<Vec<(String, Kind)>>;

    /// All files below `dir` with their bytes, sorted by path, read through one handle of
    /// `dir`: a rename of `dir` meanwhile changes nothing.
    ///
    /// # Errors
    ///
    /// As the system gives them; `FileTooLarge` where there are more than `max` bytes.
    fn read_tree(&self, dir: &str, max: u64) -> io::Result<Vec<(String, Vec<u8>)>>;

    /// Makes a directory; one that exists is an error.
    ///
    /// # Errors
    ///
    /// As the system gives them.
    fn create_dir(&self, path: &str) -> io::Result<()>;

    /// Makes a file with these bytes; one that exists is an error.
    ///
    /// # Errors
    ///
    /// As the system gives them.
    fn write_new(&self, path: &str, bytes: &[u8], mode: u32) -> io::Result<()>;

    /// Adds bytes to the end of a file, made where it is missing.
    ///
    /// # Errors
    ///
    /// As the system gives them.
    fn append(&self, path: &str, bytes: &[u8]) -> io::Result<()>;

    /// Cuts a file to `len` bytes.
    ///
    /// # Errors
    ///
    /// As the system gives them.
    fn truncate(&self, path: &str, len: u64) -> io::Result<()>;

    /// Makes the bytes of a file durable.
    ///
    /// # Errors
    ///
    /// As the system gives them. After one the file is not trusted any more: the sync is
    /// not tried again.
    fn sync_file(&self, path: &str) -> io::Result<()>;

    /// Makes the names in a directory durable.
    ///
    /// # Errors
    ///
    /// As for [`Self::sync_file`].
    fn sync_dir(&self, path: &str) -> io::Result<()>;

    /// Renames, replacing what is there.
    ///
    /// # Errors
    ///
    /// As the system gives them.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Renames; a target that exists is an error.
    ///
    /// # Errors
    ///
    /// As the system gives them.
    fn rename_new(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    ///
    /// As the system gives them.
    fn remove_file(&self, path: &str) -> io::Result<()>;

    /// Removes an empty directory.
    ///
    /// # Errors
    ///
    /// As the system gives them.
    fn remove_dir(&self, path: &str) -> io::Result<()>;

    /// Takes the lock on a file for one writer, the file made where it is missing; `None`
    /// where another holds it.
    ///
    /// # Errors
    ///
    /// As the system gives them.
    fn lock(&self, path: &str) -> io::Result<Option<Held>>;

    /// Takes a lease on a file that exists, beside other leases; `None` where a writer
    /// holds it. Needs no right to write.
    ///
    /// # Errors
    ///
    /// As the system gives them.
    fn lease(&self, path: &str) -> io::Result<Option<Held>>;

    /// Takes the lock on a file that exists, as [`Self::lock`] does; `None` where another
    /// holds it or a lease on it. Needs no right to write.
    ///
    /// # Errors
    ///
    /// As the system gives them.
    fn lock_present(&self, path: &str) -> io::Result<Option<Held>>;

    /// Replaces the bytes of a file in place, made where it is missing: a note for people,
    /// of which nothing is durable and which a reader may see half written.
    ///
    /// # Errors
    ///
    /// As the system gives them.
    fn note(&self, path: &str, bytes: &[u8]) -> io::Result<()>;

    /// Whether this user may write to the root whose lock file is `lock`, asked before
    /// anything is written.
    ///
    /// # Errors
    ///
    /// [`WrongOwner`] where the root belongs to another user, else as the system gives
    /// them.
    fn check_owner(&self, lock: &str) -> io::Result<()>;
}
