//! Files, bounded when read and whole when written.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::suite::SuiteError;

/// What opening a file came to.
pub(crate) enum Opened {
    /// The file, with its size.
    File(File, u64),
    /// There is no such file.
    Missing,
    /// It is larger than allowed.
    TooLarge,
}

/// What reading a file came to.
pub(crate) enum Content {
    /// Its bytes.
    Bytes(Vec<u8>),
    /// There is no such file.
    Missing,
    /// It is larger than allowed.
    TooLarge,
}

/// Opens `path`, which is a regular file of at most `max` bytes.
pub(crate) fn open(path: &Path, max: usize) -> Result<Opened, SuiteError> {
    let error = |source| SuiteError::Read { path: path.to_owned(), source };
    // Opening a pipe waits for whoever writes to it, so its kind is asked for first.
    let size = match fs::metadata(path) {
        Ok(meta) if meta.is_file() => meta.len(),
        Ok(_) => return Err(error(io::Error::other("no regular file"))),
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(Opened::Missing),
        Err(err) => return Err(error(err)),
    };
    if size > max as u64 {
        return Ok(Opened::TooLarge);
    }
    File::open(path).map(|file| Opened::File(file, size)).map_err(error)
}

/// Reads at most `max` bytes of `path`.
pub(crate) fn read(path: &Path, max: usize) -> Result<Content, SuiteError> {
    let (file, size) = match open(path, max)? {
        Opened::File(file, size) => (file, size),
        Opened::Missing => return Ok(Content::Missing),
        Opened::TooLarge => return Ok(Content::TooLarge),
    };
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(max).min(max) + 1);
    let read = file.take(max as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|source| SuiteError::Read { path: path.to_owned(), source })?;
    if bytes.len() > max { Ok(Content::TooLarge) } else { Ok(Content::Bytes(bytes)) }
}

/// The text of a file that must be there.
pub(crate) fn read_text(path: &Path, max: usize) -> Result<String, SuiteError> {
    match read(path, max)? {
        Content::Bytes(bytes) => {
            String::from_utf8(bytes).map_err(|_| SuiteError::broken(path, "invalid UTF-8"))
        }
        Content::Missing => {
            let source = io::Error::new(io::ErrorKind::NotFound, "no such file");
            Err(SuiteError::Read { path: path.to_owned(), source })
        }
        Content::TooLarge => {
            Err(SuiteError::broken(path, format!("more than the {max} bytes allowed")))
        }
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

/// A folder in the making. It stands where it belongs only when it is whole; until then it
/// is a hidden folder nearby, of which nothing is left where the work ends early.
pub(crate) struct Draft {
    at: PathBuf,
    into: PathBuf,
    /// Whether `into` is there already, and empty: then the draft is inside of it.
    is_inside: bool,
    is_done: bool,
}

/// How many names are tried for a draft, where others were left behind.
const DRAFTS: usize = 100;

impl Draft {
    /// A draft of the folder `into`, which must be empty or not there.
    pub(crate) fn of(into: &Path) -> Result<Self, SuiteError> {
        let is_inside = require_empty(into)?;
        let parent = into.parent().filter(|it| !it.as_os_str().is_empty());
        let folder = if is_inside { into } else { parent.unwrap_or_else(|| Path::new(".")) };
        make_folder(folder)?;
        let name = into.file_name().unwrap_or_default().to_string_lossy();
        let mut number = 0;
        loop {
            let at = folder.join(format!(".{name}.import-{number}"));
            number += 1;
            match fs::create_dir(&at) {
                Ok(()) => {
                    let into = into.to_owned();
                    return Ok(Self { at, into, is_inside, is_done: false });
                }
                Err(err) if err.kind() == io::ErrorKind::AlreadyExists && number < DRAFTS => (),
                Err(source) => return Err(SuiteError::Write { path: at, source }),
            }
        }
    }

    /// Where it is made.
    pub(crate) fn dir(&self) -> &Path {
        &self.at
    }

    /// Writes a file of it.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<(), SuiteError> {
        write_new(&self.at.join(name), text.as_bytes())
    }

    /// Puts it where it belongs.
    pub(crate) fn finish(mut self) -> Result<(), SuiteError> {
        let moved = if self.is_inside { self.move_up() } else { fs::rename(&self.at, &self.into) };
        moved.map_err(|source| SuiteError::Write { path: self.into.clone(), source })?;
        self.is_done = true;
        Ok(())
    }

    fn move_up(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.at)? {
            let entry = entry?;
            fs::rename(entry.path(), self.into.join(entry.file_name()))?;
        }
        fs::remove_dir(&self.at)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_done {
            // What cannot be removed is hidden, and in nobody's way.
            let _ = fs::remove_dir_all(&self.at);
        }
    }
}

/// Refuses a folder that holds something; says whether there is one.
fn require_empty(folder: &Path) -> Result<bool, SuiteError> {
    let error = |source| SuiteError::Read { path: folder.to_owned(), source };
    match fs::read_dir(folder) {
        Ok(mut entries) => match entries.next() {
            Some(_) => Err(SuiteError::NotEmpty { path: folder.to_owned() }),
            None => Ok(true),
        },
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(err) => Err(error(err)),
    }
}
