//! Files and folders, copied so that they outlive a power cut.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// What is below a folder, relative to it with `/`, sorted.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Plain files.
    pub(super) files: Vec<String>,
    /// What is neither file nor folder, or has a name that is no UTF-8.
    pub(super) strange: Vec<String>,
}

/// What is below `dir`.
pub(super) fn listing(dir: &Path) -> io::Result<Listing> {
    let mut res = Listing::default();
    collect(dir, "", &mut res)?;
    res.files.sort_unstable();
    res.strange.sort_unstable();
    Ok(res)
}

/// All files below `dir`, relative to it with `/`, sorted; anything else is an error.
pub(super) fn files(dir: &Path) -> io::Result<Vec<String>> {
    let Listing { files, strange } = listing(dir)?;
    match strange.first() {
        None => Ok(files),
        Some(path) => {
            let why = format!("{} is no plain file", path.escape_debug());
            Err(io::Error::new(io::ErrorKind::InvalidData, why))
        }
    }
}

fn collect(dir: &Path, prefix: &str, found: &mut Listing) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let text = name.to_string_lossy();
        let path = if prefix.is_empty() { text.into_owned() } else { format!("{prefix}/{text}") };
        let kind = entry.file_type()?;
        if name.to_str().is_none() {
            found.strange.push(path);
        } else if kind.is_dir() {
            collect(&entry.path(), &path, found)?;
        } else if kind.is_file() {
            found.files.push(path);
        } else {
            found.strange.push(path);
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
