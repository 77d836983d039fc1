use overlay_model::Digest;
use overlay_store::vfs::Vfs;
use overlay_store::{GenerationId, Manifest, Store, StoreError};
use serde::Serialize;

use super::status::{LEFT_ALONE, is_left_alone};
use crate::outcome::{DeployError, Outcome, is_lost};
use crate::plan::{FileChange, changes};
use crate::rollout::{Rollout, rollout};

/// A generation in the list of a root.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Listed {
    /// Its number.
    pub generation: GenerationId,
    /// The deployment it was made for.
    pub deployment: Option<String>,
    /// When it was made, microseconds since 1970.
    pub created_us: Option<i64>,
    /// The digest of its tree.
    pub tree: Option<Digest>,
    /// Who began the deployment.
    pub actor: Option<String>,
    /// The overlays that were given.
    pub overlays: Vec<String>,
    /// How the deployment ended; `None` while it is under way, or where it never began.
    pub outcome: Option<Outcome>,
    /// Whether it is in force.
    pub is_live: bool,
    /// Whether it is on trial.
    pub is_candidate: bool,
    /// Its names.
    pub pins: Vec<String>,
    /// What is wrong with it, or with what is kept of its deployment.
    pub problem: Option<String>,
}

/// The generations of a root, newest first. Where the pointer is damaged, missing, or older
/// than the audit log says, none is in force as far as anybody knows.
///
/// # Errors
///
/// Where the root cannot be read.
pub fn list<F: Vfs>(store: &Store<F>) -> Result<Vec<Listed>, DeployError> {
    let pointer = match store.checked_current() {
        Err(StoreError::Damaged { path, .. }) if path == "CURRENT" => None,
        pointer => pointer?,
    };
    let pins = store.pins()?;
    let left = match &pointer {
        Some(it) if is_left_alone(store, it)? => Some(LEFT_ALONE),
        _ => None,
    };
    let mut res = Vec::new();
    for generation in store.generations()?.into_iter().rev() {
        let (manifest, problem) = match store.manifest(generation) {
            Ok((manifest, _)) => (Some(manifest), None),
            Err(err) if is_lost(&err).is_some() => (None, Some(err.to_string())),
            Err(err) => return Err(err.into()),
        };
        let (kept, damaged) = match &manifest {
            Some(it) => kept(store, &it.deployment)?,
            None => (None, None),
        };
        let is_candidate = pointer
            .as_ref()
            .and_then(|it| it.candidate)
            .is_some_and(|it| it.generation == generation);
        let problem = problem.or(damaged).or(left.filter(|_| is_candidate).map(str::to_owned));
        let names = pins.iter().filter(|(_, id)| **id == generation);
        res.push(Listed {
            generation,
            deployment: manifest.as_ref().map(|it| it.deployment.clone()),
            created_us: manifest.as_ref().map(|it| it.created_us),
            tree: manifest.as_ref().map(|it| it.tree),
            actor: kept.as_ref().map(|it| it.actor.clone()),
            overlays: kept.as_ref().map(|it| it.overlays.clone()).unwrap_or_default(),
            outcome: kept.and_then(|it| it.ended).map(|it| it.outcome),
            is_live: pointer.as_ref().is_some_and(|it| it.stable.generation == generation),
            is_candidate,
            pins: names.map(|(name, _)| name.clone()).collect(),
            problem,
        });
    }
    Ok(res)
}

/// What is kept of a deployment, or what is wrong with that: one file that is damaged must
/// not hide the others.
fn kept<F: Vfs>(
    store: &Store<F>,
    id: &str,
) -> Result<(Option<Rollout>, Option<String>), DeployError> {
    match rollout(store, id) {
        Ok(kept) => Ok((kept, None)),
        Err(err) if err.exit_code() == 8 => Ok((None, Some(err.to_string()))),
        Err(err) => Err(err),
    }
}

/// A generation, and the deployment it was made for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shown {
    /// What it consists of.
    pub manifest: Manifest,
    /// The digest of its manifest.
    pub digest: Digest,
    /// What is kept of its deployment.
    pub rollout: Option<Rollout>,
    /// What is wrong with what is kept of its deployment.
    pub problem: Option<String>,
}

/// One generation.
///
/// # Errors
///
/// Where there is none of this number, or it cannot be read.
pub fn show<F: Vfs>(store: &Store<F>, generation: GenerationId) -> Result<Shown, DeployError> {
    let (manifest, digest) = store.manifest(generation)?;
    let (rollout, problem) = kept(store, &manifest.deployment)?;
    Ok(Shown { manifest, digest, rollout, problem })
}

/// What changes from one generation to another.
///
/// # Errors
///
/// Where one of them is not there, or was tampered with.
pub fn diff<F: Vfs>(
    store: &Store<F>,
    from: GenerationId,
    to: GenerationId,
) -> Result<Vec<FileChange>, DeployError> {
    let read = |generation| -> Result<_, DeployError> {
        let (_, manifest) = store.manifest(generation)?;
        Ok(store.read(overlay_store::GenerationRef { generation, manifest })?.tree)
    };
    Ok(changes(&read(from)?, &read(to)?))
}
