use serde::Serialize;

use crate::decide::{Context, Evaluation};
use crate::flag::Flag;
use crate::flags::View;
use crate::reason::{FlagId, Reason};

/// An overlay of a snapshot, by its place among the sorted names.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct OverlayId(pub(crate) u32);

/// Something that was not taken, and why.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rejected {
    /// The flag.
    pub flag: FlagId,
    /// The overlay, where the flag was on and only this overlay was not taken.
    pub overlay: Option<OverlayId>,
    /// Why.
    pub reason: Reason,
}

/// Which overlays may answer, best first. Kept and used again, it allocates only until it
/// is large enough.
#[derive(Clone, Debug, Default)]
pub struct Route {
    /// The flags that are on, in file order.
    pub enabled: Vec<FlagId>,
    /// The overlays that may answer, best first, each once.
    pub candidates: Vec<OverlayId>,
    /// The flags of this kind of work that are off, and the overlays left out.
    pub rejected: Vec<Rejected>,
    /// Whether a switch is active.
    pub overrides_active: bool,
    /// Whether every overlay is off.
    pub emergency: bool,
    /// The flag whose fallback holds; the file's default where none is.
    pub fallback: Option<FlagId>,
    /// The generation of the configuration that decided.
    pub generation: u64,
    /// The flags whose kind of work is a part of the request's; kept for its memory.
    matching: Vec<u32>,
}

impl Route {
    /// The overlay that answers, where there is one.
    pub fn primary(&self) -> Option<OverlayId> {
        self.candidates.first().copied()
    }

    fn clear(&mut self) {
        self.enabled.clear();
        self.candidates.clear();
        self.rejected.clear();
        self.fallback = None;
    }
}

impl View {
    /// Fills `route` with what may answer.
    pub fn route(&self, context: &Context<'_>, route: &mut Route) {
        route.clear();
        route.generation = self.generation();
        route.emergency = self.forced.emergency;
        route.overrides_active = self.forced.active;
        let evaluation = self.evaluation(context);
        let snapshot = self.snapshot();
        let Some(parts) = &snapshot.parts else {
            let named = snapshot.by_scenario.get(context.scenario_type);
            self.offer_all(&evaluation, named.map_or(&[], |it| it), route);
            return;
        };
        let mut named = std::mem::take(&mut route.matching);
        parts.find(context.scenario_type, &mut named);
        self.offer_all(&evaluation, &named, route);
        route.matching = named;
    }

    /// Offers what the flags of this kind of work have, in file order.
    fn offer_all(&self, evaluation: &Evaluation<'_>, named: &[u32], route: &mut Route) {
        let (mut named, mut others) = (named, &*self.snapshot().for_all);
        loop {
            let from_named = match (named.first(), others.first()) {
                (Some(a), Some(b)) => a < b,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (None, None) => return,
            };
            let from = if from_named { &mut named } else { &mut others };
            let Some((next, rest)) = from.split_first() else { return };
            *from = rest;
            if let Some(flag) = self.snapshot().flags.get(*next as usize) {
                self.offer(evaluation, *next, flag, route);
            }
        }
    }

    fn offer(&self, evaluation: &Evaluation<'_>, idx: u32, flag: &Flag, route: &mut Route) {
        let id = FlagId(idx);
        let decision = evaluation.decide_matching(id, flag);
        if !decision.enabled {
            route.rejected.push(Rejected { flag: id, overlay: None, reason: decision.reason });
            return;
        }
        route.enabled.push(id);
        if route.fallback.is_none() && flag.fallback.is_some() {
            route.fallback = Some(id);
        }
        if flag.variants.is_empty() {
            for overlay in &flag.overlays {
                self.candidate(evaluation, id, OverlayId(*overlay), route);
            }
            return;
        }
        let arm = decision.variant.and_then(|it| flag.variants.get(it as usize));
        match arm.and_then(|it| it.overlay) {
            Some(overlay) => self.candidate(evaluation, id, OverlayId(overlay), route),
            None => {
                let reason = Reason::ControlVariant;
                route.rejected.push(Rejected { flag: id, overlay: None, reason });
            }
        }
    }

    fn candidate(
        &self,
        evaluation: &Evaluation<'_>,
        flag: FlagId,
        overlay: OverlayId,
        route: &mut Route,
    ) {
        let against = self.reason_against(evaluation, overlay, route);
        match against {
            None => route.candidates.push(overlay),
            Some(reason) => {
                route.rejected.push(Rejected { flag, overlay: Some(overlay), reason });
            }
        }
    }

    fn reason_against(
        &self,
        evaluation: &Evaluation<'_>,
        overlay: OverlayId,
        route: &Route,
    ) -> Option<Reason> {
        let (snapshot, context) = (self.snapshot(), evaluation.context);
        if route.candidates.contains(&overlay) {
            return Some(Reason::AlreadyOffered);
        }
        if evaluation.forced.is_out(overlay.0) {
            return Some(Reason::ForcedOff);
        }
        let mut kills = snapshot.kills.iter().filter(|(it, _)| *it == overlay.0);
        if kills.any(|(_, flag)| evaluation.decide(*flag).enabled) {
            return Some(Reason::KillSwitch);
        }
        if self.breaker(overlay).is_some_and(|it| !it.allows(context.now_ms)) {
            return Some(Reason::CircuitOpen);
        }
        match (snapshot.quality_gate, context.quality) {
            (Some(gate), Some(quality)) if quality < gate => Some(Reason::QualityGate),
            _ => None,
        }
    }
}
