//! Repository tasks: `cargo xtask <task>`.
//!
//! See <https://github.com/matklad/cargo-xtask>. `golden` and `budget-gate` are the commands
//! of `fusion` with this repository's suite; the others keep the repository in order.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool")]

use std::process::ExitCode;

use clap::Parser as _;
use fusion_cli::Environment;

mod bench;
mod budget_gate;
mod ci;
mod codegen;
mod crash;
mod deployers;
mod drill;
mod golden;
mod msrv;
mod performance;
mod quality_gate;
mod release;
mod root;
mod tasks;

fn main() -> ExitCode {
    let environment = Environment::read();
    match tasks::Task::try_parse() {
        Ok(task) => task.run(environment),
        Err(err) => tasks::usage(&err).into(),
    }
}
