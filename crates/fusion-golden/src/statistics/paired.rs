use std::collections::HashMap;

use super::alpha::{Alpha, Interval};
use super::special::{as_f64, t_quantile};

/// A mean and how well it is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mean {
    /// The mean.
    pub mean: f64,
    /// Its standard error.
    pub error: f64,
    /// Degrees of freedom of the error: independent units less one.
    pub freedom: f64,
}

impl Mean {
    /// The bounds by Student's t distribution.
    pub fn interval(&self, alpha: Alpha) -> Interval {
        Interval { lower: self.lower(alpha), upper: self.upper(alpha) }
    }

    /// The lower bound.
    pub fn lower(&self, alpha: Alpha) -> f64 {
        self.mean - self.half(alpha)
    }

    /// The upper bound.
    pub fn upper(&self, alpha: Alpha) -> f64 {
        self.mean + self.half(alpha)
    }

    fn half(&self, alpha: Alpha) -> f64 {
        t_quantile(1.0 - alpha.get(), self.freedom) * self.error
    }
}

/// The mean of independent values with its standard error; `None` below two.
pub fn mean(values: &[f64]) -> Option<Mean> {
    let n = as_f64(values.len());
    if values.len() < 2 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|it| (it - mean).powi(2)).sum();
    Some(Mean { mean, error: (squares / (n - 1.0) / n).sqrt(), freedom: n - 1.0 })
}

/// The mean of values that hang together in clusters: `None` is a cluster of its own.
/// `None` below two clusters.
///
/// Liang and Zeger 1986, Biometrika 73:13, with the factor G/(G − 1) for few clusters; as
/// Miller 2024, arXiv 2411.00640, asks of evaluations. Clusters of one give [`mean`].
pub fn clustered_mean(values: &[(f64, Option<&str>)]) -> Option<Mean> {
    let n = as_f64(values.len());
    let mean = values.iter().map(|it| it.0).sum::<f64>() / n;
    let residuals = values.iter().map(|(value, cluster)| (value - mean, *cluster));
    let sums = cluster_sums(residuals);
    let clusters = as_f64(sums.len());
    if sums.len() < 2 {
        return None;
    }
    let squares: f64 = sums.iter().map(|it| it * it).sum();
    let error = (clusters / (clusters - 1.0) * squares).sqrt() / n;
    Some(Mean { mean, error, freedom: clusters - 1.0 })
}

/// The sum of each cluster, in the order in which they come.
fn cluster_sums<'a>(values: impl Iterator<Item = (f64, Option<&'a str>)>) -> Vec<f64> {
    let mut sums: Vec<f64> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (value, cluster) in values {
        let at = cluster.map_or(sums.len(), |it| *places.entry(it).or_insert(sums.len()));
        match sums.get_mut(at) {
            Some(sum) => *sum += value,
            None => sums.push(value),
        }
    }
    sums
}

/// The mean of paired differences that lie within ±`bound`, guarded by two observations
/// more, one at each bound.
///
/// A few ties have no spread and would prove anything; the guard gives them one. For
/// differences of yes and no it is the interval of Bonett and Price 2012, Journal of
/// Educational and Behavioral Statistics 37:479; here with Student's t and, in
/// [`clustered_mean`], with clusters. "Not worse by more than a margin" holds where
/// [`Mean::lower`] is above −margin (Blackwelder 1982, Controlled Clinical Trials 3:345).
/// The mean is drawn towards 0 by n/(n + 2).
pub fn non_inferiority(differences: &[(f64, Option<&str>)], bound: f64) -> Option<Mean> {
    if differences.is_empty() {
        return None;
    }
    let guard = [(bound, None), (-bound, None)];
    let guarded: Vec<_> = differences.iter().copied().chain(guard).collect();
    clustered_mean(&guarded)
}
