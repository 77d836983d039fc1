use serde::{Deserialize, Serialize};

use crate::tune::float;
use crate::tune::plan::TunePlan;
use crate::tune::space::Candidate;

/// The largest measure, either way: sums of squares of larger ones may be no numbers.
pub const LARGEST: f64 = 1e100;

/// What came of one candidate on one scenario.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// The scenario.
    pub scenario: String,
    /// A value for each objective of the plan, in its order.
    pub objectives: Vec<f64>,
    /// A value for each limit of the plan, in its order.
    #[serde(default)]
    pub limits: Vec<f64>,
}

/// How far a trial came.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase", tag = "status", content = "reason")]
pub enum TrialStatus {
    /// Scenarios are left.
    Open,
    /// Evaluated on every scenario.
    Complete,
    /// Given up before the last scenario, and why.
    Stopped(String),
    /// No evaluation of it can be had, and why.
    Unavailable(String),
}

/// One candidate with what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trial {
    pub(crate) candidate: Candidate,
    /// By number of the scenario.
    pub(crate) seen: Vec<Option<Outcome>>,
    pub(crate) status: TrialStatus,
}

/// Costs (smaller is better) and the values of limits.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) costs: Vec<f64>,
    pub(crate) limits: Vec<f64>,
}

impl Trial {
    pub(crate) fn new(candidate: Candidate, scenarios: usize) -> Self {
        Self { candidate, seen: vec![None; scenarios], status: TrialStatus::Open }
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.status == TrialStatus::Complete
    }

    pub(crate) fn runs(&self) -> usize {
        self.seen.iter().flatten().count()
    }

    /// The cost of objective `at` on scenario `scenario`.
    pub(crate) fn cost(&self, scenario: usize, at: usize) -> Option<f64> {
        self.seen.get(scenario)?.as_ref()?.costs.get(at).copied()
    }

    /// The largest value of limit `at` on any scenario seen.
    pub(crate) fn worst(&self, at: usize) -> Option<f64> {
        self.seen.iter().flatten().filter_map(|it| it.limits.get(at).copied()).reduce(f64::max)
    }

    /// Whether no limit was exceeded on a scenario seen.
    pub(crate) fn is_within(&self, plan: &TunePlan) -> bool {
        let mut limits = plan.limits.iter().enumerate();
        limits.all(|(at, it)| self.worst(at).is_none_or(|worst| worst <= it.at_most))
    }

    /// The weighted mean of objective `at` over the scenarios seen.
    pub(crate) fn mean(&self, at: usize, plan: &TunePlan) -> Option<f64> {
        let pairs = plan.scenarios.iter().enumerate();
        let pairs = pairs.filter_map(|(it, row)| Some((row.weight, self.cost(it, at)?)));
        weighted_mean(pairs)
    }
}

/// The mean of values with weights, `None` without any.
pub(crate) fn weighted_mean(pairs: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let (total, sum) = pairs
        .fold((0.0, 0.0), |(total, sum), (weight, value)| (total + weight, sum + weight * value));
    (total > 0.0).then(|| sum / total)
}

/// One objective's values of all trials, made comparable: candidates that saw only some
/// scenarios are compared with the others on these.
pub(crate) struct Levelled {
    /// Mean over the complete trials, by scenario.
    means: Vec<f64>,
    overall: f64,
    /// The variance of what is left of a value after candidate and scenario.
    residual: f64,
}

impl Levelled {
    pub(crate) fn of(trials: &[Trial], at: usize, plan: &TunePlan) -> Self {
        let complete: Vec<_> = trials.iter().filter(|it| it.is_complete()).collect();
        let mean_of = |scenario| {
            let costs = complete.iter().filter_map(|it| Some((1.0, it.cost(scenario, at)?)));
            weighted_mean(costs).unwrap_or_default()
        };
        let means: Vec<_> = (0..plan.scenarios.len()).map(mean_of).collect();
        let weights = plan.scenarios.iter().map(|it| it.weight);
        let overall = weighted_mean(weights.zip(means.iter().copied())).unwrap_or_default();
        let mut res = Self { means, overall, residual: 0.0 };
        let (mut squares, mut count) = (0.0, 0.0);
        for trial in &complete {
            let Some((level, _)) = res.value(trial, at, plan) else { continue };
            for (scenario, mean) in res.means.iter().enumerate() {
                let cost = trial.cost(scenario, at).unwrap_or(*mean);
                squares += (cost - mean - (level - res.overall)).powi(2);
                count += 1.0;
            }
        }
        let free = count - float(complete.len()) - float(res.means.len());
        res.residual = if free > 0.0 { squares / free } else { 0.0 };
        res
    }

    /// The value of `trial` over all scenarios, with the variance that comes from those
    /// it did not see.
    pub(crate) fn value(&self, trial: &Trial, at: usize, plan: &TunePlan) -> Option<(f64, f64)> {
        let rows = plan.scenarios.iter().zip(&self.means).enumerate();
        let seen: Vec<_> = rows
            .filter_map(|(it, (row, mean))| Some((row.weight, trial.cost(it, at)? - mean)))
            .collect();
        let gain = weighted_mean(seen.iter().copied())?;
        let share = |weights: &[f64]| {
            let sum: f64 = weights.iter().sum();
            weights.iter().map(|it| it * it).sum::<f64>() / (sum * sum)
        };
        let of_seen: Vec<_> = seen.iter().map(|it| it.0).collect();
        let of_all: Vec<_> = plan.scenarios.iter().map(|it| it.weight).collect();
        let lacking = (share(&of_seen) - share(&of_all)).max(0.0);
        Some((self.overall + gain, self.residual * lacking))
    }
}
