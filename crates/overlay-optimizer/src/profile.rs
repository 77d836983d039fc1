use overlay_model::{Digest, canonical_bytes, canonical_number};
use serde::Serialize;

use crate::hours::{ActiveHours, HourRange};

mod derive;
mod read;

pub use crate::profile::derive::Sample;

/// What an overlay's work is like: how much of it there is, how long it takes, what it
/// may use, and when it comes.
///
/// Fields that are left out have the original's defaults.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorkloadProfile {
    /// Requests a minute; 0 where it is not known.
    pub requests_per_minute: f64,
    /// Mean time to answer, in milliseconds; 500 where it is not known.
    pub average_latency_ms: f64,
    /// The least quality score the work asks for, from 0 to 1; 0.8 where nothing is said.
    pub quality_score_minimum: f64,
    /// Limits.
    pub resource_constraints: WorkloadLimits,
    /// When most of the work comes.
    pub peak_hours: Vec<HourRange>,
    /// The time zone of the peak hours, as the IANA database names it; UTC where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
}

/// What the work may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct WorkloadLimits {
    /// Memory, in megabytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_memory_mb: Option<f64>,
    /// Energy of one request, in units of 10 µ$.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_energy_units: Option<f64>,
}

impl Default for WorkloadProfile {
    fn default() -> Self {
        Self {
            requests_per_minute: 0.0,
            average_latency_ms: 500.0,
            quality_score_minimum: 0.8,
            resource_constraints: WorkloadLimits::default(),
            peak_hours: Vec::new(),
            timezone: None,
        }
    }
}

impl WorkloadProfile {
    /// The digest of what the profile says; the way it was written leaves no trace.
    pub fn digest(&self) -> Digest {
        let limits = &self.resource_constraints;
        let numbers = [
            ("requests_per_minute", Some(self.requests_per_minute)),
            ("average_latency_ms", Some(self.average_latency_ms)),
            ("quality_score_minimum", Some(self.quality_score_minimum)),
            ("max_memory_mb", limits.max_memory_mb),
            ("max_energy_units", limits.max_energy_units),
        ];
        let hours: Vec<_> = self.peak_hours.iter().map(HourRange::to_string).collect();
        let texts = [
            ("peak_hours", Some(hours.join(",")).filter(|it| !it.is_empty())),
            ("timezone", self.timezone.clone()),
        ];
        let numbers = numbers.into_iter().map(|(key, it)| (key, it.map(canonical_number)));
        let pairs = numbers.chain(texts).filter_map(|(key, it)| Some((key, it?)));
        Digest::of(&canonical_bytes(pairs))
    }

    /// The hours that a flag for this work may be active in, `None` without peak hours.
    pub fn active(&self) -> Option<ActiveHours> {
        let tz = self.timezone.clone().unwrap_or_else(|| "UTC".to_owned());
        let hours = self.peak_hours.clone();
        (!hours.is_empty()).then_some(ActiveHours { hours, tz })
    }
}
