//! Where the tripwire of a deployment root stands, as its audit log has it.

use fusion_golden::budget::Tripwire;
use overlay_store::audit::{AuditError, Entry};
use overlay_store::vfs::RealFs;
use overlay_store::{GenerationId, GenerationRef, Phase, Pointer, Store, Writer};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::environment::rfc3339;
use crate::exit::{Exit, refusal};

/// The record that a run leaves.
pub(super) const CHECK: &str = "budget_check";
/// The changes of the pointer that it makes.
pub(super) const FALL: &str = "budget_fall";
pub(super) const RETURN: &str = "budget_return";
/// The ends of the names of the records before a change, and of one that is in force.
const INTENT: &str = "_intent";
const COMMITTED: &str = "_committed";
/// The member of a record that says what was over its limit.
pub(super) const CAUSE: &str = "cause";

/// What a run keeps in the audit log.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Kept {
    #[serde(flatten)]
    pub(super) tripwire: Tripwire,
    /// The generation that fell, and the one that is in force instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) fell: Option<(GenerationRef, GenerationRef)>,
    /// What made it fall: figure, value, limit, and what changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cause: Option<Value>,
}

/// Where a root stands that is locked, and in order.
pub(super) struct Watched {
    pub(super) pointer: Pointer,
    pub(super) kept: Kept,
}

impl Watched {
    /// # Errors
    ///
    /// Where nothing is deployed, or a rollout is under way.
    pub(super) fn of(writer: &Writer<'_, RealFs>) -> anyhow::Result<Self> {
        let Some(pointer) = writer.current().cloned() else {
            return Err(refusal(Exit::NOTHING, "nothing is deployed in this root"));
        };
        if pointer.phase != Phase::Stable {
            let message = "a rollout is under way: its own gate watches it";
            return Err(refusal(Exit::LOCKED, message));
        }
        let kept = last(writer.store(), &pointer)?;
        Ok(Self { pointer, kept })
    }

    /// The generation that is compared: the one that fell, else the one in force.
    pub(super) fn judged(&self) -> GenerationRef {
        self.kept.fell.map_or(self.pointer.stable, |(fell, _)| fell)
    }
}

/// What the last run kept. Nothing where somebody has deployed since: breaches of one
/// generation say nothing about the next, and a deployment ends a fall.
///
/// # Errors
///
/// Where the audit log cannot be read.
fn last(store: &Store, pointer: &Pointer) -> anyhow::Result<Kept> {
    let unreadable = |err: AuditError| {
        refusal(Exit::INTEGRITY, format!("audit log: {:#}", anyhow::Error::new(err)))
    };
    let mut standing = Standing::default();
    for record in store.audit().records(1).map_err(unreadable)? {
        standing.take(record.map_err(unreadable)?.entry);
    }
    Ok(standing.kept(pointer.stable))
}

/// What the records so far come to.
#[derive(Default)]
struct Standing {
    kept: Kept,
    /// The generation that the last run looked at.
    judged: Option<GenerationRef>,
    /// The fall that the last record says is to come.
    begun: Option<Begun>,
}

/// A fall that was begun.
struct Begun {
    at_us: i64,
    /// The minimum.
    to: Option<GenerationRef>,
    cause: Option<Value>,
}

impl Standing {
    fn take(&mut self, entry: Entry) {
        let about = about(&entry);
        // Nothing comes between the record of an intent and the one that ends it.
        let begun = self.begun.take();
        let cause = entry.detail.get(CAUSE).filter(|it| !it.is_null()).cloned();
        let this = Begun { at_us: entry.at_us, to: about, cause };
        match entry.action.strip_suffix(COMMITTED) {
            None if entry.action == CHECK => {
                self.kept = serde_json::from_value(entry.detail).unwrap_or_default();
                self.judged = about;
            }
            None if entry.action.strip_suffix(INTENT) == Some(FALL) => self.begun = Some(this),
            Some(FALL) => self.fall(begun.unwrap_or(this)),
            Some(RETURN) => {
                self.kept = Kept::default();
                self.judged = about;
            }
            _ => (),
        }
    }

    /// What they come to while `stable` is in force.
    fn kept(mut self, stable: GenerationRef) -> Kept {
        // A run that was killed once the pointer was replaced: the next writer says so in the
        // log.
        if let Some(begun) = self.begun.take().filter(|it| it.to == Some(stable)) {
            self.fall(begun);
        }
        let is_of_now = match self.kept.fell {
            Some((_, minimal)) => minimal == stable,
            None => self.judged == Some(stable),
        };
        if is_of_now { self.kept } else { Kept::default() }
    }

    /// The run that made the change may have ended before it could leave its own record: the
    /// change alone says since when it is in force, and what fell.
    fn fall(&mut self, Begun { at_us, to, cause }: Begun) {
        let tripwire = Tripwire::Fallen { since_us: at_us, good: 0 };
        self.kept = Kept { tripwire, fell: self.judged.zip(to), cause };
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

#[cfg(test)]
mod tests {
    use overlay_model::Digest;

    use super::*;

    fn reference(generation: u64) -> GenerationRef {
        GenerationRef { generation: GenerationId(generation), manifest: Digest::of(b"x") }
    }

    fn entry(action: &str, generation: u64, at_us: i64) -> Entry {
        let GenerationRef { generation, manifest } = reference(generation);
        Entry {
            at_us,
            actor: "test".to_owned(),
            host: "test".to_owned(),
            action: action.to_owned(),
            env: "test".to_owned(),
            deployment: None,
            generation: Some(generation.0),
            base: None,
            manifest_sha256: Some(manifest),
            detail: serde_json::json!({
                "state": "armed", "breaches": 2, "cause": { "check": "cost" },
            }),
        }
    }

    /// Where the tripwire of generation 1 stands after these records, while `live` is in force.
    fn standing(records: &[(&str, u64, i64)], live: u64) -> (Tripwire, bool) {
        let mut standing = Standing::default();
        records.iter().for_each(|it| standing.take(entry(it.0, it.1, it.2)));
        let kept = standing.kept(reference(live));
        let is_told = kept.cause.is_some_and(|it| it["check"] == "cost");
        (kept.tripwire, is_told && kept.fell == Some((reference(1), reference(2))))
    }

    #[test]
    fn a_fall_is_as_old_as_its_intent() {
        let (check, intent) = ((CHECK, 1, 7), ("budget_fall_intent", 2, 8));
        let fallen = (Tripwire::Fallen { since_us: 8, good: 0 }, true);
        // Killed before anybody could say that it is in force, and said by the next run.
        assert_eq!(standing(&[check, intent], 2), fallen);
        assert_eq!(standing(&[check, intent, ("budget_fall_committed", 2, 90)], 2), fallen);
    }

    #[test]
    fn an_intent_is_no_fall() {
        let (check, intent) = ((CHECK, 1, 7), ("budget_fall_intent", 2, 8));
        let armed = (Tripwire::Armed { breaches: 2 }, false);
        assert_eq!(standing(&[check, intent], 1), armed);
        let abandoned = ("budget_fall_abandoned", 2, 90);
        assert_eq!(standing(&[check, intent, abandoned], 1), armed);
        // Somebody put the minimum in force by hand.
        let deployed = ("rollback_committed", 2, 91);
        let new = (Tripwire::default(), false);
        assert_eq!(standing(&[check, intent, abandoned, deployed], 2), new);
    }
}
