//! `fusion budget …`

mod base;
mod check;
mod fall;
mod gate;
mod git;
mod released;
mod reports;
mod usual;

use clap::{Args, Subcommand};

pub(crate) use self::base::alone;
pub(crate) use self::fall::Fall;
pub(crate) use self::reports::{Reports, exit_of};

use crate::environment::Environment;
use crate::exit::Exit;
use crate::output::Output;

/// Say whether a change may be merged: what it costs and breaks, with the key that does it
///
/// Prompt tokens are counted exactly; output tokens, cost, latency and failures rest on
/// recordings of both sides and on statistics that know how little they know.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion budget gate --suite goldens
  fusion budget gate --base v1.4.0 --markdown comment.md --html report.html
  fusion budget gate --base /srv/fusion --candidate configs")]
pub(crate) struct BudgetCommands {
    #[command(subcommand)]
    command: BudgetCommand,
}

#[derive(Debug, Subcommand)]
enum BudgetCommand {
    Gate(Box<gate::Gate>),
    Check(Box<check::Check>),
}

impl BudgetCommands {
    /// Whether the answer on standard output is JSON.
    pub(crate) fn answers_json(&self) -> bool {
        match &self.command {
            BudgetCommand::Gate(it) => it.answers_json(),
            BudgetCommand::Check(it) => it.json,
        }
    }

    pub(crate) fn run(
        self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        output.refuse_sarif()?;
        match self.command {
            BudgetCommand::Gate(it) => it.run(output, environment),
            BudgetCommand::Check(it) => it.run(output, environment),
        }
    }
}
