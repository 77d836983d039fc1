//! `fusion overlay tune`

mod command;
mod evaluator;
mod fault;
mod goal;
mod held_out;
mod interrupt;
mod journal;
mod judge;
mod lock;
pub(super) mod places;
mod pool;
mod replay;
mod report;
mod results;
mod resume;
mod search;
mod setting;
mod told;

use std::path::PathBuf;

use clap::Args;

use self::goal::{Bound, Goal};
use self::search::Search;
use super::document::Document;
use crate::environment::Environment;
use crate::exit::Exit;
use crate::output::Output;
use crate::progress::progress;

/// Search for better settings of an overlay, by measuring
///
/// Keys that are pinned, describe something or promise something are left alone, and what guards
/// answers (the floors, what trust is, what is verified of a conversation) changes only where
/// `--key` names it. Candidates are evaluated by the recordings of a suite, or by a command of
/// yours; nothing is simulated. A change that brings nothing goes back. What is found is accepted
/// only if evaluations that the search did not see say that it gains at least 0.05 with a
/// probability of 0.95, and that no scenario loses more than 0.02. The file itself stays as it
/// is: an accepted result goes to `--output`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion overlay tune configs/overlays/fusion_overlay.rollback_first.txt --suite goldens
  fusion overlay tune configs/overlays/fusion_overlay.rollback_first.txt --suite goldens \\
    --objective units --objective trust --svg front.svg --report tune.json
  printf '%s\\n' 'n=$(sed -n s/^MAX_TOKENS=//p \"$1\")' \\
    'sed -E \"s/.*(.scenario.:.[a-z0-9_]+.).*/{\\1,\\\"tokens\\\":$n}/\"' > score.sh
  fusion overlay tune configs/overlays/fusion_overlay.rollback_first.txt --configs configs \\
    --eval 'sh score.sh {overlay}' --objective tokens:min --limit 'tokens>=256' \\
    --journal tune.jsonl -o tuned.txt

They can be typed in a clone of the repository. The score.sh of theirs says only how long answers
may get; one of yours asks a model, and measures what came.

The command gets the path of the candidate, also as FUSION_OVERLAY, and, on standard input, one
line of JSON for each scenario to evaluate; it writes a line {\"scenario\": \"a\", \"quality\": 0.8}
for each. A replay measures units, tokens, prompt_tokens, latency_ms (small), trust, score,
accepted and rules (large).

Ends with 0 where a candidate is accepted or the overlay as it is is best, 1 where the candidate
is rejected or no candidate keeps the limits, 3 where too little was evaluated, 4 where the
overlay itself is not recorded, 10 where it was interrupted, 69 where the command fails, 75 where
another run writes the journal.")]
pub(crate) struct Tune {
    /// The overlay
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    source: SourceArguments,
    /// With `--eval`: the installation whose scenarios are evaluated; else FUSION_CONFIGS
    #[arg(long, value_name = "DIR", conflicts_with = "suite")]
    configs: Option<PathBuf>,
    /// Only this scenario; may be given several times
    #[arg(long = "scenario", value_name = "ID")]
    scenarios: Vec<String>,
    /// What is to become better, several against each other; those with a weight add up to one.
    /// `units` where there is a suite
    #[arg(long = "objective", value_name = "NAME[:min|max][:WEIGHT]")]
    objectives: Vec<Goal>,
    /// What every scenario has to keep: `units<=5`, `trust>=0.6`
    #[arg(long = "limit", value_name = "NAME<=NUMBER")]
    limits: Vec<Bound>,
    /// Vary only this key, a floor or another guard too; may be given several times
    #[arg(long = "key", value_name = "KEY")]
    keys: Vec<String>,
    /// How many evaluations of one candidate on one scenario; 20 for each scenario without it
    #[arg(long, value_name = "N")]
    budget: Option<usize>,
    /// What all randomness comes from
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// With `--eval`: how often overlay and candidate are evaluated to accept it
    #[arg(long, default_value_t = 3, value_name = "N", conflicts_with = "suite")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    repeats: u16,
    /// With `--eval`: how long one evaluation may take, in seconds
    #[arg(long, default_value_t = 600, value_name = "SECONDS", conflicts_with = "suite")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
    /// Keep every question and answer in this file, from which a run goes on; else in
    /// `.fusion-tune` here until the run ends
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Go on with a run that did not end, by its journal, with the same options otherwise
    #[arg(long)]
    resume: bool,
    /// Write the report as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Draw the trials, and the Pareto front of several objectives
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Where an accepted overlay goes; FILE itself may be named
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file of `--output` where there is one
    #[arg(long, requires = "output")]
    force: bool,
}

/// How candidates are evaluated.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct SourceArguments {
    /// Replay the recordings of this suite
    #[arg(long, value_name = "DIR")]
    suite: Option<PathBuf>,
    /// Ask this command; `{overlay}` stands for the path of the candidate, and so does the
    /// variable FUSION_OVERLAY
    #[arg(long, value_name = "COMMAND")]
    eval: Option<String>,
}

impl Tune {
    pub(crate) fn run(
        self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        self.may_write()?;
        let document = Document::writable(&self.file, output)?;
        let setting = self.setting(&document, output, environment)?;
        let (mut tuner, mut journal) = self.tuner(&setting)?;
        let progress = progress(setting.plan.budget, output, environment);
        let search = Search {
            overlay: &document.overlay,
            evaluator: &setting.evaluator,
            goals: &setting.goals,
            progress: &progress,
        };
        let stop = search.run(&mut tuner, &mut journal, output).inspect_err(|_| {
            // Before the first answer there is nothing that somebody paid for.
            if tuner.runs() == 0 {
                journal.end();
            }
        })?;
        progress.set_message("held out");
        let answer = self.judge(&document, &setting, (&tuner, &journal), stop)?;
        progress.finish_and_clear();
        let exit = self.finish(answer, output)?;
        journal.end();
        Ok(exit)
    }
}
