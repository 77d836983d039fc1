use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::audit::{self, Entry, Head, Record, Repair};
use crate::commitment;
use crate::error::StoreError;
use crate::holder::Holder;
use crate::layout;
use crate::pointer::{GenerationId, Pointer};
use crate::removal::remove_all;
use crate::store::Store;
use crate::tampering::{Problem, Tampering};
use crate::vfs::Vfs;

/// What the start of a writer found and put in order. Each repair is a record of the audit
/// log.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Recovery {
    /// What was left in `tmp/` and removed.
    pub cleared: Vec<String>,
    /// What was repaired at the end of the audit log.
    pub tail: Option<Repair>,
    /// A change that was interrupted, and how it ended.
    pub settled: Option<Settled>,
    /// Generations the pointer names that are not as published. They are left as they are:
    /// the way out is a change to another generation.
    pub tampered: BTreeMap<GenerationId, Vec<Problem>>,
}

/// How an interrupted change ended.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Settled {
    /// The pointer had been replaced: it is in force.
    Committed {
        /// What was done, as in its audit records.
        action: String,
    },
    /// The pointer had not been replaced: nothing changed.
    Abandoned {
        /// What was to be done, as in its audit records.
        action: String,
    },
}

impl Recovery {
    /// Whether there was nothing to put in order.
    pub fn is_clean(&self) -> bool {
        *self == Self::default()
    }
}

/// The ends of the names of the records around a change of the pointer.
pub(crate) const INTENT: &str = "_intent";
pub(crate) const COMMITTED: &str = "_committed";
const ABANDONED: &str = "_abandoned";

/// What a writer starts from.
pub(crate) struct Recovered {
    pub(crate) pointer: Option<Pointer>,
    pub(crate) head: Head,
    pub(crate) recovery: Recovery,
}

/// Puts a root in order under its lock. Names are synced before `tmp/` is emptied: a
/// removed generation must not come back without its files.
pub(crate) fn recover<F: Vfs>(store: &Store<F>, holder: &Holder) -> Result<Recovered, StoreError> {
    store.lay_out()?;
    let pointer = store.current()?;
    let (head, tail) = audit::recover(&store.fs, pointer.as_ref().map(|it| it.audit))?;
    if head.seq > pointer.as_ref().map_or(0, |it| it.audit.seq) {
        commitment::hold(store, pointer.as_ref())?;
    }
    let mut log = Repairs { store, holder, head };
    // Nothing may come between the record of an intent and the one that ends it.
    let settled = log.settle(pointer.as_ref())?;
    let cleared = log.tidy(tail)?;
    let tampered = tampered(store, pointer.as_ref())?;
    let recovery = Recovery { cleared, tail, settled, tampered };
    Ok(Recovered { head: log.head, pointer, recovery })
}

/// The log of what was put in order.
pub(crate) struct Repairs<'a, F: Vfs> {
    pub(crate) store: &'a Store<F>,
    pub(crate) holder: &'a Holder,
    pub(crate) head: Head,
}

impl<F: Vfs> Repairs<'_, F> {
    fn add(&mut self, action: &str, detail: Value) -> Result<(), StoreError> {
        self.append(Entry {
            at_us: self.holder.started_us,
            actor: "recover".to_owned(),
            host: self.holder.host.clone(),
            action: action.to_owned(),
            env: String::new(),
            deployment: None,
            generation: None,
            base: None,
            manifest_sha256: None,
            detail,
        })
    }

    /// Notes what was repaired, and empties `tmp/`; gives the names of what was there.
    pub(crate) fn tidy(&mut self, tail: Option<Repair>) -> Result<Vec<String>, StoreError> {
        if let Some(repair) = tail {
            self.add("tail_repaired", json!(repair))?;
        }
        let cleared = clear(&self.store.fs)?;
        if !cleared.is_empty() {
            self.add("tmp_cleared", json!({ "names": cleared }))?;
        }
        Ok(cleared)
    }

    fn append(&mut self, entry: Entry) -> Result<(), StoreError> {
        let res = audit::append(&self.store.fs, self.head, entry);
        self.head = res.map_err(|err| StoreError::of("append to", "audit", err))?.1;
        Ok(())
    }

    /// Ends a change whose record of intent is the last of the log. The pointer carries the
    /// record's hash exactly where it was replaced.
    fn settle(&mut self, pointer: Option<&Pointer>) -> Result<Option<Settled>, StoreError> {
        let last = self.head.seq;
        let known = pointer.map(|it| it.audit.seq);
        // The record after the pointer's is always the one that ends its change.
        if last == 0 || known.is_some_and(|it| last == it + 1) {
            return Ok(None);
        }
        self.end(known == Some(last))
    }

    /// Says how a change ended, where the record of its intent is the last of the log.
    pub(crate) fn end(&mut self, committed: bool) -> Result<Option<Settled>, StoreError> {
        let last = self.head.seq;
        let found = self.store.audit().last()?.filter(|it| it.seq == last);
        let Some(Record { entry, .. }) = found else { return Ok(None) };
        let Some(action) = entry.action.strip_suffix(INTENT).map(str::to_owned) else {
            return Ok(None);
        };
        let end = if committed { COMMITTED } else { ABANDONED };
        self.append(Entry {
            at_us: self.holder.started_us,
            actor: "recover".to_owned(),
            host: self.holder.host.clone(),
            action: format!("{action}{end}"),
            ..entry
        })?;
        let settled =
            if committed { Settled::Committed { action } } else { Settled::Abandoned { action } };
        Ok(Some(settled))
    }
}

/// Empties `tmp/`, and gives the names.
fn clear<F: Vfs>(fs: &F) -> Result<Vec<String>, StoreError> {
    let listed = fs.list(layout::TMP).map_err(|err| StoreError::of("list", layout::TMP, err))?;
    let mut names = Vec::new();
    for (name, kind) in listed {
        remove_all(fs, &format!("{}/{name}", layout::TMP), kind)?;
        names.push(name);
    }
    Ok(names)
}

/// What is wrong with the generations that the pointer names.
fn tampered<F: Vfs>(
    store: &Store<F>,
    pointer: Option<&Pointer>,
) -> Result<BTreeMap<GenerationId, Vec<Problem>>, StoreError> {
    let mut res = BTreeMap::new();
    let named = pointer.into_iter().flat_map(|it| [Some(it.stable), it.candidate]);
    for it in named.flatten() {
        match store.verify(it.generation, Some(it.manifest)) {
            Ok(_) => {}
            Err(StoreError::Tampered { generation, problems }) => {
                res.insert(generation, problems);
            }
            Err(StoreError::Missing { generation }) => {
                res.insert(generation, vec![Problem::manifest(Tampering::Missing)]);
            }
            Err(err) => return Err(err),
        }
    }
    Ok(res)
}
