//! The file that `RESON_FEATURES_FILE` names: read as a service reads it, emptied and put back.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use fusion_flags::Switches;

use crate::input::{self, Unread, name_of};
use crate::replace::replace;

/// The most bytes that are read of the switch file.
const MAX_BYTES: usize = 1 << 20;

/// What a switch file says, or why it cannot be read. One that is not there switches nothing; a
/// link that leads to nothing is there.
pub(crate) fn switch_file(path: &Path) -> Result<Switches, String> {
    let name = name_of(path);
    if !path.exists() {
        return match path.is_symlink() {
            true => Err(format!("{name}: it is a link that leads to nothing")),
            false => Ok(Switches::default()),
        };
    }
    match input::try_read(path, MAX_BYTES) {
        Ok(input) => match input.text() {
            Ok(text) => Ok(Switches::parse(Some(text))),
            Err(err) => Err(format!("{name}: {err}")),
        },
        Err(Unread::TooLarge(len)) => Err(format!("{name}: {len} bytes are too many")),
        Err(Unread::Failed(why)) => Err(format!("{name}: {why}")),
    }
}

/// What a service that starts begins under: what nobody can read counts as thrown.
pub(crate) fn at_the_start(read: &Result<Switches, String>) -> Switches {
    read.clone().unwrap_or_else(|_| Switches::parse(Some("")))
}

/// A switch file, as it is thrown and taken back.
pub(crate) struct SwitchFile {
    path: PathBuf,
    /// Where its earlier text is kept while it is thrown.
    pub(crate) earlier: PathBuf,
}

impl SwitchFile {
    pub(crate) fn new(path: &Path) -> Self {
        // A link stays a link: what it points to is replaced.
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        let mut earlier = target.clone().into_os_string();
        earlier.push(".before-kill");
        Self { path: path.to_path_buf(), earlier: earlier.into() }
    }

    /// Whether there is an earlier text to be put back.
    pub(crate) fn has_earlier(&self) -> bool {
        self.earlier.is_file()
    }

    /// Empties the file. It takes no room on the disk, and neither does what is kept of it.
    /// Says why its text could not be kept, where it has one that says something.
    pub(crate) fn empty(&self, says_something: bool) -> anyhow::Result<Option<String>> {
        let kept = self.keep(says_something);
        replace(&self.path, b"")?;
        Ok(kept.err().map(|err| format!("what it said is not kept: {err}")))
    }

    fn keep(&self, says_something: bool) -> io::Result<()> {
        match fs::remove_file(&self.earlier) {
            Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(err),
            _ if !says_something => return Ok(()),
            _ => (),
        }
        let target = fs::canonicalize(&self.path)?;
        let linked = fs::hard_link(&target, &self.earlier);
        linked.or_else(|_| fs::copy(&target, &self.earlier).map(drop))
    }

    /// Puts the earlier text back, or removes the file where there is none.
    pub(crate) fn restore(&self) -> anyhow::Result<()> {
        let failed = || name_of(&self.path);
        if self.has_earlier() {
            let target = fs::canonicalize(&self.path).with_context(failed)?;
            return fs::rename(&self.earlier, target).with_context(failed);
        }
        fs::remove_file(&self.path).with_context(failed)
    }
}
