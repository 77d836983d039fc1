use std::borrow::Cow;
use std::io;

use overlay_model::Digest;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Head, Record};

/// The most bytes a record has as a line.
pub const MAX_RECORD_BYTES: usize = 1 << 20;

/// The version of the format that is written and read.
pub(super) const VERSION: u32 = 1;

/// The length of a digest as text.
const DIGEST_LEN: usize = "sha256:".len() + 64;

impl Record {
    /// The canonical JSON, without a line feed.
    ///
    /// # Errors
    ///
    /// `InvalidInput` where it is longer than [`MAX_RECORD_BYTES`] or nested so deep that
    /// no reader would take it.
    pub fn to_line(&self) -> io::Result<String> {
        let mut sorted = self.clone();
        sorted.entry.detail = sort_keys(sorted.entry.detail);
        let line = serde_json::to_string(&sorted)?;
        // A line that cannot be read again would break the chain for good.
        if line.len() > MAX_RECORD_BYTES || serde_json::from_str::<Self>(&line).is_err() {
            let message = "the audit record is too large or nested too deep";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        Ok(line)
    }

    /// The hash that the next record holds as `prev`.
    ///
    /// # Errors
    ///
    /// As for [`Self::to_line`].
    pub fn hash(&self) -> io::Result<Digest> {
        Ok(Hasher::default().hash(self.to_line()?.as_bytes()))
    }
}

/// Whether a record may have this number: behind the highest there is none for the next.
pub(super) fn is_number(seq: u64) -> bool {
    seq < u64::MAX
}

/// Reads the number of a record.
pub(super) fn number<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let seq = u64::deserialize(from)?;
    if is_number(seq) {
        return Ok(seq);
    }
    Err(D::Error::custom(format!("no record may have the number {seq}")))
}

/// Whether a map keeps the order of its keys depends on who else is in the build.
fn sort_keys(value: Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(sort_keys).collect()),
        Value::Object(map) => {
            let mut pairs: Vec<_> = map.into_iter().map(|(k, v)| (k, sort_keys(v))).collect();
            pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::Object(pairs.into_iter().collect())
        }
        other => other,
    }
}

/// Hashes lines, one after the other into the same buffer.
#[derive(Default)]
pub(super) struct Hasher(Vec<u8>);

impl Hasher {
    /// SHA-256 over the byte 1 and `line`: the tag keeps a record from being taken for
    /// anything else that is hashed here.
    pub(super) fn hash(&mut self, line: &[u8]) -> Digest {
        self.0.clear();
        self.0.push(1);
        self.0.extend_from_slice(line);
        Digest::of(&self.0)
    }
}

/// What ties a line to the one before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) seq: u64,
    pub(super) prev: Digest,
}

impl Link {
    /// Reads a whole line, so that what passes is a record for every other reader too.
    pub(super) fn parse(line: &[u8]) -> Result<Self, serde_json::Error> {
        let shape: Shape<'_> = serde_json::from_slice(line)?;
        let prev = shape.prev.parse().map_err(serde_json::Error::custom)?;
        if shape.v != VERSION {
            return Err(serde_json::Error::custom(format!("version {} is not known", shape.v)));
        }
        Ok(Self { seq: shape.seq, prev })
    }

    /// Reads only the two ends of a line, as [`Record::to_line`] writes them. What stands
    /// between is as it was written if the hash is the one that the next record holds.
    pub(super) fn of_ends(line: &[u8]) -> Option<Self> {
        let rest = line.strip_prefix(br#"{"v":1,"seq":"#)?;
        let digits = rest.split(|it| *it == b',').next()?;
        let (rest, prev) = line.strip_suffix(br#""}"#)?.split_last_chunk::<DIGEST_LEN>()?;
        let seq = std::str::from_utf8(digits).ok()?.parse().ok().filter(|it| is_number(*it))?;
        let prev = std::str::from_utf8(prev).ok()?.parse().ok()?;
        rest.ends_with(br#","prev":""#).then_some(Self { seq, prev })
    }

    /// As [`Self::parse`], at the price of [`Self::of_ends`] where the line comes right
    /// after `head`.
    pub(super) fn after(head: Head, line: &[u8]) -> Result<Self, serde_json::Error> {
        let quick = Self::of_ends(line).filter(|it| it.follows(head));
        quick.map_or_else(|| Self::parse(line), Ok)
    }

    /// Whether the line comes right after `head`.
    pub(super) fn follows(&self, head: Head) -> bool {
        self.seq == head.seq + 1 && self.prev == head.hash
    }
}

/// A [`Record`] that owns nothing: a million of them are read in a second.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read to be checked")]
struct Shape<'a> {
    v: u32,
    #[serde(deserialize_with = "number")]
    seq: u64,
    at_us: i64,
    #[serde(borrow)]
    actor: Cow<'a, str>,
    #[serde(borrow)]
    host: Cow<'a, str>,
    #[serde(borrow)]
    action: Cow<'a, str>,
    #[serde(borrow)]
    env: Cow<'a, str>,
    #[serde(borrow, default)]
    deployment: Option<Cow<'a, str>>,
    #[serde(default)]
    generation: Option<u64>,
    #[serde(default)]
    base: Option<u64>,
    #[serde(default)]
    manifest_sha256: Option<&'a str>,
    #[serde(borrow)]
    detail: &'a RawValue,
    prev: &'a str,
}
