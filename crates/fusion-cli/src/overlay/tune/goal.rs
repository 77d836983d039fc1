//! What is to become better and what must hold, as the command line says it.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use overlay_optimizer::{Aim, Limit, Measured, Objective};
use thiserror::Error;

use super::fault::Fault;

/// What was measured of a scenario, by name.
pub(super) type Values = BTreeMap<String, f64>;

/// `--objective NAME[:min|max][:WEIGHT]`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Goal {
    name: String,
    aim: Option<Aim>,
    weight: Option<f64>,
}

/// `--limit NAME<=NUMBER` or `NAME>=NUMBER`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bound {
    name: String,
    side: BoundSide,
    value: f64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum BoundSide {
    AtMost,
    AtLeast,
}

/// A text that is no objective or no limit.
#[derive(Clone, Debug, Error, PartialEq)]
pub(super) enum InvalidGoal {
    #[error("write NAME, NAME:min, NAME:max or NAME:min:WEIGHT with a weight above 0")]
    Goal,
    #[error("write NAME<=NUMBER or NAME>=NUMBER")]
    Bound,
}

fn is_name(text: &str) -> bool {
    let is_part = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'_' | b'-' | b'.');
    !text.is_empty() && text.bytes().all(is_part)
}

impl FromStr for Goal {
    type Err = InvalidGoal;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split(':');
        let name = parts.next().filter(|it| is_name(it)).ok_or(InvalidGoal::Goal)?;
        let mut goal = Self { name: name.to_owned(), aim: None, weight: None };
        for part in parts {
            match part {
                "min" if goal.aim.is_none() => goal.aim = Some(Aim::Least),
                "max" if goal.aim.is_none() => goal.aim = Some(Aim::Most),
                _ if goal.weight.is_none() => {
                    let weight = part.parse().ok().filter(|it: &f64| it.is_finite() && *it > 0.0);
                    goal.weight = Some(weight.ok_or(InvalidGoal::Goal)?);
                }
                _ => return Err(InvalidGoal::Goal),
            }
        }
        Ok(goal)
    }
}

impl FromStr for Bound {
    type Err = InvalidGoal;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let sides = [("<=", BoundSide::AtMost), (">=", BoundSide::AtLeast)];
        let split = |(sign, side)| text.split_once(sign).map(|(name, value)| (name, side, value));
        let (name, side, value) = sides.into_iter().find_map(split).ok_or(InvalidGoal::Bound)?;
        let (name, value) = (name.trim(), value.trim().parse().map_err(|_| InvalidGoal::Bound)?);
        if !is_name(name) || !f64::is_finite(value) {
            return Err(InvalidGoal::Bound);
        }
        Ok(Self { name: name.to_owned(), side, value })
    }
}

impl Bound {
    /// No more than `value` of `name`.
    pub(super) fn at_most(name: &str, value: f64) -> Self {
        Self { name: name.to_owned(), side: BoundSide::AtMost, value }
    }

    /// The limit of a plan, which knows only the largest value allowed. Its name differs
    /// from that of an objective about the same value.
    fn limit(&self) -> Limit {
        match self.side {
            BoundSide::AtMost => Limit { name: format!("max {}", self.name), at_most: self.value },
            BoundSide::AtLeast => Limit { name: format!("missing {}", self.name), at_most: 0.0 },
        }
    }

    /// The value of that limit where `value` was measured.
    fn of(&self, value: f64) -> f64 {
        match self.side {
            BoundSide::AtMost => value,
            BoundSide::AtLeast => self.value - value,
        }
    }
}

/// The objectives and limits of a run, and how they follow from what is measured.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Goals {
    /// For each objective its summands: a value and its factor.
    sums: Vec<Vec<(String, f64)>>,
    pub(super) objectives: Vec<Objective>,
    bounds: Vec<Bound>,
    pub(super) limits: Vec<Limit>,
}

impl Goals {
    /// The goals that the command line names. `aim_of` knows which values are to be small
    /// or large where it does not say so. Goals with a weight add up to one objective.
    ///
    /// # Errors
    ///
    /// The name of a goal of which nobody knows that.
    pub(super) fn of(
        goals: &[Goal],
        bounds: Vec<Bound>,
        aim_of: impl Fn(&str) -> Option<Aim>,
    ) -> Result<Self, String> {
        let limits = bounds.iter().map(Bound::limit).collect();
        let mut res = Self { sums: Vec::new(), objectives: Vec::new(), bounds, limits };
        let mut weighted = Vec::new();
        for Goal { name, aim, weight } in goals {
            let aim = aim.or_else(|| aim_of(name)).ok_or_else(|| name.clone())?;
            match weight {
                Some(weight) => weighted.push((name.clone(), aim, *weight)),
                None => res.push(name.clone(), aim, vec![(name.clone(), 1.0)]),
            }
        }
        match weighted.as_slice() {
            [] => (),
            [(name, aim, _)] => res.push(name.clone(), *aim, vec![(name.clone(), 1.0)]),
            several => {
                let sign = |aim: Aim| if aim == Aim::Least { 1.0 } else { -1.0 };
                let summands =
                    several.iter().map(|(name, aim, it)| (name.clone(), sign(*aim) * it));
                let summands: Vec<_> = summands.collect();
                let names: Vec<_> =
                    summands.iter().map(|(name, it)| format!("{it} {name}")).collect();
                res.push(names.join(" + "), Aim::Least, summands);
            }
        }
        Ok(res)
    }

    fn push(&mut self, name: String, aim: Aim, sum: Vec<(String, f64)>) {
        self.objectives.push(Objective { name, aim });
        self.sums.push(sum);
    }

    /// The names of all values that are needed.
    pub(super) fn names(&self) -> BTreeSet<&str> {
        let sums = self.sums.iter().flatten().map(|(name, _)| name.as_str());
        sums.chain(self.bounds.iter().map(|it| it.name.as_str())).collect()
    }

    /// What the tuner is told of `scenario`.
    ///
    /// # Errors
    ///
    /// Where a value is not there.
    pub(super) fn measured(&self, scenario: &str, values: &Values) -> Result<Measured, Fault> {
        let value = |name: &str| {
            let missing =
                || Fault::NoValue { scenario: scenario.to_owned(), name: name.to_owned() };
            values.get(name).copied().ok_or_else(missing)
        };
        let sum = |parts: &Vec<(String, f64)>| {
            let parts = parts.iter().map(|(name, factor)| Ok(factor * value(name)?));
            parts.sum::<Result<f64, Fault>>()
        };
        let objectives = self.sums.iter().map(sum).collect::<Result<_, _>>()?;
        let limits = self.bounds.iter().map(|it| Ok(it.of(value(&it.name)?)));
        let limits = limits.collect::<Result<_, Fault>>()?;
        Ok(Measured { scenario: scenario.to_owned(), objectives, limits })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Option<(&str, Option<Aim>, Option<f64>)>) {
        let goal: Option<Goal> = text.parse().ok();
        let found = goal.as_ref().map(|it| (it.name.as_str(), it.aim, it.weight));
        assert_eq!(found, expect, "{text}");
    }

    #[test]
    fn objectives_are_read() {
        check("units", Some(("units", None, None)));
        check("quality:max", Some(("quality", Some(Aim::Most), None)));
        check("p95_ms:0.5:min", Some(("p95_ms", Some(Aim::Least), Some(0.5))));
        for text in ["", ":max", "a:mean", "a:0", "a:NaN", "a:min:max", "a:1:2", "a b"] {
            check(text, None);
        }
    }

    #[test]
    fn weights_add_up_to_one_objective() {
        let goals = ["units:2", "quality:max:0.5", "trust:max"].map(|it| it.parse().unwrap());
        let bounds = vec!["units<=7".parse().unwrap(), "trust >= 0.6".parse().unwrap()];
        let goals = Goals::of(&goals, bounds, |_| Some(Aim::Least)).unwrap();
        let names: Vec<_> = goals.objectives.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["trust", "2 units + -0.5 quality"]);
        let values = [("units", 3.0), ("quality", 1.0), ("trust", 0.5)];
        let values = values.map(|(name, it)| (name.to_owned(), it)).into();
        let measured = goals.measured("a", &values).unwrap();
        assert_eq!((measured.objectives, measured.limits[0]), (vec![0.5, 5.5], 3.0));
        assert!(measured.limits[1] > goals.limits[1].at_most);
        assert!("units<7".parse::<Bound>().is_err() && "units<=NaN".parse::<Bound>().is_err());
    }
}
