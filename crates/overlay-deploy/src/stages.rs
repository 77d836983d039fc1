use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Buckets in one percent; a pointer counts the units in 100,000 buckets.
const BUCKETS_A_PERCENT: u32 = 1000;
/// All units.
pub(crate) const EVERYONE: u32 = 100 * BUCKETS_A_PERCENT;

/// A share of the units, in buckets of 100,000.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Weight(pub u32);

impl Weight {
    /// The share in percent.
    pub fn percent(self) -> f64 {
        f64::from(self.0) / f64::from(BUCKETS_A_PERCENT)
    }

    /// The share of one.
    pub fn share(self) -> f64 {
        self.percent() / 100.0
    }
}

/// `5 %`.
impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.percent())
    }
}

/// The shares of a staged rollout: growing, the last one everybody, with at least one
/// before it, since the last is judged against what that one saw.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "Vec<f64>", into = "Vec<f64>")]
pub struct Stages(Vec<Weight>);

/// Shares that no rollout has.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error(
    "`{0}` are no stages: write 2 to 50 growing percentages, above 0 and with at most three decimals, the last one 100"
)]
pub struct InvalidStages(pub String);

impl Stages {
    /// From percentages.
    ///
    /// # Errors
    ///
    /// Where they do not grow from above 0 to 100, or are fewer than 2 or more than 50.
    pub fn of_percent(percent: &[f64]) -> Result<Self, InvalidStages> {
        let text = || percent.iter().map(f64::to_string).collect::<Vec<_>>().join(",");
        let invalid = || InvalidStages(text());
        let stages: Option<Vec<Weight>> = percent.iter().map(|it| weight(*it)).collect();
        let stages = stages.ok_or_else(invalid)?;
        let grows = stages.is_sorted_by(|a, b| a < b);
        let ends = stages.last() == Some(&Weight(EVERYONE));
        let valid = grows && ends && (2..=50).contains(&stages.len());
        valid.then_some(Self(stages)).ok_or_else(invalid)
    }

    /// The shares.
    pub fn weights(&self) -> &[Weight] {
        &self.0
    }

    /// The share of a stage, counted from 0.
    pub fn weight(&self, step: u32) -> Option<Weight> {
        usize::try_from(step).ok().and_then(|at| self.0.get(at)).copied()
    }
}

/// The buckets of a percentage, where it has any and needs no more than three decimals.
fn weight(percent: f64) -> Option<Weight> {
    let buckets = percent * f64::from(BUCKETS_A_PERCENT);
    let whole = (1..=EVERYONE).contains(&(buckets.round() as u32));
    let exact = (buckets - buckets.round()).abs() < 1e-6 && percent > 0.0;
    (whole && exact && percent <= 100.0).then_some(Weight(buckets.round() as u32))
}

/// 1, 5, 25, 50 and 100 %.
impl Default for Stages {
    fn default() -> Self {
        Self([1, 5, 25, 50, 100].map(|it| Weight(it * BUCKETS_A_PERCENT)).to_vec())
    }
}

impl FromStr for Stages {
    type Err = InvalidStages;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers: Result<Vec<f64>, _> = text.split(',').map(|it| it.trim().parse()).collect();
        let numbers = numbers.map_err(|_| InvalidStages(text.to_owned()))?;
        Self::of_percent(&numbers)
    }
}

impl TryFrom<Vec<f64>> for Stages {
    type Error = InvalidStages;

    fn try_from(percent: Vec<f64>) -> Result<Self, Self::Error> {
        Self::of_percent(&percent)
    }
}

impl From<Stages> for Vec<f64> {
    fn from(stages: Stages) -> Self {
        stages.0.into_iter().map(Weight::percent).collect()
    }
}

/// As the command line takes them: `1,5,25,50,100`.
impl fmt::Display for Stages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent: Vec<String> = self.0.iter().map(|it| it.percent().to_string()).collect();
        f.write_str(&percent.join(","))
    }
}
