//! What is to become better and what must hold, as the command line says it.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use overlay_optimizer::{Aim, LARGEST, Limit, Measured, Objective};
use serde::Serialize;
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

    /// As it was written.
    fn text(&self) -> String {
        let sign = match self.side {
            BoundSide::AtMost => "<=",
            BoundSide::AtLeast => ">=",
        };
        format!("{}{sign}{}", self.name, self.value)
    }

    /// The value of that limit where `value` was measured.
    fn of(&self, value: f64) -> f64 {
        match self.side {
            BoundSide::AtMost => value,
            BoundSide::AtLeast => self.value - value,
        }
    }
}

/// A value that counts for an objective.
#[derive(Clone, Debug, PartialEq)]
struct Summand {
    name: String,
    aim: Aim,
    /// Negative where the sum is to be small, and the value large.
    factor: f64,
}

/// What the gains of an objective are counted in.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum GainUnit {
    /// The objective's own unit: scores from 0 to 1, and costs of nothing.
    Points,
    /// Shares of the value the overlay has as it is: times and costs.
    Shares,
    /// Of a weighted sum: shares of what each of its values may bring, by its weight. A sum
    /// itself may be near nothing, of which anything would be a large share.
    Weighted,
}

/// The objectives and limits of a run, and how they follow from what is measured.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Goals {
    /// For each objective its summands.
    sums: Vec<Vec<Summand>>,
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
            let summand = |factor| Summand { name: name.clone(), aim, factor };
            match weight {
                Some(weight) => weighted.push(summand(*weight)),
                None => res.push(name.clone(), aim, vec![summand(1.0)]),
            }
        }
        match weighted.as_mut_slice() {
            [] => (),
            [only] => {
                only.factor = 1.0;
                res.push(only.name.clone(), only.aim, weighted);
            }
            several => {
                let large = several.iter_mut().filter(|it| it.aim == Aim::Most);
                large.for_each(|it| it.factor = -it.factor);
                let names: Vec<_> =
                    several.iter().map(|it| format!("{} {}", it.factor, it.name)).collect();
                res.push(names.join(" + "), Aim::Least, weighted);
            }
        }
        Ok(res)
    }

    fn push(&mut self, name: String, aim: Aim, sum: Vec<Summand>) {
        self.objectives.push(Objective { name, aim });
        self.sums.push(sum);
    }

    /// The names of all values that are needed.
    pub(super) fn names(&self) -> BTreeSet<&str> {
        let sums = self.sums.iter().flatten().map(|it| it.name.as_str());
        sums.chain(self.bounds.iter().map(|it| it.name.as_str())).collect()
    }

    /// What the tuner is told of `scenario`.
    ///
    /// # Errors
    ///
    /// Where a value is not there, or none to reckon with.
    pub(super) fn measured(&self, scenario: &str, values: &Values) -> Result<Measured, Fault> {
        let value = |name: &str| {
            let missing =
                || Fault::NoValue { scenario: scenario.to_owned(), name: name.to_owned() };
            values.get(name).copied().ok_or_else(missing)
        };
        let sum = |parts: &Vec<Summand>| {
            let parts = parts.iter().map(|it| Ok(it.factor * value(&it.name)?));
            parts.sum::<Result<f64, Fault>>()
        };
        let objectives = self.sums.iter().map(sum).collect::<Result<Vec<_>, _>>()?;
        let limits = self.bounds.iter().map(|it| Ok(it.of(value(&it.name)?)));
        let limits = limits.collect::<Result<Vec<_>, Fault>>()?;
        let objective_names = self.objectives.iter().map(|it| &it.name);
        let names = objective_names.chain(self.limits.iter().map(|it| &it.name));
        for (name, value) in names.zip(objectives.iter().chain(&limits)) {
            sound(scenario, name, *value)?;
        }
        Ok(Measured { scenario: scenario.to_owned(), objectives, limits })
    }

    /// The limits that the values `worst` of them do not keep, and by how much:
    /// `` `trust>=2` is missed by 1.04 ``.
    pub(super) fn missed(&self, worst: &[f64]) -> Vec<String> {
        let rows = self.bounds.iter().zip(&self.limits).zip(worst);
        let missed = rows.filter(|((_, limit), value)| **value > limit.at_most);
        let words = missed.map(|((bound, limit), value)| {
            format!("`{}` is missed by {}", bound.text(), short(value - limit.at_most))
        });
        words.collect()
    }

    /// What gains of objective `at` are counted in, and for each scenario how much the whole
    /// is. `base` are the values with the overlay as it is, of each repeat.
    pub(super) fn wholes(&self, at: usize, base: &[Vec<&Values>]) -> (GainUnit, Vec<f64>) {
        let sum = self.sums.get(at).map(Vec::as_slice).unwrap_or_default();
        let cost = |it: &Summand, repeats: &[&Values]| {
            let known = repeats.iter().filter_map(|values| values.get(&it.name));
            let count = repeats.len().max(1) as f64;
            known.map(|it| it.abs()).sum::<f64>() / count
        };
        // What costs nothing somewhere has no shares there, and is counted in points.
        let has_shares = |it: &&Summand| {
            it.aim == Aim::Least && base.iter().all(|repeats| cost(it, repeats) > 0.0)
        };
        let in_shares: Vec<_> = sum.iter().filter(has_shares).collect();
        let whole = |repeats: &Vec<&Values>| {
            let parts = sum.iter().map(|it| {
                let whole = if in_shares.contains(&it) { cost(it, repeats) } else { 1.0 };
                it.factor.abs() * whole
            });
            parts.sum()
        };
        let unit = match (sum, in_shares.as_slice()) {
            ([_], []) => GainUnit::Points,
            ([_], _) => GainUnit::Shares,
            _ => GainUnit::Weighted,
        };
        (unit, base.iter().map(whole).collect())
    }
}

/// A number with four decimals at most, or as a power of ten where these say nothing.
fn short(value: f64) -> String {
    let text = format!("{value:.4}");
    match text.trim_end_matches('0').trim_end_matches('.') {
        "0" => format!("{value:.1e}"),
        text => text.to_owned(),
    }
}

/// A sum of finite numbers may still be none, and their squares too.
fn sound(scenario: &str, name: &str, value: f64) -> Result<(), Fault> {
    let (scenario, name) = (scenario.to_owned(), name.to_owned());
    if value.is_nan() || value.is_infinite() {
        Err(Fault::NoNumber { scenario, name, text: value.to_string() })
    } else if value.abs() > LARGEST {
        Err(Fault::TooLarge { scenario, name, value })
    } else {
        Ok(())
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
        assert_eq!(goals.missed(&measured.limits), ["`trust>=0.6` is missed by 0.1"]);
        let missed = ["`units<=7` is missed by 2.5", "`trust>=0.6` is missed by 1.0e-6"];
        assert_eq!(goals.missed(&[9.5, 1e-6]), missed);
        assert!("units<7".parse::<Bound>().is_err() && "units<=NaN".parse::<Bound>().is_err());
    }

    #[track_caller]
    fn wholes(goals: &[&str], base: &[&[(&str, f64)]], expect: (GainUnit, &[f64])) {
        let goals: Vec<Goal> = goals.iter().map(|it| it.parse().unwrap()).collect();
        let goals = Goals::of(&goals, Vec::new(), |_| None).unwrap();
        let values = |row: &&[(&str, f64)]| -> Values {
            row.iter().map(|(name, it)| ((*name).to_owned(), *it)).collect()
        };
        let values: Vec<_> = base.iter().map(values).collect();
        let repeats: Vec<_> = values.iter().map(|it| vec![it]).collect();
        assert_eq!(goals.wholes(0, &repeats), (expect.0, expect.1.to_vec()));
    }

    #[test]
    fn a_sum_near_nothing_is_no_measure_of_gains() {
        let base: [&[_]; 2] = [&[("q", 0.9), ("c", 900.0)], &[("q", 0.1), ("c", 100.0)]];
        wholes(&["q:max"], &base, (GainUnit::Points, &[1.0, 1.0]));
        wholes(&["c:min"], &base, (GainUnit::Shares, &[900.0, 100.0]));
        wholes(&["q:max:1", "c:min:0.001"], &base, (GainUnit::Weighted, &[1.9, 1.1]));
        let free: [&[_]; 2] = [&[("c", 900.0)], &[("c", 0.0)]];
        wholes(&["c:min"], &free, (GainUnit::Points, &[1.0, 1.0]));
    }
}
