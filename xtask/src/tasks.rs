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
            Self::BudgetGate(task) => return task.run(environment).into(),
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
