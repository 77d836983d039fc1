use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use crate::breaker::Breaker;
use crate::breaker_set::BreakerSet;
use crate::decide::{Context, Decision, Evaluation};
use crate::reason::FlagId;
use crate::route::{OverlayId, Route};
use crate::snapshot::{BASELINE_ONLY, Snapshot};
use crate::switches::{Forced, Switches};

/// Where a switch comes from. Each source is replaced as a whole; off beats on, and an
/// emergency of any source beats everything.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SwitchSource {
    /// The environment variable `RESON_FEATURES`, read once at the start.
    Environment,
    /// The watched file that `RESON_FEATURES_FILE` names.
    File,
    /// A call of the API.
    Api,
}

/// The flags in force: shared by all threads, replaced as a whole, read without a lock.
#[derive(Debug)]
pub struct Flags {
    view: ArcSwap<View>,
    breakers: BreakerSet,
    generation: AtomicU64,
    /// The switches by source; the lock is for writers only.
    switches: Mutex<[Switches; 3]>,
}

/// One consistent state: what one request sees.
#[derive(Debug)]
pub struct View {
    snapshot: Arc<Snapshot>,
    pub(crate) forced: Forced,
    /// By overlay of the snapshot.
    breakers: Box<[Arc<Breaker>]>,
    generation: u64,
}

impl Flags {
    /// Puts `snapshot` in force, with the breakers of `breakers`, which outlive it.
    pub fn new(snapshot: Snapshot, breakers: BreakerSet) -> Self {
        let (view, _) = View::compile(Arc::new(snapshot), &[], &breakers, 1);
        Self {
            view: ArcSwap::from_pointee(view),
            breakers,
            generation: AtomicU64::new(1),
            switches: Mutex::default(),
        }
    }

    /// Replaces the snapshot. Switches and breakers stay. Returns the switch names that
    /// the new snapshot does not know.
    pub fn replace(&self, snapshot: Snapshot) -> Vec<String> {
        self.refresh(Some(Arc::new(snapshot)))
    }

    /// Replaces the switches of `source`. Returns the names that no flag and no overlay
    /// has.
    pub fn switch(&self, source: SwitchSource, switches: Switches) -> Vec<String> {
        {
            let mut all = self.switches.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(slot) = all.get_mut(source as usize) {
                *slot = switches;
            }
        }
        self.refresh(None)
    }

    /// What is in force now; hold it for one request, not longer.
    #[inline]
    pub fn view(&self) -> arc_swap::Guard<Arc<View>> {
        self.view.load()
    }

    /// The state for readers that keep a cache: [`arc_swap::Cache`] reads it fastest.
    pub fn shared(&self) -> &ArcSwap<View> {
        &self.view
    }

    /// Decides one flag by name.
    #[inline]
    pub fn decide(&self, name: &str, context: &Context<'_>) -> Decision {
        self.view.load().decide(name, context)
    }

    /// The breakers, by overlay name.
    pub fn breakers(&self) -> &BreakerSet {
        &self.breakers
    }

    fn refresh(&self, snapshot: Option<Arc<Snapshot>>) -> Vec<String> {
        let switches = self.switches.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = snapshot.unwrap_or_else(|| Arc::clone(&self.view.load().snapshot));
        let sources: Vec<&Switches> = switches.iter().collect();
        let generation = self.generation.fetch_add(1, Ordering::Relaxed) + 1;
        let (view, unknown) = View::compile(snapshot, &sources, &self.breakers, generation);
        self.view.store(Arc::new(view));
        unknown
    }
}

impl View {
    /// The state that `snapshot`, the switches of all `sources` and `breakers` make; for
    /// those who put more than flags in force at a time. The names that no flag and no
    /// overlay has come back.
    ///
    /// Breakers whose settings the file changes work by the new ones from then on, and keep
    /// their state.
    pub fn compile(
        snapshot: Arc<Snapshot>,
        sources: &[&Switches],
        breakers: &BreakerSet,
        generation: u64,
    ) -> (Self, Vec<String>) {
        let (forced, unknown) = Forced::resolve(&snapshot, sources);
        let breakers = snapshot.tune(breakers);
        (Self { snapshot, forced, breakers, generation }, unknown)
    }

    /// The compiled flag file.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Counts up with every change of file or switch.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether every overlay is off.
    pub fn is_emergency(&self) -> bool {
        self.forced.emergency
    }

    /// Decides one flag by name.
    #[inline]
    pub fn decide(&self, name: &str, context: &Context<'_>) -> Decision {
        match self.snapshot.flag(name) {
            Some(flag) => self.decide_flag(flag, context),
            None => self.evaluation(context).not_found(),
        }
    }

    /// Decides one flag by handle. A handle of another snapshot is another flag, or none:
    /// take handles from [`View::snapshot`].
    #[inline]
    pub fn decide_flag(&self, flag: FlagId, context: &Context<'_>) -> Decision {
        self.evaluation(context).decide(flag)
    }

    /// The name of an overlay.
    pub fn overlay_name(&self, overlay: OverlayId) -> &str {
        self.snapshot.overlays.get(overlay.0 as usize).map_or("", |it| it)
    }

    /// What answers where the route has no candidate; the baseline in an emergency.
    pub fn fallback(&self, route: &Route) -> &str {
        if route.emergency {
            return BASELINE_ONLY;
        }
        let of_flag = route
            .fallback
            .and_then(|it| self.snapshot.flags.get(it.0 as usize))
            .and_then(|it| it.fallback.as_deref());
        of_flag.unwrap_or(&self.snapshot.fallback)
    }

    pub(crate) fn breaker(&self, overlay: OverlayId) -> Option<&Breaker> {
        self.breakers.get(overlay.0 as usize).map(|it| &**it)
    }

    pub(crate) fn evaluation<'a>(&'a self, context: &'a Context<'a>) -> Evaluation<'a> {
        let generation = self.generation;
        Evaluation { snapshot: &self.snapshot, forced: &self.forced, context, generation }
    }
}
