//! `fusion audit …`

mod checkpoint;
mod export;
mod key;
mod log;
mod since;
mod verify;
mod verify_file;

use clap::{Args, Subcommand};

use crate::deploy::RootOptions;
use crate::environment::Environment;
use crate::exit::Exit;
use crate::output::Output;

/// Read the audit log of a deployment root, and prove that nobody edited it
///
/// Every change of a root is a record that holds the hash of the one before. `verify` names
/// the first record that does not fit. Who may write to the root could rewrite all of it; a
/// signed `checkpoint` that is kept elsewhere shows that too.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion audit log --root prod --since 24h
  fusion audit verify --root prod
  fusion audit checkpoint --root prod --key-file audit.key > checkpoint.note
  fusion audit verify --root prod --checkpoint checkpoint.note --public-key audit.key.pub")]
pub(crate) struct AuditCommands {
    #[command(flatten)]
    pub(crate) options: RootOptions,
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    Log(log::LogArguments),
    Verify(verify::Verify),
    Export(export::Export),
    Checkpoint(checkpoint::CheckpointArguments),
}

impl AuditCommands {
    pub(crate) fn run(
        self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        output.refuse_sarif()?;
        if let AuditCommand::Verify(it) = &self.command
            && let Some(file) = it.file()
        {
            return it.run_file(file, output);
        }
        let root = &self.options.root;
        let store = root.open(environment)?;
        match self.command {
            AuditCommand::Log(it) => it.run(&store, output),
            AuditCommand::Verify(it) => it.run(&store, output),
            AuditCommand::Export(it) => it.run(&store, output),
            AuditCommand::Checkpoint(it) => {
                let site = root.site(store, environment)?;
                it.run(&site, output)
            }
        }
    }
}
