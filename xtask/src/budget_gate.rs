use std::ffi::OsString;
use std::path::Path;

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

/// What the gate of this repository takes: what `fusion budget gate` does, and `--perf`.
const HELP: &str = "\
Say whether the working tree may be merged: what it costs and breaks, with the key that does it

The suite is `goldens`. With --perf, whether the code became slower: instructions of two builds,
in turns.

Usage: cargo xtask budget-gate [OPTIONS]
       cargo xtask budget-gate --perf [OPTIONS]

Options:
      --base <REF|DIR>       What to compare with; may be given several times, the worst counts
      --candidate <REF|DIR>  What is compared; else the suite in the working tree
      --suite <DIR>          The suite; else FUSION_SUITE, else `goldens`
      --json <FILE>          Write the report as JSON, `-` for standard output
      --markdown <FILE>      Write the report as Markdown for a comment
      --html <FILE>          Write the report as one HTML file without script
      --junit <FILE>         Write the report as JUnit XML
      --threads <N>          How many threads work; 0 for as many as the machine has
      --strict               Warnings, and what is insufficient, end with 3
      --perf                 Compare the code; its own options: --perf --help
  -h, --help                 Print help

Examples:
  cargo xtask budget-gate
  cargo xtask budget-gate --base HEAD~1 --html target/budget.html
  cargo xtask budget-gate --json - --strict
  cargo xtask budget-gate --perf

Exit codes: 0 within the budget, 1 over it or nothing to compare, 3 insufficient or warnings under
--strict, 4 recordings missing, 5 no scenarios, 65 unreadable.
";

impl BudgetGate {
    /// The gate, with its report as JSON in `file`.
    pub(crate) fn reporting(file: &Path) -> Self {
        Self { args: vec!["--json".into(), file.into()] }
    }

    pub(crate) fn run(self, environment: Environment) -> anyhow::Result<Exit> {
        match performance::asked(&self.args) {
            Some(Ok(asked)) => return asked.run(),
            Some(Err(err)) => {
                err.print()?;
                return Ok(if err.use_stderr() { Exit::USAGE } else { Exit::DONE });
            }
            None => (),
        }
        if self.args.iter().any(|it| it == "--help" || it == "-h") {
            print!("{HELP}");
            return Ok(Exit::DONE);
        }
        let suite = seen("goldens").display().to_string();
        let command = ["cargo xtask", "budget", "gate"].map(OsString::from);
        let args = command.into_iter().chain(self.args);
        Ok(run_as("cargo xtask", args, &environment.or("FUSION_SUITE", suite)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_is_about_this_command() {
        assert!(
            HELP.contains("\n      --perf ") && HELP.contains("Usage: cargo xtask budget-gate")
        );
        assert!(!HELP.contains("cargo xtask budget gate") && !HELP.contains("  fusion "));
    }
}
