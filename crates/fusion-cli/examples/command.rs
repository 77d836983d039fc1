//! A program of its own around the commands of `fusion`: `command overlay explain TRUST_FLOOR`.

use std::process::ExitCode;

use fusion_cli::{Environment, run};

fn main() -> ExitCode {
    let environment = Environment::read();
    let mut args: Vec<_> = std::env::args_os().collect();
    if args.len() < 2 {
        args.extend(["overlay", "explain", "TRUST_FLOOR"].map(Into::into));
    }
    run(args, &environment).into()
}
