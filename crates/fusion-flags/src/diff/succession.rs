//! Where what answers by two files parts, unit by unit.
//!
//! A unit's line of succession is what the offers it is in have for it, each overlay once.
//! Units that both files have answered alike so far go on together.

use super::Move;
use super::answers::{Offer, Offers};
use super::units::Units;

/// What answers.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
enum Answer<'a> {
    Overlay(&'a str),
    Fallback(&'a str),
}

impl Answer<'_> {
    fn overlay(self) -> Option<String> {
        match self {
            Self::Overlay(name) => Some(name.to_owned()),
            Self::Fallback(_) => None,
        }
    }

    fn fallback(self) -> Option<String> {
        match self {
            Self::Overlay(_) => None,
            Self::Fallback(word) => Some(word.to_owned()),
        }
    }
}

/// From what to what a unit goes.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Step<'a> {
    /// Whether it is only what answers where something else fails.
    pub(super) is_reserve: bool,
    from: Answer<'a>,
    to: Answer<'a>,
}

impl Step<'_> {
    /// The step as a move of a share of the units.
    pub(super) fn of_share(self, share: f64) -> Move {
        Move {
            from: self.from.overlay(),
            to: self.to.overlay(),
            from_fallback: self.from.fallback(),
            to_fallback: self.to.fallback(),
            share,
        }
    }
}

/// Units that both files have answered alike so far.
#[derive(Clone)]
struct Branch {
    units: Units,
    /// How far each file was asked.
    old: usize,
    new: usize,
    /// The overlays they were offered, as bits.
    taken: Vec<u64>,
    is_reserve: bool,
}

impl Branch {
    fn of(units: Units, overlays: usize) -> Self {
        let taken = vec![0; overlays.div_ceil(64)];
        Self { units, old: 0, new: 0, taken, is_reserve: false }
    }

    fn has(&self, overlay: u32) -> bool {
        let word = self.taken.get(overlay as usize / 64);
        word.is_some_and(|it| it >> (overlay % 64) & 1 == 1)
    }

    fn take(&mut self, overlay: u32) {
        if let Some(word) = self.taken.get_mut(overlay as usize / 64) {
            *word |= 1 << (overlay % 64);
        }
        self.is_reserve = true;
    }

    /// The overlay that the units are offered next, by the file that `at` is the place in.
    /// Units that are offered another one go to `others`.
    fn next(
        &mut self,
        offers: &[Offer],
        at: fn(&mut Self) -> &mut usize,
        others: &mut Vec<Self>,
    ) -> Option<u32> {
        while let Some(offer) = offers.get(*at(self)) {
            let takes = self.units.and(offer.units);
            if takes.is_empty() || self.has(offer.overlay) {
                *at(self) += 1;
                continue;
            }
            if takes != self.units {
                let mut rest = Self { units: self.units.without(takes), ..self.clone() };
                *at(&mut rest) += 1;
                others.push(rest);
                self.units = takes;
            }
            return Some(offer.overlay);
        }
        None
    }
}

/// Tells `found` the first place where the lines of succession differ, for all of `units` for
/// which they do. `overlays` are the names.
pub(super) fn compare<'a>(
    [old, new]: &[Offers<'a>; 2],
    overlays: &'a [String],
    units: Units,
    found: &mut impl FnMut(Step<'a>, Units),
) {
    let name = |it: u32| Answer::Overlay(overlays.get(it as usize).map_or("", |it| it));
    let answers = |offers: &Offers<'a>, next: Option<u32>, units: Units| match next {
        Some(overlay) => vec![(units, name(overlay))],
        None => {
            let words = offers.fallbacks(units).into_iter();
            words.map(|(units, word)| (units, Answer::Fallback(word))).collect()
        }
    };
    let mut branches = vec![Branch::of(units, overlays.len())];
    while let Some(mut branch) = branches.pop() {
        let before = branch.next(&old.offers, |it| &mut it.old, &mut branches);
        let after = branch.next(&new.offers, |it| &mut it.new, &mut branches);
        if let (Some(overlay), true) = (before, before == after) {
            branch.take(overlay);
            branches.push(branch);
            continue;
        }
        let is_reserve = branch.is_reserve;
        for (units, from) in answers(old, before, branch.units) {
            let others = answers(new, after, units).into_iter().filter(|(_, to)| from != *to);
            others.for_each(|(units, to)| found(Step { is_reserve, from, to }, units));
        }
    }
}
