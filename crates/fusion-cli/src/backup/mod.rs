//! `fusion backup …`

mod create;
mod folder;
mod list;
mod prune;
mod restore;
mod rows;
mod verify;

use clap::{Args, Subcommand};

use crate::consent::Consent;
use crate::deploy::{RootArguments, RootOptions};
use crate::environment::Environment;
use crate::exit::Exit;
use crate::output::Output;

/// Copy a deployment root, and bring a copy back
///
/// A backup is a folder that is a deployment root of its own, with the SHA-256 of each of its
/// files. The performance rows are in it; the index is made again from the audit log.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion backup create --root prod
  fusion backup list --root prod
  fusion backup verify --root prod
  fusion backup restore --root prod --yes
  fusion backup prune --root prod --keep 7")]
pub(crate) struct BackupCommands {
    #[command(flatten)]
    pub(crate) options: RootOptions,
    /// The folder of the backups; else `<root>.backups` beside the root
    #[arg(long, global = true, value_name = "DIR")]
    backups: Option<std::path::PathBuf>,
    #[command(subcommand)]
    command: BackupCommand,
}

#[derive(Debug, Subcommand)]
enum BackupCommand {
    Create(create::Create),
    List(list::List),
    Verify(verify::Verify),
    Restore(restore::Restore),
    Prune(prune::Prune),
}

/// What every command of the group is told.
#[derive(Clone, Copy)]
struct Told<'a> {
    root: &'a RootArguments,
    backups: Option<&'a std::path::Path>,
    consent: Consent,
    environment: &'a Environment,
}

impl BackupCommands {
    pub(crate) fn run(
        self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        output.refuse_sarif()?;
        let told = Told {
            root: &self.options.root,
            backups: self.backups.as_deref(),
            consent: self.options.consent,
            environment,
        };
        match self.command {
            BackupCommand::Create(it) => it.run(told, output),
            BackupCommand::List(it) => it.run(told, output),
            BackupCommand::Verify(it) => it.run(told, output),
            BackupCommand::Restore(it) => it.run(told, output),
            BackupCommand::Prune(it) => it.run(told, output),
        }
    }
}
