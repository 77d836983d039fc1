//! The loop: ask, evaluate, tell.

use indicatif::ProgressBar;
use overlay_model::{Diagnostic, Overlay};
use overlay_optimizer::{Ask, Measured, Question, SpaceError, Stop, Tuner};

use super::evaluator::Evaluator;
use super::fault::Fault;
use super::goal::Goals;
use super::journal::JournalFile;
use crate::exit::{Exit, refusal};
use crate::output::Output;

/// After so many faults of the evaluator in a row it is not asked any more.
const MOST_FAULTS: usize = 5;

/// What a search works on.
pub(super) struct Search<'a> {
    pub(super) overlay: &'a Overlay,
    pub(super) evaluator: &'a Evaluator,
    pub(super) goals: &'a Goals,
    pub(super) progress: &'a ProgressBar,
}

impl Search<'_> {
    /// Asks, evaluates and tells to the end, each step in the journal before the next.
    ///
    /// # Errors
    ///
    /// Where not even the overlay as it is can be evaluated, or the evaluator keeps
    /// failing.
    pub(super) fn run(
        &self,
        tuner: &mut Tuner,
        journal: &mut JournalFile,
        output: &mut Output,
    ) -> anyhow::Result<Stop> {
        let mut faults = 0;
        loop {
            let question = match tuner.ask() {
                Ask::Evaluate(question) => question,
                Ask::Done(stop) => return Ok(stop),
            };
            journal.keep(tuner)?;
            self.progress.set_position(tuner.runs() as u64);
            self.progress.set_message(format!("trial {}", question.trial));
            let trial = question.trial;
            match self.evaluate(tuner, &question) {
                Ok(measured) => {
                    faults = 0;
                    tuner.tell(trial, &measured)?;
                }
                Err(Fault::Interrupted) => return Err(interrupted(journal)),
                Err(fault) if trial == 0 => {
                    let message = format!("the overlay as it is cannot be evaluated: {fault}");
                    return Err(refusal(fault.exit(), message));
                }
                Err(fault) => {
                    faults = if fault.is_of_evaluator() { faults + 1 } else { 0 };
                    if faults > 0 {
                        let remark = format!("warning: trial {trial}: {fault}\n");
                        self.progress.suspend(|| output.remark(&remark))?;
                    }
                    tuner.unavailable(trial, &fault.to_string())?;
                    if faults == MOST_FAULTS {
                        journal.keep(tuner)?;
                        let message = format!("{MOST_FAULTS} trials in a row failed: {fault}");
                        return Err(refusal(fault.exit(), message));
                    }
                }
            }
            journal.keep(tuner)?;
        }
    }

    fn evaluate(&self, tuner: &Tuner, question: &Question) -> Result<Vec<Measured>, Fault> {
        let candidate = tuner.space().apply(self.overlay, &question.candidate);
        let candidate = candidate.map_err(|err| Fault::NotDeployable { why: why(&err) })?;
        self.evaluator.measure(self.goals, &candidate, &question.scenarios)
    }
}

/// The error of a run that somebody ended.
pub(super) fn interrupted(journal: &JournalFile) -> anyhow::Error {
    let message = match journal.path() {
        Some(path) => {
            format!("interrupted: the same command with --resume goes on from {}", path.display())
        }
        None => "interrupted: nothing is kept, as no journal can be written here".to_owned(),
    };
    refusal(Exit::ABORTED, message)
}

/// The first error of a candidate that does not deploy.
fn why(err: &SpaceError) -> String {
    match err {
        SpaceError::Invalid(findings) => {
            let first = findings.iter().find(|it| it.is_error());
            first.map_or_else(|| err.to_string(), Diagnostic::to_string)
        }
        other => other.to_string(),
    }
}
