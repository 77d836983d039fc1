use std::collections::BTreeMap;

use overlay_model::Overlay;
use serde::Serialize;

use crate::tune::front::{chebyshev, front, ranges};
use crate::tune::propose::Models;
use crate::tune::space::PatchLine;
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
    /// The names of the objectives, in the order of the values below.
    pub objectives: Vec<String>,
    /// The names of the limits, in the order of the values below.
    pub limits: Vec<String>,
    /// The trials that no other one is expected to better in every objective, from the
    /// first objective's best on.
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
        /// The limits it exceeds.
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
    /// measured: of many noisy measurements the best is mostly a lucky one.
    pub fn report(&self, overlay: &Overlay) -> TuneReport {
        let expected = self.expected();
        let lawful: Vec<usize> = self.lawful();
        let costs: Vec<_> = lawful.iter().filter_map(|it| expected.get(*it)?.clone()).collect();
        let at_front = front(&costs.iter().map(|it| means(it)).collect::<Vec<_>>());
        let mut on_front: Vec<_> =
            at_front.iter().filter_map(|it| lawful.get(*it).copied()).collect();
        let first = |it: &usize| {
            expected.get(*it).and_then(|it| Some(it.as_ref()?.first()?.0)).unwrap_or_default()
        };
        on_front.sort_by(|a, b| first(a).total_cmp(&first(b)));
        let chosen = choose(&lawful, &costs);
        let finding = self.finding(chosen);
        let chosen = chosen.filter(|_| finding == Finding::Candidate);
        let candidate = chosen.and_then(|it| self.trials.get(it));
        TuneReport {
            schema: "overlay-tune-report/1",
            finding,
            chosen,
            patch: candidate.map_or_else(Vec::new, |it| self.space.patch(overlay, &it.candidate)),
            objectives: self.plan.objectives.iter().map(|it| it.name.clone()).collect(),
            limits: self.plan.limits.iter().map(|it| it.name.clone()).collect(),
            front: on_front,
            trials: self.rows(&expected),
            runs: self.runs(),
            budget: self.plan.budget,
            seed: self.plan.seed,
        }
    }

    /// For each trial the expected costs, `None` where there is nothing to expect.
    fn expected(&self) -> Vec<Option<Vec<(f64, f64)>>> {
        let models = Models::of(&self.space, &self.plan, &self.trials, &self.hypers);
        let expect = |trial: &Trial| {
            if trial.runs() == 0 {
                return None;
            }
            let place = self.space.place(&trial.candidate);
            Some(models.as_ref()?.costs(&place).iter().map(|it| (it.mean, it.sd)).collect())
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
        let exceeds = rows.filter(|(at, it)| trial.worst(*at).is_some_and(|w| w > it.at_most));
        Some(Finding::Infeasible {
            nearest,
            exceeds: exceeds.map(|it| it.1.name.clone()).collect(),
        })
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

fn means(beliefs: &[(f64, f64)]) -> Vec<f64> {
    beliefs.iter().map(|it| it.0).collect()
}

/// The trial of least expected cost; of several costs, the one whose largest share of its
/// range is least.
fn choose(lawful: &[usize], costs: &[Vec<(f64, f64)>]) -> Option<usize> {
    let means: Vec<_> = costs.iter().map(|it| means(it)).collect();
    let ranges = ranges(&means);
    let weights = vec![1.0; ranges.len()];
    let rated = lawful.iter().zip(&means).map(|(it, costs)| match costs.as_slice() {
        [only] => (*only, *it),
        _ => (chebyshev(costs, &ranges, &weights), *it),
    });
    rated.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))).map(|it| it.1)
}
