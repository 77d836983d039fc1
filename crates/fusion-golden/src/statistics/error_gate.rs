use super::alpha::Interval;
use super::clusters::groups;
use super::gate::{Gate, Levels, Limits, Pair};
use super::own_limits::{OwnPair, alone, limits_together};
use super::proportion::{Cells, PairedCounts, mcnemar_worse};
use super::sample_size::{MOST, POWER, paired_proportion_n};
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
    gate.place(limits.place(interval.lower, interval.upper), || needed(cells, limits, levels))
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

/// The n that lets a candidate pass that fails where the base fails; where that many are
/// there already, the one that tells the difference found from the line.
fn needed(cells: Cells, limits: Limits, levels: Levels) -> u64 {
    let n = as_f64(cells.n);
    let unchanged = smallest(1, MOST, |wanted| {
        let all = u64_as_f64(wanted);
        let both = (all * cells.both / n).floor();
        let n = usize::try_from(wanted).unwrap_or(usize::MAX);
        let same = Cells { both, neither: all - both, n, ..Cells::default() };
        same.newcombe(levels.pass).is_some_and(|it| it.upper <= limits.warn)
    });
    if u64_as_f64(unchanged) > n {
        return unchanged;
    }
    let differing = (cells.only_base + cells.only_candidate) / n;
    let distance = ((cells.only_candidate - cells.only_base) / n - limits.warn).abs();
    paired_proportion_n(differing, distance, levels.stricter(), POWER)
}
