//! Files and folders, copied so that they outlive a power cut.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// All files below `dir`, relative to it with `/`, sorted.
pub(super) fn files(dir: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    collect(dir, "", &mut found)?;
    found.sort_unstable();
    Ok(found)
}

fn collect(dir: &Path, prefix: &str, found: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name().into_string().map_err(|name| {
            io::Error::new(io::ErrorKind::InvalidData, format!("{} is no UTF-8", name.display()))
        })?;
        let path = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        let kind = entry.file_type()?;
        if kind.is_dir() {
            collect(&entry.path(), &path, found)?;
        } else if kind.is_file() {
            found.push(path);
        } else {
            let why = format!("{path} is neither file nor folder");
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
    }
    Ok(())
}

/// Copies a file to a place that is empty, with its folders.
pub(super) fn file(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut source = File::open(from)?;
    let mut target = File::create_new(to)?;
    io::copy(&mut source, &mut target)?;
    target.set_permissions(source.metadata()?.permissions())?;
    target.sync_all()
}

/// Copies all files below `from` to `to`, which need not exist. A `from` that is missing is
/// empty.
pub(super) fn folder(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        return Ok(());
    }
    for path in files(from)? {
        file(&from.join(&path), &to.join(&path))?;
    }
    Ok(())
}

/// Makes the names in all folders below `dir`, and its own, durable.
pub(super) fn sync(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync(&entry.path())?;
        }
    }
    File::open(dir)?.sync_all()?;
    match dir.parent().filter(|it| it.is_dir()) {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}
