use std::path::{Path, PathBuf};

use clap::Args;
use fusion_golden::Suite;
use fusion_golden::budget::{
    BudgetReport, Budgets, Measurement, Taken, Watch, WatchError, compare, measure,
};
use tempfile::TempDir;

use super::refusal::suite_error;
use super::scope::{Scope, require_folder};
use crate::budget::{Reports, alone, exit_of};
use crate::environment::Environment;
use crate::exit::{Exit, refusal};
use crate::input;
use crate::output::{Output, json_text};
use crate::replace::replace;

/// Compare two recordings of the same scenarios
///
/// Each is a suite, or a folder of cassettes for the scenarios of --suite. Output tokens, cost,
/// latency, failures and recorded scores of the second are held to the limits of `budgets.toml`
/// against the first. The same request counts, too: what is compared are the recordings. Two
/// recordings of the same thing show how much noise there is.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion golden compare goldens nightly/goldens
  fusion golden compare goldens/cassettes rerecorded/cassettes --suite goldens --html noise.html
  fusion golden compare goldens nightly/goldens --watch watch.json")]
pub(super) struct Compare {
    /// The recording that is compared with
    #[arg(value_name = "A")]
    base: PathBuf,
    /// The recording that is compared
    #[arg(value_name = "B")]
    candidate: PathBuf,
    /// Keep the recorded scores of every run in FILE, and judge all of them together: that verdict
    /// stays valid however often it is asked for
    #[arg(long, value_name = "FILE")]
    watch: Option<PathBuf>,
    #[command(flatten)]
    reports: Reports,
    /// How many threads work; 0 for as many as the machine has
    #[arg(long, default_value_t = 0, value_name = "N")]
    threads: usize,
}

impl Compare {
    pub(super) fn run(
        self,
        scope: &Scope,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        let json = scope.json().map(PathBuf::as_path);
        self.reports.require_places(json)?;
        if let Some(path) = &self.watch {
            require_folder("--watch", path)?;
        }
        let (base, _base_folder) = recording(&self.base, scope, environment)?;
        let (candidate, _folder) = recording(&self.candidate, scope, environment)?;
        let (budgets, findings) = Budgets::read(&candidate).map_err(suite_error)?;
        let measured = |suite: &Suite, path: &Path| {
            let name = path.display().to_string();
            measure(suite, &[], &name, self.threads).map_err(suite_error)
        };
        // Equal requests would be equal by identity, and say nothing about the recordings.
        let before = measured(&base, &self.base)?.without_requests();
        let after = measured(&candidate, &self.candidate)?;
        let mut report =
            compare(&candidate, &before, &after, &[], &budgets).map_err(suite_error)?;
        report.add_findings(findings);
        if let Some(path) = &self.watch {
            watch(path, (&base, &before), (&candidate, &after), &mut report)?;
        }
        self.reports.write(&report, json, output, environment)?;
        Ok(exit_of(&report, output.strict))
    }
}

/// Takes this run into the watch that is kept in `path`, and its verdict into the report.
fn watch(
    path: &Path,
    base: (&Suite, &Measurement),
    candidate: (&Suite, &Measurement),
    report: &mut BudgetReport,
) -> anyhow::Result<()> {
    let refused = |err: WatchError| {
        let exit = match err {
            WatchError::NoScores => Exit::NOTHING,
            WatchError::OtherBase | WatchError::SameRecording => Exit::USAGE,
            WatchError::Suite(err) => return suite_error(err),
            _ => Exit::UNREADABLE,
        };
        refusal(exit, format!("--watch {}: {err}", path.display()))
    };
    let mut watch = match path.exists() {
        true => Watch::parse(input::read(path)?.text()?),
        false => Watch::begin(base.0),
    }
    .map_err(refused)?;
    match watch.take(base, candidate).map_err(refused)? {
        Taken::New => replace(path, json_text(&watch)?.as_bytes())?,
        Taken::Known => {
            let note = "the watch has taken this recording in before: it counts once";
            report.notes.push(note.to_owned());
        }
    }
    report.add_watch(&watch);
    Ok(())
}

/// The suite in a folder; for a folder of cassettes, the suite in use with these instead of
/// its own.
fn recording(
    path: &Path,
    scope: &Scope,
    environment: &Environment,
) -> anyhow::Result<(Suite, Option<TempDir>)> {
    if !path.is_dir() {
        let message = format!("{}: no such folder", path.display());
        return Err(refusal(Exit::UNREADABLE, message));
    }
    let inner = path.join("goldens");
    for suite in [path, &inner] {
        if suite.join("suite.toml").is_file() || suite.join("cassettes").is_dir() {
            return Ok((Suite::open(suite).map_err(suite_error)?, None));
        }
    }
    let suite = scope.open(environment)?;
    let (suite, folder) = alone(suite.installation().root(), Some(path))?;
    Ok((suite, Some(folder)))
}
