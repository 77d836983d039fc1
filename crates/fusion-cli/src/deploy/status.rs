use std::fmt::Write as _;

use clap::Args;
use overlay_deploy::{HealthStatus, LiveGeneration, StatusReport};
use overlay_store::Phase;
use serde::Serialize;

use super::Told;
use super::order::health_text;
use super::watch::word;
use crate::budget::Fall;
use crate::condition::condition;
use crate::doctor::variables;
use crate::exit::Exit;
use crate::output::Output;

/// Say what is live, and how it is
///
/// Rollout, audit log, databases, response times, the switch and what instances say are judged as
/// by `fusion health`, which also asks the service, and as by every command that ends with a
/// health. Nothing is locked or written: it works while a rollout is
/// under way.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion deploy status --root prod
  fusion deploy status --root prod --json

Ends with 1 where what is live is unhealthy, with 5 where nothing is deployed, with 8 where a
live generation, the pointer or the audit log is not as it was written.")]
pub(super) struct Status {}

impl Status {
    pub(super) fn run(self, told: Told<'_>, output: &mut Output) -> anyhow::Result<Exit> {
        let store = told.root.open(told.environment)?;
        let name = told.root.shown_environment(&store)?;
        let dir = told.root.dir(told.environment)?;
        let report = condition(&dir, &store, &name, &variables(told.environment))?;
        let budget_fall = Fall::of(&store);
        let words = text(&report) + &budget_fall.as_ref().map(Fall::text).unwrap_or_default();
        output.answer(&Answer { report: &report, budget_fall }, &words)?;
        Ok(match report.health.status {
            _ if report.is_tampered => Exit::INTEGRITY,
            HealthStatus::Healthy => Exit::DONE,
            HealthStatus::Degraded if output.strict => Exit::FINDINGS,
            HealthStatus::Degraded => Exit::DONE,
            HealthStatus::Unhealthy => Exit::FINDINGS,
            HealthStatus::Unknown => Exit::NOTHING,
        })
    }
}

#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    report: &'a StatusReport,
    /// Where the built-in minimum is in force because of the token budget.
    #[serde(skip_serializing_if = "Option::is_none")]
    budget_fall: Option<Fall>,
}

fn text(report: &StatusReport) -> String {
    let mut res = String::new();
    // Writing to a string cannot fail.
    if let (Some(phase), Some(stable)) = (report.phase, &report.stable) {
        let share = match phase {
            Phase::Canary | Phase::Paused => format!(" at {} %", report.weight),
            _ => String::new(),
        };
        let _ = writeln!(res, "{}{share}, epoch {}", word(phase), report.epoch);
        generation(&mut res, "in force", stable);
        if let Some(candidate) = &report.candidate {
            generation(&mut res, "on trial", candidate);
        }
        if let Some(deployment) = &report.deployment {
            let _ = writeln!(res, "deployment {deployment}");
        }
    }
    res + &health_text(&report.health)
}

fn generation(res: &mut String, title: &str, live: &LiveGeneration) {
    let LiveGeneration { generation, digest, overlays } = live;
    // Writing to a string cannot fail.
    let _ = match digest {
        Some(digest) => writeln!(res, "{title}: generation {generation}, tree {}", digest.short()),
        None => writeln!(res, "{title}: generation {generation}, not as it was published"),
    };
    let width = overlays.keys().map(String::len).max().unwrap_or_default().max(24);
    for (name, digest) in overlays {
        let _ = writeln!(res, "  {name:width$} {}", digest.short());
    }
}
