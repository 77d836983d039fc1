use std::path::Path;
use std::time::Duration;

use overlay_store::audit::Entry;
use overlay_store::vfs::{RealFs, Vfs};
use overlay_store::{Change, GenerationRef, Holder, LockError, Pointer, Store, WriteError, Writer};
use serde_json::{Value, json};

use crate::analysis::{Judgement, Observed};
use crate::check::CheckResult;
use crate::outcome::DeployError;
use crate::rollout::{self, Rollout};
use crate::span::Span;
use crate::stages::Weight;
use crate::word::EnvironmentName;

/// A deployment root, and who acts on it.
#[derive(Debug)]
pub struct Root<'a, F: Vfs = RealFs> {
    /// The root.
    pub store: &'a Store<F>,
    /// Who, when, and what is seen of the service.
    pub around: &'a Surroundings<'a>,
}

/// What a rollout needs of the world: time, samples, and somebody to tell.
pub struct Surroundings<'a> {
    /// Where the root is, absolute; `None` for one that is in no folder.
    pub root: Option<&'a Path>,
    /// Who acts: the name of the account.
    pub actor: &'a str,
    /// The number of the account, where it has one.
    pub uid: Option<u32>,
    /// Whom the surroundings name, where that is somebody else. Anybody can say anything
    /// there, so that it is recorded beside.
    pub user: Option<&'a str>,
    /// On which machine.
    pub host: &'a str,
    /// In which process.
    pub pid: u32,
    /// For which environment.
    pub environment: &'a EnvironmentName,
    /// What time it is, microseconds since 1970.
    pub now_us: &'a dyn Fn() -> i64,
    /// Waits.
    pub sleep: &'a dyn Fn(Duration),
    /// What was seen of a deployment; an error is shown, and is no data.
    pub observe: &'a dyn Fn(&Window<'_>) -> Result<Observed, String>,
    /// Is told what happens.
    pub report: &'a dyn Fn(&Progress<'_>),
}

impl std::fmt::Debug for Surroundings<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Surroundings").field("actor", &self.actor).finish_non_exhaustive()
    }
}

/// Which samples are wanted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window<'a> {
    /// Of which deployment.
    pub deployment: &'a str,
    /// From when on, microseconds since 1970.
    pub since_us: i64,
    /// The block limit of the 95th percentile, for [`crate::Arm::slow`].
    pub p95: Option<Duration>,
    /// Whether the candidate is the stable generation already: then every sample is its.
    pub is_stable: bool,
}

/// What happens in a rollout.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// The pointer moved.
    Moved(&'a Pointer),
    /// A check ran.
    Checked(&'a CheckResult),
    /// A stage was looked at.
    Looked(&'a Look<'a>),
    /// The samples could not be had.
    Unseen(&'a str),
}

/// A look at a stage.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// The candidate's share of the units.
    pub weight: Weight,
    /// For how long it has been so.
    pub elapsed: Span,
    /// For how long it has to be at least.
    pub bake: Span,
    /// Samples of the control and of the candidate.
    pub samples: (u64, u64),
    /// The verdict of now.
    pub judgement: &'a Judgement,
}

/// How often a rollout tries to take the lock of a root that others change, half a minute
/// in all, and how often an order does.
const ATTEMPTS: u32 = 1500;
/// A child process that is just being started holds the locks of its parent for a moment,
/// so that even the first to come may have to try again.
pub(crate) const FEW_ATTEMPTS: u32 = 15;
pub(crate) const ATTEMPT: Duration = Duration::from_millis(20);

impl<'a, F: Vfs> Root<'a, F> {
    pub(crate) fn now_us(&self) -> i64 {
        (self.around.now_us)()
    }

    pub(crate) fn report(&self, progress: &Progress<'_>) {
        (self.around.report)(progress);
    }

    /// What is live.
    pub(crate) fn pointer(&self) -> Result<Pointer, DeployError> {
        self.store.current()?.ok_or(DeployError::Nothing)
    }

    /// What is kept of the rollout that the pointer names.
    pub(crate) fn kept(&self, id: &str) -> Result<Rollout, DeployError> {
        rollout::rollout(self.store, id)?.ok_or_else(|| DeployError::missing_rollout(id))
    }

    /// Takes the lock of the root, or says who has it.
    pub(crate) fn lock(&self, deployment: Option<&str>) -> Result<Writer<'a, F>, DeployError> {
        self.try_lock(deployment, FEW_ATTEMPTS, |holder| self.store.lock(holder))
    }

    /// The lock of a root whose pointer is lost.
    pub(crate) fn lock_without_pointer(&self) -> Result<Writer<'a, F>, DeployError> {
        self.try_lock(None, FEW_ATTEMPTS, |holder| self.store.lock_without_pointer(holder))
    }

    /// Takes the lock of the root; waits where another has it for a moment.
    pub(crate) fn wait_lock(&self, deployment: Option<&str>) -> Result<Writer<'a, F>, DeployError> {
        self.try_lock(deployment, ATTEMPTS, |holder| self.store.lock(holder))
    }

    fn try_lock(
        &self,
        deployment: Option<&str>,
        attempts: u32,
        lock: impl Fn(&Holder) -> Result<Writer<'a, F>, LockError>,
    ) -> Result<Writer<'a, F>, DeployError> {
        let holder = Holder {
            pid: self.around.pid,
            host: self.around.host.to_owned(),
            started_us: self.now_us(),
            deployment: deployment.map(str::to_owned),
        };
        for _ in 1..attempts {
            match lock(&holder) {
                Err(LockError::Busy(_)) => (self.around.sleep)(ATTEMPT),
                res => return Ok(res?),
            }
        }
        Ok(lock(&holder)?)
    }

    /// Moves the pointer from the epoch `base` under a lock of its own, with what is kept
    /// of the rollout.
    pub(crate) fn go(
        &self,
        base: u64,
        change: Change,
        action: &str,
        rollout: &Rollout,
    ) -> Result<Pointer, DeployError> {
        let mut writer = self.wait_lock(Some(&rollout.id))?;
        self.switch(&mut writer, base, change, action, rollout)
    }

    /// As [`Self::go`], by a writer that is there.
    pub(crate) fn switch(
        &self,
        writer: &mut Writer<'_, F>,
        base: u64,
        change: Change,
        action: &str,
        rollout: &Rollout,
    ) -> Result<Pointer, DeployError> {
        // Whoever is late must not write over what is kept by the one before.
        check_base(writer, base)?;
        writer.write_rollout(&rollout.id, &rollout.encode()?)?;
        let entry = self.entry(action, rollout, &change);
        let pointer = writer.switch(Some(base), change, entry)?;
        self.report(&Progress::Moved(&pointer));
        Ok(pointer)
    }

    fn entry(&self, action: &str, rollout: &Rollout, change: &Change) -> Entry {
        let mut detail = json!({
            "tree": rollout.tree,
            "mode": rollout.mode,
            "step": change.step,
            "weight": change.weight,
        });
        let reasons = rollout.abort.as_ref().map(|it| &it.reasons);
        let reasons = rollout.ended.as_ref().map(|it| &it.reasons).or(reasons);
        if let (Some(detail), Some(reasons)) =
            (detail.as_object_mut(), reasons.filter(|it| !it.is_empty()))
        {
            detail.insert("reasons".to_owned(), json!(reasons));
        }
        if let Some(detail) = detail.as_object_mut() {
            detail.extend(rollout.notes.clone());
        }
        Entry {
            deployment: Some(rollout.id.clone()),
            base: rollout.base.map(|it| it.generation.0),
            env: rollout.environment.to_string(),
            ..self.note(action, Some(rollout.candidate), detail)
        }
    }

    /// An audit entry about a generation, or about none.
    pub(crate) fn note(
        &self,
        action: &str,
        generation: Option<GenerationRef>,
        detail: Value,
    ) -> Entry {
        Entry {
            at_us: self.now_us(),
            actor: self.around.actor.to_owned(),
            host: self.around.host.to_owned(),
            action: action.to_owned(),
            env: self.around.environment.to_string(),
            deployment: None,
            generation: generation.map(|it| it.generation.0),
            base: None,
            manifest_sha256: generation.map(|it| it.manifest),
            detail: self.signed(detail),
        }
    }

    /// With the account behind the actor.
    fn signed(&self, mut detail: Value) -> Value {
        if let Some(detail) = detail.as_object_mut() {
            let uid = self.around.uid.map(|it| ("uid", json!(it)));
            let user = self.around.user.map(|it| ("user", json!(it)));
            let facts = [uid, user].into_iter().flatten();
            detail.extend(facts.map(|(key, value)| (key.to_owned(), value)));
        }
        detail
    }
}

/// Whether the root is at the epoch `base`, 0 where nothing is deployed.
pub(crate) fn check_base<F: Vfs>(writer: &Writer<'_, F>, base: u64) -> Result<(), DeployError> {
    base_of(writer.current(), base)
}

/// Whether the pointer is at the epoch `base`, 0 where there is none.
pub(crate) fn base_of(pointer: Option<&Pointer>, base: u64) -> Result<(), DeployError> {
    let found = pointer.map_or(0, |it| it.epoch);
    if found == base {
        return Ok(());
    }
    Err(WriteError::BaseMoved { expected: base, found }.into())
}
