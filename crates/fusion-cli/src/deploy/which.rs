use overlay_deploy::{DeployError, Target, generation_of};
use overlay_store::{GenerationId, Store};

use super::refusal::{deploy_error, store_error};

/// The generation in force.
pub(super) fn live(store: &Store) -> anyhow::Result<GenerationId> {
    let pointer = store.checked_current().map_err(store_error)?;
    let pointer = pointer.ok_or(DeployError::Nothing).map_err(deploy_error)?;
    Ok(pointer.stable.generation)
}

/// The generation that is meant; without any, the one in force.
pub(super) fn meant(store: &Store, target: Option<&Target>) -> anyhow::Result<GenerationId> {
    let found = match target {
        None => return live(store),
        Some(Target::Generation(id)) => Some(*id),
        Some(Target::Pin(name)) => store.pins().map_err(store_error)?.get(name).copied(),
        Some(Target::Deployment(id)) => {
            generation_of(store, id).map_err(deploy_error)?.map(|it| it.generation)
        }
        Some(Target::Steps(_)) => None,
    };
    match (found, target) {
        (Some(found), _) => Ok(found),
        (None, Some(target)) => Err(deploy_error(DeployError::unknown(target))),
        (None, None) => live(store),
    }
}
