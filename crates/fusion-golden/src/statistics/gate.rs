use serde::Serialize;

use super::alpha::{Alpha, Interval};
use super::rounded;
use super::sample_size::more_than;
use crate::Verdict;

/// One scenario, or one sample of it, on both sides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair<'a, T> {
    /// What the base had.
    pub base: T,
    /// What the candidate had.
    pub candidate: T,
    /// Whether both sides render the same request: they are equal then, whatever is
    /// recorded, and say nothing about the change.
    pub identical: bool,
    /// Pairs with the same label hang together: a family of scenarios, samples of one.
    pub cluster: Option<&'a str>,
}

impl<'a, T: Copy> Pair<'a, T> {
    /// Two requests that differ.
    pub fn new(base: T, candidate: T) -> Self {
        Self { base, candidate, identical: false, cluster: None }
    }

    /// The same request on both sides.
    pub fn identical(value: T) -> Self {
        Self { base: value, candidate: value, identical: true, cluster: None }
    }

    /// The same pair in a cluster.
    #[must_use]
    pub fn in_cluster(mut self, label: &'a str) -> Self {
        self.cluster = Some(label);
        self
    }
}

/// How often a gate may be wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Levels {
    /// How often it may let pass what lies at the line.
    pub pass: Alpha,
    /// How often it may call worse what lies at the line: a claim that stops people.
    pub worse: Alpha,
}

impl Levels {
    /// For tokens, latency and errors: one in twenty either way. Their lines lie well away
    /// from "no change", so that no change is called worse far less often.
    pub const BUDGET: Self = Self { pass: Alpha::P05, worse: Alpha::P05 };
    /// For quality, where "worse" begins at no change: one in twenty passes, one in a
    /// hundred accusations.
    pub const QUALITY: Self = Self { pass: Alpha::P05, worse: Alpha::P01 };
}

/// Ten times as much more as the base has: what bounds say beyond is no figure.
const MOST_MORE: f64 = 10.0;
/// One answer makes the bound where it is as many times the figure found: two or more answers
/// 42 times as long come to 1.8, one of them among usual ones to 2.8 and more.
const FAR: f64 = 2.5;
/// Nobody records more scenarios than that to tell a change from the line.
const MOST_NEEDED: u64 = 100_000;
/// More than as many times what is there: the effect found is nearer to the line than half its
/// standard error, and how near is chance.
const MOST_TIMES: u64 = 10;

/// Where a gate warns, and where it blocks, in the unit of what it measures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Warns from here on.
    pub warn: f64,
    /// Blocks above this.
    pub block: f64,
}

impl Limits {
    /// Tokens more than the base: 12 and 25 %.
    pub const TOKENS: Self = Self { warn: 0.12, block: 0.25 };
    /// Seconds at the 95th percentile: 2 and 5.
    pub const LATENCY: Self = Self { warn: 2.0, block: 5.0 };
    /// Share of failed requests more than the base: 2 and 5 of a hundred.
    pub const ERRORS: Self = Self { warn: 0.02, block: 0.05 };

    /// The verdict about a number that is known to lie between two bounds; `None` where
    /// the bounds lie on both sides of the line that decides.
    pub(super) fn place(self, lower: f64, upper: f64) -> Option<Verdict> {
        if lower > self.block {
            Some(Verdict::Fail)
        } else if lower > self.warn {
            Some(Verdict::Warn)
        } else {
            (upper <= self.warn).then_some(Verdict::Pass)
        }
    }

    pub(super) fn is_sound(self) -> bool {
        self.warn.is_finite() && self.block.is_finite() && self.warn <= self.block
    }
}

/// Why a gate says what it says.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Every pair has the same request on both sides.
    Identity,
    /// Exact counts: nothing is estimated.
    Exact,
    /// The bounds lie on one side of the line.
    Decided,
    /// The bounds lie on both sides of the line, or there are none yet.
    TooFew,
    /// A side has no recording.
    Missing,
    /// There is nothing to compare.
    NoPairs,
    /// A value is none: negative, out of its range, not finite; or the base's total is 0.
    BadValue,
    /// The limits are no numbers, or the one that blocks is below the one that warns.
    BadLimits,
    /// A side has no figure: no plan can be made of it, or it cannot be compared.
    NoFigure,
}

/// What the bounds of a gate are about.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bounded {
    /// The effect.
    Delta,
    /// The candidate's figure: its limits are absolute.
    Candidate,
    /// The same, every time counted by the limits of its own scenario: as far over or under
    /// `warn` and `block` as it is over or under those.
    Counted,
}

/// What a gate found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gate {
    /// The base's figure: total tokens, mean score, p95 in seconds, share of errors.
    #[serde(serialize_with = "rounded::option")]
    pub base: Option<f64>,
    /// The candidate's figure.
    #[serde(serialize_with = "rounded::option")]
    pub candidate: Option<f64>,
    /// The effect: share of tokens more, difference of scores, of seconds, of shares.
    #[serde(serialize_with = "rounded::option")]
    pub delta: Option<f64>,
    /// Bounds of `delta`; for latency of `candidate`, as the limits are absolute. The bound
    /// that could accuse holds at [`Levels::worse`], the one that could acquit at
    /// [`Levels::pass`].
    pub interval: Option<Interval>,
    /// What `interval`, `warn` and `block` are about.
    pub interval_of: Bounded,
    /// Where it warns.
    #[serde(serialize_with = "rounded::number")]
    pub warn: f64,
    /// Where it blocks.
    #[serde(serialize_with = "rounded::number")]
    pub block: f64,
    /// What was compared: pairs whose requests differ, for latency all; a cluster counts as
    /// one.
    pub n: usize,
    /// Pairs whose sides have the same request.
    pub identical: usize,
    /// Pairs without recording on a side.
    pub missing: usize,
    /// With [`Verdict::Insufficient`]: about the n with which the bounds would clear the line
    /// at the effect found; near no change at least the one that lets no change pass four
    /// times of five. `None` where the effect found lies at the line.
    pub n_needed: Option<u64>,
    /// The verdict.
    pub verdict: Verdict,
    /// Why.
    pub reason: Reason,
    /// The candidate's figure as it is held to the limits, where that is not `candidate`.
    #[serde(skip)]
    pub counted: Option<f64>,
}

impl Gate {
    /// A verdict about two counts that no limit is set for.
    pub(crate) fn counted(base: usize, candidate: usize, verdict: Verdict) -> Self {
        let [base, candidate] = [base, candidate].map(super::special::as_f64);
        Self {
            base: Some(base),
            candidate: Some(candidate),
            delta: Some(candidate - base),
            interval: None,
            interval_of: Bounded::Delta,
            warn: 0.0,
            block: 0.0,
            n: 1,
            identical: 0,
            missing: 0,
            n_needed: None,
            verdict,
            reason: Reason::Exact,
            counted: None,
        }
    }

    /// A verdict where a side has no figure; the base's stands there where it has one.
    pub(crate) fn without_figure(base: Option<u64>, verdict: Verdict) -> Self {
        let base = base.map(super::special::u64_as_f64);
        let gate =
            Self { base, candidate: None, delta: None, n: 0, ..Self::counted(0, 0, verdict) };
        gate.decided(verdict, Reason::NoFigure)
    }

    /// A gate over these pairs that has not decided; `Err` holds the one that has, by
    /// identity or for want of pairs or limits.
    pub(super) fn open<'a, T: Copy>(
        pairs: &[Pair<'a, T>],
        limits: Limits,
    ) -> Result<(Self, Vec<Pair<'a, T>>), Box<Self>> {
        let differing: Vec<_> = pairs.iter().filter(|it| !it.identical).copied().collect();
        let gate = Self {
            base: None,
            candidate: None,
            delta: None,
            interval: None,
            interval_of: Bounded::Delta,
            warn: limits.warn,
            block: limits.block,
            n: differing.len(),
            identical: pairs.len() - differing.len(),
            missing: 0,
            n_needed: None,
            verdict: Verdict::Invalid,
            reason: Reason::NoPairs,
            counted: None,
        };
        if !limits.is_sound() {
            return Err(Box::new(gate.decided(Verdict::Invalid, Reason::BadLimits)));
        }
        match (pairs.len(), differing.len()) {
            (0, _) => Err(Box::new(gate)),
            (_, 0) => {
                let same = Self { delta: Some(0.0), ..gate };
                Err(Box::new(same.decided(Verdict::Pass, Reason::Identity)))
            }
            _ => Ok((gate, differing)),
        }
    }

    pub(crate) fn decided(mut self, verdict: Verdict, reason: Reason) -> Self {
        self.verdict = verdict;
        self.reason = reason;
        self
    }

    /// Whether the upper bound of a share says nothing: it is so far off, from what was found
    /// too, that one answer among those that were compared makes it what it is.
    pub(crate) fn has_no_upper_bound(&self) -> bool {
        let bounded = self.interval.filter(|_| self.interval_of == Bounded::Delta);
        let is_far =
            |delta: f64, upper: f64| upper > MOST_MORE && 1.0 + upper > FAR * (1.0 + delta);
        self.reason != Reason::Exact
            && self.delta.zip(bounded).is_some_and(|(delta, it)| is_far(delta, it.upper))
    }

    pub(super) fn bad_value(self) -> Self {
        self.decided(Verdict::Invalid, Reason::BadValue)
    }

    /// The verdict where there is one, else insufficient with the n that would do.
    pub(super) fn place<N: Into<Option<u64>>>(
        self,
        verdict: Option<Verdict>,
        needed: impl FnOnce() -> N,
    ) -> Self {
        match verdict {
            Some(verdict) => self.decided(verdict, Reason::Decided),
            None => {
                let needed = needed().into().map(|it| more_than(self.n, it));
                let gate = Self { n_needed: needed.filter(|it| *it <= MOST_NEEDED), ..self };
                gate.decided(Verdict::Insufficient, Reason::TooFew)
            }
        }
    }

    /// The same gate with `more` pairs that have the same request on both sides and are
    /// recorded on neither: nothing has to be known about them.
    #[must_use]
    pub(crate) fn with_identical(mut self, more: usize) -> Self {
        self.identical += more;
        if more > 0 && self.reason == Reason::NoPairs {
            self.delta = Some(0.0);
            return self.decided(Verdict::Pass, Reason::Identity);
        }
        self
    }

    /// The same gate where `missing` further pairs have no recording on a side: stale, unless
    /// the rest is worse than that already.
    #[must_use]
    pub fn with_missing(mut self, missing: usize) -> Self {
        self.missing = missing;
        let nothing_else = self.reason == Reason::NoPairs;
        if missing > 0 && (self.verdict < Verdict::Stale || nothing_else) {
            self.n_needed = None;
            if self.n == 0 {
                // That the rest is the same says nothing about what is missing.
                (self.delta, self.interval) = (None, None);
            }
            return self.decided(Verdict::Stale, Reason::Missing);
        }
        self
    }
}

/// How many to ask for after `n`, where `found` would show an effect of this size and
/// `unchanged` that there is none. Near no change at least these; near the `line` that decides
/// none where the number is one of chance.
pub(super) fn asked(
    n: usize,
    [effect, line]: [f64; 2],
    found: u64,
    unchanged: impl FnOnce() -> u64,
) -> Option<u64> {
    if effect.abs() < (effect - line).abs() {
        Some(found.max(unchanged()))
    } else {
        Some(found).filter(|it| *it <= more_than(n, 0).saturating_mul(MOST_TIMES))
    }
}

/// The standard error of a mean of `n` guarded values: where they have the standard deviation
/// `sd` and the guard adds `guard` to the sum of their squares.
pub(super) fn guarded_error(sd: f64, guard: f64, n: f64) -> f64 {
    ((n * sd * sd + guard) / (n + 1.0) / (n + 2.0)).sqrt()
}

/// The worst of some verdicts; invalid where there are none, as nothing was checked.
pub fn worst(verdicts: impl IntoIterator<Item = Verdict>) -> Verdict {
    verdicts.into_iter().max().unwrap_or(Verdict::Invalid)
}
