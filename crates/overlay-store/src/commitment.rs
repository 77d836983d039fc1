//! What the audit log says of the pointer: each of its changes stands there, with what it
//! put in force.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize as _;
use serde_json::Value;

use crate::audit::Record;
use crate::change::Change;
use crate::error::StoreError;
use crate::layout;
use crate::pointer::{GenerationId, GenerationRef, Phase, Pointer};
use crate::recovery::{COMMITTED, INTENT};
use crate::store::{Store, damaged};
use crate::vfs::Vfs;

/// The members of a record's detail that the store adds.
pub(crate) const EPOCH: &str = "epoch";
pub(crate) const POINTER: &str = "pointer";

/// A change of the pointer that took place.
pub(crate) struct Commit {
    /// The record that says so.
    seq: u64,
    /// 0 where the record does not tell.
    epoch: u64,
    /// What it put in force; `None` where the record does not tell.
    pub(crate) change: Option<Change>,
}

impl Commit {
    fn of(record: &Record) -> Option<Self> {
        record.entry.action.strip_suffix(COMMITTED)?;
        let detail = &record.entry.detail;
        let change = detail.get(POINTER).and_then(|it| Change::deserialize(it).ok());
        Some(Self { seq: record.seq, epoch: epoch(record), change })
    }

    /// Why this one may not be missing from what the pointer says.
    fn lost(&self, pointer: Option<&Pointer>) -> Option<StoreError> {
        let Self { seq, epoch, .. } = self;
        let why = match pointer {
            None => format!("it is missing, and audit record {seq} says that it was written"),
            Some(it) if it.epoch < *epoch => {
                format!("it is at epoch {}, and audit record {seq} at epoch {epoch}", it.epoch)
            }
            Some(_) => return None,
        };
        Some(damaged(layout::CURRENT, why))
    }
}

fn epoch(record: &Record) -> u64 {
    record.entry.detail.get(EPOCH).and_then(Value::as_u64).unwrap_or_default()
}

/// The newest change that the log knows, from the record `from` on.
fn newest<F: Vfs>(store: &Store<F>, from: u64) -> Result<Option<Commit>, StoreError> {
    let mut found = None;
    for record in store.audit().records(from)? {
        found = Commit::of(&record?).or(found);
    }
    Ok(found)
}

/// The record from which on changes after the pointer stand in the log.
fn after(pointer: Option<&Pointer>) -> u64 {
    pointer.map_or(1, |it| it.audit.seq + 1)
}

/// Refuses a pointer that the log has seen replaced. The writers' lock must be held.
pub(crate) fn hold<F: Vfs>(store: &Store<F>, pointer: Option<&Pointer>) -> Result<(), StoreError> {
    let newest = newest(store, after(pointer))?;
    newest.and_then(|it| it.lost(pointer)).map_or(Ok(()), Err)
}

/// What was last in force by the log, and the highest epoch it speaks of.
pub(crate) fn last<F: Vfs>(store: &Store<F>) -> Result<(u64, Option<Commit>), StoreError> {
    let (mut highest, mut found) = (0, None);
    for record in store.audit().records(1)? {
        let record = record?;
        if record.entry.action.ends_with(INTENT) || record.entry.action.ends_with(COMMITTED) {
            highest = highest.max(epoch(&record));
        }
        found = Commit::of(&record).or(found);
    }
    Ok((highest, found))
}

impl<F: Vfs> Store<F> {
    /// What is live, held against the audit log: a pointer that is missing, or older than a
    /// change the log says took place, was put there by somebody. The log itself is not
    /// verified: that is [`crate::audit::Log::verify`].
    ///
    /// # Errors
    ///
    /// As [`Self::current`]; [`StoreError::Damaged`] also for such a pointer.
    pub fn checked_current(&self) -> Result<Option<Pointer>, StoreError> {
        let before = self.current()?;
        // The log is read in between: what it says took place shows in a pointer that is
        // read afterwards.
        let newest = newest(self, after(before.as_ref()))?;
        let pointer = self.current()?;
        match newest.and_then(|it| it.lost(pointer.as_ref())) {
            Some(err) => Err(err),
            None => Ok(pointer),
        }
    }

    /// The generations that deployments ended with, each once, the one that was in force
    /// last first. A generation that was taken back at once is not among them.
    ///
    /// # Errors
    ///
    /// Where the audit log cannot be read.
    pub fn succession(&self) -> Result<Vec<GenerationRef>, StoreError> {
        let mut last: BTreeMap<GenerationId, (u64, GenerationRef)> = BTreeMap::new();
        for record in self.audit().records(1)? {
            let record = record?;
            let change = Commit::of(&record).and_then(|it| it.change);
            if let Some(change) = change.filter(|it| it.phase == Phase::Stable) {
                last.insert(change.stable.generation, (record.seq, change.stable));
            }
        }
        let mut res: Vec<_> = last.into_values().collect();
        res.sort_by_key(|(seq, _)| std::cmp::Reverse(*seq));
        Ok(res.into_iter().map(|it| it.1).collect())
    }

    /// The generation that was in force `steps` before `stable`, none of them twice; `None`
    /// where there were not so many.
    ///
    /// # Errors
    ///
    /// Where the audit log cannot be read.
    pub fn earlier(
        &self,
        stable: GenerationRef,
        steps: u32,
    ) -> Result<Option<GenerationRef>, StoreError> {
        let mut earlier = self.succession()?.into_iter().filter(|it| *it != stable);
        let mut passed = BTreeSet::from([stable.generation]);
        let mut at = stable;
        for _ in 0..steps {
            // A record that does not tell what was in force is older than those that do.
            let found = earlier.next().or_else(|| self.manifest(at.generation).ok()?.0.parent);
            match found.filter(|it| passed.insert(it.generation)) {
                Some(it) => at = it,
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }
}
