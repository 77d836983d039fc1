use clap::Args;
use overlay_migrate::{RunError, rollback, rollback_setting_aside};

use super::tree::{Folder, has_runs, run_error};
use super::watched::watched;
use crate::consent::Consent;
use crate::environment::Environment;
use crate::exit::{Exit, refusal};
use crate::input::name_of;
use crate::output::Output;

/// Take the last run back, byte for byte
///
/// A run that was killed, forward or back, is the last one: nothing of it is left. Permission bits
/// and the time of each file come back too. A file that the run made and that is gone counts as
/// taken back, and so does one that is as it was before.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion migrate rollback configs
  fusion migrate rollback configs --yes --json
  fusion migrate rollback configs --set-aside

Ends with 5 where there is no run to take back, with 9 where a file was changed since and
--set-aside is not given.")]
pub(super) struct Rollback {
    #[command(flatten)]
    folder: Folder,
    /// Move files that were changed since out of the way, into the folder of the run, and go on:
    /// the answer says where each is
    #[arg(long)]
    set_aside: bool,
    #[command(flatten)]
    consent: Consent,
}

impl Rollback {
    pub(super) fn run(
        self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        let dir = self.folder.path(environment);
        if !has_runs(&dir)? {
            let message = format!("{}: no migration to roll back", name_of(&dir));
            return Err(refusal(Exit::NOTHING, message));
        }
        self.consent.ask("Take the last migration back?", environment)?;
        let back = if self.set_aside { rollback_setting_aside } else { rollback };
        let outcome = watched(&dir, output, environment, |site| back(site, None));
        let outcome = outcome.map_err(|err| match err {
            RunError::Changed(_) => refusal(
                Exit::EPOCH_MOVED,
                format!("{err}: put the files back, or give --set-aside to keep them elsewhere"),
            ),
            err => run_error(err),
        })?;
        output.answer(&outcome, &outcome.to_string())?;
        Ok(Exit::DONE)
    }
}
