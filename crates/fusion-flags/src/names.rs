use std::hash::BuildHasher;

use rapidhash::fast::RandomState;
use rapidhash::v3::{RapidSecrets, rapidhash_v3_nano_inline};

/// Flags by name. A lookup reads one slot, then the flag: with many flags each place in
/// memory that is looked at is waited for.
#[derive(Debug)]
pub(crate) struct Names {
    /// The flag's place and one in the lower bits, 0 where the slot is free; above them a
    /// part of the name's hash, so that only a flag that has it is looked at.
    ///
    /// At least four times as many as flags: hardly a name finds its first slot taken, and a
    /// processor rightly expects that it does not.
    slots: Box<[u32]>,
    /// The bits of a slot that are the flag's.
    flag_bits: u32,
    /// Of its own, so that a file cannot be made for one slot.
    seed: RapidSecrets,
}

impl Names {
    /// The places of `names`, which differ.
    pub(crate) fn new<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> Self {
        let slots = names.len().saturating_mul(4).max(2).next_power_of_two();
        let bits = usize::BITS - names.len().leading_zeros();
        let flag_bits = 1_u32.checked_shl(bits).map_or(u32::MAX, |it| it - 1);
        let seed = RapidSecrets::seed(RandomState::default().hash_one(0));
        let mut res = Self { slots: vec![0; slots].into(), flag_bits, seed };
        for (flag, name) in (1..).zip(names) {
            let (start, mark) = res.start(name);
            let mut way = (start..slots).chain(0..start);
            let free = way.find(|at| res.slots.get(*at) == Some(&0));
            if let Some(slot) = free.and_then(|at| res.slots.get_mut(at)) {
                *slot = mark | flag;
            }
        }
        res
    }

    /// The place of the flag with this name, which `is_it` knows it by.
    #[inline]
    pub(crate) fn find(&self, name: &str, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let (mut at, mark) = self.start(name);
        loop {
            // Some slot is free, so there is an end; none is beyond the mask.
            let slot = *self.slots.get(at)?;
            let flag = (slot & self.flag_bits).checked_sub(1)?;
            if slot & !self.flag_bits == mark && is_it(flag) {
                return Some(flag);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    /// The first slot for a name, and its mark.
    #[inline]
    fn start(&self, name: &str) -> (usize, u32) {
        let hash = rapidhash_v3_nano_inline::<true, false>(name.as_bytes(), &self.seed);
        (hash as usize & (self.slots.len() - 1), (hash >> 32) as u32 & !self.flag_bits)
    }
}
