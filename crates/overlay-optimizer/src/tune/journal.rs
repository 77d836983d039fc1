//! The journal of a run: a line of JSON for each question and each answer.

use overlay_model::Digest;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::tune::gp::Hyper;
use crate::tune::plan::{PlanError, TunePlan};
use crate::tune::space::{Candidate, Space};
use crate::tune::trial::Measured;
use crate::tune::tuner::{Question, TellError, Tuner};

/// The version of the journal's format.
pub const JOURNAL_SCHEMA: &str = "overlay-tune/1";

#[derive(Deserialize, Serialize)]
struct Header {
    schema: String,
    space: Digest,
    plan: TunePlan,
}

/// A line behind the first.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Line {
    /// A question, with the hyperparameters that led to it, so that they need not be
    /// sought again.
    Asked {
        trial: usize,
        candidate: Candidate,
        scenarios: Vec<String>,
        models: Vec<Vec<f64>>,
    },
    Told {
        trial: usize,
        measured: Vec<Measured>,
    },
    Unavailable {
        trial: usize,
        reason: String,
    },
}

impl Line {
    pub(crate) fn asked(tuner: &Tuner, question: &Question) -> Self {
        let Question { trial, candidate, scenarios } = question.clone();
        let models = tuner.hypers.iter().map(|it| it.0.clone()).collect();
        Self::Asked { trial, candidate, scenarios, models }
    }

    pub(crate) fn text(&self) -> String {
        json(self)
    }
}

/// The first line.
pub(crate) fn header(space: &Space, plan: &TunePlan) -> String {
    let (schema, space, plan) = (JOURNAL_SCHEMA.to_owned(), space.digest(), plan.clone());
    json(&Header { schema, space, plan })
}

/// Texts, lists and finite numbers always have a JSON text.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Why a run cannot be taken up again.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ResumeError {
    /// The plan of the journal cannot be carried out.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The first line is no header.
    #[error("line 1 is no header of a tuner's journal")]
    Header(#[source] serde_json::Error),
    /// A journal of another format.
    #[error("the format `{0}` is not known: expected `{JOURNAL_SCHEMA}`")]
    Schema(String),
    /// The overlay or its parameter table has changed since.
    #[error(
        "the journal is about another space: the overlay, its pinned keys or the parameter table changed since"
    )]
    OtherSpace,
    /// A line that is none of a journal.
    #[error("line {line} is no line of a tuner's journal")]
    Line {
        /// The line, counted from 1.
        line: usize,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// An answer that does not fit what was asked.
    #[error("line {line} does not follow from the lines before it")]
    Answer {
        /// The line, counted from 1.
        line: usize,
        /// Why.
        #[source]
        source: TellError,
    },
    /// A question that does not fit the answers before it.
    #[error("line {0} asks what the lines before it do not lead to")]
    Question(usize),
}

impl Tuner {
    /// Takes up the run of `journal` again, where it stands: what is asked from now on is
    /// what would have been asked without the interruption.
    ///
    /// A last line without line end was torn as it was written, and is left out;
    /// [`Tuner::journal`] says what is kept.
    ///
    /// # Errors
    ///
    /// Where the journal is none, is about another space, or contradicts itself.
    pub fn resume(space: Space, journal: &str) -> Result<Self, ResumeError> {
        let whole = journal.rfind('\n').and_then(|it| journal.get(..it)).unwrap_or_default();
        let mut lines = whole.lines();
        let first = lines.next().unwrap_or_default();
        let header: Header = serde_json::from_str(first).map_err(ResumeError::Header)?;
        if header.schema != JOURNAL_SCHEMA {
            return Err(ResumeError::Schema(header.schema));
        }
        if header.space != space.digest() {
            return Err(ResumeError::OtherSpace);
        }
        let mut tuner = Self::new(space, header.plan)?;
        for (line, text) in (2..).zip(lines) {
            let parsed: Line =
                serde_json::from_str(text).map_err(|source| ResumeError::Line { line, source })?;
            tuner.replay(parsed, line)?;
            tuner.journal.push(text.to_owned());
        }
        Ok(tuner)
    }

    fn replay(&mut self, parsed: Line, line: usize) -> Result<(), ResumeError> {
        let answer = |source| ResumeError::Answer { line, source };
        match parsed {
            Line::Asked { trial, candidate, scenarios, models } => {
                let question = Question { trial, candidate, scenarios };
                if !self.may_ask(&question) {
                    return Err(ResumeError::Question(line));
                }
                self.hypers = models.into_iter().map(Hyper).collect();
                self.put(question);
                Ok(())
            }
            Line::Told { trial, measured } => self.take(trial, &measured).map_err(answer),
            Line::Unavailable { trial, reason } => self.give_up(trial, &reason).map_err(answer),
        }
    }

    /// Whether `question` may follow: about a new candidate, or about the last one.
    fn may_ask(&self, question: &Question) -> bool {
        let is_next = match self.trials.get(question.trial) {
            Some(trial) => trial.candidate == question.candidate,
            None => question.trial == self.trials.len(),
        };
        let is_known = |id: &String| self.plan.scenarios.iter().any(|it| it.id == *id);
        self.pending.is_none()
            && is_next
            && self.space.holds(&question.candidate)
            && question.scenarios.iter().all(is_known)
    }
}
