//! When an installation that is live falls to the built-in minimum, and when it returns.

use serde::{Deserialize, Serialize};

use super::report::{BudgetReport, Subject};
use crate::report::Verdict;

/// Breaches one after the other that make an installation fall.
const BREACHES: u32 = 3;
/// Good runs one after the other before it returns.
const GOOD_RUNS: u32 = 5;
/// The share of tokens more than the base below which a run is good.
const GOOD: f64 = 0.08;
/// The least time below, in microseconds: two hours.
const LEAST_US: i64 = 2 * 3_600 * 1_000_000;

/// Where a tripwire stands. A new one is armed and has seen no breach.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Tripwire {
    /// The installation is in force.
    Armed {
        /// Breaches one after the other.
        breaches: u32,
    },
    /// The built-in minimum is in force instead.
    Fallen {
        /// Since when, microseconds since 1970.
        since_us: i64,
        /// Good runs one after the other.
        good: u32,
    },
}

/// What a run makes of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// As before.
    Stay,
    /// The installation falls to the built-in minimum.
    Fall,
    /// The installation returns.
    Return,
}

/// What one run saw.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Reading {
    /// The share of tokens more than the base of the overlay that has the most more.
    pub more: f64,
    /// Whether a limit is crossed, beyond what chance allows for.
    pub breach: bool,
}

impl Default for Tripwire {
    fn default() -> Self {
        Self::Armed { breaches: 0 }
    }
}

impl Reading {
    /// The tokens of the overlays of a report; `None` where it compares none, so that
    /// nothing can be said.
    pub fn of(report: &BudgetReport) -> Option<Self> {
        let is_tokens = |name| matches!(name, Subject::PromptTokens | Subject::OutputTokens);
        let checks = report.checks.iter().filter(|it| it.scenario.is_none() && is_tokens(it.name));
        let found: Vec<_> =
            checks.filter_map(|it| Some((it.gate.delta?, it.gate.verdict))).collect();
        let more = found.iter().map(|it| it.0).max_by(f64::total_cmp)?;
        let breach = found.iter().any(|it| matches!(it.1, Verdict::Warn | Verdict::Fail));
        Some(Self { more, breach })
    }
}

impl Tripwire {
    /// Where it stands after a run at the moment `at_us`, and what is to be done.
    #[must_use]
    pub fn after(self, reading: Reading, at_us: i64) -> (Self, Step) {
        match self {
            Self::Armed { breaches } if reading.breach && breaches + 1 >= BREACHES => {
                (Self::Fallen { since_us: at_us, good: 0 }, Step::Fall)
            }
            Self::Armed { breaches } => {
                let breaches = if reading.breach { breaches + 1 } else { 0 };
                (Self::Armed { breaches }, Step::Stay)
            }
            Self::Fallen { since_us, good } => {
                let is_good = !reading.breach && reading.more < GOOD;
                let good = if is_good { good.saturating_add(1) } else { 0 };
                let waited = at_us.saturating_sub(since_us) >= LEAST_US;
                if good >= GOOD_RUNS && waited {
                    (Self::default(), Step::Return)
                } else {
                    (Self::Fallen { since_us, good }, Step::Stay)
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BAD: Reading = Reading { more: 0.3, breach: true };
    const FAIR: Reading = Reading { more: 0.1, breach: false };
    const FINE: Reading = Reading { more: 0.01, breach: false };
    const HOUR: i64 = 3_600_000_000;

    /// The steps of runs, one every hour.
    #[track_caller]
    fn check(readings: &[Reading], expect: &[Step]) {
        let mut tripwire = Tripwire::default();
        let steps: Vec<_> = (0..)
            .zip(readings)
            .map(|(hour, reading)| {
                let (next, step) = tripwire.after(*reading, hour * HOUR);
                tripwire = next;
                step
            })
            .collect();
        assert_eq!(steps, expect);
    }

    #[test]
    fn three_in_a_row_fall() {
        use Step::{Fall, Stay};
        check(&[BAD, BAD, BAD], &[Stay, Stay, Fall]);
        check(&[BAD, BAD, FAIR, BAD, BAD], &[Stay; 5]);
    }

    #[test]
    fn five_good_ones_and_two_hours_return() {
        use Step::{Fall, Return, Stay};
        let falls = [BAD, BAD, BAD];
        let runs = [&falls[..], &[FINE; 5]].concat();
        check(&runs, &[Stay, Stay, Fall, Stay, Stay, Stay, Stay, Return]);
        // One that is only fair begins the count anew.
        let runs = [&falls[..], &[FINE, FINE, FAIR, FINE, FINE, FINE, FINE, FINE]].concat();
        let stays = [Stay; 7];
        check(&runs, &[&[Stay, Stay, Fall], &stays[..], &[Return]].concat());
    }

    #[test]
    fn two_hours_are_waited_for() {
        let fallen = Tripwire::Fallen { since_us: 0, good: 4 };
        let (next, step) = fallen.after(FINE, HOUR);
        assert_eq!((next, step), (Tripwire::Fallen { since_us: 0, good: 5 }, Step::Stay));
        assert_eq!(next.after(FINE, 2 * HOUR).1, Step::Return);
    }
}
