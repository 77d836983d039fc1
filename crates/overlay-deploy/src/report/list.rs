use overlay_model::Digest;
use overlay_store::vfs::Vfs;
use overlay_store::{GenerationId, Manifest, Store};
use serde::Serialize;

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
    /// Why its manifest cannot be read, where that is so.
    pub problem: Option<String>,
}

/// The generations of a root, newest first.
///
/// # Errors
///
/// Where the root cannot be read.
pub fn list<F: Vfs>(store: &Store<F>) -> Result<Vec<Listed>, DeployError> {
    let pointer = store.current()?;
    let pins = store.pins()?;
    let mut res = Vec::new();
    for generation in store.generations()?.into_iter().rev() {
        let (manifest, problem) = match store.manifest(generation) {
            Ok((manifest, _)) => (Some(manifest), None),
            Err(err) if is_lost(&err).is_some() => (None, Some(err.to_string())),
            Err(err) => return Err(err.into()),
        };
        let kept = match &manifest {
            Some(it) => rollout(store, &it.deployment)?,
            None => None,
        };
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
            is_candidate: pointer
                .as_ref()
                .and_then(|it| it.candidate)
                .is_some_and(|it| it.generation == generation),
            pins: names.map(|(name, _)| name.clone()).collect(),
            problem,
        });
    }
    Ok(res)
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
}

/// One generation.
///
/// # Errors
///
/// Where there is none of this number, or it cannot be read.
pub fn show<F: Vfs>(store: &Store<F>, generation: GenerationId) -> Result<Shown, DeployError> {
    let (manifest, digest) = store.manifest(generation)?;
    let rollout = rollout(store, &manifest.deployment)?;
    Ok(Shown { manifest, digest, rollout })
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
