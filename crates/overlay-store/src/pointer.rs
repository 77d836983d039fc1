use std::fmt;
use std::str::FromStr;

use overlay_model::Digest;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::audit::Head;

/// The number of a generation, counted from 1 without a gap in the order of publishing.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct GenerationId(pub u64);

/// Eight digits, as the directory is named.
impl fmt::Display for GenerationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08}", self.0)
    }
}

/// Not the number of a generation.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{0}` is no generation number")]
pub struct InvalidGenerationId(pub String);

impl FromStr for GenerationId {
    type Err = InvalidGenerationId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
        let number = text.parse().ok().filter(|it| digits && *it > 0);
        number.map(Self).ok_or_else(|| InvalidGenerationId(text.to_owned()))
    }
}

/// A generation, and which bytes it has to have.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GenerationRef {
    /// Its number.
    pub generation: GenerationId,
    /// The digest of its manifest's bytes.
    pub manifest: Digest,
}

/// Where a rollout stands.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Nothing is under way.
    Stable,
    /// The candidate is published and gets no unit yet.
    Staged,
    /// Checks before any exposure run.
    PreCheck,
    /// The candidate has a share of the units.
    Canary,
    /// As `Canary`, and waiting for a person.
    Paused,
    /// The candidate becomes the stable generation.
    Promoting,
    /// The new generation is stable, and under watch.
    PostCheck,
    /// On the way back to the old generation.
    Aborting,
    /// Neither the new nor the old generation could be put in force.
    Frozen,
}

impl Phase {
    /// Whether a rollout has yet to come to its end.
    pub fn is_under_way(self) -> bool {
        !matches!(self, Self::Stable | Self::Frozen)
    }
}

/// What is live: the one truth of a deployment root, replaced as a whole.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Pointer {
    /// The version of this format, 1.
    pub v: u32,
    /// Grows by one with every write of the pointer, also with a rollback.
    pub epoch: u64,
    /// Where the rollout stands.
    pub phase: Phase,
    /// The generation in force.
    pub stable: GenerationRef,
    /// The generation on trial.
    pub candidate: Option<GenerationRef>,
    /// The candidate's share of the units, in buckets of 100,000.
    pub weight: u32,
    /// The deployment under way, or the last one; names the salt `deploy/<id>`.
    pub deployment: Option<String>,
    /// The index of the stage.
    pub step: u32,
    /// When the stage began, microseconds since 1970.
    pub step_started_us: i64,
    /// The last audit record when this was written.
    pub audit: Head,
}

/// The most bytes a pointer file has.
pub const MAX_POINTER_BYTES: u64 = 4096;

/// The version of the pointer's format.
pub(crate) const POINTER_VERSION: u32 = 1;
/// All units, as a weight.
pub const MAX_WEIGHT: u32 = 100_000;

/// Where the checksum begins.
const SUM: &str = ",\"sum\":\"";

impl Pointer {
    /// The line of `CURRENT`: a JSON object whose last member `sum` is the SHA-256 of the
    /// same object without it.
    ///
    /// # Errors
    ///
    /// [`InvalidPointer`] where it would be longer than [`MAX_POINTER_BYTES`] or would not
    /// read back.
    pub fn encode(&self) -> Result<String, InvalidPointer> {
        let body = serde_json::to_string(self).map_err(|err| InvalidPointer(err.to_string()))?;
        let sum = Digest::of(body.as_bytes());
        let open = body.strip_suffix('}').unwrap_or(&body);
        let line = format!("{open}{SUM}{sum}\"}}\n");
        if line.len() as u64 > MAX_POINTER_BYTES {
            return Err(InvalidPointer(format!("{} bytes are too many", line.len())));
        }
        Self::decode(line.as_bytes()).map(|_| line)
    }

    /// Reads the line back.
    ///
    /// # Errors
    ///
    /// [`InvalidPointer`] for anything but the bytes that [`Self::encode`] writes.
    pub fn decode(bytes: &[u8]) -> Result<Self, InvalidPointer> {
        let invalid = |why: &str| InvalidPointer(why.to_owned());
        let text = std::str::from_utf8(bytes).map_err(|_| invalid("no text"))?;
        let line = text.strip_suffix("\"}\n").ok_or_else(|| invalid("no whole line"))?;
        let (open, sum) = line.rsplit_once(SUM).ok_or_else(|| invalid("no checksum"))?;
        let body = format!("{open}}}");
        if sum.parse() != Ok(Digest::of(body.as_bytes())) {
            return Err(invalid("wrong checksum"));
        }
        let pointer: Self =
            serde_json::from_str(&body).map_err(|err| InvalidPointer(err.to_string()))?;
        if pointer.v != POINTER_VERSION {
            return Err(InvalidPointer(format!("unknown version {}", pointer.v)));
        }
        // The highest epoch would leave none for the next pointer.
        if pointer.weight > MAX_WEIGHT || !(1..u64::MAX).contains(&pointer.epoch) {
            return Err(invalid("a number out of range"));
        }
        Ok(pointer)
    }
}

/// Not the line of a pointer, and why.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("no valid pointer: {0}")]
pub struct InvalidPointer(pub String);
