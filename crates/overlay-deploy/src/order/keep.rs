use overlay_model::Digest;
use overlay_store::vfs::Vfs;
use overlay_store::{Collected, GenerationId, Retention};
use serde_json::json;

use super::rollback::Target;
use crate::bound::bound_environment;
use crate::check::GOLDEN;
use crate::outcome::DeployError;
use crate::root::Root;
use crate::word::EnvironmentName;

/// The audit action of a removal.
pub(super) const GC: &str = "gc";

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
    let mut entry = root.note(GOLDEN, None, detail);
    // The verdict is about a tree: whoever records it need not know whose root it is.
    entry.env = bound_environment(root.store)?.map(|it| it.to_string()).unwrap_or_default();
    root.wait_lock(None)?.append(entry)?;
    Ok(())
}

/// Takes note that somebody acts on the root by the rules of another environment than
/// `bound`, its own.
///
/// # Errors
///
/// [`DeployError::Busy`] where another changes the root for long.
pub fn note_other_environment<F: Vfs>(
    root: &Root<'_, F>,
    bound: &EnvironmentName,
) -> Result<(), DeployError> {
    let detail = json!({ "bound": bound, "instead": root.around.environment });
    let entry = root.note("environment_overridden", None, detail);
    root.wait_lock(None)?.append(entry)?;
    Ok(())
}

/// Gives a generation a name: it is kept as long as it has one.
///
/// # Errors
///
/// Where there is no such generation, or the name is none; [`DeployError::ReservedName`]
/// for one that `--to` would read as the number of a generation, or the id of a deployment.
pub fn pin<F: Vfs>(
    root: &Root<'_, F>,
    name: &str,
    generation: GenerationId,
) -> Result<(), DeployError> {
    if matches!(name.parse(), Ok(Target::Generation(_) | Target::Deployment(_))) {
        return Err(DeployError::ReservedName(name.to_owned()));
    }
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
    let planned = writer.gc(policy, true)?;
    if dry || planned.removed.is_empty() {
        return Ok(planned);
    }
    // The record comes first: what is gone without one was removed by somebody else.
    writer.append(root.note(GC, None, json!({ "removed": planned.removed })))?;
    Ok(writer.gc(policy, false)?)
}
