use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use fusion_flags::{BreakerPolicy, BreakerSet, SwitchSource, Switches};

use super::Clock;
use super::deployed::{Deployed, Deployment};
use super::generation::{Candidate, Generation, Refused, Snapshot, Source};
use super::status::{Nack, Refusal, Status};

/// The place of the kill switch that stands in a flag file which was refused with its
/// tree; the places before it are those of [`SwitchSource`].
const REFUSED: usize = 3;

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
    switches: [Switches; 4],
    status: Status,
    subscribers: Vec<Sender<u64>>,
}

impl InForce {
    /// Puts the first generation in force, under the switches of environment and file.
    pub(crate) fn new(generation: Arc<Generation>, switches: [Switches; 2], clock: Clock) -> Self {
        let file = generation.installation().flag_file();
        let policy = file.map_or_else(BreakerPolicy::default, |it| {
            BreakerPolicy::from_settings(&it.global.circuit_breaker)
        });
        let breakers = BreakerSet::new(policy, 0.5, 0);
        let [environment, file] = switches;
        let switches = [environment, file, Switches::default(), Switches::default()];
        let (stable, unknown) = generation.switched(&sources(&switches), &breakers, 1);
        let mut status = status(&generation, clock());
        status.emergency = stable.flags().is_emergency();
        status.unknown_switches = unknown;
        let current = ArcSwap::from_pointee(Snapshot { stable, candidate: None, epoch: 1 });
        let writing = Mutex::new(Writing { switches, status, subscribers: Vec::new() });
        Self { current, breakers, clock, writing }
    }

    fn lock(&self) -> MutexGuard<'_, Writing> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts what the files say in force.
    pub(crate) fn accept(&self, generation: Generation) {
        let mut writing = self.lock();
        writing.status.last_error = None;
        let was_killed = std::mem::take(&mut writing.switches[REFUSED]).emergency;
        let current = self.current.load();
        let same = generation.digest() == current.stable.generation().digest()
            && current.stable.generation().source() == Source::Files;
        if !same {
            writing.status.accepted += 1;
            self.publish(&mut writing, &Arc::new(generation), current.candidate.clone());
        } else if was_killed {
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
        writing.status.accepted += 1;
        writing.status.deployment = Some(Deployment::of(&deployed.pointer));
        let (weight, salt) = deployed.share();
        let candidate = deployed.candidate.as_ref().map(|it| {
            let (switched, _) = it.generation.switched(&[], &self.breakers, 0);
            Candidate { switched, weight, salt }
        });
        self.publish(&mut writing, &deployed.stable.generation, candidate);
        drop(writing);
        if let Some(refused) = &deployed.refused {
            self.refuse(refused);
        }
    }

    /// Notes why the files are not put in force.
    pub(crate) fn refuse(&self, refused: &Refused) {
        let mut writing = self.lock();
        let findings = refused.findings.iter().take(100).map(Refusal::of).collect();
        writing.status.nacks += 1;
        writing.status.last_error = Some(Nack { at_ms: (self.clock)(), findings });
        let killed = Switches { emergency: refused.kill_switch, ..Switches::default() };
        let before = std::mem::replace(&mut writing.switches[REFUSED], killed);
        if before.emergency != refused.kill_switch {
            self.publish_again(&mut writing);
        }
    }

    /// Replaces the switches of one source. The names that nothing has come back.
    pub(crate) fn switch(&self, source: SwitchSource, switches: Switches) -> Vec<String> {
        let mut writing = self.lock();
        writing.switches[source as usize] = switches;
        self.publish_again(&mut writing);
        writing.status.unknown_switches.clone()
    }

    /// Puts a candidate beside the stable generation, or takes it away.
    pub(crate) fn try_out(&self, make: impl FnOnce(&BreakerSet) -> Option<Candidate>) {
        let mut writing = self.lock();
        let stable = Arc::clone(self.current.load().stable.shared());
        self.publish(&mut writing, &stable, make(&self.breakers));
    }

    fn publish_again(&self, writing: &mut Writing) {
        let current = self.current.load();
        let stable = Arc::clone(current.stable.shared());
        self.publish(writing, &stable, current.candidate.clone());
    }

    fn publish(
        &self,
        writing: &mut Writing,
        stable: &Arc<Generation>,
        candidate: Option<Candidate>,
    ) {
        let epoch = writing.status.epoch + 1;
        let sources = sources(&writing.switches);
        let (switched, unknown) = stable.switched(&sources, &self.breakers, epoch);
        let candidate = candidate.map(|it| {
            let (switched, _) = it.switched.shared().switched(&sources, &self.breakers, epoch);
            Candidate { switched, ..it }
        });
        let status = &mut writing.status;
        status.epoch = epoch;
        status.digest = stable.digest();
        status.source = stable.source();
        status.applied_at_ms = (self.clock)();
        status.shadowed = stable.shadowed().to_vec();
        status.emergency = switched.flags().is_emergency();
        status.unknown_switches = unknown;
        self.current.store(Arc::new(Snapshot { stable: switched, candidate, epoch }));
        writing.subscribers.retain(|it| it.send(epoch).is_ok());
    }

    /// Changes what the status says of the files and how they are watched.
    pub(crate) fn note(&self, what: impl FnOnce(&mut Status)) {
        what(&mut self.lock().status);
    }

    /// The files have just been compared with what is in force.
    pub(crate) fn checked(&self) {
        self.note(|it| it.checked_at_ms = (self.clock)());
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
}

fn sources(switches: &[Switches]) -> Vec<&Switches> {
    switches.iter().collect()
}

/// The status of the first generation.
fn status(generation: &Generation, now: i64) -> Status {
    Status {
        epoch: 1,
        digest: generation.digest(),
        source: generation.source(),
        deployment: None,
        accepted: 0,
        applied_at_ms: now,
        nacks: 0,
        last_error: None,
        watch_error: None,
        switch_error: None,
        copy_error: None,
        checked_at_ms: now,
        staleness_ms: 0,
        shadowed: generation.shadowed().to_vec(),
        emergency: false,
        unknown_switches: Vec::new(),
    }
}
