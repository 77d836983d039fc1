use std::fmt::Write as _;

use clap::Args;
use overlay_deploy::{HealthStatus, LiveGeneration, StatusReport, status, verify};
use overlay_store::Phase;

use super::Told;
use super::order::health_text;
use super::refusal::{deploy_error, exit_of};
use super::watch::word;
use crate::exit::{Exit, worst};
use crate::output::Output;

/// Say what is live, and how it is
///
/// Nothing is locked or written: it works while a rollout is under way.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion deploy status --root prod
  fusion deploy status --root prod --json

Ends with 1 where what is live is unhealthy, with 5 where nothing is deployed, with 8 where a
live generation is not as it was published.")]
pub(super) struct Status {}

impl Status {
    pub(super) fn run(self, told: Told<'_>, output: &mut Output) -> anyhow::Result<Exit> {
        let store = told.root.open(told.environment)?;
        let name = told.root.environment(Some(&store), told.environment)?;
        let report = status(&store, &name).map_err(deploy_error)?;
        output.answer(&report, &text(&report))?;
        let mut exit = match report.health.status {
            HealthStatus::Healthy => Exit::DONE,
            HealthStatus::Degraded if output.strict => Exit::FINDINGS,
            HealthStatus::Degraded => Exit::DONE,
            HealthStatus::Unhealthy => Exit::FINDINGS,
            HealthStatus::Unknown => Exit::NOTHING,
        };
        if exit == Exit::FINDINGS {
            let verified = verify(&store, false).map_err(deploy_error)?;
            let wrong = verified.iter().filter_map(|it| it.result.as_ref().err());
            exit = wrong.map(|it| exit_of(it.exit_code())).fold(exit, worst);
        }
        Ok(exit)
    }
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
    for (name, digest) in overlays {
        let _ = writeln!(res, "  {name:24} {}", digest.short());
    }
}
