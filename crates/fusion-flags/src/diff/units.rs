//! Units as sets, and the hashes that they are drawn by.

use std::collections::HashMap;

use rapidhash::fast::RandomState;

use crate::bucket::{Salt, hashes_below};

/// How many units are asked at a time: their hashes by the salts of a large file stay within
/// the processor's cache, and those of many files within memory.
pub(super) const BLOCK: usize = 512;

/// A set of the units of a block.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Units([u64; BLOCK / 64]);

impl Units {
    pub(super) const NONE: Self = Self([0; BLOCK / 64]);

    /// The units of a block for which this is so.
    pub(super) fn that<T>(units: &[T], is_so: impl Fn(&T) -> bool) -> Self {
        let mut res = Self::NONE;
        for (word, units) in res.0.iter_mut().zip(units.chunks(64)) {
            for (bit, unit) in units.iter().enumerate() {
                *word |= u64::from(is_so(unit)) << bit;
            }
        }
        res
    }

    fn each(mut self, other: Self, op: impl Fn(u64, u64) -> u64) -> Self {
        for (word, other) in self.0.iter_mut().zip(other.0) {
            *word = op(*word, other);
        }
        self
    }

    pub(super) fn and(self, other: Self) -> Self {
        self.each(other, |a, b| a & b)
    }

    pub(super) fn or(self, other: Self) -> Self {
        self.each(other, |a, b| a | b)
    }

    pub(super) fn without(self, other: Self) -> Self {
        self.each(other, |a, b| a & !b)
    }

    pub(super) fn is_empty(self) -> bool {
        self == Self::NONE
    }

    pub(super) fn count(self) -> u64 {
        self.0.iter().map(|it| u64::from(it.count_ones())).sum()
    }
}

/// Some units, with their hashes by each salt that was asked for.
pub(super) struct Block<'a> {
    pub(super) units: &'a [String],
    /// All of them.
    pub(super) all: Units,
    /// Those that are not the empty text, which is nobody.
    pub(super) named: Units,
    hashes: HashMap<Salt, Box<[u32]>, RandomState>,
}

impl<'a> Block<'a> {
    /// Of at most [`BLOCK`] units.
    pub(super) fn of(units: &'a [String]) -> Self {
        let all = Units::that(units, |_| true);
        let named = Units::that(units, |it| !it.is_empty());
        Self { units, all, named, hashes: HashMap::default() }
    }

    /// The units whose hash by `salt`, as a share of `total`, is below `end`.
    pub(super) fn below(&mut self, salt: Salt, end: u32, total: u32) -> Units {
        let Some(least) = hashes_below(end, total) else { return self.named };
        let units = self.units;
        let hashes = self.hashes.entry(salt);
        let hashes = hashes.or_insert_with(|| units.iter().map(|it| salt.hash(it)).collect());
        Units::that(hashes, |it| *it < least).and(self.named)
    }
}
