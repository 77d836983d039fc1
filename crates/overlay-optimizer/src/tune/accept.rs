use serde::Serialize;
use thiserror::Error;

use crate::tune::float;
use crate::tune::plan::Aim;
use crate::tune::random::Stream;
use crate::tune::student::probably_positive;
use crate::tune::trial::{LARGEST, weighted_mean};

/// The least gain that counts, the original's `minimum_improvement_threshold`.
pub const LEAST_GAIN: f64 = 0.05;
/// The largest loss of one scenario, the original's `maximum_performance_degradation`.
pub const MOST_LOSS: f64 = 0.02;
/// How probable the least gain must be. The original asks for 0.70, which lets every
/// third change through that does nothing of the kind, and no code of it reads that.
pub const SURE: f64 = 0.95;
/// The fewest scenarios, the original's `minimum_scenarios_tested`.
pub const LEAST_SCENARIOS: usize = 3;

const ACCEPT: u64 = 4;
const DRAWS: usize = 10_000;

/// Evaluations of overlay and candidate that the tuner did not see, in pairs.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldOut {
    /// The scenario.
    pub scenario: String,
    /// Its weight.
    pub weight: f64,
    /// What gains are shares of: 1 where they count in the objective's own unit, else what
    /// the overlay has as it is.
    pub whole: f64,
    /// The objective with the overlay as it is, and with the candidate, for each repeat.
    pub pairs: Vec<(f64, f64)>,
}

/// Whether a candidate may replace the overlay, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Acceptance {
    /// The verdict.
    pub verdict: AcceptVerdict,
    /// The weighted mean gain.
    pub gain: f64,
    /// Where 95 of 100 resampled gains lie.
    pub interval: (f64, f64),
    /// The share of resampled gains of at least [`LEAST_GAIN`].
    pub probability: f64,
    /// How probable such a gain is by Student's distribution, one more scenario counted
    /// in that loses [`MOST_LOSS`].
    pub student: f64,
    /// How many scenarios like these would be enough, where these are too few.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needed: Option<usize>,
    /// The scenarios that lose more than [`MOST_LOSS`], with their gains.
    pub losers: Vec<(String, f64)>,
    /// The verdict in words.
    pub because: String,
}

/// The verdict on a candidate.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AcceptVerdict {
    /// It gains enough, surely enough, and nobody loses.
    Accepted,
    /// It does not.
    Rejected,
    /// Too little was evaluated to say.
    Insufficient,
}

/// Evaluations that cannot be compared.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum AcceptError {
    /// NaN or infinite, or beyond [`LARGEST`](crate::LARGEST).
    #[error("a value of scenario `{0}` is not a finite number, or too large to reckon with")]
    NotFinite(String),
    /// A weight that is none.
    #[error("the weight of scenario `{0}` must be more than 0")]
    Weight(String),
    /// No share of nothing.
    #[error(
        "scenario `{0}` is 0 with the overlay as it is, of which there are no shares: count in points"
    )]
    NoShare(String),
}

/// Compares overlay and candidate on `held_out`, in one of `objectives` of which one has
/// to gain: each of them is held to so much more. The same `seed` gives the same verdict.
///
/// A paired bootstrap draws scenarios with replacement, then the pairs of each (Davison and
/// Hinkley 1997, §3.8). Of few scenarios it is too sure: none of them may be one that
/// loses, and what was not seen is not drawn. So Student's distribution has to agree, with
/// one more scenario counted in that loses as much as one may. Where it does not, there are
/// too few scenarios to say.
///
/// # Errors
///
/// Where values or weights are no such.
pub fn accept(
    held_out: &[HeldOut],
    aim: Aim,
    objectives: usize,
    seed: u64,
) -> Result<Acceptance, AcceptError> {
    let gains: Vec<_> =
        held_out.iter().map(|it| scenario_gains(it, aim)).collect::<Result<_, _>>()?;
    let known: Vec<_> =
        held_out.iter().zip(&gains).filter(|(_, gains)| !gains.is_empty()).collect();
    let rows: Vec<_> = known.iter().map(|(it, gains)| (it.weight, gains.as_slice())).collect();
    let means: Vec<_> = rows.iter().map(|it| (it.0, mean(it.1))).collect();
    let names = known.iter().zip(&means).map(|((it, _), row)| (it.scenario.clone(), row.1));
    let losers: Vec<_> = names.filter(|(_, gain)| *gain < -MOST_LOSS).collect();
    let mut drawn = bootstrap(&rows, seed);
    drawn.sort_by(f64::total_cmp);
    let at = |share: usize| drawn.get(drawn.len() * share / 1000).copied().unwrap_or_default();
    let enough = drawn.iter().filter(|it| **it >= LEAST_GAIN).count();
    let mut res = Acceptance {
        verdict: AcceptVerdict::Insufficient,
        gain: weighted_mean(means.iter().copied()).unwrap_or_default(),
        interval: (at(25), at(975)),
        probability: float(enough) / float(drawn.len().max(1)),
        student: surely(&means),
        needed: None,
        losers,
        because: String::new(),
    };
    res.decide(&means, 1.0 - (1.0 - SURE) / float(objectives.max(1)));
    Ok(res)
}

/// How probable a gain of at least [`LEAST_GAIN`] is, with one more scenario that loses
/// [`MOST_LOSS`].
fn surely(means: &[(f64, f64)]) -> f64 {
    let weight = means.iter().map(|it| it.0).sum::<f64>() / float(means.len().max(1));
    let all = means.iter().copied().chain([(weight, -MOST_LOSS)]);
    let above: Vec<_> = all.map(|(weight, gain)| (weight, gain - LEAST_GAIN)).collect();
    probably_positive(&above)
}

/// How many scenarios like these make a gain sure; `None` where a thousand do not.
fn needed(means: &[(f64, f64)], sure: f64) -> Option<usize> {
    let like = |count: usize| means.iter().copied().cycle().take(count).collect::<Vec<_>>();
    (means.len() + 1..=1000).find(|count| surely(&like(*count)) >= sure)
}

impl Acceptance {
    fn decide(&mut self, means: &[(f64, f64)], sure: f64) {
        let scenarios = means.len();
        let found = |probability: f64| {
            format!("a gain of at least {LEAST_GAIN} has the probability {probability:.3}")
        };
        let (verdict, because) = if scenarios < LEAST_SCENARIOS {
            let because =
                format!("{scenarios} scenarios were evaluated, {LEAST_SCENARIOS} are needed");
            (AcceptVerdict::Insufficient, because)
        } else if let Some((scenario, gain)) = self.losers.first() {
            let because =
                format!("scenario `{scenario}` loses {:.3}, more than {MOST_LOSS}", -gain);
            (AcceptVerdict::Rejected, because)
        } else if self.probability < sure {
            let because = format!("{}, less than {sure}", found(self.probability));
            (AcceptVerdict::Rejected, because)
        } else if self.student < sure {
            self.needed = needed(means, sure);
            let more = self.needed.map_or_else(String::new, |it| format!("; {it} like these are"));
            let found = found(self.student);
            let because = format!("{scenarios} scenarios are not enough to be sure: {found}{more}");
            (AcceptVerdict::Insufficient, because)
        } else {
            (AcceptVerdict::Accepted, found(self.student.min(self.probability)))
        };
        (self.verdict, self.because) = (verdict, because);
    }
}

/// The gain of each pair, positive where the candidate is better.
fn scenario_gains(it: &HeldOut, aim: Aim) -> Result<Vec<f64>, AcceptError> {
    if !it.weight.is_finite() || it.weight <= 0.0 {
        return Err(AcceptError::Weight(it.scenario.clone()));
    }
    if it.pairs.is_empty() {
        return Ok(Vec::new());
    }
    if it.whole.is_nan() || it.whole <= 0.0 {
        return Err(AcceptError::NoShare(it.scenario.clone()));
    }
    let gain = |(before, after): &(f64, f64)| {
        let gain = (aim.cost(*before) - aim.cost(*after)) / it.whole;
        let is_sound = [*before, *after, gain].iter().all(|it| it.abs() <= LARGEST);
        is_sound.then_some(gain).ok_or_else(|| AcceptError::NotFinite(it.scenario.clone()))
    };
    it.pairs.iter().map(gain).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / float(values.len().max(1))
}

fn bootstrap(rows: &[(f64, &[f64])], seed: u64) -> Vec<f64> {
    let mut random = Stream::new(seed, ACCEPT, 0);
    let draw = |_| {
        let drawn = (0..rows.len()).filter_map(|_| {
            let (weight, gains) = rows.get(random.below(rows.len()))?;
            let sum: f64 = gains.iter().filter_map(|_| gains.get(random.below(gains.len()))).sum();
            Some((*weight, sum / float(gains.len())))
        });
        weighted_mean(drawn)
    };
    (0..DRAWS).filter_map(draw).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gains whose true mean is the least gain that counts, some of them bounded by the
    /// largest loss allowed.
    fn at_the_line(shape: usize, random: &mut Stream) -> f64 {
        match shape {
            0 => 0.05 + 0.02 * random.normal(),
            1 => 0.05 + 0.1 * random.normal(),
            2 => 0.05 + 0.4 * random.normal(),
            3 => f64::from(random.uniform() < 0.5) * 0.1,
            4 => 0.06 - f64::from(random.uniform() < 0.125) * 0.08,
            5 => 0.08 - f64::from(random.uniform() < 0.3) * 0.1,
            6 => -0.02 - 0.07 * (1.0 - random.uniform()).ln(),
            _ => 0.12 + 0.07 * (1.0 - random.uniform()).ln(),
        }
    }

    /// How many of 4,000 candidates at the line Student's bound lets pass.
    fn passed(scenarios: usize, shape: usize) -> usize {
        let mut random = Stream::new(20_261_121, 9, (scenarios * 100 + shape) as u64);
        let mut passes = || {
            let gains: Vec<_> =
                (0..scenarios).map(|_| (1.0, at_the_line(shape, &mut random))).collect();
            let loses = gains.iter().any(|it| it.1 < -MOST_LOSS);
            !loses && surely(&gains) >= SURE
        };
        (0..4000).filter(|_| passes()).count()
    }

    #[test]
    fn what_gains_just_too_little_is_rarely_accepted() {
        for scenarios in [3, 4, 6, 10, 15] {
            for shape in 0..8 {
                let share = float(passed(scenarios, shape)) / 4000.0;
                assert!(share <= 1.0 - SURE, "{share} of {scenarios} scenarios, shape {shape}");
            }
        }
    }

    #[test]
    fn the_bootstrap_alone_is_too_sure_of_three() {
        let mut random = Stream::new(20_261_121, 10, 0);
        let mut passes = |seed| {
            let gains: Vec<_> = (0..3).map(|_| [at_the_line(0, &mut random)]).collect();
            let rows: Vec<_> = gains.iter().map(|it| (1.0, it.as_slice())).collect();
            let drawn = bootstrap(&rows, seed);
            let enough = drawn.iter().filter(|it| **it >= LEAST_GAIN).count();
            float(enough) >= SURE * float(drawn.len())
        };
        let share = float((0..200).filter(|it| passes(*it)).count()) / 200.0;
        assert!((0.07..0.2).contains(&share), "{share}");
    }
}
