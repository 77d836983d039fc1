use std::fmt;

use serde::{Deserialize, Serialize};

/// How long performance rows are kept: 90 days, in microseconds.
pub const RETENTION_US: i64 = 90 * 24 * 3600 * 1_000_000;

/// One operation and what it took, a row of `overlay_performance_metrics`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PerformanceRow {
    /// The overlay, or what kind of overlay.
    pub overlay_type: String,
    /// What was done.
    pub operation: String,
    /// How long it took, microseconds; the column `duration_ms` follows from it.
    pub duration_us: u64,
    /// Memory in use, in units of 1,024 bytes, where it was measured.
    pub memory_usage_kb: Option<u64>,
    /// When it ended, microseconds since 1970, UTC.
    pub at_us: i64,
    /// In which environment.
    pub environment: String,
}

/// When an operation ended, and how long it took.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timing {
    /// When it ended, microseconds since 1970, UTC.
    pub at_us: i64,
    /// How long it took, microseconds.
    pub duration_us: u64,
}

/// Which operations are meant; all where nothing is said.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Operations<'a> {
    /// Of this overlay.
    pub overlay: Option<&'a str>,
    /// Of this name.
    pub operation: Option<&'a str>,
    /// In this environment.
    pub environment: Option<&'a str>,
}

/// Which generation answered.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Arm {
    /// The one in force.
    Control,
    /// The one on trial.
    Candidate,
}

impl Arm {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Candidate => "candidate",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Control, Self::Candidate].into_iter().find(|it| it.name() == name)
    }
}

impl fmt::Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One answer during a rollout, a row of `rollout_samples`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Sample {
    /// The deployment under way.
    pub deployment: String,
    /// Which generation answered.
    pub arm: Arm,
    /// How it ended, as the metric label `result`.
    pub result: String,
    /// How long it took, microseconds.
    pub duration_us: u64,
    /// How many tokens the answer has, where it is known.
    pub tokens: Option<u64>,
    /// When it ended, microseconds since 1970, UTC.
    pub at_us: i64,
}

/// A span of time, microseconds since 1970, UTC: `from_us` belongs to it, `before_us` does
/// not.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Span {
    /// The first moment.
    pub from_us: i64,
    /// The first moment after it.
    pub before_us: i64,
}

impl Span {
    /// All of time.
    pub const ALL: Self = Self { from_us: i64::MIN, before_us: i64::MAX };

    /// The hour before `now_us`.
    pub fn last_hour(now_us: i64) -> Self {
        Self { from_us: now_us.saturating_sub(3600 * 1_000_000), before_us: now_us }
    }
}
