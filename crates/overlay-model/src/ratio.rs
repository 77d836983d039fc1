use std::fmt;

use serde::Serialize;
use thiserror::Error;

/// A share: a finite number from 0 to 1, both included.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
pub struct Ratio(f64);

impl Ratio {
    /// None of it.
    pub const ZERO: Self = Self(0.0);
    /// All of it.
    pub const ONE: Self = Self(1.0);

    /// The share `value`.
    ///
    /// # Errors
    ///
    /// Where `value` is below 0, above 1 or not a number.
    pub fn new(value: f64) -> Result<Self, OutOfRange> {
        if (0.0..=1.0).contains(&value) { Ok(Self(value)) } else { Err(OutOfRange(value)) }
    }

    /// The share as a number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A number that is no share.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
#[error("{0} is not a number from 0 to 1")]
pub struct OutOfRange(f64);
