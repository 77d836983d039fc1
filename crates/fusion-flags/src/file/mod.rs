//! The flag file as it is written.

mod breaker;
mod ordered;

use std::collections::BTreeMap;

use overlay_model::{TextError, unquoted, unquoted_option};
use serde::{Deserialize, Serialize};

pub use self::breaker::{BreakerSettings, HalfOpenSettings, WindowSettings};
pub use self::ordered::Ordered;
use self::ordered::each_once;
use crate::time::{duration_ms, instant_ms};

/// The most bytes a flag file has.
pub const MAX_FLAG_BYTES: usize = 8 << 20;

/// A flag file. The original's is one; what `schema_version: 2` adds is optional.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FlagFile {
    /// `2`; absent in the original's files, which match scenario types by part and let a
    /// missing confidence pass.
    #[serde(
        default,
        deserialize_with = "unquoted_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub schema_version: Option<u32>,
    /// What a flag that says nothing does.
    #[serde(default)]
    pub defaults: Defaults,
    /// The flags, in file order: earlier ones give earlier candidates.
    #[serde(default)]
    pub features: Ordered<Feature>,
    /// What holds for all flags.
    #[serde(default)]
    pub global: Global,
    /// What differs by environment.
    #[serde(default, deserialize_with = "each_once")]
    pub environments: BTreeMap<String, Environment>,
}

impl FlagFile {
    /// Reads a flag file, YAML or JSON.
    ///
    /// # Errors
    ///
    /// Where the text is empty, larger than 8 MiB, has another form, or names a flag twice.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        // What is left of a file that is just being written must not pass for one without
        // flags.
        if text.lines().map(str::trim).all(|it| it.is_empty() || it.starts_with('#')) {
            let message = "the file is empty".to_owned();
            return Err(TextError { line: 1, column: 1, message });
        }
        let yaml = || overlay_model::from_yaml_of_size(text, MAX_FLAG_BYTES);
        if text.len() > MAX_FLAG_BYTES || !text.trim_start().starts_with('{') {
            return yaml();
        }
        // What begins with a bracket may be YAML all the same.
        serde_json::from_str(text).or_else(|err| match yaml() {
            // It knows where a value begins; the JSON reader, where it ended.
            Err(found) if err.is_data() => Err(found),
            Ok(file) if !err.is_data() => Ok(file),
            _ => Err(TextError {
                line: err.line().max(1),
                column: err.column().max(1),
                message: plain(&err.to_string()),
            }),
        })
    }

    /// How scenario types are compared.
    pub fn matching(&self) -> Matching {
        let usual =
            if self.schema_version.is_none() { Matching::Substring } else { Matching::Exact };
        self.defaults.matching.unwrap_or(usual)
    }
}

/// The message without serde_json's own place.
fn plain(message: &str) -> String {
    message.split(" at line ").next().unwrap_or(message).to_owned()
}

/// What a flag that says nothing does.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Defaults {
    /// The attribute whose value is bucketed; `targetingKey`, the unit, where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket_by: Option<String>,
    /// `flagd-v3`, the only one there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// How scenario types are compared.
    #[serde(default, rename = "match", skip_serializing_if = "Option::is_none")]
    pub matching: Option<Matching>,
    /// What a missing confidence means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_confidence: Option<MissingConfidence>,
}

/// How scenario types are compared.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Matching {
    /// They are equal.
    Exact,
    /// The flag's is a part of the request's.
    Substring,
}

/// What a missing confidence means for a flag with a threshold.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MissingConfidence {
    /// The flag is off.
    Deny,
    /// The flag does not ask.
    Allow,
}

/// One flag.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Feature {
    /// One sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The overlays it offers, best first.
    #[serde(default)]
    pub enabled_overlays: Vec<String>,
    /// What answers where none of them does: `baseline_only`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback_strategy: Option<String>,
    /// The share of units that is in, from 0 to 100; 100 where absent.
    #[serde(
        default,
        deserialize_with = "unquoted_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub rollout_percentage: Option<f64>,
    /// When it applies.
    #[serde(default)]
    pub conditions: Conditions,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// What kind of flag it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<FlagKind>,
    /// The day it should be gone: `2027-03-01`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// What its buckets are salted with; its name where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<String>,
    /// Whether it is on at all; on where absent.
    #[serde(
        default,
        deserialize_with = "unquoted_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub enabled: Option<bool>,
    /// A rollout by schedule, instead of `rollout_percentage`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ramp: Option<Ramp>,
    /// Flags that must be on, or off.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<Requirement>,
    /// Overlays with weights, one of which a unit gets.
    #[serde(default, skip_serializing_if = "Ordered::is_empty")]
    pub variants: Ordered<Variant>,
    /// The hours it applies in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<ActiveHours>,
    /// The breaker of its overlays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circuit_breaker: Option<BreakerSettings>,
}

impl Feature {
    /// The overlays it names, by list or by variant.
    pub(crate) fn named_overlays(&self) -> impl Iterator<Item = &str> {
        let variants = self.variants.0.iter().filter_map(|(_, it)| it.overlay.as_deref());
        self.enabled_overlays.iter().map(String::as_str).chain(variants)
    }

    /// The overlays that may answer by this flag; a kill switch offers none.
    pub(crate) fn offered_overlays(&self) -> impl Iterator<Item = &str> {
        let is_kill = self.kind == Some(FlagKind::KillSwitch);
        self.named_overlays().filter(move |_| !is_kill)
    }
}

/// What kind of flag it is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FlagKind {
    /// On its way to everybody, then to be removed.
    Release,
    /// A switch of the operators, to stay.
    Ops,
    /// On means: its overlays are off.
    KillSwitch,
    /// A comparison, to be removed.
    Experiment,
}

/// When a flag applies.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Conditions {
    /// The kinds of work; every kind where empty.
    #[serde(default)]
    pub scenario_types: Vec<String>,
    /// The least confidence of the scenario type, from 0 to 1.
    #[serde(
        default,
        deserialize_with = "unquoted_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub confidence_threshold: Option<f64>,
    /// Conditions on attributes; all must hold.
    #[serde(
        default,
        rename = "where",
        deserialize_with = "each_once",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub attributes: BTreeMap<String, AttributeTest>,
}

/// A condition on one attribute; exactly one of the fields is set.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AttributeTest {
    /// It is one of these.
    #[serde(default, rename = "in", skip_serializing_if = "Option::is_none")]
    pub one_of: Option<Vec<String>>,
    /// It is there, and none of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_in: Option<Vec<String>>,
    /// It begins with this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_with: Option<String>,
    /// It ends with this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_with: Option<String>,
    /// It is a version in this range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub semver: Option<String>,
    /// It is a number, and at least this.
    #[serde(
        default,
        deserialize_with = "unquoted_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub at_least: Option<f64>,
    /// It is a number, and less than this.
    #[serde(
        default,
        deserialize_with = "unquoted_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub less_than: Option<f64>,
}

/// A rollout by schedule.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Ramp {
    /// When the first step begins, as RFC 3339 writes it.
    pub start: String,
    /// The steps, none below the one before.
    pub steps: Vec<RampStep>,
}

impl Ramp {
    /// When each step begins, in milliseconds since 1970; nothing where the start is no
    /// moment.
    pub fn moments_ms(&self) -> Vec<i64> {
        let Some(mut at) = instant_ms(&self.start) else { return Vec::new() };
        let mut res = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            res.push(at);
            let hold = step.hold.as_deref().and_then(duration_ms).unwrap_or(0);
            at = at.saturating_add(hold);
        }
        res
    }
}

/// A step of a ramp.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RampStep {
    /// The share of units that is in, from 0 to 100.
    #[serde(deserialize_with = "unquoted")]
    pub percent: f64,
    /// How long it stays: `1h`, `30m`, `1d`; the last step has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<String>,
}

/// A flag that must be on, or off.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// The other flag.
    pub flag: String,
    /// What it must be; on where absent.
    #[serde(default)]
    pub is: OnOff,
}

/// On or off, in words.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OnOff {
    /// On.
    #[default]
    On,
    /// Off.
    Off,
}

/// An overlay with a weight.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// The overlay; none for a control group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlay: Option<String>,
    /// Its weight among the variants.
    #[serde(deserialize_with = "unquoted")]
    pub weight: u32,
}

/// The hours a flag applies in.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ActiveHours {
    /// Ranges of the day: `09:00-12:00`; one that ends before it begins spans midnight.
    pub hours: Vec<String>,
    /// The time zone, as the IANA database names it; `UTC` where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tz: Option<String>,
}

/// What holds for all flags.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Global {
    /// What answers where no flag offers an overlay: `baseline_only`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_strategy: Option<String>,
    /// The breakers of all overlays.
    #[serde(default)]
    pub circuit_breaker: BreakerSettings,
    /// Kept from the original; no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<MetricSwitches>,
    /// `true`: every overlay is off, whatever else is set.
    #[serde(default, deserialize_with = "unquoted")]
    pub kill_switch: bool,
}

/// Which metrics the original recorded.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MetricSwitches {
    /// Any.
    #[serde(
        default,
        deserialize_with = "unquoted_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub enabled: Option<bool>,
    /// Latency.
    #[serde(
        default,
        deserialize_with = "unquoted_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub track_latency: Option<bool>,
    /// Quality.
    #[serde(
        default,
        deserialize_with = "unquoted_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub track_quality: Option<bool>,
    /// Tokens.
    #[serde(
        default,
        deserialize_with = "unquoted_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub track_token_usage: Option<bool>,
}

/// What differs in one environment.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// Scales every rollout, from 0 to 100; the units that stay are a part of those before.
    #[serde(
        default,
        deserialize_with = "unquoted_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub global_rollout_percentage: Option<f64>,
    /// Whether breakers work.
    #[serde(
        default,
        deserialize_with = "unquoted_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub circuit_breaker_enabled: Option<bool>,
    /// The least measured quality at which an overlay is offered, from 0 to 1.
    #[serde(
        default,
        deserialize_with = "unquoted_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub quality_gate_threshold: Option<f64>,
}
