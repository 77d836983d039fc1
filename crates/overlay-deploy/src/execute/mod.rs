//! Carries out a plan, step by step; each step can be the last one.

mod drive;
mod gate;
mod stage;

use overlay_store::vfs::{Held, Vfs};
use overlay_store::{Change, GenerationRef, Origin, Phase, Pointer, Writer};
use serde_json::Map;

pub(crate) use self::gate::failures;
use crate::check::CheckResult;
use crate::file::When;
use crate::id::DeploymentId;
use crate::mode::Mode;
use crate::outcome::{DeployError, Outcome};
use crate::plan::{Plan, Planned};
use crate::rollout::Rollout;
use crate::root::{Root, base_of, check_base};

/// How far a deployment came.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// How it ended.
    pub outcome: Outcome,
    /// Why it ended so, for people; empty where all went well.
    pub reasons: Vec<String>,
    /// What is kept of it; `None` where nothing was begun.
    pub rollout: Option<Rollout>,
    /// What is live; `None` where nothing is.
    pub pointer: Option<Pointer>,
    /// The checks that ran.
    pub checks: Vec<CheckResult>,
}

/// The audit actions of a rollout; the store adds what became of each.
pub(crate) mod action {
    pub(crate) const STAGED: &str = "deploy_staged";
    pub(crate) const PRE_CHECK: &str = "deploy_pre_check";
    pub(crate) const CANARY: &str = "deploy_canary";
    pub(crate) const PAUSED: &str = "deploy_paused";
    pub(crate) const RESUMED: &str = "deploy_resumed";
    pub(crate) const PROMOTING: &str = "deploy_promoting";
    pub(crate) const POST_CHECK: &str = "deploy_post_check";
    pub(crate) const DEPLOYED: &str = "deploy";
    pub(crate) const ABORTING: &str = "deploy_aborting";
    pub(crate) const BACK: &str = "deploy_rolled_back";
    pub(crate) const FROZEN: &str = "deploy_frozen";
    pub(crate) const ROLLBACK: &str = "rollback";
    pub(crate) const REBUILT: &str = "pointer_rebuilt";
}

/// Deploys what was planned, and sees it through to its end, a pause, or an order of
/// somebody else.
///
/// Whatever happens, what is live is a whole generation: the old one, or the new one. A
/// process that dies on the way leaves a rollout that [`crate::resume`] continues and
/// [`crate::recover`] takes back.
///
/// # Errors
///
/// [`DeployError`]; `BaseMoved` where the root is not at the epoch of the plan,
/// `OutcomeUnknown` where the disk failed at the moment of a switch.
pub fn execute<F: Vfs>(
    root: &Root<'_, F>,
    planned: &Planned,
    id: &DeploymentId,
) -> Result<Applied, DeployError> {
    let plan = &planned.plan;
    if let Some(applied) = root.without_change(plan)? {
        return Ok(applied);
    }
    let results = root.inner_checks(planned)?;
    let reasons = failures(&results);
    if !reasons.is_empty() {
        let pointer = root.store.current()?;
        let outcome = Outcome::Refused;
        return Ok(Applied { outcome, reasons, rollout: None, pointer, checks: results });
    }
    match plan.mode {
        Mode::Direct => root.direct(planned, id, results),
        Mode::Staged | Mode::BlueGreen => root.begin(planned, id, results),
    }
}

impl<F: Vfs> Root<'_, F> {
    /// What a plan that changes no file comes to: nothing to do where its tree is in force for
    /// good, the rest of a first deployment whose process died, or `None` where the tree has
    /// to go through its checks once more.
    fn without_change(&self, plan: &Plan) -> Result<Option<Applied>, DeployError> {
        let pointer = if plan.changes.is_empty() { self.store.current()? } else { None };
        let Some(pointer) = pointer else { return Ok(None) };
        base_of(Some(&pointer), plan.base_epoch)?;
        if let Some((rollout, _held)) = self.abandoned_first(&pointer)? {
            return self.drive(&rollout.id).map(Some);
        }
        idle(Some(&pointer))?;
        if plan.is_empty() { self.unchanged().map(Some) } else { Ok(None) }
    }

    /// The first deployment of a root, whose process died before the checks after it ended,
    /// with the lock of its controller. There is nothing to go back to.
    pub(crate) fn abandoned_first(
        &self,
        pointer: &Pointer,
    ) -> Result<Option<(Rollout, Held)>, DeployError> {
        let id = pointer.deployment.as_deref().filter(|_| pointer.phase == Phase::PostCheck);
        let Some(id) = id else { return Ok(None) };
        let (rollout, _) = self.kept_or_told(id)?;
        if rollout.base.is_some() {
            return Ok(None);
        }
        Ok(self.held(id)?.map(|held| (rollout, held)))
    }

    pub(crate) fn unchanged(&self) -> Result<Applied, DeployError> {
        let pointer = self.store.current()?;
        let (outcome, reasons) = (Outcome::Unchanged, Vec::new());
        Ok(Applied { outcome, reasons, rollout: None, pointer, checks: Vec::new() })
    }

    /// Publishes the candidate, gives it a place in the pointer, and drives on from there.
    fn begin(
        &self,
        planned: &Planned,
        id: &DeploymentId,
        results: Vec<CheckResult>,
    ) -> Result<Applied, DeployError> {
        let mut writer = self.lock(Some(id.as_str()))?;
        let (rollout, _held) = self.publish(&mut writer, planned, id, results)?;
        let base = rollout.base.ok_or(DeployError::Nothing)?;
        let change = Change {
            phase: Phase::Staged,
            candidate: Some(rollout.candidate),
            ..self.change(base, id.as_str())
        };
        self.switch(&mut writer, planned.plan.base_epoch, change, action::STAGED, &rollout)?;
        drop(writer);
        self.drive(id.as_str())
    }

    /// Publishes the candidate and puts it in force in one step, with what can be checked
    /// before checked before.
    fn direct(
        &self,
        planned: &Planned,
        id: &DeploymentId,
        results: Vec<CheckResult>,
    ) -> Result<Applied, DeployError> {
        let plan = &planned.plan;
        let mut writer = self.lock(Some(id.as_str()))?;
        let (mut rollout, _held) = self.publish(&mut writer, planned, id, results)?;
        let mut change = self.change(rollout.candidate, id.as_str());
        if is_quiet(plan) {
            rollout.end(Outcome::Deployed, Vec::new(), self.now_us());
            self.switch(&mut writer, plan.base_epoch, change, action::DEPLOYED, &rollout)?;
            return self.applied(id.as_str());
        }
        writer.write_rollout(id.as_str(), &rollout.encode()?)?;
        drop(writer);
        let results = self.outer_checks(&rollout, When::Pre);
        let reasons = failures(&results);
        rollout.results.extend(results);
        if !reasons.is_empty() {
            return self.refuse(rollout, reasons);
        }
        change.phase = Phase::PostCheck;
        self.go(plan.base_epoch, change, action::POST_CHECK, &rollout)?;
        self.drive(id.as_str())
    }

    /// Ends a rollout that the pointer has not come to know.
    fn refuse(&self, mut rollout: Rollout, reasons: Vec<String>) -> Result<Applied, DeployError> {
        rollout.end(Outcome::Refused, reasons.clone(), self.now_us());
        let mut writer = self.wait_lock(Some(&rollout.id))?;
        writer.write_rollout(&rollout.id, &rollout.encode()?)?;
        let pointer = writer.current().cloned();
        let checks = rollout.results.clone();
        Ok(Applied { outcome: Outcome::Refused, reasons, rollout: Some(rollout), pointer, checks })
    }

    /// Makes the generation, and takes the rollout's lock.
    fn publish(
        &self,
        writer: &mut Writer<'_, F>,
        planned: &Planned,
        id: &DeploymentId,
        results: Vec<CheckResult>,
    ) -> Result<(Rollout, Held), DeployError> {
        let plan = &planned.plan;
        check_base(writer, plan.base_epoch)?;
        self.make_way(writer, id)?;
        if self.store.read_rollout(id.as_str())?.is_some() {
            return Err(DeployError::IdTaken(id.clone()));
        }
        let held = self.store.lock_rollout(id.as_str())?;
        let held = held.ok_or_else(|| DeployError::Driven(id.to_string()))?;
        let at_us = self.now_us();
        let candidate = match plan.base.filter(|_| plan.again) {
            Some(stable) => stable,
            None => writer.publish(&planned.tree, origin(plan), id.as_str(), at_us)?,
        };
        Ok((self.record(plan, id, candidate, results), held))
    }

    /// Only a root with nothing under way, or with nothing left to lose, takes a deployment.
    fn make_way(&self, writer: &mut Writer<'_, F>, id: &DeploymentId) -> Result<(), DeployError> {
        let Some(pointer) = writer.current().cloned() else { return Ok(()) };
        match self.abandoned_first(&pointer)? {
            Some(_held) => {
                self.supersede(writer, &pointer, format!("the deployment {id} took its place"))
            }
            None => idle(Some(&pointer)),
        }
    }

    fn record(
        &self,
        plan: &Plan,
        id: &DeploymentId,
        candidate: GenerationRef,
        results: Vec<CheckResult>,
    ) -> Rollout {
        Rollout {
            v: Rollout::VERSION,
            id: id.to_string(),
            environment: plan.environment.clone(),
            mode: plan.mode,
            actor: self.around.actor.to_owned(),
            started_us: self.now_us(),
            overlays: plan.overlays.clone(),
            // What is checked once more is no way back from itself.
            base: plan.base.filter(|_| !plan.again),
            candidate,
            tree: plan.tree,
            rules: plan.rules.clone(),
            checks: plan.checks.clone(),
            specs: plan.specs.clone(),
            results,
            stages: Vec::new(),
            control: None,
            abort: None,
            ended: None,
            notes: Map::new(),
        }
    }

    /// The pointer with `stable` in force, from now on.
    pub(crate) fn change(&self, stable: GenerationRef, deployment: &str) -> Change {
        Change {
            deployment: Some(deployment.to_owned()),
            step_started_us: self.now_us(),
            ..Change::to(stable)
        }
    }
}

/// Whether there is nothing to ask and nothing to wait for: what was checked before
/// anything was written is all there is.
fn is_quiet(plan: &Plan) -> bool {
    plan.rules.bake.0.is_zero() && plan.checks.iter().all(|it| it.kind.is_inner())
}

/// Whether nothing is under way.
fn idle(pointer: Option<&Pointer>) -> Result<(), DeployError> {
    match pointer {
        Some(it) if it.phase.is_under_way() => {
            let deployment = it.deployment.clone().unwrap_or_default();
            Err(DeployError::UnderWay { deployment, phase: it.phase })
        }
        _ => Ok(()),
    }
}

fn origin(plan: &Plan) -> Origin {
    let facts = [
        ("environment", plan.environment.to_string()),
        ("mode", plan.mode.to_string()),
        ("overlays", plan.overlays.join(",")),
    ];
    Origin {
        made_by: "apply".to_owned(),
        facts: facts.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
    }
}
