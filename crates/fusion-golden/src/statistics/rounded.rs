//! Derived numbers are written with four decimals, so that reports do not depend on the last
//! bits of a platform's logarithm.

use serde::{Serialize, Serializer};

pub(crate) fn number<S: Serializer>(number: &f64, to: S) -> Result<S::Ok, S::Error> {
    round4(*number).serialize(to)
}

#[expect(clippy::ref_option, reason = "the form that serde calls")]
pub(super) fn option<S: Serializer>(number: &Option<f64>, to: S) -> Result<S::Ok, S::Error> {
    number.map(round4).serialize(to)
}

pub(crate) fn round4(number: f64) -> f64 {
    // Adding zero turns minus zero into zero.
    (number * 1e4).round() / 1e4 + 0.0
}
