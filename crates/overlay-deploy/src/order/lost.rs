//! What the audit log still knows of a rollout whose file is damaged or gone.

use overlay_store::audit::Entry;
use overlay_store::vfs::Vfs;
use overlay_store::{GenerationId, GenerationRef, Store, StoreError};
use serde::de::DeserializeOwned;
use serde_json::Map;

use super::due::reference;
use crate::file::Environment;
use crate::id::DeploymentId;
use crate::outcome::DeployError;
use crate::rollout::{Rollout, rollout};
use crate::root::Root;

/// The generation that a deployment was about, with the digest that its manifest has to have,
/// so that one that was changed since is found out; `None` for a deployment that was not made
/// here. Where what is kept of it is damaged or gone the audit log says it, which is verified
/// as a whole first.
///
/// # Errors
///
/// [`DeployError::DamagedRollout`] where the log has no record of it either: then it never
/// came to the pointer. [`StoreError::Audit`] for a log that was tampered with.
pub fn generation_of<F: Vfs>(
    store: &Store<F>,
    id: &DeploymentId,
) -> Result<Option<GenerationRef>, DeployError> {
    let damaged = match rollout(store, id.as_str()) {
        Ok(Some(kept)) => return Ok(Some(kept.candidate)),
        Ok(None) => None,
        Err(err @ DeployError::DamagedRollout { .. }) => Some(err),
        Err(err) => return Err(err),
    };
    let head = store.current().ok().flatten().map(|it| it.audit);
    store.audit().verify(head).map_err(StoreError::from)?;
    match (first(store, id.as_str())?.as_ref().and_then(candidate), damaged) {
        (Some(found), _) => Ok(Some(found)),
        (None, Some(err)) => Err(err),
        (None, None) => Ok(None),
    }
}

/// The first record of a deployment: what was published for it.
fn first<F: Vfs>(store: &Store<F>, id: &str) -> Result<Option<Entry>, DeployError> {
    for record in store.audit().records(1).map_err(StoreError::from)? {
        let entry = record.map_err(StoreError::from)?.entry;
        if entry.deployment.as_deref() == Some(id) {
            return Ok(Some(entry));
        }
    }
    Ok(None)
}

fn candidate(entry: &Entry) -> Option<GenerationRef> {
    let generation = GenerationId(entry.generation?);
    Some(GenerationRef { generation, manifest: entry.manifest_sha256? })
}

impl<F: Vfs> Root<'_, F> {
    /// What is kept of a rollout; where that is damaged or gone, as much as the audit log
    /// tells, which is enough for the way back, with what is wrong.
    pub(crate) fn kept_or_told(
        &self,
        id: &str,
    ) -> Result<(Rollout, Option<DeployError>), DeployError> {
        match self.kept(id) {
            Ok(rollout) => Ok((rollout, None)),
            Err(err @ DeployError::DamagedRollout { .. }) => match self.told(id)? {
                Some(rollout) => Ok((rollout, Some(err))),
                None => Err(err),
            },
            Err(err) => Err(err),
        }
    }

    /// What the first record of a deployment says of it. By which rules it was judged is not
    /// in the log, nor what was seen of it.
    fn told(&self, id: &str) -> Result<Option<Rollout>, DeployError> {
        first(self.store, id)?.map_or(Ok(None), |it| self.of_entry(id, it))
    }

    fn of_entry(&self, id: &str, entry: Entry) -> Result<Option<Rollout>, DeployError> {
        let (Some(candidate), Ok(environment)) = (candidate(&entry), entry.env.parse()) else {
            return Ok(None);
        };
        let (Some(tree), Some(mode)) = (member(&entry, "tree"), member(&entry, "mode")) else {
            return Ok(None);
        };
        let base = entry.base.map(|it| reference(self.store, GenerationId(it))).transpose()?;
        Ok(Some(Rollout {
            v: Rollout::VERSION,
            id: id.to_owned(),
            mode,
            actor: entry.actor,
            started_us: entry.at_us,
            overlays: Vec::new(),
            base,
            candidate,
            tree,
            rules: Environment::default_of(&environment),
            environment,
            checks: Vec::new(),
            specs: Default::default(),
            results: Vec::new(),
            stages: Vec::new(),
            control: None,
            abort: None,
            ended: None,
            notes: Map::new(),
        }))
    }
}

fn member<T: DeserializeOwned>(entry: &Entry, key: &str) -> Option<T> {
    serde_json::from_value(entry.detail.get(key)?.clone()).ok()
}
