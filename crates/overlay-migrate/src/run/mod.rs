//! Taking the steps of a plan, and taking them back.
//!
//! First every file is backed up (temp, sync, rename; then one sync of the folder), and one
//! write to the journal says so. A step is then: the new content (temp beside the file, sync,
//! rename, sync of the folder), and a line in the journal, which nothing waits for. A step
//! about a file that another step changed before backs it up once more. So at any moment each
//! file is whole, old or new, and the journal with the digests says which.

mod apply;
mod files;
mod undo;

use std::io;
use std::path::{Path, PathBuf};

use overlay_model::{Diagnostic, Digest, plural};
use serde::Serialize;
use thiserror::Error;

use crate::codes;
use crate::disk::{Disk, Lock, RealDisk};
use crate::finding::Finding;
use crate::journal::{Journal, Progress};
use crate::plan::{FOLDER, InvalidPlan, Plan};
use crate::run::files::Run;
use crate::step::Unsound;

pub use crate::run::apply::{apply, recover};
pub use crate::run::undo::{rollback, rollback_setting_aside};

/// The moment now, in microseconds since 1970; given, so that runs can be repeated.
pub type Clock<'a> = &'a dyn Fn() -> u64;

/// A tree on a disk, for the runs of a migration.
#[derive(Clone, Copy)]
pub struct Site<'a> {
    /// The folder of the tree.
    pub root: &'a Path,
    /// Where its files are.
    pub disk: &'a dyn Disk,
    /// The clock that steps are timed with.
    pub clock: Clock<'a>,
    /// Is told how far a run is.
    pub watch: Watch<'a>,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Passed {
    /// What it does, for people.
    pub what: &'static str,
    /// How many it has done of it.
    pub done: usize,
    /// Of how many.
    pub of: usize,
}

/// Whoever watches a run.
pub type Watch<'a> = &'a dyn Fn(Passed);

impl<'a> Site<'a> {
    /// The tree in `root` on the files of this machine.
    pub fn new(root: &'a Path, clock: Clock<'a>) -> Self {
        Self { root, disk: &RealDisk, clock, watch: &|_| {} }
    }
}

/// What a run came to.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Outcome {
    /// The version of the format: `fusion/migration-run/1`.
    pub schema: &'static str,
    /// The digest of the plan.
    pub plan: Digest,
    /// How far it came.
    pub progress: Progress,
    /// The steps that were taken or undone, in that order.
    pub steps: Vec<String>,
    /// Whether the run was begun before and broken off.
    pub resumed: bool,
    /// How long it took, in microseconds.
    pub took_us: u64,
    /// Where backups and journal are, relative to the tree.
    pub folder: String,
    /// Files that somebody had changed since, as they are kept now, relative to the tree.
    pub set_aside: Vec<String>,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match self.progress {
            Progress::Finished => "applied",
            Progress::RolledBack => "rolled back",
            Progress::Unstarted | Progress::Running | Progress::RollingBack => "broken off",
        };
        let steps = plural(self.steps.len(), "step");
        let resumed = if self.resumed { ", resumed" } else { "" };
        let milliseconds = self.took_us / 1000;
        writeln!(f, "plan {} {what}: {steps} in {milliseconds} ms{resumed}", self.plan.short())?;
        for path in &self.set_aside {
            writeln!(f, "set aside: {path}")?;
        }
        writeln!(f, "backups and journal: {}", self.folder)
    }
}

/// Why a run was not made, or not to its end.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunError {
    /// The plan is not as it was made.
    #[error("the plan cannot be used")]
    Plan(#[from] InvalidPlan),
    /// Files are not what the plan starts from, or not what it left.
    #[error("changed since: {}", .0.join(", "))]
    Changed(Vec<String>),
    /// Every step of the plan is taken already.
    #[error("plan {} is applied already", .0.short())]
    AlreadyApplied(Digest),
    /// Another run was not finished: it goes on, or is undone, first.
    #[error("the run of plan {} is not finished: {done}", plan.short())]
    Unfinished {
        /// Its plan.
        plan: Digest,
        /// How far it came, as a fragment.
        done: String,
    },
    /// There is no run to undo.
    #[error("no finished migration to roll back")]
    NothingToUndo,
    /// Another process migrates this tree.
    #[error("another migration of this tree is at work")]
    Locked,
    /// A backup has another content than the file it is made of.
    #[error("{} is an earlier backup with another content; it is not overwritten", .0.display())]
    Backup(PathBuf),
    /// A journal has a line that none was written as.
    #[error("{}:{line}: no line of a journal", path.display())]
    Journal {
        /// The journal.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A step does not lead where the plan says.
    #[error(transparent)]
    Unsound(#[from] Unsound),
    /// A file operation failed.
    #[error("{}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A step failed, and all steps before it are undone: the tree is as it was.
    #[error("step `{step}` failed; everything is as it was before")]
    RolledBack {
        /// The step.
        step: String,
        /// Why.
        #[source]
        source: Box<Self>,
    },
    /// A step failed, and so did undoing: the journal says how far. Recover finishes it.
    #[error("step `{step}` failed and could not be undone ({undo}); recover finishes it")]
    RollbackFailed {
        /// The step.
        step: String,
        /// Why it could not be undone.
        undo: Box<Self>,
        /// Why the step failed.
        #[source]
        source: Box<Self>,
    },
}

pub(crate) fn io_error(path: &Path, source: io::Error) -> RunError {
    RunError::Io { path: path.to_owned(), source }
}

/// Takes the lock of the tree; its folder is made where it is missing.
fn lock(site: Site<'_>) -> Result<Lock, RunError> {
    let folder = site.root.join(FOLDER);
    site.disk.create_folder(&folder).map_err(|err| io_error(&folder, err))?;
    site.disk.sync_folder(site.root).map_err(|err| io_error(site.root, err))?;
    let path = folder.join("LOCK");
    site.disk.lock(&path).map_err(|err| io_error(&path, err))?.ok_or(RunError::Locked)
}

/// Every run of the tree that began, with its plan.
pub(crate) fn runs<'a>(site: Site<'a>) -> Result<Vec<Run<'a>>, RunError> {
    let folder = site.root.join(FOLDER);
    let names = site.disk.list(&folder).map_err(|err| io_error(&folder, err))?;
    let mut runs = Vec::new();
    for name in names.iter().filter(|it| it.len() == 64) {
        let journal = Journal::open(site.disk, folder.join(name).join("journal.jsonl"))?;
        if journal.progress() == Progress::Unstarted {
            continue;
        }
        let path = folder.join(name).join("plan.json");
        let bytes = site.disk.read(&path).map_err(|err| io_error(&path, err))?;
        let plan: Plan = serde_json::from_slice(&bytes.unwrap_or_default())
            .map_err(|err| io_error(&path, err.into()))?;
        plan.verify()?;
        runs.push(Run::of(site, plan, journal));
    }
    Ok(runs)
}

impl Run<'_> {
    /// How far the run came, for people.
    fn done(&self) -> String {
        let all = plural(self.plan.steps.len(), "step");
        let count =
            |is: &dyn Fn(&str) -> bool| self.plan.steps.iter().filter(|it| is(&it.id)).count();
        match self.journal.progress() {
            Progress::RollingBack => {
                format!("{} of {all} undone", count(&|it| self.journal.is_undone(it)))
            }
            _ => {
                format!("{} of {all} taken", count(&|it| self.journal.is_applied(it)))
            }
        }
    }

    fn is_unfinished(&self) -> RunError {
        RunError::Unfinished { plan: self.plan.digest, done: self.done() }
    }
}

/// A run of the tree that was not finished. Whether a process is still at work on it is not
/// asked: nothing is locked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BrokenOff {
    /// Its plan.
    pub plan: Digest,
    /// [`Progress::Running`] or [`Progress::RollingBack`].
    pub progress: Progress,
    /// How far it came, as a fragment.
    done: String,
}

impl BrokenOff {
    /// As an error among findings: such a tree is neither the old one nor the new one.
    pub fn finding(&self) -> Finding {
        let Self { plan, progress, done } = self;
        let message = format!("the run of plan {} is not finished: {done}", plan.short());
        let hint = match progress {
            Progress::RollingBack => "`fusion migrate rollback` finishes it",
            _ => "`fusion migrate apply` goes on, `fusion migrate rollback` takes it back",
        };
        Finding::new("", Diagnostic::error(codes::BROKEN_OFF, message).hint(hint))
    }
}

/// The run of the tree that was not finished, where there is one; nothing is locked or
/// written.
///
/// # Errors
///
/// Where a journal cannot be read.
pub fn broken_off(site: Site<'_>) -> Result<Option<BrokenOff>, RunError> {
    let described = |it: Run<'_>| BrokenOff {
        plan: it.plan.digest,
        progress: it.journal.progress(),
        done: it.done(),
    };
    Ok(unfinished(site)?.map(described))
}

/// The run that was broken off, where there is one.
fn unfinished(site: Site<'_>) -> Result<Option<Run<'_>>, RunError> {
    let is_open =
        |it: &Run<'_>| matches!(it.journal.progress(), Progress::Running | Progress::RollingBack);
    Ok(runs(site)?.into_iter().find(is_open))
}
