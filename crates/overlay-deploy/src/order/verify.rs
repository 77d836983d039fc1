use std::collections::BTreeSet;

use overlay_store::vfs::Vfs;
use overlay_store::{GenerationId, Manifest, Pointer, Store, StoreError};

use super::control::moving;
use super::due::Due;
use super::keep::GC;
use crate::outcome::DeployError;
use crate::rollout::rollout;

/// A generation that was verified.
#[derive(Debug)]
pub struct Verified {
    /// Its number.
    pub generation: GenerationId,
    /// What it consists of, or what is wrong with it.
    pub result: Result<Manifest, DeployError>,
}

/// Verifies generations: those the pointer names, or all, also those that are gone without a
/// record of their removal.
///
/// # Errors
///
/// Where the root cannot be read at all, or what is live is asked for and its pointer is
/// damaged, missing, or older than the audit log says.
pub fn verify<F: Vfs>(store: &Store<F>, all: bool) -> Result<Vec<Verified>, DeployError> {
    let pointer = match store.checked_current() {
        Err(StoreError::Damaged { .. }) if all => None,
        pointer => pointer?,
    };
    let due = Due::of(store, pointer.as_ref())?;
    let mut ids: BTreeSet<GenerationId> = due.named.iter().map(|it| it.generation).collect();
    if all {
        ids.extend(store.generations()?);
        let there = ids.last().map_or(0, |it| it.0);
        let (named, removed) = recorded(store)?;
        let all = (1..=there.max(named)).map(GenerationId);
        ids.extend(all.filter(|it| !removed.contains(it)));
    }
    let verified = |generation| {
        let result = due.verify(store, generation).map_err(gone);
        Verified { generation, result }
    };
    Ok(ids.into_iter().map(verified).collect())
}

impl Verified {
    /// One generation, live or not. Where the pointer cannot be trusted, only the audit log
    /// says what its manifest has to be.
    ///
    /// # Errors
    ///
    /// Where the root cannot be read at all.
    pub fn of<F: Vfs>(store: &Store<F>, generation: GenerationId) -> Result<Self, DeployError> {
        let pointer = match store.checked_current() {
            Err(StoreError::Damaged { .. }) => None,
            pointer => pointer?,
        };
        let due = Due::of(store, pointer.as_ref())?;
        let is_live = due.named.iter().any(|it| it.generation == generation);
        let result = due.verify(store, generation);
        let result = result.map_err(|err| if is_live { gone(err) } else { err.into() });
        Ok(Self { generation, result })
    }
}

/// What should be there is not missing by itself.
fn gone(err: StoreError) -> DeployError {
    match err {
        StoreError::Missing { generation } => DeployError::Gone(generation),
        err => err.into(),
    }
}

/// The highest generation that the log speaks of, and those whose removal is on record.
fn recorded<F: Vfs>(store: &Store<F>) -> Result<(u64, BTreeSet<GenerationId>), DeployError> {
    let (mut highest, mut res) = (0, BTreeSet::new());
    for record in store.audit().records(1).map_err(StoreError::from)? {
        let entry = record.map_err(StoreError::from)?.entry;
        highest = highest.max(entry.generation.unwrap_or_default());
        // A backup may have been made without what was damaged.
        let key = match entry.action.as_str() {
            GC => "removed",
            "restored" => "left_out",
            _ => continue,
        };
        let numbers = entry.detail.get(key).and_then(|it| it.as_array()).into_iter().flatten();
        res.extend(numbers.filter_map(|it| it.as_u64()).map(GenerationId));
    }
    Ok((highest, res))
}

/// What is wrong with the pointer, and with what is kept of rollouts.
///
/// # Errors
///
/// Where the folder cannot be read.
pub fn verify_rollouts<F: Vfs>(store: &Store<F>) -> Result<Vec<DeployError>, DeployError> {
    let (pointer, damaged) = match store.checked_current() {
        Ok(pointer) => (pointer, None),
        Err(err) => (None, Some(DeployError::from(err))),
    };
    let lost = pointer.map(|it| lost_rollout(store, &it)).transpose()?.flatten();
    let ids = store.rollouts()?;
    let kept = ids.iter().filter_map(|id| rollout(store, id).err());
    Ok(damaged.into_iter().chain(lost).chain(kept).collect())
}

/// A rollout that is under way, and that nothing is kept of.
pub(crate) fn lost_rollout<F: Vfs>(
    store: &Store<F>,
    pointer: &Pointer,
) -> Result<Option<DeployError>, DeployError> {
    let Ok(id) = moving(pointer) else { return Ok(None) };
    let is_lost = store.read_rollout(id)?.is_none();
    Ok(is_lost.then(|| DeployError::missing_rollout(id)))
}
