//! Weights of several objectives, evenly over all there are.

use crate::tune::float;
use crate::tune::propose::WEIGHTS;
use crate::tune::random::Stream;

/// The most weights of a sweep, and the finest steps: with two objectives tenths, with
/// three quarters, as Knowles, *ParEGO* (2006), has them.
const MOST: usize = 15;
const FINEST: usize = 10;

/// The weights of `count` objectives for the search at number `turn`; they sum to 1.
///
/// Sweep after sweep takes every point of the lattice once, in an order drawn from `seed`:
/// the corners too, which look for the best of one objective alone.
pub(crate) fn weights(count: usize, seed: u64, turn: usize) -> Vec<f64> {
    let lattice = lattice(count);
    let sweep = turn / lattice.len().max(1);
    let order = Stream::new(seed, WEIGHTS, sweep as u64).shuffled(lattice.len());
    let point = order.get(turn % lattice.len().max(1)).and_then(|it| lattice.get(*it));
    let parts = point.map(Vec::as_slice).unwrap_or_default();
    let sum = float(parts.iter().sum());
    parts.iter().map(|it| float(*it) / sum).collect()
}

/// The finest lattice that is no larger than [`MOST`]; the corners in any case.
fn lattice(count: usize) -> Vec<Vec<usize>> {
    let steps = (1..=FINEST).rev().find(|steps| size(count, *steps) <= MOST);
    points(count, steps.unwrap_or(1))
}

/// How many lists [`points`] gives.
fn size(count: usize, sum: usize) -> usize {
    (1..=sum).fold(1, |all: usize, it| all.saturating_mul(count.saturating_sub(1) + it) / it)
}

/// All lists of `count` whole numbers with the sum `sum`.
fn points(count: usize, sum: usize) -> Vec<Vec<usize>> {
    if count <= 1 {
        return vec![vec![sum; count]];
    }
    let with = |first: usize| {
        let rest = points(count - 1, sum - first).into_iter();
        rest.map(move |it| [&[first], it.as_slice()].concat())
    };
    (0..=sum).flat_map(with).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_lattice_is_as_fine_as_it_may_be() {
        let sizes: Vec<_> = (1..=7).map(|count| lattice(count).len()).collect();
        assert_eq!(sizes, [1, 11, 15, 10, 15, 6, 7]);
        assert_eq!(lattice(100).len(), 100, "the corners at least");
        assert!((1..6).all(|count| (1..6).all(|sum| points(count, sum).len() == size(count, sum))));
    }

    #[test]
    fn a_sweep_takes_every_weight_once() {
        let sweep = |from: usize| (from..from + 11).map(|turn| weights(2, 7, turn));
        let tenths = |it: Vec<f64>| (10.0 * it[0]).round() as u32;
        let found: BTreeSet<_> = sweep(0).map(tenths).collect();
        assert_eq!(found, (0..=10).collect());
        assert!(sweep(11).all(|it| (it.iter().sum::<f64>() - 1.0).abs() < 1e-12));
        assert_ne!(sweep(0).collect::<Vec<_>>(), sweep(11).collect::<Vec<_>>());
        assert_eq!(weights(3, 1, 40), weights(3, 1, 40));
    }
}
