use super::alpha::Interval;
use super::clusters::groups;
use super::gate::{Gate, Levels, Limits, Pair, asked};
use super::own_limits::{OwnPair, alone, limits_together};
use super::proportion::{Cells, PairedCounts, mcnemar_worse};
use super::sample_size::MOST;
use super::special::{as_f64, smallest, u64_as_f64};

/// How much more often the candidate fails than the base, where `true` is a failure: of
/// the request, or of a rule. Over the pairs whose requests differ, by Newcombe's interval
/// for paired shares; a cluster counts as one, with the share of its pairs that fail.
///
/// Passes where the upper bound is at most `limits.warn`, warns where the lower bound is
/// above it, blocks where it is above `limits.block`; else insufficient. Newcombe's interval
/// is an approximation: where McNemar's exact test does not show that the candidate fails
/// more often at all, the lower bound is not above 0.
pub fn error_gate(pairs: &[Pair<'_, bool>], limits: Limits, levels: Levels) -> Gate {
    let (gate, pairs) = match Gate::open(pairs, limits) {
        Ok(open) => open,
        Err(decided) => return *decided,
    };
    let (cells, signs) = count(&pairs);
    let n = as_f64(cells.n);
    let gate = Gate { n: cells.n, ..gate };
    let bounds = (cells.newcombe(levels.worse), cells.newcombe(levels.pass));
    let (Some(worse), Some(pass)) = bounds else { return gate.bad_value() };
    let is_shown = mcnemar_worse(&signs) <= levels.worse.get();
    let lower = if is_shown { worse.lower } else { worse.lower.min(0.0) };
    let interval = Interval { lower, upper: pass.upper };
    let gate = Gate {
        base: Some((cells.both + cells.only_base) / n),
        candidate: Some((cells.both + cells.only_candidate) / n),
        delta: Some((cells.only_candidate - cells.only_base) / n),
        interval: Some(interval),
        ..gate
    };
    gate.place(limits.place(interval.lower, interval.upper), || {
        needed(cells, signs, limits, levels)
    })
}

/// As [`error_gate`], where every pair has limits of its own: those that differ may fail as
/// much more often as the mean of their limits says, a cluster as one; `general` where none
/// differs.
pub fn own_error_gate(pairs: &[OwnPair<'_, bool>], general: Limits, levels: Levels) -> Gate {
    let differing = pairs.iter().filter(|it| !it.0.identical);
    let clusters = groups(differing.map(|(pair, own)| (*own, pair.cluster)));
    let weighted = clusters.iter().flat_map(|cluster| {
        let weight = 1.0 / as_f64(cluster.len());
        cluster.iter().map(move |own| (*own, weight))
    });
    let limits = limits_together(&weighted.collect::<Vec<_>>()).unwrap_or(general);
    error_gate(&alone(pairs), limits, levels)
}

/// The cells, each cluster one in all; and the clusters by the side that fails more often.
fn count(pairs: &[Pair<'_, bool>]) -> (Cells, PairedCounts) {
    let clusters = groups(pairs.iter().map(|it| ((it.base, it.candidate), it.cluster)));
    let mut cells = Cells { n: clusters.len(), ..Cells::default() };
    let mut signs = PairedCounts::default();
    for cluster in &clusters {
        let share = |of: (bool, bool)| {
            as_f64(cluster.iter().filter(|it| **it == of).count()) / as_f64(cluster.len())
        };
        let (worse, better) = (share((false, true)), share((true, false)));
        cells.both += share((true, true));
        cells.only_candidate += worse;
        cells.only_base += better;
        cells.neither += share((false, false));
        signs.only_candidate += usize::from(worse > better);
        signs.only_base += usize::from(better > worse);
    }
    (cells, signs)
}

/// The n with which the bounds would clear the line at the shares found.
fn needed(cells: Cells, signs: PairedCounts, limits: Limits, levels: Levels) -> Option<u64> {
    let n = as_f64(cells.n);
    let difference = (cells.only_candidate - cells.only_base) / n;
    let is_over = difference > limits.warn;
    let found = smallest(1, MOST, |wanted| {
        let all = scaled(cells, wanted);
        if is_over {
            all.newcombe(levels.worse).is_some_and(|it| it.lower > limits.warn)
                && mcnemar_worse(&scaled_signs(signs, cells.n, all.n)) <= levels.worse.get()
        } else {
            all.newcombe(levels.pass).is_some_and(|it| it.upper <= limits.warn)
        }
    });
    asked(cells.n, [difference, limits.warn], found, || unchanged(cells, limits, levels))
}

/// The n that lets a candidate pass that fails where the base fails.
fn unchanged(cells: Cells, limits: Limits, levels: Levels) -> u64 {
    let n = as_f64(cells.n);
    smallest(1, MOST, |wanted| {
        let all = u64_as_f64(wanted);
        let both = (all * cells.both / n).floor();
        let n = usize::try_from(wanted).unwrap_or(usize::MAX);
        let same = Cells { both, neither: all - both, n, ..Cells::default() };
        same.newcombe(levels.pass).is_some_and(|it| it.upper <= limits.warn)
    })
}

/// The same shares of `wanted` pairs.
fn scaled(cells: Cells, wanted: u64) -> Cells {
    let times = u64_as_f64(wanted) / as_f64(cells.n);
    Cells {
        both: cells.both * times,
        only_candidate: cells.only_candidate * times,
        only_base: cells.only_base * times,
        neither: cells.neither * times,
        n: usize::try_from(wanted).unwrap_or(usize::MAX),
    }
}

/// The same of `wanted` pairs in place of `n`, whole pairs, rounded in the candidate's favour.
fn scaled_signs(signs: PairedCounts, n: usize, wanted: usize) -> PairedCounts {
    PairedCounts {
        only_candidate: signs.only_candidate * wanted / n,
        only_base: (signs.only_base * wanted).div_ceil(n),
        ..PairedCounts::default()
    }
}
