use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use overlay_store::{GenerationId, Pointer, Store};

use super::copy;
use super::manifest::{BackupError, BackupManifest, FILE, NotCopied, found};
use crate::id::DeploymentId;
use crate::order::Due;
use crate::root::Root;

/// Copies the root in `dir`, on which `root` acts, into a new folder `id` of `backups`.
///
/// Generations never change, so they are copied without the lock; pointer, names, rollouts
/// and audit log, and generations that came meanwhile, are copied under it. What is a file
/// only together with those who write it, a database, `add` puts into the folder it is
/// given, the copy, below the same path, and says what it could not. The index of the audit
/// log need not be there: it is rebuilt from the log. The copy is verified before its list
/// is written. Where it cannot be made, nothing of it stays.
///
/// # Errors
///
/// [`BackupError::Nothing`] where nothing is deployed; a root whose live generation or
/// audit log was tampered with is not backed up.
pub fn create(
    root: &Root<'_>,
    dir: &Path,
    backups: &Path,
    id: &DeploymentId,
    add: impl FnOnce(&Path) -> Vec<NotCopied>,
) -> Result<BackupManifest, BackupError> {
    if root.store.current()?.is_none() {
        return Err(BackupError::Nothing);
    }
    let target = backups.join(id.as_str());
    fs::create_dir_all(backups).map_err(BackupError::io("make", backups))?;
    fs::create_dir(&target).map_err(|err| match err.kind() {
        std::io::ErrorKind::AlreadyExists => BackupError::Taken(id.to_string()),
        _ => BackupError::io("make", &target)(err),
    })?;
    let made = fill(root, dir, &target, id, add);
    if made.is_err() {
        // That it cannot be made is what is to be said, not that something of it stays.
        fs::remove_dir_all(&target).ok();
    }
    made
}

/// Copies the root in `dir` into the empty folder `target`.
fn fill(
    root: &Root<'_>,
    dir: &Path,
    target: &Path,
    id: &DeploymentId,
    add: impl FnOnce(&Path) -> Vec<NotCopied>,
) -> Result<BackupManifest, BackupError> {
    let to = BackupManifest::copy(target);
    generations(root.store, dir, &to)?;
    {
        let _lock = root.wait_lock(Some(id.as_str()))?;
        generations(root.store, dir, &to)?;
        for part in ["pins", "rollouts", "audit"] {
            part_of(dir, &to, part)?;
        }
        let current = to.join("CURRENT");
        copy::file(&dir.join("CURRENT"), &current).map_err(BackupError::io("copy", &current))?;
    }
    let not_copied = add(&to);
    let manifest = BackupManifest { not_copied, ..described(root, &to, id)? };
    finish(target, &manifest)?;
    Ok(manifest)
}

/// Copies the generations that are not there yet.
fn generations(store: &Store, dir: &Path, to: &Path) -> Result<(), BackupError> {
    for generation in store.generations()? {
        let path = format!("gen/{generation}");
        let (from, to) = (dir.join(&path), to.join(&path));
        if !to.exists() {
            copy::folder(&from, &to).map_err(BackupError::io("copy", &from))?;
        }
    }
    Ok(())
}

fn part_of(dir: &Path, to: &Path, part: &str) -> Result<(), BackupError> {
    let (from, to) = (dir.join(part), to.join(part));
    let copied = copy::folder(&from, &to);
    copied.map_err(BackupError::io("copy", &from))?;
    // Locks of controllers are no part of what is kept.
    let files = if to.is_dir() { copy::files(&to) } else { Ok(Vec::new()) };
    for path in files.map_err(BackupError::io("list", &to))? {
        if path.ends_with(".lock") {
            let path = to.join(path);
            fs::remove_file(&path).map_err(BackupError::io("remove", &path))?;
        }
    }
    Ok(())
}

/// Opens the copy as the root it is, verifies it, and lists it.
fn described(
    root: &Root<'_>,
    copy: &Path,
    id: &DeploymentId,
) -> Result<BackupManifest, BackupError> {
    let store = Store::open(copy)?;
    let pointer = store.current()?.ok_or(BackupError::Nothing)?;
    let audit = store.audit().verify(Some(pointer.audit))?.head;
    let due = Due::of(&store, Some(&pointer))?;
    let left_out = leave_out(&store, copy, &pointer, &due)?;
    let manifest = due.verify(&store, pointer.stable.generation)?;
    Ok(BackupManifest {
        schema: BackupManifest::SCHEMA.to_owned(),
        id: id.to_string(),
        created_us: root.now_us(),
        epoch: pointer.epoch,
        generation: pointer.stable.generation,
        tree: manifest.tree,
        audit,
        files: found(copy)?,
        left_out,
        not_copied: Vec::new(),
    })
}

/// Takes out what is not as it was published, unless it is live.
fn leave_out(
    store: &Store,
    copy: &Path,
    pointer: &Pointer,
    due: &Due,
) -> Result<Vec<GenerationId>, BackupError> {
    let mut res = Vec::new();
    for generation in store.generations()? {
        let is_live = generation == pointer.stable.generation;
        if is_live || due.verify(store, generation).is_ok() {
            continue;
        }
        let path = copy.join(format!("gen/{generation}"));
        fs::remove_dir_all(&path).map_err(BackupError::io("remove", &path))?;
        res.push(generation);
    }
    Ok(res)
}

/// Writes the list, once everything it names is on the disk.
fn finish(target: &Path, manifest: &BackupManifest) -> Result<(), BackupError> {
    copy::sync(target).map_err(BackupError::io("sync", target))?;
    let path = target.join(FILE);
    let write = || {
        let fresh = target.join("backup.json.new");
        let mut file = File::create_new(&fresh)?;
        file.write_all(&serde_json::to_vec_pretty(manifest)?)?;
        file.sync_all()?;
        fs::rename(&fresh, &path)?;
        File::open(target)?.sync_all()
    };
    write().map_err(BackupError::io("write", &path))
}
