//! What units show, counted.

use std::collections::BTreeMap;

use super::succession::Step;

/// How many units go from what to what.
pub(super) type Steps<'a> = BTreeMap<Step<'a>, u64>;

/// What some units show.
pub(super) struct Found<'a> {
    /// The kind of work, by its place in the plan.
    pub(super) of: usize,
    /// By case.
    pub(super) steps: Vec<Steps<'a>>,
    /// By changed flag of the kind of work: the first case in which it is otherwise for some
    /// of the units, and for how many.
    pub(super) shown: Vec<Option<(usize, u64)>>,
}

/// What a kind of work shows.
#[derive(Default)]
pub(super) struct Tally<'a> {
    pub(super) steps: Vec<Steps<'a>>,
    pub(super) shown: Vec<Option<(usize, u64)>>,
    /// How many parts are still being asked.
    pub(super) open: usize,
}

impl<'a> Tally<'a> {
    pub(super) fn add(&mut self, found: Found<'a>) {
        self.open -= 1;
        self.steps.resize(found.steps.len(), Steps::new());
        for (all, steps) in self.steps.iter_mut().zip(found.steps) {
            for (step, count) in steps {
                *all.entry(step).or_default() += count;
            }
        }
        self.shown.resize(found.shown.len(), None);
        for (all, shown) in self.shown.iter_mut().zip(found.shown) {
            if let Some((case, count)) = shown {
                show(all, case, count);
            }
        }
    }
}

/// Counts units for which a flag is otherwise in a case, where no earlier case shows it.
pub(super) fn show(shown: &mut Option<(usize, u64)>, case: usize, count: u64) {
    match shown {
        Some((first, _)) if *first < case => (),
        Some((first, all)) if *first == case => *all += count,
        _ => *shown = Some((case, count)),
    }
}
