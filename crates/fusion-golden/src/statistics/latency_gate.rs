use std::time::Duration;

use super::alpha::Interval;
use super::gate::{Gate, Levels, Limits, Pair};
use super::quantile::{QuantileBounds, quantile_bounds};
use super::sample_size::{MOST, quantile_n};
use super::special::{as_f64, binomial_cdf, ceil_u64, smallest, u64_as_f64};

const P95: f64 = 0.95;

/// The p95 of the candidate's latencies against absolute limits in seconds, by order
/// statistics.
///
/// Passes where the upper bound is at most `limits.warn`, which takes 59 samples at 5 %;
/// warns where the lower bound is above it, blocks where that is above `limits.block`; else
/// insufficient. A request that failed has no latency: [`error_gate`](super::error_gate)
/// belongs beside this one.
pub fn latency_gate(pairs: &[Pair<'_, Duration>], limits: Limits, levels: Levels) -> Gate {
    let (gate, _) = match Gate::open(pairs, limits) {
        Ok(open) => open,
        Err(decided) => return *decided,
    };
    // The limits are absolute, so that samples of the same request count as any other.
    let gate = Gate { n: pairs.len(), ..gate };
    let seconds = |side: fn(&Pair<'_, Duration>) -> Duration| -> Vec<f64> {
        pairs.iter().map(|it| side(it).as_secs_f64()).collect()
    };
    let candidate = seconds(|it| it.candidate);
    let (Some(of_base), Some(of_candidate)) = (
        quantile_bounds(&seconds(|it| it.base), P95, levels.worse, levels.pass),
        quantile_bounds(&candidate, P95, levels.worse, levels.pass),
    ) else {
        return gate.bad_value();
    };
    let interval = Interval {
        lower: of_candidate.lower.unwrap_or(0.0),
        upper: of_candidate.upper.unwrap_or(f64::INFINITY),
    };
    let gate = Gate {
        base: Some(of_base.estimate),
        candidate: Some(of_candidate.estimate),
        delta: Some(of_candidate.estimate - of_base.estimate),
        interval: Some(interval),
        ..gate
    };
    gate.place(limits.place(interval.lower, interval.upper), || {
        needed(&candidate, of_candidate, limits, levels)
    })
}

/// The n with which a share of slow samples as found would show the p95 on its side of the
/// line. The upper bound is under the line where slow samples are surely below 5 %.
fn needed(seconds: &[f64], found: QuantileBounds, limits: Limits, levels: Levels) -> u64 {
    let slow = as_f64(seconds.iter().filter(|it| **it > limits.warn).count());
    let slow = slow / as_f64(seconds.len());
    let first = quantile_n(P95, levels.pass);
    smallest(first, MOST, |n| {
        let expected = u64_as_f64(n) * slow;
        let count = usize::try_from(n).unwrap_or(usize::MAX);
        let rounded = usize::try_from(ceil_u64(expected, MOST)).unwrap_or(count).min(count);
        if found.estimate <= limits.warn {
            binomial_cdf(rounded, count, 1.0 - P95) <= levels.pass.get()
        } else {
            let more = rounded.saturating_sub(1);
            1.0 - binomial_cdf(more, count, 1.0 - P95) <= levels.worse.get()
        }
    })
}
