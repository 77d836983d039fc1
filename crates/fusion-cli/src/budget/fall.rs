//! Where the tripwire of a deployment root stands, as its audit log has it.

use fusion_golden::budget::Tripwire;
use overlay_store::audit::{AuditError, Entry};
use overlay_store::{GenerationId, GenerationRef, Pointer, Store};
use serde::{Deserialize, Serialize};

use crate::environment::rfc3339;
use crate::exit::{Exit, refusal};

/// The record that a run leaves.
pub(super) const CHECK: &str = "budget_check";
/// The changes of the pointer that it makes.
pub(super) const FALL: &str = "budget_fall";
pub(super) const RETURN: &str = "budget_return";
/// The end of the name of the record of a change that is in force.
const COMMITTED: &str = "_committed";

/// What a run keeps in the audit log.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(super) struct Kept {
    #[serde(flatten)]
    pub(super) tripwire: Tripwire,
    /// The generation that fell, and the one that is in force instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) fell: Option<(GenerationRef, GenerationRef)>,
}

/// What the last run kept. Nothing where somebody has deployed since: breaches of one
/// generation say nothing about the next, and a deployment ends a fall.
///
/// # Errors
///
/// Where the audit log cannot be read.
pub(super) fn last(store: &Store, pointer: &Pointer) -> anyhow::Result<Kept> {
    let unreadable = |err: AuditError| {
        refusal(Exit::INTEGRITY, format!("audit log: {:#}", anyhow::Error::new(err)))
    };
    let mut standing = Standing::default();
    for record in store.audit().records(1).map_err(unreadable)? {
        standing.take(record.map_err(unreadable)?.entry);
    }
    let Standing { kept, judged } = standing;
    let is_of_now = match kept.fell {
        Some((_, minimal)) => minimal == pointer.stable,
        None => judged == Some(pointer.stable),
    };
    Ok(if is_of_now { kept } else { Kept::default() })
}

/// What the records so far come to.
#[derive(Default)]
struct Standing {
    kept: Kept,
    /// The generation that the last run looked at.
    judged: Option<GenerationRef>,
}

impl Standing {
    fn take(&mut self, entry: Entry) {
        let about = about(&entry);
        match entry.action.strip_suffix(COMMITTED) {
            None if entry.action == CHECK => {
                self.kept = serde_json::from_value(entry.detail).unwrap_or_default();
                self.judged = about;
            }
            // The run that made the change may have ended before it could leave its own
            // record: the change alone says that it fell, and from what.
            Some(FALL) => {
                let tripwire = Tripwire::Fallen { since_us: entry.at_us, good: 0 };
                self.kept = Kept { tripwire, fell: self.judged.zip(about) };
            }
            Some(RETURN) => {
                self.kept = Kept::default();
                self.judged = about;
            }
            _ => (),
        }
    }
}

fn about(entry: &Entry) -> Option<GenerationRef> {
    let generation = GenerationId(entry.generation?);
    Some(GenerationRef { generation, manifest: entry.manifest_sha256? })
}

/// A root that has fallen to the built-in minimum.
#[derive(Debug, Serialize)]
pub(crate) struct Fall {
    /// The generation that fell and will return.
    former: u64,
    /// Since when.
    since: String,
    /// Good runs so far, of five.
    good_runs: u32,
    /// Why it fell.
    reason: &'static str,
    /// What it waits for.
    returns: &'static str,
}

impl Fall {
    /// The fall that is in force in a root; `None` where there is none, and where the log
    /// cannot be read, which is somebody else's finding.
    pub(crate) fn of(store: &Store) -> Option<Self> {
        let pointer = store.current().ok()??;
        let kept = last(store, &pointer).ok()?;
        let (Tripwire::Fallen { since_us, good }, Some((former, _))) = (kept.tripwire, kept.fell)
        else {
            return None;
        };
        Some(Self {
            former: former.generation.0,
            since: rfc3339(u64::try_from(since_us / 1_000_000).unwrap_or_default()),
            good_runs: good,
            reason: "three runs of `fusion budget check` in a row found its tokens over the limit",
            returns: "five good runs of `fusion budget check` in a row, and two hours",
        })
    }

    /// The same for people, with a line end.
    pub(crate) fn text(&self) -> String {
        let Self { former, since, good_runs, reason, returns } = self;
        format!(
            "fallen to the built-in minimum since {since}: {reason}\n\
             generation {former} returns after {returns} ({good_runs} of 5 so far)\n"
        )
    }
}
