use std::process::Command;

use clap::Args;
use fusion_cli::Exit;

use crate::root::{root, run};

/// Run everything that must hold before a change is merged: `.ci/run`
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cargo xtask ci")]
pub(crate) struct Ci {
    /// What `.ci/run` takes
    args: Vec<String>,
}

impl Ci {
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        run(Command::new(root().join(".ci/run")).args(self.args).current_dir(root()))?;
        Ok(Exit::DONE)
    }
}
