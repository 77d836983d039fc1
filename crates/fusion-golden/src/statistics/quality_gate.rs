use serde::{Deserialize, Serialize};

use super::alpha::{Alpha, Interval};
use super::betting::{Claim, EProcess, EProcessError};
use super::clusters::groups;
use super::gate::{Gate, Levels, Limits, Pair, guarded_error};
use super::paired::{clustered_mean, non_inferiority};
use super::sample_size::{MOST, guarded_n};
use super::special::{as_f64, smallest, t_quantile, u64_as_f64};
use crate::Verdict;

/// How much worse the mean score may be: five points of a hundred.
pub const DEFAULT_MARGIN: f64 = 0.05;
/// Scores run from 0 to 1, so differences from −1 to 1.
const BOUND: f64 = 1.0;
/// What the guard adds to the sum of squares.
const SQUARES: f64 = 2.0 * BOUND * BOUND;
/// The spread of differences of judge scores on real answers, where fewer than two show none.
const USUAL_SD: f64 = 0.28;

/// Scores from 0 to 1, higher is better, looked at once: the mean difference, candidate
/// less base, over the pairs whose requests differ.
///
/// Passes where the candidate is not worse by more than `margin`: the guarded lower bound
/// ([`non_inferiority`]) is above −`margin`. Fails where that is not shown and the
/// candidate is surely worse: the guarded upper bound is below 0. Else insufficient.
/// Whoever adds samples and looks again needs [`QualityWatch`].
pub fn quality_gate(pairs: &[Pair<'_, f64>], margin: f64, levels: Levels) -> Gate {
    let limits = Limits { warn: -margin, block: -margin };
    let (gate, pairs) = match Gate::open(pairs, limits) {
        Ok(open) => open,
        Err(decided) => return *decided,
    };
    let scores = pairs.iter().flat_map(|it| [it.base, it.candidate]);
    if margin <= 0.0 || scores.into_iter().any(|it| !(0.0..=1.0).contains(&it)) {
        return gate.bad_value();
    }
    let differences: Vec<_> = pairs.iter().map(|it| (it.candidate - it.base, it.cluster)).collect();
    let Some(guarded) = non_inferiority(&differences, BOUND) else { return gate.bad_value() };
    let n = as_f64(pairs.len());
    let gate = Gate { n: groups(differences.iter().copied()).len(), ..gate };
    let interval =
        Interval { lower: guarded.lower(levels.pass), upper: guarded.upper(levels.worse) };
    let gate = Gate {
        base: Some(pairs.iter().map(|it| it.base).sum::<f64>() / n),
        candidate: Some(pairs.iter().map(|it| it.candidate).sum::<f64>() / n),
        delta: Some(differences.iter().map(|it| it.0).sum::<f64>() / n),
        interval: Some(interval),
        ..gate
    };
    let verdict = place(interval.lower > -margin, interval.upper < 0.0);
    let clusters = gate.n;
    gate.place(verdict, || needed(&differences, clusters, margin, levels))
}

fn place(not_worse: bool, worse: bool) -> Option<Verdict> {
    match (not_worse, worse) {
        (true, _) => Some(Verdict::Pass),
        (false, true) => Some(Verdict::Fail),
        (false, false) => None,
    }
}

/// The n with which the bounds would show the nearer claim at the difference found; where that
/// is nearer to no change, at least the one that lets an equally good candidate pass.
fn needed(
    differences: &[(f64, Option<&str>)],
    clusters: usize,
    margin: f64,
    levels: Levels,
) -> u64 {
    let found = clustered_mean(differences);
    let sd = found.map_or(USUAL_SD, |it| it.error * as_f64(clusters).sqrt());
    let mean = found.map_or(0.0, |it| it.mean);
    let clears = |n: f64, distance: f64, alpha: Alpha| {
        t_quantile(1.0 - alpha.get(), n + 1.0) * guarded_error(sd, SQUARES, n) <= distance
    };
    let nearer = smallest(1, MOST, |n| {
        let n = u64_as_f64(n);
        // The guard draws the mean towards 0.
        let mean = mean * n / (n + 2.0);
        clears(n, mean + margin, levels.pass) || clears(n, -mean, levels.worse)
    });
    if mean.abs() < (mean + margin).abs() {
        nearer.max(guarded_n(sd, SQUARES, margin, levels.pass))
    } else {
        nearer
    }
}

/// [`quality_gate`] for whoever adds samples and looks again: its verdict may be read after
/// every pair, and the errors stay what [`Levels`] says over all looks together. It can be
/// saved as JSON and continued.
///
/// A pass is about now, not about once: evidence beyond what a pass needs is given away, so
/// that looks at which the candidate is worse take it back at once. Both claims are sought
/// as if the watch had begun anew at every look, so that what was before does not hide a
/// change. "Worse" stays once it is shown, until a pass holds.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct QualityWatch {
    not_worse: EProcess,
    worse: EProcess,
    identical: u64,
    /// Looks so far at which something differed.
    #[serde(default)]
    looks: u64,
}

/// The evidence for "not worse" that is kept: as much as the usual pass needs.
const PASS: Alpha = Levels::QUALITY.pass;

impl QualityWatch {
    /// A watch before the first pair.
    ///
    /// # Errors
    /// Where the margin is not above 0 and below 1.
    pub fn try_new(margin: f64) -> Result<Self, EProcessError> {
        let bounds = Interval { lower: -BOUND, upper: BOUND };
        if margin <= 0.0 {
            return Err(EProcessError::Null { null: -margin, lower: -BOUND, upper: 0.0 });
        }
        Ok(Self {
            not_worse: EProcess::try_new(bounds, -margin, Claim::Above)?,
            worse: EProcess::try_new(bounds, 0.0, Claim::Below)?,
            identical: 0,
            looks: 0,
        })
    }

    /// Takes the scores of one pair in. A pair with the same request on both sides is
    /// counted and left out, as in every gate.
    ///
    /// # Errors
    /// Where the scores differ by more than 1 or are no numbers; the watch is then as before.
    pub fn observe(&mut self, pair: Pair<'_, f64>) -> Result<(), EProcessError> {
        self.observe_look(&[pair])
    }

    /// Takes the pairs of one look in, such as those of a night: the verdict is read after
    /// all of them. The scenarios of a look may differ from each other, and must be
    /// answered anew for each look. A cluster counts as one, by its mean.
    ///
    /// # Errors
    /// As [`Self::observe`].
    pub fn observe_look(&mut self, pairs: &[Pair<'_, f64>]) -> Result<(), EProcessError> {
        let differing = pairs.iter().filter(|it| !it.identical);
        let clusters = groups(differing.map(|it| (it.candidate - it.base, it.cluster)));
        let means = clusters.iter().map(|it| it.iter().sum::<f64>() / as_f64(it.len()));
        let means: Vec<_> = means.collect();
        if !means.is_empty() {
            let kept = 1.0 / u64_as_f64(self.looks.saturating_add(2));
            self.worse.observe_look_keeping(&means, kept)?;
            self.not_worse.observe_look_keeping(&means, kept)?;
            self.not_worse.give_away_beyond(PASS);
            self.looks = self.looks.saturating_add(1);
        }
        let identical = pairs.iter().filter(|it| it.identical).count();
        self.identical += u64::try_from(identical).unwrap_or(u64::MAX);
        Ok(())
    }

    /// The verdict now: pass, fail or insufficient; pass where every pair so far has the
    /// same request on both sides. At stricter levels than [`Levels::QUALITY`] nothing else
    /// passes.
    pub fn verdict(&self, levels: Levels) -> Verdict {
        if self.n() == 0 && self.identical > 0 {
            return Verdict::Pass;
        }
        place(self.not_worse.holds_now(levels.pass), self.worse.holds(levels.worse))
            .unwrap_or(Verdict::Insufficient)
    }

    /// Whether it passed at any look so far.
    pub fn has_passed(&self, levels: Levels) -> bool {
        self.not_worse.holds(levels.pass)
    }

    /// Pairs seen whose requests differ; a cluster counts as one.
    pub fn n(&self) -> u64 {
        self.not_worse.n()
    }

    /// About how many pairs would do if they go on like these, for the nearer claim; `None`
    /// where neither has gained yet, and for a pass that was lost, as it is not known since
    /// when things are as they are.
    pub fn needed(&self, levels: Levels) -> Option<u64> {
        let pass = self.not_worse.needed(levels.pass).filter(|_| !self.has_passed(levels));
        let claims = [pass, self.worse.needed(levels.worse)];
        claims.into_iter().flatten().min().map(|it| it.max(self.n() + 1))
    }
}
