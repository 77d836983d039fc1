use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The file operations of a run, each of them a point at which a machine can stop.
///
/// Paths are those of the tree joined with its root. What an implementation says it has
/// written is on the disk when it returns; entries of a folder are so after
/// [`Disk::sync_folder`].
pub trait Disk {
    /// The bytes of a file, `None` where there is none. A link is an error.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read.
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>>;

    /// The names in a folder, sorted; none where there is no folder.
    ///
    /// # Errors
    ///
    /// Where the folder cannot be read.
    fn list(&self, folder: &Path) -> io::Result<Vec<String>>;

    /// What a file has beside its bytes.
    ///
    /// # Errors
    ///
    /// Where there is no such file.
    fn about(&self, path: &Path) -> io::Result<About>;

    /// Makes a file that is not there yet and syncs its content.
    ///
    /// # Errors
    ///
    /// Where it is there, or cannot be written.
    fn create(&self, path: &Path, bytes: &[u8], about: About) -> io::Result<()>;

    /// Writes at the end of a file, makes it where it is missing, and syncs its content.
    ///
    /// # Errors
    ///
    /// Where it cannot be written; part of the bytes may be there then.
    fn append(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Writes at the end of a file that is there. It need not be on the disk before the next
    /// [`Disk::append`] to that file is.
    ///
    /// # Errors
    ///
    /// As for [`Disk::append`].
    fn append_loosely(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Cuts a file to `len` bytes and syncs it.
    ///
    /// # Errors
    ///
    /// Where it cannot be written.
    fn truncate(&self, path: &Path, len: u64) -> io::Result<()>;

    /// Gives a file another name; a file of that name is replaced.
    ///
    /// # Errors
    ///
    /// Where it cannot be renamed.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Deletes a file.
    ///
    /// # Errors
    ///
    /// Where it cannot be deleted, or is not there.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes a folder; one that is there is no error, a link is.
    ///
    /// # Errors
    ///
    /// Where it cannot be made.
    fn create_folder(&self, path: &Path) -> io::Result<()>;

    /// Deletes an empty folder.
    ///
    /// # Errors
    ///
    /// Where it is not empty, or cannot be deleted.
    fn remove_folder(&self, path: &Path) -> io::Result<()>;

    /// Syncs the entries of a folder.
    ///
    /// # Errors
    ///
    /// Where that fails.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;

    /// Takes the lock that keeps other runs out, `None` where another one holds it.
    ///
    /// # Errors
    ///
    /// Where the lock file cannot be made.
    fn lock(&self, path: &Path) -> io::Result<Option<Lock>>;
}

/// What a file has beside its bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct About {
    /// Its permission bits.
    pub mode: u32,
    /// When it was last written, nanoseconds since 1970; `None` for the moment at which it is
    /// made, or where that is not known.
    pub modified_ns: Option<i64>,
}

/// A lock; it is free again when this is dropped, or the process ends.
#[derive(Debug, Default)]
pub struct Lock {
    file: Option<File>,
}

impl Drop for Lock {
    /// To close the file is not enough: a program that was started meanwhile has it open too,
    /// until its own code runs.
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            // It is closed next, whatever comes of this.
            let _ = file.unlock();
        }
    }
}

/// The files of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        match fs::symlink_metadata(path) {
            Ok(about) if about.is_file() => fs::read(path).map(Some),
            Ok(_) => Err(io::Error::new(io::ErrorKind::InvalidInput, "is no plain file")),
            Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(err) => Err(err),
        }
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(err) => return Err(err),
        };
        let names = entries.map(|it| Ok(it?.file_name().to_string_lossy().into_owned()));
        let mut names = names.collect::<io::Result<Vec<_>>>()?;
        names.sort();
        Ok(names)
    }

    fn about(&self, path: &Path) -> io::Result<About> {
        let meta = fs::symlink_metadata(path)?;
        let permissions = meta.permissions();
        #[cfg(unix)]
        let mode = std::os::unix::fs::PermissionsExt::mode(&permissions) & 0o7777;
        #[cfg(not(unix))]
        let mode = if permissions.readonly() { 0o444 } else { 0o644 };
        Ok(About { mode, modified_ns: meta.modified().ok().and_then(nanoseconds) })
    }

    fn create(&self, path: &Path, bytes: &[u8], about: About) -> io::Result<()> {
        let About { mode, modified_ns } = about;
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        file.write_all(bytes)?;
        let mut permissions = file.metadata()?.permissions();
        #[cfg(unix)]
        std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, mode);
        #[cfg(not(unix))]
        permissions.set_readonly(mode & 0o200 == 0);
        if let Some(modified) = modified_ns.and_then(moment) {
            file.set_modified(modified)?;
        }
        file.set_permissions(permissions)?;
        file.sync_all()
    }

    fn append(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new().append(true).create(true).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    }

    fn append_loosely(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        OpenOptions::new().append(true).open(path)?.write_all(bytes)
    }

    fn truncate(&self, path: &Path, len: u64) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(len)?;
        file.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        match fs::create_dir(path) {
            Err(err) if err.kind() == io::ErrorKind::AlreadyExists => {
                // A link may lead anywhere; what is written must stay in the tree.
                if fs::symlink_metadata(path)?.is_dir() { Ok(()) } else { Err(err) }
            }
            other => other,
        }
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        #[cfg(unix)]
        return File::open(path)?.sync_all();
        #[cfg(not(unix))]
        fs::metadata(path).map(drop)
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Lock>> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock { file: Some(file) })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(err)) => Err(err),
        }
    }
}

/// Nanoseconds since 1970; `None` for a moment centuries away.
fn nanoseconds(moment: SystemTime) -> Option<i64> {
    match moment.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).ok(),
        Err(before) => i64::try_from(before.duration().as_nanos()).ok().map(|it| -it),
    }
}

fn moment(nanoseconds: i64) -> Option<SystemTime> {
    let span = Duration::from_nanos(nanoseconds.unsigned_abs());
    match nanoseconds {
        0.. => UNIX_EPOCH.checked_add(span),
        _ => UNIX_EPOCH.checked_sub(span),
    }
}

#[cfg(test)]
mod tests {
    use super::{Disk as _, RealDisk};

    /// A program that is being started has every file open that this one has.
    #[test]
    fn a_lock_ends_though_its_file_is_open_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("LOCK");
        let lock = RealDisk.lock(&path).unwrap().unwrap();
        let elsewhere = lock.file.as_ref().unwrap().try_clone().unwrap();
        assert!(RealDisk.lock(&path).unwrap().is_none());
        drop(lock);
        assert!(RealDisk.lock(&path).unwrap().is_some());
        drop(elsewhere);
    }
}
