use std::ffi::OsString;

use clap::Args;
use fusion_cli::{Environment, Exit, run_as};

use crate::root::seen;

/// Say whether the working tree may be merged: `fusion budget gate` with `--suite goldens`
#[derive(Args, Debug, Default)]
#[command(
    disable_help_flag = true,
    after_help = "\
Examples:
  cargo xtask budget-gate
  cargo xtask budget-gate --base HEAD~1 --html target/budget.html
  cargo xtask budget-gate --help"
)]
pub(crate) struct BudgetGate {
    /// What `fusion budget gate` takes
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<OsString>,
}

impl BudgetGate {
    pub(crate) fn run(self, environment: Environment) -> Exit {
        let suite = seen("goldens").display().to_string();
        let command = ["cargo xtask", "budget", "gate"].map(OsString::from);
        let args = command.into_iter().chain(self.args);
        run_as("cargo xtask", args, &environment.or("FUSION_SUITE", suite))
    }
}
