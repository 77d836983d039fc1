use std::process::ExitCode;

use clap::Parser;
use fusion_cli::{Environment, Exit};

use crate::bench::Bench;
use crate::budget_gate::BudgetGate;
use crate::ci::Ci;
use crate::codegen::Codegen;
use crate::crash::Crash;
use crate::drill::Drill;
use crate::golden::Golden;
use crate::msrv::Msrv;
use crate::quality_gate::QualityGate;
use crate::release::Release;

/// Tasks of this repository
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask", max_term_width = 100)]
pub(crate) enum Task {
    Golden(Golden),
    BudgetGate(BudgetGate),
    QualityGate(QualityGate),
    Codegen(Codegen),
    Bench(Bench),
    Drill(Drill),
    Crash(Crash),
    Msrv(Msrv),
    Ci(Ci),
    Release(Release),
}

impl Task {
    pub(crate) fn run(self, environment: Environment) -> ExitCode {
        let result = match self {
            Self::Golden(task) => return task.run(environment).into(),
            Self::BudgetGate(task) => task.run(environment),
            Self::Codegen(task) => task.run(),
            Self::Bench(task) => task.run(),
            Self::Drill(task) => task.run(),
            Self::Crash(task) => task.run(),
            Self::Msrv(task) => task.run(),
            Self::Ci(task) => task.run(),
            Self::QualityGate(task) => task.run(environment),
            Self::Release(task) => task.run(environment),
        };
        match result {
            Ok(exit) => exit.into(),
            Err(err) => {
                eprintln!("error: {err:#}");
                Exit::INTERNAL.into()
            }
        }
    }
}

/// Says what is wrong with a command line, or what was asked for. Its exit code is that of
/// `fusion`, and not clap's.
pub(crate) fn usage(err: &clap::Error) -> Exit {
    // Where even this cannot be written, nobody is left to tell.
    let _ = err.print();
    if err.use_stderr() { Exit::USAGE } else { Exit::DONE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(args: &[&str], expect: Exit) {
        let words = ["xtask"].iter().chain(args);
        let err = Task::try_parse_from(words).expect_err("no task");
        assert_eq!(usage(&err), expect, "{args:?}");
    }

    #[test]
    fn a_wrong_command_line_ends_as_that_of_fusion() {
        check(&["release", "--version", "abc"], Exit::USAGE);
        check(&["release"], Exit::USAGE);
        check(&["brew"], Exit::USAGE);
        check(&["bench", "--peer"], Exit::USAGE);
        check(&[], Exit::USAGE);
        check(&["release", "--help"], Exit::DONE);
    }
}
