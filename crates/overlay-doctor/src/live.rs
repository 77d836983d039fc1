//! What of a deployment root waits for somebody.

use overlay_model::Overlay;
use overlay_store::{Leased, Phase, Pointer, Store, StoreError};

/// The one overlay of a tree that the tripwire of the token budget put in force.
const MINIMAL: &str = "overlays/fusion_overlay.embedded.txt";

/// What a rollout waits for that has no process driving it any more.
pub(crate) const LEFT_ALONE: &str =
    "`fusion deploy resume` goes on with it, `fusion deploy recover` takes it back";
/// How a fall of the tripwire ends.
pub(crate) const FALLEN: &str =
    "`fusion budget check` returns after five good runs and two hours, `fusion deploy` at once";
/// How a pointer comes back.
pub(crate) const NO_POINTER: &str = "`fusion deploy recover --rebuild` writes it anew from the \
     audit log, `fusion backup restore --rebuild` brings a backup back";

/// A rollout that is under way and nobody drives; `None` for one that is driven, that waits
/// for a person on purpose, and where there is none.
pub(crate) fn left_alone(store: &Store, pointer: &Pointer) -> Option<String> {
    let rests = matches!(pointer.phase, Phase::Stable | Phase::Paused | Phase::Frozen);
    let id = pointer.deployment.as_deref().filter(|_| !rests)?;
    match store.is_driven(id) {
        Ok(true) => None,
        // Its process may have come to the end in between.
        Ok(false) if store.current().ok()??.epoch != pointer.epoch => None,
        Ok(false) => {
            let share = f64::from(pointer.weight) / 1_000.0;
            Some(format!(
                "nobody drives the rollout {id}, which stands at {share} %: its process ended"
            ))
        }
        Err(err) => Some(format!("whether the rollout {id} is driven cannot be seen: {err}")),
    }
}

/// The fall to the built-in minimum that is in force, with its moment.
pub(crate) fn fallen(leased: &Leased) -> Option<String> {
    let text = str::from_utf8(leased.tree.get(MINIMAL)?).ok()?;
    let (overlay, _) = Overlay::parse(text);
    (overlay.value("BUDGET_DOWNGRADE_ACTIVE") == Some("true")).then(|| {
        let since = overlay.value("BUDGET_DOWNGRADE_TIMESTAMP");
        let since = since.unwrap_or("a moment that is not known");
        format!("the token budget put the built-in minimum in force, since {since}")
    })
}

/// Why the pointer is not the one that the audit log knows. What is wrong with the log
/// itself is not said here.
pub(crate) fn replaced(store: &Store) -> Option<String> {
    match store.checked_current() {
        Err(err @ StoreError::Damaged { .. }) => Some(err.to_string()),
        _ => None,
    }
}
