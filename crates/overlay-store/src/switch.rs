use serde_json::{Value, json};

use crate::audit::Entry;
use crate::change::Change;
use crate::commitment::{EPOCH, POINTER};
use crate::error::{StoreError, WriteError};
use crate::layout;
use crate::pointer::{GenerationRef, Pointer};
use crate::recovery::{COMMITTED, INTENT};
use crate::vfs::Vfs;
use crate::writer::Writer;

impl<F: Vfs> Writer<'_, F> {
    /// Replaces the pointer. `base_epoch` is the epoch the change was made for (0 where
    /// nothing was deployed); `None` takes any.
    ///
    /// Generations that take a new place are verified first. The audit log gets a record
    /// `<action>_intent` before and `<action>_committed` after, of `entry` and its action,
    /// with the epoch and the change itself in a detail that is an object or nothing.
    ///
    /// # Errors
    ///
    /// [`WriteError::OutcomeUnknown`] where something fails from the replacing itself on;
    /// with any other error what is live is as before.
    pub fn switch(
        &mut self,
        base_epoch: Option<u64>,
        change: Change,
        entry: Entry,
    ) -> Result<Pointer, WriteError> {
        self.check_usable()?;
        let found = self.pointer.as_ref().map_or(0, |it| it.epoch);
        if let Some(expected) = base_epoch.filter(|it| *it != found) {
            return Err(WriteError::BaseMoved { expected, found });
        }
        self.verify_new(&change)?;
        let epoch = found + 1;
        // What cannot be written is found before the log says that it will be.
        change.pointer(epoch, self.head).encode()?;
        self.record(around(&entry, INTENT, epoch, &change))?;
        let pointer = change.pointer(epoch, self.head);
        let unfinished = self.write_pointer(&pointer);
        if let Err(err) = unfinished {
            self.spend();
            return Err(err);
        }
        self.record(around(&entry, COMMITTED, epoch, &change)).map_err(unknown)?;
        self.pointer = Some(pointer.clone());
        Ok(pointer)
    }

    /// Verifies what was not in its place before. What was is left alone: the way out of a
    /// tampered candidate must stay open.
    fn verify_new(&self, change: &Change) -> Result<(), StoreError> {
        let old = self.pointer.as_ref();
        let stable = Some(change.stable).filter(|it| old.is_none_or(|old| old.stable != *it));
        let candidate =
            change.candidate.filter(|it| old.is_none_or(|old| old.candidate != Some(*it)));
        for GenerationRef { generation, manifest } in [stable, candidate].into_iter().flatten() {
            self.store.verify(generation, Some(manifest))?;
        }
        Ok(())
    }

    /// The commit: from the rename on the outcome is the disk's.
    fn write_pointer(&mut self, pointer: &Pointer) -> Result<(), WriteError> {
        let line = pointer.encode()?;
        let from = self.prepare(line.as_bytes())?;
        self.rename(&from, layout::CURRENT).map_err(unknown)?;
        self.sync_dir(layout::ROOT).map_err(unknown)
    }
}

fn unknown(cause: StoreError) -> WriteError {
    WriteError::OutcomeUnknown { cause }
}

/// The record before or after the change.
fn around(entry: &Entry, end: &str, epoch: u64, change: &Change) -> Entry {
    let mut entry = entry.clone();
    entry.action.push_str(end);
    match &mut entry.detail {
        Value::Object(detail) => {
            detail.insert(EPOCH.to_owned(), json!(epoch));
            detail.insert(POINTER.to_owned(), json!(change));
        }
        detail @ Value::Null => *detail = json!({ EPOCH: epoch, POINTER: change }),
        _ => {}
    }
    entry
}
