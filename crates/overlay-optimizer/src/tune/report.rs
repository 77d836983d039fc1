use std::collections::BTreeMap;

use overlay_model::Overlay;
use serde::Serialize;

use crate::tune::front::front;
use crate::tune::propose::Models;
use crate::tune::prune::{Choice, KeyWorth, worths};
use crate::tune::space::{Candidate, PatchLine};
use crate::tune::svg;
use crate::tune::trial::{Trial, TrialStatus};
use crate::tune::tuner::Tuner;

/// What a run came to so far.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TuneReport {
    /// The version of this format.
    pub schema: &'static str,
    /// What is proposed, or why nothing is.
    pub finding: Finding,
    /// The trial proposed.
    pub chosen: Option<usize>,
    /// What it changes in the overlay.
    pub patch: Vec<PatchLine>,
    /// What each of these changes brings.
    pub keys: Vec<KeyWorth>,
    /// What the trial of the best expectation changes beside, for no gain that could be
    /// seen: this goes back.
    pub reverted: Vec<PatchLine>,
    /// The names of the objectives, in the order of the values below.
    pub objectives: Vec<String>,
    /// The names of the limits, in the order of the values below.
    pub limits: Vec<String>,
    /// The trials that no other one is expected to better in every objective, from the
    /// first objective's best on. Of those that cannot be told apart, as they measured the same
    /// or by what is known of them, one: the chosen one, or the one that changes least.
    pub front: Vec<usize>,
    /// Every trial.
    pub trials: Vec<TrialRow>,
    /// How many evaluations were made.
    pub runs: usize,
    /// How many there may be.
    pub budget: usize,
    /// What all randomness came from.
    pub seed: u64,
}

/// Whether a run found something.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// A candidate that is expected to be better than the overlay as it is. Whether it
    /// is, held-out repeats say: [`crate::accept`].
    Candidate,
    /// Nothing is expected to be better than the overlay as it is.
    StartIsBest,
    /// No candidate kept every limit; with the trial that exceeds them least.
    Infeasible {
        /// The trial nearest to the limits.
        nearest: usize,
        /// The limits it exceeds, and by how much: `0.4000 of latency`.
        exceeds: Vec<String>,
    },
    /// No candidate was evaluated to the end.
    NothingEvaluated,
}

/// One trial of a report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrialRow {
    /// Its number.
    pub trial: usize,
    /// The keys that differ from the overlay as it is.
    pub set: BTreeMap<String, String>,
    /// How far it came.
    #[serde(flatten)]
    pub status: TrialStatus,
    /// Whether no limit was exceeded.
    pub within_limits: bool,
    /// The weighted mean of each objective over the scenarios seen.
    pub measured: Vec<f64>,
    /// What is to be expected of each objective, with the standard deviation of that.
    pub expected: Vec<(f64, f64)>,
    /// The worst value of each limit.
    pub worst: Vec<f64>,
}

impl Tuner {
    /// What the run came to so far; `overlay` is the one the space was made of.
    ///
    /// The choice is made by what is to be expected of each candidate, not by what was
    /// measured: of many noisy measurements the best is mostly a lucky one. Of candidates
    /// that are equally good for all that is known, the one that changes least is chosen.
    pub fn report(&self, overlay: &Overlay) -> TuneReport {
        let models = Models::of(&self.space, &self.plan, &self.trials, &self.hypers);
        let expected = self.expected(models.as_ref());
        let choice =
            models.as_ref().and_then(|it| Choice::of(&self.space, &self.plan, &self.trials, it));
        let finding = self.finding(choice.as_ref().map(|it| it.chosen));
        let choice = choice.filter(|_| finding == Finding::Candidate);
        let trial = |at: usize| self.trials.get(at).map(|it| &it.candidate);
        let chosen = choice.as_ref().and_then(|it| trial(it.chosen));
        let patch_of =
            |it: Option<&Candidate>| it.map_or_else(Vec::new, |it| self.space.patch(overlay, it));
        let patch = patch_of(chosen);
        let mut reverted = patch_of(choice.as_ref().and_then(|it| trial(it.best)));
        reverted.retain(|it| !patch.iter().any(|own| own.key == it.key));
        let keys = chosen.zip(models.as_ref());
        TuneReport {
            schema: "overlay-tune-report/1",
            finding,
            chosen: choice.as_ref().map(|it| it.chosen),
            keys: keys.map_or_else(Vec::new, |it| worths(&self.space, &self.plan, it.0, it.1)),
            patch,
            reverted,
            objectives: self.plan.objectives.iter().map(|it| it.name.clone()).collect(),
            limits: self.plan.limits.iter().map(|it| it.name.clone()).collect(),
            front: self.front(&expected, choice.as_ref().map(|it| it.chosen)),
            trials: self.rows(&expected),
            runs: self.runs(),
            budget: self.plan.budget,
            seed: self.plan.seed,
        }
    }

    /// The trials within the limits that no other one is expected to dominate, from the
    /// first objective's best on, one of each that can be told apart.
    fn front(&self, expected: &[Option<Vec<(f64, f64)>>], chosen: Option<usize>) -> Vec<usize> {
        let belief = |it: usize| expected.get(it)?.as_deref();
        let lawful = self.lawful();
        let costs = lawful.iter().filter_map(|it| Some((*it, means(belief(*it)?))));
        let (numbers, costs): (Vec<_>, Vec<_>) = costs.unzip();
        let free = front(&costs).into_iter().filter_map(|it| numbers.get(it).copied());
        let mut free: Vec<usize> = free.collect();
        let changes = |it: usize| self.trials.get(it).map(|it| self.changes(it).len());
        free.sort_by_cached_key(|it| (Some(*it) != chosen, changes(*it), *it));
        let is_same = |a: usize, b: usize| {
            self.measured_same(a, b)
                || belief(a).zip(belief(b)).is_some_and(|(a, b)| is_within_doubt(a, b))
        };
        let mut res: Vec<usize> = Vec::new();
        for it in free {
            if !res.iter().any(|kept| is_same(*kept, it)) {
                res.push(it);
            }
        }
        let first = |it: &usize| belief(*it).and_then(|it| it.first()).map_or(0.0, |it| it.0);
        res.sort_by(|a, b| first(a).total_cmp(&first(b)));
        res
    }

    /// Whether two trials came to the same in every objective.
    fn measured_same(&self, a: usize, b: usize) -> bool {
        let mean = |trial: usize, at| self.trials.get(trial)?.mean(at, &self.plan);
        (0..self.plan.objectives.len()).all(|at| {
            let (a, b) = (mean(a, at), mean(b, at));
            a.zip(b).is_some_and(|(a, b)| (a - b).abs() <= 1e-12 * a.abs().max(b.abs()))
        })
    }

    /// For each trial the expected costs, `None` where there is nothing to expect.
    fn expected(&self, models: Option<&Models>) -> Vec<Option<Vec<(f64, f64)>>> {
        let expect = |trial: &Trial| {
            if trial.runs() == 0 {
                return None;
            }
            let place = self.space.place(&trial.candidate);
            Some(models?.costs(&place).iter().map(|it| (it.mean, it.sd)).collect())
        };
        self.trials.iter().map(expect).collect()
    }

    /// The complete trials within the limits.
    fn lawful(&self) -> Vec<usize> {
        let lawful = |it: &Trial| it.is_complete() && it.is_within(&self.plan);
        let numbered = self.trials.iter().enumerate();
        numbered.filter(|(_, it)| lawful(it)).map(|(at, _)| at).collect()
    }

    fn finding(&self, chosen: Option<usize>) -> Finding {
        match chosen {
            Some(0) => Finding::StartIsBest,
            Some(_) => Finding::Candidate,
            None => self.infeasible().unwrap_or(Finding::NothingEvaluated),
        }
    }

    fn infeasible(&self) -> Option<Finding> {
        let excess = |trial: &Trial| {
            let rows = self.plan.limits.iter().enumerate();
            let shares = rows.filter_map(|(at, limit)| {
                let over = trial.worst(at)? - limit.at_most;
                Some(over.max(0.0) / limit.at_most.abs().max(1e-9))
            });
            shares.sum::<f64>()
        };
        let numbered = self.trials.iter().enumerate();
        let broken = numbered.filter(|(_, it)| it.runs() > 0 && !it.is_within(&self.plan));
        let (nearest, trial) = broken.min_by(|a, b| excess(a.1).total_cmp(&excess(b.1)))?;
        let rows = self.plan.limits.iter().enumerate();
        let exceeds = rows.filter_map(|(at, limit)| {
            let over = trial.worst(at).map(|it| it - limit.at_most).filter(|it| *it > 0.0)?;
            Some(format!("{over:.4} of {}", limit.name))
        });
        Some(Finding::Infeasible { nearest, exceeds: exceeds.collect() })
    }

    fn rows(&self, expected: &[Option<Vec<(f64, f64)>>]) -> Vec<TrialRow> {
        let numbered = self.trials.iter().zip(expected).enumerate();
        numbered.map(|(at, (trial, expected))| self.row(at, trial, expected.as_deref())).collect()
    }

    fn row(&self, number: usize, trial: &Trial, expected: Option<&[(f64, f64)]>) -> TrialRow {
        let objectives = || self.plan.objectives.iter().enumerate();
        let measured =
            objectives().filter_map(|(at, it)| Some(it.aim.cost(trial.mean(at, &self.plan)?)));
        let expected = expected.unwrap_or_default().iter().zip(objectives());
        let limits = 0..self.plan.limits.len();
        TrialRow {
            trial: number,
            set: self.changes(trial),
            status: trial.status.clone(),
            within_limits: trial.is_within(&self.plan),
            measured: measured.collect(),
            expected: expected.map(|((mean, sd), (_, it))| (it.aim.cost(*mean), *sd)).collect(),
            worst: limits.filter_map(|at| trial.worst(at)).collect(),
        }
    }

    fn changes(&self, trial: &Trial) -> BTreeMap<String, String> {
        let start = self.space.start();
        let own = self.space.values(&trial.candidate);
        let pairs = own.zip(self.space.values(&start)).filter(|(own, start)| own != start);
        pairs.map(|((key, value), _)| (key.to_string(), value.to_owned())).collect()
    }
}

impl TuneReport {
    /// A picture of the trials: the first two objectives against each other with the
    /// front between them, or the one objective over the trials. It follows the light or
    /// dark colours of the page.
    pub fn svg(&self) -> String {
        svg::picture(self)
    }
}

/// Whether what is expected of two trials differs by no more than the standard deviation of
/// the difference, in every objective.
fn is_within_doubt(a: &[(f64, f64)], b: &[(f64, f64)]) -> bool {
    a.iter().zip(b).all(|(a, b)| (a.0 - b.0).abs() <= a.1.hypot(b.1))
}

fn means(beliefs: &[(f64, f64)]) -> Vec<f64> {
    beliefs.iter().map(|it| it.0).collect()
}
