use std::fmt::Write as _;

use clap::Args;
use overlay_deploy::{FileChange, Target, Verified, diff};
use overlay_store::{GenerationId, Store};
use serde::Serialize;

use super::Told;
use super::refusal::{deploy_error, store_error};
use super::which::meant;
use crate::exit::Exit;
use crate::output::{Output, Report};

/// Show what changes from one generation to another
///
/// Without any: from the generation before to the one in force. With one: from that to the one
/// in force.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion deploy diff --root prod
  fusion deploy diff 41 42 --root prod --json

Ends with 2 where they differ, with 8 where one of them was tampered with.")]
pub(super) struct Diff {
    /// Number, name, or id of a deployment
    #[arg(value_name = "FROM")]
    from: Option<Target>,
    /// The same
    #[arg(value_name = "TO")]
    to: Option<Target>,
}

#[derive(Serialize)]
struct DiffReport {
    /// `None` where there was nothing before.
    from: Option<GenerationId>,
    to: GenerationId,
    changes: Vec<FileChange>,
}

impl Report for DiffReport {
    const SCHEMA: &'static str = "fusion/deploy-diff/1";

    fn text(&self, _width: usize) -> String {
        let mut res = match self.from {
            Some(from) => format!("generation {from} to {}\n", self.to),
            None => return format!("generation {} is the first one\n", self.to),
        };
        // Writing to a string cannot fail.
        for change in &self.changes {
            let _ = writeln!(res, "  {} {}", change.mark(), change.path);
            for key in &change.keys {
                let side = |it: &Option<String>| it.clone().unwrap_or_else(|| "not set".to_owned());
                let _ = writeln!(res, "      {} {} → {}", key.key, side(&key.from), side(&key.to));
            }
        }
        if self.changes.is_empty() {
            res.push_str("  no change\n");
        }
        res
    }
}

/// The generation that was in force before the one that is.
fn before(store: &Store) -> anyhow::Result<Option<GenerationId>> {
    let Some(pointer) = store.checked_current().map_err(store_error)? else { return Ok(None) };
    let before = store.earlier(pointer.stable, 1).map_err(store_error)?;
    Ok(before.map(|it| it.generation))
}

/// Whether a generation is as it was published, by the pointer and the audit log: its own
/// manifest is no proof.
fn check(store: &Store, generation: GenerationId) -> anyhow::Result<()> {
    let verified = Verified::of(store, generation).map_err(deploy_error)?;
    verified.result.map_err(deploy_error)?;
    Ok(())
}

impl Diff {
    pub(super) fn run(self, told: Told<'_>, output: &mut Output) -> anyhow::Result<Exit> {
        let store = told.root.open(told.environment)?;
        let to = meant(&store, self.to.as_ref())?;
        let from = match &self.from {
            Some(target) => Some(meant(&store, Some(target))?),
            None => before(&store)?,
        };
        for generation in from.into_iter().chain([to]) {
            check(&store, generation)?;
        }
        let changes = match from {
            Some(from) => diff(&store, from, to).map_err(deploy_error)?,
            None => Vec::new(),
        };
        let is_equal = changes.is_empty();
        output.show(&DiffReport { from, to, changes })?;
        Ok(if is_equal { Exit::DONE } else { Exit::PENDING })
    }
}
