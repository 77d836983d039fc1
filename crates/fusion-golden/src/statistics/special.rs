//! Quantiles and distribution functions, over the special functions of `statrs`.

use std::f64::consts::{PI, SQRT_2};

use statrs::function::beta::checked_beta_reg;
use statrs::function::erf::{erfc, erfc_inv};
use statrs::function::gamma::ln_gamma;

/// The quantile of the standard normal distribution; `p` between 0 and 1.
pub(super) fn normal_quantile(p: f64) -> f64 {
    let start = -SQRT_2 * erfc_inv(2.0 * p);
    if !start.is_finite() {
        return start;
    }
    // One Newton step: the rational approximation alone is good to nine digits only.
    let density = (-0.5 * start * start).exp() / (2.0 * PI).sqrt();
    start - (normal_cdf(start) - p) / density
}

/// The standard normal distribution function.
pub(super) fn normal_cdf(x: f64) -> f64 {
    0.5 * erfc(-x / SQRT_2)
}

/// The regularised incomplete beta function I(a, b, x); its limits where an argument is
/// at or over the edge.
pub(super) fn beta_cdf(a: f64, b: f64, x: f64) -> f64 {
    match checked_beta_reg(a, b, x.clamp(0.0, 1.0)) {
        Ok(share) => share,
        Err(_) if a <= 0.0 => 1.0,
        Err(_) => 0.0,
    }
}

/// The x with I(a, b, x) = p, by bisection down to neighbouring numbers.
pub(super) fn beta_quantile(a: f64, b: f64, p: f64) -> f64 {
    bisect(0.0, 1.0, |x| beta_cdf(a, b, x) < p)
}

/// The quantile of Student's t distribution for `p` above 0.5; 0 for others, infinite
/// without a degree of freedom.
pub(super) fn t_quantile(p: f64, freedom: f64) -> f64 {
    if p <= 0.5 || freedom <= 0.0 {
        return if p <= 0.5 { 0.0 } else { f64::INFINITY };
    }
    let half = 0.5 * freedom;
    let scale = (ln_gamma(half + 0.5) - ln_gamma(half)).exp() / (freedom * PI).sqrt();
    let tail = |t: f64| 0.5 * beta_cdf(half, 0.5, freedom / (freedom + t * t));
    let density = |t: f64| scale * (-(half + 0.5) * (t * t / freedom).ln_1p()).exp();
    // The tail is convex and the normal quantile lies left of the root, so that Newton's
    // steps never go too far.
    let mut t = normal_quantile(p);
    for _ in 0..100 {
        let step = (tail(t) - (1.0 - p)) / density(t);
        t += step;
        if step.abs() <= 1e-14 * t {
            break;
        }
    }
    t
}

/// P(Bin(n, p) ≤ k).
pub(super) fn binomial_cdf(k: usize, n: usize, p: f64) -> f64 {
    if k >= n {
        return 1.0;
    }
    beta_cdf(as_f64(n - k), as_f64(k + 1), 1.0 - p)
}

/// The place where `below` turns false, between `low` and `high`.
pub(super) fn bisect(mut low: f64, mut high: f64, below: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if below(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// The smallest whole number from `low` to `high` that will `do`; `high` where none does.
pub(super) fn smallest(mut low: u64, mut high: u64, will_do: impl Fn(u64) -> bool) -> u64 {
    while low < high {
        let middle = low + (high - low) / 2;
        if will_do(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

/// A count as a number.
pub(super) fn as_f64(count: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    let number = count as f64;
    number
}

/// A count as a number.
pub(super) fn u64_as_f64(count: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    let number = count as f64;
    number
}

/// The next whole number, at most `most`; `most` for what is no number.
pub(super) fn ceil_u64(number: f64, most: u64) -> u64 {
    if number.is_nan() || number >= u64_as_f64(most) {
        return most;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range")]
    let whole = number.ceil().max(0.0) as u64;
    whole
}
