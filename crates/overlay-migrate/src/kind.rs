use std::fmt;
use std::ops::BitOr;

use serde::{Deserialize, Serialize};

/// What a step is about: a set of bits, in JSON their sum.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Kind(u8);

impl Kind {
    /// Parameters of an overlay, 1.
    pub const PARAMS: Self = Self(1);
    /// The text of a prompt, 2.
    pub const PROMPT: Self = Self(2);
    /// Models and endpoints, 4.
    pub const PROVIDER: Self = Self(4);
    /// A database, 8.
    pub const DATABASE: Self = Self(8);
    /// Where files stand and what else is configured, 16.
    pub const CONFIGURATION: Self = Self(16);

    const NAMES: [(Self, &str); 5] = [
        (Self::PARAMS, "params"),
        (Self::PROMPT, "prompt"),
        (Self::PROVIDER, "provider"),
        (Self::DATABASE, "database"),
        (Self::CONFIGURATION, "configuration"),
    ];

    /// The bits as a number.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// Whether every bit of `other` is set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Kind {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Self::NAMES.iter().filter(|(kind, _)| self.contains(*kind));
        let names: Vec<_> = names.map(|(_, name)| *name).collect();
        f.pad(&names.join("+"))
    }
}
