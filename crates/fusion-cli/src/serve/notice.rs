//! Where a service that follows a deployment root listens, in its folder below `state`:
//! `fusion health` asks it there.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use overlay_loader::make_state_folder;
use overlay_store::Store;
use serde::{Deserialize, Serialize};

use super::log::line;
use crate::input;

/// The file, in the folder of an instance.
const FILE: &str = "service.json";
/// The most bytes it has.
const MAX_BYTES: usize = 64 << 10;

/// A service that runs, as it says itself.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Running {
    /// On which machine.
    pub(crate) host: String,
    /// In which process.
    pub(crate) pid: u32,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Since when, as RFC 3339 has it.
    pub(crate) since: String,
}

/// The file of a service that runs. It goes with the service, where that is not killed.
pub(super) struct Notice {
    root: PathBuf,
    folder: PathBuf,
    running: Running,
}

impl Notice {
    /// Of a service that follows `root` and keeps its state in `folder`.
    pub(super) fn new(root: &Path, folder: PathBuf, running: Running) -> Self {
        Self { root: root.to_owned(), folder, running }
    }

    /// Writes the file where it is not there. A folder that is no deployment root yet stays as
    /// it is.
    pub(super) fn post(&self) {
        if !Store::is_root(&self.root) || read(&self.folder).as_ref() == Some(&self.running) {
            return;
        }
        if let Err(err) = self.write() {
            let what = "`fusion health` is not told where this service listens";
            line(&format!("failed: {what}: {}: {err}", self.folder.display()));
        }
    }

    fn write(&self) -> io::Result<()> {
        make_state_folder(&self.root, &self.folder)?;
        let fresh = self.folder.join(".service.new");
        let mut text = serde_json::to_vec(&self.running)?;
        text.push(b'\n');
        File::create(&fresh)?.write_all(&text)?;
        fs::rename(&fresh, self.folder.join(FILE))
    }

    /// Takes the file away, unless it is another's by now.
    pub(super) fn withdraw(&self) {
        if read(&self.folder).as_ref() == Some(&self.running) {
            // What stays is found not to answer.
            let _ = fs::remove_file(self.folder.join(FILE));
        }
    }
}

/// The services of the root in `dir`, by the names of their folders. A file that is none of
/// ours says nothing.
pub(crate) fn running(dir: &Path) -> Vec<(String, Running)> {
    let Ok(entries) = fs::read_dir(dir.join("state")) else { return Vec::new() };
    let folders = entries.filter_map(Result::ok);
    let mut all: Vec<_> = folders
        .filter_map(|it| Some((it.file_name().to_string_lossy().into_owned(), read(&it.path())?)))
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

fn read(folder: &Path) -> Option<Running> {
    let read = input::try_read(&folder.join(FILE), MAX_BYTES).ok()?;
    serde_json::from_slice(&read.bytes).ok()
}
