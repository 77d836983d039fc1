use std::fmt::Write as _;

use clap::Args;
use fusion_golden::{PruneReport, prune};
use serde::Serialize;

use super::refusal::suite_error;
use super::scope::{Attended, Scope};
use crate::environment::Environment;
use crate::exit::Exit;
use crate::findings::plural;
use crate::output::{Output, Report};

/// Remove recordings that no plan asks for
///
/// With --scenario or --tag, only those of these scenarios; else all, also those of scenarios
/// that are gone. Refused in pipelines.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion golden prune --dry-run
  fusion golden prune --scenario refund_processing_duplicate
  fusion golden prune --suite goldens")]
pub(super) struct Prune {
    /// Name them, and remove nothing; ends with 2 where there are some
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    attended: Attended,
}

#[derive(Serialize)]
struct PruneAnswer {
    #[serde(flatten)]
    report: PruneReport,
    dry_run: bool,
}

impl Report for PruneAnswer {
    const SCHEMA: &'static str = "fusion/golden-prune/1";

    fn text(&self, _width: usize) -> String {
        let mut res = String::new();
        let removed = &self.report.removed;
        // Writing to a string cannot fail.
        for it in removed {
            let _ = writeln!(res, "{}:{} {}", it.file, it.line, it.key.short());
        }
        let verb = if self.dry_run { "to remove" } else { "removed" };
        let _ = writeln!(res, "{} {verb}", plural(removed.len(), "recording"));
        res
    }
}

impl Prune {
    pub(super) fn run(
        self,
        scope: &Scope,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        if !self.dry_run {
            self.attended.ensure("prune", environment)?;
        }
        let suite = scope.open(environment)?;
        let selected = scope.selected(&suite)?;
        let report = prune(&suite, &selected, self.dry_run).map_err(suite_error)?;
        let is_pending = self.dry_run && !report.removed.is_empty();
        scope.report(&PruneAnswer { report, dry_run: self.dry_run }, output)?;
        Ok(if is_pending { Exit::PENDING } else { Exit::DONE })
    }
}
