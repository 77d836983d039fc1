use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{
    AtFlags, Dir, FileType, FlockOperation, Mode, OFlags, RenameFlags, Stat, fdatasync, flock,
    fstat, fsync, ftruncate, mkdirat, openat, renameat, renameat_with, statat, unlinkat,
};
use rustix::io::{Errno, retry_on_intr};
use rustix::process::geteuid;

use crate::vfs::{Held, Kind, NotPlain, OtherFilesystem, Vfs, WrongOwner};

/// How deep directories may nest below the root.
const MAX_DEPTH: usize = 32;

/// Real files below one root directory.
///
/// The root is opened once; every path is walked from its handle, a component at a time,
/// and neither a symbolic link nor a mount point is followed. An interrupted call is
/// called again, a short write goes on where it stopped.
#[derive(Debug)]
pub struct RealFs {
    root: OwnedFd,
    device: u64,
}

impl RealFs {
    /// Opens the directory `root`, which may itself be reached by symbolic links.
    ///
    /// # Errors
    ///
    /// As the system gives them; `NotADirectory` for anything else.
    pub fn open(root: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = retry_on_intr(|| rustix::fs::open(root, flags, Mode::empty()))?;
        let device = fstat(&root)?.st_dev;
        Ok(Self { root, device })
    }

    /// Makes the directory `root` where it is missing, its parents too, each durable in
    /// the one above, and opens it.
    ///
    /// # Errors
    ///
    /// As the system gives them.
    pub fn create(root: &Path) -> io::Result<Self> {
        let missing: Vec<&Path> =
            root.ancestors().take_while(|it| !it.as_os_str().is_empty() && !it.exists()).collect();
        for dir in missing.into_iter().rev() {
            match std::fs::create_dir(dir) {
                Err(err) if err.kind() != io::ErrorKind::AlreadyExists => return Err(err),
                _ => {}
            }
            let parent = dir.parent().filter(|it| !it.as_os_str().is_empty());
            File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
        }
        Self::open(root)
    }

    /// The directory at `path`, `""` for the root itself.
    fn directory(&self, path: &str) -> io::Result<OwnedFd> {
        let mut dir = self.root.try_clone()?;
        if path.is_empty() {
            return Ok(dir);
        }
        if path.split('/').count() > MAX_DEPTH {
            return Err(io::ErrorKind::InvalidFilename.into());
        }
        for name in path.split('/') {
            dir = self.child(&dir, name, path)?;
        }
        Ok(dir)
    }

    fn child(&self, dir: &OwnedFd, name: &str, path: &str) -> io::Result<OwnedFd> {
        check_name(name)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let child = retry_on_intr(|| openat(dir, name, flags, Mode::empty()))
            .map_err(|err| plain(err, path))?;
        if fstat(&child)?.st_dev == self.device {
            return Ok(child);
        }
        Err(OtherFilesystem { path: path.to_owned() }.into())
    }

    /// The directory that holds `path`, and the name in it.
    fn parent<'a>(&self, path: &'a str) -> io::Result<(OwnedFd, &'a str)> {
        let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
        check_name(name)?;
        Ok((self.directory(dir)?, name))
    }

    fn file(&self, path: &str, flags: OFlags, mode: u32) -> io::Result<File> {
        let (dir, name) = self.parent(path)?;
        open_plain(&dir, name, path, flags, mode)
    }

    fn flock(&self, path: &str, flags: OFlags, how: FlockOperation) -> io::Result<Option<Held>> {
        let file = self.file(path, OFlags::RDONLY | flags, 0o644)?;
        match retry_on_intr(|| flock(&file, how)) {
            Ok(()) => Ok(Some(Held::new(Locked(file)))),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(err) => Err(err.into()),
        }
    }
}

/// A file with a lock, which ends with it. To close the file is not enough: a program that was
/// started meanwhile has it open too, until its own code runs.
struct Locked(File);

impl Drop for Locked {
    fn drop(&mut self) {
        // It is closed next, whatever comes of this.
        let _ = retry_on_intr(|| flock(&self.0, FlockOperation::Unlock));
    }
}

impl Vfs for RealFs {
    fn read(&self, path: &str, max: u64) -> io::Result<Vec<u8>> {
        read_at_most(&self.file(path, OFlags::RDONLY, 0)?, max)
    }

    fn list(&self, dir: &str) -> io::Result<Vec<(String, Kind)>> {
        list(&self.directory(dir)?)
    }

    fn read_tree(&self, dir: &str, max: u64) -> io::Result<Vec<(String, Vec<u8>)>> {
        let mut walk = Walk { fs: self, left: max, depth: 0, files: Vec::new() };
        walk.enter(&self.directory(dir)?, "")?;
        walk.files.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Ok(walk.files)
    }

    fn create_dir(&self, path: &str) -> io::Result<()> {
        let (dir, name) = self.parent(path)?;
        Ok(retry_on_intr(|| mkdirat(&dir, name, Mode::from_raw_mode(0o755)))?)
    }

    fn write_new(&self, path: &str, bytes: &[u8], mode: u32) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        self.file(path, flags, mode)?.write_all(bytes)
    }

    fn append(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND;
        self.file(path, flags, 0o644)?.write_all(bytes)
    }

    fn truncate(&self, path: &str, len: u64) -> io::Result<()> {
        let file = self.file(path, OFlags::WRONLY, 0)?;
        Ok(retry_on_intr(|| ftruncate(&file, len))?)
    }

    /// A file opened anew still reports an error of writing it back that nobody has seen
    /// (Linux 4.17 and later), so that the handle it was written through need not be kept.
    fn sync_file(&self, path: &str) -> io::Result<()> {
        let file = self.file(path, OFlags::RDONLY, 0)?;
        Ok(retry_on_intr(|| fdatasync(&file))?)
    }

    fn sync_dir(&self, path: &str) -> io::Result<()> {
        let dir = self.directory(path)?;
        Ok(retry_on_intr(|| fsync(&dir))?)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let ((from_dir, from), (to_dir, to)) = (self.parent(from)?, self.parent(to)?);
        Ok(retry_on_intr(|| renameat(&from_dir, from, &to_dir, to))?)
    }

    fn rename_new(&self, from: &str, to: &str) -> io::Result<()> {
        let ((from_dir, from), (to_dir, to)) = (self.parent(from)?, self.parent(to)?);
        let flags = RenameFlags::NOREPLACE;
        Ok(retry_on_intr(|| renameat_with(&from_dir, from, &to_dir, to, flags))?)
    }

    fn remove_file(&self, path: &str) -> io::Result<()> {
        let (dir, name) = self.parent(path)?;
        Ok(retry_on_intr(|| unlinkat(&dir, name, AtFlags::empty()))?)
    }

    fn remove_dir(&self, path: &str) -> io::Result<()> {
        let (dir, name) = self.parent(path)?;
        Ok(retry_on_intr(|| unlinkat(&dir, name, AtFlags::REMOVEDIR))?)
    }

    fn lock(&self, path: &str) -> io::Result<Option<Held>> {
        self.flock(path, OFlags::CREATE, FlockOperation::NonBlockingLockExclusive)
    }

    fn lease(&self, path: &str) -> io::Result<Option<Held>> {
        self.flock(path, OFlags::empty(), FlockOperation::NonBlockingLockShared)
    }

    fn lock_present(&self, path: &str) -> io::Result<Option<Held>> {
        self.flock(path, OFlags::empty(), FlockOperation::NonBlockingLockExclusive)
    }

    fn note(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC;
        self.file(path, flags, 0o644)?.write_all(bytes)
    }

    /// The lock file tells whose the root is: its first writer made it. Before there is
    /// one the directory tells, except that a directory of user 0 may have been handed out
    /// to a group, as volumes are.
    fn check_owner(&self, lock: &str) -> io::Result<()> {
        let user = geteuid().as_raw();
        let (owner, fresh) = match statat(&self.root, lock, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => (stat.st_uid, false),
            Err(Errno::NOENT) => (fstat(&self.root)?.st_uid, true),
            Err(err) => return Err(err.into()),
        };
        if owner == user || (fresh && owner == 0) {
            return Ok(());
        }
        Err(WrongOwner { owner, user }.into())
    }
}

/// One reading of a tree, and what is left of its limit.
struct Walk<'a> {
    fs: &'a RealFs,
    left: u64,
    depth: usize,
    files: Vec<(String, Vec<u8>)>,
}

impl Walk<'_> {
    fn enter(&mut self, dir: &OwnedFd, prefix: &str) -> io::Result<()> {
        if self.depth > MAX_DEPTH {
            return Err(io::ErrorKind::InvalidFilename.into());
        }
        self.depth += 1;
        for (name, kind) in list(dir)? {
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
            match kind {
                Kind::Directory => self.enter(&self.fs.child(dir, &name, &path)?, &path)?,
                Kind::File => self.read(dir, &name, path)?,
                Kind::Other => return Err(NotPlain { path }.into()),
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn read(&mut self, dir: &OwnedFd, name: &str, path: String) -> io::Result<()> {
        let file = open_plain(dir, name, &path, OFlags::RDONLY, 0)?;
        let bytes = read_at_most(&file, self.left)?;
        self.left = self.left.saturating_sub(bytes.len() as u64);
        self.files.push((path, bytes));
        Ok(())
    }
}

/// A name may not lead out of its directory.
fn check_name(name: &str) -> io::Result<()> {
    if matches!(name, "" | "." | "..") || name.contains(['/', '\0']) {
        return Err(io::ErrorKind::InvalidFilename.into());
    }
    Ok(())
}

/// Opens a regular file; without `NONBLOCK` a pipe of that name would hold up the call.
fn open_plain(dir: &OwnedFd, name: &str, path: &str, flags: OFlags, mode: u32) -> io::Result<File> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = retry_on_intr(|| openat(dir, name, flags, Mode::from_raw_mode(mode)))
        .map_err(|err| plain(err, path))?;
    if kind(&fstat(&file)?) == Kind::File {
        return Ok(file.into());
    }
    Err(NotPlain { path: path.to_owned() }.into())
}

fn plain(err: Errno, path: &str) -> io::Error {
    match err {
        Errno::LOOP | Errno::NOTDIR | Errno::NXIO | Errno::ISDIR => {
            NotPlain { path: path.to_owned() }.into()
        }
        _ => err.into(),
    }
}

fn read_at_most(file: &File, max: u64) -> io::Result<Vec<u8>> {
    let len = file.metadata()?.len();
    if len > max {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or(0));
    file.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

fn list(dir: &OwnedFd) -> io::Result<Vec<(String, Kind)>> {
    let mut res = Vec::new();
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        let name = text(entry.file_name())?;
        if matches!(name.as_str(), "." | "..") {
            continue;
        }
        let kind = match entry.file_type() {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Directory,
            // Some file systems do not keep the kind in the directory.
            FileType::Unknown => kind(&statat(dir, &name, AtFlags::SYMLINK_NOFOLLOW)?),
            _ => Kind::Other,
        };
        res.push((name, kind));
    }
    res.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    Ok(res)
}

fn kind(stat: &Stat) -> Kind {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Directory,
        _ => Kind::Other,
    }
}

fn text(name: &CStr) -> io::Result<String> {
    let not_plain = || NotPlain { path: name.to_string_lossy().into_owned() }.into();
    name.to_str().map(str::to_owned).map_err(|_| not_plain())
}

#[cfg(test)]
mod tests {
    use super::{File, FlockOperation, Locked, flock};

    /// A program that is being started has every file open that this one has.
    #[test]
    fn a_lock_ends_though_its_file_is_open_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("LOCK");
        let locked = Locked(File::create(&path).unwrap());
        flock(&locked.0, FlockOperation::NonBlockingLockExclusive).unwrap();
        let elsewhere = locked.0.try_clone().unwrap();
        let other = File::open(&path).unwrap();
        flock(&other, FlockOperation::NonBlockingLockExclusive).unwrap_err();
        drop(locked);
        flock(&other, FlockOperation::NonBlockingLockExclusive).unwrap();
        drop(elsewhere);
    }
}
