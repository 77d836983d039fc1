use std::sync::{Arc, OnceLock};

use rapidhash::v3::{RapidSecrets, rapidhash_v3_nano_inline};

/// A hash table that is only added to, and read without locks.
///
/// Its size is fixed at birth, twice the entries that are in use at a time: whoever fills
/// it keeps below [`most`](Self::most), and adds under a mutex of their own.
pub(crate) struct Table<E> {
    slots: Box<[OnceLock<Arc<E>>]>,
    mask: usize,
}

impl<E> Table<E> {
    /// A table for `most` entries.
    pub(crate) fn for_entries(most: usize) -> Self {
        let slots = most.saturating_mul(2).next_power_of_two();
        Self { slots: (0..slots).map(|_| OnceLock::new()).collect(), mask: slots - 1 }
    }

    /// How many entries it may hold, those that are no longer in use among them.
    pub(crate) fn most(&self) -> usize {
        self.slots.len() / 4 * 3
    }

    /// The entry with this hash that `is_it` accepts.
    #[inline]
    pub(crate) fn find(&self, hash: u64, is_it: impl Fn(&E) -> bool) -> Option<&Arc<E>> {
        for step in 0..self.slots.len() {
            let entry = self.slots.get(self.slot(hash, step))?.get()?;
            if is_it(entry) {
                return Some(entry);
            }
        }
        None
    }

    /// Puts the entry into the first free slot of its hash. A full table takes nothing.
    pub(crate) fn add(&self, hash: u64, entry: &Arc<E>) {
        for step in 0..self.slots.len() {
            let slot = self.slots.get(self.slot(hash, step));
            if slot.is_some_and(|it| it.set(Arc::clone(entry)).is_ok()) {
                return;
            }
        }
    }

    fn slot(&self, hash: u64, step: usize) -> usize {
        (hash as usize).wrapping_add(step) & self.mask
    }

    /// The bytes of the table itself.
    pub(crate) fn bytes(&self) -> usize {
        std::mem::size_of_val(&*self.slots)
    }
}

#[derive(Clone)]
/// Hashes with a seed of its own, so that nobody outside can aim at one slot.
pub(crate) struct Seeded(RapidSecrets);

impl Seeded {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(RapidSecrets::seed(seed))
    }

    /// The hash of a text, to be mixed by [`both`](Self::both).
    #[inline]
    pub(crate) const fn text(&self, text: &str) -> u64 {
        rapidhash_v3_nano_inline::<false, false>(text.as_bytes(), &self.0)
    }

    /// One hash of two and a small number.
    #[inline]
    pub(crate) const fn both(first: u64, second: u64, tag: u64) -> u64 {
        let first = first ^ tag.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let product = (first as u128) * ((second ^ 0xd6e8_feb8_6659_fd93) as u128);
        (product as u64) ^ ((product >> 64) as u64)
    }
}
