use std::path::{Path, PathBuf};

use clap::Args;
use overlay_migrate::{
    Finding, Outcome, Plan, PlanReport, Progress, Site, apply, broken_off, recover,
};
use overlay_model::Severity;
use serde_json::Value;

use super::plan::ended;
use super::tree::{Decided, Folder, Planned, clock, has_runs, history, run_error};
use super::watched::watched;
use crate::consent::Consent;
use crate::environment::Environment;
use crate::exit::{Exit, refusal};
use crate::findings::plural;
use crate::input;
use crate::output::Output;

/// Take the steps of the plan, with a backup of each file
///
/// A run that was killed is finished first. While something is left to you nothing is done: a
/// tree half in this format would not load.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion migrate apply configs --keep fusion_overlay.refund_v2.1.txt
  fusion migrate apply configs --dry-run
  fusion migrate apply configs --plan plan.json

Ends with 1 where something is left to you, with 6 where a step failed and everything is as it
was, with 9 where a file is not the one the plan was made for, with 11 where a rollback was
killed: `fusion migrate rollback` finishes it.")]
pub(super) struct Apply {
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    decided: Decided,
    /// The plan that `migrate plan --json` printed; refused where it was changed since
    #[arg(long, value_name = "FILE", conflicts_with_all = ["keep", "set"])]
    plan: Option<PathBuf>,
    /// Take the steps though something is left to you: until it is done the tree does not load
    #[arg(long)]
    allow_open: bool,
    /// Show what each step changes, and take none; ends as `plan` does
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    consent: Consent,
}

impl Apply {
    pub(super) fn run(
        self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        let dir = self.folder.path(environment);
        let site = Site::new(&dir, &clock);
        let given = self.plan.as_deref().map(read_plan).transpose()?;
        let finished = match self.dry_run {
            true => None,
            false => finish_broken_off(site, output, environment)?,
        };
        if let (Some(outcome), Some(given)) = (&finished, &given)
            && outcome.plan == given.digest
        {
            output.answer(outcome, &outcome.to_string())?;
            return Ok(Exit::DONE);
        }
        let planned = Planned::of(&dir, self.decided, environment)?.with_broken_off(site)?;
        let (plan, findings) = match given {
            Some(given) => {
                let left = planned.left_by(&given, environment)?;
                (given, left)
            }
            None => (planned.plan.clone(), planned.findings.clone()),
        };
        let history = history(site)?;
        if self.dry_run || plan.is_empty() {
            let diffs = plan.diffs(&planned.tree);
            let diffs = diffs.map_err(|err| {
                refusal(Exit::EPOCH_MOVED, format!("{err}: the tree was changed: plan again"))
            })?;
            let report = PlanReport::new(&plan, &findings, &history).with_diffs(diffs);
            output.answer(&report, &report.to_string())?;
            return Ok(ended(&report));
        }
        let open = findings.iter().filter(|it| it.is_manual()).count();
        if open > 0 && !self.allow_open {
            return refuse(&PlanReport::new(&plan, &findings, &history), open, output);
        }
        let shown = PlanReport::new(&plan, &findings, &history).to_string();
        self.consent.ask_after(&shown, "Take these steps?", output, environment)?;
        let outcome = watched(&dir, output, environment, |site| apply(site, &plan));
        let outcome = outcome.map_err(run_error)?;
        output.answer(&outcome, &outcome.to_string())?;
        for finding in &findings {
            remark(finding, output)?;
        }
        Ok(if open > 0 { Exit::FINDINGS } else { Exit::DONE })
    }
}

/// Says what is left to a person; nothing was done.
fn refuse(report: &PlanReport<'_>, open: usize, output: &mut Output) -> anyhow::Result<Exit> {
    output.answer(report, &report.to_string())?;
    let open = plural(open, "finding");
    output.remark(&format!(
        "nothing was done, for {open} left to you: settle that with --keep and --set or in the \
         files, or go on with --allow-open\n"
    ))?;
    Ok(Exit::FINDINGS)
}

/// Says what a run did not settle.
fn remark(finding: &Finding, output: &mut Output) -> anyhow::Result<()> {
    match finding.diagnostic.severity {
        Severity::Error => output.remark(&format!("left to you: {finding}\n")),
        Severity::Warning => output.remark(&format!("to know: {finding}\n")),
        Severity::Note => Ok(()),
    }
}

/// Finishes the run that was broken off, where there is one. A rollback is none to go on
/// from: whoever began it did not want the tree migrated.
fn finish_broken_off(
    site: Site<'_>,
    output: &mut Output,
    environment: &Environment,
) -> anyhow::Result<Option<Outcome>> {
    // Without its folder there was no run, and recovering would make one.
    if !has_runs(site.root)? {
        return Ok(None);
    }
    let found = broken_off(site).map_err(run_error)?;
    if let Some(rollback) = found.filter(|it| it.progress == Progress::RollingBack) {
        let plan = rollback.plan.short();
        let message = format!(
            "the rollback of plan {plan} is not finished: `fusion migrate rollback` finishes it"
        );
        return Err(refusal(Exit::UNKNOWN, message));
    }
    let finished = watched(site.root, output, environment, recover).map_err(run_error)?;
    if let Some(outcome) = &finished {
        output.remark(&format!("a run was broken off: {outcome}"))?;
    }
    Ok(finished)
}

/// The plan in a file: alone, or in the report about it.
fn read_plan(path: &Path) -> anyhow::Result<Plan> {
    let input = input::read(path)?;
    let no_plan = |why: String| refusal(Exit::UNREADABLE, format!("{}: {why}", input.name));
    let mut value: Value =
        serde_json::from_slice(&input.bytes).map_err(|err| no_plan(err.to_string()))?;
    let plan = value.get_mut("plan").map(Value::take).unwrap_or(value);
    serde_json::from_value(plan).map_err(|err| no_plan(err.to_string()))
}
