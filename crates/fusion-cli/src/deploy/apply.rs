use std::fmt::Write as _;
use std::time::{Duration, Instant};

use clap::Args;
use overlay_deploy::{
    Applied, ApplyReport, DeployError, Health, HealthStatus, Mode, Outcome, Planned, Reached,
    RollbackOutcome, RollbackReport, Root, Warning, execute, tree_findings,
};
use overlay_loader::FileFinding;
use overlay_model::Severity;
use overlay_store::GenerationId;

use super::interrupt::tell_when_ended;
use super::plan::Refused;
use super::recover::recover_first;
use super::refusal::exit_of;
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
        let site = told.root.begun(told.environment)?;
        if let Some(site) = &site {
            recover_first(site, output, told.environment)?;
        }
        let store = site.as_ref().map(Site::store);
        let name = told.root.environment(store, told.environment)?;
        let (planned, mut findings) =
            self.wanted.plan(store, &told.root.dir(told.environment)?, name.clone())?;
        // No root is made for what would be refused in it.
        if let (None, Some(planned)) = (&site, &planned) {
            findings.extend(tree_findings(&planned.tree, &name));
        }
        let is_sound = !findings.iter().any(|it| it.diagnostic.is_error());
        let Some(planned) = planned.filter(|_| is_sound) else {
            return self.refused(site.as_ref(), &findings, output);
        };
        agree(&planned, told, output)?;
        let site = site.map_or_else(|| told.root.made(told.environment), Ok)?;
        deploy(&site, &planned, told, output, |_| Ok(()))
    }

    /// Nothing was begun: the files as they were given cannot be planned.
    fn refused(
        &self,
        site: Option<&Site>,
        findings: &[FileFinding],
        output: &mut Output,
    ) -> anyhow::Result<Exit> {
        let errors: Vec<FileFinding> =
            findings.iter().filter(|it| it.diagnostic.is_error()).cloned().collect();
        let refused = Refused::of(&errors);
        let live = site.map(Site::condition).transpose()?;
        let nothing = || Health { status: HealthStatus::Unknown, reasons: Vec::new() };
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
            backup: live.as_ref().and_then(|it| Some(it.stable.as_ref()?.generation)),
            health: live.map_or_else(nothing, |it| it.health),
            duration_ms: 0,
        };
        let words = text(Outcome::Refused, &report, report.backup, None);
        output.answer(&report, &words)?;
        Ok(Exit::FINDINGS)
    }
}

/// Asks whether a plan is to be carried out.
pub(super) fn agree(planned: &Planned, told: Told<'_>, output: &mut Output) -> anyhow::Result<()> {
    let plan = &planned.plan;
    if plan.is_empty() {
        return Ok(());
    }
    // Who is asked sees the whole plan.
    if !told.consent.is_asked(told.environment) {
        let warned = plan.warnings.iter().filter(|it| it.diagnostic.severity > Severity::Note);
        for Warning { path, diagnostic } in warned {
            let path = if path.is_empty() { String::new() } else { format!("{path}: ") };
            output.remark(&format!("{path}{diagnostic}\n"))?;
        }
    }
    told.consent.ask_after(&plan.to_string(), "Deploy this?", output, told.environment)
}

/// Carries out a plan; `first` is done right before.
pub(super) fn deploy(
    site: &Site,
    planned: &Planned,
    told: Told<'_>,
    output: &mut Output,
    first: impl FnOnce(&Root<'_>) -> Result<(), DeployError>,
) -> anyhow::Result<Exit> {
    tell_when_ended(site, output.format, told.environment);
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
    let health = site.condition()?.health;
    let report = ApplyReport::of(applied, &planned.plan, health, took);
    let stable = applied.pointer.as_ref().map(|it| it.stable.generation);
    output.answer(&report, &text(applied.outcome, &report, stable, Some(site)))?;
    Ok(exit_of(applied.outcome.exit_code()))
}

/// In words; `stable` is in force now.
fn text(
    outcome: Outcome,
    report: &ApplyReport,
    stable: Option<GenerationId>,
    site: Option<&Site>,
) -> String {
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
    let _ = match (outcome, stable.or(report.backup)) {
        (
            Outcome::RolledBack | Outcome::Aborted | Outcome::Refused | Outcome::Frozen,
            Some(stable),
        ) => {
            let as_before = if report.backup == Some(stable) { ", as before" } else { "" };
            writeln!(res, "  in force: generation {stable}{as_before}")
        }
        _ => Ok(()),
    };
    let _ = match (outcome, report.backup) {
        (Outcome::Deployed, Some(backup)) => {
            let root =
                site.map_or_else(String::new, |it| format!(" --root {}", it.dir().display()));
            writeln!(res, "  back to generation {backup}: fusion deploy rollback{root}")
        }
        _ => Ok(()),
    };
    if !matches!(report.health.status, HealthStatus::Healthy | HealthStatus::Unknown) {
        // Of a root that is frozen they are the same.
        let is_news = |it: &&String| !report.errors.contains(it);
        let reasons = report.health.reasons.iter().filter(is_news).cloned().collect();
        res.push_str(&order::health_text(&Health { reasons, ..report.health }));
    }
    res
}
