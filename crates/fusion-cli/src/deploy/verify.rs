use std::fmt::Write as _;

use clap::Args;
use overlay_deploy::{verify, verify_rollouts};
use overlay_store::GenerationId;
use serde::Serialize;

use super::Told;
use super::refusal::{deploy_error, exit_of};
use crate::exit::{Exit, worst};
use crate::findings::plural;
use crate::output::{Output, Report};

/// Compare every file of a generation with its manifest
///
/// Those that are live; with `--all` every one, also those that are gone without a record of
/// their removal, the pointer, and what is kept of each rollout.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion deploy verify --root prod
  fusion deploy verify --root prod --all --json

Ends with 8 where a file is not as it was published, or gone. The audit log has a command of its own:
`fusion audit verify`.")]
pub(super) struct Verify {
    /// Every generation
    #[arg(long)]
    all: bool,
}

#[derive(Serialize)]
struct VerifyReport {
    valid: bool,
    generations: Vec<Verified>,
    /// What is wrong with the pointer, and with what is kept of rollouts, each with its file.
    rollouts: Vec<String>,
}

#[derive(Serialize)]
struct Verified {
    generation: GenerationId,
    valid: bool,
    /// How many files it has.
    files: usize,
    problem: Option<String>,
}

impl Report for VerifyReport {
    const SCHEMA: &'static str = "fusion/deploy-verify/1";

    fn text(&self, _width: usize) -> String {
        let mut res = String::new();
        if self.generations.is_empty() && self.rollouts.is_empty() {
            res.push_str("nothing is deployed\n");
        }
        // Writing to a string cannot fail.
        for Verified { generation, files, problem, .. } in &self.generations {
            let _ = match problem {
                None => writeln!(res, "{generation}: {} as published", plural(*files, "file")),
                Some(problem) => writeln!(res, "{generation}: {problem}"),
            };
        }
        for problem in &self.rollouts {
            let _ = writeln!(res, "{problem}");
        }
        res
    }
}

impl Verify {
    pub(super) fn run(self, told: Told<'_>, output: &mut Output) -> anyhow::Result<Exit> {
        let store = told.root.open(told.environment)?;
        let mut exit = Exit::DONE;
        let mut generations = Vec::new();
        for it in verify(&store, self.all).map_err(deploy_error)? {
            let generation = it.generation;
            let (files, problem) = match it.result {
                Ok(manifest) => (manifest.files.len(), None),
                Err(err) => {
                    exit = worst(exit, exit_of(err.exit_code()));
                    (0, Some(format!("{:#}", anyhow::Error::new(err))))
                }
            };
            generations.push(Verified { generation, valid: problem.is_none(), files, problem });
        }
        let damaged = if self.all { verify_rollouts(&store) } else { Ok(Vec::new()) };
        let mut rollouts = Vec::new();
        for err in damaged.map_err(deploy_error)? {
            exit = worst(exit, exit_of(err.exit_code()));
            rollouts.push(format!("{:#}", anyhow::Error::new(err)));
        }
        if generations.is_empty() && rollouts.is_empty() {
            exit = Exit::NOTHING;
        }
        output.show(&VerifyReport { valid: exit == Exit::DONE, generations, rollouts })?;
        Ok(exit)
    }
}
