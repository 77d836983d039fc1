use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::audit::{AuditError, Broken};
use crate::layout;
use crate::pointer::{GenerationId, InvalidPointer};
use crate::tampering::{Problem, list};
use crate::vfs::{NotPlain, OtherFilesystem, WrongOwner};

/// Why a deployment root could not be read, or not be changed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The root is no directory that can be opened.
    #[error("{} is no directory that can be opened", path.display())]
    NoRoot {
        /// The path as given.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// An operation on a file failed.
    #[error("cannot {op} {path}")]
    Io {
        /// What was tried, a verb.
        op: &'static str,
        /// On what: a path below the root, or the root itself.
        path: String,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The file system has no room left, or the user's share of it is used up.
    #[error("no room on the disk to {op} {path}")]
    FullDisk {
        /// What was tried, a verb.
        op: &'static str,
        /// On what: a path below the root, or the root itself.
        path: String,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The root is on a file system that cannot be written to.
    #[error("the root is read-only: cannot {op} {path}")]
    ReadOnly {
        /// What was tried, a verb.
        op: &'static str,
        /// On what: a path below the root, or the root itself.
        path: String,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// This user may not do that.
    #[error("no permission to {op} {path}")]
    Denied {
        /// What was tried, a verb.
        op: &'static str,
        /// On what: a path below the root, or the root itself.
        path: String,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The root belongs to another user.
    #[error(transparent)]
    WrongOwner(WrongOwner),
    /// Something else is mounted inside the root.
    #[error(transparent)]
    OtherFilesystem(OtherFilesystem),
    /// A symbolic link, a socket or a device inside the root.
    #[error(transparent)]
    NotPlain(NotPlain),
    /// A file that only the store writes has bytes that it never wrote.
    #[error("{path} is damaged: {why}")]
    Damaged {
        /// Which file, below the root.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// There is no such generation.
    #[error("there is no generation {generation}")]
    Missing {
        /// Its number.
        generation: GenerationId,
    },
    /// A generation does not have the files it was published with.
    #[error("generation {generation} was tampered with: {}", list(problems))]
    Tampered {
        /// Its number.
        generation: GenerationId,
        /// What is wrong, sorted by path; at least one.
        problems: Vec<Problem>,
    },
    /// The audit log was tampered with.
    #[error(transparent)]
    Audit(Broken),
    /// A name that cannot be one of a pin or a rollout.
    #[error("`{}` is no name: expected 1 to 64 of a-z, A-Z, 0-9, `.`, `_` and `-`, the first a letter or digit", name.escape_debug())]
    InvalidName {
        /// The name as given.
        name: String,
    },
}

impl StoreError {
    /// The error for `op` on `path`: the kinds that a person deals with differently have
    /// variants of their own.
    pub(crate) fn of(op: &'static str, path: &str, source: io::Error) -> Self {
        let inner = source.get_ref();
        if let Some(it) = inner.and_then(|it| it.downcast_ref::<WrongOwner>()) {
            return Self::WrongOwner(*it);
        }
        if let Some(it) = inner.and_then(|it| it.downcast_ref::<OtherFilesystem>()) {
            return Self::OtherFilesystem(it.clone());
        }
        if let Some(it) = inner.and_then(|it| it.downcast_ref::<NotPlain>()) {
            return Self::NotPlain(it.clone());
        }
        let path = if path == layout::ROOT { "the root" } else { path }.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::FullDisk { op, path, source }
            }
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { op, path, source },
            io::ErrorKind::PermissionDenied => Self::Denied { op, path, source },
            io::ErrorKind::CrossesDevices => Self::OtherFilesystem(OtherFilesystem { path }),
            _ => Self::Io { op, path, source },
        }
    }
}

impl From<AuditError> for StoreError {
    fn from(err: AuditError) -> Self {
        match err {
            AuditError::Io { path, source } => Self::of("use", &path, source),
            AuditError::Broken(broken) => Self::Audit(broken),
        }
    }
}

/// Why a change of a root did not take place, or may not have.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The pointer is not the one the change was made for; nothing changed.
    #[error("the root is at epoch {found}, the change was made for {expected}")]
    BaseMoved {
        /// The epoch the change was made for.
        expected: u64,
        /// The epoch the root is at, 0 where nothing is deployed.
        found: u64,
    },
    /// The pointer may be the old or the new one: the next writer settles which, and every
    /// reader sees one of the two.
    #[error("it is not known whether the change took place")]
    OutcomeUnknown {
        /// What failed.
        #[source]
        cause: StoreError,
    },
    /// An operation on a file failed; what is live did not change.
    #[error("cannot {op} {path}")]
    Io {
        /// What was tried, a verb.
        op: &'static str,
        /// On what: a path below the root, or the root itself.
        path: String,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// A generation that was to become live does not have the files it was published with.
    #[error("generation {generation} was tampered with: {}", list(problems))]
    Tampered {
        /// Its number.
        generation: GenerationId,
        /// What is wrong, sorted by path; at least one.
        problems: Vec<Problem>,
    },
    /// The pointer cannot say that.
    #[error(transparent)]
    InvalidPointer(#[from] InvalidPointer),
    /// A sync or a rename of this writer failed before; what it wrote since cannot be
    /// trusted, so it writes no more. A new writer puts the root in order.
    #[error("this writer failed before and writes no more")]
    Spent,
    /// Any other reason; what is live did not change.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for WriteError {
    fn from(err: StoreError) -> Self {
        match err {
            StoreError::Io { op, path, source } => Self::Io { op, path, source },
            StoreError::Tampered { generation, problems } => {
                Self::Tampered { generation, problems }
            }
            err => Self::Store(err),
        }
    }
}

/// Whether `name` may name a pin or a rollout: it becomes the name of a file.
pub(crate) fn check_name(name: &str) -> Result<(), StoreError> {
    let first = name.starts_with(|it: char| it.is_ascii_alphanumeric());
    let plain = |it: u8| it.is_ascii_alphanumeric() || b"._-".contains(&it);
    if first && name.len() <= 64 && name.bytes().all(plain) {
        return Ok(());
    }
    Err(StoreError::InvalidName { name: name.to_owned() })
}
