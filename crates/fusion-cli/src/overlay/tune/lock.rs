//! One run at a time on a journal: two would write their answers between each other's.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

use crate::exit::{Exit, refusal};

/// How often the file is opened again that its last run removed in this moment.
const TRIES: usize = 8;

/// Opens the file `path`, made where there is none, and locks it as long as it is open.
///
/// # Errors
///
/// Where another run holds the lock, or the file cannot be opened.
pub(super) fn open_locked(path: &Path) -> anyhow::Result<File> {
    let unreadable =
        |err: io::Error| refusal(Exit::UNREADABLE, format!("{}: {err}", path.display()));
    for _ in 0..TRIES {
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create(true).open(path).map_err(unreadable)?;
        match file.try_lock() {
            Ok(()) => (),
            // Some network file systems know no locks.
            Err(TryLockError::Error(err)) if err.kind() == io::ErrorKind::Unsupported => (),
            Err(TryLockError::Error(err)) => return Err(unreadable(err)),
            Err(TryLockError::WouldBlock) => return Err(held(&file, path)),
        }
        if is_at(&file, path) {
            return Ok(file);
        }
    }
    Err(refusal(Exit::LOCKED, format!("{}: other runs come and go there", path.display())))
}

fn held(file: &File, path: &Path) -> anyhow::Error {
    let process = holder(file).map_or_else(String::new, |it| format!(" (process {it})"));
    let message = format!(
        "{}: another run{process} writes this journal: wait for its end, or name another file with \
         --journal",
        path.display()
    );
    refusal(Exit::LOCKED, message)
}

/// Whether `path` still leads to `file`: a run that ends removes its own.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    let [own, there] = [file.metadata(), fs::metadata(path)];
    own.and_then(|own| Ok((own.ino(), own.dev()) == there.map(|it| (it.ino(), it.dev()))?))
        .unwrap_or(false)
}

/// Whether `path` still leads to `file`: an open one cannot be removed.
#[cfg(not(unix))]
fn is_at(_file: &File, path: &Path) -> bool {
    fs::metadata(path).is_ok()
}

/// The process that holds the lock of `file`, as far as the system tells.
#[cfg(target_os = "linux")]
fn holder(file: &File) -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;

    holder_of(&fs::read_to_string("/proc/locks").ok()?, file.metadata().ok()?.ino())
}

#[cfg(not(target_os = "linux"))]
fn holder(_file: &File) -> Option<u32> {
    None
}

/// The process of a line such as `1: FLOCK  ADVISORY  WRITE 3153 fe:00:10133507 0 EOF`.
#[cfg(target_os = "linux")]
fn holder_of(locks: &str, inode: u64) -> Option<u32> {
    let held = |line: &str| {
        let mut words = line.split_whitespace().skip_while(|it| *it != "FLOCK").skip(3);
        let (process, place) = (words.next()?.parse().ok()?, words.next()?);
        let is_it = place.rsplit(':').next()?.parse() == Ok(inode);
        // Of a process in another container it says nothing.
        (is_it && process > 0).then_some(process)
    };
    locks.lines().find_map(held)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_holder_of_a_lock_is_read() {
        let locks = "1: POSIX  ADVISORY  WRITE 7 fe:00:12 0 EOF\n\
                     2: FLOCK  ADVISORY  WRITE 41 fe:00:112 0 EOF\n\
                     3: FLOCK  ADVISORY  WRITE 42 fe:00:12 0 EOF\n";
        assert_eq!(holder_of(locks, 12), Some(42));
        assert_eq!(holder_of(locks, 2), None);
        assert_eq!(holder_of("1: FLOCK  ADVISORY  WRITE 0 fe:00:12 0 EOF\n", 12), None);
    }
}
