//! Student's bound on a weighted mean.

use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::tune::float;

/// How probable it is that the mean is positive of which `values`, with their weights, are
/// draws.
///
/// Weights that differ count as fewer draws (Kish 1965, *Survey Sampling*, 11.7). Without
/// spread the sign decides; fewer than three values decide nothing.
pub(crate) fn probably_positive(values: &[(f64, f64)]) -> f64 {
    let total: f64 = values.iter().map(|it| it.0).sum();
    let mean = values.iter().map(|it| it.0 * it.1).sum::<f64>() / total;
    let count = float(values.len());
    if values.len() < 3 || !mean.is_finite() {
        return 0.0;
    }
    let shares = || values.iter().map(|it| it.0 / total);
    let free = 1.0 / shares().map(|it| it * it).sum::<f64>() - 1.0;
    let squares =
        shares().zip(values).map(|(share, it)| (share * (it.1 - mean)).powi(2)).sum::<f64>();
    let error = (squares * count / (count - 1.0)).sqrt();
    let t = mean / error;
    match StudentsT::new(0.0, 1.0, free) {
        Ok(law) if t.is_finite() => law.cdf(t),
        _ => f64::from(mean > 0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: &[(f64, f64)], expect: f64) {
        let found = probably_positive(values);
        assert!((found - expect).abs() < 1e-9, "{found} for {expect}");
    }

    #[test]
    fn equals_the_table_and_knows_no_panic() {
        // Three draws of mean 1 and error 1/√3: t = √3, two degrees of freedom.
        let expect = 0.5 + 3.0_f64.sqrt() / (2.0 * 5.0_f64.sqrt());
        check(&[(1.0, 0.0), (1.0, 1.0), (1.0, 2.0)], expect);
        check(&[(1.0, 0.1); 3], 1.0);
        check(&[(1.0, 0.1); 2], 0.0);
        check(&[(1.0, 1e308); 3], 0.0);
        check(&[(1.0, 1e200), (1.0, -1e200), (1.0, 1e200)], 0.5);
    }
}
