use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};
use thiserror::Error;

/// The name of an overlay: `rollback_first`.
///
/// Invariant: `[a-z0-9][a-z0-9_-]{0,63}`, so that a name is a file name on every
/// system, a metric label and a URL segment without escaping.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct OverlayName(String);

impl OverlayName {
    /// The most bytes a name has.
    pub const MAX_LEN: usize = 64;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name in an overlay's file name: `refund` of `fusion_overlay.refund_v2.1.txt`,
    /// `None` where the file name is none of an overlay or its tag is no name.
    pub fn from_file_name(file_name: &str) -> Option<Self> {
        let tag = file_name.strip_prefix("fusion_overlay.")?.strip_suffix(".txt")?;
        let (stem, version) = tag.rsplit_once("_v").unwrap_or((tag, "0"));
        let is_version = !version.is_empty()
            && version.starts_with(|c: char| c.is_ascii_digit())
            && version.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+'));
        if is_version { stem } else { tag }.parse().ok()
    }
}

impl FromStr for OverlayName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let head = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let valid = text.len() <= Self::MAX_LEN
            && text.bytes().next().is_some_and(head)
            && text.bytes().all(|b| head(b) || b == b'_' || b == b'-');
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidName(text.to_owned())) }
    }
}

impl<'de> Deserialize<'de> for OverlayName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Borrow<str> for OverlayName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OverlayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A text that is no overlay name.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error(
    "invalid overlay name `{0}`: use 1 to 64 lower-case letters, digits, `_` and `-`, a letter or digit first"
)]
pub struct InvalidName(String);

/// The identifier of a scenario: `refund_processing_duplicate`.
///
/// Invariant: `[A-Za-z0-9][A-Za-z0-9_.-]{0,127}`; it names files in a suite.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct ScenarioId(String);

impl ScenarioId {
    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ScenarioId {
    type Err = InvalidScenarioId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let head = |b: u8| b.is_ascii_alphanumeric();
        let valid = text.len() <= 128
            && text.bytes().next().is_some_and(head)
            && text.bytes().all(|b| head(b) || matches!(b, b'_' | b'-' | b'.'));
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidScenarioId(text.to_owned())) }
    }
}

impl<'de> Deserialize<'de> for ScenarioId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Borrow<str> for ScenarioId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ScenarioId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A text that is no scenario identifier.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error(
    "invalid scenario id `{0}`: use 1 to 128 letters, digits, `_`, `-` and `.`, a letter or digit first"
)]
pub struct InvalidScenarioId(String);
