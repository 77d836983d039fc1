use std::collections::{BTreeMap, BTreeSet};

use overlay_model::Digest;

use crate::disk::About;
use crate::journal::{Progress, Record};
use crate::run::apply::outcome;
use crate::run::files::{Run, temporary};
use crate::run::{Outcome, RunError, Site, io_error, lock, runs, unfinished};
use crate::step::Step;

/// Undoes the last run, or the one of `plan`, byte for byte: files that were made are
/// deleted, files that were deleted come back, with their permission bits and the moment at
/// which they were last written. A run that was broken off is the last one: what it has done
/// is undone, and where it was being undone already, that is finished.
///
/// A file that somebody put back as it was before the run, or deleted where the run had made
/// it, counts as undone.
///
/// # Errors
///
/// Where there is no such run, a file is not as the run left it (all are named, nothing is
/// changed), another run was broken off, or a file operation fails; then the next
/// [`rollback`] or [`crate::recover`] goes on.
pub fn rollback(site: Site<'_>, plan: Option<Digest>) -> Result<Outcome, RunError> {
    back(site, plan, Edited::Refused)
}

/// [`rollback`], also where somebody changed files since: what they hold is moved into the
/// folder of the run, and [`Outcome::set_aside`] says where each is.
///
/// # Errors
///
/// As for [`rollback`], changed files excepted.
pub fn rollback_setting_aside(site: Site<'_>, plan: Option<Digest>) -> Result<Outcome, RunError> {
    back(site, plan, Edited::SetAside)
}

/// What becomes of files that somebody changed since.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Edited {
    Refused,
    SetAside,
}

impl Edited {
    /// The files to set aside, of those that were changed.
    fn accepted(self, changed: Vec<String>) -> Result<Vec<String>, RunError> {
        if self == Self::SetAside || changed.is_empty() {
            Ok(changed)
        } else {
            Err(RunError::Changed(changed))
        }
    }
}

fn back(site: Site<'_>, plan: Option<Digest>, edited: Edited) -> Result<Outcome, RunError> {
    let _lock = lock(site)?;
    if let Some(run) = unfinished(site)? {
        let is_meant = plan.is_none_or(|it| it == run.plan.digest);
        return if is_meant { undo_unfinished(run, edited) } else { Err(run.is_unfinished()) };
    }
    let finished = runs(site)?.into_iter().filter(|it| {
        it.journal.progress() == Progress::Finished && plan.is_none_or(|d| d == it.plan.digest)
    });
    let last = finished.max_by_key(|it| it.journal.finished_at());
    let mut run = last.ok_or(RunError::NothingToUndo)?;
    let changed = edited.accepted(touched(&run)?)?;
    let at_us = (site.clock)();
    run.journal.add(Record::RollingBack { at_us })?;
    undo_beside(run, &changed, false)
}

fn undo_unfinished(mut run: Run<'_>, edited: Edited) -> Result<Outcome, RunError> {
    let changed = edited.accepted(unknown(&run)?)?;
    if run.journal.progress() == Progress::Running {
        let at_us = (run.site.clock)();
        run.journal.add(Record::RollingBack { at_us })?;
    }
    undo_beside(run, &changed, true)
}

/// Undoes a run once the files that somebody changed are out of the way.
fn undo_beside(mut run: Run<'_>, changed: &[String], resumed: bool) -> Result<Outcome, RunError> {
    let mut set_aside = Vec::new();
    for file in changed {
        set_aside.extend(run.set_aside(file)?);
    }
    Ok(Outcome { set_aside, ..undo(run, resumed)? })
}

/// The files that are not as some step of the run found them, or left them.
fn unknown(run: &Run<'_>) -> Result<Vec<String>, RunError> {
    let mut known: BTreeMap<&str, BTreeSet<Option<Digest>>> = BTreeMap::new();
    for step in &run.plan.steps {
        known.entry(&step.file).or_default().extend([step.pre, step.post]);
    }
    let mut changed = Vec::new();
    for (file, known) in known {
        let digest = run.digest(file)?;
        let is_empty = digest.is_none() && run.journal.is_set_aside(file);
        if !known.contains(&digest) && !is_empty {
            changed.push(file.to_owned());
        }
    }
    Ok(changed)
}

/// The files that are neither as the run left them, nor as it found them.
fn touched(run: &Run<'_>) -> Result<Vec<String>, RunError> {
    let mut changed = Vec::new();
    for (file, (pre, post)) in run.plan.files() {
        if ![pre, post].contains(&run.digest(file)?) {
            changed.push(file.to_owned());
        }
    }
    Ok(changed)
}

/// Undoes what the journal says was done, the last step first.
pub(super) fn undo(mut run: Run<'_>, resumed: bool) -> Result<Outcome, RunError> {
    let started = (run.site.clock)();
    let steps = run.plan.steps.clone();
    let mut first: BTreeMap<&str, &Step> = BTreeMap::new();
    for step in &steps {
        first.entry(&step.file).or_insert(step);
    }
    for (done, step) in steps.iter().rev().enumerate() {
        if let Some(about) = run.journal.backup(&step.id)
            && !run.journal.is_undone(&step.id)
        {
            let first = first.get(step.file.as_str()).copied().unwrap_or(step);
            restore(&run, step, first.pre, about)?;
            let record = Record::Undone { step: step.id.clone() };
            if first.id == step.id {
                // Where the line is lost the digest of the file says that the step is undone.
                run.journal.add_loosely(record)?;
            } else {
                run.journal.add(record)?;
            }
        }
        run.tell("undoing steps", done + 1, steps.len());
    }
    for folder in run.journal.folders().iter().rev() {
        remove_empty(&run, folder)?;
    }
    let at_us = (run.site.clock)();
    run.journal.add(Record::RolledBack { at_us })?;
    let took_us = (run.site.clock)().saturating_sub(started);
    Ok(outcome(&run, Progress::RolledBack, resumed, took_us))
}

/// Gives the file of a step its content before; `first` is what the run found it with.
fn restore(
    run: &Run<'_>,
    step: &Step,
    first: Option<Digest>,
    about: Option<About>,
) -> Result<(), RunError> {
    let path = run.path(&step.file);
    run.remove_leftover(&temporary(&path))?;
    let digest = run.digest(&step.file)?;
    if digest == step.pre || digest == first {
        return Ok(());
    }
    let is_empty = digest.is_none() && run.journal.is_set_aside(&step.file);
    if digest != step.post && !is_empty {
        return Err(RunError::Changed(vec![step.file.clone()]));
    }
    let Some(about) = about else { return run.remove(&path) };
    let backup = run.backup_path(step);
    let bytes = run.read(&backup)?.filter(|it| Some(Digest::of(it)) == step.pre);
    run.replace(&path, &bytes.ok_or(RunError::Backup(backup))?, about)
}

/// Deletes a folder that the run made, unless somebody put something there since.
fn remove_empty(run: &Run<'_>, folder: &str) -> Result<(), RunError> {
    let path = run.path(folder);
    let within = path.parent().unwrap_or(&path);
    let names = run.site.disk.list(within).map_err(|err| io_error(within, err))?;
    let name = folder.rsplit('/').next();
    let is_there = names.iter().any(|it| Some(it.as_str()) == name);
    let inside = run.site.disk.list(&path).map_err(|err| io_error(&path, err))?;
    if !is_there || !inside.is_empty() {
        return Ok(());
    }
    run.site.disk.remove_folder(&path).map_err(|err| io_error(&path, err))?;
    run.site.disk.sync_folder(within).map_err(|err| io_error(within, err))
}
