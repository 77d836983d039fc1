//! The audit log: one JSON record a line, each holding the hash of the one before.
//!
//! | file | holds |
//! |---|---|
//! | `audit/00000001.jsonl`, … | the records; a segment that is full is followed by the next, the chain goes on |
//! | `audit/HEAD` | the end of the log: up to where the segments are durable, and each record since then with the end of the chain after it, checksummed |
//! | `audit/checkpoints/<size>.note` | signed [`Checkpoint`]s |
//! | `audit/foreign-<digest>` | what somebody had added to a segment, and [`recover`] took out |
//!
//! A line is the canonical JSON of its [`Record`]: fields in the order of the type, object
//! keys sorted, no blanks. The hash of a record is SHA-256 over the byte 1 and the line
//! without its line feed. [`append`] adds the record to `HEAD` and syncs that, once: then it
//! is in the log. The segment gets it too, unsynced, for whoever follows the file; what it
//! has behind its durable part is not read, and only held against `HEAD`. From time to time
//! `HEAD` is emptied into the segment, which is synced for that.
//!
//! What is found out: an altered, added, dropped, moved, repeated or cut record, by
//! [`Log::verify`], which names the first that does not fit. Who may write to the root
//! could still rewrite log, `HEAD` and pointer together; only a [`Checkpoint`] that was
//! exported before shows that.

mod append;
mod broken;
mod checkpoint;
mod filter;
mod journal;
mod line;
mod log;
mod pending;
mod recover;
mod segment;
mod tail;
mod verify;

use overlay_model::Digest;
use serde::{Deserialize, Serialize};

pub use self::append::append;
pub use self::broken::{AuditError, Broken, Damage};
pub use self::checkpoint::{
    Checkpoint, CheckpointError, MAX_CHECKPOINT_BYTES, keep_checkpoint, public_key,
};
pub use self::filter::Filter;
pub use self::line::MAX_RECORD_BYTES;
pub use self::log::{Log, Records};
pub use self::recover::{Repair, recover};
pub use self::segment::SEGMENT_BYTES;
pub use self::verify::{Verified, VerifiedExport, verify_export};

/// The end of a chain.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The number of the last record, 0 for an empty log.
    #[serde(deserialize_with = "line::number")]
    pub seq: u64,
    /// Its hash; the digest of nothing for an empty log.
    pub hash: Digest,
}

impl Head {
    /// The end of an empty log.
    pub fn empty() -> Self {
        Self { seq: 0, hash: Digest::of(b"") }
    }
}

/// What happened, as it is given to the log.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Entry {
    /// When, microseconds since 1970.
    pub at_us: i64,
    /// Who: a user's name, or a service's.
    pub actor: String,
    /// On which machine.
    pub host: String,
    /// What: `deploy_intent`, `deploy_committed`, `rollback`, `kill`, `gc`, ….
    pub action: String,
    /// In which environment.
    pub env: String,
    /// For which deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    /// About which generation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// On which generation it rests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<u64>,
    /// The digest of the generation's manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest_sha256: Option<Digest>,
    /// Whatever else is worth keeping; an object, `null` for nothing.
    #[serde(default)]
    pub detail: serde_json::Value,
}

/// An entry in the chain.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Record {
    /// The version of this format, 1.
    pub v: u32,
    /// Its number, from 1 without a gap.
    #[serde(deserialize_with = "line::number")]
    pub seq: u64,
    /// What happened.
    #[serde(flatten)]
    pub entry: Entry,
    /// The hash of the record before.
    pub prev: Digest,
}
