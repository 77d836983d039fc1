//! Looking at a database without leaving a trace beside it.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf, absolute};
use std::time::SystemTime;

use rusqlite::OpenFlags;

use crate::database::Database;
use crate::error::SqliteError;
use crate::performance::Performance;

impl Performance {
    /// Asks the file something without writing anything: no file beside it is made, so that
    /// it can be on a disk that is mounted read-only. Where somebody writes to it, `read`
    /// may run twice.
    ///
    /// Of a writer that was killed a log is left beside the file; what stands there cannot
    /// be read without its index, which SQLite makes where it is missing.
    ///
    /// # Errors
    ///
    /// What `read` gives, and as for [`Self::open_read_only`].
    pub fn look<T>(
        path: &Path,
        read: impl Fn(&Self) -> Result<T, SqliteError>,
    ) -> Result<T, SqliteError> {
        look(path, |database| read(&Self { database }))
    }
}

/// [`Performance::look`], for either database.
pub(crate) fn look<T>(
    path: &Path,
    read: impl Fn(Database) -> Result<T, SqliteError>,
) -> Result<T, SqliteError> {
    if let Some(before) = Rest::of(path) {
        let found = immutable(path).and_then(&read);
        // What somebody has begun to write meanwhile may have been read by halves.
        if Rest::of(path) == Some(before) {
            return found;
        }
    }
    read(Database::open_read_only(path)?)
}

/// A file that nobody has open for writing: by what is seen of it, it is the same later.
#[derive(Eq, PartialEq)]
struct Rest {
    bytes: u64,
    modified: SystemTime,
}

impl Rest {
    /// `None` where a log with something in it stands beside the file, or it is none.
    fn of(path: &Path) -> Option<Self> {
        let is_there = |end| beside(path, end).exists();
        // A log is empty, and has no index, where whoever had it open is gone.
        let is_left = || fs::metadata(beside(path, "-wal")).is_ok_and(|it| it.len() == 0);
        let has_log = is_there("-wal") && (is_there("-shm") || !is_left());
        let rests = !has_log && !is_there("-journal");
        let meta = fs::metadata(path).ok().filter(|it| rests && it.is_file())?;
        Some(Self { bytes: meta.len(), modified: meta.modified().ok()? })
    }
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    name.into()
}

/// Opens a file that rests; SQLite then neither locks it nor makes files beside it.
fn immutable(path: &Path) -> Result<Database, SqliteError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let whole = absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut uri = "file:".to_owned();
    for byte in whole.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'_' | b'-' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                uri.push(char::from(*byte));
            }
            // Writing to a string cannot fail.
            _ => drop(write!(uri, "%{byte:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    Database::connect(path, Path::new(&uri), flags)
}
