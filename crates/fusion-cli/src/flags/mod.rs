//! `fusion flags …`

mod check;
mod decide;
mod diff;
mod document;
mod edit;
mod explain;
mod export;
mod import;
mod kill;
mod question;
mod route;
mod switch_file;
mod written;

use clap::{Args, Subcommand};

use crate::environment::Environment;
use crate::exit::Exit;
use crate::output::Output;

/// Check feature flags, say what they decide, switch them all off
///
/// A flag file, YAML or JSON, says which overlays may serve which kind of work, at which
/// confidence and for which share of the units. RESON_FEATURES, RESON_FEATURES_FILE and
/// RESON_ENV count here as they do in a service.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion flags check configs/overlay_feature_flags.yaml --configs configs
  fusion flags route --scenario refund_processing --confidence 0.9 --unit user-7 --json
  fusion flags kill --reason 'refunds answer wrongly'")]
pub(crate) struct FlagsCommands {
    /// Answer as JSON; short for `--format json`
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    command: FlagsCommand,
}

#[derive(Debug, Subcommand)]
enum FlagsCommand {
    Check(check::Check),
    Decide(decide::Decide),
    Route(route::RouteArguments),
    Explain(explain::Explain),
    Diff(diff::Diff),
    Export(export::Export),
    Import(import::Import),
    Kill(kill::Kill),
}

impl FlagsCommands {
    /// Whether it is the switch.
    pub(crate) fn is_kill(&self) -> bool {
        matches!(self.command, FlagsCommand::Kill(_))
    }

    pub(crate) fn run(
        self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        output.refuse_sarif()?;
        match self.command {
            FlagsCommand::Check(it) => it.run(output, environment),
            FlagsCommand::Decide(it) => it.run(output, environment),
            FlagsCommand::Route(it) => it.run(output, environment),
            FlagsCommand::Explain(it) => it.run(output, environment),
            FlagsCommand::Diff(it) => it.run(output, environment),
            FlagsCommand::Export(it) => it.run(output, environment),
            FlagsCommand::Import(it) => it.run(output),
            FlagsCommand::Kill(it) => it.run(output, environment),
        }
    }
}
