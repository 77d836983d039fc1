use std::fmt::Write as _;

use clap::Args;
use overlay_deploy::backup::{prune, surplus};
use serde::Serialize;

use super::Told;
use super::folder::backup_error;
use crate::exit::{Exit, worst};
use crate::findings::plural;
use crate::output::{Output, Report};
use crate::serve::warn;

/// Remove all backups but the newest
///
/// Those that stay are verified: one that is not as it was made counts for none, is named, and
/// stays for somebody to look at, as do folders that are no whole backup. The newest one that is as
/// it was made always stays.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion backup prune --root prod --keep 7
  fusion backup prune --root prod --keep 7 --dry-run

Under --dry-run ends with 2 where some would go; under --strict with 1 where one is damaged.")]
pub(super) struct Prune {
    /// So many of the newest stay, at least one
    #[arg(long, default_value_t = 10, value_name = "N")]
    keep: usize,
    /// Name them, and remove nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct PruneReport {
    dry_run: bool,
    removed: Vec<String>,
    /// Why backups were not counted that are not as they were made.
    damaged: Vec<String>,
}

impl Report for PruneReport {
    const SCHEMA: &'static str = "fusion/backup-prune/1";

    fn text(&self, _width: usize) -> String {
        let verb = if self.dry_run { "would be removed" } else { "removed" };
        let mut res = String::new();
        // Writing to a string cannot fail.
        for id in &self.removed {
            let _ = writeln!(res, "{id}: {verb}");
        }
        let _ = writeln!(res, "{} {verb}", plural(self.removed.len(), "backup"));
        res
    }
}

impl Prune {
    pub(super) fn run(self, told: Told<'_>, output: &mut Output) -> anyhow::Result<Exit> {
        let surplus = surplus(&told.there()?, self.keep).map_err(backup_error)?;
        let damaged: Vec<_> = surplus.damaged.iter().map(ToString::to_string).collect();
        for damaged in &damaged {
            warn(output, &format!("{damaged}: it is not counted, and stays"))?;
        }
        let is_whole = damaged.is_empty() || !output.strict;
        let done = if is_whole { Exit::DONE } else { Exit::FINDINGS };
        let due = &surplus.due;
        if self.dry_run || due.is_empty() {
            let pending = if due.is_empty() { Exit::DONE } else { Exit::PENDING };
            let removed = due.iter().map(|it| it.id.clone()).collect();
            output.show(&PruneReport { dry_run: self.dry_run, removed, damaged })?;
            return Ok(worst(pending, done));
        }
        let question = format!("Remove {}?", plural(due.len(), "backup"));
        told.consent.ask(&question, told.environment)?;
        let removed = prune(&surplus).map_err(backup_error)?;
        output.show(&PruneReport { dry_run: false, removed, damaged })?;
        Ok(done)
    }
}
