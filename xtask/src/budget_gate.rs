use std::ffi::OsString;

use clap::Args;
use fusion_cli::{Environment, Exit, run_as};

use crate::performance;
use crate::root::seen;

/// Say whether the working tree may be merged: `fusion budget gate` with `--suite goldens`
///
/// With --perf, whether the code became slower: instructions of two builds, in turns.
#[derive(Args, Debug, Default)]
#[command(
    disable_help_flag = true,
    after_help = "\
Examples:
  cargo xtask budget-gate
  cargo xtask budget-gate --base HEAD~1 --html target/budget.html
  cargo xtask budget-gate --help
  cargo xtask budget-gate --perf
  cargo xtask budget-gate --perf --help"
)]
pub(crate) struct BudgetGate {
    /// What `fusion budget gate` takes
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<OsString>,
}

impl BudgetGate {
    pub(crate) fn run(self, environment: Environment) -> anyhow::Result<Exit> {
        match performance::asked(&self.args) {
            Some(Ok(asked)) => return asked.run(),
            Some(Err(err)) => {
                err.print()?;
                return Ok(if err.use_stderr() { Exit::USAGE } else { Exit::DONE });
            }
            None => (),
        }
        let suite = seen("goldens").display().to_string();
        let command = ["cargo xtask", "budget", "gate"].map(OsString::from);
        let args = command.into_iter().chain(self.args);
        Ok(run_as("cargo xtask", args, &environment.or("FUSION_SUITE", suite)))
    }
}
