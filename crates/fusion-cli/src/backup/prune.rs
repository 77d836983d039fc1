use std::fmt::Write as _;

use clap::Args;
use overlay_deploy::backup::{list, prune};
use serde::Serialize;

use super::Told;
use super::folder::backup_error;
use crate::exit::Exit;
use crate::findings::plural;
use crate::output::{Output, Report};

/// Remove all backups but the newest
///
/// Folders that are no whole backup are left for somebody to look at.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion backup prune --root prod --keep 7
  fusion backup prune --root prod --keep 7 --dry-run

Under --dry-run ends with 2 where some would go.")]
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
        let folder = told.folder()?;
        let whole = list(&folder).map_err(backup_error)?.into_iter();
        let whole = whole.filter_map(|it| Some(it.manifest.ok()?.id));
        let due: Vec<String> = whole.skip(self.keep.max(1)).collect();
        if self.dry_run || due.is_empty() {
            let is_pending = !due.is_empty();
            output.show(&PruneReport { dry_run: self.dry_run, removed: due })?;
            return Ok(if is_pending { Exit::PENDING } else { Exit::DONE });
        }
        let question = format!("Remove {}?", plural(due.len(), "backup"));
        told.consent.ask(&question, told.environment)?;
        let removed = prune(&folder, self.keep).map_err(backup_error)?;
        output.show(&PruneReport { dry_run: false, removed })?;
        Ok(Exit::DONE)
    }
}
