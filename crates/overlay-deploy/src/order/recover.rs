use overlay_store::vfs::Vfs;
use overlay_store::{Phase, Recovery};

use super::control::reasons;
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
    let pointer = writer.current().cloned();
    drop(writer);
    let orphan =
        pointer.filter(|it| !matches!(it.phase, Phase::Stable | Phase::Paused | Phase::Frozen));
    let Some((pointer, id)) = orphan.and_then(|it| Some((it.clone(), it.deployment?))) else {
        return Ok(Recovered { store, rollout: None, waits: None });
    };
    let Some(_held) = root.held(&id)? else {
        return Ok(Recovered { store, rollout: None, waits: None });
    };
    let (rollout, lost) = root.kept_or_told(&id)?;
    if pointer.phase == Phase::PostCheck && rollout.base.is_none() {
        return Ok(Recovered { store, rollout: None, waits: Some(id) });
    }
    let why = "the process that drove it ended".to_owned();
    let applied = root.end(&pointer, rollout, Outcome::RolledBack, reasons(why, lost))?;
    Ok(Recovered { store, rollout: Some(applied), waits: None })
}
