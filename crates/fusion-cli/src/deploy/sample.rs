use std::path::PathBuf;

use clap::{Args, ValueEnum};
use overlay_deploy::{DeployError, Span};
use overlay_sqlite::{Arm, DatabaseKind, Performance, Sample, SqliteError};
use overlay_store::{Store, StoreError};
use serde::{Deserialize, Serialize};

use super::Told;
use super::refusal::{deploy_error, store_error};
use super::rows::prune;
use crate::condition::in_force;
use crate::doctor::variables;
use crate::environment::now_us;
use crate::exit::{Exit, refusal};
use crate::findings::plural;
use crate::input;
use crate::output::{Output, Report};

/// The most samples of one command.
const MOST: usize = 1_000_000;

/// Record answers that were given during a rollout, for its canary to be judged by
///
/// `fusion serve` does this with the outcomes it is told; here it is for scripts. Every result but
/// `success` is an error. What is older than `performance.retention_days` of the installation in
/// force is removed afterwards. A line of `--file` is an object: `{"arm": "candidate", "result":
/// "success", "duration_us": 120000, "tokens": 180}`, with `at_us` where it was not just now.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion deploy sample --root prod --arm candidate --result success --duration 120ms
  fusion deploy sample --root prod --arm control --result error --duration 2s --count 12
  fusion deploy sample --root prod --file samples.jsonl

Ends with 5 where no deployment is under way and none is named, with 65 for a deployment that was
not made here and for a moment that has not come, with 69 where the database cannot be written.")]
pub(super) struct SampleArguments {
    /// Of which deployment, also one that has ended; else the one under way
    #[arg(long, value_name = "ID")]
    deployment: Option<String>,
    /// Which generation answered
    #[arg(long, value_enum, required_unless_present = "file", value_name = "ARM")]
    arm: Option<ArmName>,
    /// How it ended: `success`, or any other word for an error
    #[arg(long, default_value = "success", value_name = "WORD")]
    result: String,
    /// How long the answer took
    #[arg(long, required_unless_present = "file", value_name = "SPAN")]
    duration: Option<Span>,
    /// How many tokens the answer has
    #[arg(long, value_name = "N")]
    tokens: Option<u64>,
    /// So many answers like that
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = count)]
    count: usize,
    /// Samples as JSON lines, `-` for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["arm", "duration", "tokens"])]
    file: Option<PathBuf>,
}

/// An arm as the command line has it.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum ArmName {
    /// The generation in force.
    Control,
    /// The generation on trial.
    Candidate,
}

impl From<ArmName> for Arm {
    fn from(name: ArmName) -> Self {
        match name {
            ArmName::Control => Self::Control,
            ArmName::Candidate => Self::Candidate,
        }
    }
}

/// A line of a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    arm: Arm,
    result: String,
    duration_us: u64,
    #[serde(default)]
    tokens: Option<u64>,
    #[serde(default)]
    at_us: Option<i64>,
}

#[derive(Serialize)]
struct SampleReport {
    deployment: String,
    recorded: usize,
    /// How many rows were older than they are kept.
    removed: u64,
}

impl Report for SampleReport {
    const SCHEMA: &'static str = "fusion/deploy-sample/1";

    fn text(&self, _width: usize) -> String {
        let (recorded, deployment) = (plural(self.recorded, "sample"), &self.deployment);
        let removed = match self.removed {
            0 => String::new(),
            count => format!(", {count} old ones removed"),
        };
        format!("{recorded} of deployment {deployment} recorded{removed}\n")
    }
}

impl SampleArguments {
    pub(super) fn run(self, told: Told<'_>, output: &mut Output) -> anyhow::Result<Exit> {
        let store = told.root.open(told.environment)?;
        let deployment = match &self.deployment {
            Some(id) => known(&store, id)?,
            None => under_way(&store)?,
        };
        let samples = self.samples(&deployment)?;
        if !in_force(&store, &variables(told.environment)).keeps_rows() {
            let message = "`database.kind` is `null`: nothing keeps samples here";
            return Err(refusal(Exit::UNREACHABLE, message));
        }
        let path = told.root.dir(told.environment)?.join(DatabaseKind::Performance.path());
        let mut rows = Performance::open(&path).map_err(unreachable)?;
        rows.write(&[], &samples).map_err(unreachable)?;
        let removed = prune(&mut rows, &store, output, told.environment)?;
        output.show(&SampleReport { deployment, recorded: samples.len(), removed })?;
        Ok(Exit::DONE)
    }

    fn samples(&self, deployment: &str) -> anyhow::Result<Vec<Sample>> {
        let at_us = now_us();
        let too_many = || refusal(Exit::USAGE, format!("at most {MOST} samples at once"));
        if let Some(path) = &self.file {
            let input = input::read(path)?;
            let lines = input.text()?.lines().enumerate().filter(|(_, it)| !it.trim().is_empty());
            let parsed = lines.map(|(at, text)| {
                let no_sample = |err: serde_json::Error| {
                    refusal(Exit::UNREADABLE, format!("{}:{}: {err}", input.name, at + 1))
                };
                let line = serde_json::from_str::<Line>(text).map_err(no_sample)?;
                if let Some(given) = line.at_us.filter(|it| !is_past(*it, at_us)) {
                    let why = format!("at_us {given} is no moment up to now");
                    let message = format!("{}:{}: {why}", input.name, at + 1);
                    return Err(refusal(Exit::UNREADABLE, message));
                }
                Ok(sample(line, deployment, at_us))
            });
            let samples: Vec<Sample> = parsed.collect::<anyhow::Result<_>>()?;
            return if samples.len() > MOST { Err(too_many()) } else { Ok(samples) };
        }
        let (Some(arm), Some(duration)) = (self.arm, self.duration) else {
            return Err(refusal(Exit::USAGE, "give --arm and --duration, or --file"));
        };
        let line = Line {
            arm: arm.into(),
            result: self.result.clone(),
            duration_us: u64::try_from(duration.micros()).unwrap_or_default(),
            tokens: self.tokens,
            at_us: None,
        };
        Ok(vec![sample(line, deployment, at_us); self.count])
    }
}

fn unreachable(err: SqliteError) -> anyhow::Error {
    refusal(Exit::UNREACHABLE, format!("{:#}", anyhow::Error::new(err)))
}

fn sample(line: Line, deployment: &str, now_us: i64) -> Sample {
    let Line { arm, result, duration_us, tokens, at_us } = line;
    let at_us = at_us.unwrap_or(now_us);
    Sample { deployment: deployment.to_owned(), arm, result, duration_us, tokens, at_us }
}

/// How many answers, as the command line has it.
fn count(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|it| (1..=MOST).contains(it));
    count.ok_or_else(|| format!("a number from 1 to {MOST}"))
}

/// Clocks of machines differ a little.
const AHEAD_US: i64 = 60_000_000;

fn is_past(at_us: i64, now_us: i64) -> bool {
    (0..=now_us.saturating_add(AHEAD_US)).contains(&at_us)
}

/// A deployment that was made here.
fn known(store: &Store, id: &str) -> anyhow::Result<String> {
    let unknown = || DeployError::Unknown(format!("no deployment `{id}` was made here"));
    match store.read_rollout(id) {
        Ok(Some(_)) => Ok(id.to_owned()),
        Ok(None) | Err(StoreError::InvalidName { .. }) => Err(deploy_error(unknown())),
        Err(err) => Err(store_error(err)),
    }
}

/// The deployment that is under way.
fn under_way(store: &Store) -> anyhow::Result<String> {
    let pointer = store.current().map_err(store_error)?;
    let moving = pointer.filter(|it| it.phase.is_under_way());
    moving.and_then(|it| it.deployment).ok_or(DeployError::Idle).map_err(deploy_error)
}
