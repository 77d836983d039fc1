use super::alpha::{Alpha, Interval};
use super::random::Random;
use super::special::{as_f64, t_quantile};

/// What rounding leaves of a difference that is none, as a share of what was subtracted.
const ROUNDING: f64 = 1e-9;

/// Counts of one independent unit: a pair, or a cluster of pairs summed up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    /// The base's count.
    pub base: f64,
    /// The candidate's.
    pub candidate: f64,
}

/// How a bootstrap draws.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Bootstrap {
    /// Resamples.
    pub draws: usize,
    /// Where the draws begin: the same seed gives the same bounds everywhere.
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { draws: 10_000, seed: 1 }
    }
}

/// The ratio of two totals, candidate over base, and how well it is known.
#[derive(Clone, Debug, PartialEq)]
pub struct RatioEstimate {
    /// The ratio.
    pub ratio: f64,
    /// The standard error of its logarithm, by the delta method.
    pub log_error: f64,
    /// Independent units.
    pub units: usize,
    /// Studentised log ratios of the resamples, ascending.
    draws: Vec<f64>,
}

impl RatioEstimate {
    /// The bounds of the ratio, each at `alpha`.
    pub fn interval(&self, alpha: Alpha) -> Interval {
        Interval { lower: self.lower(alpha), upper: self.upper(alpha) }
    }

    /// The lower bound.
    pub fn lower(&self, alpha: Alpha) -> f64 {
        self.moved_by(-self.quantile(1.0 - alpha.get()).max(self.student(alpha)))
    }

    /// The upper bound.
    pub fn upper(&self, alpha: Alpha) -> f64 {
        self.moved_by((-self.quantile(alpha.get())).max(self.student(alpha)))
    }

    /// No sample shows the tails it lacks: no bound is closer than Student's t has it.
    fn student(&self, alpha: Alpha) -> f64 {
        t_quantile(1.0 - alpha.get(), as_f64(self.units) - 1.0)
    }

    fn moved_by(&self, errors: f64) -> f64 {
        if self.log_error == 0.0 {
            self.ratio
        } else {
            self.ratio * (errors * self.log_error).exp()
        }
    }

    fn quantile(&self, p: f64) -> f64 {
        let last = self.draws.len().saturating_sub(1);
        let at = super::special::ceil_u64(p * as_f64(self.draws.len()), u64::MAX);
        let at = usize::try_from(at).unwrap_or(last).saturating_sub(1).min(last);
        self.draws.get(at).copied().unwrap_or(0.0)
    }
}

/// The ratio of totals with bootstrap bounds; `None` below two units, where a count is
/// negative or no number, or a total is 0.
///
/// Bootstrap-t on the logarithm of the ratio (Efron and Tibshirani 1993, An Introduction to
/// the Bootstrap, 12.5), whole units resampled, and no bound closer than Student's t has it.
/// On real token counts at n = 15 it misses less often than the percentile and the BCa
/// bootstrap, which are too narrow there.
pub fn ratio_of_totals(units: &[Totals], bootstrap: Bootstrap) -> Option<RatioEstimate> {
    let sum = |of: fn(&Totals) -> f64| units.iter().map(of).sum::<f64>();
    let (base, candidate) = (sum(|it| it.base), sum(|it| it.candidate));
    let sound = units.iter().all(|it| it.base >= 0.0 && it.candidate >= 0.0);
    let finite = base.is_finite() && candidate.is_finite();
    if units.len() < 2 || !sound || !finite || base <= 0.0 || candidate <= 0.0 {
        return None;
    }
    let ratio = candidate / base;
    let centred: Vec<_> = units.iter().map(|it| Unit::of(*it, ratio)).collect();
    let squares: f64 = centred.iter().map(|it| it.excess * it.excess).sum();
    let n = as_f64(units.len());
    let log_error = (n / (n - 1.0) * squares).sqrt() / candidate;
    let draws = if log_error == 0.0 { Vec::new() } else { studentised(&centred, ratio, bootstrap) };
    Some(RatioEstimate { ratio, log_error, units: units.len(), draws })
}

/// The base's count, and what the candidate has above the ratio times it.
#[derive(Clone, Copy)]
struct Unit {
    base: f64,
    excess: f64,
}

impl Unit {
    /// A unit that has the ratio exactly has no excess: what rounding leaves of it would be
    /// the whole spread of a resample of such units, and studentised it is any number.
    fn of(totals: Totals, ratio: f64) -> Self {
        let Totals { base, candidate } = totals;
        let expected = ratio * base;
        let excess = candidate - expected;
        let is_rounding = excess.abs() <= ROUNDING * (candidate + expected);
        Self { base, excess: if is_rounding { 0.0 } else { excess } }
    }
}

fn studentised(units: &[Unit], ratio: f64, bootstrap: Bootstrap) -> Vec<f64> {
    let mut random = Random::new(bootstrap.seed);
    let mut draws: Vec<_> = (0..bootstrap.draws.max(1))
        .map(|_| Sums::draw(units, &mut random).studentised(ratio, units.len()))
        .collect();
    draws.sort_unstable_by(f64::total_cmp);
    draws
}

/// Sums over one resample.
#[derive(Default)]
struct Sums {
    base: f64,
    excess: f64,
    base_squared: f64,
    base_excess: f64,
    excess_squared: f64,
}

impl Sums {
    fn draw(units: &[Unit], random: &mut Random) -> Self {
        let mut sums = Self::default();
        let n = u64::try_from(units.len()).unwrap_or(u64::MAX);
        for _ in 0..units.len() / 2 {
            let (one, two) = random.two_below(n);
            sums.add(units.get(one));
            sums.add(units.get(two));
        }
        if units.len() % 2 == 1 {
            sums.add(units.get(random.below(n)));
        }
        sums
    }

    #[inline]
    fn add(&mut self, unit: Option<&Unit>) {
        let Some(Unit { base, excess }) = unit else { return };
        self.base += base;
        self.excess += excess;
        self.base_squared += base * base;
        self.base_excess += base * excess;
        self.excess_squared += excess * excess;
    }

    /// The log ratio of the resample less that of the sample, in standard errors of the
    /// resample.
    fn studentised(&self, ratio: f64, n: usize) -> f64 {
        let candidate = self.excess + ratio * self.base;
        if self.base <= 0.0 || candidate <= 0.0 {
            return if self.base <= 0.0 { f64::INFINITY } else { f64::NEG_INFINITY };
        }
        let moved = self.excess / self.base;
        let squares = self.excess_squared - 2.0 * moved * self.base_excess
            + moved * moved * self.base_squared;
        let log = (moved / ratio).ln_1p();
        // The terms cancel where every unit drawn has the same ratio: no spread is left.
        if squares <= ROUNDING * self.excess_squared {
            let is_same = log.abs() <= ROUNDING;
            return if is_same { 0.0 } else { log.signum() * f64::INFINITY };
        }
        let n = as_f64(n);
        log * candidate / (n / (n - 1.0) * squares).sqrt()
    }
}
