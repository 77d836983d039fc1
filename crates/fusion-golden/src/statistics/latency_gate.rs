use std::time::Duration;

use super::alpha::Interval;
use super::clusters::groups;
use super::gate::{Gate, Levels, Limits, Pair};
use super::quantile::quantile_bounds;
use super::sample_size::{MOST, quantile_n};
use super::special::{as_f64, binomial_cdf, ceil_u64, smallest, u64_as_f64};

const P95: f64 = 0.95;

/// The p95 of the candidate's latencies against absolute limits in seconds, by order
/// statistics.
///
/// Passes where the upper bound is at most `limits.warn`, which takes 59 samples at 5 %;
/// warns where the lower bound is above it, blocks where that is above `limits.block`; else
/// insufficient. A cluster counts as one sample: its slowest for the upper bound, its
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
    let gate = Gate { n: clusters.len(), ..gate };
    let one_of = |pick: fn(f64, f64) -> f64| -> Vec<f64> {
        clusters.iter().filter_map(|it| it.iter().copied().reduce(pick)).collect()
    };
    let (fastest, slowest) = (one_of(f64::min), one_of(f64::max));
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
    gate.place(limits.place(interval.lower, interval.upper), || {
        let passes = slow.estimate <= limits.warn;
        needed(if passes { &slowest } else { &fastest }, passes, limits, levels)
    })
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
