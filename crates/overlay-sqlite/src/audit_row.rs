use std::io;

use overlay_model::Digest;
use overlay_store::audit::Record;
use rusqlite::Row;
use serde::Serialize;
use serde_json::Value;

use crate::database::loaded;

/// What stands in `overlay_type` where a record does not say.
const OVERLAY_TYPE: &str = "fusion_overlay";

/// A record of the audit log as a row of `overlay_audit_log`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct AuditRow {
    /// The number of the record, from 1.
    pub seq: u64,
    /// `overlay_type` of the record's detail, else `fusion_overlay`.
    pub overlay_type: String,
    /// The first of the overlays that the record is about, empty where it names none.
    pub overlay_id: String,
    /// What happened.
    pub action: String,
    /// Who did it.
    pub user_name: String,
    /// When, microseconds since 1970, UTC.
    pub timestamp_us: i64,
    /// The record's detail as JSON.
    pub data: Option<String>,
    /// On which machine.
    pub host: String,
    /// In which environment.
    pub environment: String,
    /// For which deployment.
    pub deployment_id: Option<String>,
    /// About which generation.
    pub generation: Option<u64>,
    /// On which generation it rests.
    pub base_generation: Option<u64>,
    /// The digest of the generation's manifest.
    pub manifest_sha256: Option<String>,
    /// The hash of the record before.
    pub prev_hash: String,
    /// The hash of this record.
    pub hash: String,
}

impl AuditRow {
    /// The row of a record.
    ///
    /// # Errors
    ///
    /// As [`Record::to_line`].
    pub fn of(record: &Record) -> io::Result<Self> {
        let entry = &record.entry;
        let overlay_type = entry.detail.get("overlay_type").and_then(Value::as_str);
        Ok(Self {
            seq: record.seq,
            overlay_type: overlay_type.unwrap_or(OVERLAY_TYPE).to_owned(),
            overlay_id: overlays(record).into_iter().next().unwrap_or_default(),
            action: entry.action.clone(),
            user_name: entry.actor.clone(),
            timestamp_us: entry.at_us,
            data: Some(&entry.detail).filter(|it| !it.is_null()).map(ToString::to_string),
            host: entry.host.clone(),
            environment: entry.env.clone(),
            deployment_id: entry.deployment.clone(),
            generation: entry.generation,
            base_generation: entry.base,
            manifest_sha256: entry.manifest_sha256.as_ref().map(Digest::to_string),
            prev_hash: record.prev.to_string(),
            hash: record.hash()?.to_string(),
        })
    }

    /// Reads a row with all columns.
    pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: loaded(row.get("id")?),
            overlay_type: row.get("overlay_type")?,
            overlay_id: row.get("overlay_id")?,
            action: row.get("action")?,
            user_name: row.get("user_name")?,
            timestamp_us: row.get("timestamp")?,
            data: row.get("data")?,
            host: row.get("host")?,
            environment: row.get("environment")?,
            deployment_id: row.get("deployment_id")?,
            generation: row.get::<_, Option<i64>>("generation")?.map(loaded),
            base_generation: row.get::<_, Option<i64>>("base_generation")?.map(loaded),
            manifest_sha256: row.get("manifest_sha256")?,
            prev_hash: row.get("prev_hash")?,
            hash: row.get("hash")?,
        })
    }
}

/// The overlays a record is about: `overlay` (a name) and `overlays` (names, or an object
/// with names as keys) of its detail, each once, sorted.
pub(crate) fn overlays(record: &Record) -> Vec<String> {
    let detail = &record.entry.detail;
    let mut names: Vec<&str> = match detail.get("overlays") {
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        Some(Value::Object(map)) => map.keys().map(String::as_str).collect(),
        _ => Vec::new(),
    };
    names.extend(detail.get("overlay").and_then(Value::as_str));
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(str::to_owned).collect()
}

/// Which audit rows are wanted, newest first; the newest 100 of all by default.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuditQuery {
    /// Only of this deployment.
    pub deployment: Option<String>,
    /// Only by this actor.
    pub actor: Option<String>,
    /// Only about this overlay.
    pub overlay: Option<String>,
    /// Only with this action.
    pub action: Option<String>,
    /// Only from this moment on, microseconds since 1970.
    pub from_us: Option<i64>,
    /// Only before this moment, microseconds since 1970.
    pub before_us: Option<i64>,
    /// At most so many.
    pub limit: u64,
}

impl Default for AuditQuery {
    fn default() -> Self {
        Self {
            deployment: None,
            actor: None,
            overlay: None,
            action: None,
            from_us: None,
            before_us: None,
            limit: 100,
        }
    }
}
