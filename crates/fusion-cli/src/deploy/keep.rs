use std::fmt::Write as _;

use clap::Args;
use overlay_deploy::{Span, Target, collect, pin, unpin};
use overlay_store::{GenerationId, Retention, Why};
use serde::Serialize;

use super::Told;
use super::recover::recover_first;
use super::rows::prune_in;
use super::watch::Watch;
use super::which::meant;
use crate::environment::now_us;
use crate::exit::Exit;
use crate::findings::plural;
use crate::output::{Output, Report};

/// Remove generations that nothing needs, and rows older than they are kept
///
/// Never a generation that is live, on trial, the one that was in force before, pinned, or read
/// by a service right now. Of performance rows and samples of rollouts what is older than
/// `performance.retention_days` of the installation in force. Nothing runs this by itself: let a
/// timer do it. The audit log is never cut.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion deploy gc --root prod --dry-run
  fusion deploy gc --root prod --keep 50 --older-than 168h

Under --dry-run ends with 2 where something would go.")]
pub(super) struct Gc {
    /// So many of the newest stay
    #[arg(long, default_value_t = 20, value_name = "N")]
    keep: usize,
    /// All that are younger stay
    #[arg(long, default_value = "720h", value_name = "SPAN")]
    older_than: Span,
    /// Name them, and remove nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct GcReport {
    dry_run: bool,
    removed: Vec<GenerationId>,
    kept: Vec<Kept>,
    /// How many rows were older than they are kept.
    rows_removed: u64,
}

#[derive(Serialize)]
struct Kept {
    generation: GenerationId,
    why: String,
}

impl Report for GcReport {
    const SCHEMA: &'static str = "fusion/deploy-gc/1";

    fn text(&self, _width: usize) -> String {
        let mut res = String::new();
        let verb = if self.dry_run { "would be removed" } else { "removed" };
        // Writing to a string cannot fail.
        for generation in &self.removed {
            let _ = writeln!(res, "{generation}: {verb}");
        }
        for Kept { generation, why } in &self.kept {
            let _ = writeln!(res, "{generation}: kept, {why}");
        }
        let _ = writeln!(res, "{} {verb}", plural(self.removed.len(), "generation"));
        if self.rows_removed > 0 {
            let _ = writeln!(res, "{} old rows {verb}", self.rows_removed);
        }
        res
    }
}

fn why(why: Why) -> String {
    let text = match why {
        Why::Live => "it is in force",
        Why::Candidate => "it is on trial",
        Why::Fallback => "a rollback goes there",
        Why::Pinned(name) => return format!("it is `{name}`"),
        Why::Newest => "its number must not come twice",
        Why::Recent => "it is among the newest",
        Why::Young => "it is young",
        Why::Unreadable => "its manifest cannot be read: look at it",
        Why::Leased => "a reader has it",
        _ => "it is needed",
    };
    text.to_owned()
}

impl Gc {
    pub(super) fn run(self, told: Told<'_>, output: &mut Output) -> anyhow::Result<Exit> {
        let site = told.root.existing(told.environment)?;
        if !self.dry_run {
            recover_first(&site, output, told.environment)?;
            told.consent.ask("Remove what nothing needs?", told.environment)?;
        }
        let policy = Retention {
            keep: self.keep,
            older_than_us: self.older_than.micros(),
            now_us: now_us(),
        };
        let watch = Watch::new(output, told.environment);
        let collected = site.act(&watch, |root| collect(root, &policy, self.dry_run))?;
        drop(watch);
        let kept = |(generation, it)| Kept { generation, why: why(it) };
        let (dir, store) = (site.dir(), site.store());
        let rows_removed = prune_in(dir, store, self.dry_run, output, told.environment)?;
        let is_pending = self.dry_run && !(collected.removed.is_empty() && rows_removed == 0);
        output.show(&GcReport {
            dry_run: self.dry_run,
            removed: collected.removed,
            kept: collected.kept.into_iter().map(kept).collect(),
            rows_removed,
        })?;
        Ok(if is_pending { Exit::PENDING } else { Exit::DONE })
    }
}

/// Give a generation a name; it is kept as long as it has one
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion deploy pin release-7 --root prod
  fusion deploy pin before-audit 42 --root prod")]
pub(super) struct Pin {
    /// The name: letters, digits, `.`, `_`, `-`; no number, and no id of a deployment
    #[arg(value_parser = new_name)]
    name: String,
    /// Number, name, or id of a deployment; else the one in force
    #[arg(value_name = "GENERATION")]
    generation: Option<Target>,
}

/// A name that a generation may get, as the command line has it.
fn new_name(text: &str) -> Result<String, String> {
    match text.parse::<Target>() {
        Ok(Target::Pin(name)) => Ok(name),
        Ok(_) => Err("a number, or the id of a deployment, is no name".to_owned()),
        Err(_) => Err("no name: letters, digits, `.`, `_` and `-`, at most 64".to_owned()),
    }
}

#[derive(Serialize)]
struct PinReport {
    name: String,
    /// The generation that has the name now.
    generation: Option<GenerationId>,
    /// Whether anything changed.
    changed: bool,
}

impl Report for PinReport {
    const SCHEMA: &'static str = "fusion/deploy-pin/1";

    fn text(&self, _width: usize) -> String {
        let name = &self.name;
        match self.generation {
            Some(generation) => format!("generation {generation} is `{name}`\n"),
            None if self.changed => format!("`{name}` names no generation any more\n"),
            None => format!("`{name}` names no generation\n"),
        }
    }
}

impl Pin {
    pub(super) fn run(self, told: Told<'_>, output: &mut Output) -> anyhow::Result<Exit> {
        let site = told.root.existing(told.environment)?;
        recover_first(&site, output, told.environment)?;
        let generation = meant(site.store(), self.generation.as_ref())?;
        let watch = Watch::new(output, told.environment);
        site.act(&watch, |root| pin(root, &self.name, generation))?;
        drop(watch);
        let generation = Some(generation);
        output.show(&PinReport { name: self.name, generation, changed: true })?;
        Ok(Exit::DONE)
    }
}

/// Take a name away
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion deploy unpin release-7 --root prod

Ends with 5 where there is no such name.")]
pub(super) struct Unpin {
    /// The name
    name: String,
}

impl Unpin {
    pub(super) fn run(self, told: Told<'_>, output: &mut Output) -> anyhow::Result<Exit> {
        let site = told.root.existing(told.environment)?;
        recover_first(&site, output, told.environment)?;
        let watch = Watch::new(output, told.environment);
        let changed = site.act(&watch, |root| unpin(root, &self.name))?;
        drop(watch);
        output.show(&PinReport { name: self.name, generation: None, changed })?;
        Ok(if changed { Exit::DONE } else { Exit::NOTHING })
    }
}
