use std::fs;
use std::path::{Path, PathBuf};

use super::manifest::{BackupError, BackupManifest};

/// A backup in a folder of backups.
#[derive(Debug)]
pub struct Kept {
    /// Its folder.
    pub path: PathBuf,
    /// Its list, or why it is no whole backup.
    pub manifest: Result<BackupManifest, BackupError>,
}

/// The backups in `backups`, newest first; folders that are no whole backup come last. A
/// folder that is missing is empty.
///
/// # Errors
///
/// Where the folder cannot be listed.
pub fn list(backups: &Path) -> Result<Vec<Kept>, BackupError> {
    if !backups.exists() {
        return Ok(Vec::new());
    }
    let failed = BackupError::io("list", backups);
    let mut res = Vec::new();
    for entry in fs::read_dir(backups).map_err(&failed)? {
        let path = entry.map_err(&failed)?.path();
        if path.is_dir() {
            let manifest = BackupManifest::read(&path);
            res.push(Kept { path, manifest });
        }
    }
    let age = |it: &Kept| it.manifest.as_ref().map_or(i64::MIN, |it| it.created_us);
    res.sort_by(|a, b| (age(b), &b.path).cmp(&(age(a), &a.path)));
    Ok(res)
}

/// Removes all whole backups but the newest `keep`, at least one, and gives their names.
/// Folders that are no whole backup are left for somebody to look at.
///
/// # Errors
///
/// Where one cannot be removed.
pub fn prune(backups: &Path, keep: usize) -> Result<Vec<String>, BackupError> {
    let whole = list(backups)?.into_iter().filter_map(|it| Some((it.path, it.manifest.ok()?)));
    let mut removed = Vec::new();
    for (path, manifest) in whole.skip(keep.max(1)) {
        // Without its list it is no backup any more, however far the removal comes.
        let listed = path.join(super::manifest::FILE);
        fs::remove_file(&listed).map_err(BackupError::io("remove", &listed))?;
        fs::remove_dir_all(&path).map_err(BackupError::io("remove", &path))?;
        removed.push(manifest.id);
    }
    Ok(removed)
}
