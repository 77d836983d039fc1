use overlay_model::{unquoted, unquoted_option};
use serde::{Deserialize, Serialize};

/// When a breaker opens, and how it closes.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BreakerSettings {
    /// Whether there is one.
    #[serde(
        default,
        deserialize_with = "unquoted_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub enabled: Option<bool>,
    /// Failures in a row that open it; 5 where absent.
    #[serde(
        default,
        deserialize_with = "unquoted_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub failure_threshold: Option<u32>,
    /// Seconds until probes are let through; 300 where absent.
    #[serde(
        default,
        deserialize_with = "unquoted_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub recovery_timeout: Option<u64>,
    /// A rate over time that opens it too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<WindowSettings>,
    /// How probes are let through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub half_open: Option<HalfOpenSettings>,
    /// The share of all breakers that may be open at a time, from 0 to 1; 0.5 where absent.
    /// Only in `global.circuit_breaker`.
    #[serde(
        default,
        deserialize_with = "unquoted_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub max_open_share: Option<f64>,
}

impl BreakerSettings {
    /// These settings, and those of `base` where they say nothing.
    pub(crate) fn over(&self, base: &Self) -> Self {
        Self {
            enabled: self.enabled.or(base.enabled),
            failure_threshold: self.failure_threshold.or(base.failure_threshold),
            recovery_timeout: self.recovery_timeout.or(base.recovery_timeout),
            window: self.window.clone().or_else(|| base.window.clone()),
            half_open: self.half_open.clone().or_else(|| base.half_open.clone()),
            max_open_share: base.max_open_share,
        }
    }
}

/// A rate over time that opens a breaker.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WindowSettings {
    /// Its length in seconds.
    #[serde(deserialize_with = "unquoted")]
    pub seconds: u32,
    /// The share of failures that opens, from 0 to 1.
    #[serde(
        default,
        deserialize_with = "unquoted_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub failure_rate: Option<f64>,
    /// Calls below which no rate counts.
    #[serde(
        default,
        deserialize_with = "unquoted_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub min_calls: Option<u32>,
    /// A call that takes longer is slow, in milliseconds.
    #[serde(
        default,
        deserialize_with = "unquoted_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub slow_ms: Option<u64>,
    /// The share of slow calls that opens, from 0 to 1.
    #[serde(
        default,
        deserialize_with = "unquoted_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub slow_rate: Option<f64>,
}

/// How probes are let through.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HalfOpenSettings {
    /// Probes at a time; 3 where absent.
    #[serde(
        default,
        deserialize_with = "unquoted_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub max_probes: Option<u32>,
    /// Successful probes that close it; `max_probes` where absent.
    #[serde(
        default,
        deserialize_with = "unquoted_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub need: Option<u32>,
    /// Seconds after which a lost probe gives its place back; 60 where absent.
    #[serde(
        default,
        deserialize_with = "unquoted_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub lease: Option<u64>,
}
