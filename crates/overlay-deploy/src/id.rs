use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The id of a deployment: a UUID of version 7, so ids sort by time and never collide.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeploymentId(String);

impl DeploymentId {
    /// The id for this moment, microseconds since 1970, and these random bytes, which have
    /// to be new ones for each id (RFC 9562, section 5.7).
    pub fn new(at_us: i64, random: [u8; 10]) -> Self {
        let millis = u64::try_from(at_us / 1000).unwrap_or_default();
        let [a, b, rest @ ..] = random;
        let head = millis & 0xffff_ffff_ffff;
        let version = 0x7000 | (u16::from_be_bytes([a, b]) & 0x0fff);
        let [c, d, tail @ ..] = rest;
        let variant = 0x8000 | (u16::from_be_bytes([c, d]) & 0x3fff);
        let tail: String = tail.iter().map(|it| format!("{it:02x}")).collect();
        Self(format!("{:08x}-{:04x}-{version:04x}-{variant:04x}-{tail}", head >> 16, head & 0xffff))
    }

    /// The moment in it, microseconds since 1970, to the millisecond.
    pub fn at_us(&self) -> i64 {
        let digits = self.0.chars().filter(|it| *it != '-').take(12);
        let millis = digits.filter_map(|it| it.to_digit(16));
        millis.fold(0, |millis, digit| millis * 16 + i64::from(digit)) * 1000
    }

    /// The id as a text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that is no id of a deployment.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{0}` is no id of a deployment")]
pub struct InvalidDeploymentId(pub String);

impl FromStr for DeploymentId {
    type Err = InvalidDeploymentId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lengths: Vec<usize> = text.split('-').map(str::len).collect();
        let digit = |it: u8| it.is_ascii_digit() || (b'a'..=b'f').contains(&it) || it == b'-';
        let valid = lengths == [8, 4, 4, 4, 12] && text.bytes().all(digit);
        valid.then(|| Self(text.to_owned())).ok_or_else(|| InvalidDeploymentId(text.to_owned()))
    }
}

impl TryFrom<String> for DeploymentId {
    type Error = InvalidDeploymentId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<DeploymentId> for String {
    fn from(id: DeploymentId) -> Self {
        id.0
    }
}

impl fmt::Display for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
