use std::time::Duration;

use super::alpha::Interval;
use super::clusters::groups;
use super::gate::{Bounded, Gate, Levels, Limits, Pair};
use super::own_limits::{OwnPair, all_have, alone};
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
        groups(pairs.iter().map(|it| (side(it).as_secs_f64(), it.cluster)))
    };
    judged(gate, &seconds(|it| it.base), &seconds(|it| it.candidate), limits, levels)
}

/// As [`latency_gate`], where every pair has limits of its own: that the p95 is above a line
/// means that more than 5 % of the samples are, and each is held to the lines of its own
/// pair.
///
/// So every time is counted as one that is as far over or under `general` as it is over or
/// under its own lines, on both sides, and the p95 of these times is judged. `base`,
/// `candidate` and `delta` stay what was recorded; interval and limits are those of the times
/// so counted ([`Bounded::Counted`]). Where all have the same limits these are what is judged
/// by, and nothing is counted otherwise. Where none can lie between the two general lines
/// ([`Limits::LATENCY`] can) those stand in for them.
pub fn own_latency_gate(pairs: &[OwnPair<'_, Duration>], general: Limits, levels: Levels) -> Gate {
    let plain = alone(pairs);
    let same = pairs.first().map_or(general, |it| it.1);
    if all_have(pairs, same) {
        return latency_gate(&plain, same, levels);
    }
    let is_apart = 0.0 < general.warn && general.warn < general.block;
    let lines = if is_apart { general } else { Limits::LATENCY };
    let (gate, _) = match Gate::open(&plain, lines) {
        Ok(open) => open,
        Err(decided) => return *decided,
    };
    if !pairs.iter().all(|it| it.1.is_sound()) {
        return gate.decided(Verdict::Invalid, super::gate::Reason::BadLimits);
    }
    let counted = |side: fn(&Pair<'_, Duration>) -> Duration| {
        let times = pairs
            .iter()
            .map(|(pair, own)| (counted(side(pair).as_secs_f64(), *own, lines), pair.cluster));
        groups(times)
    };
    let gate = judged(gate, &counted(|it| it.base), &counted(|it| it.candidate), lines, levels);
    let recorded = |side: fn(&Pair<'_, Duration>) -> Duration| {
        let times: Vec<_> = plain.iter().map(|it| side(it).as_secs_f64()).collect();
        quantile_bounds(&times, P95, levels.worse, levels.pass).map(|it| it.estimate)
    };
    let (base, candidate) = (recorded(|it| it.base), recorded(|it| it.candidate));
    Gate {
        counted: gate.candidate,
        base,
        candidate,
        delta: base.zip(candidate).map(|(base, candidate)| candidate - base),
        interval_of: Bounded::Counted,
        ..gate
    }
}

/// The p95 of answers to one request of the candidate, beside those to one of the base: as
/// [`latency_gate`], where the sides need not have as many. A single answer above a line is
/// evidence at 5 % already: were the p95 at most there, it would come one time in twenty.
pub fn request_latency_gate(
    base: &[Duration],
    candidate: &[Duration],
    limits: Limits,
    levels: Levels,
) -> Gate {
    // That the sides differ is all that these two stand for.
    let (gate, _) = match Gate::open(&[Pair::new(0, 1)], limits) {
        Ok(open) => open,
        Err(decided) => return *decided,
    };
    let [base, candidate] =
        [base, candidate].map(|it| it.iter().map(|it| vec![it.as_secs_f64()]).collect::<Vec<_>>());
    judged(gate, &base, &candidate, limits, levels)
}

/// A time as it counts against the lines `to`, which lie apart and above 0: on the same side
/// of either as it is of its own ones.
fn counted(time: f64, own: Limits, to: Limits) -> f64 {
    let Limits { warn, block } = own;
    if own == to {
        time
    } else if time <= warn {
        let ratio = if warn > 0.0 { to.warn / warn } else { 1.0 };
        (time * ratio).min(to.warn)
    } else if time <= block {
        let share = (time - warn) / (block - warn);
        // Rounding must not put it on a line that it is above.
        (to.warn + share * (to.block - to.warn)).max(to.warn.next_up()).min(to.block)
    } else {
        let ratio = if block > 0.0 { to.block / block } else { 1.0 };
        (time * ratio).max(to.block.next_up())
    }
}

/// Judges the times of both sides in seconds; what counts as one is a group.
fn judged(
    gate: Gate,
    before: &[Vec<f64>],
    after: &[Vec<f64>],
    limits: Limits,
    levels: Levels,
) -> Gate {
    // The limits are absolute, so that samples of the same request count as any other.
    let gate = Gate { n: after.len(), interval_of: Bounded::Candidate, ..gate };
    let (fastest, slowest) = (one_of(after, f64::min), one_of(after, f64::max));
    let bounds = |samples: &[f64]| quantile_bounds(samples, P95, levels.worse, levels.pass);
    let all = |groups: &[Vec<f64>]| bounds(&groups.concat()).map(|it| it.estimate);
    let (Some(base), Some(candidate), Some(fast), Some(slow)) =
        (all(before), all(after), bounds(&fastest), bounds(&slowest))
    else {
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
    let verdict = match limits.place(interval.lower, interval.upper) {
        Some(Verdict::Fail)
            if base > limits.block && !is_slower(&one_of(before, f64::max), &fastest, levels) =>
        {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines() -> impl Strategy<Value = Limits> {
        (0.0..4.0_f64, 0.0..4.0_f64).prop_map(|(warn, more)| Limits { warn, block: warn + more })
    }

    proptest! {
        #[test]
        fn a_time_stays_on_its_side_of_both_lines(
            own in lines(),
            time in 0.0..12.0_f64,
            later in 0.0..12.0_f64,
            at in 0..3_usize,
        ) {
            // On the lines, too.
            let time = [time, own.warn, own.block].get(at).copied().unwrap_or(time);
            let to = Limits::LATENCY;
            let found = counted(time, own, to);
            prop_assert_eq!(found > to.warn, time > own.warn);
            prop_assert_eq!(found > to.block, time > own.block);
            prop_assert!(counted(time.min(later), own, to) <= counted(time.max(later), own, to));
            prop_assert_eq!(counted(time, to, to).to_bits(), time.to_bits());
        }
    }

    #[test]
    fn one_answer_above_the_line_is_evidence() {
        let gate = |candidate| {
            let candidate = [Duration::from_millis(candidate)];
            let base = [Duration::from_millis(900)];
            request_latency_gate(&base, &candidate, Limits::LATENCY, Levels::BUDGET).verdict
        };
        assert_eq!(gate(5_001), Verdict::Fail);
        assert_eq!(gate(5_000), Verdict::Warn);
        assert_eq!(gate(2_000), Verdict::Insufficient);
    }
}
