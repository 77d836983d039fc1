use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::exit::{Exit, refusal};

/// The most links that are followed one after the other.
const MAX_LINKS: usize = 40;

/// Gives the file `path` this content, at once or not at all: a new file beside it is
/// written, synced and renamed over it. Permissions stay.
///
/// # Errors
///
/// Where the folder cannot be written: with the exit code `USAGE` where the path is to blame.
pub(crate) fn replace(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    // A link stays a link: what it points to is replaced.
    let target = target(path);
    let dir = match target.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    let failed = || format!("writing {}", path.display());
    if let Some(why) = refused(&target, dir) {
        return Err(refusal(Exit::USAGE, format!("{}: {why}", path.display())));
    }
    let mut file = tempfile::NamedTempFile::new_in(dir).map_err(|err| match err.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            let message = format!("{}: {} may not be written", path.display(), dir.display());
            refusal(Exit::USAGE, message)
        }
        // The path of the file beside it would say nothing.
        kind => anyhow::Error::new(io::Error::from(kind)).context(failed()),
    })?;
    file.write_all(content).with_context(failed)?;
    fs::set_permissions(file.path(), permissions(&target)?).with_context(failed)?;
    file.as_file().sync_all().with_context(failed)?;
    file.persist(&target).with_context(failed)?;
    sync_dir(dir).with_context(failed)
}

/// The file that `path` names, by links too; it need not be there.
pub(crate) fn target(path: &Path) -> PathBuf {
    let mut target = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        if let Ok(real) = fs::canonicalize(&target) {
            return real;
        }
        // A link that leads to nothing.
        let Ok(next) = fs::read_link(&target) else { break };
        target = target.parent().map_or_else(|| next.clone(), |it| it.join(&next));
    }
    target
}

/// Why no file can stand at `target`, which is in `dir`.
fn refused(target: &Path, dir: &Path) -> Option<String> {
    match fs::metadata(dir) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => {
            Some(format!("there is no folder {}", dir.display()))
        }
        Ok(meta) if !meta.is_dir() => Some(format!("{} is no folder", dir.display())),
        _ if target.is_dir() => Some("is a folder".to_owned()),
        // A device, or a pipe, would be a file from then on, for everybody.
        _ if target.exists() && !target.is_file() => Some("is no file".to_owned()),
        _ => None,
    }
}

/// Writes a file that must not be there yet, unless `force`.
///
/// # Errors
///
/// Where it is there, or the folder cannot be written.
pub(crate) fn create(path: &Path, content: &[u8], force: bool) -> anyhow::Result<()> {
    if !force && path.exists() {
        let message = format!("{} exists: give --force to replace it", path.display());
        return Err(refusal(Exit::USAGE, message));
    }
    replace(path, content)
}

/// The permissions of the file that is replaced, or what a new file has.
#[cfg(unix)]
fn permissions(target: &Path) -> anyhow::Result<fs::Permissions> {
    use std::os::unix::fs::PermissionsExt as _;

    match fs::metadata(target) {
        Ok(meta) => Ok(meta.permissions()),
        Err(_) => Ok(fs::Permissions::from_mode(0o644)),
    }
}

#[cfg(not(unix))]
fn permissions(target: &Path) -> anyhow::Result<fs::Permissions> {
    let dir = target.parent().context("no folder")?;
    Ok(fs::metadata(if target.exists() { target } else { dir })?.permissions())
}

/// The rename itself is on disk only when the folder is.
#[cfg(unix)]
fn sync_dir(dir: &Path) -> std::io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(not(unix))]
fn sync_dir(_dir: &Path) -> std::io::Result<()> {
    Ok(())
}
