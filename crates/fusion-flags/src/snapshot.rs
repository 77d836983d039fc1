use std::collections::HashMap;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use overlay_model::{Diagnostic, Digest};
use rapidhash::fast::RandomState;

use crate::breaker::Breaker;
use crate::breaker_set::BreakerSet;
use crate::bucket::{BUCKETS, Salt, buckets_of_percent};
use crate::condition::{Condition, Hours};
use crate::file::{BreakerSettings, Feature, FlagFile, FlagKind, Matching, MissingConfidence};
use crate::flag::{Arm, Flag, Texts};
use crate::names::Names;
use crate::reason::FlagId;

/// A flag file, checked and compiled: immutable, and read without allocating.
#[derive(Debug)]
pub struct Snapshot {
    pub(crate) flags: Box<[Flag]>,
    names: Names,
    /// Flags by the scenario type they name, in file order.
    pub(crate) by_scenario: HashMap<Box<str>, Box<[u32]>, RandomState>,
    /// Flags for every kind of work, in file order.
    pub(crate) for_all: Box<[u32]>,
    /// Finds the named types that are a part of the request's; `None` where types are
    /// compared exactly.
    pub(crate) parts: Option<Parts>,
    pub(crate) overlays: Box<[Box<str>]>,
    /// Overlays with the kill switches that take them out.
    pub(crate) kills: Box<[(u32, FlagId)]>,
    pub(crate) fallback: Box<str>,
    pub(crate) kill_switch: bool,
    pub(crate) quality_gate: Option<f64>,
    /// The settings of the overlays' breakers, where the file has any.
    breakers: Box<[BreakerSettings]>,
    digest: Digest,
}

/// Scenario types that match as a part of the request's.
#[derive(Debug)]
pub(crate) struct Parts {
    automaton: Option<AhoCorasick>,
    names: Box<[Box<str>]>,
    /// The flags of each name, in file order.
    flags: Box<[Box<[u32]>]>,
}

impl Parts {
    /// The most bytes of names whose automaton has a table of all its transitions, which
    /// takes at most a kilobyte for each of them.
    const TABLE: usize = 256 << 10;

    /// Without an automaton where it would be too large to be numbered.
    fn new(by_scenario: &ByScenario) -> Self {
        let (names, flags): (Vec<&str>, Vec<_>) =
            by_scenario.iter().map(|(name, flags)| (&**name, flags.clone())).unzip();
        let is_small = names.iter().map(|it| it.len()).sum::<usize>() <= Self::TABLE;
        let kind = is_small.then_some(AhoCorasickKind::DFA);
        let automaton = AhoCorasick::builder().kind(kind).build(&names).ok();
        let names = names.into_iter().map(Into::into).collect();
        Self { automaton, names, flags: flags.into() }
    }

    /// Puts the flags whose kind of work is a part of `text` into `found`, in file order.
    pub(crate) fn find(&self, text: &str, found: &mut Vec<u32>) {
        found.clear();
        match &self.automaton {
            Some(automaton) => {
                for hit in automaton.find_overlapping_iter(text) {
                    found.extend(self.flags.get(hit.pattern().as_usize()).into_iter().flatten());
                }
            }
            None => {
                let hits = self.names.iter().zip(&self.flags);
                let hits = hits.filter(|(name, _)| text.contains(&***name));
                found.extend(hits.flat_map(|(_, flags)| flags));
            }
        }
        found.sort_unstable();
        found.dedup();
    }
}

/// What answers where nothing else does.
pub(crate) const BASELINE_ONLY: &str = "baseline_only";

impl Snapshot {
    /// Compiles `file` for `environment`, the value of `RESON_ENV`.
    ///
    /// # Errors
    ///
    /// Every finding that is an error; [`crate::check`] gives the places, and the findings
    /// that are none.
    pub fn compile(file: &FlagFile, environment: Option<&str>) -> Result<Self, Vec<Diagnostic>> {
        let errors = crate::lint::errors(file);
        if errors.is_empty() {
            Ok(Compiler::new(file, environment).snapshot())
        } else {
            Err(errors)
        }
    }

    /// A snapshot without flags: every request gets the baseline.
    pub fn empty() -> Self {
        Compiler::new(&FlagFile::default(), None).snapshot()
    }

    /// The digest of the file's meaning and the environment.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The flag with this name.
    #[inline]
    pub fn flag(&self, name: &str) -> Option<FlagId> {
        let is_it = |at: u32| self.flags.get(at as usize).is_some_and(|it| it.is_named(name));
        self.names.find(name, is_it).map(FlagId)
    }

    /// The name of a flag.
    pub fn name(&self, flag: FlagId) -> &str {
        self.flags.get(flag.0 as usize).map_or("", |it| &it.name)
    }

    /// The names of all flags, in file order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.flags.iter().map(|it| &*it.name)
    }

    /// The kind of work that flags name and that `scenario_type` was probably meant to be:
    /// no flag names it, and at most a third of the letters differ.
    pub fn near_scenario_type(&self, scenario_type: &str) -> Option<&str> {
        let is_part = |it: &str| self.parts.is_some() && scenario_type.contains(it);
        if self.by_scenario.keys().any(|it| **it == *scenario_type || is_part(it)) {
            return None;
        }
        let mut named: Vec<&str> = self.by_scenario.keys().map(|it| &**it).collect();
        named.sort_unstable();
        overlay_model::nearest(scenario_type, named)
    }

    /// The overlays that flags offer, sorted by name.
    pub fn overlays(&self) -> impl Iterator<Item = &str> {
        self.overlays.iter().map(|it| &**it)
    }

    /// The flags that offer `overlay`, in file order.
    pub fn offering(&self, overlay: &str) -> impl Iterator<Item = FlagId> {
        let wanted = self.overlays.iter().position(|it| **it == *overlay);
        (0..).zip(&self.flags).filter_map(move |(idx, flag)| {
            let wanted = u32::try_from(wanted?).ok()?;
            let offers = flag.overlays.contains(&wanted)
                || flag.variants.iter().any(|it| it.overlay == Some(wanted));
            (offers && !flag.kill).then_some(FlagId(idx))
        })
    }

    /// The overlays, each with what the file says of its breaker.
    pub(crate) fn breaker_settings(&self) -> impl Iterator<Item = (&str, &BreakerSettings)> {
        self.overlays().zip(&self.breakers)
    }

    /// The breakers of the overlays, each under what the file says of it.
    pub(crate) fn tune(&self, breakers: &BreakerSet) -> Box<[Arc<Breaker>]> {
        let policy = breakers.policy();
        let settings = self.overlays().zip(&self.breakers);
        settings.map(|(name, it)| breakers.tuned(name, policy.with(it))).collect()
    }
}

/// Turns a file without errors into a snapshot.
struct Compiler<'a> {
    file: &'a FlagFile,
    matching: Matching,
    missing_passes: bool,
    /// Share of the environment, in percent.
    scale: f64,
    quality_gate: Option<f64>,
    breakers_enabled: Option<bool>,
    overlays: Vec<&'a str>,
    environment: Option<&'a str>,
}

impl<'a> Compiler<'a> {
    fn new(file: &'a FlagFile, environment: Option<&'a str>) -> Self {
        let settings = environment.and_then(|it| file.environments.get(it));
        let original = file.schema_version.is_none();
        let missing = file.defaults.missing_confidence.unwrap_or(if original {
            MissingConfidence::Allow
        } else {
            MissingConfidence::Deny
        });
        let mut overlays: Vec<&str> =
            file.features.0.iter().flat_map(|(_, it)| it.named_overlays()).collect();
        overlays.sort_unstable();
        overlays.dedup();
        Self {
            file,
            matching: file.matching(),
            missing_passes: missing == MissingConfidence::Allow,
            scale: settings.and_then(|it| it.global_rollout_percentage).unwrap_or(100.0),
            quality_gate: settings.and_then(|it| it.quality_gate_threshold),
            breakers_enabled: settings.and_then(|it| it.circuit_breaker_enabled),
            overlays,
            environment,
        }
    }

    fn snapshot(&self) -> Snapshot {
        let features = &self.file.features.0;
        let places: HashMap<&str, u32, RandomState> =
            features.iter().map(|(name, _)| name.as_str()).zip(0..).collect();
        let flags: Box<[Flag]> =
            features.iter().map(|(name, it)| self.flag(name, it, &places)).collect();
        let (by_scenario, for_all) = index(&flags);
        let kills = (0..)
            .zip(&flags)
            .filter(|(_, it)| it.kill)
            .flat_map(|(idx, it)| it.overlays.iter().map(move |overlay| (*overlay, FlagId(idx))));
        let kills = kills.collect();
        let parts = match self.matching {
            Matching::Exact => None,
            Matching::Substring => Some(Parts::new(&by_scenario)),
        };
        let default = || BASELINE_ONLY.into();
        Snapshot {
            flags,
            names: Names::new(features.iter().map(|(name, _)| name.as_str())),
            by_scenario,
            for_all,
            parts,
            overlays: self.overlays.iter().map(|it| Box::from(*it)).collect(),
            kills,
            fallback: self.file.global.default_strategy.as_deref().map_or_else(default, Into::into),
            kill_switch: self.file.global.kill_switch,
            quality_gate: self.quality_gate,
            breakers: self.breakers(),
            digest: self.digest(),
        }
    }

    /// What the file says of each overlay's breaker: the first flag that offers it and has
    /// settings, over the global ones, and the environment's switch over both.
    fn breakers(&self) -> Box<[BreakerSettings]> {
        let mut own: HashMap<&str, &BreakerSettings, RandomState> = HashMap::default();
        for (_, flag) in &self.file.features.0 {
            let Some(settings) = &flag.circuit_breaker else { continue };
            for overlay in flag.offered_overlays() {
                own.entry(overlay).or_insert(settings);
            }
        }
        let global = &self.file.global.circuit_breaker;
        let of = |overlay: &&str| {
            let own = own.get(overlay);
            let mut res = own.map_or_else(|| global.clone(), |it| it.over(global));
            res.enabled = self.breakers_enabled.or(res.enabled);
            res
        };
        self.overlays.iter().map(of).collect()
    }

    fn digest(&self) -> Digest {
        let text = serde_json::to_string(&(self.file, self.environment)).unwrap_or_default();
        Digest::of(text.as_bytes())
    }

    fn overlay(&self, name: &str) -> Option<u32> {
        u32::try_from(self.overlays.binary_search(&name).ok()?).ok()
    }

    fn flag(&self, name: &str, it: &Feature, places: &HashMap<&str, u32, RandomState>) -> Flag {
        let salt = it.salt.as_deref().unwrap_or(name);
        let threshold = it.conditions.confidence_threshold;
        let bucket_by = self.file.defaults.bucket_by.as_deref().filter(|it| *it != "targetingKey");
        let (variants, weights) = self.variants(it);
        let requires = it
            .requires
            .iter()
            .filter_map(|it| Some((FlagId(*places.get(it.flag.as_str())?), it.is)));
        let (texts, name_end) = Texts::of(name, &it.conditions.scenario_types);
        Flag {
            name: name.into(),
            enabled: it.enabled.unwrap_or(true),
            kill: it.kind == Some(FlagKind::KillSwitch),
            texts,
            name_end,
            special: is_special(it),
            substring: self.matching == Matching::Substring,
            confidence: threshold.unwrap_or(f64::NEG_INFINITY),
            missing_passes: threshold.is_none() || self.missing_passes,
            conditions: Condition::compile_all(&it.conditions.attributes),
            bucket_by: bucket_by.map(Into::into),
            rollout: self.buckets(it, it.rollout_percentage.unwrap_or(100.0)),
            ramp: self.ramp(it),
            salt: Salt::new(salt),
            split: Salt::new(&format!("{salt}#split")),
            requires: requires.collect(),
            variants,
            weights,
            overlays: it.enabled_overlays.iter().filter_map(|it| self.overlay(it)).collect(),
            hours: it.active.as_ref().and_then(Hours::compile),
            fallback: it.fallback_strategy.as_deref().map(Into::into),
        }
    }

    /// The buckets of a percentage in this environment. The bucket of a unit does not
    /// depend on the environment, so the units of a smaller share are a part of those of
    /// a larger one. A kill switch holds for all units of every environment.
    fn buckets(&self, it: &Feature, percent: f64) -> u32 {
        let scale = if it.kind == Some(FlagKind::KillSwitch) { 100.0 } else { self.scale };
        buckets_of_percent(percent * scale / 100.0).unwrap_or(0).min(BUCKETS)
    }

    fn ramp(&self, it: &Feature) -> Box<[(i64, u32)]> {
        let Some(ramp) = &it.ramp else { return Box::default() };
        let shares = ramp.steps.iter().map(|step| self.buckets(it, step.percent));
        ramp.moments_ms().into_iter().zip(shares).collect()
    }

    fn variants(&self, it: &Feature) -> (Box<[Arm]>, u32) {
        let mut end = 0_u32;
        let arms = it.variants.0.iter().map(|(name, arm)| {
            end = end.saturating_add(arm.weight);
            let overlay = arm.overlay.as_deref().and_then(|it| self.overlay(it));
            Arm { name: name.as_str().into(), overlay, end }
        });
        (arms.collect(), end)
    }
}

/// Whether more than scenario, confidence and rollout decide a flag.
fn is_special(it: &Feature) -> bool {
    !it.conditions.attributes.is_empty()
        || it.active.is_some()
        || !it.requires.is_empty()
        || it.ramp.is_some()
        || !it.variants.is_empty()
}

type ByScenario = HashMap<Box<str>, Box<[u32]>, RandomState>;

/// Flags by scenario type, and those for every kind of work.
fn index(flags: &[Flag]) -> (ByScenario, Box<[u32]>) {
    let mut by: HashMap<&str, Vec<u32>, RandomState> = HashMap::default();
    let mut for_all = Vec::new();
    for (idx, flag) in (0..).zip(flags) {
        if flag.kill {
            continue;
        }
        if flag.scenarios().is_empty() {
            for_all.push(idx);
        }
        for scenario in flag.scenarios().iter() {
            let flags = by.entry(scenario).or_default();
            if flags.last() != Some(&idx) {
                flags.push(idx);
            }
        }
    }
    (by.into_iter().map(|(name, flags)| (name.into(), flags.into())).collect(), for_all.into())
}
