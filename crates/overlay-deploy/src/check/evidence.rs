//! What the audit log knows of a tree.

use overlay_model::Digest;
use overlay_store::audit::{AuditError, Record};
use overlay_store::vfs::Vfs;
use overlay_store::{GenerationId, Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::word::EnvironmentName;

/// The action of a golden verdict in the audit log.
pub(crate) const GOLDEN: &str = "golden_verdict";
/// The action of a pass elsewhere that was brought along.
pub(crate) const PROMOTION: &str = "promotion_evidence";
/// The action of a rollout that ended well, as the store writes it.
const DEPLOYED: &str = "deploy_committed";
/// The action of a return to an older generation, as the store writes it.
const RETURNED: &str = "rollback_committed";

/// What the golden tests came to for a tree.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct GoldenVerdict {
    /// The digest of the tree, [`overlay_store::Tree::digest`].
    pub tree: Digest,
    /// Whether they passed.
    pub passed: bool,
    /// Which suite it was, and in which words it ended.
    pub suite: String,
    /// When it was recorded, microseconds since 1970.
    pub at_us: i64,
}

/// The last golden verdict recorded for a tree.
///
/// # Errors
///
/// Where the audit log cannot be read.
pub fn golden_verdict<F: Vfs>(
    store: &Store<F>,
    tree: Digest,
) -> Result<Option<GoldenVerdict>, StoreError> {
    let record = last(store, |it| it.entry.action == GOLDEN && is_of(it, tree))?;
    Ok(record.and_then(|it| serde_json::from_value(it.entry.detail).ok()))
}

/// Whether a rollout of this tree ended well in `environment`, in this root: the number of
/// the audit record that says so.
///
/// # Errors
///
/// Where the audit log cannot be read.
pub fn passed_in<F: Vfs>(
    store: &Store<F>,
    environment: &EnvironmentName,
    tree: Digest,
) -> Result<Option<u64>, StoreError> {
    let is_pass = |it: &Record| {
        it.entry.action == DEPLOYED && it.entry.env == environment.as_str() && is_of(it, tree)
    };
    Ok(last(store, is_pass)?.map(|it| it.seq))
}

/// Whether a generation was in force for good: a deployment, or a return to it, ended well.
///
/// # Errors
///
/// Where the audit log cannot be read.
pub(crate) fn was_in_force<F: Vfs>(
    store: &Store<F>,
    generation: GenerationId,
) -> Result<bool, StoreError> {
    if store.succession()?.iter().any(|it| it.generation == generation) {
        return Ok(true);
    }
    // Records of before do not say what they put in force, only what they are about.
    let is_end = |it: &Record| {
        let is_old = it.entry.detail.get("pointer").is_none();
        is_old && [DEPLOYED, RETURNED].contains(&it.entry.action.as_str())
    };
    let wanted = |it: &Record| it.entry.generation == Some(generation.0) && is_end(it);
    Ok(last(store, wanted)?.is_some())
}

/// Whether a pass of this tree in `environment` was brought along.
pub(crate) fn promotion_evidence<F: Vfs>(
    store: &Store<F>,
    environment: &EnvironmentName,
    tree: Digest,
) -> Result<bool, StoreError> {
    let is_evidence = |it: &Record| {
        let from = it.entry.detail.get("environment").and_then(|it| it.as_str());
        it.entry.action == PROMOTION && from == Some(environment.as_str()) && is_of(it, tree)
    };
    Ok(last(store, is_evidence)?.is_some())
}

fn is_of(record: &Record, tree: Digest) -> bool {
    let digest = record.entry.detail.get("tree").and_then(|it| it.as_str());
    digest.and_then(|it| it.parse().ok()) == Some(tree)
}

/// The newest record that is wanted.
fn last<F: Vfs>(
    store: &Store<F>,
    wanted: impl Fn(&Record) -> bool,
) -> Result<Option<Record>, StoreError> {
    let mut found = None;
    for record in store.audit().records(1)? {
        let record = record.map_err(|err: AuditError| StoreError::from(err))?;
        if wanted(&record) {
            found = Some(record);
        }
    }
    Ok(found)
}
