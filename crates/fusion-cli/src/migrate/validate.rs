use clap::Args;
use overlay_migrate::{Site, validate};

use super::tree::{Folder, clock, validate_error};
use crate::environment::Environment;
use crate::exit::Exit;
use crate::output::Output;

/// Hold the tree against the last run and the loader
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion migrate validate configs
  fusion migrate validate configs --json

Ends with 1 where the loader would refuse the tree, or a run was not finished.")]
pub(super) struct Validate {
    #[command(flatten)]
    folder: Folder,
}

impl Validate {
    pub(super) fn run(
        self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        let dir = self.folder.path(environment);
        let validation = validate(Site::new(&dir, &clock)).map_err(validate_error)?;
        output.answer(&validation, &validation.to_string())?;
        Ok(if validation.is_valid() { Exit::DONE } else { Exit::FINDINGS })
    }
}
