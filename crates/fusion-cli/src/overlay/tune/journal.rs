//! The journal of a run as a file that only grows.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use overlay_optimizer::Tuner;

use super::lock::open_locked;
use crate::exit::{Exit, refusal};

/// The most bytes of a journal that is taken up again.
const MAX_BYTES: u64 = 256 << 20;

/// The folder of journals that nobody named, in the folder where a run is started.
const FOLDER: &str = ".fusion-tune";

/// Where the lines of a journal go.
#[derive(Debug, Default)]
pub(super) struct JournalFile {
    file: Option<(PathBuf, File)>,
    kept: usize,
    /// Whether it is there only until the run ends.
    is_passing: bool,
}

/// Where the journal of a run for `overlay` is that nobody named.
pub(super) fn passing_path(overlay: &Path) -> PathBuf {
    let mut name = overlay.file_name().unwrap_or_default().to_owned();
    name.push(".jsonl");
    Path::new(FOLDER).join(name)
}

impl JournalFile {
    /// A journal that begins. A file with something in it is not overwritten.
    pub(super) fn begin(path: &Path) -> anyhow::Result<Self> {
        let (file, text) = open(path)?;
        if !text.is_empty() {
            let message = format!(
                "{} holds a journal: go on with --resume, name another file with --journal, or \
                 remove it",
                path.display()
            );
            return Err(refusal(Exit::USAGE, message));
        }
        Ok(Self { file: Some((path.to_owned(), file)), ..Self::default() })
    }

    /// A journal that nobody named, for as long as the run for `overlay` lasts. Where it
    /// cannot be written there is none: that is no reason not to search.
    pub(super) fn begin_passing(overlay: &Path) -> anyhow::Result<Self> {
        let path = passing_path(overlay);
        let is_refused = |err: &io::Error| {
            matches!(
                err.kind(),
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
            )
        };
        let made = fs::create_dir_all(FOLDER)
            .and_then(|()| OpenOptions::new().append(true).create(true).open(&path).map(drop));
        match made {
            Err(err) if is_refused(&err) => Ok(Self::default()),
            Err(err) => Err(err).with_context(|| format!("making {}", path.display())),
            Ok(()) => Ok(Self { is_passing: true, ..Self::begin(&path)? }),
        }
    }

    /// Removes a journal that nobody named: the run ended, and nothing is to be gone on with.
    pub(super) fn end(&self) {
        if let Some((path, _)) = self.file.as_ref().filter(|_| self.is_passing) {
            // One that is left is found by the next run, which says so.
            let _ = fs::remove_file(path).and_then(|()| fs::remove_dir(FOLDER));
        }
    }

    /// A journal that goes on, with its text so far; empty where it has not begun. What
    /// was torn as it was written is cut off.
    pub(super) fn resume(path: &Path, is_passing: bool) -> anyhow::Result<(Self, String)> {
        let (file, mut text) = open(path)?;
        let whole = text.rfind('\n').map_or(0, |it| it + 1);
        if whole < text.len() {
            file.set_len(whole as u64).with_context(|| format!("cutting {}", path.display()))?;
            text.truncate(whole);
        }
        let kept = text.lines().count();
        Ok((Self { file: Some((path.to_owned(), file)), kept, is_passing }, text))
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
    let mut file = open_locked(path)?;
    let mut text = String::new();
    (&mut file).take(MAX_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > MAX_BYTES {
        let message = format!("{}: more than {MAX_BYTES} bytes", path.display());
        return Err(refusal(Exit::UNREADABLE, message));
    }
    Ok((file, text))
}
