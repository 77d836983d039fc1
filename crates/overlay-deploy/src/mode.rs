use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How a candidate becomes the stable generation.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// At once, and watched afterwards.
    Direct,
    /// By growing shares of the units, each share judged against the rest.
    Staged,
    /// Checked beside the live generation, then all units at once.
    BlueGreen,
}

impl Mode {
    /// All modes.
    pub const ALL: [Self; 3] = [Self::Direct, Self::Staged, Self::BlueGreen];

    /// The word, as files and the command line have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Staged => "staged",
            Self::BlueGreen => "blue-green",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Mode {
    type Err = UnknownMode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mode = Self::ALL.into_iter().find(|it| it.as_str() == text);
        mode.ok_or_else(|| UnknownMode(text.to_owned()))
    }
}

/// A text that names no mode.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("unknown mode `{0}`: use direct, staged or blue-green")]
pub struct UnknownMode(pub String);
