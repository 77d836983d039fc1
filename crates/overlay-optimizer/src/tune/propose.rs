//! Which candidate to try next.
//!
//! One objective: expected improvement. Several: ParEGO (Knowles, *ParEGO: a hybrid
//! algorithm with on-line landscape approximation for expensive multiobjective optimization
//! problems*, 2006), which weighs the objectives otherwise for each candidate and improves
//! that one cost; each objective keeps a model of its own here. Its weights have to be those
//! of the lattice, corners among them. With random ones, no candidate is ever sought that is
//! best in one objective alone, the ranges that costs are shares of shrink to a corner of
//! the front, and so does the search: on ZDT1 it ended in one point.

use std::collections::BTreeSet;

use crate::tune::float;
use crate::tune::front::{chebyshev, front, ranges};
use crate::tune::gp::{Belief, Gp, Hyper, Observations, Place, fit};
use crate::tune::lattice::weights;
use crate::tune::normal::{log_cdf, log_improvement};
use crate::tune::plan::TunePlan;
use crate::tune::random::Stream;
use crate::tune::space::{Candidate, Space};
use crate::tune::trial::{Levelled, Trial};

/// Purposes of randomness.
pub(crate) const DESIGN: u64 = 1;
const SEARCH: u64 = 2;
const DRAWS: u64 = 3;
pub(crate) const WEIGHTS: u64 = 4;

/// Spaces up to this size are searched as a whole.
const SMALL: u64 = 400;

/// A model of each objective, then of each limit.
#[derive(Clone, Debug)]
pub(crate) struct Models {
    objectives: Vec<Gp>,
    limits: Vec<(Gp, f64)>,
    pub(crate) hypers: Vec<Hyper>,
}

impl Models {
    /// Models of `trials`, with hyperparameters sought from those in `before`, `None`
    /// where there is too little to learn from.
    pub(crate) fn of(
        space: &Space,
        plan: &TunePlan,
        trials: &[Trial],
        before: &[Hyper],
    ) -> Option<Self> {
        let tables = tables(space, plan, trials);
        let (mut gps, mut hypers) = (Vec::new(), Vec::new());
        for (at, seen) in tables.iter().enumerate() {
            let hyper = refit(seen, space.dimensions().len(), before.get(at), tables.len());
            gps.push(Gp::given(seen, &hyper)?);
            hypers.push(hyper);
        }
        let limits = gps.split_off(plan.objectives.len().min(gps.len()));
        let bounds = plan.limits.iter().map(|it| it.at_most);
        Some(Self { objectives: gps, limits: limits.into_iter().zip(bounds).collect(), hypers })
    }

    /// What is to be expected of each objective's cost at `place`.
    pub(crate) fn costs(&self, place: &Place) -> Vec<Belief> {
        self.objectives.iter().map(|it| it.at(place)).collect()
    }

    /// The means of [`Models::costs`].
    fn means(&self, place: &Place) -> Vec<f64> {
        self.objectives.iter().map(|it| it.mean_at(place)).collect()
    }

    /// The logarithm of the probability that no limit is exceeded at `place`.
    pub(crate) fn log_feasible(&self, place: &Place) -> f64 {
        let limits = self.limits.iter().map(|(gp, bound)| {
            let Belief { mean, sd } = gp.at(place);
            log_cdf((bound - mean) / sd)
        });
        limits.sum()
    }
}

/// The observations of each objective and each limit.
fn tables(space: &Space, plan: &TunePlan, trials: &[Trial]) -> Vec<Observations> {
    let objectives = (0..plan.objectives.len()).map(|at| {
        let (mut seen, levelled) = (Observations::default(), Levelled::of(trials, at, plan));
        for trial in trials {
            if let Some((value, variance)) = levelled.value(trial, at, plan) {
                seen.places.push(space.place(&trial.candidate));
                seen.values.push(value);
                seen.variances.push(variance);
            }
        }
        seen
    });
    let limits = (0..plan.limits.len()).map(|at| {
        let mut seen = Observations::default();
        for trial in trials {
            if let Some(worst) = trial.worst(at) {
                seen.places.push(space.place(&trial.candidate));
                seen.values.push(worst);
                seen.variances.push(0.0);
            }
        }
        seen
    });
    objectives.chain(limits).collect()
}

/// Hyperparameters of `seen`: from the last ones on, and, while it is cheap, also anew. Of
/// many observations `models` share the time.
fn refit(seen: &Observations, dimensions: usize, before: Option<&Hyper>, models: usize) -> Hyper {
    let count = seen.values.len();
    let fresh = Hyper::prior(dimensions);
    let steps = match count {
        0..=30 => 30,
        31..=50 => 16,
        51..=75 => 8,
        _ if count.is_multiple_of(4) => (6 / models.max(1)).max(2),
        _ => 0,
    };
    let warm = before.map(|it| fit(seen, it, steps));
    let is_due = before.is_none() || count <= 50 && count.is_multiple_of(5);
    let anew = is_due.then(|| fit(seen, &fresh, 40));
    match (warm, anew) {
        (Some(warm), Some(anew)) => {
            if anew.1 > warm.1 {
                anew.0
            } else {
                warm.0
            }
        }
        (Some(only), None) | (None, Some(only)) => only.0,
        (None, None) => fresh,
    }
}

/// What makes one candidate worth more than another.
struct Worth<'a> {
    space: &'a Space,
    models: &'a Models,
    /// The trials that ran, with the cost that is to be expected of each objective.
    known: Vec<(&'a Trial, Vec<f64>)>,
    measure: Measure,
}

enum Measure {
    /// No candidate is known to keep the limits: find one.
    Feasible,
    /// Expected improvement on the least expected cost known.
    Improvement { best: f64 },
    /// Expected improvement of a weighted cost, by draws.
    Weighted { ranges: Vec<(f64, f64)>, weights: Vec<f64>, best: f64, draws: Vec<Vec<f64>> },
}

/// How far below the best a draw may lie and still count a little, in shares of the
/// range; without it most candidates would be worth the same nothing.
const SOFTNESS: f64 = 2e-3;

impl Worth<'_> {
    fn of(&self, candidate: &Candidate) -> f64 {
        let place = self.space.place(candidate);
        let feasible = self.models.log_feasible(&place);
        let gain = match &self.measure {
            Measure::Feasible => 0.0,
            Measure::Improvement { best } => match self.models.costs(&place).first() {
                Some(cost) => cost.sd.ln() + log_improvement((best - cost.mean) / cost.sd),
                None => 0.0,
            },
            Measure::Weighted { ranges, weights, best, draws } => {
                let costs = self.models.costs(&place);
                let gains = draws.iter().map(|draw| {
                    let drawn = costs.iter().zip(draw).map(|(it, z)| it.mean + z * it.sd);
                    softplus((best - chebyshev(drawn, ranges, weights)) / SOFTNESS)
                });
                (SOFTNESS * gains.sum::<f64>() / float(draws.len())).ln()
            }
        };
        gain + feasible
    }
}

/// ln(1 + eˣ).
fn softplus(x: f64) -> f64 {
    if x > 30.0 { x } else { x.exp().ln_1p() }
}

/// A candidate with what is to be gained by it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Proposal {
    pub(crate) candidate: Candidate,
    /// The expected improvement on the best known cost, where there is one objective and
    /// a candidate within the limits.
    pub(crate) gain: Option<f64>,
}

/// The most promising candidate that was not tried yet, `None` where all were.
pub(crate) fn propose(
    space: &Space,
    plan: &TunePlan,
    trials: &[Trial],
    models: &Models,
) -> Option<Proposal> {
    let tried: BTreeSet<_> = trials.iter().map(|it| &it.candidate).collect();
    let ran = trials.iter().filter(|it| it.runs() > 0);
    let known: Vec<_> = ran.map(|it| (it, models.means(&space.place(&it.candidate)))).collect();
    let measure = measure(plan, &known, trials.len());
    let worth = Worth { space, models, known, measure };
    let best = match listed(space, plan) {
        Some(pool) => pool
            .iter()
            .filter(|it| !tried.contains(it))
            .map(|it| (worth.of(it), it.clone()))
            .max_by(|a, b| a.0.total_cmp(&b.0)),
        None => search(&worth, plan, trials.len(), &tried),
    };
    let (value, candidate) = best?;
    let gain = matches!(worth.measure, Measure::Improvement { .. }).then(|| value.exp());
    Some(Proposal { candidate, gain })
}

/// All candidates there are, where they are listed or few.
pub(crate) fn listed(space: &Space, plan: &TunePlan) -> Option<Vec<Candidate>> {
    plan.pool.clone().or_else(|| Some(space.all(SMALL)?.into_iter().collect()))
}

/// What `known` trials leave to be gained after as many as `count`.
fn measure(plan: &TunePlan, known: &[(&Trial, Vec<f64>)], count: usize) -> Measure {
    let lawful = known.iter().filter(|it| it.0.is_within(plan));
    let costs: Vec<Vec<f64>> = lawful.map(|it| it.1.clone()).collect();
    if costs.is_empty() {
        return Measure::Feasible;
    }
    if plan.objectives.len() == 1 {
        let best = costs.iter().flatten().copied().fold(f64::INFINITY, f64::min);
        return Measure::Improvement { best };
    }
    let leaders: Vec<_> = front(&costs).iter().filter_map(|it| costs.get(*it).cloned()).collect();
    let ranges = ranges(if leaders.len() > 1 { &leaders } else { &costs });
    let mut random = Stream::new(plan.seed, DRAWS, count as u64);
    let weights = weights(plan.objectives.len(), plan.seed, count);
    let draw = |random: &mut Stream| (0..plan.objectives.len()).map(|_| random.normal()).collect();
    let draws = (0..24).flat_map(|_| {
        let one: Vec<f64> = draw(&mut random);
        let other = one.iter().map(|it| -it).collect();
        [one, other]
    });
    let draws = draws.collect();
    let weighted = costs.iter().map(|it| chebyshev(it.iter().copied(), &ranges, &weights));
    let best = weighted.fold(f64::INFINITY, f64::min);
    Measure::Weighted { ranges, weights, best, draws }
}

/// Random candidates, candidates around the best known ones, then a climb from the most
/// promising of them.
fn search(
    worth: &Worth<'_>,
    plan: &TunePlan,
    count: usize,
    tried: &BTreeSet<&Candidate>,
) -> Option<(f64, Candidate)> {
    let mut random = Stream::new(plan.seed, SEARCH, count as u64);
    let mut found: Vec<(f64, Candidate)> = Vec::new();
    let consider = |candidate: Candidate, found: &mut Vec<(f64, Candidate)>| {
        if !tried.contains(&candidate) {
            found.push((worth.of(&candidate), candidate));
        }
    };
    // Several models take their time at each candidate.
    let (anywhere, around_best) = if plan.objectives.len() > 1 { (100, 60) } else { (150, 100) };
    for _ in 0..anywhere {
        consider(worth.space.random(&mut random), &mut found);
    }
    let known = best_known(worth);
    for step in 0..around_best {
        if let Some(around) = known.get(step % known.len().max(1)) {
            let spread = [0.2, 0.05, 0.01].get(step % 3).copied().unwrap_or(0.1);
            consider(worth.space.near(around, 0.3, spread, &mut random), &mut found);
        }
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.truncate(4);
    let climbed = found.into_iter().map(|start| climb(worth, start, tried, &mut random));
    climbed.max_by(|a, b| a.0.total_cmp(&b.0))
}

/// The trials of least expected cost, or, with several objectives, those of the front.
fn best_known(worth: &Worth<'_>) -> Vec<Candidate> {
    let rate = |(trial, costs): &(&Trial, Vec<f64>)| {
        let mut costs = costs.iter().copied();
        let cost = match &worth.measure {
            Measure::Weighted { ranges, weights, .. } => chebyshev(costs, ranges, weights),
            Measure::Improvement { .. } => costs.next().unwrap_or_default(),
            Measure::Feasible => 0.0,
        };
        let feasible = worth.models.log_feasible(&worth.space.place(&trial.candidate));
        cost - 10.0 * feasible.max(-1e3)
    };
    let mut rated: Vec<_> = worth.known.iter().map(|it| (rate(it), &it.0.candidate)).collect();
    rated.sort_by(|a, b| a.0.total_cmp(&b.0));
    rated.into_iter().take(5).map(|it| it.1.clone()).collect()
}

/// Small moves from `start`, each kept where it is worth more, smaller and smaller.
fn climb(
    worth: &Worth<'_>,
    start: (f64, Candidate),
    tried: &BTreeSet<&Candidate>,
    random: &mut Stream,
) -> (f64, Candidate) {
    let mut best = start;
    let mut spread: f64 = 0.15;
    let share = 1.0 / float(worth.space.dimensions().len());
    for _ in 0..50 {
        let next = worth.space.near(&best.1, share, spread, random);
        let value = if tried.contains(&next) { f64::NEG_INFINITY } else { worth.of(&next) };
        if value > best.0 {
            best = (value, next);
            spread = (spread * 1.5).min(0.3);
        } else {
            spread = (spread * 0.92).max(0.002);
        }
    }
    best
}
