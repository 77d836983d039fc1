use serde::{Deserialize, Serialize};

use crate::audit::Head;
use crate::pointer::{GenerationRef, POINTER_VERSION, Phase, Pointer};

/// What the pointer is to say, as [`Pointer`] without what the store fills in.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Change {
    /// Where the rollout stands.
    pub phase: Phase,
    /// The generation in force.
    pub stable: GenerationRef,
    /// The generation on trial.
    pub candidate: Option<GenerationRef>,
    /// The candidate's share of the units, in buckets of 100,000.
    pub weight: u32,
    /// The deployment under way, or the last one.
    pub deployment: Option<String>,
    /// The index of the stage.
    pub step: u32,
    /// When the stage began, microseconds since 1970.
    pub step_started_us: i64,
}

impl Change {
    /// Nothing but `stable`, and nothing under way.
    pub fn to(stable: GenerationRef) -> Self {
        Self {
            phase: Phase::Stable,
            stable,
            candidate: None,
            weight: 0,
            deployment: None,
            step: 0,
            step_started_us: 0,
        }
    }

    pub(crate) fn pointer(&self, epoch: u64, audit: Head) -> Pointer {
        Pointer {
            v: POINTER_VERSION,
            epoch,
            phase: self.phase,
            stable: self.stable,
            candidate: self.candidate,
            weight: self.weight,
            deployment: self.deployment.clone(),
            step: self.step,
            step_started_us: self.step_started_us,
            audit,
        }
    }
}

/// As it stands.
impl From<&Pointer> for Change {
    fn from(pointer: &Pointer) -> Self {
        Self {
            phase: pointer.phase,
            stable: pointer.stable,
            candidate: pointer.candidate,
            weight: pointer.weight,
            deployment: pointer.deployment.clone(),
            step: pointer.step,
            step_started_us: pointer.step_started_us,
        }
    }
}
