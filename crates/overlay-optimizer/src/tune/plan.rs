use overlay_model::Digest;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::tune::space::Candidate;

/// Whether a value is to be small or large.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Aim {
    /// The smaller the better: time, cost, tokens.
    Least,
    /// The larger the better: quality.
    Most,
}

impl Aim {
    /// The value such that smaller is better.
    pub(crate) fn cost(self, value: f64) -> f64 {
        match self {
            Self::Least => value,
            Self::Most => -value,
        }
    }
}

/// What is to become better, as the weighted mean over the scenarios.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Objective {
    /// Its name: `quality`, `latency_ms`.
    pub name: String,
    /// Whether it is to be small or large.
    pub aim: Aim,
}

/// A hard budget, which no scenario may exceed.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// Its name: `token_delta_pct`.
    pub name: String,
    /// The largest value allowed.
    pub at_most: f64,
}

/// A scenario that candidates are evaluated on.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WeightedScenario {
    /// Its id.
    pub id: String,
    /// Its weight in means over the scenarios; more than 0.
    pub weight: f64,
}

/// What a tuner is to reach, and with how much.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TunePlan {
    /// At least one; several are weighed against each other.
    pub objectives: Vec<Objective>,
    /// Hard budgets.
    #[serde(default)]
    pub limits: Vec<Limit>,
    /// At least one.
    pub scenarios: Vec<WeightedScenario>,
    /// How many evaluations of one candidate on one scenario may be asked for.
    pub budget: usize,
    /// What all randomness comes from.
    pub seed: u64,
    /// Ends the run where no candidate is expected to better the one objective by so
    /// much, in its unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_below: Option<f64>,
    /// Candidates to try before any other, after the overlay as it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub starts: Vec<Candidate>,
    /// The only candidates there are evaluations of, where not every one has some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<Vec<Candidate>>,
    /// What the evaluations rest on, for whoever resumes the run to compare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
}

/// What the evaluations of a run rest on: of another one they would say nothing.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Basis {
    /// The digest of the overlay as it is.
    pub overlay: Digest,
    /// What evaluates: a command line, or a name.
    pub evaluator: String,
    /// The digest of all that an evaluator is told of the scenarios.
    pub scenarios: Digest,
}

/// Why a plan cannot be carried out.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum PlanError {
    /// Nothing is to become better.
    #[error("there is no objective")]
    NoObjective,
    /// Nothing to evaluate on.
    #[error("there is no scenario")]
    NoScenario,
    /// A name that stands twice.
    #[error("`{0}` stands twice")]
    Twice(String),
    /// A weight that is none.
    #[error("the weight of scenario `{id}` is {weight}, and must be more than 0")]
    Weight {
        /// The scenario.
        id: String,
        /// Its weight.
        weight: f64,
    },
    /// A limit that is no number.
    #[error("the limit of {0} is not a finite number")]
    Limit(String),
    /// Not even the overlay as it is can be evaluated.
    #[error(
        "a budget of {budget} does not reach to evaluate the overlay itself on {scenarios} scenarios"
    )]
    Budget {
        /// The budget.
        budget: usize,
        /// The number of scenarios.
        scenarios: usize,
    },
    /// A start or a member of the pool that is none of the space.
    #[error("a start or a member of the pool is no candidate of the space")]
    Foreign,
}

impl TunePlan {
    pub(crate) fn check(&self) -> Result<(), PlanError> {
        if self.objectives.is_empty() {
            return Err(PlanError::NoObjective);
        }
        if self.scenarios.is_empty() {
            return Err(PlanError::NoScenario);
        }
        let measures = self.objectives.iter().map(|it| &it.name);
        twice(measures.chain(self.limits.iter().map(|it| &it.name)).collect())?;
        twice(self.scenarios.iter().map(|it| &it.id).collect())?;
        let is_weight = |weight: f64| weight.is_finite() && weight > 0.0;
        if let Some(it) = self.scenarios.iter().find(|it| !is_weight(it.weight)) {
            return Err(PlanError::Weight { id: it.id.clone(), weight: it.weight });
        }
        if let Some(it) = self.limits.iter().find(|it| !it.at_most.is_finite()) {
            return Err(PlanError::Limit(it.name.clone()));
        }
        let (budget, scenarios) = (self.budget, self.scenarios.len());
        if budget < scenarios {
            return Err(PlanError::Budget { budget, scenarios });
        }
        Ok(())
    }
}

fn twice(mut names: Vec<&String>) -> Result<(), PlanError> {
    names.sort();
    let mut pairs = names.iter().zip(names.iter().skip(1));
    match pairs.find(|(a, b)| a == b) {
        Some((name, _)) => Err(PlanError::Twice((*name).clone())),
        None => Ok(()),
    }
}
