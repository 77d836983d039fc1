use overlay_store::vfs::Vfs;
use overlay_store::{Phase, Pointer, Recovery};

use super::control::{reasons, until_taken};
use crate::execute::Applied;
use crate::outcome::{DeployError, Outcome};
use crate::root::Root;

/// What was put in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Recovered {
    /// What an interrupted writer had left.
    pub store: Recovery,
    /// A rollout that nobody drove any more, and that was taken back.
    pub rollout: Option<Applied>,
    /// The first deployment of the root, whose process died before the checks after it ended:
    /// there is nothing to take it back to, so that it waits for [`crate::resume`].
    pub waits: Option<String>,
}

/// Puts the root in order after a crash: what a writer left is settled, and a rollout whose
/// process died goes back to the old generation, by the audit log where what was kept of it
/// is lost. One that is driven or paused is left alone, and so is the first deployment of a
/// root; to continue a rollout instead, call [`crate::resume`].
///
/// Commands that begin something new call this first.
///
/// # Errors
///
/// [`DeployError::Busy`] where another changes the root.
pub fn recover<F: Vfs>(root: &Root<'_, F>) -> Result<Recovered, DeployError> {
    let writer = root.lock(None)?;
    let store = writer.recovered().clone();
    let nothing = Recovered { store, rollout: None, waits: None };
    let Some(id) = writer.current().and_then(orphan) else { return Ok(nothing) };
    drop(writer);
    let Some(_held) = root.held(&id)? else { return Ok(nothing) };
    // Whoever had the lock until now may have come to the end, or further on; and an order
    // of somebody else needs no such lock.
    until_taken(|| {
        let pointer = root.pointer()?;
        if orphan(&pointer).as_ref() != Some(&id) {
            return Ok(nothing.clone());
        }
        let (rollout, lost) = root.kept_or_told(&id)?;
        if pointer.phase == Phase::PostCheck && rollout.base.is_none() {
            return Ok(Recovered { waits: Some(id.clone()), ..nothing.clone() });
        }
        let why = "the process that drove it ended".to_owned();
        let applied = root.end(&pointer, rollout, Outcome::RolledBack, reasons(why, lost))?;
        Ok(Recovered { rollout: Some(applied), ..nothing.clone() })
    })
}

/// The rollout that a process has to drive, where there is one.
fn orphan(pointer: &Pointer) -> Option<String> {
    let is_idle = matches!(pointer.phase, Phase::Stable | Phase::Paused | Phase::Frozen);
    pointer.deployment.clone().filter(|_| !is_idle)
}
