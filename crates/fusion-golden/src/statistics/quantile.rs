use serde::Serialize;

use super::alpha::Alpha;
use super::rounded;
use super::special::{as_f64, binomial_cdf, smallest};

/// What a sample says about a quantile, without assumption about its distribution.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct QuantileBounds {
    /// The quantile of the sample: the value of rank ⌈q·n⌉.
    #[serde(serialize_with = "rounded::number")]
    pub estimate: f64,
    /// The lower bound; `None` where the sample is too small for one.
    #[serde(serialize_with = "rounded::option")]
    pub lower: Option<f64>,
    /// The upper bound; `None` where the sample is too small for one.
    #[serde(serialize_with = "rounded::option")]
    pub upper: Option<f64>,
}

/// Bounds of the `q` quantile (0 < q < 1) by order statistics; `None` for an empty sample,
/// one with a value that is no number, or such a q.
///
/// Conover 1999, Practical Nonparametric Statistics, 3.2: the values of ranks given by the
/// binomial distribution. The p95 has an upper bound at 5 % from n = 59 on, as
/// 0.95^59 < 0.05; see [`quantile_n`](super::quantile_n). The bootstrap needs n of 200.
pub fn quantile_bounds(
    values: &[f64],
    q: f64,
    lower: Alpha,
    upper: Alpha,
) -> Option<QuantileBounds> {
    if !(q > 0.0 && q < 1.0) || values.iter().any(|it| it.is_nan()) {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    let rank = |rank: usize| rank.checked_sub(1).and_then(|at| sorted.get(at)).copied();
    Some(QuantileBounds {
        estimate: rank(estimate_rank(n, q))?,
        lower: rank(lower_rank(n, q, lower)),
        upper: rank(upper_rank(n, q, upper)),
    })
}

/// What rounding may add to a probability: 1 − 0.95 is a little more than 0.05, and yet one
/// value bounds its p95 from below at 5 %.
const ROUNDING: f64 = 1e-12;

/// ⌈q·n⌉, from 1 on; the small step back is for products such as 0.95·20 that round up.
fn estimate_rank(n: usize, q: f64) -> usize {
    let rank = super::special::ceil_u64(q * as_f64(n) - 1e-9, u64::MAX);
    usize::try_from(rank).unwrap_or(n).clamp(1, n.max(1))
}

/// The smallest rank k with P(Bin(n, q) ≤ k − 1) ≥ 1 − alpha; n + 1 where there is none.
fn upper_rank(n: usize, q: f64, alpha: Alpha) -> usize {
    first_rank(n, |k| binomial_below(k, n, q) >= 1.0 - alpha.get() - ROUNDING).unwrap_or(n + 1)
}

/// The largest rank k with P(Bin(n, q) ≤ k − 1) ≤ alpha; 0 where there is none.
fn lower_rank(n: usize, q: f64, alpha: Alpha) -> usize {
    first_rank(n, |k| binomial_below(k, n, q) > alpha.get() + ROUNDING).map_or(n, |k| k - 1)
}

/// P(Bin(n, q) < k).
fn binomial_below(k: usize, n: usize, q: f64) -> f64 {
    k.checked_sub(1).map_or(0.0, |below| binomial_cdf(below, n, q))
}

/// The smallest rank of 1 to n that will do.
fn first_rank(n: usize, will_do: impl Fn(usize) -> bool) -> Option<usize> {
    let test = |rank: u64| usize::try_from(rank).is_ok_and(&will_do);
    let last = u64::try_from(n).ok()?;
    let found = smallest(1, last + 1, |it| it > last || test(it));
    usize::try_from(found).ok().filter(|it| *it <= n)
}
