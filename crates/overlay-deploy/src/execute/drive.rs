//! The state machine: each arrow is one move of the pointer.

use overlay_store::vfs::Vfs;
use overlay_store::{Change, GenerationId, Phase, Pointer, StoreError, WriteError};

use super::stage::StageEnd;
use super::{Applied, action, failures};
use crate::check::was_in_force;
use crate::file::When;
use crate::mode::Mode;
use crate::outcome::{DeployError, Outcome};
use crate::rollout::{Abort, Rollout};
use crate::root::Root;

impl<F: Vfs> Root<'_, F> {
    /// Sees the rollout `id` through from where the pointer says it stands. Whoever calls
    /// this holds the rollout's lock.
    pub(crate) fn drive(&self, id: &str) -> Result<Applied, DeployError> {
        loop {
            let pointer = self.pointer()?;
            let is_ours = pointer.deployment.as_deref() == Some(id);
            if !is_ours || matches!(pointer.phase, Phase::Stable | Phase::Paused | Phase::Frozen) {
                return self.applied(id);
            }
            match self.advance(&pointer, self.kept(id)?) {
                // Somebody else moved the pointer: what it says now counts.
                Ok(()) | Err(DeployError::Write(WriteError::BaseMoved { .. })) => {}
                Err(err) => return Err(err),
            }
        }
    }

    /// Where the rollout `id` stands, as far as it came.
    pub(crate) fn applied(&self, id: &str) -> Result<Applied, DeployError> {
        let pointer = self.pointer()?;
        let rollout = self.kept(id)?;
        let is_ours = pointer.deployment.as_deref() == Some(id);
        let ended = rollout.ended.as_ref();
        let (outcome, reasons) = match pointer.phase {
            Phase::Paused if is_ours => (Outcome::Paused, last_reasons(&rollout)),
            _ => match ended {
                Some(it) => (it.outcome, it.reasons.clone()),
                None => {
                    let why = "another deployment took its place".to_owned();
                    (Outcome::Aborted, vec![why])
                }
            },
        };
        let checks = rollout.results.clone();
        Ok(Applied { outcome, reasons, rollout: Some(rollout), pointer: Some(pointer), checks })
    }

    /// Takes one step.
    fn advance(&self, pointer: &Pointer, rollout: Rollout) -> Result<(), DeployError> {
        match pointer.phase {
            Phase::Staged => {
                let change = Change { phase: Phase::PreCheck, ..Change::from(pointer) };
                self.go(pointer.epoch, change, action::PRE_CHECK, &rollout).map(drop)
            }
            Phase::PreCheck => self.pre_check(pointer, rollout),
            Phase::Canary => self.canary(pointer, rollout),
            Phase::Promoting => self.put_in_force(pointer, &rollout),
            Phase::PostCheck => self.post_check(pointer, rollout),
            Phase::Aborting => self.settle(pointer, rollout),
            Phase::Stable | Phase::Paused | Phase::Frozen => Ok(()),
        }
    }

    /// The candidate as it was published, and the checks of one's own.
    fn pre_check(&self, pointer: &Pointer, mut rollout: Rollout) -> Result<(), DeployError> {
        if let Err(reasons) = self.loads(rollout.candidate, &rollout.environment)? {
            return self.back(pointer, rollout, Outcome::RolledBack, reasons);
        }
        let results = self.outer_checks(&rollout, When::Pre);
        let reasons = failures(&results);
        rollout.results.extend(results);
        if !reasons.is_empty() {
            return self.back(pointer, rollout, Outcome::RolledBack, reasons);
        }
        match rollout.mode {
            Mode::Staged => self.expose(pointer, &rollout, 0),
            Mode::Direct | Mode::BlueGreen => self.promote_from(pointer, &rollout),
        }
    }

    /// Gives the candidate the share of a stage; after the last one it is promoted.
    fn expose(&self, pointer: &Pointer, rollout: &Rollout, step: u32) -> Result<(), DeployError> {
        let Some(weight) = rollout.rules.stages.weight(step) else {
            return self.promote_from(pointer, rollout);
        };
        let change = Change {
            phase: Phase::Canary,
            weight: weight.0,
            step,
            step_started_us: self.now_us(),
            ..Change::from(pointer)
        };
        self.go(pointer.epoch, change, action::CANARY, rollout).map(drop)
    }

    fn canary(&self, pointer: &Pointer, mut rollout: Rollout) -> Result<(), DeployError> {
        match self.watch_stage(pointer, &mut rollout)? {
            StageEnd::Passed => self.expose(pointer, &rollout, pointer.step + 1),
            StageEnd::Failed(reasons) => self.back(pointer, rollout, Outcome::RolledBack, reasons),
            StageEnd::Unclear => {
                let change = Change { phase: Phase::Paused, ..Change::from(pointer) };
                self.go(pointer.epoch, change, action::PAUSED, &rollout).map(drop)
            }
            StageEnd::Moved => Ok(()),
        }
    }

    pub(crate) fn promote_from(
        &self,
        pointer: &Pointer,
        rollout: &Rollout,
    ) -> Result<(), DeployError> {
        let change = Change { phase: Phase::Promoting, ..Change::from(pointer) };
        self.go(pointer.epoch, change, action::PROMOTING, rollout).map(drop)
    }

    fn put_in_force(&self, pointer: &Pointer, rollout: &Rollout) -> Result<(), DeployError> {
        let change = Change {
            phase: Phase::PostCheck,
            step: pointer.step,
            ..self.change(rollout.candidate, &rollout.id)
        };
        match self.go(pointer.epoch, change, action::POST_CHECK, rollout) {
            // It was whole when it was checked: whoever changed it since must not get it live.
            Err(DeployError::Write(WriteError::Tampered { generation, .. })) => {
                let why = format!("generation {generation} was tampered with");
                self.back(pointer, rollout.clone(), Outcome::RolledBack, vec![why])
            }
            res => res.map(drop),
        }
    }

    fn post_check(&self, pointer: &Pointer, mut rollout: Rollout) -> Result<(), DeployError> {
        if let Err(reasons) = self.loads(pointer.stable, &rollout.environment)? {
            return self.back(pointer, rollout, Outcome::RolledBack, reasons);
        }
        // The last stage of a staged rollout was everybody's: it has been watched already.
        if rollout.mode != Mode::Staged {
            match self.watch_new(pointer, &rollout)? {
                StageEnd::Passed | StageEnd::Unclear => {}
                StageEnd::Failed(reasons) => {
                    return self.back(pointer, rollout, Outcome::RolledBack, reasons);
                }
                StageEnd::Moved => return Ok(()),
            }
        }
        let results = self.outer_checks(&rollout, When::Post);
        let reasons = failures(&results);
        rollout.results.extend(results);
        if !reasons.is_empty() {
            return self.back(pointer, rollout, Outcome::RolledBack, reasons);
        }
        rollout.end(Outcome::Deployed, Vec::new(), self.now_us());
        let change =
            Change { phase: Phase::Stable, candidate: None, weight: 0, ..Change::from(pointer) };
        self.go(pointer.epoch, change, action::DEPLOYED, &rollout).map(drop)
    }

    /// Gives all units back to the old generation, at once.
    pub(crate) fn back(
        &self,
        pointer: &Pointer,
        mut rollout: Rollout,
        outcome: Outcome,
        reasons: Vec<String>,
    ) -> Result<(), DeployError> {
        rollout.abort = Some(Abort { outcome, reasons, at: pointer.phase });
        let Some(base) = rollout.base else {
            let why = "there is no generation to return to".to_owned();
            return self.freeze(pointer, rollout, why);
        };
        let change = Change { phase: Phase::Aborting, ..self.change(base, &rollout.id) };
        match self.go(pointer.epoch, change, action::ABORTING, &rollout) {
            Err(DeployError::Write(WriteError::Tampered { generation, .. })) => {
                let why = format!("generation {generation} was tampered with");
                self.freeze(pointer, rollout, fails_too(&why))
            }
            res => res.map(drop),
        }
    }

    /// Ends the way back: the old generation is whole, loads, and was in force for good
    /// before, or everything stands still.
    pub(crate) fn settle(
        &self,
        pointer: &Pointer,
        mut rollout: Rollout,
    ) -> Result<(), DeployError> {
        let base = rollout.base.unwrap_or(pointer.stable);
        if let Err(reasons) = self.loads(base, &rollout.environment)? {
            return self.freeze(pointer, rollout, fails_too(&reasons.join("; ")));
        }
        if !self.has_passed(base.generation)? {
            return self.freeze(pointer, rollout, never_passed(base.generation));
        }
        let (outcome, reasons) = match rollout.abort.clone() {
            Some(it) => (it.outcome, it.reasons),
            None => (Outcome::RolledBack, Vec::new()),
        };
        rollout.end(outcome, reasons, self.now_us());
        let change = self.change(base, &rollout.id);
        self.go(pointer.epoch, change, action::BACK, &rollout).map(drop)
    }

    /// Whether what is returned to was ever in force for good. One that was frozen, or left in
    /// the middle of its checks, was not, and that another failed after it proves nothing of
    /// it.
    fn has_passed(&self, base: GenerationId) -> Result<bool, DeployError> {
        match was_in_force(self.store, base) {
            // A log that somebody damaged must not bar the way back; it shows by itself.
            Err(StoreError::Audit(_)) => Ok(true),
            known => Ok(known?),
        }
    }

    /// Nothing can be put in force: what is live stays as it is, and everybody is told `why`.
    fn freeze(
        &self,
        pointer: &Pointer,
        mut rollout: Rollout,
        why: String,
    ) -> Result<(), DeployError> {
        let mut reasons = rollout.abort.clone().map(|it| it.reasons).unwrap_or_default();
        reasons.push(why);
        rollout.end(Outcome::Frozen, reasons, self.now_us());
        let change =
            Change { phase: Phase::Frozen, candidate: None, weight: 0, ..Change::from(pointer) };
        self.go(pointer.epoch, change, action::FROZEN, &rollout).map(drop)
    }
}

fn fails_too(why: &str) -> String {
    format!("the old generation fails too: {why}")
}

fn never_passed(base: GenerationId) -> String {
    format!("generation {base} is in force again, and never passed its checks")
}

/// Why the last stage has no verdict.
fn last_reasons(rollout: &Rollout) -> Vec<String> {
    rollout.stages.last().map(|it| it.judgement.reasons.clone()).unwrap_or_default()
}
