use std::collections::{HashMap, HashSet};

use crate::breaker_set::BreakerSet;
use crate::bucket::BUCKETS;
use crate::flag::Flag;
use crate::flags::View;
use crate::route::Route;
use crate::snapshot::Snapshot;

/// One of two files that are compared.
pub(super) struct Side {
    pub(super) view: View,
    /// The kill switches of each overlay.
    kills: HashMap<u32, Vec<u32>>,
    /// Flags whose decision, or that of a flag it rests on, differs between units.
    drawn: Vec<bool>,
    /// The overlays, each by its place among those of both files.
    common: Vec<u32>,
}

impl Side {
    pub(super) fn of(snapshot: Snapshot) -> Self {
        let view = View::compile(snapshot.into(), &[], &BreakerSet::default(), 0).0;
        let mut kills: HashMap<u32, Vec<u32>> = HashMap::new();
        for (overlay, flag) in &view.snapshot().kills {
            kills.entry(*overlay).or_default().push(flag.0);
        }
        let mut res = Self { view, kills, drawn: Vec::new(), common: Vec::new() };
        let drawn = |idx: u32| res.basis(idx).iter().any(|it| res.flag(*it).is_some_and(is_drawn));
        res.drawn = (0..).zip(res.flags()).map(|(idx, _)| drawn(idx)).collect();
        res
    }

    pub(super) fn snapshot(&self) -> &Snapshot {
        self.view.snapshot()
    }

    pub(super) fn flags(&self) -> &[Flag] {
        &self.snapshot().flags
    }

    pub(super) fn flag(&self, idx: u32) -> Option<&Flag> {
        self.flags().get(idx as usize)
    }

    pub(super) fn find(&self, name: &str) -> Option<u32> {
        self.snapshot().flag(name).map(|it| it.0)
    }

    /// Numbers the overlays by their places in `all`, which is sorted and has all of them.
    pub(super) fn number(&mut self, all: &[String]) {
        let place = |name: &str| all.binary_search_by(|it| (**it).cmp(name)).unwrap_or_default();
        let places = self.snapshot().overlays().map(|it| u32::try_from(place(it)));
        self.common = places.map(Result::unwrap_or_default).collect();
    }

    /// The place of an overlay among those of both files.
    pub(super) fn common(&self, overlay: u32) -> u32 {
        self.common.get(overlay as usize).copied().unwrap_or_default()
    }

    /// The kill switches of an overlay.
    pub(super) fn kills(&self, overlay: u32) -> &[u32] {
        self.kills.get(&overlay).map_or(&[], |it| it)
    }

    /// What answers where no flag is on.
    pub(super) fn fallback(&self) -> &str {
        let mut route = Route::default();
        route.emergency = self.view.is_emergency();
        self.view.fallback(&route)
    }

    /// The flags that are asked for a kind of work, in file order.
    pub(super) fn relevant(&self, scenario_type: &str) -> Vec<u32> {
        let snapshot = self.snapshot();
        let mut res = Vec::new();
        match &snapshot.parts {
            Some(parts) => parts.find(scenario_type, &mut res),
            None => res.extend(snapshot.by_scenario.get(scenario_type).into_iter().flatten()),
        }
        res.extend(&snapshot.for_all);
        res.sort_unstable();
        res
    }

    /// A flag, the kill switches of its overlays, and what these require.
    pub(super) fn basis(&self, idx: u32) -> Vec<u32> {
        let (mut res, mut seen) = (vec![idx], HashSet::from([idx]));
        let mut at = 0;
        while let Some(flag) = res.get(at).and_then(|it| self.flag(*it)) {
            at += 1;
            let required = flag.requires.iter().map(|(it, _)| it.0);
            let overlays = flag.offered().filter(|_| !flag.kill);
            let killing = overlays.filter_map(|it| self.kills.get(&it)).flatten().copied();
            res.extend(required.chain(killing).filter(|it| seen.insert(*it)));
        }
        res
    }

    /// Whether all units are answered alike by the flags of `relevant`.
    pub(super) fn is_one_for_all(&self, relevant: &[u32]) -> bool {
        !relevant.iter().any(|it| self.drawn.get(*it as usize).copied().unwrap_or(true))
    }

    /// The name of an overlay.
    pub(super) fn overlay(&self, overlay: u32) -> &str {
        self.snapshot().overlays.get(overlay as usize).map_or("", |it| it)
    }
}

/// Whether the flag alone is not the same for all units. A flag that buckets by an attribute
/// is, since a condition may look at that attribute too.
fn is_drawn(flag: &Flag) -> bool {
    let is_partial = |share: u32| share > 0 && share < BUCKETS;
    flag.bucket_by.is_some()
        || flag.weights > 0
        || is_partial(flag.rollout)
        || flag.ramp.iter().any(|(_, share)| is_partial(*share))
}
