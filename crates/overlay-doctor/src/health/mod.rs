//! How a service is.

mod answer;
mod judge;
mod root;

use std::time::Duration;

use overlay_sqlite::Latency;
use serde::{Deserialize, Serialize};

pub use self::answer::{Answer, answer_within, diagnose};
pub use self::judge::{concerns, health};
pub use self::root::vitals_of_root;
use crate::options::Options;

/// What is known of a service. What is `None` is not known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Vitals {
    /// How the diagnostic request went.
    pub answer: Option<Answer>,
    /// The requests in flight.
    pub pool: Option<PoolUse>,
    /// Whether the databases can be used, or why not.
    pub database: Option<Result<(), String>>,
    /// The resident memory of the service, bytes.
    pub memory_bytes: Option<u64>,
    /// The response times of the last hour.
    pub latency: Option<Latency>,
    /// What else speaks against the service.
    pub concerns: Vec<Concern>,
}

impl Vitals {
    /// Without what a database says, where the options keep none.
    pub fn under(self, options: &Options) -> Self {
        if options.keeps_rows() { self } else { Self { database: None, latency: None, ..self } }
    }
}

/// How many requests are held, of how many there is room for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PoolUse {
    /// In flight.
    pub active: u64,
    /// Room.
    pub total: u64,
}

impl PoolUse {
    /// The share in use in percent; 0 of 0 is nothing.
    pub fn percent(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "requests in flight are far below 2^53")]
        let [active, total] = [self.active, self.total].map(|it| it as f64);
        match (self.active, self.total) {
            (0, 0) => 0.0,
            (_, 0) => 100.0,
            _ => 100.0 * active / total,
        }
    }
}

/// Something beside the figures that speaks against a service.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Concern {
    /// How much it weighs.
    pub weight: Verdict,
    /// What it is, as a fragment.
    pub what: String,
}

impl Concern {
    /// Something that the service lives with.
    pub fn degraded(what: impl Into<String>) -> Self {
        Self { weight: Verdict::Degraded, what: what.into() }
    }

    /// Something that it does not.
    pub fn unhealthy(what: impl Into<String>) -> Self {
        Self { weight: Verdict::Unhealthy, what: what.into() }
    }
}

/// From where on a service is not healthy any more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// The longest that the diagnostic request may take.
    pub answer_within: Duration,
    /// The largest share of the pool, percent.
    pub pool_pct: f64,
    /// The most resident memory, MB of 1,048,576 bytes.
    pub memory_mb: f64,
    /// The largest mean response time, milliseconds.
    pub latency_mean_ms: f64,
    /// The largest 95th percentile of the response times, milliseconds.
    pub latency_p95_ms: f64,
}

impl Default for Thresholds {
    /// 5 s, 90 %, 512 MB, 1000 ms, 1000 ms.
    fn default() -> Self {
        Self {
            answer_within: Duration::from_secs(5),
            pool_pct: 90.0,
            memory_mb: 512.0,
            latency_mean_ms: 1000.0,
            latency_p95_ms: 1000.0,
        }
    }
}

impl Thresholds {
    /// What the section `[health]` of `fusion.toml` says.
    pub fn of(options: &Options) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "the ranges of options are far below 2^53")]
        let number = |key| options.count("health", key) as f64;
        Self {
            answer_within: Duration::from_millis(options.count("health", "answer_within_ms")),
            pool_pct: number("pool_pct"),
            memory_mb: number("memory_mb"),
            latency_mean_ms: number("latency_mean_ms"),
            latency_p95_ms: number("latency_p95_ms"),
        }
    }
}

/// How a service is, best first.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It answers, and nothing that is known speaks against it.
    Healthy,
    /// It answers, and something is not as it should be.
    Degraded,
    /// It does not answer, or must not be trusted.
    Unhealthy,
}

/// How one check of the health came out.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    /// As it should be.
    Pass,
    /// There is no data: neither good nor bad.
    Unknown,
    /// Over a threshold.
    Warn,
    /// Not working.
    Fail,
}

/// One check of the health.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct HealthCheck {
    /// `overlay-system`, `database` or `memory`.
    pub name: &'static str,
    /// How it came out.
    pub status: HealthStatus,
    /// What there is to say.
    pub message: String,
}

/// The figures. What is not known is `null`, and named in [`Health::unknown`].
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthData {
    /// Whether the diagnostic request was answered in time.
    pub overlay_service_healthy: Option<bool>,
    /// The requests in flight.
    pub pool_health: Option<PoolHealth>,
    /// Whether the databases can be used.
    pub database_healthy: Option<bool>,
    /// Resident memory, MB of 1,048,576 bytes.
    #[serde(rename = "memoryUsageMB")]
    pub memory_usage_mb: Option<f64>,
    /// The mean response time of the last hour, milliseconds.
    pub average_response_time_ms: Option<f64>,
    /// Its 95th percentile, milliseconds.
    pub p95_response_time_ms: Option<f64>,
}

/// The requests in flight.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PoolHealth {
    /// Room for so many.
    pub total: u64,
    /// In flight.
    pub active: u64,
    /// What is left.
    pub available: u64,
    /// The share in use, percent.
    pub usage_percent: f64,
}

/// How a service is, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Health {
    /// The verdict.
    pub status: Verdict,
    /// The verdict in words.
    pub message: String,
    /// The three checks.
    pub checks: [HealthCheck; 3],
    /// The names of the figures there is no data for. They count for nothing.
    pub unknown: Vec<&'static str>,
    /// The figures.
    pub data: HealthData,
}
