use serde::{Deserialize, Serialize};

use crate::structured::unquoted_option;

/// What an overlay is to achieve, from which the generator derives its keys.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DesignSpec {
    /// The version of the format: `overlay-design/1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The overlay's name.
    pub name: String,
    /// What it is for.
    pub purpose: String,
    /// The scenario types it serves.
    #[serde(default)]
    pub target_scenarios: Vec<String>,
    /// Goals.
    #[serde(default)]
    pub performance_goals: PerformanceGoals,
    /// Subjects with version ranges: `resontinex>=2.1.0`.
    #[serde(default)]
    pub compatibility_requirements: Vec<String>,
    /// Limits.
    #[serde(default)]
    pub resource_constraints: ResourceConstraints,
    /// Who wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
}

/// What the overlay is to reach.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PerformanceGoals {
    /// Time to answer, in milliseconds.
    #[serde(
        default,
        deserialize_with = "unquoted_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub latency_ms: Option<f64>,
    /// Share of right answers, from 0 to 1.
    #[serde(
        default,
        deserialize_with = "unquoted_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub accuracy_score: Option<f64>,
    /// Share of tokens to save, from 0 to 1.
    #[serde(
        default,
        deserialize_with = "unquoted_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub token_efficiency: Option<f64>,
}

/// What the overlay may use.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceConstraints {
    /// Memory, in megabytes.
    #[serde(
        default,
        deserialize_with = "unquoted_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub max_memory_mb: Option<f64>,
    /// Processor time, in percent of one core, up to 100.
    #[serde(
        default,
        deserialize_with = "unquoted_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub max_cpu_percent: Option<f64>,
    /// Energy of one request, in units of 10 µ$.
    #[serde(
        default,
        deserialize_with = "unquoted_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub max_energy_units: Option<f64>,
}
