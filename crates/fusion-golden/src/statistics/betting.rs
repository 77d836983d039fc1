use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::alpha::{Alpha, Interval};
use super::special::{bisect, ceil_u64, u64_as_f64};

/// Shares of the stake that are bet at once, side by side: small ones find small effects,
/// large ones find large effects early.
const BETS: [f64; 8] =
    [0.03, 0.048_773, 0.079_294, 0.128_913, 0.209_583, 0.340_733, 0.553_952, 0.9];

/// What a process looks for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Claim {
    /// The mean is above the null.
    Above,
    /// The mean is below the null.
    Below,
}

/// Evidence about the mean of bounded values that may be looked at after every one.
///
/// A wealth of 1 is bet on the claim at odds that are fair where the claim is false, so
/// that the wealth ever exceeds 1/alpha with probability alpha at most (Ville 1939):
/// however often one looks, and whenever one stops. Waudby-Smith and Ramdas 2024, Journal
/// of the Royal Statistical Society B 86:1; here the mean wealth of eight constant bets,
/// so that nothing but the wealths need be kept. It can be saved as JSON and continued.
///
/// ```
/// use fusion_golden::statistics::{Alpha, Claim, EProcess, Interval};
///
/// let bounds = Interval { lower: -1.0, upper: 1.0 };
/// let mut worse = EProcess::try_new(bounds, 0.0, Claim::Below)?;
/// for _ in 0..40 {
///     worse.observe(-0.2)?;
/// }
/// assert!(worse.holds(Alpha::P05));
/// let saved = serde_json::to_string(&worse)?;
/// assert_eq!(serde_json::from_str::<EProcess>(&saved)?, worse);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(try_from = "Saved", into = "Saved")]
pub struct EProcess(Saved);

/// The form in which a process is saved.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    lower: f64,
    upper: f64,
    null: f64,
    claim: Claim,
    n: u64,
    log_wealth: [f64; 8],
    peak: f64,
}

/// Why a process cannot be begun, continued or read.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum EProcessError {
    /// The null does not lie between the bounds.
    #[error("null {null} is not between {lower} and {upper}")]
    Null {
        /// The null.
        null: f64,
        /// The lower bound.
        lower: f64,
        /// The upper bound.
        upper: f64,
    },
    /// A value is outside the bounds, or no number; nothing was observed.
    #[error("value {value} is not between {lower} and {upper}")]
    Value {
        /// The value.
        value: f64,
        /// The lower bound.
        lower: f64,
        /// The upper bound.
        upper: f64,
    },
    /// A saved wealth is no number.
    #[error("saved wealth is not finite")]
    Wealth,
}

impl TryFrom<Saved> for EProcess {
    type Error = EProcessError;

    fn try_from(saved: Saved) -> Result<Self, EProcessError> {
        let bounds = Interval { lower: saved.lower, upper: saved.upper };
        Self::try_new(bounds, saved.null, saved.claim)?;
        let finite = saved.log_wealth.iter().all(|it| it.is_finite()) && saved.peak.is_finite();
        if finite { Ok(Self(saved)) } else { Err(EProcessError::Wealth) }
    }
}

impl From<EProcess> for Saved {
    fn from(process: EProcess) -> Self {
        process.0
    }
}

impl EProcess {
    /// A process for values within `bounds`, before the first one.
    ///
    /// # Errors
    /// Where the null is not between the bounds, or one of them is not finite.
    pub fn try_new(bounds: Interval, null: f64, claim: Claim) -> Result<Self, EProcessError> {
        let Interval { lower, upper } = bounds;
        let finite = lower.is_finite() && upper.is_finite();
        let between = lower < null && null < upper;
        if !(finite && between) {
            return Err(EProcessError::Null { null, lower, upper });
        }
        let log_wealth = [0.0; BETS.len()];
        Ok(Self(Saved { lower, upper, null, claim, n: 0, log_wealth, peak: 0.0 }))
    }

    /// Takes one value in, and looks.
    ///
    /// # Errors
    /// Where it is outside the bounds or no number; the process is then as before.
    pub fn observe(&mut self, value: f64) -> Result<(), EProcessError> {
        self.observe_look(&[value])
    }

    /// Takes values in that come together, and looks once, after the last of them.
    ///
    /// Their means may differ, as those of different scenarios do: the claim is about the
    /// mean of their means. What is bet on all of them together is at most what their mean
    /// pays (the geometric mean is not above the arithmetic one), so that the evidence
    /// holds at the look; within it, it might not.
    ///
    /// # Errors
    /// Where one is outside the bounds or no number; the process is then as before.
    pub fn observe_look(&mut self, values: &[f64]) -> Result<(), EProcessError> {
        self.require(values)?;
        self.bet(values);
        self.look();
        Ok(())
    }

    /// [`Self::observe_look`] with the share `kept` of the first wealth laid aside until
    /// after the look, or half of a wealth that has less left.
    ///
    /// What is laid aside cannot be lost, so that a claim that becomes true at a later look
    /// only is still found: with 1/(k + 1) kept at look k, a process of its own begins at
    /// every look with 1/(k(k + 1)) of the wealth, and their sum is watched. It is a way to
    /// bet like any other, decided before the look, so that the wealth exceeds 1/alpha as
    /// rarely. Shin, Ramdas and Rinaldo 2024, E-detectors, with weights that sum to 1.
    pub(super) fn observe_look_keeping(
        &mut self,
        values: &[f64],
        kept: f64,
    ) -> Result<(), EProcessError> {
        self.require(values)?;
        let aside = self.0.log_wealth.map(|it| match kept.ln() {
            kept if kept < it => kept,
            _ => it - std::f64::consts::LN_2,
        });
        for (wealth, aside) in self.0.log_wealth.iter_mut().zip(aside) {
            *wealth += (-(aside - *wealth).exp()).ln_1p();
        }
        self.bet(values);
        for (wealth, aside) in self.0.log_wealth.iter_mut().zip(aside) {
            *wealth = wealth.max(aside) + (-(*wealth - aside).abs()).exp().ln_1p();
        }
        self.look();
        Ok(())
    }

    fn require(&self, values: &[f64]) -> Result<(), EProcessError> {
        let Saved { lower, upper, .. } = self.0;
        match values.iter().find(|it| !(lower <= **it && **it <= upper)) {
            Some(value) => Err(EProcessError::Value { value: *value, lower, upper }),
            None => Ok(()),
        }
    }

    fn bet(&mut self, values: &[f64]) {
        for value in values {
            let paid = self.paid(*value);
            for (wealth, bet) in self.0.log_wealth.iter_mut().zip(BETS) {
                *wealth += (1.0 - bet + bet * paid).ln();
            }
            self.0.n += 1;
        }
    }

    fn look(&mut self) {
        self.0.peak = self.0.peak.max(self.log_evidence());
    }

    /// Gives away the wealth beyond 1/alpha, so that what was gained long ago cannot make up
    /// for what is lost now. Wealth that is given away shows a claim at no time more easily.
    pub(super) fn give_away_beyond(&mut self, alpha: Alpha) {
        let beyond = self.log_evidence() + alpha.get().ln();
        if beyond > 0.0 {
            self.0.log_wealth.iter_mut().for_each(|it| *it -= beyond);
        }
    }

    /// What a unit bet on this value pays: 1 in the mean where the claim is false.
    fn paid(&self, value: f64) -> f64 {
        let Saved { lower, upper, null, .. } = self.0;
        match self.0.claim {
            Claim::Above => (value - lower) / (null - lower),
            Claim::Below => (upper - value) / (upper - null),
        }
    }

    /// The natural logarithm of the evidence now: of the mean wealth.
    pub fn log_evidence(&self) -> f64 {
        let most = self.most();
        let sum: f64 = self.0.log_wealth.iter().map(|it| (it - most).exp()).sum();
        most + (sum / u64_as_f64(BETS.len() as u64)).ln()
    }

    fn most(&self) -> f64 {
        self.0.log_wealth.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }

    /// Whether the claim was shown at any time so far.
    pub fn holds(&self, alpha: Alpha) -> bool {
        self.0.peak >= -alpha.get().ln()
    }

    /// Whether the claim is shown by the wealth there is now.
    pub(super) fn holds_now(&self, alpha: Alpha) -> bool {
        // What rounding takes when wealth is given away down to the line.
        const ROUNDING: f64 = 1e-9;
        self.log_evidence() >= -alpha.get().ln() - ROUNDING
    }

    /// Values seen.
    pub fn n(&self) -> u64 {
        self.0.n
    }

    /// About how many values will show the claim if they go on like these, as the best bet
    /// grows; `None` where no bet has gained.
    pub fn needed(&self, alpha: Alpha) -> Option<u64> {
        let gain = self.most() / u64_as_f64(self.0.n.max(1));
        let wanted = (u64_as_f64(BETS.len() as u64) / alpha.get()).ln();
        (gain > 0.0).then(|| ceil_u64(wanted / gain, super::sample_size::MOST))
    }
}

/// Bounds of the mean of values within `bounds`, each at `alpha`, that hold at every look
/// at once; `None` where a value is outside or the bounds are none.
///
/// Every mean that an [`EProcess`] over these values has not ruled out; the same source.
pub fn betting_interval(values: &[f64], bounds: Interval, alpha: Alpha) -> Option<Interval> {
    let Interval { lower, upper } = bounds;
    let middle = f64::midpoint(lower, upper);
    run(values, bounds, middle, Claim::Above)?;
    let rules_out =
        |null: f64, claim| run(values, bounds, null, claim).is_some_and(|it| it.holds(alpha));
    Some(Interval {
        lower: bisect(lower, upper, |null| null <= lower || rules_out(null, Claim::Above)),
        upper: bisect(lower, upper, |null| !rules_out(null, Claim::Below)),
    })
}

fn run(values: &[f64], bounds: Interval, null: f64, claim: Claim) -> Option<EProcess> {
    let mut process = EProcess::try_new(bounds, null, claim).ok()?;
    values.iter().try_for_each(|it| process.observe(*it)).ok()?;
    Some(process)
}
