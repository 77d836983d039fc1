//! Where a backup comes from, and whether its tree may come into force in a root.

use std::path::Path;

use overlay_store::{Store, Tree};
use serde_json::{Map, Value, json};

use super::manifest::{BackupError, BackupManifest};
use crate::bound::bound_environment;
use crate::check::{passed_in, was_in_force};
use crate::execute::failures;
use crate::order::Due;
use crate::plan::{Base, Request, plan_tree, rules_of};
use crate::root::Root;
use crate::word::EnvironmentName;

/// The environment that the root belonged to which the backup in `backup` was made of, by the
/// audit log in it. The backup is not verified.
///
/// # Errors
///
/// Where the log cannot be read.
pub fn environment_of(backup: &Path) -> Result<Option<EnvironmentName>, BackupError> {
    Ok(bound_environment(&Store::open(&BackupManifest::copy(backup))?)?)
}

/// A root is of one environment.
pub(super) fn same_environment(
    root: &Root<'_>,
    backup: Option<&EnvironmentName>,
) -> Result<(), BackupError> {
    match (bound_environment(root.store)?, backup) {
        (Some(root), Some(backup)) if root != *backup => {
            Err(BackupError::OtherEnvironment { root, backup: backup.clone() })
        }
        _ => Ok(()),
    }
}

/// What the audit log is to say of where a tree came from.
pub(super) fn origin_notes(
    manifest: &BackupManifest,
    environment: Option<&EnvironmentName>,
) -> Map<String, Value> {
    let mut notes = Map::new();
    notes.insert("backup".to_owned(), json!(manifest.id));
    notes.insert("backup_environment".to_owned(), json!(environment));
    notes
}

/// What the rules of the root ask for, and a tree lacks that was never in force in it; `None`
/// where it was, or lacks nothing.
pub(super) fn missing_proof(
    root: &Root<'_>,
    tree: &Tree,
) -> Result<Option<Vec<String>>, BackupError> {
    let (store, environment) = (root.store, root.around.environment);
    if passed_in(store, environment, tree.digest())?.is_some() {
        return Ok(None);
    }
    let due = Due::of(store, None)?;
    for generation in store.generations()? {
        let is_same = store.manifest(generation).is_ok_and(|(manifest, digest)| {
            manifest.tree == tree.digest() && due.fits(generation, digest)
        });
        if is_same && was_in_force(store, generation)? {
            return Ok(None);
        }
    }
    // Where what is in force cannot be read, the rules hold that need no file.
    let base = Base::read(store, Tree::new()).unwrap_or_default();
    let (rules, _) = rules_of(&base.tree);
    let (planned, findings) = plan_tree(&base, &Request::to(environment.clone()), &rules, tree);
    let Some(planned) = planned else {
        return Ok(Some(findings.iter().map(ToString::to_string).collect()));
    };
    let mut missing = failures(&root.inner_checks(&planned)?);
    let own = planned.plan.checks.iter().filter(|it| !it.kind.is_inner());
    missing.extend(own.map(|it| format!("{} missing: a restore does not run it", it.name)));
    Ok(Some(missing).filter(|it| !it.is_empty()))
}
