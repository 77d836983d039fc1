use std::time::Duration;

use jiff::Timestamp;
use overlay_store::{GenerationId, GenerationRef, Phase};
use serde::Serialize;

use super::status::Health;
use crate::execute::Applied;
use crate::mode::Mode;
use crate::outcome::{Outcome, RollbackOutcome};
use crate::plan::Plan;

/// What a deployment came to: `deploy apply --json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ApplyReport {
    /// The version of this format: `fusion/deploy-apply/1`.
    pub schema: &'static str,
    /// Whether the candidate is the stable generation.
    pub deployed: bool,
    /// The id; `None` where nothing was begun.
    pub deployment_id: Option<String>,
    /// How far it came.
    pub stage: Reached,
    /// The candidate's generation; `None` where none was made.
    pub generation: Option<GenerationId>,
    /// What went wrong, for people.
    pub errors: Vec<String>,
    /// What became of the way back.
    pub rollback: RollbackReport,
    /// The names of the overlays, separated by commas.
    pub overlay_name: String,
    /// How it was deployed.
    pub deployment_mode: Mode,
    /// When it began, as RFC 3339 in UTC; `None` where nothing was begun.
    pub deployment_time: Option<String>,
    /// The generation to return to; `None` for the first one.
    pub backup: Option<GenerationId>,
    /// Whether what is live now can be.
    pub health: Health,
    /// How long it took.
    pub duration_ms: u64,
}

/// What became of the way back.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RollbackReport {
    /// Whether the old generation is in force again, for good.
    pub performed: bool,
    /// How it ended.
    pub outcome: RollbackOutcome,
}

/// How far a deployment came.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reached {
    /// The checks before; nothing was made live.
    Validation,
    /// The candidate was published, and no unit saw it.
    PreCheck,
    /// A share of the units saw it.
    Canary,
    /// It was about to become, or became, the stable generation.
    PostCheck,
    /// All of it.
    Complete,
}

impl ApplyReport {
    /// The report about `applied`, which took `duration`; `health` is that of now.
    pub fn of(applied: &Applied, plan: &Plan, health: Health, duration: Duration) -> Self {
        let rollout = applied.rollout.as_ref();
        let outcome = applied.outcome;
        let backup = plan.base.filter(|it| rollout.is_none_or(|rollout| rollout.candidate != *it));
        let rollback = match outcome.rollback() {
            // Whoever took its place put something else in force.
            RollbackOutcome::Restored if stable(applied) != backup => RollbackOutcome::NotNeeded,
            rollback => rollback,
        };
        let started = rollout.and_then(|it| Timestamp::from_microsecond(it.started_us).ok());
        Self {
            schema: "fusion/deploy-apply/1",
            deployed: outcome == Outcome::Deployed,
            deployment_id: rollout.map(|it| it.id.clone()),
            stage: reached(applied),
            generation: rollout.map(|it| it.candidate.generation),
            errors: applied.reasons.clone(),
            rollback: RollbackReport {
                performed: rollback == RollbackOutcome::Restored,
                outcome: rollback,
            },
            overlay_name: plan.overlays.join(","),
            deployment_mode: rollout.map_or(plan.mode, |it| it.mode),
            deployment_time: started.map(|it| it.to_string()),
            backup: backup.map(|it| it.generation),
            health,
            duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// What is in force now.
fn stable(applied: &Applied) -> Option<GenerationRef> {
    applied.pointer.as_ref().map(|it| it.stable)
}

fn reached(applied: &Applied) -> Reached {
    match applied.outcome {
        Outcome::Deployed | Outcome::Restored | Outcome::Unchanged => return Reached::Complete,
        Outcome::Refused => return Reached::Validation,
        Outcome::Paused => return Reached::Canary,
        Outcome::RolledBack | Outcome::Frozen | Outcome::Aborted => {}
    }
    let abort = applied.rollout.as_ref().and_then(|it| it.abort.as_ref());
    match abort.map(|it| it.at) {
        Some(Phase::Staged | Phase::PreCheck) => Reached::PreCheck,
        Some(Phase::Canary | Phase::Paused) => Reached::Canary,
        _ => Reached::PostCheck,
    }
}
