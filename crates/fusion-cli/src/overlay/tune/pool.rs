//! Which candidates the recordings of a suite speak for.

use std::collections::BTreeSet;

use overlay_model::Overlay;
use overlay_optimizer::{Candidate, Dimension, Space};

use super::replay::Replay;

/// The most candidates of a pool.
const MOST_POINTS: usize = 128;

/// The candidates of `space` whose requests on the scenarios `probes` are all recorded,
/// the overlay as it is among them.
///
/// Each key is varied by itself first; of the values that are recorded, all combinations
/// are tried, or [`MOST_POINTS`] that visit the whole range where there are more.
pub(super) fn recorded(
    replay: &Replay,
    space: &Space,
    overlay: &Overlay,
    probes: &[String],
) -> Vec<Candidate> {
    let is_recorded = |candidate: &Candidate| {
        space.apply(overlay, candidate).is_ok_and(|it| replay.is_recorded(&it, probes))
    };
    let mut known = BTreeSet::from([space.start()]);
    let mut axes = Vec::new();
    for dimension in space.dimensions() {
        let mut axis = Vec::new();
        for level in dimension.levels() {
            let Some(candidate) = point(space, overlay, &[(dimension, level)]) else { continue };
            if candidate == space.start() || is_recorded(&candidate) {
                known.insert(candidate);
                axis.push((dimension, level));
            }
        }
        if axis.len() > 1 {
            axes.push(axis);
        }
    }
    let joint = combinations(&axes).into_iter().filter_map(|it| point(space, overlay, &it));
    let joint: BTreeSet<_> = joint.filter(|it| !known.contains(it)).collect();
    known.extend(joint.into_iter().filter(is_recorded));
    known.into_iter().collect()
}

/// The overlay with these values, as a candidate.
fn point(space: &Space, overlay: &Overlay, values: &[(&Dimension, &str)]) -> Option<Candidate> {
    let mut changed = overlay.clone();
    for (dimension, level) in values {
        changed.set(dimension.key(), level).ok()?;
    }
    space.candidate_of(&changed).ok()
}

/// All combinations of one value of each axis, or [`MOST_POINTS`] of them.
fn combinations<T: Copy>(axes: &[Vec<T>]) -> Vec<Vec<T>> {
    let size = axes.iter().try_fold(1_usize, |all, it| all.checked_mul(it.len()));
    match size.filter(|it| *it <= MOST_POINTS) {
        Some(size) => (0..size).map(|number| nth(axes, number)).collect(),
        None => (1..=MOST_POINTS).map(|number| spread(axes, number)).collect(),
    }
}

/// The combination with this number: its digits in the bases that the axes are long.
fn nth<T: Copy>(axes: &[Vec<T>], mut number: usize) -> Vec<T> {
    let digit = |axis: &Vec<T>| {
        let at = number % axis.len().max(1);
        number /= axis.len().max(1);
        axis.get(at).copied()
    };
    axes.iter().filter_map(digit).collect()
}

/// A point of a sequence that covers the range evenly: additive recurrence with the powers
/// of the generalised golden ratio (Roberts 2018, "The Unreasonable Effectiveness of
/// Quasirandom Sequences").
fn spread<T: Copy>(axes: &[Vec<T>], number: usize) -> Vec<T> {
    let power = 1.0 / (count(axes.len()) + 1.0);
    let golden = (0..32).fold(2.0_f64, |it, _| (1.0 + it).powf(power));
    let value = |(at, axis): (usize, &Vec<T>)| {
        let step = golden.powf(-(count(at) + 1.0));
        let place = (0.5 + count(number) * step).fract() * count(axis.len());
        // As many whole steps as fit below the place.
        let at = (1..axis.len()).take_while(|it| count(*it) <= place).count();
        axis.get(at).copied()
    };
    axes.iter().enumerate().filter_map(value).collect()
}

fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::from(u32::MAX), f64::from)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn few_combinations_are_all_tried() {
        let axes = [vec![1, 2, 3], vec![10, 20]];
        let found: BTreeSet<_> = combinations(&axes).into_iter().collect();
        assert_eq!(found.len(), 6);
        assert!(found.contains(&vec![3, 20]));
        assert_eq!(combinations::<u8>(&[]), [Vec::<u8>::new()]);
    }

    #[test]
    fn of_many_combinations_every_value_is_tried() {
        let axes = vec![(0..20).collect::<Vec<_>>(); 5];
        let found = combinations(&axes);
        assert_eq!(found.len(), MOST_POINTS);
        for axis in 0..5 {
            let seen: BTreeSet<_> = found.iter().map(|it| it[axis]).collect();
            assert_eq!(seen.len(), 20);
        }
    }
}
