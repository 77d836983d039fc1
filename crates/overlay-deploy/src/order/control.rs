use overlay_store::vfs::{Held, Vfs};
use overlay_store::{Change, Phase, Pointer, WriteError};

use super::due::Due;
use crate::execute::{Applied, action};
use crate::outcome::{DeployError, Outcome};
use crate::rollout::{Abort, Rollout};
use crate::root::{ATTEMPT, FEW_ATTEMPTS, Root};

/// Stops a canary where it stands, until somebody resumes, promotes or aborts it. The
/// process that drives it ends.
///
/// # Errors
///
/// [`DeployError::Idle`], or `WrongPhase` where there is no canary.
pub fn pause<F: Vfs>(root: &Root<'_, F>) -> Result<Applied, DeployError> {
    until_taken(|| {
        let (pointer, rollout) = root.under_way()?;
        if pointer.phase != Phase::Canary {
            return Err(DeployError::WrongPhase { phase: pointer.phase, wanted: "paused" });
        }
        let change = Change { phase: Phase::Paused, ..Change::from(&pointer) };
        root.go(pointer.epoch, change, action::PAUSED, &rollout)?;
        root.applied(&rollout.id)
    })
}

/// Gives an order about a rollout as it stands. One whose rollout takes a step of its own
/// between the look at it and the order is given again: nobody named an epoch for it.
pub(super) fn until_taken<R>(
    mut order: impl FnMut() -> Result<R, DeployError>,
) -> Result<R, DeployError> {
    for _ in 1..FEW_ATTEMPTS {
        match order() {
            Err(DeployError::Write(WriteError::BaseMoved { .. })) => {}
            done => return done,
        }
    }
    order()
}

/// Continues a rollout that is paused, or whose process died, and sees it through. A paused
/// stage begins anew.
///
/// # Errors
///
/// [`DeployError::Driven`] where another process drives it; a candidate that was tampered with
/// is an error too.
pub fn resume<F: Vfs>(root: &Root<'_, F>) -> Result<Applied, DeployError> {
    until_taken(|| resume_now(root))
}

fn resume_now<F: Vfs>(root: &Root<'_, F>) -> Result<Applied, DeployError> {
    let (pointer, rollout) = root.under_way()?;
    let held = root.held(&rollout.id)?;
    let _held = held.ok_or_else(|| DeployError::Driven(rollout.id.clone()))?;
    root.check_candidate(&pointer)?;
    if pointer.phase == Phase::Paused {
        let change = Change {
            phase: Phase::Canary,
            step_started_us: root.now_us(),
            ..Change::from(&pointer)
        };
        root.go(pointer.epoch, change, action::RESUMED, &rollout)?;
    }
    root.drive(&rollout.id)
}

/// Gives all units back to the old generation at once, and ends the rollout. Where what is
/// kept of it is damaged or gone, the audit log says what to return to.
///
/// # Errors
///
/// [`DeployError::Idle`] where nothing is under way.
pub fn abort<F: Vfs>(root: &Root<'_, F>) -> Result<Applied, DeployError> {
    until_taken(|| abort_from(root, &root.pointer()?))
}

/// [`abort`], where the root is as `pointer` says.
pub(super) fn abort_from<F: Vfs>(
    root: &Root<'_, F>,
    pointer: &Pointer,
) -> Result<Applied, DeployError> {
    let (rollout, lost) = root.kept_or_told(moving(pointer)?)?;
    let why = format!("aborted by {}", root.around.actor);
    root.end(pointer, rollout, Outcome::Aborted, reasons(why, lost))
}

/// Why a rollout is taken back; what was damaged is written over with it.
pub(super) fn reasons(why: String, lost: Option<DeployError>) -> Vec<String> {
    let lost = lost.map(|err| format!("{err}; it was taken back by the audit log"));
    [why].into_iter().chain(lost).collect()
}

/// Makes the candidate the stable generation without waiting for a verdict: a person has
/// decided. Checks after still run.
///
/// # Errors
///
/// `WrongPhase` where there is no canary; a candidate that was tampered with is an error too.
pub fn promote<F: Vfs>(root: &Root<'_, F>) -> Result<Applied, DeployError> {
    let rollout = until_taken(|| {
        let (pointer, rollout) = root.under_way()?;
        if !matches!(pointer.phase, Phase::Canary | Phase::Paused) {
            return Err(DeployError::WrongPhase { phase: pointer.phase, wanted: "promoted" });
        }
        root.check_candidate(&pointer)?;
        root.promote_from(&pointer, &rollout)?;
        Ok(rollout)
    })?;
    match root.held(&rollout.id)? {
        Some(_held) => root.drive(&rollout.id),
        None => root.applied(&rollout.id),
    }
}

/// The id of the rollout that is under way.
pub(super) fn moving(pointer: &Pointer) -> Result<&str, DeployError> {
    let moving = pointer.deployment.as_deref().filter(|_| pointer.phase.is_under_way());
    moving.ok_or(DeployError::Idle)
}

impl<F: Vfs> Root<'_, F> {
    /// The rollout that is under way.
    pub(crate) fn under_way(&self) -> Result<(Pointer, Rollout), DeployError> {
        let pointer = self.pointer()?;
        let rollout = self.kept(moving(&pointer)?)?;
        Ok((pointer, rollout))
    }

    /// Whether what is on trial is as it was published: else nobody gets more of it.
    fn check_candidate(&self, pointer: &Pointer) -> Result<(), DeployError> {
        let Some(candidate) = pointer.candidate else { return Ok(()) };
        Due::of(self.store, Some(pointer))?.verify(self.store, candidate.generation)?;
        Ok(())
    }

    /// The lock of a rollout's controller, where nobody has it for longer than a moment.
    pub(crate) fn held(&self, id: &str) -> Result<Option<Held>, DeployError> {
        for _ in 1..FEW_ATTEMPTS {
            if let Some(held) = self.store.lock_rollout(id)? {
                return Ok(Some(held));
            }
            (self.around.sleep)(ATTEMPT);
        }
        Ok(self.store.lock_rollout(id)?)
    }

    /// Takes a rollout back, and sees that through; the process that drives it finds it
    /// ended.
    pub(crate) fn end(
        &self,
        pointer: &Pointer,
        mut rollout: Rollout,
        outcome: Outcome,
        reasons: Vec<String>,
    ) -> Result<Applied, DeployError> {
        let id = rollout.id.clone();
        if pointer.phase != Phase::Aborting {
            self.back(pointer, rollout, outcome, reasons)?;
        } else if rollout.abort.is_none() {
            rollout.abort = Some(Abort { outcome, reasons, at: pointer.phase });
            self.settle(pointer, rollout)?;
        }
        self.drive(&id)
    }
}
