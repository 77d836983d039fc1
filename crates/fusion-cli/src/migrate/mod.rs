//! `fusion migrate …`

mod apply;
mod plan;
mod rollback;
mod tree;
mod validate;
mod watched;

use clap::{Args, Subcommand};

use crate::environment::Environment;
use crate::exit::Exit;
use crate::output::Output;

/// Take files of the original, or older ones of ours, to this format
///
/// The plan says first what would be done and what is left to you: nothing is guessed, and no
/// file's time decides anything. Each run keeps a backup of every file and a journal in
/// `.fusion-migrate/`; one that was killed is finished by the next, and `rollback` gives every
/// byte back.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion migrate plan configs
  fusion migrate apply configs --keep fusion_overlay.refund_v2.1.txt
  fusion migrate validate configs
  fusion migrate rollback configs")]
pub(crate) struct MigrateCommands {
    /// Answer as JSON; short for `--format json`
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    command: MigrateCommand,
}

#[derive(Debug, Subcommand)]
enum MigrateCommand {
    Plan(plan::PlanArguments),
    Apply(apply::Apply),
    Validate(validate::Validate),
    Rollback(rollback::Rollback),
}

impl MigrateCommands {
    pub(crate) fn run(
        self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        output.refuse_sarif()?;
        match self.command {
            MigrateCommand::Plan(it) => it.run(output, environment),
            MigrateCommand::Apply(it) => it.run(output, environment),
            MigrateCommand::Validate(it) => it.run(output, environment),
            MigrateCommand::Rollback(it) => it.run(output, environment),
        }
    }
}
