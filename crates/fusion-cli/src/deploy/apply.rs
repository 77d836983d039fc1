use std::fmt::Write as _;
use std::time::{Duration, Instant};

use clap::Args;
use overlay_deploy::{
    Applied, ApplyReport, DeployError, HealthStatus, Mode, Outcome, Planned, Reached,
    RollbackOutcome, RollbackReport, Root, execute, status,
};
use overlay_loader::FileFinding;

use super::plan::Refused;
use super::recover::recover_first;
use super::refusal::{deploy_error, exit_of};
use super::site::{Site, new_id};
use super::wanted::Wanted;
use super::watch::Watch;
use super::{Told, order};
use crate::exit::Exit;
use crate::output::Output;

/// Deploy overlays, and see it through to its end
///
/// The checks of the environment come first; what does not pass never goes live. A staged
/// rollout is judged stage by stage, and taken back by itself where the candidate does harm.
/// `pause`, `abort`, `promote` and `status` work meanwhile, from another terminal. What an
/// earlier process left half is put in order first.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion deploy apply configs/overlays/fusion_overlay.rollback_first.txt --root prod
  fusion deploy apply --from configs --root prod --env staging
  fusion deploy apply fusion_overlay.refund.txt --root prod --mode staged --stages 5,50,100 \\
      --bake 10m --base-epoch 12 --yes --json

Ends with 1 where a check did not pass, with 3 paused, with 6 rolled back by itself, with 7
frozen, with 9 where the root moved on, with 10 aborted, with 75 where another deployment is
under way.")]
pub(super) struct Apply {
    #[command(flatten)]
    wanted: Wanted,
}

impl Apply {
    pub(super) fn run(self, told: Told<'_>, output: &mut Output) -> anyhow::Result<Exit> {
        let site = told.root.made(told.environment)?;
        recover_first(&site, output, told.environment)?;
        let name = site.environment().clone();
        let (planned, findings) = self.wanted.plan(Some(site.store()), site.dir(), name)?;
        let Some(planned) = planned else { return self.refused(&site, &findings, output) };
        deploy(&site, &planned, told, output, |_| Ok(()))
    }

    /// Nothing was begun: the files as they were given cannot be planned.
    fn refused(
        &self,
        site: &Site,
        findings: &[FileFinding],
        output: &mut Output,
    ) -> anyhow::Result<Exit> {
        let refused = Refused::of(findings);
        let live = status(site.store(), site.environment()).map_err(deploy_error)?;
        let report = ApplyReport {
            schema: "fusion/deploy-apply/1",
            deployed: false,
            deployment_id: None,
            stage: Reached::Validation,
            generation: None,
            errors: refused.lines(),
            rollback: RollbackReport { performed: false, outcome: RollbackOutcome::NotNeeded },
            overlay_name: self.wanted.names(),
            deployment_mode: self.wanted.how.mode.unwrap_or(Mode::Direct),
            deployment_time: None,
            backup: live.stable.as_ref().map(|it| it.generation),
            health: live.health,
            duration_ms: 0,
        };
        output.answer(&report, &text(Outcome::Refused, &report))?;
        Ok(Exit::FINDINGS)
    }
}

/// Carries out a plan, once somebody agreed; `first` is done right before.
pub(super) fn deploy(
    site: &Site,
    planned: &Planned,
    told: Told<'_>,
    output: &mut Output,
    first: impl FnOnce(&Root<'_>) -> Result<(), DeployError>,
) -> anyhow::Result<Exit> {
    let plan = &planned.plan;
    if !plan.is_empty() {
        told.consent.ask_after(&plan.to_string(), "Deploy this?", output, told.environment)?;
    }
    let (id, started) = (new_id()?, Instant::now());
    let watch = Watch::new(output, told.environment);
    let applied = site.act(&watch, |root| {
        first(root)?;
        execute(root, planned, &id)
    })?;
    drop(watch);
    report(site, planned, &applied, started.elapsed(), output)
}

fn report(
    site: &Site,
    planned: &Planned,
    applied: &Applied,
    took: Duration,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let health = status(site.store(), site.environment()).map_err(deploy_error)?.health;
    let report = ApplyReport::of(applied, &planned.plan, health, took);
    output.answer(&report, &text(applied.outcome, &report))?;
    Ok(exit_of(applied.outcome.exit_code()))
}

fn text(outcome: Outcome, report: &ApplyReport) -> String {
    let ApplyReport { overlay_name, deployment_mode, duration_ms, .. } = report;
    let what = if overlay_name.is_empty() { "the installation" } else { overlay_name };
    let mut res = format!("{outcome}: {what}");
    // Writing to a string cannot fail.
    if let Some(generation) = report.generation {
        let _ = write!(res, " as generation {generation}");
    }
    let _ = writeln!(res, ", {deployment_mode}, in {duration_ms} ms");
    if let Some(id) = &report.deployment_id {
        let _ = writeln!(res, "  deployment {id}");
    }
    for reason in &report.errors {
        let _ = writeln!(res, "  {}", reason.replace('\n', "\n  "));
    }
    let _ = match (outcome, report.backup) {
        (Outcome::RolledBack | Outcome::Aborted | Outcome::Refused, Some(backup)) => {
            writeln!(res, "  in force: generation {backup}, as before")
        }
        (Outcome::Deployed, Some(backup)) => {
            writeln!(res, "  back to generation {backup}: fusion deploy rollback --steps 1")
        }
        _ => Ok(()),
    };
    if report.health.status != HealthStatus::Healthy {
        res.push_str(&order::health_text(&report.health));
    }
    res
}
