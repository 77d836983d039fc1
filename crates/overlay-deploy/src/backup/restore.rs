use std::fs;
use std::io;
use std::path::Path;

use overlay_store::{GenerationRef, Origin, Pointer, Store, StoreError, Tree};
use serde_json::{Map, Value, json};

use super::copy;
use super::manifest::{BackupError, BackupManifest};
use super::proof::{environment_of, missing_proof, origin_notes, same_environment};
use super::verify::verify;
use crate::check::check_tree;
use crate::execute::{Applied, failures};
use crate::id::DeploymentId;
use crate::order::{Due, Proof, Target, Way, put_back, rebuild, rebuilt};
use crate::outcome::{DeployError, Outcome};
use crate::root::Root;
use crate::word::EnvironmentName;

/// The folder of the databases, in a root and in its copy.
const DATABASES: &str = "db";

/// What a restore may do beyond bringing back what passed in the root before. By default it
/// ends with an error, and nothing is changed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Allowed {
    /// Where the pointer is damaged, was replaced by an older one, or is missing though the
    /// audit log knows of one, it may first write it anew by the log, which is verified, as
    /// [`crate::rebuild`] does.
    pub rebuild: bool,
    /// It may bring the backup of a root of another environment.
    pub other_environment: bool,
    /// It may put a tree in force that never was in this root, and that lacks what the rules
    /// of the root ask for: somebody answers for it, and the audit log says so.
    pub unproven: bool,
}

/// Brings the generation that is in force in the backup `backup` into force in the root in
/// `dir`, on which `root` acts. The backup is verified first.
///
/// A root that has been deployed to keeps its own history: the backup's tree becomes live
/// as a generation of it, an older one where it has it, else a new one, and the audit log says
/// which backup it came from. Its audit log only grows, and its databases stay as they are.
/// Into a root without anything the whole copy goes, but no database over one that is there.
///
/// # Errors
///
/// [`BackupError::Tampered`] for a backup that is not as it was made. Unless `allowed`:
/// [`BackupError::Pointer`] for a root without a pointer that could be trusted,
/// [`BackupError::OtherEnvironment`], [`BackupError::Unproven`].
pub fn restore(
    root: &Root<'_>,
    dir: &Path,
    backup: &Path,
    id: &DeploymentId,
    allowed: Allowed,
) -> Result<Applied, BackupError> {
    let manifest = verify(backup)?;
    let copy = BackupManifest::copy(backup);
    let environment = environment_of(backup)?;
    let found = root.store.current();
    if matches!(found, Ok(None)) && own_history(dir, &copy).is_ok() {
        return whole(root, dir, &copy, &manifest, environment, id);
    }
    if !allowed.other_environment {
        same_environment(root, environment.as_ref())?;
    }
    let lost = match found.and_then(|_| root.store.checked_current()) {
        Ok(Some(_)) => None,
        // No record says what was in force, so that nothing can be written anew.
        Ok(None) => return Err(BackupError::OwnHistory(dir.to_owned())),
        Err(err @ StoreError::Damaged { .. }) => Some(err),
        Err(err) => return Err(err.into()),
    };
    if let (Some(err), false) = (&lost, allowed.rebuild) {
        return Err(BackupError::Pointer(err.to_string()));
    }
    let from = Store::open(&copy)?;
    let Some((_, leased)) = from.read_current()? else { return Err(BackupError::Nothing) };
    let reasons = failures(&check_tree(&leased.tree, root.around.environment));
    if !reasons.is_empty() {
        let (pointer, checks) = (root.store.current().ok().flatten(), Vec::new());
        let outcome = Outcome::Refused;
        return Ok(Applied { outcome, reasons, rollout: None, pointer, checks });
    }
    let mut notes = origin_notes(&manifest, environment.as_ref());
    if let Some(missing) = missing_proof(root, &leased.tree)? {
        if !allowed.unproven {
            return Err(BackupError::Unproven { id: manifest.id, missing });
        }
        notes.insert("unproven".to_owned(), json!(missing));
    }
    let brought = Brought { tree: &leased.tree, manifest: &manifest, notes };
    if lost.is_some() {
        anew(root, &brought, id)?;
    }
    let applied = in_force(root, &brought, id)?;
    match (applied.outcome, lost) {
        (Outcome::Restored | Outcome::Unchanged, Some(err)) => {
            let mut detail = brought.notes;
            detail.insert("pointer".to_owned(), json!(err.to_string()));
            noted(root, id, root.around.environment, Value::Object(detail))?;
            // Unchanged where the pointer alone was to be brought back.
            Ok(Applied { outcome: Outcome::Restored, ..applied })
        }
        _ => Ok(applied),
    }
}

/// What comes back into a root with a history of its own.
struct Brought<'a> {
    tree: &'a Tree,
    manifest: &'a BackupManifest,
    /// What the audit records say of it.
    notes: Map<String, Value>,
}

impl Brought<'_> {
    /// Its proof was looked at, or waived.
    fn way(&self) -> Way {
        Way { proof: Proof::Given, fresh: None, notes: self.notes.clone() }
    }

    /// [`Self::way`], for its tree as a generation that was published just now.
    fn way_of(&self, fresh: GenerationRef) -> Way {
        Way { fresh: Some(fresh), ..self.way() }
    }
}

/// Writes the pointer anew: as the audit log says it stood last, or, where what was in force
/// then cannot be used any more, with the backup's tree.
fn anew(root: &Root<'_>, brought: &Brought<'_>, id: &DeploymentId) -> Result<(), BackupError> {
    match rebuild(root, None) {
        Err(DeployError::Store(StoreError::Tampered { .. } | StoreError::Missing { .. })) => {
            let mut writer = root.lock_without_pointer()?;
            let published = writer
                .publish(brought.tree, origin(brought.manifest), id.as_str(), root.now_us())
                .map_err(DeployError::from)?;
            drop(writer);
            let target = Target::Generation(published.generation);
            rebuilt(root, Some(&target), brought.way_of(published))?;
        }
        done => drop(done?),
    }
    Ok(())
}

fn origin(manifest: &BackupManifest) -> Origin {
    let facts = [("backup".to_owned(), manifest.id.clone())].into();
    Origin { made_by: "restore".to_owned(), facts }
}

/// Puts the backup's tree in force in a root with a pointer.
fn in_force(
    root: &Root<'_>,
    brought: &Brought<'_>,
    id: &DeploymentId,
) -> Result<Applied, BackupError> {
    let Brought { tree, manifest, .. } = brought;
    let due = Due::of(root.store, root.store.current()?.as_ref())?;
    for generation in root.store.generations()?.into_iter().rev() {
        let verified = due.verify(root.store, generation);
        let is_same = verified.is_ok_and(|it| it.tree == manifest.tree);
        if is_same {
            return Ok(put_back(root, &Target::Generation(generation), id, None, brought.way())?);
        }
    }
    let mut writer = root.lock(Some(id.as_str()))?;
    let published = writer
        .publish(tree, origin(manifest), id.as_str(), root.now_us())
        .map_err(DeployError::from)?;
    drop(writer);
    let target = Target::Generation(published.generation);
    Ok(put_back(root, &target, id, None, brought.way_of(published))?)
}

/// A root without a pointer may have an audit log all the same; one that an interrupted
/// restore has begun to copy is none of its own.
fn own_history(dir: &Path, copy: &Path) -> Result<(), BackupError> {
    let audit = dir.join("audit");
    let files = if audit.is_dir() { copy::files(&audit) } else { Ok(Vec::new()) };
    let files = files.map_err(BackupError::io("list", &audit))?;
    // The newest records may be in `HEAD` alone.
    for path in files.iter().filter(|it| it.ends_with(".jsonl") || *it == "HEAD") {
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
/// nothing is live. The audit record says what the backup was made without: of that nothing
/// comes back.
fn whole(
    root: &Root<'_>,
    dir: &Path,
    copy: &Path,
    manifest: &BackupManifest,
    environment: Option<EnvironmentName>,
    id: &DeploymentId,
) -> Result<Applied, BackupError> {
    for part in ["gen", "pins", "rollouts", "audit"] {
        let to = dir.join(part);
        clear(&to)?;
        copy::folder(&copy.join(part), &to).map_err(BackupError::io("copy", &to))?;
    }
    databases(dir, copy).map_err(BackupError::io("copy", &dir.join(DATABASES)))?;
    copy::sync(dir).map_err(BackupError::io("sync", dir))?;
    let current = dir.join("CURRENT");
    let fresh = dir.join("tmp/CURRENT.restored");
    fs::remove_file(&fresh).ok();
    let moved =
        copy::file(&copy.join("CURRENT"), &fresh).and_then(|()| fs::rename(&fresh, &current));
    moved.and_then(|()| copy::sync(dir)).map_err(BackupError::io("write", &current))?;
    let BackupManifest { epoch, left_out, not_copied, .. } = manifest;
    let mut detail = origin_notes(manifest, environment.as_ref());
    detail.insert("epoch".to_owned(), json!(epoch));
    detail.insert("left_out".to_owned(), json!(left_out));
    detail.insert("not_copied".to_owned(), json!(not_copied));
    // From now on the root belongs to the environment of the copy.
    let environment = environment.unwrap_or_else(|| root.around.environment.clone());
    let pointer = noted(root, id, &environment, Value::Object(detail))?;
    let (outcome, reasons) = (Outcome::Restored, Vec::new());
    Ok(Applied { outcome, reasons, rollout: None, pointer, checks: Vec::new() })
}

/// Records that a backup was brought back; gives the pointer.
fn noted(
    root: &Root<'_>,
    id: &DeploymentId,
    environment: &EnvironmentName,
    detail: Value,
) -> Result<Option<Pointer>, BackupError> {
    let mut writer = root.lock(Some(id.as_str()))?;
    let mut entry = root.note("restored", writer.current().map(|it| it.stable), detail);
    entry.env = environment.to_string();
    writer.append(entry).map_err(DeployError::from)?;
    Ok(writer.current().cloned())
}

/// Brings the databases of the copy into a root that has none of the name, each at once:
/// rows that somebody has written are not written over, and half a database is none.
fn databases(dir: &Path, copy: &Path) -> io::Result<()> {
    let from = copy.join(DATABASES);
    let names = if from.is_dir() { copy::files(&from)? } else { Vec::new() };
    for name in names {
        let to = dir.join(DATABASES).join(&name);
        if to.try_exists()? {
            continue;
        }
        alone(&to)?;
        let fresh = dir.join("tmp/database.restored");
        fs::remove_file(&fresh).or_else(missing)?;
        copy::file(&from.join(&name), &fresh)?;
        fs::rename(&fresh, &to)?;
    }
    Ok(())
}

/// Takes away what a database that is gone left beside itself: the next one would take it for
/// its own.
fn alone(database: &Path) -> io::Result<()> {
    for end in ["-wal", "-shm", "-journal"] {
        let mut beside = database.as_os_str().to_owned();
        beside.push(end);
        fs::remove_file(beside).or_else(missing)?;
    }
    Ok(())
}

fn missing(err: io::Error) -> io::Result<()> {
    if err.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(err) }
}

/// Empties a folder of a root that has nothing live: what an interrupted restore left, or
/// the beginnings of an audit log, which the copy's replaces.
fn clear(dir: &Path) -> Result<(), BackupError> {
    match fs::remove_dir_all(dir) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => {
            Err(BackupError::io("empty", dir)(err))
        }
        _ => fs::create_dir_all(dir).map_err(BackupError::io("make", dir)),
    }
}
