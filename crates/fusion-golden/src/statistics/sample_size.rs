use super::alpha::Alpha;
use super::special::{ceil_u64, normal_quantile, smallest, u64_as_f64};

/// The largest number ever asked for: more means that no number will do.
pub(super) const MOST: u64 = 1_000_000;
/// How often a sample of the size asked for shows what is there.
pub(super) const POWER: f64 = 0.8;

/// Pairs needed to tell a mean difference of `delta` from 0, where differences have the
/// standard deviation `sd`, one-sided at `alpha`, with probability `power`; at most a
/// million.
///
/// ((z₁₋α + z_power)·sd/delta)², as Miller 2024, arXiv 2411.00640, section 5.
pub fn paired_mean_n(sd: f64, delta: f64, alpha: Alpha, power: f64) -> u64 {
    ceil_u64((z_sum(alpha, power) * sd / delta).powi(2), MOST)
}

/// Pairs needed to tell a ratio of totals from one `line` times as large, where
/// `log_sd` is the standard error of the log ratio times √n; at most a million.
///
/// [`paired_mean_n`] on the logarithm.
pub fn ratio_n(log_sd: f64, line: f64, alpha: Alpha, power: f64) -> u64 {
    paired_mean_n(log_sd, line.ln().abs(), alpha, power)
}

/// Samples needed to tell the share `there` from the share `null`, one-sided at `alpha`,
/// with probability `power`; at most a million.
///
/// Normal approximation with the variance of each share; Fleiss, Levin and Paik 2003,
/// Statistical Methods for Rates and Proportions, 2.5.
pub fn proportion_n(null: f64, there: f64, alpha: Alpha, power: f64) -> u64 {
    let spread = |p: f64| (p * (1.0 - p)).max(0.0).sqrt();
    let wanted =
        normal_quantile(1.0 - alpha.get()) * spread(null) + normal_quantile(power) * spread(there);
    ceil_u64((wanted / (there - null)).powi(2), MOST)
}

/// Pairs needed to tell that one side says yes more often by `difference`, where the sides
/// differ in a share `differing` of the pairs; at most a million.
///
/// Connor 1987, Biometrics 43:207.
pub fn paired_proportion_n(differing: f64, difference: f64, alpha: Alpha, power: f64) -> u64 {
    let under_difference = (differing - difference * difference).max(0.0).sqrt();
    let wanted = normal_quantile(1.0 - alpha.get()) * differing.max(0.0).sqrt()
        + normal_quantile(power) * under_difference;
    ceil_u64((wanted / difference).powi(2), MOST)
}

/// Samples without a failure that show a share of failures below `share`: the smallest n
/// with (1 − share)ⁿ ≤ alpha; at most a million.
pub fn zero_failures_n(share: f64, alpha: Alpha) -> u64 {
    ceil_u64(alpha.get().ln() / (-share).ln_1p(), MOST)
}

/// Samples needed before the `q` quantile has an upper bound at all: the smallest n with
/// qⁿ ≤ alpha; 59 for the p95 at 5 %.
pub fn quantile_n(q: f64, alpha: Alpha) -> u64 {
    ceil_u64(alpha.get().ln() / q.ln(), MOST)
}

/// z₁₋α + z_power.
pub(super) fn z_sum(alpha: Alpha, power: f64) -> f64 {
    normal_quantile(1.0 - alpha.get()) + normal_quantile(power)
}

/// Pairs needed so that a guarded mean is told from a line `delta` away: where differences
/// have the standard deviation `sd` and the guard adds `guard` to the sum of their squares.
pub(super) fn guarded_n(sd: f64, guard: f64, delta: f64, alpha: Alpha) -> u64 {
    let z = z_sum(alpha, POWER);
    smallest(1, MOST, |n| {
        let n = u64_as_f64(n);
        z * ((n * sd * sd + guard) / (n + 1.0) / (n + 2.0)).sqrt() <= delta
    })
}

/// The number asked for where `n` samples were too few: never one that is there already.
pub(super) fn more_than(n: usize, wanted: u64) -> u64 {
    wanted.max(u64::try_from(n).unwrap_or(MOST).saturating_add(1))
}
