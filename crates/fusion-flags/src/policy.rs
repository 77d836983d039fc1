use std::time::Duration;

use crate::file::{BreakerSettings, WindowSettings};

/// The most probes at a time.
pub(crate) const MAX_PROBES: u8 = 16;

/// When a breaker opens, and how it closes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BreakerPolicy {
    /// Whether it works at all.
    pub enabled: bool,
    /// Failures in a row that open it, from 1 to 65,535.
    pub failure_threshold: u16,
    /// How long it stays open the first time; doubled each time it opens again, up to
    /// eight times, and from the second time on spread by a tenth.
    pub recovery: Duration,
    /// Probes at a time while half-open, from 1 to 16.
    pub max_probes: u8,
    /// Successful probes that close it, from 1 to 255.
    pub need: u8,
    /// How long a probe may be lost before its place is free again.
    pub lease: Duration,
    /// A rate over time that opens it too.
    pub window: Option<WindowPolicy>,
}

/// A rate over time that opens a breaker.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WindowPolicy {
    /// Its length.
    pub length: Duration,
    /// The share of failures that opens, from 0 to 1; above 1 for never.
    pub failure_rate: f64,
    /// Calls below which no rate counts.
    pub min_calls: u32,
    /// A call that takes longer is slow.
    pub slow: Duration,
    /// The share of slow calls that opens, from 0 to 1; above 1 for never.
    pub slow_rate: f64,
}

impl Default for BreakerPolicy {
    /// Five failures in a row, 300 s, three probes.
    fn default() -> Self {
        Self {
            enabled: true,
            failure_threshold: 5,
            recovery: Duration::from_secs(300),
            max_probes: 3,
            need: 3,
            lease: Duration::from_secs(60),
            window: None,
        }
    }
}

impl BreakerPolicy {
    /// The policy that a flag file's settings mean, over the default; values out of range
    /// are brought to the nearest one in it, since the linter has refused them.
    pub fn from_settings(settings: &BreakerSettings) -> Self {
        Self::default().with(settings)
    }

    /// This policy with what `settings` say put over it.
    #[must_use]
    pub fn with(self, settings: &BreakerSettings) -> Self {
        let half_open = settings.half_open.as_ref();
        let probes = half_open.and_then(|it| it.max_probes);
        let max_probes = probes.map_or(self.max_probes, |it| small(it, MAX_PROBES));
        let need = match (half_open.and_then(|it| it.need), probes) {
            (Some(need), _) => small(need, u8::MAX),
            (None, Some(_)) => max_probes,
            (None, None) => self.need,
        };
        let failures = settings.failure_threshold.map(|it| it.clamp(1, u32::from(u16::MAX)));
        let failures = failures.and_then(|it| u16::try_from(it).ok());
        Self {
            enabled: settings.enabled.unwrap_or(self.enabled),
            failure_threshold: failures.unwrap_or(self.failure_threshold),
            recovery: settings.recovery_timeout.map_or(self.recovery, Duration::from_secs),
            max_probes,
            need,
            lease: half_open.and_then(|it| it.lease).map_or(self.lease, Duration::from_secs),
            window: settings.window.as_ref().map(WindowPolicy::from_settings).or(self.window),
        }
    }
}

/// `number` from 1 to `most`.
fn small(number: u32, most: u8) -> u8 {
    u8::try_from(number.max(1)).unwrap_or(u8::MAX).min(most)
}

impl WindowPolicy {
    fn from_settings(settings: &WindowSettings) -> Self {
        Self {
            length: Duration::from_secs(u64::from(settings.seconds.max(1))),
            failure_rate: settings.failure_rate.unwrap_or(2.0),
            min_calls: settings.min_calls.unwrap_or(20),
            slow: settings.slow_ms.map_or(Duration::MAX, Duration::from_millis),
            slow_rate: settings.slow_rate.unwrap_or(2.0),
        }
    }

    /// Whether a call that took so long counts against the breaker.
    pub(crate) fn is_slow(&self, elapsed: Duration) -> bool {
        self.slow_rate <= 1.0 && elapsed > self.slow
    }
}
