//! What the audit log still knows of a rollout whose file is damaged or gone.

use overlay_store::audit::Entry;
use overlay_store::vfs::Vfs;
use overlay_store::{GenerationId, GenerationRef, StoreError};
use serde::de::DeserializeOwned;
use serde_json::Map;

use crate::file::Environment;
use crate::outcome::DeployError;
use crate::rollout::Rollout;
use crate::root::Root;

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
        for record in self.store.audit().records(1).map_err(StoreError::from)? {
            let entry = record.map_err(StoreError::from)?.entry;
            if entry.deployment.as_deref() == Some(id) {
                return self.of_entry(id, entry);
            }
        }
        Ok(None)
    }

    fn of_entry(&self, id: &str, entry: Entry) -> Result<Option<Rollout>, DeployError> {
        let candidate = entry.generation.zip(entry.manifest_sha256);
        let (Some((generation, manifest)), Ok(environment)) = (candidate, entry.env.parse()) else {
            return Ok(None);
        };
        let (Some(tree), Some(mode)) = (member(&entry, "tree"), member(&entry, "mode")) else {
            return Ok(None);
        };
        let base = entry.base.map(|it| self.published(GenerationId(it))).transpose()?;
        Ok(Some(Rollout {
            v: Rollout::VERSION,
            id: id.to_owned(),
            mode,
            actor: entry.actor,
            started_us: entry.at_us,
            overlays: Vec::new(),
            base,
            candidate: GenerationRef { generation: GenerationId(generation), manifest },
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

    /// A generation with the digest that it had when it was in force, where the log knows it.
    fn published(&self, generation: GenerationId) -> Result<GenerationRef, DeployError> {
        let known = self.store.succession()?.into_iter().find(|it| it.generation == generation);
        let Some(known) = known else {
            let (_, manifest) = self.store.manifest(generation)?;
            return Ok(GenerationRef { generation, manifest });
        };
        Ok(known)
    }
}

fn member<T: DeserializeOwned>(entry: &Entry, key: &str) -> Option<T> {
    serde_json::from_value(entry.detail.get(key)?.clone()).ok()
}
