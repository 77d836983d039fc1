//! How often gates are right: verdicts over samples drawn from recorded pairs.
//!
//! Every study draws with replacement, so that the recorded pairs are the truth, and stands
//! beside what a naive gate says about the same draws. The seed decides everything.

use serde::Serialize;

use super::alpha::Alpha;
use super::gate::{Levels, Limits, Pair};
use super::paired::mean;
use super::quality_gate::{QualityWatch, quality_gate};
use super::random::Random;
use super::ratio::Bootstrap;
use super::rounded;
use super::special::as_f64;
use super::token_gate::{mean_of_ratios, token_gate};
use crate::Verdict;

/// Which side is the base.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sides {
    /// As recorded: the truth is the difference of the recorded pairs.
    Recorded,
    /// A coin decides for each pair drawn: nothing is different, with the noise of the
    /// recorded pairs. Whatever is called worse here is a false alarm.
    Exchanged,
}

/// How a study draws.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Study {
    /// Samples drawn.
    pub rounds: usize,
    /// Where the draws begin.
    pub seed: u64,
    /// Which side is the base.
    pub sides: Sides,
    /// Resamples of each bootstrap.
    pub draws: usize,
}

impl Default for Study {
    /// A thousand rounds, sides as recorded, bootstraps of 1,000.
    fn default() -> Self {
        Self { rounds: 1_000, seed: 1, sides: Sides::Recorded, draws: 1_000 }
    }
}

/// When somebody looks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Looks {
    /// Pairs from one look to the next.
    pub every: usize,
    /// Pairs at the last look.
    pub until: usize,
}

/// The share of each verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Shares {
    /// Passed.
    #[serde(serialize_with = "rounded::number")]
    pub pass: f64,
    /// Warned.
    #[serde(serialize_with = "rounded::number")]
    pub warn: f64,
    /// Failed.
    #[serde(serialize_with = "rounded::number")]
    pub fail: f64,
    /// Undecided.
    #[serde(serialize_with = "rounded::number")]
    pub insufficient: f64,
    /// Not to be judged: no base, or a value that is none.
    #[serde(serialize_with = "rounded::number")]
    pub invalid: f64,
}

impl Shares {
    /// Called worse: warned or failed.
    pub fn worse(&self) -> f64 {
        self.warn + self.fail
    }

    fn of(verdicts: &[Verdict]) -> Self {
        let share = |verdict| {
            let found = verdicts.iter().filter(|it| **it == verdict).count();
            as_f64(found) / as_f64(verdicts.len().max(1))
        };
        Self {
            pass: share(Verdict::Pass),
            warn: share(Verdict::Warn),
            fail: share(Verdict::Fail),
            insufficient: share(Verdict::Insufficient),
            invalid: share(Verdict::Invalid),
        }
    }
}

/// What a study found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Power {
    /// Pairs in a sample; the most where there were several looks.
    pub n: usize,
    /// Samples drawn.
    pub rounds: usize,
    /// The gate's verdicts.
    pub gate: Shares,
    /// The naive gate's: for tokens the mean of ratios, for scores a t test without guard.
    pub naive: Shares,
    /// Pairs seen in the mean when the gate had decided, or at the end.
    #[serde(serialize_with = "rounded::number")]
    pub mean_n: f64,
}

/// Verdicts of [`token_gate`] over samples of `n`, with 12 and 25 %.
pub fn token_verdicts(pairs: &[Pair<'_, u64>], n: usize, study: &Study) -> Power {
    token_looks(pairs, Looks { every: n, until: n }, study)
}

/// Verdicts of [`token_gate`] where somebody looks again and again, and stops at the first
/// one that is not insufficient; the naive gate at its worst one.
///
/// The bounds are those of one look: what the many looks make of them is measured here.
pub fn token_looks(pairs: &[Pair<'_, u64>], looks: Looks, study: &Study) -> Power {
    run(pairs, looks, study, |sample, looks, seed| {
        let bootstrap = Bootstrap { draws: study.draws, seed };
        let gate = looks.first(|n| {
            let seen = sample.get(..n)?;
            Some(token_gate(seen, Limits::TOKENS, Levels::BUDGET, bootstrap).verdict)
        });
        let naive = looks.all().filter_map(|n| naive_tokens(sample.get(..n)?)).max();
        (gate, naive.unwrap_or(Verdict::Insufficient))
    })
}

fn naive_tokens(sample: &[Pair<'_, u64>]) -> Option<Verdict> {
    let mean = mean_of_ratios(sample)?;
    Limits::TOKENS.place(mean, mean)
}

/// Verdicts of [`quality_gate`] over samples of `n`.
pub fn quality_verdicts(pairs: &[Pair<'_, f64>], n: usize, margin: f64, study: &Study) -> Power {
    run(pairs, Looks { every: n, until: n }, study, |sample, _, _| {
        let gate = quality_gate(sample, margin, Levels::QUALITY).verdict;
        ((gate, sample.len()), naive_quality(sample, margin))
    })
}

/// Verdicts of [`QualityWatch`] where somebody looks again and again, and stops at the
/// first one that is not insufficient; the naive gate likewise.
pub fn quality_looks(pairs: &[Pair<'_, f64>], looks: Looks, margin: f64, study: &Study) -> Power {
    run(pairs, looks, study, |sample, looks, _| {
        let naive = looks.first(|n| Some(naive_quality(sample.get(..n)?, margin)));
        (watched(sample, looks, margin), naive.0)
    })
}

fn watched(sample: &[Pair<'_, f64>], looks: Looks, margin: f64) -> (Verdict, usize) {
    let Ok(mut watch) = QualityWatch::try_new(margin) else {
        return (Verdict::Invalid, 0);
    };
    let mut rest = sample.iter();
    looks.first(|n| {
        let new = n - usize::try_from(watch.n()).ok()?;
        rest.by_ref().take(new).try_for_each(|it| watch.observe(*it)).ok()?;
        Some(watch.verdict(Levels::QUALITY))
    })
}

/// The paired t test at 5 % on both claims, without guard.
fn naive_quality(sample: &[Pair<'_, f64>], margin: f64) -> Verdict {
    let differences: Vec<_> = sample.iter().map(|it| it.candidate - it.base).collect();
    let Some(found) = mean(&differences) else { return Verdict::Insufficient };
    if found.lower(Alpha::P05) > -margin {
        Verdict::Pass
    } else if found.upper(Alpha::P05) < 0.0 {
        Verdict::Fail
    } else {
        Verdict::Insufficient
    }
}

impl Looks {
    fn all(self) -> impl Iterator<Item = usize> {
        let every = self.every.max(1);
        (every..=self.until).step_by(every)
    }

    /// The first verdict that decides, and after how many pairs.
    fn first(self, mut verdict: impl FnMut(usize) -> Option<Verdict>) -> (Verdict, usize) {
        for n in self.all() {
            match verdict(n) {
                None => return (Verdict::Invalid, n),
                Some(Verdict::Insufficient) => (),
                Some(decided) => return (decided, n),
            }
        }
        (Verdict::Insufficient, self.until)
    }
}

/// Draws the rounds, and lets `judge` give the gate's verdict, the pairs it took, and the
/// naive verdict about each.
fn run<'a, T: Copy>(
    pairs: &[Pair<'a, T>],
    looks: Looks,
    study: &Study,
    judge: impl Fn(&[Pair<'a, T>], Looks, u64) -> ((Verdict, usize), Verdict),
) -> Power {
    let mut random = Random::new(study.seed);
    let mut gate = Vec::with_capacity(study.rounds);
    let mut naive = Vec::with_capacity(study.rounds);
    let mut taken = 0;
    for _ in 0..study.rounds {
        let sample = draw(pairs, looks.until, study.sides, &mut random);
        let ((verdict, n), naively) = judge(&sample, looks, random.fork());
        taken += n;
        gate.push(verdict);
        naive.push(naively);
    }
    Power {
        n: looks.until,
        rounds: study.rounds,
        gate: Shares::of(&gate),
        naive: Shares::of(&naive),
        mean_n: as_f64(taken) / as_f64(study.rounds.max(1)),
    }
}

/// A sample with replacement; empty where there are no pairs.
fn draw<'a, T: Copy>(
    pairs: &[Pair<'a, T>],
    n: usize,
    sides: Sides,
    random: &mut Random,
) -> Vec<Pair<'a, T>> {
    let all = u64::try_from(pairs.len()).unwrap_or(u64::MAX);
    let one = |_| {
        let pair = *pairs.get(random.below(all))?;
        let exchange = sides == Sides::Exchanged && random.coin();
        let (base, candidate) =
            if exchange { (pair.candidate, pair.base) } else { (pair.base, pair.candidate) };
        Some(Pair { base, candidate, ..pair })
    };
    (0..n).filter_map(one).collect()
}
