use overlay_model::Digest;

use crate::journal::{Progress, Record};
use crate::run::apply::outcome;
use crate::run::files::{Run, temporary};
use crate::run::{Outcome, RunError, Site, io_error, lock, runs, unfinished};
use crate::step::Step;

/// Undoes the last run, or the one of `plan`, byte for byte: files that were made are
/// deleted, files that were deleted come back, permission bits too. A run that was broken
/// off is the last one: what it has done is undone, and where it was being undone already,
/// that is finished.
///
/// # Errors
///
/// Where there is no such run, a file is not as the run left it (all are named, nothing is
/// changed), another run was broken off, or a file operation fails; then the next
/// [`rollback`] or [`crate::recover`] goes on.
pub fn rollback(site: Site<'_>, plan: Option<Digest>) -> Result<Outcome, RunError> {
    let _lock = lock(site)?;
    if let Some(run) = unfinished(site)? {
        let is_meant = plan.is_none_or(|it| it == run.plan.digest);
        return if is_meant { undo_unfinished(run) } else { Err(run.is_unfinished()) };
    }
    let finished = runs(site)?.into_iter().filter(|it| {
        it.journal.progress() == Progress::Finished && plan.is_none_or(|d| d == it.plan.digest)
    });
    let last = finished.max_by_key(|it| it.journal.finished_at());
    let mut run = last.ok_or(RunError::NothingToUndo)?;
    untouched(&run)?;
    let at_us = (site.clock)();
    run.journal.add(Record::RollingBack { at_us })?;
    undo(run, false)
}

fn undo_unfinished(mut run: Run<'_>) -> Result<Outcome, RunError> {
    known(&run)?;
    if run.journal.progress() == Progress::Running {
        let at_us = (run.site.clock)();
        run.journal.add(Record::RollingBack { at_us })?;
    }
    undo(run, true)
}

/// Whether every file is as some step of the run found it, or left it.
fn known(run: &Run<'_>) -> Result<(), RunError> {
    let mut changed = Vec::new();
    for file in run.plan.files().into_keys() {
        let digest = run.digest(file)?;
        let mut steps = run.plan.steps.iter().filter(|it| it.file == file);
        if !steps.any(|it| [it.pre, it.post].contains(&digest)) {
            changed.push(file.to_owned());
        }
    }
    if changed.is_empty() { Ok(()) } else { Err(RunError::Changed(changed)) }
}

/// Whether every file is as the run left it.
fn untouched(run: &Run<'_>) -> Result<(), RunError> {
    let mut changed = Vec::new();
    for (file, (_, post)) in run.plan.files() {
        if run.digest(file)? != post {
            changed.push(file.to_owned());
        }
    }
    if changed.is_empty() { Ok(()) } else { Err(RunError::Changed(changed)) }
}

/// Undoes what the journal says was done, the last step first.
pub(super) fn undo(mut run: Run<'_>, resumed: bool) -> Result<Outcome, RunError> {
    let started = (run.site.clock)();
    for step in run.plan.steps.clone().iter().rev() {
        if let Some(mode) = run.journal.backup(&step.id)
            && !run.journal.is_undone(&step.id)
        {
            restore(&run, step, mode)?;
            run.journal.add(Record::Undone { step: step.id.clone() })?;
        }
    }
    for folder in run.journal.folders().iter().rev() {
        remove_empty(&run, folder)?;
    }
    let at_us = (run.site.clock)();
    run.journal.add(Record::RolledBack { at_us })?;
    let took_us = (run.site.clock)().saturating_sub(started);
    Ok(outcome(&run, Progress::RolledBack, resumed, took_us))
}

/// Gives the file of a step its content before.
fn restore(run: &Run<'_>, step: &Step, mode: Option<u32>) -> Result<(), RunError> {
    let path = run.path(&step.file);
    run.remove_leftover(&temporary(&path))?;
    let digest = run.digest(&step.file)?;
    if digest == step.pre {
        return Ok(());
    }
    if digest != step.post {
        return Err(RunError::Changed(vec![step.file.clone()]));
    }
    let Some(mode) = mode else { return run.remove(&path) };
    let backup = run.backup_path(step);
    let bytes = run.read(&backup)?.filter(|it| Some(Digest::of(it)) == step.pre);
    run.replace(&path, &bytes.ok_or(RunError::Backup(backup))?, mode)
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
