//! The `fusion` command.

use std::process::ExitCode;

use fusion_cli::Environment;

fn main() -> ExitCode {
    let environment = Environment::read();
    let exit = fusion_cli::run(std::env::args_os(), &environment);
    exit.into()
}
