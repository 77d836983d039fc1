use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use thiserror::Error;

/// Where something is checked for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// A machine of somebody who writes overlays.
    Development,
    /// Where a change is tried before users see it.
    Staging,
    /// Where users are.
    Production,
}

impl Environment {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Development, Self::Staging, Self::Production];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Staging => "staging",
            Self::Production => "production",
        }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// No environment that can be checked for.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{0}` is none of development, staging, production")]
pub struct UnknownEnvironment(pub String);

impl FromStr for Environment {
    type Err = UnknownEnvironment;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|it| it.name() == text);
        known.ok_or_else(|| UnknownEnvironment(text.to_owned()))
    }
}
