use rapidhash::RapidHashSet;

use crate::label::{Scratch, clean};

/// The names that the installation knows: its scenarios and its overlays.
///
/// A series whose names are all known is admitted up to the full limits; the others share
/// a part of them, so that strangers who come first cannot lock the installation out. An
/// absent label counts as known.
#[derive(Clone, Debug, Default)]
pub struct Known(Option<Names>);

#[derive(Clone, Debug)]
struct Names {
    scenarios: RapidHashSet<Box<str>>,
    overlays: RapidHashSet<Box<str>>,
}

impl Known {
    /// Every name counts as known: for a program that gives all label values itself.
    pub const fn every_name() -> Self {
        Self(None)
    }

    /// Only these names are known.
    pub fn only<S, O>(scenarios: S, overlays: O) -> Self
    where
        S: IntoIterator<Item: AsRef<str>>,
        O: IntoIterator<Item: AsRef<str>>,
    {
        Self(Some(Names { scenarios: set(scenarios), overlays: set(overlays) }))
    }

    pub(crate) fn scenario(&self, name: &str) -> bool {
        let known = |it: &Names| name.is_empty() || it.scenarios.contains(name);
        self.0.as_ref().is_none_or(known)
    }

    /// Whether an overlay of this name was known and is known no longer `now`.
    pub(crate) fn loses(&self, name: &str, now: &Self) -> bool {
        self.0.as_ref().is_some_and(|it| it.overlays.contains(name)) && !now.overlay(name)
    }

    pub(crate) fn overlay(&self, name: &str) -> bool {
        let known = |it: &Names| name.is_empty() || it.overlays.contains(name);
        self.0.as_ref().is_none_or(known)
    }
}

/// The names as they stand in the labels.
fn set(names: impl IntoIterator<Item: AsRef<str>>) -> RapidHashSet<Box<str>> {
    names.into_iter().map(|it| clean(it.as_ref(), &mut Scratch::default()).into()).collect()
}
