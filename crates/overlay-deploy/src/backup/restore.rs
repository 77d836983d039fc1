use std::fs;
use std::path::Path;

use overlay_store::{Origin, Store};
use serde_json::json;

use super::copy;
use super::manifest::{BackupError, BackupManifest, verify};
use crate::check::check_tree;
use crate::execute::{Applied, failures};
use crate::id::DeploymentId;
use crate::order::{Target, rollback};
use crate::outcome::{DeployError, Outcome};
use crate::root::Root;

/// Brings the generation that is in force in the backup `backup` into force in the root in
/// `dir`, on which `root` acts. The backup is verified first.
///
/// A root that has been deployed to keeps its own history: the backup's tree becomes live
/// as a generation of it, an older one where it has it, else a new one. Its audit log only
/// grows. Into a root without anything the whole copy goes.
///
/// # Errors
///
/// [`BackupError::Tampered`] for a backup that is not as it was made.
pub fn restore(
    root: &Root<'_>,
    dir: &Path,
    backup: &Path,
    id: &DeploymentId,
) -> Result<Applied, BackupError> {
    let manifest = verify(backup)?;
    let copy = BackupManifest::copy(backup);
    if root.store.current()?.is_none() {
        own_history(dir, &copy)?;
        return whole(root, dir, &copy, &manifest, id);
    }
    let from = Store::open(&copy)?;
    let Some((_, leased)) = from.read_current()? else { return Err(BackupError::Nothing) };
    let reasons = failures(&check_tree(&leased.tree, root.around.environment));
    if !reasons.is_empty() {
        let (pointer, checks) = (root.store.current()?, Vec::new());
        let outcome = Outcome::Refused;
        return Ok(Applied { outcome, reasons, rollout: None, pointer, checks });
    }
    for generation in root.store.generations()?.into_iter().rev() {
        let is_same = root.store.verify(generation, None).is_ok_and(|it| it.tree == manifest.tree);
        if is_same {
            return Ok(rollback(root, &Target::Generation(generation), id, None)?);
        }
    }
    let facts = [("backup".to_owned(), manifest.id.clone())].into();
    let origin = Origin { made_by: "restore".to_owned(), facts };
    let mut writer = root.lock(Some(id.as_str()))?;
    let published = writer
        .publish(&leased.tree, origin, id.as_str(), root.now_us())
        .map_err(DeployError::from)?;
    drop(writer);
    Ok(rollback(root, &Target::Generation(published.generation), id, None)?)
}

/// A root without a pointer may have an audit log all the same; one that an interrupted
/// restore has begun to copy is none of its own.
fn own_history(dir: &Path, copy: &Path) -> Result<(), BackupError> {
    let audit = dir.join("audit");
    let files = if audit.is_dir() { copy::files(&audit) } else { Ok(Vec::new()) };
    let files = files.map_err(BackupError::io("list", &audit))?;
    for path in files.iter().filter(|it| it.ends_with(".jsonl")) {
        let from = audit.join(path);
        let own = fs::read(&from).map_err(BackupError::io("read", &from))?;
        let copied = fs::read(copy.join("audit").join(path)).unwrap_or_default();
        if !copied.starts_with(&own) {
            return Err(BackupError::OwnHistory(dir.to_owned()));
        }
    }
    Ok(())
}

/// Copies everything into a root that has nothing yet. The pointer comes last: without it
/// nothing is live.
fn whole(
    root: &Root<'_>,
    dir: &Path,
    copy: &Path,
    manifest: &BackupManifest,
    id: &DeploymentId,
) -> Result<Applied, BackupError> {
    for part in ["gen", "pins", "rollouts", "audit"] {
        let to = dir.join(part);
        clear(&to)?;
        copy::folder(&copy.join(part), &to).map_err(BackupError::io("copy", &to))?;
    }
    copy::sync(dir).map_err(BackupError::io("sync", dir))?;
    let current = dir.join("CURRENT");
    let fresh = dir.join("tmp/CURRENT.restored");
    fs::remove_file(&fresh).ok();
    let moved =
        copy::file(&copy.join("CURRENT"), &fresh).and_then(|()| fs::rename(&fresh, &current));
    moved.and_then(|()| copy::sync(dir)).map_err(BackupError::io("write", &current))?;
    let mut writer = root.lock(Some(id.as_str()))?;
    let detail = json!({ "backup": manifest.id, "epoch": manifest.epoch });
    let entry = root.note("restored", writer.current().map(|it| it.stable), detail);
    writer.append(entry).map_err(DeployError::from)?;
    let pointer = writer.current().cloned();
    let (outcome, reasons) = (Outcome::Restored, Vec::new());
    Ok(Applied { outcome, reasons, rollout: None, pointer, checks: Vec::new() })
}

/// Empties a folder of a root that has nothing live: what an interrupted restore left, or
/// the beginnings of an audit log, which the copy's replaces.
fn clear(dir: &Path) -> Result<(), BackupError> {
    match fs::remove_dir_all(dir) {
        Err(err) if err.kind() != std::io::ErrorKind::NotFound => {
            Err(BackupError::io("empty", dir)(err))
        }
        _ => fs::create_dir_all(dir).map_err(BackupError::io("make", dir)),
    }
}
