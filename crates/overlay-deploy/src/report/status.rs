use std::collections::BTreeMap;

use overlay_model::Digest;
use overlay_store::vfs::Vfs;
use overlay_store::{GenerationId, GenerationRef, Phase, Pointer, Store, Tree};
use serde::Serialize;

use crate::check::check_tree;
use crate::execute::failures;
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
/// Where the pointer or the audit log cannot be read. A generation that was tampered with
/// is no error but unhealthy.
pub fn status<F: Vfs>(
    store: &Store<F>,
    environment: &EnvironmentName,
) -> Result<StatusReport, DeployError> {
    let schema = "fusion/deploy-status/1";
    let Some(pointer) = store.current()? else {
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
    waiting(store, &pointer, &mut health)?;
    Ok(StatusReport {
        schema,
        phase: Some(pointer.phase),
        epoch: pointer.epoch,
        stable: Some(stable),
        candidate,
        weight: Weight(pointer.weight).percent(),
        deployment: pointer.deployment,
        health,
    })
}

/// What waits for a person.
fn waiting<F: Vfs>(
    store: &Store<F>,
    pointer: &Pointer,
    health: &mut Health,
) -> Result<(), DeployError> {
    let kept = match &pointer.deployment {
        Some(id) => rollout(store, id)?,
        None => None,
    };
    let reason = match pointer.phase {
        Phase::Frozen => {
            health.status = HealthStatus::Unhealthy;
            health
                .reasons
                .extend(kept.and_then(|it| it.ended).map(|it| it.reasons).into_iter().flatten());
            "the rollout is frozen: roll back to a generation that loads"
        }
        Phase::Paused => "the rollout is paused: resume, promote or abort it",
        Phase::Aborting => "the rollout is on its way back",
        _ => {
            if health.status == HealthStatus::Healthy && !health.reasons.is_empty() {
                health.status = HealthStatus::Degraded;
            }
            return Ok(());
        }
    };
    health.reasons.push(reason.to_owned());
    if health.status == HealthStatus::Healthy {
        health.status = HealthStatus::Degraded;
    }
    Ok(())
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
