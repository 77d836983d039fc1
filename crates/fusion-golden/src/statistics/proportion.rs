use super::alpha::{Alpha, Interval};
use super::special::{as_f64, beta_quantile, binomial_cdf, normal_quantile};

/// The Wilson score interval of a share: `hits` out of `n`, where half a hit is a tie;
/// `None` for n = 0 or more hits than n.
///
/// Wilson 1927, Journal of the American Statistical Association 22:209; without
/// continuity correction.
pub fn wilson(hits: f64, n: usize, alpha: Alpha) -> Option<Interval> {
    let all = as_f64(n);
    if n == 0 || !(0.0..=all).contains(&hits) {
        return None;
    }
    let z2 = normal_quantile(1.0 - alpha.get()).powi(2);
    let p = hits / all;
    let centre = (p + z2 / (2.0 * all)) / (1.0 + z2 / all);
    let half = (z2 * (p * (1.0 - p) / all + z2 / (4.0 * all * all))).sqrt() / (1.0 + z2 / all);
    // At the edges the bound is the edge: rounding must not take it away.
    let lower = if hits <= 0.0 { 0.0 } else { (centre - half).max(0.0) };
    let upper = if hits >= all { 1.0 } else { (centre + half).min(1.0) };
    Some(Interval { lower, upper })
}

/// The exact interval of a share: `hits` out of `n`; `None` for n = 0 or more hits than n.
///
/// Clopper and Pearson 1934, Biometrika 26:404, by quantiles of the beta distribution.
pub fn clopper_pearson(hits: usize, n: usize, alpha: Alpha) -> Option<Interval> {
    let misses = n.checked_sub(hits).filter(|_| n > 0)?;
    let (hit, miss) = (as_f64(hits), as_f64(misses));
    let lower = if hits == 0 { 0.0 } else { beta_quantile(hit, miss + 1.0, alpha.get()) };
    let upper = if misses == 0 { 1.0 } else { beta_quantile(hit + 1.0, miss, 1.0 - alpha.get()) };
    Some(Interval { lower, upper })
}

/// The largest share that no failure in `n` leaves open, at 95 %: 3/n, at most 1.
///
/// Hanley and Lippman-Hand 1983, JAMA 249:1743. Exact is [`clopper_pearson`] of 0 hits.
pub fn rule_of_three(n: usize) -> f64 {
    if n == 0 { 1.0 } else { (3.0 / as_f64(n)).min(1.0) }
}

/// Pairs of yes and no, by both sides.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PairedCounts {
    /// Yes on both sides.
    pub both: usize,
    /// Yes on the candidate's side only.
    pub only_candidate: usize,
    /// Yes on the base's side only.
    pub only_base: usize,
    /// No on both sides.
    pub neither: usize,
}

impl PairedCounts {
    /// All pairs.
    pub fn n(&self) -> usize {
        self.both + self.only_candidate + self.only_base + self.neither
    }

    /// Share of the candidate less share of the base; `None` without pairs.
    pub fn difference(&self) -> Option<f64> {
        let n = as_f64(self.n());
        (n > 0.0).then(|| (as_f64(self.only_candidate) - as_f64(self.only_base)) / n)
    }
}

/// The interval of [`PairedCounts::difference`]; `None` without pairs.
///
/// Newcombe 1998, Statistics in Medicine 17:2635, method 10: two Wilson intervals, joined
/// by the correlation of the pairs with its continuity correction.
pub fn newcombe_paired(counts: &PairedCounts, alpha: Alpha) -> Option<Interval> {
    Cells::from(*counts).newcombe(alpha)
}

/// [`PairedCounts`] where a cluster counts as one, so that its pairs are parts of one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cells {
    pub(super) both: f64,
    pub(super) only_candidate: f64,
    pub(super) only_base: f64,
    pub(super) neither: f64,
    /// What they come to together.
    pub(super) n: usize,
}

impl From<PairedCounts> for Cells {
    fn from(counts: PairedCounts) -> Self {
        Self {
            both: as_f64(counts.both),
            only_candidate: as_f64(counts.only_candidate),
            only_base: as_f64(counts.only_base),
            neither: as_f64(counts.neither),
            n: counts.n(),
        }
    }
}

impl Cells {
    /// [`newcombe_paired`]. A mean of n clusters spreads at most as that of n single pairs
    /// does, so that the bounds hold for clusters too.
    pub(super) fn newcombe(self, alpha: Alpha) -> Option<Interval> {
        let all = as_f64(self.n);
        let of_candidate = (self.both + self.only_candidate).min(all);
        let of_base = (self.both + self.only_base).min(all);
        let one = wilson(of_candidate, self.n, alpha)?;
        let two = wilson(of_base, self.n, alpha)?;
        let (p1, p2) = (of_candidate / all, of_base / all);
        let phi = self.phi();
        let joined = |a: f64, b: f64| (a * a - 2.0 * phi * a * b + b * b).max(0.0).sqrt();
        let difference = p1 - p2;
        Some(Interval {
            lower: (difference - joined(p1 - one.lower, two.upper - p2)).max(-1.0),
            upper: (difference + joined(one.upper - p1, p2 - two.lower)).min(1.0),
        })
    }

    /// The correlation of the two sides, drawn towards 0 where it is positive.
    fn phi(self) -> f64 {
        let Self { both: a, only_candidate: b, only_base: c, neither: d, .. } = self;
        let margins = (a + b) * (c + d) * (a + c) * (b + d);
        if margins <= 0.0 {
            return 0.0;
        }
        let product = a * d - b * c;
        let corrected =
            if product > 0.0 { (product - (a + b + c + d) / 2.0).max(0.0) } else { product };
        corrected / margins.sqrt()
    }
}

/// The p-value that the candidate does not say yes more often than the base; small where
/// it does.
///
/// McNemar 1947, Psychometrika 12:153, exact and one-sided: the binomial test of the pairs
/// that differ.
pub fn mcnemar_worse(counts: &PairedCounts) -> f64 {
    binomial_cdf(counts.only_base, counts.only_candidate + counts.only_base, 0.5)
}
