use std::path::PathBuf;

use clap::{Args, ValueEnum};
use overlay_deploy::{DeployError, Span};
use overlay_sqlite::{Arm, DatabaseKind, Performance, Sample, SqliteError};
use overlay_store::Store;
use serde::{Deserialize, Serialize};

use super::Told;
use super::refusal::{deploy_error, store_error};
use crate::environment::now_us;
use crate::exit::{Exit, refusal};
use crate::findings::plural;
use crate::input;
use crate::output::{Output, Report};

/// The most samples of one command.
const MOST: usize = 1_000_000;

/// Record answers that were given during a rollout, for its canary to be judged by
///
/// A service does this by the library; here it is for scripts. Every result but `success` is an
/// error. A line of `--file` is an object: `{\"arm\": \"candidate\", \"result\": \"success\",
/// \"duration_us\": 120000, \"tokens\": 180}`, with `at_us` where it was not just now.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion deploy sample --root prod --arm candidate --result success --duration 120ms
  fusion deploy sample --root prod --arm control --result error --duration 2s --count 12
  fusion deploy sample --root prod --file samples.jsonl

Ends with 5 where no deployment is under way, with 69 where the database cannot be written.")]
pub(super) struct SampleArguments {
    /// Of which deployment; else the one under way, or the last
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
    #[arg(long, default_value_t = 1, value_name = "N")]
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
}

impl Report for SampleReport {
    const SCHEMA: &'static str = "fusion/deploy-sample/1";

    fn text(&self, _width: usize) -> String {
        format!("{} of deployment {} recorded\n", plural(self.recorded, "sample"), self.deployment)
    }
}

impl SampleArguments {
    pub(super) fn run(self, told: Told<'_>, output: &mut Output) -> anyhow::Result<Exit> {
        let store = told.root.open(told.environment)?;
        let deployment = match &self.deployment {
            Some(id) => id.clone(),
            None => under_way(&store)?,
        };
        let samples = self.samples(&deployment)?;
        let path = told.root.dir(told.environment)?.join(DatabaseKind::Performance.path());
        let write = || Performance::open(&path)?.write(&[], &samples);
        write().map_err(|err: SqliteError| {
            refusal(Exit::UNREACHABLE, format!("{:#}", anyhow::Error::new(err)))
        })?;
        output.show(&SampleReport { deployment, recorded: samples.len() })?;
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
                Ok(sample(line, deployment, at_us))
            });
            let samples: Vec<Sample> = parsed.collect::<anyhow::Result<_>>()?;
            return if samples.len() > MOST { Err(too_many()) } else { Ok(samples) };
        }
        let (Some(arm), Some(duration)) = (self.arm, self.duration) else {
            return Err(refusal(Exit::USAGE, "give --arm and --duration, or --file"));
        };
        if self.count > MOST {
            return Err(too_many());
        }
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

fn sample(line: Line, deployment: &str, now_us: i64) -> Sample {
    let Line { arm, result, duration_us, tokens, at_us } = line;
    let at_us = at_us.unwrap_or(now_us);
    Sample { deployment: deployment.to_owned(), arm, result, duration_us, tokens, at_us }
}

/// The deployment that the pointer names.
fn under_way(store: &Store) -> anyhow::Result<String> {
    let pointer = store.current().map_err(store_error)?;
    pointer.and_then(|it| it.deployment).ok_or(DeployError::Idle).map_err(deploy_error)
}
