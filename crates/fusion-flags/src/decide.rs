use serde::Serialize;

use crate::bucket::{BUCKETS, scale};
use crate::condition::{Attribute, Condition};
use crate::file::OnOff;
use crate::flag::Flag;
use crate::reason::{FlagId, Reason};
use crate::snapshot::Snapshot;
use crate::switches::{Force, Forced};

/// What a decision is about.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    /// The sticky unit: a user, session or conversation. Users who can choose it can
    /// choose their bucket; take an id that the server gives.
    pub unit: Option<&'a str>,
    /// The kind of work.
    pub scenario_type: &'a str,
    /// How sure the kind of work is, from 0 to 1.
    pub confidence: Option<f64>,
    /// What else is known of the request.
    pub attributes: &'a [(&'a str, Attribute<'a>)],
    /// The moment, in milliseconds since 1970.
    pub now_ms: i64,
    /// The measured quality of overlays, from 0 to 1, for the environment's gate.
    pub quality: Option<f64>,
}

/// Whether a flag is on, and why.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Decision {
    /// Whether it is on.
    pub enabled: bool,
    /// Why.
    pub reason: Reason,
    /// The unit's bucket, from 0 to 99,999, where one was looked at.
    pub bucket: Option<u32>,
    /// The flag; `None` where there is none of this name.
    pub flag: Option<FlagId>,
    /// The variant, by its place in the file, where the flag is on and has some.
    pub variant: Option<u32>,
    /// The generation of the configuration that decided.
    pub generation: u64,
}

/// How deep prerequisites may be chained; the linter refuses more.
pub(crate) const MAX_DEPTH: u32 = 16;

/// How many flags may be looked at for one decision; the linter refuses more.
pub(crate) const MAX_LOOKS: u32 = 256;

/// One evaluation: a snapshot, what is forced on it, and what it is about.
#[derive(Clone, Copy)]
pub(crate) struct Evaluation<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) forced: &'a Forced,
    pub(crate) context: &'a Context<'a>,
    pub(crate) generation: u64,
}

/// Whether a flag is on, why, and the bucket that was looked at.
#[derive(Clone, Copy)]
struct Verdict {
    enabled: bool,
    reason: Reason,
    bucket: Option<u32>,
}

impl Verdict {
    const fn on(reason: Reason) -> Self {
        Self { enabled: true, reason, bucket: None }
    }

    const fn off(reason: Reason) -> Self {
        Self { enabled: false, reason, bucket: None }
    }
}

impl<'a> Evaluation<'a> {
    #[inline]
    pub(crate) fn decide(&self, flag: FlagId) -> Decision {
        let Some(it) = self.snapshot.flags.get(flag.0 as usize) else { return self.not_found() };
        self.decision(flag, it, self.verdict(flag.0, it, 0))
    }

    /// As [`Evaluation::decide`], about a flag that is known to be for this kind of work:
    /// whoever found it by that need not compare texts again.
    #[inline]
    pub(crate) fn decide_matching(&self, flag: FlagId, it: &Flag) -> Decision {
        self.decision(flag, it, self.verdict_of(flag.0, it, 0, |_| true))
    }

    #[inline]
    fn decision(&self, flag: FlagId, it: &Flag, verdict: Verdict) -> Decision {
        let Verdict { enabled, reason, bucket } = verdict;
        let variant = if it.special && enabled { self.variant(it) } else { None };
        let generation = self.generation;
        Decision { enabled, reason, bucket, flag: Some(flag), variant, generation }
    }

    pub(crate) fn not_found(&self) -> Decision {
        let reason =
            if self.forced.emergency { Reason::EmergencyBaseline } else { Reason::NotFound };
        let generation = self.generation;
        Decision { enabled: false, reason, bucket: None, flag: None, variant: None, generation }
    }

    #[inline]
    fn verdict(&self, idx: u32, flag: &Flag, depth: u32) -> Verdict {
        self.verdict_of(idx, flag, depth, |it| it.matches(self.context.scenario_type))
    }

    #[inline]
    fn verdict_of(
        &self,
        idx: u32,
        flag: &Flag,
        depth: u32,
        matches: impl Fn(&Flag) -> bool,
    ) -> Verdict {
        let (on, off) = (Verdict::on, Verdict::off);
        if self.forced.emergency {
            return off(Reason::EmergencyBaseline);
        }
        let force = self.forced.of(idx);
        if force == Force::Off {
            return off(Reason::ForcedOff);
        }
        // A kill switch that is thrown by hand takes its overlays out, whatever it says.
        if force == Force::On && flag.kill {
            return on(Reason::ForcedOn);
        }
        if !matches(flag) {
            return off(Reason::ScenarioMismatch);
        }
        if !flag.enabled {
            return off(Reason::Disabled);
        }
        if force == Force::No
            && let Some(reason) = self.confidence_against(flag)
        {
            return off(reason);
        }
        if flag.special {
            if let Some(reason) = self.condition_against(flag, depth) {
                return off(reason);
            }
            if flag.weights > 0 && self.unit(flag).is_none() {
                return off(Reason::TargetingKeyMissing);
            }
        }
        match force {
            Force::On => on(Reason::ForcedOn),
            _ => self.rollout(flag),
        }
    }

    #[inline]
    fn confidence_against(&self, flag: &Flag) -> Option<Reason> {
        match self.context.confidence {
            Some(confidence) if confidence >= flag.confidence => None,
            // What is no number passes where nothing is asked.
            Some(_) if flag.threshold().is_none() => None,
            Some(_) => Some(Reason::ConfidenceBelow),
            None if flag.missing_passes => None,
            None => Some(Reason::ConfidenceMissing),
        }
    }

    /// The buckets that are in by all that is the same for every unit: none where something
    /// holds the flag back. `holds` says it of a condition; what the flag requires is left to
    /// the caller, and so are switches that force it.
    pub(crate) fn share_where(&self, flag: &Flag, holds: impl Fn(&Condition) -> bool) -> u32 {
        let now_ms = self.context.now_ms;
        let is_held_back = self.forced.emergency
            || !flag.enabled
            || !flag.matches(self.context.scenario_type)
            || self.confidence_against(flag).is_some()
            || !flag.conditions.iter().all(holds)
            || flag.hours.as_ref().is_some_and(|it| !it.contain(now_ms));
        if is_held_back { 0 } else { flag.share_at(now_ms).unwrap_or(0) }
    }

    /// The first condition that does not hold.
    #[inline(never)]
    fn condition_against(&self, flag: &Flag, depth: u32) -> Option<Reason> {
        if !flag.conditions.iter().all(|it| it.holds(self.context.attributes)) {
            return Some(Reason::AttributeMismatch);
        }
        if flag.hours.as_ref().is_some_and(|it| !it.contain(self.context.now_ms)) {
            return Some(Reason::OutsideSchedule);
        }
        flag.requires.iter().find_map(|(other, must_be)| {
            let is_on = self.prerequisite(*other, depth);
            (is_on != (*must_be == OnOff::On)).then_some(Reason::PrerequisiteFailed(*other))
        })
    }

    fn prerequisite(&self, flag: FlagId, depth: u32) -> bool {
        let Some(it) = self.snapshot.flags.get(flag.0 as usize) else { return false };
        depth < MAX_DEPTH && self.verdict(flag.0, it, depth + 1).enabled
    }

    #[inline(always)]
    fn rollout(&self, flag: &Flag) -> Verdict {
        let Some(share) = flag.share_at(self.context.now_ms) else {
            return Verdict::off(Reason::OutsideSchedule);
        };
        if share >= BUCKETS {
            let conditional = flag.is_conditional();
            return Verdict::on(if conditional { Reason::TargetingMatch } else { Reason::Static });
        }
        if share == 0 {
            return Verdict::off(Reason::RolloutMiss);
        }
        let Some(unit) = self.unit(flag) else { return Verdict::off(Reason::TargetingKeyMissing) };
        let bucket = flag.salt.bucket(unit);
        // Chosen, not branched on: nobody foresees in which half a unit is.
        let enabled = bucket < share;
        let reason = if enabled { Reason::Split } else { Reason::RolloutMiss };
        Verdict { enabled, reason, bucket: Some(bucket) }
    }

    /// What is bucketed; an empty text is nothing, or everybody would share a bucket.
    #[inline]
    pub(crate) fn unit(&self, flag: &Flag) -> Option<&'a str> {
        let unit = match &flag.bucket_by {
            None => self.context.unit,
            Some(name) => self.text(name),
        };
        unit.filter(|it| !it.is_empty())
    }

    /// The attribute with this name, where it is a text.
    #[inline(never)]
    fn text(&self, name: &str) -> Option<&'a str> {
        self.context.attributes.iter().find_map(|(it, value)| match value {
            Attribute::Text(text) if *it == name => Some(*text),
            _ => None,
        })
    }

    /// The variant of the unit, by a second hash: a ramp moves nobody between variants.
    #[inline(never)]
    fn variant(&self, flag: &Flag) -> Option<u32> {
        if flag.weights == 0 {
            return None;
        }
        let point = scale(flag.split.hash(self.unit(flag)?), flag.weights);
        let at = flag.variants.partition_point(|it| it.end <= point);
        u32::try_from(at).ok()
    }
}

impl Flag {
    /// The buckets that are in at a moment; `None` before a ramp begins.
    #[inline]
    pub(crate) fn share_at(&self, now_ms: i64) -> Option<u32> {
        if self.special && !self.ramp.is_empty() {
            return self.ramped_at(now_ms);
        }
        Some(self.rollout)
    }

    #[inline(never)]
    fn ramped_at(&self, now_ms: i64) -> Option<u32> {
        let begun = self.ramp.partition_point(|(at, _)| *at <= now_ms);
        self.ramp.get(begun.checked_sub(1)?).map(|(_, share)| *share)
    }

    fn is_conditional(&self) -> bool {
        self.threshold().is_some()
            || self.hours.is_some()
            || !(self.scenarios().is_empty()
                && self.conditions.is_empty()
                && self.requires.is_empty())
    }

    #[inline]
    pub(crate) fn matches(&self, scenario_type: &str) -> bool {
        let scenarios = self.scenarios();
        scenarios.is_empty()
            || scenarios.contain(scenario_type)
            || self.substring && scenarios.iter().any(|it| scenario_type.contains(it))
    }
}
