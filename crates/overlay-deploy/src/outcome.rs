use std::fmt;

use overlay_store::{GenerationId, Holder, LockError, Phase, StoreError, WriteError};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::id::DeploymentId;
use crate::order::Target;

/// How a deployment, or a command about one, ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The candidate is the stable generation.
    Deployed,
    /// An older generation is the stable one again, as somebody wanted.
    Restored,
    /// There was nothing to change.
    Unchanged,
    /// A check before failed or was missing: nothing went live.
    Refused,
    /// A stage waits for a person.
    Paused,
    /// A gate failed: the old generation is in force.
    RolledBack,
    /// Neither generation could be put in force, or what is in force again never passed its
    /// checks: the last good one keeps serving.
    Frozen,
    /// Somebody ended it: the old generation is in force.
    Aborted,
}

impl Outcome {
    /// The exit code of a command that ends so.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Deployed | Self::Restored | Self::Unchanged => 0,
            Self::Refused => 1,
            Self::Paused => 3,
            Self::RolledBack => 6,
            Self::Frozen => 7,
            Self::Aborted => 10,
        }
    }

    /// What became of the old generation.
    pub fn rollback(self) -> RollbackOutcome {
        match self {
            Self::RolledBack | Self::Aborted => RollbackOutcome::Restored,
            Self::Frozen => RollbackOutcome::Failed,
            _ => RollbackOutcome::NotNeeded,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Deployed => "deployed",
            Self::Restored => "restored",
            Self::Unchanged => "unchanged",
            Self::Refused => "refused",
            Self::Paused => "paused",
            Self::RolledBack => "rolled back",
            Self::Frozen => "frozen",
            Self::Aborted => "aborted",
        })
    }
}

/// What became of the way back.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RollbackOutcome {
    /// It was not taken.
    NotNeeded,
    /// The old generation was verified and is in force.
    Restored,
    /// The old generation could not be put in force, or never passed its checks itself.
    Failed,
}

/// Why a command about a deployment could not be carried out.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DeployError {
    /// The root cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The root cannot be written, or moved on meanwhile.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// Another changes the root.
    #[error("the root is being changed by {0}")]
    Busy(Holder),
    /// Another process drives this rollout.
    #[error("another process drives the deployment {0}")]
    Driven(String),
    /// A rollout has to end first.
    #[error("the deployment {deployment} is under way ({}): resume, promote or abort it", phase_word(*phase))]
    UnderWay {
        /// Which.
        deployment: String,
        /// Where it stands.
        phase: Phase,
    },
    /// There is no rollout to command.
    #[error("no deployment is under way")]
    Idle,
    /// The rollout is not where the command makes sense.
    #[error("{}", wrong_phase(*phase, wanted))]
    WrongPhase {
        /// Where it stands.
        phase: Phase,
        /// What was wanted.
        wanted: &'static str,
    },
    /// Nothing is deployed yet.
    #[error("nothing is deployed yet")]
    Nothing,
    /// No generation is meant.
    #[error("{0}")]
    Unknown(String),
    /// A generation is missing, and nobody was to remove it.
    #[error("generation {0} is gone, and the audit log has no record of its removal")]
    Gone(GenerationId),
    /// The pointer is lost, and the audit log does not know it: a version of before wrote its
    /// records.
    #[error(
        "the pointer CURRENT cannot be written anew: the records of the audit log are of a version that did not write down what was put in force"
    )]
    NotRecorded,
    /// A generation that no deployment ended with.
    #[error(
        "generation {0} was never in force for good: its deployment was refused, taken back, or did not come to its end"
    )]
    Unproven(GenerationId),
    /// A name that would be read as something else.
    #[error("`{0}` is no name for a generation: it is read as a number, or the id of a deployment")]
    ReservedName(String),
    /// What is kept of a rollout is none.
    #[error("rollouts/{id}.json is damaged: {why}")]
    DamagedRollout {
        /// Which.
        id: String,
        /// What is wrong.
        why: String,
    },
    /// An id that was there before.
    #[error("the id {0} is taken: a new one needs new random bytes")]
    IdTaken(DeploymentId),
}

impl DeployError {
    /// Nothing is kept of the rollout `id`.
    pub(crate) fn missing_rollout(id: &str) -> Self {
        Self::DamagedRollout { id: id.to_owned(), why: "it is missing".to_owned() }
    }

    /// No generation is meant by `target`.
    pub fn unknown(target: &Target) -> Self {
        Self::Unknown(match target {
            Target::Generation(id) => format!("there is no generation {id}"),
            Target::Deployment(id) => format!("no deployment {id} was made here"),
            Target::Pin(name) => format!("no generation has the name `{name}`"),
            Target::Steps(_) => format!("there is nothing {target}: no other was in force then"),
        })
    }

    /// The exit code of a command that ends so.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Store(err) => store_code(err),
            Self::Write(err) => write_code(err),
            Self::Busy(_) | Self::Driven(_) | Self::UnderWay { .. } => 75,
            Self::Idle | Self::Nothing => 5,
            Self::WrongPhase { phase: Phase::Paused, .. } => 3,
            Self::WrongPhase { .. } | Self::Unproven(_) => 1,
            Self::Unknown(_) => 65,
            Self::DamagedRollout { .. } | Self::Gone(_) | Self::NotRecorded => 8,
            Self::ReservedName(_) => 64,
            Self::IdTaken(_) => 70,
        }
    }
}

fn store_code(err: &StoreError) -> u8 {
    match err {
        StoreError::Tampered { .. } | StoreError::Audit(_) | StoreError::Damaged { .. } => 8,
        StoreError::NoRoot { .. } | StoreError::Missing { .. } | StoreError::InvalidName { .. } => {
            65
        }
        _ => 69,
    }
}

fn write_code(err: &WriteError) -> u8 {
    match err {
        WriteError::BaseMoved { .. } => 9,
        WriteError::OutcomeUnknown { .. } => 11,
        WriteError::Tampered { .. } => 8,
        WriteError::InvalidPointer(_) | WriteError::Spent => 70,
        WriteError::Store(err) => store_code(err),
        _ => 69,
    }
}

impl From<LockError> for DeployError {
    fn from(err: LockError) -> Self {
        match err {
            LockError::Busy(holder) => Self::Busy(holder),
            LockError::Store(err) => Self::Store(err),
            err => Self::Write(WriteError::Store(StoreError::Damaged {
                path: "LOCK".to_owned(),
                why: err.to_string(),
            })),
        }
    }
}

/// Whether a generation is not as it was published, or is gone.
pub(crate) fn is_lost(err: &StoreError) -> Option<GenerationId> {
    match err {
        StoreError::Tampered { generation, .. } | StoreError::Missing { generation } => {
            Some(*generation)
        }
        _ => None,
    }
}

/// Where a rollout stands, for people.
pub fn phase_word(phase: Phase) -> &'static str {
    match phase {
        Phase::Stable => "stable",
        Phase::Staged => "staged",
        Phase::PreCheck => "checks before",
        Phase::Canary => "canary",
        Phase::Paused => "paused",
        Phase::Promoting => "promoting",
        Phase::PostCheck => "checks after",
        Phase::Aborting => "on the way back",
        Phase::Frozen => "frozen",
    }
}

fn wrong_phase(phase: Phase, wanted: &str) -> String {
    match phase_word(phase) {
        word if word == wanted => format!("the deployment is {wanted} already"),
        word => format!("a deployment cannot be {wanted} here: {word}"),
    }
}
