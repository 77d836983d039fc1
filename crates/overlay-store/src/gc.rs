use std::collections::BTreeMap;

use crate::error::{StoreError, WriteError};
use crate::layout;
use crate::pointer::GenerationId;
use crate::removal::remove_all;
use crate::vfs::{Held, Kind, Vfs};
use crate::writer::Writer;

/// Which generations are worth keeping.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Retention {
    /// So many of the newest.
    pub keep: usize,
    /// All that are younger, in microseconds.
    pub older_than_us: i64,
    /// Now, microseconds since 1970.
    pub now_us: i64,
}

/// What was removed, and what was not.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Collected {
    /// The generations that are gone, or would be, ascending.
    pub removed: Vec<GenerationId>,
    /// The generations that stay, ascending, each with the first reason.
    pub kept: Vec<(GenerationId, Why)>,
}

/// Why a generation is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Why {
    /// It is in force.
    Live,
    /// It is on trial.
    Candidate,
    /// It was in force before the one that is: a rollback goes there.
    Fallback,
    /// It has a name.
    Pinned(String),
    /// It has the highest number, which must not come twice.
    Newest,
    /// It is among the newest that are kept.
    Recent,
    /// It is too young.
    Young,
    /// Its manifest cannot be read: somebody should look at it.
    Unreadable,
    /// A reader has it.
    Leased,
}

impl<F: Vfs> Writer<'_, F> {
    /// Removes the generations that nothing needs and `policy` does not keep; with `dry`
    /// only says which.
    ///
    /// # Errors
    ///
    /// [`WriteError`]; each generation is then there, whole, or gone.
    pub fn gc(&mut self, policy: &Retention, dry: bool) -> Result<Collected, WriteError> {
        self.check_usable()?;
        let mut collected = Collected::default();
        let mut taken = Vec::new();
        for (id, why) in self.judged(policy)? {
            match why {
                Some(why) => collected.kept.push((id, why)),
                None => match self.take(id)? {
                    Some(held) => {
                        collected.removed.push(id);
                        // A reader must not find locked what stays.
                        taken.extend(Some((id, held)).filter(|_| !dry));
                    }
                    None => collected.kept.push((id, Why::Leased)),
                },
            }
        }
        if !taken.is_empty() {
            self.remove(taken)?;
        }
        Ok(collected)
    }

    /// A generation that nobody reads, kept from readers from now on.
    fn take(&self, id: GenerationId) -> Result<Option<Held>, StoreError> {
        let path = layout::manifest(id);
        self.store.fs.lock_present(&path).map_err(|err| StoreError::of("lock", &path, err))
    }

    /// All generations, ascending, with a reason to keep them.
    fn judged(&self, policy: &Retention) -> Result<Vec<(GenerationId, Option<Why>)>, StoreError> {
        let all = self.store.generations()?;
        let needed = self.needed()?;
        let first_kept = all.len().saturating_sub(policy.keep);
        let judge = |(at, id): (usize, &GenerationId)| {
            let why = match needed.get(id) {
                Some(why) => Some(why.clone()),
                None if at + 1 == all.len() => Some(Why::Newest),
                None if at >= first_kept => Some(Why::Recent),
                None => self.still_young(*id, policy)?,
            };
            Ok((*id, why))
        };
        all.iter().enumerate().map(judge).collect()
    }

    fn still_young(&self, id: GenerationId, policy: &Retention) -> Result<Option<Why>, StoreError> {
        match self.store.manifest(id) {
            Ok((manifest, _)) => {
                let age = policy.now_us.saturating_sub(manifest.created_us);
                Ok(Some(Why::Young).filter(|_| age < policy.older_than_us))
            }
            Err(StoreError::Tampered { .. } | StoreError::NotPlain(_)) => Ok(Some(Why::Unreadable)),
            Err(err) => Err(err),
        }
    }

    /// The generations something names, each with the weightiest reason.
    fn needed(&self) -> Result<BTreeMap<GenerationId, Why>, StoreError> {
        let pins = self.store.pins()?;
        let mut res: BTreeMap<_, _> =
            pins.into_iter().map(|(name, id)| (id, Why::Pinned(name))).collect();
        let Some(pointer) = &self.pointer else { return Ok(res) };
        if let Some(fallback) = self.store.earlier(pointer.stable, 1)? {
            res.insert(fallback.generation, Why::Fallback);
        }
        if let Some(candidate) = pointer.candidate {
            res.insert(candidate.generation, Why::Candidate);
        }
        res.insert(pointer.stable.generation, Why::Live);
        Ok(res)
    }

    /// The names go first, and durably: a generation that comes back after a crash comes
    /// back whole.
    fn remove(&mut self, taken: Vec<(GenerationId, Held)>) -> Result<(), StoreError> {
        let mut dirs = Vec::new();
        for (id, _) in &taken {
            let dir = self.temporary();
            self.rename_new(&layout::generation(*id), &dir)?;
            dirs.push(dir);
        }
        self.sync_dir(layout::GENERATIONS)?;
        let fs = &self.store.fs;
        dirs.iter().try_for_each(|dir| remove_all(fs, dir, Kind::Directory))
    }
}
