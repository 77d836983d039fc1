//! The journal of a run as a file that only grows.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use overlay_optimizer::Tuner;

use crate::exit::{Exit, refusal};

/// The most bytes of a journal that is taken up again.
const MAX_BYTES: u64 = 256 << 20;

/// Where the lines of a journal go.
#[derive(Debug, Default)]
pub(super) struct JournalFile {
    file: Option<(PathBuf, File)>,
    kept: usize,
}

impl JournalFile {
    /// A journal that begins. A file with something in it is not overwritten.
    pub(super) fn begin(path: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = path else { return Ok(Self::default()) };
        let (file, text) = open(path)?;
        if !text.is_empty() {
            let message = format!(
                "{} holds a journal: go on with --resume, or name another file",
                path.display()
            );
            return Err(refusal(Exit::USAGE, message));
        }
        Ok(Self { file: Some((path.to_owned(), file)), kept: 0 })
    }

    /// A journal that goes on, with its text so far; empty where it has not begun. What
    /// was torn as it was written is cut off.
    pub(super) fn resume(path: &Path) -> anyhow::Result<(Self, String)> {
        let (file, mut text) = open(path)?;
        let whole = text.rfind('\n').map_or(0, |it| it + 1);
        if whole < text.len() {
            file.set_len(whole as u64).with_context(|| format!("cutting {}", path.display()))?;
            text.truncate(whole);
        }
        let kept = text.lines().count();
        Ok((Self { file: Some((path.to_owned(), file)), kept }, text))
    }

    /// Where it is kept.
    pub(super) fn path(&self) -> Option<&Path> {
        self.file.as_ref().map(|it| it.0.as_path())
    }

    /// Appends the lines that are new, and sees them to the disk.
    pub(super) fn keep(&mut self, tuner: &Tuner) -> anyhow::Result<()> {
        let Some((path, file)) = &mut self.file else { return Ok(()) };
        let new = tuner.journal().get(self.kept..).unwrap_or_default();
        if new.is_empty() {
            return Ok(());
        }
        let text: String = new.iter().flat_map(|it| [it.as_str(), "\n"]).collect();
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_data());
        written.with_context(|| format!("writing {}", path.display()))?;
        self.kept += new.len();
        Ok(())
    }
}

fn open(path: &Path) -> anyhow::Result<(File, String)> {
    let unreadable =
        |err: std::io::Error| refusal(Exit::UNREADABLE, format!("{}: {err}", path.display()));
    let mut options = OpenOptions::new();
    let mut file = options.read(true).append(true).create(true).open(path).map_err(unreadable)?;
    let mut text = String::new();
    (&mut file).take(MAX_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > MAX_BYTES {
        let message = format!("{}: more than {MAX_BYTES} bytes", path.display());
        return Err(refusal(Exit::UNREADABLE, message));
    }
    Ok((file, text))
}
