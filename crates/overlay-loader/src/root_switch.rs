use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

/// The file, in the root.
const FILE: &str = "KILL";
/// The most bytes of it that are read.
const MAX_BYTES: u64 = 64 << 10;

/// The switch of a root of deployments, the file `KILL` in it: while it is there, every
/// service that follows the root has every overlay off. What is in it says why.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct RootSwitch {
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// Who threw it, as far as that is known.
    #[serde(default)]
    pub by: String,
    /// When, as RFC 3339 has it.
    #[serde(default)]
    pub at: String,
}

/// How much of a switch is on disk.
#[derive(Debug)]
pub enum Thrown {
    /// All of it.
    Whole,
    /// That it is thrown, and not why: the disk has room for a name alone, for example. Where
    /// it was thrown before, it says what it said. A power cut may take it back too.
    Bare(io::Error),
    /// It is thrown, and a power cut may take it back: the folder could not be synced.
    Unsynced(io::Error),
}

impl RootSwitch {
    /// The switch of `root`, where it is thrown; also where what is in the file cannot be
    /// read.
    ///
    /// # Errors
    ///
    /// Where nobody can tell whether it is thrown: `root` is no folder, or cannot be read.
    pub fn read(root: &Path) -> io::Result<Option<Self>> {
        let path = root.join(FILE);
        match fs::symlink_metadata(&path) {
            Ok(facts) => Ok(Some(if facts.is_file() { content(&path) } else { Self::default() })),
            Err(err) if err.kind() == io::ErrorKind::NotFound => fs::read_dir(root).map(|_| None),
            Err(err) => Err(err),
        }
    }

    /// Throws the switch of `root`: durably, and as a whole where that can be; else the file
    /// is there, empty where it was not there before, which is obeyed all the same. Of those
    /// who throw it at once, the last one's words stay.
    ///
    /// # Errors
    ///
    /// Where no file can be made; what was there before is there then.
    pub fn throw(&self, root: &Path) -> io::Result<Thrown> {
        let mut text = serde_json::to_vec(self)?;
        text.push(b'\n');
        let thrown = match put(root, &text) {
            Ok(()) => Thrown::Whole,
            Err(lost) => match File::create_new(root.join(FILE)) {
                Err(err) if err.kind() != io::ErrorKind::AlreadyExists => return Err(lost),
                _ => Thrown::Bare(lost),
            },
        };
        Ok(match (thrown, sync(root)) {
            (Thrown::Whole, Err(err)) => Thrown::Unsynced(err),
            (thrown, _) => thrown,
        })
    }

    /// Takes the switch of `root` back, durably. Says whether it was thrown.
    ///
    /// # Errors
    ///
    /// Where the file cannot be removed.
    pub fn take_back(root: &Path) -> io::Result<bool> {
        match fs::remove_file(root.join(FILE)) {
            Ok(()) => sync(root).map(|()| true),
            Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(err) => Err(err),
        }
    }
}

/// Gives the file of `root` this content, at once or not at all. Nothing else is left there.
fn put(root: &Path, text: &[u8]) -> io::Result<()> {
    let mut fresh = tempfile::Builder::new();
    fresh.prefix(".KILL.");
    // Services may run under another user.
    #[cfg(unix)]
    fresh.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let mut file = fresh.tempfile_in(root)?;
    file.write_all(text)?;
    file.as_file().sync_all()?;
    file.persist(root.join(FILE)).map(drop).map_err(|err| err.error)
}

/// What the file says; a file that says nothing of the kind throws the switch all the same.
fn content(path: &Path) -> RootSwitch {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|it| it.take(MAX_BYTES).read_to_end(&mut bytes));
    let switch = read.ok().and_then(|_| serde_json::from_slice(&bytes).ok());
    switch.unwrap_or_else(|| {
        let text = String::from_utf8_lossy(&bytes);
        let line = text.lines().next().unwrap_or_default().trim();
        RootSwitch { reason: line.chars().take(500).collect(), ..RootSwitch::default() }
    })
}

#[cfg(unix)]
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync(_folder: &Path) -> io::Result<()> {
    Ok(())
}
