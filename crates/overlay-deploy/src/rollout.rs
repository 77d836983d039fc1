use std::collections::BTreeMap;

use overlay_model::Digest;
use overlay_store::vfs::Vfs;
use overlay_store::{GenerationRef, Phase, Store};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::analysis::{Arm, Judgement};
use crate::check::CheckResult;
use crate::file::{CheckSpec, Environment};
use crate::mode::Mode;
use crate::outcome::{DeployError, Outcome};
use crate::plan::PlannedCheck;
use crate::stages::Weight;
use crate::word::{CheckName, EnvironmentName};

/// The version of the format of what is kept of a rollout.
const VERSION: u32 = 1;

/// What is kept of a rollout beside the pointer: what was planned, and what was seen. Where
/// it stands is the pointer's to say.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Rollout {
    /// The version of this format, 1.
    pub v: u32,
    /// The deployment.
    pub id: String,
    /// In which environment.
    pub environment: EnvironmentName,
    /// How.
    pub mode: Mode,
    /// Who began it.
    pub actor: String,
    /// When it began, microseconds since 1970.
    pub started_us: i64,
    /// The overlays that were given.
    pub overlays: Vec<String>,
    /// The generation to return to; `None` for the first one.
    pub base: Option<GenerationRef>,
    /// The generation on trial.
    pub candidate: GenerationRef,
    /// The digest of its tree.
    pub tree: Digest,
    /// The rules it is judged by.
    pub rules: Environment,
    /// The checks, in their order.
    pub checks: Vec<PlannedCheck>,
    /// The checks of one's own.
    pub specs: BTreeMap<CheckName, CheckSpec>,
    /// The checks that ran, in their order.
    #[serde(default)]
    pub results: Vec<CheckResult>,
    /// The stages that ended.
    #[serde(default)]
    pub stages: Vec<StageRecord>,
    /// The control of the last stage that had one.
    #[serde(default)]
    pub control: Option<Arm>,
    /// Why it is on the way back.
    #[serde(default)]
    pub abort: Option<Abort>,
    /// How it ended, or will have, once the pointer says so.
    #[serde(default)]
    pub ended: Option<Ended>,
    /// What else its audit records say: the backup that it came from.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub notes: Map<String, Value>,
}

/// A stage that ended.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct StageRecord {
    /// Which one, counted from 0.
    pub step: u32,
    /// The candidate's share of the units.
    pub weight: Weight,
    /// How long it took, microseconds.
    pub elapsed_us: i64,
    /// Samples of the control and of the candidate.
    pub samples: (u64, u64),
    /// The verdict.
    pub judgement: Judgement,
}

/// Why a rollout is on the way back.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Abort {
    /// How it will have ended.
    pub outcome: Outcome,
    /// Why, for people.
    pub reasons: Vec<String>,
    /// Where it stood.
    pub at: Phase,
}

/// How a rollout ended.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Ended {
    /// How.
    pub outcome: Outcome,
    /// Why, for people; empty where all went well.
    pub reasons: Vec<String>,
    /// When, microseconds since 1970.
    pub at_us: i64,
}

impl Rollout {
    /// The version that is written.
    pub(crate) const VERSION: u32 = VERSION;

    /// The bytes that are kept.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, DeployError> {
        serde_json::to_vec_pretty(self).map_err(|err| damaged(&self.id, &err))
    }

    pub(crate) fn end(&mut self, outcome: Outcome, reasons: Vec<String>, at_us: i64) {
        self.ended = Some(Ended { outcome, reasons, at_us });
    }
}

/// What is kept of the rollout `id`; `None` where there is none.
///
/// # Errors
///
/// Where it cannot be read, or is none.
pub fn rollout<F: Vfs>(store: &Store<F>, id: &str) -> Result<Option<Rollout>, DeployError> {
    let Some(bytes) = store.read_rollout(id)? else { return Ok(None) };
    let rollout: Rollout = serde_json::from_slice(&bytes).map_err(|err| damaged(id, &err))?;
    if rollout.v != VERSION || rollout.id != id {
        return Err(damaged(id, &"it is of another version, or another deployment"));
    }
    Ok(Some(rollout))
}

fn damaged(id: &str, why: &impl ToString) -> DeployError {
    DeployError::DamagedRollout { id: id.to_owned(), why: why.to_string() }
}
