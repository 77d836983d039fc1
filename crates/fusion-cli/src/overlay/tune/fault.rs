use std::process::ExitStatus;

use overlay_optimizer::LARGEST;
use thiserror::Error;

use crate::exit::Exit;

/// Why a candidate has no evaluation. None of these ever counts as a result.
#[derive(Debug, Error)]
pub(super) enum Fault {
    /// A recording is missing.
    #[error("scenario `{scenario}` has no recording of the request")]
    Stale { scenario: String },
    /// The settings lead to no request.
    #[error("scenario `{scenario}` has no plan: {why}")]
    NoPlan { scenario: String, why: String },
    /// The candidate is no overlay that may be deployed.
    #[error("the candidate does not deploy: {why}")]
    NotDeployable { why: String },
    /// A value was not measured.
    #[error("scenario `{scenario}` has no value of `{name}`")]
    NoValue { scenario: String, name: String },
    /// The evaluator left a value out.
    #[error("the evaluator gave no value of `{name}` for scenario `{scenario}`")]
    LeftOut { scenario: String, name: String },
    /// A file of the suite cannot be read, or the suite is not what it was.
    #[error("the suite cannot be replayed: {why}")]
    Suite { why: String },
    /// The candidate has no file.
    #[error("the candidate cannot be written: {0}")]
    Write(#[source] std::io::Error),
    /// The command does not start.
    #[error("the evaluator does not start: {0}")]
    Start(#[source] std::io::Error),
    /// It did not end in time.
    #[error("the evaluator did not end within {seconds} s and was stopped")]
    TimedOut { seconds: u64 },
    /// It said that it failed.
    #[error("the evaluator failed ({status}){}", said(.stderr))]
    Failed { status: ExitStatus, stderr: String },
    /// It wrote more than is read, and may have been ended by that.
    #[error("the evaluator wrote more than {most} bytes to standard {stream} and was stopped")]
    TooMuch { most: u64, stream: &'static str },
    /// Its output cannot be read.
    #[error("the evaluator's output cannot be read: {why}")]
    Output { why: String },
    /// A line that is no JSON object.
    #[error("the evaluator's line {line} is no JSON object: {text}")]
    NoObject { line: usize, text: String },
    /// A line about nothing.
    #[error("the evaluator's line {line} names no `scenario`: {text}")]
    NoScenario { line: usize, text: String },
    /// A line about something else.
    #[error("the evaluator's line {line} is about `{scenario}`, which was not asked for")]
    NotAsked { line: usize, scenario: String },
    /// A second line about the same.
    #[error("the evaluator's line {line} is a second one about `{scenario}`")]
    Twice { line: usize, scenario: String },
    /// Scenarios without a line.
    #[error("the evaluator said nothing about {}", .scenarios.join(", "))]
    Silent { scenarios: Vec<String> },
    /// Not a number that can be compared.
    #[error("`{name}` of scenario `{scenario}` is {text}: only finite numbers can be compared")]
    NoNumber { scenario: String, name: String, text: String },
    /// A number that no float holds.
    #[error("the evaluator's line {line} has a number that is out of range: {text}")]
    OutOfRange { line: usize, text: String },
    /// Finite, and nothing to reckon with.
    #[error(
        "`{name}` of scenario `{scenario}` is {value:e}: nothing beyond {LARGEST:e} can be added up"
    )]
    TooLarge { scenario: String, name: String, value: f64 },
    /// Somebody wants the run to end.
    #[error("the run was interrupted")]
    Interrupted,
}

impl Fault {
    /// How the command ends where not even the overlay as it is can be evaluated.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Stale { .. } => Exit::STALE,
            Self::NoPlan { .. } | Self::NotDeployable { .. } => Exit::FINDINGS,
            Self::NoValue { .. } => Exit::INSUFFICIENT,
            Self::Suite { .. } => Exit::UNREADABLE,
            Self::Write(_) => Exit::INTERNAL,
            Self::Interrupted => Exit::ABORTED,
            _ => Exit::UNREACHABLE,
        }
    }

    /// Whether the evaluator itself is to blame, and not the candidate.
    pub(super) fn is_of_evaluator(&self) -> bool {
        !matches!(self, Self::Stale { .. } | Self::NoPlan { .. } | Self::NotDeployable { .. })
    }
}

/// `: the last line`, or nothing.
fn said(stderr: &str) -> String {
    match stderr.trim() {
        "" => String::new(),
        text => format!(": {text}"),
    }
}
