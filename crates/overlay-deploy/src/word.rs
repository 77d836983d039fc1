//! Words that stand in files and on the command line.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A text that is no name.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{0}` is no name: 1 to 64 lower-case letters, digits, `_` and `-`, no mark first")]
pub struct InvalidName(pub String);

fn name(text: &str) -> Result<String, InvalidName> {
    let is_plain = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit();
    let first = text.bytes().next().is_some_and(is_plain);
    let rest = text.bytes().all(|it| is_plain(it) || it == b'_' || it == b'-');
    let valid = first && rest && text.len() <= 64;
    valid.then(|| text.to_owned()).ok_or_else(|| InvalidName(text.to_owned()))
}

/// The name of an environment: `development`, `staging`, `production`, or any other.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct EnvironmentName(String);

/// The name of a check.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct CheckName(String);

impl EnvironmentName {
    /// The name as a text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is where people try things, so that no golden verdict is asked for.
    pub fn is_development(&self) -> bool {
        self.0 == "development"
    }
}

impl CheckName {
    /// The name as a text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EnvironmentName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        name(text).map(Self)
    }
}

impl FromStr for CheckName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        name(text).map(Self)
    }
}

impl TryFrom<String> for EnvironmentName {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl TryFrom<String> for CheckName {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<EnvironmentName> for String {
    fn from(name: EnvironmentName) -> Self {
        name.0
    }
}

impl From<CheckName> for String {
    fn from(name: CheckName) -> Self {
        name.0
    }
}

impl fmt::Display for EnvironmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Display for CheckName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
