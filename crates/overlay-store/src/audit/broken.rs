use std::io;

use overlay_model::Digest;
use serde::Serialize;
use thiserror::Error;

/// The first record that does not fit, and where it stands.
#[derive(Clone, Debug, Eq, Error, PartialEq, Serialize)]
#[error("audit record {seq} ({file}:{line}): {what}")]
pub struct Broken {
    /// The number of the record, or the number that should stand there.
    pub seq: u64,
    /// The file, relative to the root.
    pub file: String,
    /// The line in the file, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub what: Damage,
}

/// What can be wrong with a record.
#[derive(Clone, Debug, Eq, Error, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Damage {
    /// The line is no record.
    #[error("the line is no record: {0}")]
    NotARecord(String),
    /// The line is a record, but not the one the next record was written after.
    #[error("its content is not what the next record holds the hash of")]
    Altered,
    /// The record does not hold the hash of the one before.
    #[error("it does not hold the hash of the record before")]
    Unlinked,
    /// Another record stands there: one was dropped, moved or repeated.
    #[error("record {found} stands in its place")]
    OutOfPlace {
        /// The number of the record that stands there.
        found: u64,
    },
    /// The log ends before it.
    #[error("the log ends before it, and should go on to record {until}")]
    Missing {
        /// The number of the record up to which the log has to go.
        until: u64,
    },
    /// `HEAD`, the pointer or a checkpoint knows the record by another hash.
    #[error("its hash should be {expected}")]
    Unexpected {
        /// The hash that was recorded elsewhere.
        expected: Digest,
    },
    /// It goes on from the last record, and is not in `audit/HEAD`, where a writer writes it
    /// first.
    #[error("the log ends before it: no writer added it")]
    Foreign,
    /// `audit/HEAD` cannot be read, or is gone while there are records.
    #[error("the end of the log is not recorded, or cannot be read")]
    NoHead,
}

/// Why the log cannot be read or trusted.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AuditError {
    /// Somebody changed the log.
    #[error("the audit log was tampered with")]
    Broken(#[from] Broken),
    /// The log cannot be read or repaired.
    #[error("cannot use {path}")]
    Io {
        /// The file, relative to the root.
        path: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl AuditError {
    /// The first broken record, where that is the reason.
    pub fn broken(&self) -> Option<&Broken> {
        match self {
            Self::Broken(it) => Some(it),
            Self::Io { .. } => None,
        }
    }
}

/// Names the file in an error of the system.
pub(super) fn at(path: &str) -> impl FnOnce(io::Error) -> AuditError {
    let path = path.to_owned();
    move |source| AuditError::Io { path, source }
}
