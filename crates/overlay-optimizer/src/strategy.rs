use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use thiserror::Error;

/// A fixed set of values for a kind of work, as the original has them.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Strategy {
    /// Answer fast.
    #[serde(rename = "latency_optimization")]
    Latency,
    /// Answer well.
    #[serde(rename = "quality_optimization")]
    Quality,
    /// Use little.
    #[serde(rename = "resource_optimization")]
    Resource,
    /// Some of each.
    #[serde(rename = "balanced_optimization")]
    Balanced,
}

/// A value that a strategy gives a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Constant {
    /// The key.
    pub key: &'static str,
    /// The value, as it is written.
    pub value: &'static str,
    /// What it is good for; of a directed one, where it goes that way.
    why: &'static str,
    /// Which way the value has to go from the one before for `why` to be true; none where
    /// it is, wherever it comes from.
    way: Option<Ordering>,
}

const fn set(key: &'static str, value: &'static str, why: &'static str) -> Constant {
    Constant { key, value, why, way: None }
}

const fn up(key: &'static str, value: &'static str, why: &'static str) -> Constant {
    Constant { key, value, why, way: Some(Ordering::Greater) }
}

const fn down(key: &'static str, value: &'static str, why: &'static str) -> Constant {
    Constant { key, value, why, way: Some(Ordering::Less) }
}

/// What it does to raise a key, and to lower it.
const EFFECTS: &[(&str, &str, &str)] = &[
    (
        "ENTROPY_REDUCTION_TARGET",
        "answers become more deterministic and cheaper",
        "answers become less deterministic and dearer",
    ),
    ("TRUST_FLOOR", "more answers go to the next step", "fewer answers go to the next step"),
    ("ENTROPY_FLOOR", "sampling stops sooner", "sampling goes on longer"),
    (
        "ARBITRATION_TIMEOUT_MS",
        "late candidates are waited for longer",
        "late candidates are waited for less",
    ),
    ("CONTINUITY_ENFORCEMENT", "more context is kept", "less context is kept"),
];

/// The words of keys that have an order, the least first.
const ORDERED: &[(&str, &[&str])] = &[(
    "CONTINUITY_ENFORCEMENT",
    &["aggressive_thread", "basic_thread", "enhanced_thread", "comprehensive_thread"],
)];

impl Constant {
    /// What the value is good for where `from` was in force before.
    ///
    /// The values are the same whatever they replace, so one that is to save something may
    /// cost something instead: then this is said.
    pub fn reason(&self, from: Option<&str>) -> String {
        let way = from.and_then(|from| self.place(self.value)?.partial_cmp(&self.place(from)?));
        let effect = EFFECTS.iter().find(|it| it.0 == self.key);
        match (way, effect) {
            _ if self.way.is_none() || self.way == way => self.why.to_owned(),
            (Some(Ordering::Greater), Some((_, up, _))) => format!("{FIXED}: {up}"),
            (Some(Ordering::Less), Some((_, _, down))) => format!("{FIXED}: {down}"),
            (Some(Ordering::Equal), _) => format!("{FIXED}: what was in force is written out"),
            _ => FIXED.to_owned(),
        }
    }

    /// Where a value of the key stands among the others.
    fn place(&self, value: &str) -> Option<f64> {
        match ORDERED.iter().find(|it| it.0 == self.key) {
            Some((_, words)) => {
                (0_u8..).zip(*words).find(|it| *it.1 == value).map(|it| it.0.into())
            }
            None => value.trim().parse().ok(),
        }
    }
}

const FIXED: &str = "the fixed value of the strategy";

const LATENCY: &[Constant] = &[
    up("ENTROPY_REDUCTION_TARGET", "0.50", "more deterministic answers are cheaper"),
    down("CONTINUITY_ENFORCEMENT", "basic_thread", "less context is read faster"),
    set("TRUST_SCORING_MODEL", "simple_alignment", "no second candidate is drawn for the score"),
    set("FUSION_MODE", "speed_optimized", "one sample, with a hedged request"),
    down("ARBITRATION_TIMEOUT_MS", "100", "late candidates are waited for less"),
    set("ADAPTIVE_CACHING", "aggressive", "what was answered is answered at once"),
    set("API_CIRCUIT_BREAKER", "true", "a failing provider costs no time"),
    down("TRUST_FLOOR", "0.40", "fewer answers are passed on to a slower step"),
    up("ENTROPY_FLOOR", "0.35", "sampling stops sooner"),
];

const QUALITY: &[Constant] = &[
    down("ENTROPY_REDUCTION_TARGET", "0.15", "candidates that differ give a vote something to do"),
    set("CONTINUITY_ENFORCEMENT", "comprehensive_thread", "the whole conversation is verified"),
    set("TRUST_SCORING_MODEL", "quality_alignment", "the score counts how sure the vote is"),
    set("FUSION_MODE", "quality_first", "several samples and a vote"),
    up("ARBITRATION_TIMEOUT_MS", "400", "late candidates may still win"),
    up("TRUST_FLOOR", "0.75", "doubtful answers are not accepted"),
    down("ENTROPY_FLOOR", "0.20", "sampling goes on until candidates agree"),
    set("ENERGY_FLOOR", "0.05", "nearly the whole budget may be spent"),
    set("PERFORMANCE_MONITORING", "comprehensive", "traces show where quality is lost"),
];

const RESOURCE: &[Constant] = &[
    up("ENTROPY_REDUCTION_TARGET", "0.40", "more deterministic answers are cheaper"),
    down("CONTINUITY_ENFORCEMENT", "basic_thread", "less context costs fewer tokens"),
    set("TRUST_SCORING_MODEL", "simple_alignment", "no second candidate is drawn for the score"),
    set("FUSION_MODE", "efficiency_mode", "the cache, then the cheapest model that passes"),
    down("ARBITRATION_TIMEOUT_MS", "150", "late candidates are waited for less"),
    down("TRUST_FLOOR", "0.50", "fewer answers are passed on to a dearer step"),
    up("ENTROPY_FLOOR", "0.30", "sampling stops sooner"),
    set("ENERGY_FLOOR", "0.10", "a tenth of the budget stays in reserve"),
    set("API_CIRCUIT_BREAKER", "true", "nothing is spent on a failing provider"),
    set("ADAPTIVE_CACHING", "true", "what was answered is not paid for again"),
];

const BALANCED: &[Constant] = &[
    set("ENTROPY_REDUCTION_TARGET", "0.30", "between variety and cost"),
    set("CONTINUITY_ENFORCEMENT", "enhanced_thread", "half of the context, and every pinned fact"),
    set("TRUST_SCORING_MODEL", "contextual_alignment", "checks passed, and agreement"),
    set("FUSION_MODE", "adaptive_routing", "cheap first, strong where the answer is doubtful"),
    set("ARBITRATION_TIMEOUT_MS", "250", "a short wait for late candidates"),
    set("TRUST_FLOOR", "0.60", "doubtful answers go to the next step"),
    set("ENTROPY_FLOOR", "0.25", "sampling stops at three quarters of agreement"),
    set("ENERGY_FLOOR", "0.07", "a small reserve"),
    set("API_CIRCUIT_BREAKER", "true", "a failing provider is left out"),
    set("ADAPTIVE_CACHING", "true", "the same question is not paid for again"),
    set("PERFORMANCE_MONITORING", "enhanced", "stage times show what a change did"),
];

impl Strategy {
    /// All strategies.
    pub const ALL: [Self; 4] = [Self::Latency, Self::Quality, Self::Resource, Self::Balanced];

    /// The name, as the overlay and the command line have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Latency => "latency_optimization",
            Self::Quality => "quality_optimization",
            Self::Resource => "resource_optimization",
            Self::Balanced => "balanced_optimization",
        }
    }

    /// The values it sets, in the original's order.
    pub fn constants(self) -> &'static [Constant] {
        match self {
            Self::Latency => LATENCY,
            Self::Quality => QUALITY,
            Self::Resource => RESOURCE,
            Self::Balanced => BALANCED,
        }
    }

    /// The stable identifier of the rule that sets `key`: `opt.latency.TRUST_FLOOR`.
    pub(crate) fn rule(self, key: &str) -> String {
        let name = self.as_str().trim_end_matches("_optimization");
        format!("opt.{name}.{key}")
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Strategy {
    type Err = UnknownStrategy;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let strategy = Self::ALL.into_iter().find(|it| it.as_str() == text);
        strategy.ok_or_else(|| UnknownStrategy(text.to_owned()))
    }
}

/// A text that names no strategy.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error(
    "unknown strategy `{0}`: use latency_optimization, quality_optimization, resource_optimization or balanced_optimization"
)]
pub struct UnknownStrategy(String);
