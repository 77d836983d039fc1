use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, absolute};

use crate::error::{SqliteError, at};
use crate::performance::Performance;

impl Performance {
    /// Copies all rows as they are at one moment into the new file `to`, durably; others may
    /// write meanwhile. The copy has the permissions of the original, needs no file beside
    /// it, and is a [`Performance`] of its own.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read as a whole, or `to` not be written: it is taken away
    /// again then. A `to` that exists is `Unreachable`, and stays.
    pub fn copy_to(&self, to: &Path) -> Result<(), SqliteError> {
        // SQLite takes some relative names for something else than a file.
        let to = &absolute(to).map_err(unreachable(to))?;
        let name = to.to_str().ok_or_else(|| io::Error::other("its name is no UTF-8"));
        let name = name.map_err(unreachable(to))?;
        self.place(to).map_err(unreachable(to))?;
        let copied = self.fill(name).and_then(|()| sync(to).map_err(unreachable(to)));
        if copied.is_err() {
            // Why the copy failed says more than why it stays.
            fs::remove_file(to).ok();
        }
        copied
    }

    /// An empty file, which nobody can read who cannot read the original.
    fn place(&self, to: &Path) -> io::Result<()> {
        let permissions = fs::metadata(&self.database.path)?.permissions();
        let file = File::create_new(to)?;
        if permissions.readonly() { Ok(()) } else { file.set_permissions(permissions) }
    }

    fn fill(&self, name: &str) -> Result<(), SqliteError> {
        let copied = self.database.conn.execute("VACUUM INTO ?1", [name]);
        copied.map(drop).map_err(at(&self.database.path))
    }
}

/// `VACUUM INTO` leaves this to whoever asked for it.
fn sync(path: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).open(path)?.sync_all()?;
    match path.parent().filter(|_| cfg!(unix)) {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

fn unreachable(path: &Path) -> impl Fn(io::Error) -> SqliteError {
    let path = path.to_owned();
    move |err| SqliteError::Unreachable { path: path.clone(), reason: err.to_string() }
}
