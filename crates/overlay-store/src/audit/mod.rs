//! The audit log: one JSON record a line, each holding the hash of the one before.

use overlay_model::Digest;
use serde::{Deserialize, Serialize};

/// The end of a chain.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The number of the last record, 0 for an empty log.
    pub seq: u64,
    /// Its hash; the digest of nothing for an empty log.
    pub hash: Digest,
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
    pub seq: u64,
    /// What happened.
    #[serde(flatten)]
    pub entry: Entry,
    /// The hash of the record before.
    pub prev: Digest,
}
