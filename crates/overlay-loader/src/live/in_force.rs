use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use fusion_flags::{BreakerPolicy, BreakerSet, SwitchSource, Switches};
use overlay_model::OverlayName;

use super::Clock;
use super::deployed::{Deployed, Deployment};
use super::event::{ByHand, Event, Part};
use super::generation::{Candidate, Generation, Refused, Snapshot, Source, Switched, Trial};
use super::status::{Nack, Refusal, Status};
use crate::root_switch::RootSwitch;

/// The place of the kill switch that stands in a flag file which was refused with its
/// tree; the places before it are those of [`SwitchSource`].
const REFUSED: usize = 3;
/// The place of the switch of a root of deployments.
const ROOT: usize = 4;
/// The place of the switch of the API.
const API: usize = SwitchSource::Api as usize;

/// What is in force, and who may change it: each change is one swap and one epoch.
pub(crate) struct InForce {
    pub(crate) current: ArcSwap<Snapshot>,
    /// They outlive every change.
    pub(crate) breakers: BreakerSet,
    clock: Clock,
    /// For writers, which take turns; never held while a file is read.
    writing: Mutex<Writing>,
}

struct Writing {
    switches: [Switches; 5],
    /// What the switch of the API was thrown with, where somebody said.
    api: Option<ByHand>,
    /// The switch of the root, for what it says.
    root: Option<RootSwitch>,
    status: Status,
    subscribers: Vec<Sender<u64>>,
    observers: Vec<Sender<Event>>,
}

/// What a service is started under.
#[derive(Default)]
pub(crate) struct Under {
    pub(crate) environment: Switches,
    pub(crate) file: Switches,
    pub(crate) root: Option<RootSwitch>,
    /// The pointer that the first generation comes from, for a root of deployments.
    pub(crate) deployed: Option<Box<Deployed>>,
}

impl InForce {
    /// Puts the first generation in force; `seed` spreads the recovery of its breakers.
    pub(crate) fn new(generation: &Arc<Generation>, under: Under, clock: Clock, seed: u64) -> Self {
        let Under { environment, file, root, deployed } = under;
        let breakers = BreakerSet::new(BreakerPolicy::default(), BreakerSet::MAX_OPEN_SHARE, seed);
        let of_root = thrown(root.is_some());
        let switches = [environment, file, Switches::default(), Switches::default(), of_root];
        let mut writing = Writing {
            switches,
            api: None,
            root,
            status: status(generation, clock()),
            subscribers: Vec::new(),
            observers: Vec::new(),
        };
        writing.status.deployment = deployed.as_ref().map(|it| Deployment::of(&it.pointer));
        let trial = deployed.as_ref().and_then(|it| it.trial());
        let snapshot = compile(&mut writing, &breakers, 1, generation, trial);
        let current = ArcSwap::from_pointee(snapshot);
        let res = Self { current, breakers, clock, writing: Mutex::new(writing) };
        if let Some(refused) = deployed.as_ref().and_then(|it| it.refused.as_ref()) {
            res.refuse(refused);
        }
        res
    }

    fn lock(&self) -> MutexGuard<'_, Writing> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts what the files say in force.
    pub(crate) fn accept(&self, generation: Generation) {
        let mut writing = self.lock();
        let was_refused = writing.status.last_error.take().is_some();
        let was_killed = std::mem::take(&mut writing.switches[REFUSED]).emergency;
        let current = self.current.load();
        let same = generation.digest() == current.stable.generation().digest()
            && current.stable.generation().source() == Source::Files;
        if !same {
            let trial = current.candidate.as_ref().map(Candidate::trial);
            self.apply(&mut writing, &Arc::new(generation), trial);
            return;
        }
        if was_refused {
            let digest = writing.status.digest;
            writing.tell(|| Event::Restored(digest));
        }
        if was_killed {
            self.publish_again(&mut writing);
        }
    }

    /// Puts what a pointer says in force.
    pub(crate) fn deploy(&self, deployed: &Deployed) {
        let mut writing = self.lock();
        if deployed.refused.is_none() {
            writing.status.last_error = None;
        }
        writing.switches[REFUSED] = Switches::default();
        writing.status.deployment = Some(Deployment::of(&deployed.pointer));
        self.apply(&mut writing, &deployed.stable.generation, deployed.trial());
        drop(writing);
        if let Some(refused) = &deployed.refused {
            self.refuse(refused);
        }
    }

    /// Notes why the files are not put in force. A kill switch in them holds; what it says
    /// where it cannot be read for sure is what it said last.
    pub(crate) fn refuse(&self, refused: &Refused) {
        let mut writing = self.lock();
        let findings = refused.findings.iter().take(100).map(Refusal::of).collect();
        let nack = Nack { at_ms: (self.clock)(), findings };
        writing.tell(|| Event::Refused(nack.clone()));
        writing.status.nacks += 1;
        writing.status.unreadable += u64::from(refused.is_unreadable);
        writing.status.last_error = Some(nack);
        let Some(is_killed) = refused.kill_switch else { return };
        let before = std::mem::replace(&mut writing.switches[REFUSED], thrown(is_killed));
        if before.emergency != is_killed {
            self.publish_again(&mut writing);
        }
    }

    /// Replaces the switches of one source. The names that nothing has come back.
    pub(crate) fn switch(&self, source: SwitchSource, switches: Switches) -> Vec<String> {
        let mut writing = self.lock();
        if source == SwitchSource::Api {
            writing.api = None;
        }
        writing.switches[source as usize] = switches;
        self.publish_again(&mut writing);
        writing.status.unknown_switches.clone()
    }

    /// Throws the switch of the API; once more replaces what it was thrown with.
    pub(crate) fn throw(&self, by: ByHand) {
        let mut writing = self.lock();
        let before = writing.status.held_by.clone();
        writing.switches[API] = thrown(true);
        writing.api = Some(by.clone());
        self.publish_again(&mut writing);
        let held_by = writing.status.held_by.clone();
        if held_by == before {
            // The same words once more are said once more.
            writing.tell(|| Event::Emergency { held_by, before: Vec::new() });
        }
        writing.tell(|| Event::Thrown(by));
    }

    /// Takes the switch of the API back, where it is thrown.
    pub(crate) fn take_back(&self) {
        let mut writing = self.lock();
        let was = std::mem::take(&mut writing.switches[API]);
        let by = writing.api.take().unwrap_or_default();
        self.publish_again(&mut writing);
        if was.emergency {
            writing.tell(|| Event::TakenBack(by));
        }
    }

    /// Tells those who follow what happened.
    pub(crate) fn tell(&self, event: Event) {
        self.lock().tell(|| event);
    }

    /// Throws the switch of the root, or takes it back.
    pub(crate) fn switch_root(&self, switch: Option<RootSwitch>) {
        let mut writing = self.lock();
        if writing.root != switch {
            writing.switches[ROOT] = thrown(switch.is_some());
            writing.root = switch;
            self.publish_again(&mut writing);
        }
    }

    /// Puts a candidate beside the stable generation, or takes it away.
    pub(crate) fn try_out(&self, trial: Option<Trial>) {
        let mut writing = self.lock();
        let stable = Arc::clone(self.current.load().stable.shared());
        self.publish(&mut writing, &stable, trial);
    }

    fn publish_again(&self, writing: &mut Writing) {
        let current = self.current.load();
        let stable = Arc::clone(current.stable.shared());
        self.publish(writing, &stable, current.candidate.as_ref().map(Candidate::trial));
    }

    /// Publishes what the files, or the pointer, say from now on.
    fn apply(&self, writing: &mut Writing, stable: &Arc<Generation>, trial: Option<Trial>) {
        writing.status.accepted += 1;
        writing.status.applied_at_ms = (self.clock)();
        self.publish(writing, stable, trial);
        let Status { epoch, digest, deployment, .. } = &writing.status;
        let (epoch, digest, deployment) = (*epoch, *digest, deployment.clone());
        writing.tell(|| Event::Accepted { epoch, digest, deployment });
    }

    fn publish(&self, writing: &mut Writing, stable: &Arc<Generation>, trial: Option<Trial>) {
        let epoch = writing.status.epoch + 1;
        let before = writing.status.clone();
        let snapshot = compile(writing, &self.breakers, epoch, stable, trial);
        self.current.store(Arc::new(snapshot));
        writing.subscribers.retain(|it| it.send(epoch).is_ok());
        let Status { held_by, forced: names, unknown_switches: unknown, .. } =
            writing.status.clone();
        let is_forced_as_before = (&names, &unknown) == (&before.forced, &before.unknown_switches);
        if held_by != before.held_by {
            writing.tell(|| Event::Emergency { held_by, before: before.held_by });
        }
        if !is_forced_as_before {
            writing.tell(|| Event::Forced { names, unknown });
        }
    }

    /// Changes what the status says of a part that keeps the configuration up to date.
    pub(crate) fn note(&self, part: Part, error: Option<String>) {
        let mut writing = self.lock();
        let slot = match part {
            Part::Watch => &mut writing.status.watch_error,
            Part::SwitchFile => &mut writing.status.switch_error,
            Part::Copy => &mut writing.status.copy_error,
            Part::Acknowledgement => &mut writing.status.acknowledgement_error,
        };
        if *slot != error {
            slot.clone_from(&error);
            writing.tell(|| error.map_or(Event::Recovered(part), |it| Event::Failed(part, it)));
        }
    }

    /// The files have just been compared with what is in force.
    pub(crate) fn checked(&self) {
        self.lock().status.checked_at_ms = (self.clock)();
    }

    pub(crate) fn status(&self) -> Status {
        let mut status = self.lock().status.clone();
        status.staleness_ms = (self.clock)().saturating_sub(status.checked_at_ms);
        status
    }

    pub(crate) fn subscribe(&self) -> Receiver<u64> {
        let (sender, receiver) = channel();
        self.lock().subscribers.push(sender);
        receiver
    }

    pub(crate) fn observe(&self) -> Receiver<Event> {
        let (sender, receiver) = channel();
        self.lock().observers.push(sender);
        receiver
    }
}

impl Writing {
    fn tell(&mut self, event: impl FnOnce() -> Event) {
        if !self.observers.is_empty() {
            let event = event();
            self.observers.retain(|it| it.send(event.clone()).is_ok());
        }
    }

    /// What has every overlay off under `stable`.
    fn held_by(&self, stable: &Generation) -> Vec<String> {
        let names = [
            "RESON_FEATURES",
            "RESON_FEATURES_FILE",
            "the API",
            "global.kill_switch of a flag file that is refused",
        ];
        let mut res: Vec<String> =
            kills(stable).then(|| "global.kill_switch".to_owned()).into_iter().collect();
        let thrown = names.iter().zip(&self.switches).enumerate();
        let thrown = thrown.filter(|(_, (_, it))| it.emergency);
        res.extend(thrown.map(|(place, (name, _))| match &self.api {
            Some(by) if place == API => format!("{name}{by}"),
            _ => (*name).to_owned(),
        }));
        res.extend(self.root.as_ref().map(|it| {
            let by = ByHand { reason: it.reason.clone(), by: it.by.clone() };
            format!("KILL in the deployment root{by}")
        }));
        res
    }

    /// The names that switches force, off with a `-`.
    fn forced(&self) -> Vec<String> {
        let off = self.switches.iter().flat_map(|it| it.off.iter().map(|it| format!("-{it}")));
        let on = self.switches.iter().flat_map(|it| it.on.iter().cloned());
        on.chain(off).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// Whether the flag file of `generation` has every overlay off.
fn kills(generation: &Generation) -> bool {
    generation.installation().flag_file().is_some_and(|it| it.global.kill_switch)
}

/// Every overlay off, or no switch.
fn thrown(emergency: bool) -> Switches {
    Switches { emergency, ..Switches::default() }
}

/// What `stable` and a candidate come to under the switches, with the status of it. The
/// breakers are those of both, by what the stable one says.
fn compile(
    writing: &mut Writing,
    breakers: &BreakerSet,
    epoch: u64,
    stable: &Arc<Generation>,
    trial: Option<Trial>,
) -> Snapshot {
    let settings = stable.installation().flag_file().map(|it| &it.global.circuit_breaker);
    let policy = settings.map(BreakerPolicy::from_settings).unwrap_or_default();
    let share = settings.and_then(|it| it.max_open_share);
    breakers.govern(policy, share.unwrap_or(BreakerSet::MAX_OPEN_SHARE));
    let sources: Vec<&Switches> = writing.switches.iter().collect();
    let (switched, unknown) = stable.switched(&sources, breakers, epoch);
    let candidate = trial.map(|it| {
        let breakers = breakers.for_trial(known(&switched).map(str::to_owned).collect());
        let (switched, _) = it.generation.switched(&sources, &breakers, epoch);
        Candidate { switched, share: it.share }
    });
    let both = [Some(&switched), candidate.as_ref().map(|it| &it.switched)];
    let all: BTreeSet<&str> = both.into_iter().flatten().flat_map(known).collect();
    breakers.retain(|name| all.contains(name));
    let (held_by, forced) = (writing.held_by(stable), writing.forced());
    let status = &mut writing.status;
    status.epoch = epoch;
    status.digest = stable.digest();
    status.source = stable.source();
    status.shadowed = stable.shadowed().to_vec();
    status.emergency = switched.flags().is_emergency();
    status.held_by = held_by;
    status.candidate_emergency =
        candidate.as_ref().is_some_and(|it| kills(it.switched.generation()));
    status.forced = forced;
    status.unknown_switches = unknown;
    let environment = stable.installation().unknown_environment();
    status.unknown_environment = environment.map(str::to_owned);
    let deployment = status.deployment.clone();
    let number = deployment.as_ref().map_or(status.accepted, |it| it.generation);
    Snapshot { stable: switched, candidate, epoch, number, deployment }
}

/// The overlays that a configuration has, or that its flags name.
fn known(configuration: &Switched) -> impl Iterator<Item = &str> {
    let overlays = configuration.generation().installation().overlays().keys();
    overlays.map(OverlayName::as_str).chain(configuration.flags().snapshot().overlays())
}

/// The status of the first generation, before it is compiled.
fn status(generation: &Generation, now: i64) -> Status {
    Status {
        epoch: 0,
        digest: generation.digest(),
        source: generation.source(),
        deployment: None,
        accepted: u64::from(generation.source() == Source::Files),
        applied_at_ms: now,
        nacks: 0,
        unreadable: 0,
        last_error: None,
        watch_error: None,
        switch_error: None,
        copy_error: None,
        acknowledgement_error: None,
        checked_at_ms: now,
        staleness_ms: 0,
        shadowed: Vec::new(),
        emergency: false,
        held_by: Vec::new(),
        candidate_emergency: false,
        forced: Vec::new(),
        unknown_switches: Vec::new(),
        unknown_environment: None,
    }
}
