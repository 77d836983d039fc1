use crate::pointer::GenerationId;

/// Taken by whoever changes the root.
pub(crate) const LOCK: &str = "LOCK";
/// The pointer.
pub(crate) const CURRENT: &str = "CURRENT";
/// Names for generations.
pub(crate) const PINS: &str = "pins";
/// What the controllers of rollouts keep.
pub(crate) const ROLLOUTS: &str = "rollouts";
/// The generations.
pub(crate) const GENERATIONS: &str = "gen";
/// What is being written, and what is being removed.
pub(crate) const TMP: &str = "tmp";
/// The root itself.
pub(crate) const ROOT: &str = "";

/// The directories of a root.
pub(crate) const DIRECTORIES: [&str; 8] =
    [GENERATIONS, PINS, ROLLOUTS, "audit", "audit/checkpoints", "db", TMP, "state"];

/// The directories in which a name stands for something that was acknowledged.
pub(crate) const SYNCED: [&str; 5] = [ROOT, GENERATIONS, PINS, ROLLOUTS, "audit"];

/// The directory of a generation.
pub(crate) fn generation(id: GenerationId) -> String {
    format!("{GENERATIONS}/{id}")
}

/// The manifest of a generation; a reader's lease is on it.
pub(crate) fn manifest(id: GenerationId) -> String {
    format!("{GENERATIONS}/{id}/manifest.json")
}

/// The file of a pin.
pub(crate) fn pin(name: &str) -> String {
    format!("{PINS}/{name}")
}

/// The file of a rollout.
pub(crate) fn rollout(id: &str) -> String {
    format!("{ROLLOUTS}/{id}.json")
}

/// The lock of a rollout.
pub(crate) fn rollout_lock(id: &str) -> String {
    format!("{ROLLOUTS}/{id}.lock")
}
