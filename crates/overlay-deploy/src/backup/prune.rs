use std::fs;
use std::path::{Path, PathBuf};

use super::manifest::{BackupError, BackupManifest, FILE};
use super::verify::verify;
use crate::id::DeploymentId;

/// A backup in a folder of backups.
#[derive(Debug)]
pub struct Kept {
    /// Its folder.
    pub path: PathBuf,
    /// Its list, or why it is no whole backup.
    pub manifest: Result<BackupManifest, BackupError>,
}

/// The backups in `backups`, newest first by the time in their names; folders that are no
/// whole backup come last. A folder that is missing is empty. Their files are not looked at.
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
    // Names sort by time.
    res.sort_by(|a, b| (b.manifest.is_ok(), &b.path).cmp(&(a.manifest.is_ok(), &a.path)));
    Ok(res)
}

/// The newest backup of a folder by the time in its name; `None` where it has none. A folder
/// that has the name of a backup and is no whole one counts too.
///
/// # Errors
///
/// Where the folder cannot be listed, and [`BackupError::Broken`] where the newest is no whole
/// backup: an older one is not what is meant.
pub fn newest(backups: &Path) -> Result<Option<Kept>, BackupError> {
    let kept = list(backups)?.into_iter().filter(|it| is_named(&it.path));
    match kept.max_by(|a, b| a.path.cmp(&b.path)) {
        Some(Kept { manifest: Err(err), .. }) => Err(err),
        newest => Ok(newest),
    }
}

/// Whether a folder has the name of a backup.
fn is_named(path: &Path) -> bool {
    path.file_name().and_then(|it| it.to_str()).is_some_and(|it| it.parse::<DeploymentId>().is_ok())
}

/// What a folder of backups has beyond those that are kept.
#[derive(Debug, Default)]
pub struct Surplus {
    /// The backups that may go, newest first.
    pub due: Vec<Due>,
    /// Why backups count for nothing that are newer than the last one kept, or that are no
    /// whole ones; they stay for somebody to look at.
    pub damaged: Vec<BackupError>,
}

/// A backup that may go.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Due {
    /// Its name.
    pub id: String,
    /// Its folder.
    pub path: PathBuf,
}

/// All whole backups but the newest `keep`, at least one, that are as they were made: each
/// of those is verified, and what is damaged or cannot be read counts for none. Where none is
/// as it was made, none may go; folders that are no whole backup are not among them, and
/// named where their name is that of a backup.
///
/// # Errors
///
/// Where the folder cannot be listed.
pub fn surplus(backups: &Path, keep: usize) -> Result<Surplus, BackupError> {
    let (mut res, mut kept) = (Surplus::default(), 0);
    for Kept { path, manifest } in list(backups)? {
        let manifest = match manifest {
            Ok(manifest) => manifest,
            Err(err) => {
                res.damaged.extend(is_named(&path).then_some(err));
                continue;
            }
        };
        if kept >= keep.max(1) {
            res.due.push(Due { id: manifest.id, path });
            continue;
        }
        match verify(&path) {
            Ok(_) => kept += 1,
            Err(err) => res.damaged.push(err),
        }
    }
    Ok(res)
}

/// Removes what may go, and gives the names.
///
/// # Errors
///
/// Where one cannot be removed.
pub fn prune(surplus: &Surplus) -> Result<Vec<String>, BackupError> {
    for Due { path, .. } in &surplus.due {
        // Without its list it is no backup any more, however far the removal comes.
        let listed = path.join(FILE);
        fs::remove_file(&listed).map_err(BackupError::io("remove", &listed))?;
        fs::remove_dir_all(path).map_err(BackupError::io("remove", path))?;
    }
    Ok(surplus.due.iter().map(|it| it.id.clone()).collect())
}
