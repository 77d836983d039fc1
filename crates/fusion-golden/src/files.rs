//! Files, bounded when read and whole when written.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::suite::SuiteError;

/// What reading a file came to.
pub(crate) enum Content {
    /// Its bytes.
    Bytes(Vec<u8>),
    /// There is no such file.
    Missing,
    /// It is larger than allowed.
    TooLarge,
}

/// Reads at most `max` bytes of `path`.
pub(crate) fn read(path: &Path, max: usize) -> Result<Content, SuiteError> {
    let error = |source| SuiteError::Read { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(Content::Missing),
        Err(err) => return Err(error(err)),
    };
    let mut bytes = Vec::with_capacity(8192);
    file.take(max as u64 + 1).read_to_end(&mut bytes).map_err(error)?;
    if bytes.len() > max { Ok(Content::TooLarge) } else { Ok(Content::Bytes(bytes)) }
}

/// The text of a file that must be there.
pub(crate) fn read_text(path: &Path, max: usize) -> Result<String, SuiteError> {
    let unreadable = |message: String| SuiteError::Unreadable { path: path.to_owned(), message };
    match read(path, max)? {
        Content::Bytes(bytes) => {
            String::from_utf8(bytes).map_err(|_| unreadable("invalid UTF-8".to_owned()))
        }
        Content::Missing => {
            Err(SuiteError::Read { path: path.to_owned(), source: io::ErrorKind::NotFound.into() })
        }
        Content::TooLarge => Err(unreadable(format!("more than the {max} bytes allowed"))),
    }
}

/// Writes `bytes` to `path`: after a crash there is the old file or the new one.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), SuiteError> {
    let error = |source| SuiteError::Write { path: path.to_owned(), source };
    let temporary = temporary(path);
    let written = write_synced(&temporary, bytes).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The old file stands; what is left of the new one is of no use.
        let _ = fs::remove_file(&temporary);
    }
    written.map_err(error)?;
    sync_folder(path).map_err(error)
}

/// Makes the folder of `path`, with all above it.
pub(crate) fn make_folder(folder: &Path) -> Result<(), SuiteError> {
    fs::create_dir_all(folder)
        .map_err(|source| SuiteError::Write { path: folder.to_owned(), source })
}

/// A name beside `path` that no reader takes for a golden or a cassette.
fn temporary(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.tmp"))
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes a rename in the folder of `path` last.
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent().filter(|it| !it.as_os_str().is_empty()) {
        Some(folder) => File::open(folder)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}

/// Writes a file of a folder that nobody uses yet, with the folders above it.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), SuiteError> {
    if let Some(folder) = path.parent() {
        make_folder(folder)?;
    }
    fs::write(path, bytes).map_err(|source| SuiteError::Write { path: path.to_owned(), source })
}

/// Refuses a folder that holds something.
pub(crate) fn require_empty(folder: &Path) -> Result<(), SuiteError> {
    let error = |source| SuiteError::Read { path: folder.to_owned(), source };
    match fs::read_dir(folder) {
        Ok(mut entries) => match entries.next() {
            Some(_) => Err(SuiteError::NotEmpty { path: folder.to_owned() }),
            None => Ok(()),
        },
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(err) => Err(error(err)),
    }
}
