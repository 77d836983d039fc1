use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use overlay_migrate::{
    BrokenOff, Choice, Decisions, Finding, History, Options, Plan, RETIRED_MODELS, Retired,
    RunError, Site, Tree, ValidateError, broken_off, plan,
};

use crate::environment::{Environment, now_us};
use crate::exit::{Exit, refusal};
use crate::input::name_of;

/// Which tree.
#[derive(Args, Debug)]
pub(super) struct Folder {
    /// The folder with the files; else FUSION_CONFIGS, else `configs`
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Folder {
    pub(super) fn path(&self, environment: &Environment) -> PathBuf {
        environment.configs(self.dir.as_deref()).unwrap_or_else(|| PathBuf::from("configs"))
    }
}

/// What a person decides where files alone do not say it.
#[derive(Args, Debug)]
pub(super) struct Decided {
    /// Of several files that hold one overlay, the one that was live; may be given several times
    #[arg(long, value_name = "FILE")]
    keep: Vec<String>,
    /// A value for a key that has no counterpart, for one file or for all that ask; may be given
    /// several times
    #[arg(long, value_name = "[FILE:]KEY=VALUE")]
    set: Vec<Choice>,
}

/// A tree with the plan for it.
pub(super) struct Planned {
    pub(super) tree: Tree,
    pub(super) plan: Plan,
    pub(super) findings: Vec<Finding>,
}

impl Planned {
    /// Plans the migration of the tree in `dir` as of today.
    pub(super) fn of(
        dir: &Path,
        decided: Decided,
        environment: &Environment,
    ) -> anyhow::Result<Self> {
        let tree = Tree::read(dir).map_err(|err| unreadable(err.into()))?;
        let decisions = Decisions { keep: decided.keep, set: decided.set };
        Self::from(tree, decisions, environment)
    }

    fn from(tree: Tree, decisions: Decisions, environment: &Environment) -> anyhow::Result<Self> {
        let retired = Retired::parse(RETIRED_MODELS)?;
        let today = today(environment)?;
        let options = Options { today, decisions: &decisions, retired: &retired };
        let (plan, findings) = plan(&tree, options)?;
        Ok(Self { tree, plan, findings })
    }

    /// The same with a run that was not finished among the findings, before all others.
    pub(super) fn with_broken_off(mut self, site: Site<'_>) -> anyhow::Result<Self> {
        let broken_off = broken_off(site).map_err(run_error)?;
        self.findings.splice(0..0, broken_off.iter().map(BrokenOff::finding));
        Ok(self)
    }

    /// What a given plan would leave to a person.
    pub(super) fn left_by(
        &self,
        given: &Plan,
        environment: &Environment,
    ) -> anyhow::Result<Vec<Finding>> {
        // A tree that the plan does not fit is named by the run, file by file.
        let Ok(after) = given.outcome(&self.tree) else { return Ok(Vec::new()) };
        let planned = Self::from(after, Decisions::default(), environment)?;
        Ok(planned.findings.into_iter().filter(Finding::is_manual).collect())
    }
}

fn today(environment: &Environment) -> anyhow::Result<Date> {
    let seconds = i64::try_from(environment.now()).context("the clock")?;
    Ok(Timestamp::from_second(seconds).context("the clock")?.to_zoned(TimeZone::UTC).date())
}

/// The clock that steps are timed with.
pub(super) fn clock() -> u64 {
    u64::try_from(now_us()).unwrap_or_default()
}

/// What earlier runs in the tree took; nothing where there was none.
pub(super) fn history(site: Site<'_>) -> anyhow::Result<History> {
    History::read(site).map_err(run_error)
}

/// Whether there was a run in the tree in `dir`.
pub(super) fn has_runs(dir: &Path) -> anyhow::Result<bool> {
    let folder = dir.join(overlay_migrate::FOLDER);
    match folder.symlink_metadata() {
        Ok(_) => Ok(true),
        Err(err) if err.kind() == ErrorKind::NotFound => Ok(false),
        Err(err) => Err(unreadable(anyhow::Error::new(err).context(name_of(&folder)))),
    }
}

fn unreadable(err: anyhow::Error) -> anyhow::Error {
    refusal(Exit::UNREADABLE, format!("{err:#}"))
}

/// The error of a run with its exit code.
pub(super) fn run_error(err: RunError) -> anyhow::Error {
    let exit = exit_of(&err);
    let hint = match &err {
        RunError::Changed(_) => ": put the files back, or plan again",
        RunError::RollbackFailed { .. } => ": `fusion migrate rollback` finishes it",
        RunError::Unfinished { .. } => {
            ": `fusion migrate apply` goes on, `fusion migrate rollback` takes it back"
        }
        _ => "",
    };
    refusal(exit, format!("{:#}{hint}", anyhow::Error::new(err)))
}

fn exit_of(err: &RunError) -> Exit {
    match err {
        RunError::Plan(_)
        | RunError::Backup(_)
        | RunError::Journal { .. }
        | RunError::Unsound(_) => Exit::INTEGRITY,
        RunError::Changed(_) => Exit::EPOCH_MOVED,
        RunError::NothingToUndo | RunError::AlreadyApplied(_) => Exit::NOTHING,
        RunError::Locked => Exit::LOCKED,
        RunError::RolledBack { .. } => Exit::ROLLED_BACK,
        RunError::RollbackFailed { .. } => Exit::FROZEN,
        RunError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            Exit::UNREADABLE
        }
        RunError::Io { .. } => Exit::UNREACHABLE,
        RunError::Unfinished { .. } => Exit::UNKNOWN,
        _ => Exit::INTERNAL,
    }
}

/// The error of a look at a tree with its exit code.
pub(super) fn validate_error(err: ValidateError) -> anyhow::Error {
    match err {
        ValidateError::Run(err) => run_error(err),
        err => unreadable(err.into()),
    }
}
