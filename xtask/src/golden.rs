use std::ffi::OsString;

use clap::Args;
use fusion_cli::{Environment, Exit, run_as};

use crate::root::seen;

/// Replay the golden suite of this repository: `fusion golden` with `--suite goldens`
#[derive(Args, Debug, Default)]
#[command(
    disable_help_flag = true,
    after_help = "\
Examples:
  cargo xtask golden
  cargo xtask golden --help"
)]
pub(crate) struct Golden {
    /// What `fusion golden` takes
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<OsString>,
}

impl Golden {
    pub(crate) fn run(self, environment: Environment) -> Exit {
        let suite = seen("goldens").display().to_string();
        let args = ["cargo xtask", "golden"].map(OsString::from).into_iter().chain(self.args);
        run_as("cargo xtask", args, &environment.or("FUSION_SUITE", suite))
    }
}
