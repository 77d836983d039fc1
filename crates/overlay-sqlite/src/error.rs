use std::io;
use std::path::{Path, PathBuf};

use overlay_store::audit::AuditError;
use rusqlite::ErrorCode;
use rusqlite::ffi::{SQLITE_IOERR_SHMSIZE, SQLITE_IOERR_SHORT_READ};
use thiserror::Error;

/// Why a database cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SqliteError {
    /// The file cannot be opened, read or written: it or its directory is missing, belongs
    /// to somebody else, or the disk fails.
    #[error("{}: the database cannot be reached: {reason}", path.display())]
    Unreachable {
        /// The file.
        path: PathBuf,
        /// As SQLite says it.
        reason: String,
    },
    /// The file is no database, or a damaged one.
    #[error("{}: the database is damaged: {reason}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// As SQLite says it.
        reason: String,
    },
    /// Somebody else wrote for longer than the time to wait.
    #[error("{}: the database is locked by another writer", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// There is no room for another row.
    #[error("{}: the disk is full", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// A newer program has been here.
    #[error("{}: migration {migration} is not known to this program, use the newer one", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The migration, as `V2__name`.
        migration: String,
    },
    /// A migration was applied from other text than this program has.
    #[error("{}: migration {migration} was applied from another text", path.display())]
    ChangedMigration {
        /// The file.
        path: PathBuf,
        /// The migration, as `V1__name`.
        migration: String,
    },
    /// A later migration was applied without this one.
    #[error("{}: migration {migration} was skipped", path.display())]
    SkippedMigration {
        /// The file.
        path: PathBuf,
        /// The migration, as `V1__name`.
        migration: String,
    },
    /// The index holds another history than the log; see [`crate::AuditIndex::rebuild`].
    #[error("{}: audit record {seq} does not continue what is indexed", path.display())]
    Diverged {
        /// The file.
        path: PathBuf,
        /// The number of the record.
        seq: u64,
    },
    /// The database does not take the statement: a table is missing or a row is refused.
    #[error("{}: {reason}", path.display())]
    Statement {
        /// The file.
        path: PathBuf,
        /// As SQLite says it.
        reason: String,
    },
    /// The audit log cannot be read.
    #[error("the audit log cannot be indexed")]
    Log(#[from] AuditError),
    /// A record cannot be written as a line, or a damaged file not be put aside.
    #[error("cannot go on with the index")]
    Io(#[from] io::Error),
}

/// Names the file in an error of SQLite.
pub(crate) fn at(path: &Path) -> impl Fn(rusqlite::Error) -> SqliteError {
    let path = path.to_owned();
    move |err| of_sqlite(&path, &err)
}

fn of_sqlite(path: &Path, err: &rusqlite::Error) -> SqliteError {
    let reason = match err {
        // Without the statement, which may be a whole migration.
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    };
    let path = path.to_owned();
    let code = err.sqlite_error();
    match code.map(|it| it.code) {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => SqliteError::Busy { path },
        Some(ErrorCode::DiskFull) => SqliteError::Full { path },
        // The file that readers and writers share could not be made larger.
        Some(ErrorCode::SystemIoFailure)
            if code.is_some_and(|it| it.extended_code == SQLITE_IOERR_SHMSIZE) =>
        {
            SqliteError::Full { path }
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            SqliteError::Corrupt { path, reason }
        }
        Some(ErrorCode::SystemIoFailure)
            if code.is_some_and(|it| it.extended_code == SQLITE_IOERR_SHORT_READ) =>
        {
            SqliteError::Corrupt { path, reason }
        }
        Some(
            ErrorCode::CannotOpen
            | ErrorCode::PermissionDenied
            | ErrorCode::ReadOnly
            | ErrorCode::SystemIoFailure,
        ) => SqliteError::Unreachable { path, reason },
        _ => SqliteError::Statement { path, reason },
    }
}

/// Names the file in an error of a migration.
pub(crate) fn of_migration(path: &Path, known: &[String], err: &refinery::Error) -> SqliteError {
    let file = path.to_owned();
    match err.kind() {
        refinery::error::Kind::DivergentVersion(applied, _) => {
            SqliteError::ChangedMigration { path: file, migration: applied.to_string() }
        }
        refinery::error::Kind::MissingVersion(it) if known.contains(&it.to_string()) => {
            SqliteError::SkippedMigration { path: file, migration: it.to_string() }
        }
        refinery::error::Kind::MissingVersion(it) => {
            SqliteError::Newer { path: file, migration: it.to_string() }
        }
        refinery::error::Kind::Connection(_, source) => match source.downcast_ref() {
            Some(err) => of_sqlite(path, err),
            None => SqliteError::Statement { path: file, reason: source.to_string() },
        },
        other => SqliteError::Statement { path: file, reason: other.to_string() },
    }
}
