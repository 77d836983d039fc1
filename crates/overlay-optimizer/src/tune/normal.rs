//! The normal distribution, far into its tails.

use std::f64::consts::{PI, SQRT_2};

use statrs::function::erf::erfc;

/// ln Φ(z).
pub(crate) fn log_cdf(z: f64) -> f64 {
    if z > -10.0 {
        return (0.5 * erfc(-z / SQRT_2)).ln();
    }
    // Mills' ratio by its asymptotic series.
    let square = z * z;
    log_density(z) - (-z).ln() + (1.0 - 1.0 / square + 3.0 / (square * square)).ln()
}

fn log_density(z: f64) -> f64 {
    -0.5 * z * z - 0.5 * (2.0 * PI).ln()
}

/// The logarithm of the expected improvement, in standard deviations, on a value that
/// lies z standard deviations above the mean: ln(φ(z) + z Φ(z)).
///
/// Ament et al., *Unexpected Improvements to Expected Improvement* (2023), eq. 9.
pub(crate) fn log_improvement(z: f64) -> f64 {
    if z > -5.0 {
        return (log_density(z).exp() + z * 0.5 * erfc(-z / SQRT_2)).ln();
    }
    let square = z * z;
    log_density(z) - square.ln() + (1.0 - 3.0 / square + 15.0 / (square * square)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(found: f64, expected: f64, tolerance: f64) {
        assert!((found / expected - 1.0).abs() < tolerance, "{found} for {expected}");
    }

    /// `scipy.stats.norm.logcdf`.
    #[test]
    fn distribution_far_into_the_tail() {
        check(log_cdf(0.0), -std::f64::consts::LN_2, 1e-12);
        check(log_cdf(-5.0), -15.064_998_393_988_725, 1e-9);
        check(log_cdf(-10.0), -53.231_285_150_512_47, 1e-6);
        check(log_cdf(-40.0), -804.608_442_013_753_8, 1e-9);
        check(log_cdf(-9.999_999), log_cdf(-10.000_001), 1e-6);
    }

    /// The unit normal loss, as tables of inventory theory have it.
    #[test]
    fn improvement_is_the_unit_normal_loss() {
        check(log_improvement(0.0).exp(), 0.398_94, 1e-4);
        check(log_improvement(-1.0).exp(), 0.083_32, 1e-3);
        check(log_improvement(-3.0).exp(), 0.000_382_2, 1e-3);
        check(log_improvement(-4.0).exp(), 0.000_007_145, 1e-3);
        check(log_improvement(2.0).exp(), 2.008_49, 1e-4);
        check(log_improvement(-4.999_999), log_improvement(-5.000_001), 1e-3);
        assert!(log_improvement(-40.0).is_finite());
    }
}
