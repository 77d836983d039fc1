use overlay_model::Digest;
use overlay_store::vfs::Vfs;
use overlay_store::{Collected, GenerationId, Manifest, Retention, Store};
use serde_json::json;

use crate::check::GOLDEN;
use crate::outcome::DeployError;
use crate::root::Root;

/// Records durably what the golden tests came to for the tree with this digest.
///
/// # Errors
///
/// [`DeployError::Busy`] where another changes the root for long.
pub fn record_verdict<F: Vfs>(
    root: &Root<'_, F>,
    tree: Digest,
    passed: bool,
    suite: &str,
) -> Result<(), DeployError> {
    let detail = json!({ "tree": tree, "passed": passed, "suite": suite, "at_us": root.now_us() });
    let entry = root.note(GOLDEN, None, detail);
    root.wait_lock(None)?.append(entry)?;
    Ok(())
}

/// Gives a generation a name: it is kept as long as it has one.
///
/// # Errors
///
/// Where there is no such generation, or the name is none.
pub fn pin<F: Vfs>(
    root: &Root<'_, F>,
    name: &str,
    generation: GenerationId,
) -> Result<(), DeployError> {
    let mut writer = root.lock(None)?;
    writer.pin(name, generation)?;
    let detail = json!({ "name": name, "generation": generation });
    writer.append(root.note("pin", None, detail))?;
    Ok(())
}

/// Takes a name away; `false` where it was not there.
///
/// # Errors
///
/// Where the name is none.
pub fn unpin<F: Vfs>(root: &Root<'_, F>, name: &str) -> Result<bool, DeployError> {
    let mut writer = root.lock(None)?;
    let was_there = writer.unpin(name)?;
    if was_there {
        writer.append(root.note("unpin", None, json!({ "name": name })))?;
    }
    Ok(was_there)
}

/// Removes generations that nothing needs: neither live, on trial, named, read by
/// somebody, nor to be kept by `policy`. With `dry` it only says which.
///
/// # Errors
///
/// [`DeployError`]; each generation is then there, whole, or gone.
pub fn collect<F: Vfs>(
    root: &Root<'_, F>,
    policy: &Retention,
    dry: bool,
) -> Result<Collected, DeployError> {
    let mut writer = root.lock(None)?;
    let collected = writer.gc(policy, dry)?;
    if !dry && !collected.removed.is_empty() {
        writer.append(root.note("gc", None, json!({ "removed": collected.removed })))?;
    }
    Ok(collected)
}

/// A generation that was verified.
#[derive(Debug)]
pub struct Verified {
    /// Its number.
    pub generation: GenerationId,
    /// What it consists of, or what is wrong with it.
    pub result: Result<Manifest, DeployError>,
}

/// Verifies generations: those the pointer names, or all.
///
/// # Errors
///
/// Where the root cannot be read at all.
pub fn verify<F: Vfs>(store: &Store<F>, all: bool) -> Result<Vec<Verified>, DeployError> {
    let pointer = store.current()?;
    let named: Vec<_> =
        pointer.iter().flat_map(|it| [Some(it.stable), it.candidate]).flatten().collect();
    let mut ids: Vec<GenerationId> = named.iter().map(|it| it.generation).collect();
    if all {
        ids.extend(store.generations()?);
    }
    ids.sort_unstable();
    ids.dedup();
    let expected = |id| named.iter().find(|it| it.generation == id).map(|it| it.manifest);
    let verified = |generation| {
        let result = store.verify(generation, expected(generation)).map_err(DeployError::from);
        Verified { generation, result }
    };
    Ok(ids.into_iter().map(verified).collect())
}
