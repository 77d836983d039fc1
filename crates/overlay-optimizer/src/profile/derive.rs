//! A profile from what was measured.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::hours::HourRange;
use crate::profile::WorkloadProfile;

/// How many times the mean hourly rate makes an hour one of the peak.
const PEAK: f64 = 1.5;

/// What was measured of one request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// When it came, in milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// How long it took, in milliseconds.
    pub latency_ms: f64,
}

impl WorkloadProfile {
    /// The profile of the requests that came in `window_minutes`, `None` without any.
    ///
    /// Rate and latency are means. An hour of the day in the time zone of `zone` belongs
    /// to the peak where at least 1.5 times the mean hourly number of requests came. What
    /// the work asks of quality and memory is no measurement, and stays at its default.
    pub fn from_samples(samples: &[Sample], window_minutes: f64, zone: &str) -> Option<Self> {
        let timed: Vec<_> = samples.iter().filter(|it| it.latency_ms.is_finite()).collect();
        if timed.is_empty() || window_minutes.is_nan() || window_minutes <= 0.0 {
            return None;
        }
        let (samples_count, timed_count) = (count(samples.len()), count(timed.len()));
        let latency = timed.iter().map(|it| it.latency_ms.max(0.0)).sum::<f64>() / timed_count;
        let zone_found = TimeZone::get(zone).ok()?;
        Some(Self {
            requests_per_minute: rounded(samples_count / window_minutes),
            average_latency_ms: rounded(latency),
            peak_hours: peak(&by_hour(samples, &zone_found)),
            timezone: Some(zone.to_owned()),
            ..Self::default()
        })
    }
}

fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::from(u32::MAX), f64::from)
}

/// Derived numbers have four decimals.
fn rounded(number: f64) -> f64 {
    (number * 1e4).round() / 1e4
}

fn by_hour(samples: &[Sample], zone: &TimeZone) -> [f64; 24] {
    let mut res = [0.0; 24];
    for sample in samples {
        let at = Timestamp::from_duration(SignedDuration::from_millis(sample.at_ms));
        let hour = at.ok().map(|it| zone.to_datetime(it).hour());
        if let Some(number) = hour.and_then(|it| res.get_mut(usize::try_from(it).ok()?)) {
            *number += 1.0;
        }
    }
    res
}

/// The runs of busy hours, one that spans midnight as one.
fn peak(hours: &[f64; 24]) -> Vec<HourRange> {
    let mean = hours.iter().sum::<f64>() / 24.0;
    let busy: Vec<bool> = hours.iter().map(|it| *it >= PEAK * mean && *it > 0.0).collect();
    let is_busy = |hour: usize| busy.get(hour % 24).copied().unwrap_or(false);
    // More than 16 hours above 1.5 times the mean are impossible, so there is a gap.
    let starts = (0..24).filter(|hour| is_busy(*hour) && !is_busy(hour + 23));
    let ranges = starts.filter_map(|start| {
        let length = (start..start + 24).take_while(|hour| is_busy(*hour)).count();
        HourRange::hours(u16::try_from(start).ok()?, u16::try_from(length).ok()?)
    });
    ranges.collect()
}
