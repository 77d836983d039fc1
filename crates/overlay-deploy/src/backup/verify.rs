//! Whether a backup is as it was made: by its list, and as the root that it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use overlay_store::{Pointer, Store};

use super::copy::{self, Listing};
use super::manifest::{BackupError, BackupFile, BackupManifest, read};
use crate::id::DeploymentId;
use crate::order::Due;

/// How far `created_us` may be from the moment in the name: a copy takes its time, and clocks
/// are set.
const APART_US: u64 = 24 * 3_600_000_000;

/// Compares every file of the backup in `dir` with its list, then looks at the copy as the
/// root that it is: its generations by their manifests, its audit log, its pointer, and
/// whether they are what the list says of them.
///
/// # Errors
///
/// [`BackupError::Tampered`] with each file that is changed, missing, too many, or no plain
/// file, or with what else does not fit.
pub fn verify(dir: &Path) -> Result<BackupManifest, BackupError> {
    let manifest = BackupManifest::read(dir)?;
    let copy = BackupManifest::copy(dir);
    let mut problems = of_files(&manifest, &copy)?;
    if problems.is_empty() {
        problems = of_root(&manifest, &copy)?;
    }
    if problems.is_empty() {
        return Ok(manifest);
    }
    Err(BackupError::Tampered { id: manifest.id, problems })
}

/// What is not as the list says.
fn of_files(manifest: &BackupManifest, copy: &Path) -> Result<Vec<String>, BackupError> {
    if !fs::symlink_metadata(copy).is_ok_and(|it| it.is_dir()) {
        return Ok(vec!["the folder of the copy is missing, or no folder".to_owned()]);
    }
    let Listing { files, strange } = copy::listing(copy).map_err(BackupError::io("list", copy))?;
    let found: Vec<BackupFile> =
        files.into_iter().map(|it| read(copy, it)).collect::<Result<_, _>>()?;
    let by_path = |files: &[BackupFile]| -> BTreeMap<String, BackupFile> {
        files.iter().map(|it| (it.path.clone(), it.clone())).collect()
    };
    let (listed, found) = (by_path(&manifest.files), by_path(&found));
    let paths: BTreeSet<&String> = listed.keys().chain(found.keys()).collect();
    let differs = paths.into_iter().filter_map(|path| {
        let what = match (listed.get(path), found.get(path)) {
            (Some(listed), Some(found)) if listed == found => return None,
            (Some(_), Some(_)) => "has other bytes",
            (Some(_), None) => "is missing",
            (None, _) => "does not belong there",
        };
        Some(format!("{} {what}", path.escape_debug()))
    });
    let strange = strange.into_iter().map(|it| format!("{} is no plain file", it.escape_debug()));
    let mut res: Vec<String> = differs.chain(strange).collect();
    if listed.len() < manifest.files.len() {
        res.push("backup.json lists a file twice".to_owned());
    }
    Ok(res)
}

/// What does not fit in the copy as a root, or is not what the list says of it.
fn of_root(manifest: &BackupManifest, copy: &Path) -> Result<Vec<String>, BackupError> {
    match looked_at(manifest, copy) {
        // A root that is not whole, and none at all.
        Err(BackupError::Deploy(err)) if [8, 65].contains(&err.exit_code()) => {
            Ok(vec![err.to_string()])
        }
        Err(BackupError::Nothing) => Ok(vec!["nothing is deployed in it".to_owned()]),
        res => res,
    }
}

fn looked_at(manifest: &BackupManifest, copy: &Path) -> Result<Vec<String>, BackupError> {
    let store = Store::open(copy)?;
    let pointer = store.checked_current()?.ok_or(BackupError::Nothing)?;
    let audit = store.audit().verify(Some(pointer.audit))?.head;
    let due = Due::of(&store, Some(&pointer))?;
    let stable = due.verify(&store, pointer.stable.generation)?;
    others(&store, &pointer, &due)?;
    let said = |what: &str, is_so: bool| {
        (!is_so).then(|| format!("backup.json has another {what} than the copy"))
    };
    let (epoch, generation) = (pointer.epoch, pointer.stable.generation);
    let wrong = [
        said("epoch", manifest.epoch == epoch),
        said("generation", manifest.generation == generation),
        said("tree", manifest.tree == stable.tree),
        said("end of the audit log", manifest.audit == audit),
        (!is_of_its_time(manifest)).then(|| "backup.json has another time than its name".into()),
    ];
    Ok(wrong.into_iter().flatten().collect())
}

/// The generations beside the one in force: a rollback may return to them.
fn others(store: &Store, pointer: &Pointer, due: &Due) -> Result<(), BackupError> {
    let stable = pointer.stable.generation;
    for generation in store.generations()?.into_iter().filter(|it| *it != stable) {
        due.verify(store, generation)?;
    }
    Ok(())
}

fn is_of_its_time(manifest: &BackupManifest) -> bool {
    let named = manifest.id.parse().map(|id: DeploymentId| id.at_us());
    named.is_ok_and(|it| it.abs_diff(manifest.created_us) <= APART_US)
}
