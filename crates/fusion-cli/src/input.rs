use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::exit::{Exit, refusal};

/// The most bytes that are read of an input that has no smaller limit of its own.
const MAX_INPUT: usize = 64 << 20;

/// An input as it was named, with its bytes.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    /// The path as it was given; `<stdin>` for standard input.
    pub(crate) name: String,
    /// The content.
    pub(crate) bytes: Vec<u8>,
}

impl Input {
    /// The content as text.
    ///
    /// # Errors
    ///
    /// Where it is no UTF-8.
    pub(crate) fn text(&self) -> anyhow::Result<&str> {
        std::str::from_utf8(&self.bytes).map_err(|err| {
            let at = err.valid_up_to();
            refusal(Exit::UNREADABLE, format!("{}: invalid UTF-8 at byte {at}", self.name))
        })
    }
}

/// Why an input was not read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Unread {
    /// It is larger than allowed: its size, as far as it was read.
    TooLarge(usize),
    /// It cannot be read.
    Failed(String),
}

/// How `path` is named in messages.
pub(crate) fn name_of(path: &Path) -> String {
    if is_stdin(path) { "<stdin>".to_owned() } else { path.display().to_string() }
}

/// Whether `path` means standard input.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Reads a file, or standard input for `-`. A file of more than `limit` bytes is refused
/// before a byte of it is read.
///
/// # Errors
///
/// Where it is too large, missing, or cannot be read.
pub(crate) fn try_read(path: &Path, limit: usize) -> Result<Input, Unread> {
    let name = name_of(path);
    let bytes = if is_stdin(path) {
        bounded(io::stdin().lock(), limit)?
    } else {
        let failed = |err: io::Error| Unread::Failed(reason(&err));
        // A named pipe would be waited for before it is opened; `<(command)` is open already.
        let meta = fs::metadata(path).map_err(failed)?;
        if meta.is_dir() {
            return Err(Unread::Failed("is a folder".to_owned()));
        }
        if !meta.is_file() && !path.starts_with("/dev/fd") {
            let why = "is no regular file; `-` reads standard input";
            return Err(Unread::Failed(why.to_owned()));
        }
        let file = File::open(path).map_err(failed)?;
        let len = usize::try_from(meta.len()).unwrap_or(usize::MAX);
        if len > limit {
            return Err(Unread::TooLarge(len));
        }
        bounded(file, limit)?
    };
    Ok(Input { name, bytes })
}

fn bounded(from: impl Read, limit: usize) -> Result<Vec<u8>, Unread> {
    let mut bytes = Vec::new();
    let mut from = from.take(limit as u64 + 1);
    from.read_to_end(&mut bytes).map_err(|err| Unread::Failed(reason(&err)))?;
    if bytes.len() > limit { Err(Unread::TooLarge(bytes.len())) } else { Ok(bytes) }
}

/// The reason without the number that the system adds.
fn reason(err: &io::Error) -> String {
    match err.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => err.to_string(),
    }
}

/// [`try_read`], for inputs that a command cannot go on without.
///
/// # Errors
///
/// As [`try_read`], with the exit code `UNREADABLE`.
pub(crate) fn read(path: &Path) -> anyhow::Result<Input> {
    try_read(path, MAX_INPUT).map_err(|err| match err {
        Unread::TooLarge(len) => {
            let name = name_of(path);
            let message = format!("{name}: {len} bytes are more than the {MAX_INPUT} allowed");
            refusal(Exit::UNREADABLE, message)
        }
        Unread::Failed(why) => refusal(Exit::UNREADABLE, format!("{}: {why}", name_of(path))),
    })
}

/// The files that `paths` mean: a file is itself, of a folder the files below it that
/// `wanted` takes, sorted by path.
///
/// # Errors
///
/// Where a folder cannot be read.
pub(crate) fn expand(
    paths: &[PathBuf],
    wanted: &dyn Fn(&Path) -> bool,
) -> anyhow::Result<Vec<PathBuf>> {
    let mut res = Vec::new();
    for path in paths {
        if !is_stdin(path) && path.is_dir() {
            let mut found = Vec::new();
            below(path, wanted, &mut found)?;
            found.sort();
            res.extend(found);
        } else {
            res.push(path.clone());
        }
    }
    Ok(res)
}

fn below(
    dir: &Path,
    wanted: &dyn Fn(&Path) -> bool,
    found: &mut Vec<PathBuf>,
) -> anyhow::Result<()> {
    let failed =
        |err: io::Error| refusal(Exit::UNREADABLE, format!("{}: {}", dir.display(), reason(&err)));
    for entry in fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        // A link to a folder may lead back up; it is not followed.
        match entry.file_type().map_err(failed)? {
            kind if kind.is_dir() => below(&path, wanted, found)?,
            _ if wanted(&path) => found.push(path),
            _ => (),
        }
    }
    Ok(())
}
