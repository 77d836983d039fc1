//! Exact bounds of a share (Clopper and Pearson 1934).

use statrs::function::beta::checked_beta_reg;

/// How sure a one-sided bound is.
pub(crate) const LEVEL: f64 = 0.999;

/// The share that is too small for `hits` of `all`, 99.9 % sure; 0 without hits.
pub fn lower_bound(hits: u64, all: u64) -> f64 {
    let hits = hits.min(all);
    if hits == 0 {
        return 0.0;
    }
    quantile(hits as f64, (all - hits + 1) as f64, 1.0 - LEVEL)
}

/// The share that is too large for `hits` of `all`, 99.9 % sure; 1 where nothing else
/// was seen.
pub fn upper_bound(hits: u64, all: u64) -> f64 {
    if hits >= all {
        return 1.0;
    }
    quantile((hits + 1) as f64, (all - hits) as f64, LEVEL)
}

/// Where the beta distribution with these parameters has the probability `p` below it.
fn quantile(a: f64, b: f64, p: f64) -> f64 {
    let [mut low, mut high] = [0.0, 1.0];
    // Each step halves the interval; fifty leave less than a share can be told from.
    for _ in 0..50 {
        let middle = f64::midpoint(low, high);
        match checked_beta_reg(a, b, middle) {
            Ok(below) if below < p => low = middle,
            Ok(_) | Err(_) => high = middle,
        }
    }
    f64::midpoint(low, high)
}
