use std::fmt::Write as _;

use clap::Args;
use overlay_deploy::{Rollout, Shown, StageRecord, Target, show};
use serde::Serialize;

use super::Told;
use super::refusal::deploy_error;
use super::site::moment;
use super::which::meant;
use crate::exit::Exit;
use crate::findings::plural;
use crate::output::{Output, Report};

/// Show one generation, and the deployment it was made for
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion deploy show --root prod
  fusion deploy show 42 --root prod
  fusion deploy show release-7 --root prod --json

Its files are not verified: see `fusion deploy verify`.")]
pub(super) struct Show {
    /// Its number, its name, or the id of its deployment; else the one in force
    #[arg(value_name = "GENERATION")]
    generation: Option<Target>,
}

#[derive(Serialize)]
struct ShowReport {
    #[serde(flatten)]
    shown: Shown,
}

impl Report for ShowReport {
    const SCHEMA: &'static str = "fusion/deploy-show/1";

    fn text(&self, _width: usize) -> String {
        let Shown { manifest, digest, rollout, problem } = &self.shown;
        let mut res = format!("generation {}\n", manifest.generation);
        // Writing to a string cannot fail.
        let _ = writeln!(res, "  made        {}", moment(manifest.created_us));
        let _ = writeln!(res, "  deployment  {}", manifest.deployment);
        let _ = writeln!(res, "  tree        {}", manifest.tree);
        let _ = writeln!(res, "  manifest    {digest}");
        if let Some(parent) = manifest.parent {
            let _ = writeln!(res, "  parent      {}", parent.generation);
        }
        if let Some(rollout) = rollout {
            course(&mut res, rollout);
        }
        if let Some(problem) = problem {
            let _ = writeln!(res, "  problem     {problem}");
        }
        let _ = writeln!(res, "  files");
        for file in &manifest.files {
            let _ = writeln!(res, "    {:>8}  {}", file.bytes, file.path);
        }
        res
    }
}

/// How its deployment went.
fn course(res: &mut String, rollout: &Rollout) {
    let Rollout { actor, mode, environment, .. } = rollout;
    // Writing to a string cannot fail.
    let _ = writeln!(res, "  by          {actor}, {mode}, in {environment}");
    if let Some(ended) = &rollout.ended {
        let _ = writeln!(res, "  ended       {}, {}", ended.outcome, moment(ended.at_us));
        for reason in &ended.reasons {
            let _ = writeln!(res, "              {reason}");
        }
    }
    for check in &rollout.results {
        let _ = writeln!(res, "  check       {check}");
    }
    for StageRecord { weight, elapsed_us, samples: (control, candidate), judgement, .. } in
        &rollout.stages
    {
        let seconds = elapsed_us / 1_000_000;
        let verdict = format!("{:?}", judgement.verdict).to_lowercase();
        let _ = writeln!(
            res,
            "  stage       {weight}: {verdict} after {seconds} s, {}, {control} beside",
            plural(*candidate, "sample")
        );
    }
}

impl Show {
    pub(super) fn run(self, told: Told<'_>, output: &mut Output) -> anyhow::Result<Exit> {
        let store = told.root.open(told.environment)?;
        let generation = meant(&store, self.generation.as_ref())?;
        let shown = show(&store, generation).map_err(deploy_error)?;
        output.show(&ShowReport { shown })?;
        Ok(Exit::DONE)
    }
}
