use std::fmt;
use std::str::FromStr;

use overlay_store::vfs::Vfs;
use overlay_store::{GenerationId, GenerationRef, Phase, Pointer, WriteError, Writer};
use serde_json::{Map, Value, json};
use thiserror::Error;

use super::control::{abort_from, moving, until_taken};
use super::due::{published, reference};
use super::lost::generation_of;
use crate::check::{check_tree, was_in_force};
use crate::execute::{Applied, action, failures};
use crate::file::Environment;
use crate::id::DeploymentId;
use crate::mode::Mode;
use crate::outcome::{DeployError, Outcome};
use crate::rollout::{Abort, Rollout};
use crate::root::{Root, base_of, check_base};

/// Which generation to return to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Target {
    /// The one with this number.
    Generation(GenerationId),
    /// The one that was made for this deployment.
    Deployment(DeploymentId),
    /// The one that has this name.
    Pin(String),
    /// So many steps back, in the order in which generations were in force, none of them
    /// twice.
    Steps(u32),
}

/// A text that names no generation.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{}` names no generation: write its number, the id of a deployment, or the name of a pin", .0.escape_debug())]
pub struct UnknownTarget(pub String);

/// As `--to` takes it: a number, the id of a deployment, or a name.
impl FromStr for Target {
    type Err = UnknownTarget;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(generation) = text.parse() {
            return Ok(Self::Generation(generation));
        }
        if let Ok(id) = text.parse() {
            return Ok(Self::Deployment(id));
        }
        let first = text.starts_with(|it: char| it.is_ascii_alphanumeric());
        let plain = text.bytes().all(|it| it.is_ascii_alphanumeric() || b"._-".contains(&it));
        let is_name = first && plain && text.len() <= 64;
        is_name.then(|| Self::Pin(text.to_owned())).ok_or_else(|| UnknownTarget(text.to_owned()))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Generation(id) => write!(f, "generation {id}"),
            Self::Deployment(id) => write!(f, "deployment {id}"),
            Self::Pin(name) => write!(f, "the name `{name}`"),
            Self::Steps(1) => f.write_str("one step back"),
            Self::Steps(steps) => write!(f, "{steps} steps back"),
        }
    }
}

/// Takes back what came last: a candidate on trial, as [`crate::abort`] does, else the
/// generation in force, as [`rollback`] by one step. `base_epoch` is the epoch the root has
/// to be at, where that matters.
///
/// What that is the first look says. Where somebody takes it back meanwhile, nothing before
/// it is: the answer is what the deployment has come to.
///
/// # Errors
///
/// As these two; `BaseMoved` where another has replaced what was in force.
pub fn take_back<F: Vfs>(
    root: &Root<'_, F>,
    id: &DeploymentId,
    base_epoch: Option<u64>,
) -> Result<Applied, DeployError> {
    let first = root.pointer()?;
    base_of(Some(&first), base_epoch.unwrap_or(first.epoch))?;
    let last = if is_switched(&first) { Some(first.stable) } else { first.candidate };
    let take = |pointer: &Pointer| {
        if !is_switched(pointer) && pointer.deployment == first.deployment {
            abort_from(root, pointer)
        } else if last == Some(pointer.stable) {
            rollback(root, &Target::Steps(1), id, Some(pointer.epoch))
        } else {
            root.taken_back(&first, pointer)
        }
    };
    if base_epoch.is_some() { take(&first) } else { until_taken(|| take(&root.pointer()?)) }
}

/// Whether what came last is in force: after the switch the one before is one step back.
fn is_switched(pointer: &Pointer) -> bool {
    matches!(pointer.phase, Phase::Stable | Phase::PostCheck | Phase::Frozen)
}

/// Puts an older generation in force again, in one step. Its hashes are verified and the
/// loader loads it first; a rollout that is under way ends. `base_epoch` is the epoch the
/// root has to be at, where that matters.
///
/// The outcome is `Restored`, `Unchanged` where it is in force already, or `Frozen` where
/// the loader refuses it: nothing was changed then.
///
/// # Errors
///
/// [`DeployError::Unknown`] where there is no such generation, [`DeployError::Unproven`] where
/// it was never in force for good; a tampered one is an error.
pub fn rollback<F: Vfs>(
    root: &Root<'_, F>,
    target: &Target,
    id: &DeploymentId,
    base_epoch: Option<u64>,
) -> Result<Applied, DeployError> {
    put_back(root, target, id, base_epoch, Way::default())
}

/// [`rollback`], also to a generation that was never in force for good: somebody answers for
/// it, and the audit log says so.
///
/// # Errors
///
/// As [`rollback`].
pub fn rollback_unproven<F: Vfs>(
    root: &Root<'_, F>,
    target: &Target,
    id: &DeploymentId,
    base_epoch: Option<u64>,
) -> Result<Applied, DeployError> {
    put_back(root, target, id, base_epoch, Way { proof: Proof::Waived, ..Way::default() })
}

/// Whether what comes into force has to have been in force for good before.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Proof {
    /// It has.
    #[default]
    Needed,
    /// Somebody answers for it.
    Waived,
    /// Whoever asks has the proof.
    Given,
}

/// How a generation comes back.
#[derive(Debug, Default)]
pub(crate) struct Way {
    pub(crate) proof: Proof,
    /// What is meant, where it was published just now: the log has no record of it yet.
    pub(crate) fresh: Option<GenerationRef>,
    /// What the audit records say beside.
    pub(crate) notes: Map<String, Value>,
}

/// [`rollback`] in another way.
pub(crate) fn put_back<F: Vfs>(
    root: &Root<'_, F>,
    target: &Target,
    id: &DeploymentId,
    base_epoch: Option<u64>,
    way: Way,
) -> Result<Applied, DeployError> {
    let mut writer = root.lock(Some(id.as_str()))?;
    let pointer = writer.current().cloned().ok_or(DeployError::Nothing)?;
    check_base(&writer, base_epoch.unwrap_or(pointer.epoch))?;
    if root.store.read_rollout(id.as_str())?.is_some() {
        return Err(DeployError::IdTaken(id.clone()));
    }
    let generation = way.fresh.map_or_else(|| root.resolve(target, &pointer), Ok)?;
    let leased = root.store.read(generation)?;
    if generation == pointer.stable && pointer.phase == Phase::Stable {
        return root.unchanged();
    }
    let notes = root.proven(target, generation.generation, way)?;
    let results = check_tree(&leased.tree, root.around.environment);
    let reasons = failures(&results);
    if !reasons.is_empty() {
        let (outcome, pointer) = (Outcome::Frozen, Some(pointer));
        return Ok(Applied { outcome, reasons, rollout: None, pointer, checks: results });
    }
    let back = root.return_to(generation, &pointer, id);
    let rollout = Rollout { results, tree: leased.manifest.tree, notes, ..back };
    root.supersede(&mut writer, &pointer, format!("the rollback {id} took its place"))?;
    let change = root.change(generation, id.as_str());
    root.switch(&mut writer, pointer.epoch, change, action::ROLLBACK, &rollout)?;
    drop(writer);
    root.applied(id.as_str())
}

impl<F: Vfs> Root<'_, F> {
    /// What the deployment that was under way at the `first` look has come to, which is gone
    /// `now`.
    fn taken_back(&self, first: &Pointer, now: &Pointer) -> Result<Applied, DeployError> {
        let moved = WriteError::BaseMoved { expected: first.epoch, found: now.epoch };
        let Ok(id) = moving(first) else { return Err(moved.into()) };
        match self.applied(id) {
            // It came into force, and another one after it.
            Ok(it) if it.outcome == Outcome::Deployed => Err(moved.into()),
            // It is gone, and nothing is kept of how.
            Err(DeployError::DamagedRollout { .. }) => Err(DeployError::Idle),
            told => told,
        }
    }

    /// Whether `generation` may come back in this way, and what the audit records say of it.
    pub(super) fn proven(
        &self,
        target: &Target,
        generation: GenerationId,
        way: Way,
    ) -> Result<Map<String, Value>, DeployError> {
        let Way { proof, mut notes, .. } = way;
        // Steps go by what was in force.
        let is_known = proof == Proof::Given || matches!(target, Target::Steps(_));
        if is_known || was_in_force(self.store, generation)? {
            return Ok(notes);
        }
        if proof == Proof::Needed {
            return Err(DeployError::Unproven(generation));
        }
        notes.insert("unproven".to_owned(), json!(true));
        Ok(notes)
    }

    /// The generation that is meant, with the digest that its manifest has to have.
    pub(super) fn resolve(
        &self,
        target: &Target,
        pointer: &Pointer,
    ) -> Result<GenerationRef, DeployError> {
        let unknown = || DeployError::unknown(target);
        match target {
            Target::Generation(id) => self.there(*id, target),
            Target::Pin(name) => {
                let pin = self.store.pins()?.get(name).copied();
                self.there(pin.ok_or_else(unknown)?, target)
            }
            Target::Deployment(id) => {
                let found = generation_of(self.store, id)?.ok_or_else(unknown)?;
                let published = published(self.store)?.get(&found.generation).copied();
                Ok(GenerationRef { manifest: published.unwrap_or(found.manifest), ..found })
            }
            Target::Steps(steps) => self.earlier(pointer.stable, *steps)?.ok_or_else(unknown),
        }
    }

    fn there(&self, id: GenerationId, target: &Target) -> Result<GenerationRef, DeployError> {
        if !self.store.generations()?.contains(&id) {
            return Err(DeployError::unknown(target));
        }
        Ok(reference(self.store, id)?)
    }

    /// The one that was in force so many steps before `stable`. What another was made above,
    /// and never was in force for good itself, is none.
    fn earlier(
        &self,
        stable: GenerationRef,
        steps: u32,
    ) -> Result<Option<GenerationRef>, DeployError> {
        let Some(found) = self.store.earlier(stable, steps)? else { return Ok(None) };
        Ok(was_in_force(self.store, found.generation)?.then_some(found))
    }

    fn return_to(
        &self,
        generation: GenerationRef,
        pointer: &Pointer,
        id: &DeploymentId,
    ) -> Rollout {
        let environment = self.around.environment;
        let mut rollout = Rollout {
            v: Rollout::VERSION,
            id: id.to_string(),
            environment: environment.clone(),
            mode: Mode::Direct,
            actor: self.around.actor.to_owned(),
            started_us: self.now_us(),
            overlays: Vec::new(),
            base: Some(pointer.stable),
            candidate: generation,
            tree: generation.manifest,
            rules: Environment::default_of(environment),
            checks: Vec::new(),
            specs: Default::default(),
            results: Vec::new(),
            stages: Vec::new(),
            control: None,
            abort: None,
            ended: None,
            notes: Map::new(),
        };
        rollout.end(Outcome::Restored, Vec::new(), self.now_us());
        rollout
    }

    /// Notes in a rollout that is under way that it has ended, and why.
    pub(crate) fn supersede(
        &self,
        writer: &mut Writer<'_, F>,
        pointer: &Pointer,
        why: String,
    ) -> Result<(), DeployError> {
        let Ok(id) = moving(pointer) else { return Ok(()) };
        let mut rollout = match crate::rollout::rollout(self.store, id) {
            Ok(Some(rollout)) => rollout,
            // What is damaged must not bar the way back.
            Ok(None) | Err(DeployError::DamagedRollout { .. }) => return Ok(()),
            Err(err) => return Err(err),
        };
        let (outcome, reasons) = (Outcome::Aborted, vec![why]);
        rollout.abort = Some(Abort { outcome, reasons: reasons.clone(), at: pointer.phase });
        rollout.end(outcome, reasons, self.now_us());
        Ok(writer.write_rollout(id, &rollout.encode()?)?)
    }
}
