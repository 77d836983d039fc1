use clap::Args;
use overlay_migrate::{Site, rollback};

use super::tree::{Folder, clock, run_error};
use crate::consent::Consent;
use crate::environment::Environment;
use crate::exit::{Exit, refusal};
use crate::input::name_of;
use crate::output::Output;

/// Take the last run back, byte for byte
///
/// A run that was killed, forward or back, is the last one: nothing of it is left.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion migrate rollback configs
  fusion migrate rollback configs --yes --json

Ends with 5 where there is no run to take back, with 9 where a file was changed since.")]
pub(super) struct Rollback {
    #[command(flatten)]
    folder: Folder,
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
        if !dir.join(overlay_migrate::FOLDER).is_dir() {
            let message = format!("{}: no migration to roll back", name_of(&dir));
            return Err(refusal(Exit::NOTHING, message));
        }
        self.consent.ask("Take the last migration back?", environment)?;
        let outcome = rollback(Site::new(&dir, &clock), None).map_err(run_error)?;
        output.answer(&outcome, &outcome.to_string())?;
        Ok(Exit::DONE)
    }
}
