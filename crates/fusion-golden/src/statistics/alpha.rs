use serde::Serialize;
use thiserror::Error;

use super::rounded;

/// How often a bound may be wrong: above 0, at most 0.5.
///
/// One side each: an interval of two bounds at `alpha` covers `1 − 2·alpha`.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
pub struct Alpha(f64);

/// A number that is no error probability.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
#[error("error probability {0} is not above 0 and at most 0.5")]
pub struct AlphaError(f64);

impl Alpha {
    /// One in twenty.
    pub const P05: Self = Self(0.05);
    /// One in forty: two such bounds are a 95 % interval.
    pub const P025: Self = Self(0.025);
    /// One in a hundred.
    pub const P01: Self = Self(0.01);

    /// An error probability.
    ///
    /// # Errors
    /// Where it is not above 0 and at most 0.5.
    pub fn try_new(alpha: f64) -> Result<Self, AlphaError> {
        if alpha > 0.0 && alpha <= 0.5 { Ok(Self(alpha)) } else { Err(AlphaError(alpha)) }
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }

    /// What each of `claims` may be wrong with, so that all of them together stay at this.
    pub(super) fn shared_by(self, claims: usize) -> Self {
        Self(self.0 / super::special::as_f64(claims.max(1)))
    }
}

/// Two bounds in the unit of what they bound. An infinite one is none, in JSON `null`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// The lower bound.
    #[serde(serialize_with = "rounded::number")]
    pub lower: f64,
    /// The upper bound.
    #[serde(serialize_with = "rounded::number")]
    pub upper: f64,
}

impl Interval {
    /// Whether the number lies within, bounds included.
    pub fn contains(self, number: f64) -> bool {
        self.lower <= number && number <= self.upper
    }
}
