use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use thiserror::Error;

/// The name of a parameter: `ARBITRATION_TIMEOUT_MS`, `LOCAL-GGUF_MAX_CONTEXT_TOKENS`.
///
/// Invariant: `[A-Z0-9][A-Z0-9_-]*`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct ParamKey(String);

impl ParamKey {
    /// The key as it is written in the overlay file.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `text` is a parameter name.
    pub fn is_valid(text: &str) -> bool {
        let mut bytes = text.bytes();
        bytes.next().is_some_and(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
            && bytes.all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
    }
}

impl FromStr for ParamKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if Self::is_valid(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidKey(text.to_owned()))
        }
    }
}

impl Borrow<str> for ParamKey {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ParamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A text that is no parameter name.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error(
    "invalid parameter name `{0}`: use upper-case letters, digits, `_` and `-`, a letter or digit first"
)]
pub struct InvalidKey(String);
