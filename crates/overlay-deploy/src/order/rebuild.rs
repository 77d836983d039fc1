use overlay_store::vfs::Vfs;
use overlay_store::{Change, Phase, Pointer, StoreError};
use serde_json::{Value, json};

use super::rollback::{Proof, Target, Way};
use crate::check::was_in_force;
use crate::execute::action;
use crate::outcome::DeployError;
use crate::root::Root;

/// Writes a pointer anew that is damaged, missing, or was replaced by an older one: as the
/// audit log, which is verified as a whole first, says it stood last, or with the
/// generation `to` in force and nothing under way. `None` where the pointer is as it was
/// written.
///
/// What is to be in force is compared with the digest of its manifest. A candidate that is
/// not as it was published is left out. The epoch grows.
///
/// # Errors
///
/// [`StoreError::Audit`] for a log that was tampered with; a generation that was tampered
/// with is an error too, and another one the way out. [`DeployError::NotRecorded`] for a log
/// that does not say what was in force: nothing else can say which epoch comes next.
/// [`DeployError::Unproven`] where `to` was never in force for good.
pub fn rebuild<F: Vfs>(
    root: &Root<'_, F>,
    to: Option<&Target>,
) -> Result<Option<Pointer>, DeployError> {
    rebuilt(root, to, Way::default())
}

/// [`rebuild`] with a generation in force that never was for good: somebody answers for it,
/// and the audit log says so.
///
/// # Errors
///
/// As [`rebuild`].
pub fn rebuild_unproven<F: Vfs>(
    root: &Root<'_, F>,
    to: &Target,
) -> Result<Option<Pointer>, DeployError> {
    rebuilt(root, Some(to), Way { proof: Proof::Waived, ..Way::default() })
}

/// [`rebuild`] in another way.
pub(crate) fn rebuilt<F: Vfs>(
    root: &Root<'_, F>,
    to: Option<&Target>,
    way: Way,
) -> Result<Option<Pointer>, DeployError> {
    let why = match root.store.checked_current() {
        Ok(_) => return Ok(None),
        Err(StoreError::Damaged { why, .. }) => why,
        Err(err) => return Err(err.into()),
    };
    let mut writer = root.lock_without_pointer().map_err(not_recorded)?;
    let last = writer.current().cloned().ok_or(DeployError::Nothing)?;
    let idle = |stable| Change { deployment: last.deployment.clone(), ..Change::to(stable) };
    let mut change = match to {
        Some(target) => idle(way.fresh.map_or_else(|| root.resolve(target, &last), Ok)?),
        None => Change::from(&last),
    };
    let stable = change.stable.generation;
    root.store.verify(stable, Some(change.stable.manifest))?;
    let mut detail = match to {
        Some(target) => root.proven(target, stable, way)?,
        None => way.notes,
    };
    detail.insert("why".to_owned(), json!(why));
    let is_whole = |it: overlay_store::GenerationRef| {
        root.store.verify(it.generation, Some(it.manifest)).is_ok()
    };
    if !change.candidate.is_none_or(is_whole) {
        let has_passed = was_in_force(root.store, stable)?;
        let phase = if has_passed { Phase::Stable } else { Phase::Frozen };
        change = Change { phase, ..idle(change.stable) };
    }
    let entry = root.note(action::REBUILT, Some(change.stable), Value::Object(detail));
    Ok(Some(writer.switch(None, change, entry)?))
}

/// The log is whole: what is damaged still is only what it should say of the pointer.
fn not_recorded(err: DeployError) -> DeployError {
    match err {
        DeployError::Store(StoreError::Damaged { path, .. }) if path == "CURRENT" => {
            DeployError::NotRecorded
        }
        err => err,
    }
}
