//! Limits of several that have each their own.

use super::gate::{Limits, Pair};

/// A pair and the limits that hold for it alone.
pub type OwnPair<'a, T> = (Pair<'a, T>, Limits);

/// The limits of several together: the mean, each weighted by what it has of the total, so
/// that the total may be what all of them may be at most. Limits that are all the same stay as
/// they are, bit for bit. `None` for no items, and where the weights come to nothing.
///
/// What identical pairs may be must not be in it where they are not in the figure: a scenario
/// that did not change would lend its room to the others.
pub fn limits_together(items: &[(Limits, f64)]) -> Option<Limits> {
    let (first, _) = items.first()?;
    if items.iter().all(|(it, _)| it == first) {
        return Some(*first);
    }
    let total = items.iter().map(|it| it.1).sum::<f64>();
    if !(total.is_finite() && total > 0.0) {
        return None;
    }
    let mean = |end: fn(&Limits) -> f64| {
        items.iter().map(|(it, weight)| end(it) * weight).sum::<f64>() / total
    };
    Some(Limits { warn: mean(|it| it.warn), block: mean(|it| it.block) })
}

/// The pairs alone.
pub(super) fn alone<'a, T: Copy>(pairs: &[OwnPair<'a, T>]) -> Vec<Pair<'a, T>> {
    pairs.iter().map(|it| it.0).collect()
}

/// Whether all have these limits.
pub(super) fn all_have<T>(pairs: &[OwnPair<'_, T>], limits: Limits) -> bool {
    pairs.iter().all(|it| it.1 == limits)
}
