use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use clap::Args;
use fusion_golden::statistics::study::{
    Power as Found, Shares, Sides, Study, quality_verdicts, token_verdicts,
};
use fusion_golden::statistics::{
    Alpha, DEFAULT_MARGIN, Outcomes, paired_mean_n, quantile_n, ratio_n, read_outcomes,
    zero_failures_n,
};
use indicatif::ProgressBar;
use serde::Serialize;

use super::counted::counted;
use super::findings::in_file;
use super::scope::Scope;
use crate::environment::Environment;
use crate::exit::{Exit, refusal};
use crate::findings::{Finding, are_fatal, views};
use crate::input;
use crate::output::{Output, Report};
use crate::progress::progress;

/// Say how often the gates are right, and how many scenarios they need
///
/// With --outcomes: recorded outcomes of several models or prompts on the same scenarios, as CSV
/// (`scenario`, `model`, `score`, `tokens`). Samples are drawn with replacement, so that the
/// recorded pairs are the truth, and the verdicts of our gates stand beside those of a naive one.
/// Without: how many scenarios the usual spread of answers asks for.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion golden power
  fusion golden power --outcomes alpaca_eval_numeric.csv --sizes 15,100,400
  fusion golden power --outcomes runs.csv --pair before:after --exchanged --json -")]
pub(super) struct Power {
    /// Recorded outcomes, `-` for standard input
    #[arg(long, value_name = "CSV")]
    outcomes: Option<PathBuf>,
    /// Base and candidate; may be given several times. Else each model whose name another one
    /// goes on, with that one
    #[arg(long = "pair", value_name = "BASE:CANDIDATE", requires = "outcomes")]
    pairs: Vec<String>,
    /// Scenarios in a sample
    #[arg(long, value_delimiter = ',', default_values_t = [15, 50, 100, 200, 400], value_name = "N,…")]
    #[arg(value_parser = counted(100_000))]
    sizes: Vec<usize>,
    /// Samples drawn for each line
    #[arg(long, default_value_t = 1_000, value_name = "N", value_parser = counted(1_000_000))]
    rounds: usize,
    /// Resamples of each bootstrap
    #[arg(long, default_value_t = 1_000, value_name = "N", value_parser = counted(1_000_000))]
    draws: usize,
    /// Where the draws begin
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Let a coin decide for each pair which side is the base: nothing differs then, and whatever
    /// is called worse is a false alarm
    #[arg(long, requires = "outcomes")]
    exchanged: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Figure {
    Tokens,
    Quality,
}

/// One line to be drawn.
struct Task<'a> {
    figure: Figure,
    base: &'a str,
    candidate: &'a str,
    n: usize,
}

#[derive(Serialize)]
struct Row {
    figure: Figure,
    base: String,
    candidate: String,
    #[serde(flatten)]
    found: Found,
}

#[derive(Serialize)]
struct PowerReport {
    rounds: usize,
    seed: u64,
    exchanged: bool,
    rows: Vec<Row>,
    findings: Vec<Finding>,
    #[serde(skip)]
    messages: Vec<String>,
}

impl Report for PowerReport {
    const SCHEMA: &'static str = "fusion/golden-power/1";

    fn text(&self, _width: usize) -> String {
        let what = match self.exchanged {
            true => "sides exchanged by coin: nothing differs, \"worse\" is a false alarm",
            false => "sides as recorded",
        };
        let mut res = format!(
            "share of verdicts over {} samples each, {what}\n\n{:<8} {:<58} {:>4}  {:<38}  {}\n",
            self.rounds,
            "",
            "base → candidate",
            "n",
            "pass  warn  fail  insufficient  invalid",
            "naive: pass  warn  fail"
        );
        for Row { figure, base, candidate, found } in &self.rows {
            let figure = if *figure == Figure::Tokens { "tokens" } else { "quality" };
            let Found { n, gate, naive, .. } = found;
            // Writing to a string cannot fail.
            let _ = writeln!(
                res,
                "{figure:<8} {:<58} {n:>4}  {} {:>13.3} {:>8.3}  {:>6}{}",
                format!("{base} → {candidate}"),
                shares(gate),
                gate.insufficient,
                gate.invalid,
                "",
                shares(naive),
            );
        }
        for message in &self.messages {
            let _ = writeln!(res, "{message}");
        }
        res
    }
}

fn shares(it: &Shares) -> String {
    format!("{:.3} {:.3} {:.3}", it.pass, it.warn, it.fail)
}

/// How many scenarios a claim needs.
#[derive(Serialize)]
struct Needed {
    claim: &'static str,
    n: u64,
}

#[derive(Serialize)]
struct NeededReport {
    alpha: f64,
    power: f64,
    needed: Vec<Needed>,
}

impl Report for NeededReport {
    const SCHEMA: &'static str = "fusion/golden-sizes/1";

    fn text(&self, _width: usize) -> String {
        let mut res = String::from(
            "scenarios that are needed (wrong one time in twenty, found four times of five)\n\n",
        );
        for Needed { claim, n } in &self.needed {
            let _ = writeln!(res, "{n:>7}  {claim}");
        }
        res.push_str("\nWith --outcomes the gates are measured on recorded answers instead.\n");
        res
    }
}

impl Power {
    pub(super) fn run(
        self,
        scope: &Scope,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        scope.refuse_suite("power")?;
        let Some(path) = &self.outcomes else {
            scope.report(&needed(), output)?;
            return Ok(Exit::DONE);
        };
        self.measured(path, scope, output, environment)
    }

    fn measured(
        &self,
        path: &Path,
        scope: &Scope,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        let read = input::read(path)?;
        let (outcomes, findings) = read_outcomes(read.text()?);
        let messages = in_file(&read.name, &findings);
        if outcomes.models().next().is_none() {
            return Err(refusal(Exit::UNREADABLE, messages.join("\n")));
        }
        let pairs = self.pairs(&outcomes, &messages)?;
        let tasks = self.tasks(&outcomes, &pairs);
        let bar = progress(tasks.len(), output, environment);
        let rows = in_threads(&tasks, &bar, |it| self.draw(&outcomes, it));
        bar.finish_and_clear();
        let report = PowerReport {
            rounds: self.rounds,
            seed: self.seed,
            exchanged: self.exchanged,
            rows,
            findings: views(&findings),
            messages,
        };
        scope.report(&report, output)?;
        Ok(if are_fatal(&findings, output.strict) { Exit::FINDINGS } else { Exit::DONE })
    }

    /// The pairs that were asked for, or those that the names of the models suggest. A
    /// model may be missing because of what `messages` say.
    fn pairs(
        &self,
        outcomes: &Outcomes,
        messages: &[String],
    ) -> anyhow::Result<Vec<(String, String)>> {
        let refuse = |exit, message: String| {
            let lines = messages.iter().cloned().chain([message]);
            refusal(exit, lines.collect::<Vec<_>>().join("\n"))
        };
        let models: Vec<_> = outcomes.models().collect();
        if self.pairs.is_empty() {
            let pairs: Vec<_> = models
                .iter()
                .filter_map(|it| Some((stem(it, &models)?.to_owned(), (*it).to_owned())))
                .collect();
            if pairs.is_empty() {
                let message = "no name of a model goes on that of another one: give --pair";
                return Err(refuse(Exit::NOTHING, message.to_owned()));
            }
            return Ok(pairs);
        }
        let pair = |text: &String| {
            let pair = text
                .split_once(':')
                .filter(|(base, candidate)| models.contains(base) && models.contains(candidate));
            let (base, candidate) = pair.ok_or_else(|| {
                let known = models.join(", ");
                refuse(Exit::USAGE, format!("--pair {text}: the models are {known}"))
            })?;
            Ok((base.to_owned(), candidate.to_owned()))
        };
        self.pairs.iter().map(pair).collect()
    }

    fn tasks<'a>(&self, outcomes: &Outcomes, pairs: &'a [(String, String)]) -> Vec<Task<'a>> {
        let mut tasks = Vec::new();
        for figure in [Figure::Tokens, Figure::Quality] {
            for (base, candidate) in pairs {
                let is_recorded = match figure {
                    Figure::Tokens => !outcomes.token_pairs(base, candidate).is_empty(),
                    Figure::Quality => !outcomes.score_pairs(base, candidate).is_empty(),
                };
                let sizes = self.sizes.iter().filter(|_| is_recorded);
                tasks.extend(sizes.map(|n| Task { figure, base, candidate, n: *n }));
            }
        }
        tasks
    }

    fn draw(&self, outcomes: &Outcomes, task: &Task<'_>) -> Row {
        let sides = if self.exchanged { Sides::Exchanged } else { Sides::Recorded };
        let study = Study { rounds: self.rounds, seed: self.seed, sides, draws: self.draws };
        let Task { figure, base, candidate, n } = *task;
        let found = match figure {
            Figure::Tokens => token_verdicts(&outcomes.token_pairs(base, candidate), n, &study),
            Figure::Quality => {
                let pairs = outcomes.score_pairs(base, candidate);
                quality_verdicts(&pairs, n, DEFAULT_MARGIN, &study)
            }
        };
        Row { figure, base: base.to_owned(), candidate: candidate.to_owned(), found }
    }
}

/// The model with the longest name that this one goes on: `claude-2.1` of
/// `claude-2.1_concise`.
fn stem<'a>(model: &str, models: &[&'a str]) -> Option<&'a str> {
    let goes_on =
        |it: &&&str| model.strip_prefix(**it).is_some_and(|rest| rest.starts_with(['_', '-']));
    models.iter().filter(goes_on).max_by_key(|it| it.len()).copied()
}

/// `work` on every task, results in their order.
fn in_threads<T: Sync, R: Send>(
    tasks: &[T],
    bar: &ProgressBar,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        while let Some((at, task)) = {
            let at = next.fetch_add(1, Ordering::Relaxed);
            tasks.get(at).map(|it| (at, it))
        } {
            done.push((at, work(task)));
            bar.inc(1);
        }
        done
    };
    let threads = thread::available_parallelism().map_or(1, usize::from).min(tasks.len().max(1));
    let mut done: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        let join = |it: thread::ScopedJoinHandle<'_, Vec<(usize, R)>>| match it.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        workers.into_iter().flat_map(join).collect()
    });
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, row)| row).collect()
}

/// What the usual spread of real answers asks for: standard deviations of 18.5 and 28
/// points of paired judge scores, and of 0.5 of log token ratios.
fn needed() -> NeededReport {
    let (alpha, power) = (Alpha::P05, 0.8);
    let quality = |sd, margin| paired_mean_n(sd, margin, alpha, power);
    let row = |claim, n| Needed { claim, n };
    let needed = vec![
        row("output tokens: no change stays below the 12 % line", ratio_n(0.5, 1.12, alpha, power)),
        row("output tokens: no change stays below the 25 % line", ratio_n(0.5, 1.25, alpha, power)),
        row("quality: not worse by 10 points, steady scores (sd 18.5)", quality(0.185, 0.10)),
        row("quality: not worse by 5 points, steady scores (sd 18.5)", quality(0.185, 0.05)),
        row("quality: not worse by 5 points, restless scores (sd 28)", quality(0.28, 0.05)),
        row("quality: not worse by 2 points, steady scores (sd 18.5)", quality(0.185, 0.02)),
        row("latency: any upper bound of the p95", quantile_n(0.95, alpha)),
        row("failures: below 5 % with none seen", zero_failures_n(0.05, alpha)),
        row("failures: below 2 % with none seen", zero_failures_n(0.02, alpha)),
        row("tokens of prompts: exact", 1),
    ];
    NeededReport { alpha: alpha.get(), power, needed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_belongs_to_the_longest_name_it_goes_on() {
        let models = ["gpt4", "gpt4_0613", "gpt4_0613_concise", "gpt4turbo"];
        let stems = models.map(|it| stem(it, &models));
        assert_eq!(stems, [None, Some("gpt4"), Some("gpt4_0613"), None]);
    }

    #[test]
    fn the_sizes_are_those_of_the_formulas() {
        let sizes = needed().needed;
        let of = |part: &str| sizes.iter().find(|it| it.claim.contains(part)).map(|it| it.n);
        assert_eq!(of("p95"), Some(59));
        assert_eq!(of("5 points, steady"), Some(85));
        assert_eq!(of("5 points, restless"), Some(194));
    }
}
