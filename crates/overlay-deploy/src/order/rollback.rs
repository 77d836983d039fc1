use std::fmt;
use std::str::FromStr;

use overlay_store::vfs::Vfs;
use overlay_store::{GenerationId, GenerationRef, Phase, Pointer, Writer};
use thiserror::Error;

use crate::check::check_tree;
use crate::execute::{Applied, action, failures};
use crate::file::Environment;
use crate::id::DeploymentId;
use crate::mode::Mode;
use crate::outcome::{DeployError, Outcome};
use crate::rollout::Rollout;
use crate::root::{Root, check_base};

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

/// Puts an older generation in force again, in one step. Its hashes are verified and the
/// loader loads it first; a rollout that is under way ends. `base_epoch` is the epoch the
/// root has to be at, where that matters.
///
/// The outcome is `Restored`, `Unchanged` where it is in force already, or `Frozen` where
/// the loader refuses it: nothing was changed then.
///
/// # Errors
///
/// [`DeployError::Unknown`] where there is no such generation; a tampered one is an error.
pub fn rollback<F: Vfs>(
    root: &Root<'_, F>,
    target: &Target,
    id: &DeploymentId,
    base_epoch: Option<u64>,
) -> Result<Applied, DeployError> {
    let mut writer = root.lock(Some(id.as_str()))?;
    let pointer = writer.current().cloned().ok_or(DeployError::Nothing)?;
    check_base(&writer, base_epoch.unwrap_or(pointer.epoch))?;
    if root.store.read_rollout(id.as_str())?.is_some() {
        return Err(DeployError::IdTaken(id.clone()));
    }
    let generation = root.resolve(target, &pointer)?;
    if generation == pointer.stable && pointer.phase == Phase::Stable {
        return root.unchanged();
    }
    let leased = root.store.read(generation)?;
    let results = check_tree(&leased.tree, root.around.environment);
    let reasons = failures(&results);
    if !reasons.is_empty() {
        let (outcome, pointer) = (Outcome::Frozen, Some(pointer));
        return Ok(Applied { outcome, reasons, rollout: None, pointer, checks: results });
    }
    let rollout =
        Rollout { results, tree: leased.manifest.tree, ..root.return_to(generation, &pointer, id) };
    root.supersede(&mut writer, &pointer, id)?;
    let change = root.change(generation, id.as_str());
    root.switch(&mut writer, pointer.epoch, change, action::ROLLBACK, &rollout)?;
    drop(writer);
    root.applied(id.as_str())
}

impl<F: Vfs> Root<'_, F> {
    /// The generation that is meant, with the digest of its manifest.
    pub(super) fn resolve(
        &self,
        target: &Target,
        pointer: &Pointer,
    ) -> Result<GenerationRef, DeployError> {
        match target {
            Target::Generation(id) => self.reference(*id, target),
            Target::Pin(name) => {
                let pin = self.store.pins()?.get(name).copied();
                self.reference(pin.ok_or_else(|| DeployError::unknown(target))?, target)
            }
            Target::Deployment(id) => self.of_deployment(id, target),
            Target::Steps(steps) => {
                let earlier = self.store.earlier(pointer.stable, *steps)?;
                earlier.ok_or_else(|| DeployError::unknown(target))
            }
        }
    }

    fn reference(&self, id: GenerationId, target: &Target) -> Result<GenerationRef, DeployError> {
        if !self.store.generations()?.contains(&id) {
            return Err(DeployError::unknown(target));
        }
        let (_, manifest) = self.store.manifest(id)?;
        Ok(GenerationRef { generation: id, manifest })
    }

    fn of_deployment(
        &self,
        id: &DeploymentId,
        target: &Target,
    ) -> Result<GenerationRef, DeployError> {
        let kept = crate::rollout::rollout(self.store, id.as_str())?;
        // The reference that is kept holds the digest, so that a manifest that was changed
        // since is found out.
        kept.map(|it| it.candidate).ok_or_else(|| DeployError::unknown(target))
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
        };
        rollout.end(Outcome::Restored, Vec::new(), self.now_us());
        rollout
    }

    /// Notes in a rollout that is under way that it has ended.
    fn supersede(
        &self,
        writer: &mut Writer<'_, F>,
        pointer: &Pointer,
        by: &DeploymentId,
    ) -> Result<(), DeployError> {
        let is_idle = matches!(pointer.phase, Phase::Stable | Phase::Frozen);
        let Some(id) = pointer.deployment.as_deref().filter(|_| !is_idle) else { return Ok(()) };
        let Some(mut rollout) = crate::rollout::rollout(self.store, id)? else { return Ok(()) };
        rollout.end(
            Outcome::Aborted,
            vec![format!("the rollback {by} took its place")],
            self.now_us(),
        );
        Ok(writer.write_rollout(id, &rollout.encode()?)?)
    }
}
