//! How a file answers the units of a block in one case.

use std::collections::HashMap;

use rapidhash::fast::RandomState;

use super::side::Side;
use super::units::{Block, Units};
use crate::bucket::{BUCKETS, scale};
use crate::condition::{Attribute, Condition};
use crate::decide::Context;
use crate::file::OnOff;
use crate::flag::Flag;

/// A request, with what is the same for all units.
pub(super) struct Asked<'a> {
    /// Without a unit.
    pub(super) context: Context<'a>,
    /// The attributes that are each unit's own: those that a file buckets by, and that the
    /// request does not give.
    pub(super) own: &'a [&'a str],
}

/// Units that are offered an overlay.
#[derive(Clone, Copy)]
pub(super) struct Offer {
    pub(super) units: Units,
    /// The overlay, by its place among those of both files.
    pub(super) overlay: u32,
}

/// What a file has for the units of a block, in file order.
pub(super) struct Offers<'a> {
    pub(super) offers: Vec<Offer>,
    fallbacks: Vec<(Units, &'a str)>,
    /// What answers where no flag says.
    otherwise: &'a str,
}

impl<'a> Offers<'a> {
    /// `units` by what answers them where no overlay does.
    pub(super) fn fallbacks(&self, mut units: Units) -> Vec<(Units, &'a str)> {
        let mut res = Vec::new();
        for (on, word) in &self.fallbacks {
            if units.is_empty() {
                return res;
            }
            res.push((units.and(*on), *word));
            units = units.without(*on);
        }
        res.push((units, self.otherwise));
        res.retain(|(units, _)| !units.is_empty());
        res
    }
}

/// One file, asked about a case.
pub(super) struct Answers<'a, 'q> {
    side: &'a Side,
    asked: &'q Asked<'q>,
    on: HashMap<u32, Units, RandomState>,
    killed: HashMap<u32, Units, RandomState>,
}

/// What a flag draws units by.
enum Drawn<'a> {
    /// Each by itself.
    Each,
    /// All by this text.
    Text(&'a str),
    /// By nothing.
    Nothing,
}

impl<'a, 'q> Answers<'a, 'q> {
    pub(super) fn new(side: &'a Side, asked: &'q Asked<'q>) -> Self {
        Self { side, asked, on: HashMap::default(), killed: HashMap::default() }
    }

    /// The units for which a flag is on.
    pub(super) fn on(&mut self, idx: u32, block: &mut Block<'_>) -> Units {
        if let Some(known) = self.on.get(&idx) {
            return *known;
        }
        let res = self.side.flag(idx).map_or(Units::NONE, |it| self.decided(it, block));
        self.on.insert(idx, res);
        res
    }

    fn decided(&mut self, flag: &Flag, block: &mut Block<'_>) -> Units {
        let Asked { context, own } = self.asked;
        let is_own = |it: &Condition| own.contains(&it.attribute());
        let evaluation = self.side.view.evaluation(context);
        let share = evaluation.share_where(flag, |it| is_own(it) || it.holds(context.attributes));
        let mut res = self.drawn(flag, share, block);
        for condition in flag.conditions.iter().filter(|it| is_own(it)) {
            let holds =
                |unit: &String| condition.holds(&[(condition.attribute(), Attribute::Text(unit))]);
            res = res.and(Units::that(block.units, holds));
        }
        for (other, must_be) in &flag.requires {
            if res.is_empty() {
                return res;
            }
            let on = self.on(other.0, block);
            res = match must_be {
                OnOff::On => res.and(on),
                OnOff::Off => res.without(on),
            };
        }
        res
    }

    /// The units that are in at `share`.
    fn drawn(&self, flag: &Flag, share: u32, block: &mut Block<'_>) -> Units {
        if share == 0 {
            return Units::NONE;
        }
        if share >= BUCKETS && flag.weights == 0 {
            return block.all;
        }
        match self.draws_by(flag) {
            Drawn::Each => block.below(flag.salt, share, BUCKETS),
            Drawn::Text(text) if flag.salt.bucket(text) < share => block.all,
            Drawn::Text(_) | Drawn::Nothing => Units::NONE,
        }
    }

    fn draws_by(&self, flag: &Flag) -> Drawn<'q> {
        let Some(name) = flag.bucket_by.as_deref() else { return Drawn::Each };
        let given = self.asked.context.attributes.iter().find_map(|(it, value)| match value {
            Attribute::Text(text) if *it == name => Some(*text),
            _ => None,
        });
        match given {
            _ if self.asked.own.contains(&name) => Drawn::Each,
            Some(text) if !text.is_empty() => Drawn::Text(text),
            _ => Drawn::Nothing,
        }
    }

    /// What the flags of `relevant`, which are in file order, have for the units.
    pub(super) fn offers(&mut self, relevant: &[u32], block: &mut Block<'_>) -> Offers<'a> {
        let side = self.side;
        let otherwise = side.fallback();
        let mut res = Offers { offers: Vec::new(), fallbacks: Vec::new(), otherwise };
        for idx in relevant {
            let (on, Some(flag)) = (self.on(*idx, block), side.flag(*idx)) else { continue };
            if on.is_empty() {
                continue;
            }
            res.fallbacks.extend(flag.fallback.as_deref().map(|it| (on, it)));
            if flag.variants.is_empty() {
                for overlay in &flag.overlays {
                    res.offers.extend(self.offer(on, *overlay, block));
                }
            }
            for (units, overlay) in self.arms(flag, block) {
                let overlay = overlay.and_then(|it| self.offer(on.and(units), it, block));
                res.offers.extend(overlay);
            }
        }
        res
    }

    /// The overlays of a flag's variants, as places among those of both files, with the units
    /// that have them: none for all where it has no variants.
    pub(super) fn drawn_overlays(
        &self,
        idx: u32,
        block: &mut Block<'_>,
    ) -> Vec<(Units, Option<u32>)> {
        let has_arms = |it: &&Flag| it.weights > 0;
        let Some(flag) = self.side.flag(idx).filter(has_arms) else {
            return vec![(block.all, None)];
        };
        let arms = self.arms(flag, block).into_iter();
        arms.map(|(units, it)| (units, it.map(|it| self.side.common(it)))).collect()
    }

    /// The variants of a flag with the units that each has; none where it has no variants.
    fn arms(&self, flag: &Flag, block: &mut Block<'_>) -> Vec<(Units, Option<u32>)> {
        let (by, mut before) = (self.draws_by(flag), Units::NONE);
        let arms = flag.variants.iter().filter(|_| flag.weights > 0);
        arms.map(|arm| {
            let below = match by {
                Drawn::Each => block.below(flag.split, arm.end, flag.weights),
                Drawn::Text(text) if scale(flag.split.hash(text), flag.weights) < arm.end => {
                    block.all
                }
                Drawn::Text(_) | Drawn::Nothing => Units::NONE,
            };
            (below.without(std::mem::replace(&mut before, below)), arm.overlay)
        })
        .collect()
    }

    fn offer(&mut self, units: Units, overlay: u32, block: &mut Block<'_>) -> Option<Offer> {
        let units = units.without(self.killed(overlay, block));
        let overlay = self.side.common(overlay);
        (!units.is_empty()).then_some(Offer { units, overlay })
    }

    /// The units for which a kill switch takes an overlay out.
    fn killed(&mut self, overlay: u32, block: &mut Block<'_>) -> Units {
        let kills = self.side.kills(overlay);
        if kills.is_empty() {
            return Units::NONE;
        }
        if let Some(known) = self.killed.get(&overlay) {
            return *known;
        }
        let res = kills.iter().fold(Units::NONE, |res, it| res.or(self.on(*it, block)));
        self.killed.insert(overlay, res);
        res
    }
}
