use std::collections::BTreeSet;

use overlay_model::Digest;

use crate::journal::{Progress, Record};
use crate::plan::Plan;
use crate::run::files::Run;
use crate::run::undo::undo;
use crate::run::{Outcome, RunError, Site, lock, unfinished};
use crate::step::Step;

/// Takes the steps of `plan`. A run of the same plan that was broken off is finished.
///
/// # Errors
///
/// Where the plan is not as it was made, a file is not what it starts from (all are named),
/// another run was broken off, or a file operation fails. In the last case everything is
/// undone first: see [`RunError::RolledBack`].
pub fn apply(site: Site<'_>, plan: &Plan) -> Result<Outcome, RunError> {
    plan.verify()?;
    let _lock = lock(site)?;
    if let Some(run) = unfinished(site)? {
        if run.plan.digest != plan.digest {
            return Err(run.is_unfinished());
        }
        let outcome = resume(run)?;
        if outcome.progress == Progress::Finished {
            return Ok(outcome);
        }
    }
    untouched(site, plan)?;
    let mut run = Run::create(site, plan)?;
    let at_us = (site.clock)();
    run.journal.add(Record::Started { plan: plan.digest, at_us })?;
    forward_or_back(run, false)
}

/// Finishes a run that was broken off: forward where it was applied, back where it was
/// undone. `None` where there is none.
///
/// # Errors
///
/// Where a file was changed since by somebody else (nothing is overwritten), or a file
/// operation fails.
pub fn recover(site: Site<'_>) -> Result<Option<Outcome>, RunError> {
    let _lock = lock(site)?;
    unfinished(site)?.map(resume).transpose()
}

fn resume(run: Run<'_>) -> Result<Outcome, RunError> {
    match run.journal.progress() {
        Progress::RollingBack => undo(run, true),
        _ => forward_or_back(run, true),
    }
}

/// Whether every file is as the plan starts from.
fn untouched(site: Site<'_>, plan: &Plan) -> Result<(), RunError> {
    let (mut changed, mut is_applied) = (Vec::new(), !plan.is_empty());
    for (file, (pre, post)) in plan.files() {
        let path = site.root.join(file);
        let bytes = site.disk.read(&path).map_err(|err| super::io_error(&path, err))?;
        let digest = bytes.as_deref().map(Digest::of);
        is_applied &= digest == post;
        if digest != pre {
            changed.push(file.to_owned());
        }
    }
    match changed {
        changed if changed.is_empty() => Ok(()),
        _ if is_applied => Err(RunError::AlreadyApplied(plan.digest)),
        changed => Err(RunError::Changed(changed)),
    }
}

/// Takes every step; where one fails, undoes those before it.
fn forward_or_back(mut run: Run<'_>, resumed: bool) -> Result<Outcome, RunError> {
    let started = (run.site.clock)();
    let mut at = String::new();
    let source = match forward(&mut run, &mut at) {
        Ok(()) => {
            let took_us = (run.site.clock)().saturating_sub(started);
            return Ok(outcome(&run, Progress::Finished, resumed, took_us));
        }
        // Somebody else's change is not overwritten, neither forward nor back.
        Err(err @ RunError::Changed(_)) => return Err(err),
        Err(err) => Box::new(err),
    };
    let step = at;
    let at_us = (run.site.clock)();
    let undone = run.journal.add(Record::RollingBack { at_us }).and_then(|()| undo(run, resumed));
    Err(match undone {
        Ok(_) => RunError::RolledBack { step, source },
        Err(undo) => RunError::RollbackFailed { step, undo: Box::new(undo), source },
    })
}

fn forward(run: &mut Run<'_>, at: &mut String) -> Result<(), RunError> {
    let steps = run.plan.steps.clone();
    at.clone_from(&steps.first().map(|it| it.id.clone()).unwrap_or_default());
    back_up_first(run, &steps)?;
    for (done, step) in steps.iter().enumerate() {
        at.clone_from(&step.id);
        if !run.journal.is_applied(&step.id) {
            take(run, step)?;
        }
        run.tell("taking steps", done + 1, steps.len());
    }
    let at_us = (run.site.clock)();
    run.journal.add(Record::Finished { at_us })
}

/// Backs up each file that stands as the plan starts from, together: the first step about it
/// is the one that changes it.
fn back_up_first(run: &mut Run<'_>, steps: &[Step]) -> Result<(), RunError> {
    let mut seen = BTreeSet::new();
    let mut due = Vec::new();
    for step in steps.iter().filter(|it| seen.insert(it.file.as_str())) {
        if run.journal.backup(&step.id).is_none() && run.digest(&step.file)? == step.pre {
            due.push(step);
        }
    }
    run.back_up_all(&due)
}

fn take(run: &mut Run<'_>, step: &Step) -> Result<(), RunError> {
    let started = (run.site.clock)();
    let digest = run.digest(&step.file)?;
    // After a crash between the change and its line the step is taken already.
    if digest == step.pre {
        run.back_up(step)?;
        change(run, step)?;
    } else if digest != step.post || run.journal.backup(&step.id).is_none() {
        return Err(RunError::Changed(vec![step.file.clone()]));
    }
    let took_us = (run.site.clock)().saturating_sub(started);
    // Where the line is lost the digest of the file says that the step is taken.
    run.journal.add_loosely(Record::Applied { step: step.id.clone(), kind: step.kind, took_us })
}

fn change(run: &mut Run<'_>, step: &Step) -> Result<(), RunError> {
    let path = run.path(&step.file);
    match step.outcome(run.read(&path)?.as_deref())? {
        Some(bytes) => {
            run.make_folders(&step.file)?;
            let about = run.about_for(step)?;
            run.replace(&path, &bytes, about)
        }
        None => run.remove(&path),
    }
}

pub(super) fn outcome(run: &Run<'_>, progress: Progress, resumed: bool, took_us: u64) -> Outcome {
    let steps = run.plan.steps.iter().map(|it| it.id.clone());
    let steps: Vec<_> = match progress {
        Progress::RolledBack => steps.rev().collect(),
        _ => steps.collect(),
    };
    let schema = "fusion/migration-run/1";
    Outcome {
        schema,
        plan: run.plan.digest,
        progress,
        steps,
        resumed,
        took_us,
        folder: run.folder(),
        set_aside: Vec::new(),
    }
}
