//! The file that `RESON_FEATURES_FILE` names: read as a service reads it, emptied and put back.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use fusion_flags::Switches;
use overlay_loader::switch_text;

use crate::input::name_of;
use crate::replace::{replace, target};

/// What a switch file says, or why it cannot be read. One that is not there switches nothing.
pub(crate) fn switch_file(path: &Path) -> Result<Switches, String> {
    match switch_text(path) {
        Ok(text) => Ok(Switches::parse(text.as_deref())),
        Err(err) => Err(format!("{}: {err}", name_of(path))),
    }
}

/// What a service that starts begins under: what nobody can read counts as thrown.
pub(crate) fn at_the_start(read: &Result<Switches, String>) -> Switches {
    read.clone().unwrap_or_else(|_| Switches::parse(Some("")))
}

/// A switch file, as it is thrown and taken back.
pub(crate) struct SwitchFile {
    path: PathBuf,
    /// Where its text is: a link stays a link.
    target: PathBuf,
    /// Where its earlier text is kept while it is thrown.
    pub(crate) earlier: PathBuf,
}

impl SwitchFile {
    pub(crate) fn new(path: &Path) -> Self {
        let target = target(path);
        let mut earlier = target.clone().into_os_string();
        earlier.push(".before-kill");
        Self { path: path.to_path_buf(), target, earlier: earlier.into() }
    }

    /// Whether there is something at all; a link that leads to nothing has none.
    pub(crate) fn is_there(&self) -> bool {
        self.target.exists()
    }

    /// Whether there is an earlier text to be put back.
    pub(crate) fn has_earlier(&self) -> bool {
        self.earlier.is_file()
    }

    /// Empties the file. It takes no room on the disk, and neither does what is kept of it.
    /// Says why its text could not be kept, where it has one that says something.
    pub(crate) fn empty(&self, says_something: bool) -> anyhow::Result<Option<String>> {
        if self.is_there() && !self.target.is_file() {
            // It is refused, and nothing is kept of it.
            replace(&self.target, b"")?;
        }
        let kept = self.keep(says_something);
        replace(&self.target, b"")?;
        Ok(kept.err().map(|err| format!("what it said is not kept: {err}")))
    }

    fn keep(&self, says_something: bool) -> io::Result<()> {
        remove(&self.earlier)?;
        if !says_something {
            return Ok(());
        }
        let linked = fs::hard_link(&self.target, &self.earlier);
        linked.or_else(|_| fs::copy(&self.target, &self.earlier).map(drop))
    }

    /// Puts the earlier text back, or removes the file where there is none; with the link that
    /// led to it, since one that leads to nothing is thrown.
    pub(crate) fn restore(&self) -> anyhow::Result<()> {
        let failed = || name_of(&self.path);
        if self.has_earlier() {
            return fs::rename(&self.earlier, &self.target).with_context(failed);
        }
        remove(&self.target).and_then(|()| remove(&self.path)).with_context(failed)
    }
}

/// Removes a file, where it is there.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => Err(err),
        _ => Ok(()),
    }
}
