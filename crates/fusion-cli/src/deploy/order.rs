use std::fmt::Write as _;

use overlay_deploy::{Applied, Health, Outcome, Weight};
use overlay_store::{GenerationId, Phase};
use serde::Serialize;

use super::refusal::exit_of;
use super::site::Site;
use super::watch::word;
use crate::exit::Exit;
use crate::output::{Output, Report};

/// What an order about a rollout or a root came to.
#[derive(Serialize)]
pub(crate) struct OrderReport {
    /// What was ordered: `pause`, `rollback`, ….
    order: &'static str,
    /// How the deployment ended, or where it stands.
    outcome: Outcome,
    /// Why, for people.
    reasons: Vec<String>,
    deployment_id: Option<String>,
    /// The candidate.
    generation: Option<GenerationId>,
    /// What is in force now.
    stable: Option<GenerationId>,
    phase: Option<Phase>,
    epoch: u64,
    /// The candidate's share of the units, in percent.
    weight: f64,
    health: Health,
}

impl OrderReport {
    pub(crate) fn of(order: &'static str, applied: &Applied, site: &Site) -> anyhow::Result<Self> {
        let health = site.condition()?.health;
        let (rollout, pointer) = (applied.rollout.as_ref(), applied.pointer.as_ref());
        Ok(Self {
            order,
            outcome: applied.outcome,
            reasons: applied.reasons.clone(),
            deployment_id: rollout.map(|it| it.id.clone()),
            generation: rollout.map(|it| it.candidate.generation),
            stable: pointer.map(|it| it.stable.generation),
            phase: pointer.map(|it| it.phase),
            epoch: pointer.map_or(0, |it| it.epoch),
            weight: Weight(pointer.map_or(0, |it| it.weight)).percent(),
            health,
        })
    }

    /// Prints it; the exit code is that of the outcome, but for an outcome that was `wanted`.
    pub(crate) fn end(self, wanted: Outcome, output: &mut Output) -> anyhow::Result<Exit> {
        output.show(&self)?;
        let is_done = self.outcome == wanted;
        Ok(if is_done { Exit::DONE } else { exit_of(self.outcome.exit_code()) })
    }
}

impl Report for OrderReport {
    const SCHEMA: &'static str = "fusion/deploy-order/1";

    fn text(&self, _width: usize) -> String {
        let mut res = self.outcome.to_string();
        // Writing to a string cannot fail.
        if let Some(stable) = self.stable {
            let _ = write!(res, ": generation {stable} is in force, epoch {}", self.epoch);
        }
        let is_shared = |it: &Phase| matches!(it, Phase::Canary | Phase::Paused);
        if let (Some(phase), Some(candidate)) = (self.phase.filter(is_shared), self.generation) {
            let (phase, weight) = (word(phase), self.weight);
            let _ = write!(res, "; generation {candidate} is {phase} at {weight} %");
        }
        res.push('\n');
        if let Some(id) = &self.deployment_id {
            let _ = writeln!(res, "  deployment {id}");
        }
        for reason in &self.reasons {
            let _ = writeln!(res, "  {}", reason.replace('\n', "\n  "));
        }
        res
    }
}

/// `degraded` and why, each reason on a line of its own.
pub(super) fn health_text(health: &Health) -> String {
    let mut res = match health.status {
        overlay_deploy::HealthStatus::Healthy => "healthy\n",
        overlay_deploy::HealthStatus::Degraded => "degraded\n",
        overlay_deploy::HealthStatus::Unhealthy => "unhealthy\n",
        overlay_deploy::HealthStatus::Unknown => "unknown: nothing is deployed\n",
    }
    .to_owned();
    for reason in &health.reasons {
        // Writing to a string cannot fail.
        let _ = writeln!(res, "  {}", reason.replace('\n', "\n  "));
    }
    res
}
