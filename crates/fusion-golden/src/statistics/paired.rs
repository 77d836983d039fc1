use super::alpha::{Alpha, Interval};
use super::clusters::groups;
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
    mean_of_groups(&groups(values.iter().copied()))
}

fn mean_of_groups(groups: &[Vec<f64>]) -> Option<Mean> {
    let n = as_f64(groups.iter().map(Vec::len).sum());
    let mean = groups.iter().flatten().sum::<f64>() / n;
    let sums = groups.iter().map(|it| it.iter().map(|it| it - mean).sum::<f64>());
    let squares: f64 = sums.map(|it| it * it).sum();
    let clusters = as_f64(groups.len());
    if groups.len() < 2 {
        return None;
    }
    let error = (clusters / (clusters - 1.0) * squares).sqrt() / n;
    Some(Mean { mean, error, freedom: clusters - 1.0 })
}

/// The mean of paired differences that lie within ±`bound`, guarded by two clusters more of
/// the usual size, one at each bound.
///
/// A few ties have no spread and would prove anything; the guard gives them one. For
/// single differences of yes and no it is the interval of Bonett and Price 2012, Journal of
/// Educational and Behavioral Statistics 37:479; here with Student's t and, in
/// [`clustered_mean`], with clusters. "Not worse by more than a margin" holds where
/// [`Mean::lower`] is above −margin (Blackwelder 1982, Controlled Clinical Trials 3:345).
/// The mean is drawn towards 0 by G/(G + 2) for G clusters.
pub fn non_inferiority(differences: &[(f64, Option<&str>)], bound: f64) -> Option<Mean> {
    let mut groups = groups(differences.iter().copied());
    if groups.is_empty() {
        return None;
    }
    // One observation would weigh nothing beside clusters of many.
    let size = differences.len().div_ceil(groups.len());
    groups.extend([bound, -bound].map(|it| vec![it; size]));
    mean_of_groups(&groups)
}
