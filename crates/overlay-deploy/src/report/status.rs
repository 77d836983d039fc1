use std::collections::BTreeMap;

use overlay_model::Digest;
use overlay_store::vfs::Vfs;
use overlay_store::{GenerationId, GenerationRef, Phase, Pointer, Store, StoreError, Tree};
use serde::Serialize;

use crate::check::check_tree;
use crate::execute::failures;
use crate::order::lost_rollout;
use crate::outcome::{DeployError, is_lost};
use crate::plan::{name_of, overlay_files};
use crate::rollout::rollout;
use crate::stages::Weight;
use crate::word::EnvironmentName;

/// What is live: `deploy status --json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StatusReport {
    /// The version of this format: `fusion/deploy-status/1`.
    pub schema: &'static str,
    /// Where the rollout stands; `None` where nothing is deployed.
    pub phase: Option<Phase>,
    /// How often the pointer was written.
    pub epoch: u64,
    /// The generation in force.
    pub stable: Option<LiveGeneration>,
    /// The generation on trial.
    pub candidate: Option<LiveGeneration>,
    /// The candidate's share of the units, in percent.
    pub weight: f64,
    /// The deployment under way, or the last one.
    pub deployment: Option<String>,
    /// Whether what is live can be.
    pub health: Health,
    /// Whether something is not as it was written: a generation, the pointer, the audit log,
    /// or what is kept of the deployment.
    #[serde(skip)]
    pub is_tampered: bool,
}

/// A generation that units see.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct LiveGeneration {
    /// Its number.
    pub generation: GenerationId,
    /// The digest of its tree; `None` where it cannot be read.
    pub digest: Option<Digest>,
    /// The digest of each overlay, by name.
    pub overlays: BTreeMap<String, Digest>,
}

/// Whether what is live can be.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Health {
    /// In one word.
    pub status: HealthStatus,
    /// Why it is not healthy, for people.
    pub reasons: Vec<String>,
}

/// Health in one word.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// Whole, and the loader loads it.
    Healthy,
    /// In force, and something waits for a person.
    Degraded,
    /// Not as it was published, or the loader refuses it.
    Unhealthy,
    /// Nothing is deployed.
    Unknown,
}

/// What is live in a root. Nothing is locked or written.
///
/// # Errors
///
/// Where the pointer is damaged or missing, or the root cannot be read. A generation or an audit
/// log that was tampered with, and a pointer older than the log says, is no error but
/// unhealthy.
pub fn status<F: Vfs>(
    store: &Store<F>,
    environment: &EnvironmentName,
) -> Result<StatusReport, DeployError> {
    let schema = "fusion/deploy-status/1";
    let Some(pointer) = store.current()? else {
        // A pointer that somebody took away is not the same as none yet.
        store.checked_current()?;
        let health = Health { status: HealthStatus::Unknown, reasons: Vec::new() };
        return Ok(StatusReport {
            schema,
            phase: None,
            epoch: 0,
            stable: None,
            candidate: None,
            weight: 0.0,
            deployment: None,
            health,
            is_tampered: false,
        });
    };
    let mut reasons = Vec::new();
    let stable = live(store, pointer.stable, environment, &mut reasons)?;
    let status = if reasons.is_empty() { HealthStatus::Healthy } else { HealthStatus::Unhealthy };
    let mut health = Health { status, reasons };
    let candidate = match pointer.candidate {
        Some(candidate) => Some(live(store, candidate, environment, &mut health.reasons)?),
        None => None,
    };
    let is_lost = [Some(&stable), candidate.as_ref()];
    let is_lost = is_lost.into_iter().flatten().any(|it| it.digest.is_none());
    let history = history(store, &pointer)?;
    if history.is_some() {
        health.status = HealthStatus::Unhealthy;
    }
    let damaged = [waiting(store, &pointer, &mut health)?, history];
    let is_damaged = damaged.iter().any(Option::is_some);
    health.reasons.extend(damaged.into_iter().flatten());
    if health.status == HealthStatus::Healthy && !health.reasons.is_empty() {
        health.status = HealthStatus::Degraded;
    }
    Ok(StatusReport {
        schema,
        phase: Some(pointer.phase),
        epoch: pointer.epoch,
        stable: Some(stable),
        candidate,
        weight: Weight(pointer.weight).percent(),
        deployment: pointer.deployment,
        health,
        is_tampered: is_lost || is_damaged,
    })
}

/// What a rollout that nobody drives waits for.
pub(super) const LEFT_ALONE: &str = "the process that drove it ended: resume, recover or abort";

/// The same of the first deployment of a root: there is nothing to take it back to.
const LEFT_FIRST: &str = "the process that drove it ended: resume, or deploy again";
/// The same where nothing is kept of it: there is no way on.
const LEFT_LOST: &str = "the process that drove it ended: recover or abort";

/// Whether a rollout is under way that nobody drives.
pub(super) fn is_left_alone<F: Vfs>(
    store: &Store<F>,
    pointer: &Pointer,
) -> Result<bool, StoreError> {
    let rests = matches!(pointer.phase, Phase::Stable | Phase::Paused | Phase::Frozen);
    let Some(id) = pointer.deployment.as_deref().filter(|_| !rests) else { return Ok(false) };
    // Its process may have come to the end in between.
    Ok(!store.is_driven(id)? && store.current()?.is_some_and(|it| it.epoch == pointer.epoch))
}

/// What is wrong with the audit log, or with the pointer by the log.
fn history<F: Vfs>(store: &Store<F>, pointer: &Pointer) -> Result<Option<String>, StoreError> {
    let verified = store.audit().verify(Some(pointer.audit)).map_err(StoreError::from);
    match verified.and_then(|_| store.checked_current()) {
        Ok(_) => Ok(None),
        Err(err @ StoreError::Audit(_)) => {
            Ok(Some(format!("the audit log is not as it was written: {err}")))
        }
        Err(err @ StoreError::Damaged { .. }) => Ok(Some(err.to_string())),
        Err(err) => Err(err),
    }
}

/// What waits for a person; gives what is wrong with what is kept of the rollout.
fn waiting<F: Vfs>(
    store: &Store<F>,
    pointer: &Pointer,
    health: &mut Health,
) -> Result<Option<String>, DeployError> {
    let kept = pointer.deployment.as_deref().map(|id| rollout(store, id)).transpose();
    let (kept, damaged) = match kept {
        Ok(kept) => (kept.flatten(), lost_rollout(store, pointer)?),
        Err(err) if err.exit_code() == 8 => (None, Some(err)),
        Err(err) => return Err(err),
    };
    let is_first = kept.as_ref().is_some_and(|it| it.base.is_none());
    if is_left_alone(store, pointer)? {
        let why = match damaged {
            Some(_) => LEFT_LOST,
            None if is_first => LEFT_FIRST,
            None => LEFT_ALONE,
        };
        health.reasons.push(why.to_owned());
    }
    let damaged = damaged.map(|it| it.to_string());
    let reason = match pointer.phase {
        Phase::Frozen => {
            health.status = HealthStatus::Unhealthy;
            health
                .reasons
                .extend(kept.and_then(|it| it.ended).map(|it| it.reasons).into_iter().flatten());
            "the rollout is frozen: roll back to a generation that loads, or deploy again"
        }
        Phase::Paused if damaged.is_some() => "the rollout is paused: abort it",
        Phase::Paused => "the rollout is paused: resume, promote or abort it",
        Phase::Aborting => "the rollout is on its way back",
        _ => return Ok(damaged),
    };
    health.reasons.push(reason.to_owned());
    Ok(damaged)
}

/// A generation as it is; what is wrong with it joins `reasons`.
fn live<F: Vfs>(
    store: &Store<F>,
    which: GenerationRef,
    environment: &EnvironmentName,
    reasons: &mut Vec<String>,
) -> Result<LiveGeneration, DeployError> {
    let generation = which.generation;
    match store.read(which) {
        Ok(leased) => {
            reasons.extend(failures(&check_tree(&leased.tree, environment)));
            let digest = Some(leased.manifest.tree);
            Ok(LiveGeneration { generation, digest, overlays: overlays(&leased.tree) })
        }
        Err(err) if is_lost(&err).is_some() => {
            reasons.push(err.to_string());
            Ok(LiveGeneration { generation, digest: None, overlays: BTreeMap::new() })
        }
        Err(err) => Err(err.into()),
    }
}

fn overlays(tree: &Tree) -> BTreeMap<String, Digest> {
    let named = overlay_files(tree).filter_map(|(path, overlay)| {
        Some((name_of(&overlay, path)?.to_string(), overlay_schema::digest(&overlay)))
    });
    named.collect()
}
