//! Problems whose optimum is known, to measure the tuner on.

use overlay_optimizer::{
    Aim, Ask, Candidate, Dimension, Measured, Objective, Question, Space, TunePlan, Tuner,
    WeightedScenario,
};

use crate::dice::Dice;

/// Costs of a point, whose words are numbers, on a scenario.
pub type Costs = Box<dyn Fn(&[f64], usize) -> Vec<f64>>;

/// A function with a known optimum of 0, for each scenario and objective.
pub struct Problem {
    /// The points.
    pub space: Space,
    /// The weights of the scenarios.
    pub scenarios: Vec<f64>,
    /// How many costs there are.
    pub objectives: usize,
    /// The costs.
    pub costs: Costs,
    /// The standard deviation of what is added to each cost.
    pub noise: f64,
}

impl std::fmt::Debug for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Problem").field("scenarios", &self.scenarios).finish_non_exhaustive()
    }
}

const WORDS: [&str; 4] = ["0", "1", "2", "3"];

/// A space of numbers from 0 to 1, then of words, starting anywhere.
pub(crate) fn space(numbers: usize, words: usize, dice: &mut Dice) -> Space {
    let number = |at: usize| {
        let start = format!("{:.3}", (dice.below(1001) as f64) / 1000.0);
        Dimension::steps(format!("X{at}").parse().unwrap(), (0.0, 1.0), 0.001, &start).unwrap()
    };
    let mut dimensions: Vec<_> = (0..numbers).map(number).collect();
    for at in 0..words {
        let key = format!("W{at}").parse().unwrap();
        dimensions.push(Dimension::words(key, &WORDS, "0").unwrap());
    }
    Space::new(dimensions).unwrap()
}

impl Problem {
    fn point(&self, candidate: &Candidate) -> Vec<f64> {
        self.space.values(candidate).map(|(_, text)| text.parse().unwrap()).collect()
    }

    /// The weighted mean over the scenarios, without noise.
    pub fn truth(&self, candidate: &Candidate) -> Vec<f64> {
        let point = self.point(candidate);
        let total: f64 = self.scenarios.iter().sum();
        let mut res = vec![0.0; self.objectives];
        for (scenario, weight) in self.scenarios.iter().enumerate() {
            for (sum, cost) in res.iter_mut().zip((self.costs)(&point, scenario)) {
                *sum += weight / total * cost;
            }
        }
        res
    }

    fn measure(&self, candidate: &Candidate, scenario: usize, dice: &mut Dice) -> Vec<f64> {
        let costs = (self.costs)(&self.point(candidate), scenario);
        costs.iter().map(|it| it + self.noise * dice.normal()).collect()
    }

    /// The plan of a run with so many evaluations.
    pub fn plan(&self, budget: usize, seed: u64) -> TunePlan {
        let objective = |at| Objective { name: format!("f{at}"), aim: Aim::Least };
        let scenario =
            |(at, weight): (usize, &f64)| WeightedScenario { id: at.to_string(), weight: *weight };
        TunePlan {
            objectives: (0..self.objectives).map(objective).collect(),
            limits: vec![],
            scenarios: self.scenarios.iter().enumerate().map(scenario).collect(),
            budget,
            seed,
            stop_below: None,
            starts: vec![],
            pool: None,
            basis: None,
        }
    }

    /// Tunes until the budget is used up.
    pub fn tune(&self, budget: usize, seed: u64) -> Tuner {
        let mut dice = Dice(seed ^ 0xabcd);
        let mut tuner = Tuner::new(self.space.clone(), self.plan(budget, seed)).unwrap();
        while let Ask::Evaluate(question) = tuner.ask() {
            let measured = self.answer(&question, &mut dice);
            tuner.tell(question.trial, &measured).unwrap();
        }
        tuner
    }

    /// What a question comes to.
    pub fn answer(&self, question: &Question, dice: &mut Dice) -> Vec<Measured> {
        let measured = question.scenarios.iter().map(|id| Measured {
            scenario: id.clone(),
            objectives: self.measure(&question.candidate, id.parse().unwrap(), dice),
            limits: vec![],
        });
        measured.collect()
    }

    /// What the candidate that a tuner chooses costs above the optimum.
    pub fn tuned_regret(&self, budget: usize, seed: u64) -> f64 {
        let tuner = self.tune(budget, seed);
        let report = tuner.report(&overlay_model::Overlay::default());
        self.truth(&candidates(&tuner)[report.chosen.unwrap_or(0)])[0]
    }

    /// Candidates at random, each evaluated on every scenario: what was seen of each, and
    /// what is true.
    pub fn random(&self, budget: usize, dice: &mut Dice) -> Vec<(Vec<f64>, Vec<f64>)> {
        let total: f64 = self.scenarios.iter().sum();
        let draws = (0..budget / self.scenarios.len()).map(|_| {
            let point: Vec<_> = self
                .space
                .dimensions()
                .iter()
                .map(|it| {
                    let levels: Vec<_> = it.levels().collect();
                    levels[dice.below(levels.len())].parse().unwrap()
                })
                .collect();
            let (mut seen, mut truth) = (vec![0.0; self.objectives], vec![0.0; self.objectives]);
            for (scenario, weight) in self.scenarios.iter().enumerate() {
                for (at, cost) in (self.costs)(&point, scenario).into_iter().enumerate() {
                    truth[at] += weight / total * cost;
                    seen[at] += weight / total * (cost + self.noise * dice.normal());
                }
            }
            (seen, truth)
        });
        draws.collect()
    }

    /// What the best of random candidates costs above the optimum.
    pub fn random_regret(&self, budget: usize, seed: u64) -> f64 {
        let mut found = self.random(budget, &mut Dice(seed));
        found.sort_by(|a, b| a.0[0].total_cmp(&b.0[0]));
        found[0].1[0]
    }
}

/// The candidates of the trials, read off the journal.
pub fn candidates(tuner: &Tuner) -> Vec<Candidate> {
    let mut res = Vec::new();
    for line in tuner.journal() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let asked = &line["asked"];
        if asked["trial"].as_u64() == Some(res.len() as u64) {
            res.push(serde_json::from_value(asked["candidate"].clone()).unwrap());
        }
    }
    res
}
