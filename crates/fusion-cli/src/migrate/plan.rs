use clap::Args;
use overlay_migrate::{PlanReport, Site};

use super::tree::{Decided, Folder, Planned, clock, history};
use crate::environment::Environment;
use crate::exit::{Exit, worst};
use crate::output::Output;

/// Say what would be done, and what is left to you
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion migrate plan configs
  fusion migrate plan configs --dry-run --set CONTINUITY_ENFORCEMENT=enhanced_thread
  fusion migrate plan configs --json > plan.json

Ends with 2 where there are steps to take, with 1 where something is left to you, or a run was
not finished.")]
pub(super) struct PlanArguments {
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    decided: Decided,
    /// Show what each step changes
    #[arg(long)]
    dry_run: bool,
}

impl PlanArguments {
    pub(super) fn run(
        self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        let dir = self.folder.path(environment);
        let site = Site::new(&dir, &clock);
        let planned = Planned::of(&dir, self.decided, environment)?.with_broken_off(site)?;
        let history = history(site)?;
        let mut report = PlanReport::new(&planned.plan, &planned.findings, &history);
        if self.dry_run {
            report = report.with_diffs(planned.plan.diffs(&planned.tree)?);
        }
        output.answer(&report, &report.to_string())?;
        Ok(ended(&report))
    }
}

/// How a plan that is not carried out ends.
pub(super) fn ended(report: &PlanReport<'_>) -> Exit {
    let pending = if report.plan.is_empty() { Exit::DONE } else { Exit::PENDING };
    let open = if report.manual > 0 { Exit::FINDINGS } else { Exit::DONE };
    worst(pending, open)
}
