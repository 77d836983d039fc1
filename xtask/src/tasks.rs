use std::process::ExitCode;

use clap::Parser;
use fusion_cli::{Environment, Exit};

use crate::bench::Bench;
use crate::ci::Ci;
use crate::codegen::Codegen;
use crate::drill::Drill;
use crate::golden::Golden;
use crate::msrv::Msrv;

/// Tasks of this repository
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask", max_term_width = 100)]
pub(crate) enum Task {
    Golden(Golden),
    Codegen(Codegen),
    Bench(Bench),
    Drill(Drill),
    Msrv(Msrv),
    Ci(Ci),
}

impl Task {
    pub(crate) fn run(self, environment: Environment) -> ExitCode {
        let result = match self {
            Self::Golden(task) => return task.run(environment).into(),
            Self::Codegen(task) => task.run(),
            Self::Bench(task) => task.run(),
            Self::Drill(task) => task.run(),
            Self::Msrv(task) => task.run(),
            Self::Ci(task) => task.run(),
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
