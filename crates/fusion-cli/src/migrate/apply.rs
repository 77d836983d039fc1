use std::path::{Path, PathBuf};

use clap::Args;
use overlay_migrate::{Outcome, Plan, PlanReport, Site, apply, recover};
use serde_json::Value;

use super::plan::ended;
use super::tree::{Decided, Folder, Planned, clock, history, run_error};
use crate::consent::Consent;
use crate::environment::Environment;
use crate::exit::{Exit, refusal};
use crate::input;
use crate::output::Output;

/// Take the steps of the plan, with a backup of each file
///
/// A run that was killed is finished first. What is left to you stays as it is, and is named.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion migrate apply configs --keep fusion_overlay.refund_v2.1.txt
  fusion migrate apply configs --dry-run
  fusion migrate apply configs --plan plan.json

Ends with 1 where something is left to you, with 6 where a step failed and everything is as it
was, with 9 where a file is not the one the plan was made for.")]
pub(super) struct Apply {
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    decided: Decided,
    /// The plan that `migrate plan --json` printed; refused where it was changed since
    #[arg(long, value_name = "FILE", conflicts_with_all = ["keep", "set"])]
    plan: Option<PathBuf>,
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
        if !self.dry_run {
            finish_broken_off(site, &dir, output)?;
        }
        let planned = Planned::of(&dir, self.decided, environment)?;
        let (plan, findings) = match &self.plan {
            Some(path) => (read_plan(path)?, Vec::new()),
            None => (planned.plan.clone(), planned.findings.clone()),
        };
        let history = history(site)?;
        if self.dry_run || plan.is_empty() {
            let diffs = plan.diffs(&planned.tree)?;
            let report = PlanReport::new(&plan, &findings, &history).with_diffs(diffs);
            output.answer(&report, &report.to_string())?;
            return Ok(ended(&report));
        }
        let shown = PlanReport::new(&plan, &findings, &history).to_string();
        self.consent.ask_after(&shown, "Take these steps?", output, environment)?;
        let outcome = apply(site, &plan).map_err(run_error)?;
        output.answer(&outcome, &outcome.to_string())?;
        let mut exit = Exit::DONE;
        for finding in findings.iter().filter(|it| it.is_manual()) {
            exit = Exit::FINDINGS;
            output.remark(&format!("left to you: {finding}\n"))?;
        }
        Ok(exit)
    }
}

/// Finishes the run that was broken off, where there is one.
fn finish_broken_off(site: Site<'_>, dir: &Path, output: &mut Output) -> anyhow::Result<()> {
    // Without its folder there was no run, and recovering would make one.
    if !dir.join(overlay_migrate::FOLDER).is_dir() {
        return Ok(());
    }
    let finished: Option<Outcome> = recover(site).map_err(run_error)?;
    match finished {
        Some(outcome) => output.remark(&format!("a run was broken off: {outcome}")),
        None => Ok(()),
    }
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
