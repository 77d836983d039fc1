//! The arithmetic of service level objectives, after chapter 5 of *The Site Reliability
//! Workbook* (Beyer et al., O'Reilly 2018): error budget, burn rate, and alerts on two
//! windows at once.

use std::time::Duration;

use serde::Serialize;
use thiserror::Error;

/// Good events among all events.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Tally {
    /// Events that met the objective.
    pub good: u64,
    /// All events.
    pub total: u64,
}

impl Tally {
    /// Events that did not meet the objective.
    pub const fn bad(&self) -> u64 {
        self.total.saturating_sub(self.good)
    }

    /// The share of bad events: (total − good) / total. `None` without events.
    pub fn error_ratio(&self) -> Option<f64> {
        (self.total > 0).then(|| self.bad() as f64 / self.total as f64)
    }
}

/// A target share of good events over a period.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Objective {
    target: f64,
    period: Duration,
}

/// An objective that nothing can be measured against.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum InvalidObjective {
    /// The target is no share, or leaves no budget.
    #[error("target of {0}: use a share above 0 and below 1")]
    Target(f64),
    /// The period is out of range.
    #[error("period of {} s: use 1 to 90 days", .0.as_secs())]
    Period(Duration),
}

const DAY: Duration = Duration::from_secs(86_400);
const HOUR: Duration = Duration::from_secs(3_600);
const MINUTE: Duration = Duration::from_secs(60);

impl Objective {
    /// An objective of `target` good events, above 0 and below 1, over 1 to 90 days.
    ///
    /// # Errors
    ///
    /// When the target or the period is out of range.
    pub fn new(target: f64, period: Duration) -> Result<Self, InvalidObjective> {
        if !(target > 0.0 && target < 1.0) {
            return Err(InvalidObjective::Target(target));
        }
        if !(DAY..=DAY * 90).contains(&period) {
            return Err(InvalidObjective::Period(period));
        }
        Ok(Self { target, period })
    }

    /// The target share of good events.
    pub const fn target(&self) -> f64 {
        self.target
    }

    /// The period over which the target is to be met.
    pub const fn period(&self) -> Duration {
        self.period
    }

    /// The error budget: the share of events that may be bad, 1 − target.
    pub fn budget(&self) -> f64 {
        1.0 - self.target
    }

    /// How many times faster than allowed the budget is spent: error ratio / budget. At 1
    /// it lasts exactly for the period. `None` without events.
    pub fn burn_rate(&self, tally: Tally) -> Option<f64> {
        Some(tally.error_ratio()? / self.budget())
    }

    /// The share of the budget that is left after the events of a period: 1 − burn rate.
    /// Below 0 the objective is missed. `None` without events.
    pub fn budget_left(&self, tally: Tally) -> Option<f64> {
        Some(1.0 - self.burn_rate(tally)?)
    }

    /// The four alerts for this objective, most urgent first.
    ///
    /// An alert fires when its part of the budget would be gone within its long window:
    /// factor = part × period / long window. For periods from two weeks on the parts are
    /// those of the workbook (2, 5, 10, 10 %; over 30 days 14.4, 6, 3, 1), for shorter
    /// ones those of Sloth's catalogue for 7 days (8, 12.5, 20, 42 %; 13.44, 3.5, 1.4,
    /// 0.98).
    pub fn alerts(&self) -> [Alert; 4] {
        let parts = if self.period >= DAY * 14 { WORKBOOK } else { SHORT_PERIOD };
        let mut res = WINDOWS;
        for (alert, part) in res.iter_mut().zip(parts) {
            alert.factor = part * self.period.as_secs_f64() / alert.long.as_secs_f64();
        }
        res
    }

    /// The most urgent alert that fires.
    ///
    /// `events` gives the events of a window that ends now. Fewer events than
    /// `fewest_events` in the long window are too few to alert on.
    pub fn firing(&self, fewest_events: u64, events: impl Fn(Duration) -> Tally) -> Option<Alert> {
        self.alerts().into_iter().find(|alert| {
            let burns = |window| self.burn_rate(events(window)).is_some_and(|it| it > alert.factor);
            events(alert.long).total >= fewest_events && burns(alert.long) && burns(alert.short)
        })
    }
}

/// When to wake whom: the burn rate is above the factor on both windows. The long one
/// keeps blips out, the short one ends the alert soon after the cause ends.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Alert {
    /// 1 is the most urgent.
    pub priority: u8,
    /// The window that shows that it matters.
    pub long: Duration,
    /// The window that shows that it goes on.
    pub short: Duration,
    /// The burn rate that both must exceed.
    pub factor: f64,
}

const WORKBOOK: [f64; 4] = [0.02, 0.05, 0.10, 0.10];
const SHORT_PERIOD: [f64; 4] = [0.08, 0.125, 0.20, 0.42];

const WINDOWS: [Alert; 4] = [
    Alert { priority: 1, long: HOUR, short: MINUTE.saturating_mul(5), factor: 0.0 },
    Alert {
        priority: 2,
        long: HOUR.saturating_mul(6),
        short: MINUTE.saturating_mul(30),
        factor: 0.0,
    },
    Alert { priority: 3, long: DAY, short: HOUR.saturating_mul(2), factor: 0.0 },
    Alert { priority: 4, long: DAY.saturating_mul(3), short: HOUR.saturating_mul(6), factor: 0.0 },
];
