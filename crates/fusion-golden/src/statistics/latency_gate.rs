use std::time::Duration;

use super::alpha::Interval;
use super::clusters::groups;
use super::gate::{Bounded, Gate, Levels, Limits, Pair};
use super::quantile::quantile_bounds;
use super::sample_size::{MOST, quantile_n};
use super::special::{as_f64, binomial_cdf, ceil_u64, smallest, u64_as_f64};
use crate::Verdict;

const P95: f64 = 0.95;

/// The p95 of the candidate's latencies against absolute limits in seconds, by order
/// statistics.
///
/// Passes where the upper bound is at most `limits.warn`, which takes 59 samples at 5 %;
/// warns where the lower bound is above it, blocks where that is above `limits.block`; else
/// insufficient. Where the base's own p95 is above `limits.block`, it blocks only what is
/// surely slower than the base, and warns about the rest. A cluster counts as one sample: its slowest for the upper bound, its
/// fastest for the lower one, so that neither claims too much. A request that failed has no
/// latency: [`error_gate`](super::error_gate) belongs beside this one.
pub fn latency_gate(pairs: &[Pair<'_, Duration>], limits: Limits, levels: Levels) -> Gate {
    let (gate, _) = match Gate::open(pairs, limits) {
        Ok(open) => open,
        Err(decided) => return *decided,
    };
    let seconds = |side: fn(&Pair<'_, Duration>) -> Duration| {
        pairs.iter().map(move |it| (side(it).as_secs_f64(), it.cluster))
    };
    let clusters = groups(seconds(|it| it.candidate));
    // The limits are absolute, so that samples of the same request count as any other.
    let gate = Gate { n: clusters.len(), interval_of: Bounded::Candidate, ..gate };
    let (fastest, slowest) = (one_of(&clusters, f64::min), one_of(&clusters, f64::max));
    let bounds = |samples: &[f64]| quantile_bounds(samples, P95, levels.worse, levels.pass);
    let all = |samples: Vec<_>| bounds(&samples).map(|it| it.estimate);
    let (Some(base), Some(candidate), Some(fast), Some(slow)) = (
        all(seconds(|it| it.base).map(|it| it.0).collect()),
        all(seconds(|it| it.candidate).map(|it| it.0).collect()),
        bounds(&fastest),
        bounds(&slowest),
    ) else {
        return gate.bad_value();
    };
    let interval =
        Interval { lower: fast.lower.unwrap_or(0.0), upper: slow.upper.unwrap_or(f64::INFINITY) };
    let gate = Gate {
        base: Some(base),
        candidate: Some(candidate),
        delta: Some(candidate - base),
        interval: Some(interval),
        ..gate
    };
    let before = one_of(&groups(seconds(|it| it.base)), f64::max);
    let verdict = match limits.place(interval.lower, interval.upper) {
        Some(Verdict::Fail) if base > limits.block && !is_slower(&before, &fastest, levels) => {
            Some(Verdict::Warn)
        }
        verdict => verdict,
    };
    gate.place(verdict, || {
        let passes = slow.estimate <= limits.warn;
        needed(if passes { &slowest } else { &fastest }, passes, limits, levels)
    })
}

/// One sample of each cluster.
fn one_of(clusters: &[Vec<f64>], pick: fn(f64, f64) -> f64) -> Vec<f64> {
    clusters.iter().filter_map(|it| it.iter().copied().reduce(pick)).collect()
}

/// Times above all of the base's that accuse: with nothing changed the slowest 7 of both
/// sides are all the candidate's one time in 128 at most (Rosenbaum 1954, Tables for a
/// nonparametric test of location, Annals of Mathematical Statistics 25:1).
const ABOVE_ALL: usize = 7;

/// Whether the candidate is surely slower than the base: by bounds of the two p95 that do not
/// meet, or by times above all of the base's, where there are too few for bounds.
fn is_slower(before: &[f64], after: &[f64], levels: Levels) -> bool {
    let bounds = |samples| quantile_bounds(samples, P95, levels.worse, levels.pass);
    let most = before.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let above = after.iter().filter(|it| **it > most).count();
    let highest = bounds(before).and_then(|it| it.upper);
    let lowest = bounds(after).and_then(|it| it.lower);
    above >= ABOVE_ALL || lowest.zip(highest).is_some_and(|(after, before)| after > before)
}

/// The n with which a share of slow samples as found would show the p95 on its side of the
/// line. The upper bound is under the line where slow samples are surely below 5 %.
fn needed(seconds: &[f64], passes: bool, limits: Limits, levels: Levels) -> u64 {
    let slow = as_f64(seconds.iter().filter(|it| **it > limits.warn).count());
    let slow = slow / as_f64(seconds.len());
    let first = quantile_n(P95, levels.pass);
    smallest(first, MOST, |n| {
        let expected = u64_as_f64(n) * slow;
        let count = usize::try_from(n).unwrap_or(usize::MAX);
        let rounded = usize::try_from(ceil_u64(expected, MOST)).unwrap_or(count).min(count);
        if passes {
            binomial_cdf(rounded, count, 1.0 - P95) <= levels.pass.get()
        } else {
            let more = rounded.saturating_sub(1);
            1.0 - binomial_cdf(more, count, 1.0 - P95) <= levels.worse.get()
        }
    })
}
