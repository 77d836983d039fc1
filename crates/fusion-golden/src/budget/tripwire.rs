//! When an installation that is live falls to the built-in minimum, and when it returns.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::report::{BudgetCheck, BudgetReport, Subject};
use crate::report::Verdict;
use crate::statistics::{round4, rounded};

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

/// What crosses a limit: the check of an overlay that has the most tokens more.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cause {
    /// What is over the limit.
    pub check: Subject,
    /// The overlay; `None` for the bare baseline.
    pub overlay: Option<String>,
    /// Its scenario that has the most more, where scenarios were judged one by one.
    pub scenario: Option<String>,
    /// The base.
    pub against: String,
    /// The share of tokens more.
    #[serde(serialize_with = "rounded::number")]
    pub more: f64,
    /// The limit: where a breach begins.
    #[serde(serialize_with = "rounded::number")]
    pub limit: f64,
    /// What explains it.
    pub changes: Vec<Place>,
}

/// A changed key, and where it stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Place {
    /// `MAX_TOKENS`, or `prompt: Core Directive`.
    pub key: String,
    /// The file.
    pub file: Option<String>,
    /// The line.
    pub line: Option<usize>,
}

impl Cause {
    /// The cause of a breach; `None` where there is none.
    pub fn of(report: &BudgetReport) -> Option<Self> {
        let is_over = |it: &&BudgetCheck| matches!(it.gate.verdict, Verdict::Warn | Verdict::Fail);
        let more = |it: &&BudgetCheck| it.gate.delta.unwrap_or(f64::NEG_INFINITY);
        let most = |it: &&BudgetCheck, other: &&BudgetCheck| more(it).total_cmp(&more(other));
        let checks = report.checks.iter().filter(|it| is_tokens(it.name));
        let worst =
            checks.clone().filter(|it| it.scenario.is_none()).filter(is_over).max_by(most)?;
        let of_it = checks.filter(|it| {
            it.scenario.is_some()
                && (it.name, &it.overlay, &it.against)
                    == (worst.name, &worst.overlay, &worst.against)
        });
        let places = report.changes_of(worst).into_iter().map(|it| Place {
            key: it.key.clone(),
            file: it.file.clone(),
            line: it.line,
        });
        Some(Self {
            check: worst.name,
            overlay: worst.overlay.clone(),
            scenario: of_it.max_by(most).and_then(|it| it.scenario.clone()),
            against: worst.against.clone(),
            more: worst.gate.delta?,
            limit: worst.gate.warn,
            changes: places.collect(),
        })
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { check, overlay, scenario, against, more, limit, changes } = self;
        let overlay = overlay.as_deref().unwrap_or("baseline");
        write!(f, "{} of {overlay} {:+.1} % against {against}", check.words(), more * 100.0)?;
        write!(f, ", the limit is {} %", round4(limit * 100.0))?;
        if let Some(scenario) = scenario {
            write!(f, "; most in {scenario}")?;
        }
        for Place { key, file, line } in changes {
            write!(f, "\n  {key}")?;
            if let Some(file) = file {
                write!(f, " in {file}")?;
            }
            if let Some(line) = line {
                write!(f, ":{line}")?;
            }
        }
        Ok(())
    }
}

fn is_tokens(name: Subject) -> bool {
    matches!(name, Subject::PromptTokens | Subject::OutputTokens)
}

impl Default for Tripwire {
    fn default() -> Self {
        Self::Armed { breaches: 0 }
    }
}

impl Reading {
    /// The tokens of the overlays of a report; `None` where it compares none, so that
    /// nothing can be said, and where recordings that are needed cannot be read: what they
    /// hold might be a breach.
    pub fn of(report: &BudgetReport) -> Option<Self> {
        let unread = (Subject::Recordings, Verdict::Invalid);
        if report.checks.iter().any(|it| (it.name, it.gate.verdict) == unread) {
            return None;
        }
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
