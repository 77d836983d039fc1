use std::fmt::Write as _;

use clap::Args;
use fusion_golden::{RebindReport, UpdateOptions, UpdateReport, rebind_authored, update};
use serde::Serialize;

use super::refusal::suite_error;
use super::scope::{Attended, Scope};
use crate::environment::{Environment, rfc3339};
use crate::exit::Exit;
use crate::findings::plural;
use crate::output::{Output, Report};

/// Accept what replays now
///
/// Writes the golden of each selected scenario, with the reason in its history. What is stale
/// or not whole is refused: no recorded answer is ever moved to another request, those written
/// by hand aside (`--rebind-authored`, both keys logged). Of a scenario that is refused, nothing
/// is written. Refused in pipelines.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion golden update --reason 'first version of the suite'
  fusion golden update --scenario refund_processing_duplicate --reason 'names the invoice now'
  fusion golden update --rebind-authored --reason 'reworded the core directive' --dry-run")]
pub(super) struct Update {
    /// Why; kept in the golden
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who accepts it; else the user who is logged in
    #[arg(long, value_name = "NAME")]
    author: Option<String>,
    /// First bind answers written by hand to the requests of now
    #[arg(long)]
    rebind_authored: bool,
    /// Say what would be written, and write nothing; ends with 2 where there is something
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    attended: Attended,
}

#[derive(Serialize)]
struct UpdateAnswer {
    #[serde(flatten)]
    report: UpdateReport,
    dry_run: bool,
}

impl Report for UpdateAnswer {
    const SCHEMA: &'static str = "fusion/golden-update/1";

    fn text(&self, _width: usize) -> String {
        updated(&self.report, self.dry_run)
    }
}

#[derive(Serialize)]
struct RebindAnswer {
    #[serde(flatten)]
    report: RebindReport,
    dry_run: bool,
}

impl Report for RebindAnswer {
    const SCHEMA: &'static str = "fusion/golden-rebind/1";

    fn text(&self, _width: usize) -> String {
        let mut res = String::new();
        // Writing to a string cannot fail.
        let verb = if self.dry_run { "would move" } else { "moved" };
        for it in &self.report.moved {
            let (from, to) = (it.from.short(), it.to.short());
            let _ =
                writeln!(res, "{verb} {} {} #{}: {from} → {to}", it.scenario, it.model, it.sample);
        }
        for it in &self.report.refused {
            let _ = writeln!(res, "refused {}: {}", it.id, it.why);
        }
        res + &updated(&self.report.goldens, self.dry_run)
    }
}

fn updated(report: &UpdateReport, dry_run: bool) -> String {
    let mut res = String::new();
    let verb = if dry_run { "would write" } else { "wrote" };
    // Writing to a string cannot fail.
    for golden in &report.written {
        let _ = writeln!(res, "{verb} {}", golden.path.display());
        for change in &golden.changes {
            let _ = writeln!(res, "  {change}");
        }
    }
    for it in &report.refused {
        let _ = writeln!(res, "refused {}: {}", it.id, it.why);
    }
    let (written, unchanged) = (plural(report.written.len(), "golden"), report.unchanged.len());
    let _ = writeln!(
        res,
        "{written} {}, {unchanged} unchanged, {} refused",
        if dry_run { "to write" } else { "written" },
        report.refused.len()
    );
    res
}

impl Update {
    pub(super) fn run(
        self,
        scope: &Scope,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        if !self.dry_run {
            self.attended.ensure("update", environment)?;
        }
        let suite = scope.open(environment)?;
        let options = UpdateOptions {
            scenarios: scope.selected(&suite)?,
            reason: self.reason,
            author: author(self.author, environment),
            at: Some(rfc3339(environment.now())),
            dry_run: self.dry_run,
        };
        if self.rebind_authored {
            let report = rebind_authored(&suite, &options).map_err(suite_error)?;
            let is_refused = !report.refused.is_empty() || !report.goldens.refused.is_empty();
            let is_change = !report.moved.is_empty() || !report.goldens.written.is_empty();
            scope.report(&RebindAnswer { report, dry_run: options.dry_run }, output)?;
            return Ok(exit(is_refused, is_change && options.dry_run));
        }
        let report = update(&suite, &options).map_err(suite_error)?;
        let (is_refused, is_change) = (!report.refused.is_empty(), !report.written.is_empty());
        scope.report(&UpdateAnswer { report, dry_run: options.dry_run }, output)?;
        Ok(exit(is_refused, is_change && options.dry_run))
    }
}

fn exit(is_refused: bool, is_pending: bool) -> Exit {
    match (is_refused, is_pending) {
        (true, _) => Exit::FINDINGS,
        (false, true) => Exit::PENDING,
        (false, false) => Exit::DONE,
    }
}

/// Who accepts: as given, else the user who is logged in.
pub(super) fn author(given: Option<String>, environment: &Environment) -> String {
    let logged_in = || environment.get("USER").or_else(|| environment.get("USERNAME"));
    given.or_else(|| logged_in().map(str::to_owned)).unwrap_or_else(|| "unknown".to_owned())
}
