use serde::Serialize;
use thiserror::Error;

use crate::tune::gp::Hyper;
use crate::tune::journal::{self, Line};
use crate::tune::plan::{PlanError, TunePlan};
use crate::tune::propose::{DESIGN, Models, Proposal, listed, propose};
use crate::tune::prune::Choice;
use crate::tune::race::{hopeless, rounds};
use crate::tune::random::Stream;
use crate::tune::space::{Candidate, Space};
use crate::tune::trial::{LARGEST, Measured, Outcome, Trial, TrialStatus};

/// A search for better settings that asks for evaluations and is told what came of them.
///
/// What is asked depends on space, plan and answers alone: the same answers to the same
/// plan give the same questions, bit for bit on one machine, whether or not the run was
/// interrupted.
#[derive(Clone, Debug)]
pub struct Tuner {
    pub(crate) space: Space,
    pub(crate) plan: TunePlan,
    pub(crate) trials: Vec<Trial>,
    pub(crate) hypers: Vec<Hyper>,
    /// The candidates to try before a model says which.
    design: Vec<Candidate>,
    pub(crate) pending: Option<Question>,
    pub(crate) journal: Vec<String>,
}

/// What is to be evaluated.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Question {
    /// The number of the trial, from 0; trial 0 is the overlay as it is.
    pub trial: usize,
    /// The candidate.
    pub candidate: Candidate,
    /// The scenarios to evaluate it on now.
    pub scenarios: Vec<String>,
}

/// What a tuner wants next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Ask {
    /// Evaluate this, then tell.
    Evaluate(Question),
    /// Nothing: the run is over.
    Done(Stop),
}

/// Why a run is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// The budget does not reach for another round.
    Budget,
    /// Every candidate was tried.
    Exhausted,
    /// Less is to be gained than the plan asks for.
    NoGain,
}

/// Why an answer is refused. Nothing of it is kept.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum TellError {
    /// Nobody asked for it.
    #[error("trial {0} was not asked for")]
    NotAsked(usize),
    /// Other scenarios than the ones asked for.
    #[error("the answer is about the scenarios {told:?}, asked were {asked:?}")]
    Scenarios {
        /// The scenarios of the answer.
        told: Vec<String>,
        /// The ones asked for.
        asked: Vec<String>,
    },
    /// Too few values or too many.
    #[error("scenario `{scenario}` has {told} values of {what}, the plan {planned}")]
    Count {
        /// The scenario.
        scenario: String,
        /// Objectives or limits.
        what: &'static str,
        /// How many were told.
        told: usize,
        /// How many the plan has.
        planned: usize,
    },
    /// NaN or infinite.
    #[error("`{measure}` of scenario `{scenario}` is {value}: only finite numbers can be compared")]
    NotFinite {
        /// The scenario.
        scenario: String,
        /// The objective or limit.
        measure: String,
        /// The value.
        value: f64,
    },
    /// Finite, and nothing to reckon with.
    #[error(
        "`{measure}` of scenario `{scenario}` is {value:e}: nothing beyond {LARGEST:e} can be added up"
    )]
    TooLarge {
        /// The scenario.
        scenario: String,
        /// The objective or limit.
        measure: String,
        /// The value.
        value: f64,
    },
}

impl Tuner {
    /// A tuner that has asked nothing yet.
    ///
    /// # Errors
    ///
    /// Where the plan cannot be carried out in `space`.
    pub fn new(space: Space, plan: TunePlan) -> Result<Self, PlanError> {
        plan.check()?;
        if !plan.starts.iter().chain(plan.pool.iter().flatten()).all(|it| space.holds(it)) {
            return Err(PlanError::Foreign);
        }
        let design = design(&space, &plan);
        let journal = vec![journal::header(&space, &plan)];
        let (trials, hypers) = (Vec::new(), Vec::new());
        Ok(Self { space, plan, trials, hypers, design, pending: None, journal })
    }

    /// The space.
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// The plan.
    pub fn plan(&self) -> &TunePlan {
        &self.plan
    }

    /// The lines of the journal so far, without line ends. They only grow: a caller
    /// appends those it does not have yet.
    pub fn journal(&self) -> &[String] {
        &self.journal
    }

    /// How many evaluations of one candidate on one scenario were told.
    pub fn runs(&self) -> usize {
        self.trials.iter().map(Trial::runs).sum()
    }

    /// What to evaluate next. Asked again before it is told, it says the same.
    pub fn ask(&mut self) -> Ask {
        if let Some(question) = &self.pending {
            return Ask::Evaluate(question.clone());
        }
        let question = match self.next_round() {
            Some(question) => question,
            None => match self.next_trial() {
                Ok(question) => question,
                Err(stop) => return Ask::Done(stop),
            },
        };
        self.put(question.clone());
        self.journal.push(Line::asked(self, &question).text());
        Ask::Evaluate(question)
    }

    /// Takes the answer to the question asked last.
    ///
    /// # Errors
    ///
    /// Where it is an answer to another question, incomplete, or not finite.
    pub fn tell(&mut self, trial: usize, measured: &[Measured]) -> Result<(), TellError> {
        self.take(trial, measured)?;
        self.journal.push(Line::Told { trial, measured: measured.to_vec() }.text());
        Ok(())
    }

    /// Takes note that there is no evaluation of the candidate asked for: no recording,
    /// or a command that failed. It is not asked for again, and costs nothing.
    ///
    /// # Errors
    ///
    /// Where the trial was not asked for.
    pub fn unavailable(&mut self, trial: usize, reason: &str) -> Result<(), TellError> {
        self.give_up(trial, reason)?;
        self.journal.push(Line::Unavailable { trial, reason: reason.to_owned() }.text());
        Ok(())
    }

    pub(crate) fn give_up(&mut self, trial: usize, reason: &str) -> Result<(), TellError> {
        if self.pending.take_if(|it| it.trial == trial).is_none() {
            return Err(TellError::NotAsked(trial));
        }
        if let Some(it) = self.trials.get_mut(trial) {
            it.seen.iter_mut().for_each(|it| *it = None);
            it.status = TrialStatus::Unavailable(reason.to_owned());
        }
        Ok(())
    }

    /// Makes `question` the one that waits for its answer.
    pub(crate) fn put(&mut self, question: Question) {
        if question.trial == self.trials.len() {
            self.trials.push(Trial::new(question.candidate.clone(), self.plan.scenarios.len()));
        }
        self.pending = Some(question);
    }

    pub(crate) fn take(&mut self, trial: usize, measured: &[Measured]) -> Result<(), TellError> {
        let Some(question) = self.pending.as_ref().filter(|it| it.trial == trial) else {
            return Err(TellError::NotAsked(trial));
        };
        self.check(question, measured)?;
        let (plan, trials) = (&self.plan, &mut self.trials);
        let Some(own) = trials.get_mut(trial) else { return Err(TellError::NotAsked(trial)) };
        for (row, seen) in plan.scenarios.iter().zip(&mut own.seen) {
            if let Some(it) = measured.iter().find(|it| it.scenario == row.id) {
                let costs = plan.objectives.iter().zip(&it.objectives);
                let costs = costs.map(|(objective, value)| objective.aim.cost(*value)).collect();
                *seen = Some(Outcome { costs, limits: it.limits.clone() });
            }
        }
        self.pending = None;
        self.judge(trial);
        Ok(())
    }

    fn check(&self, question: &Question, measured: &[Measured]) -> Result<(), TellError> {
        let mut told: Vec<_> = measured.iter().map(|it| it.scenario.clone()).collect();
        let mut asked = question.scenarios.clone();
        told.sort();
        asked.sort();
        if told != asked {
            return Err(TellError::Scenarios { told, asked });
        }
        let objectives: Vec<_> = self.plan.objectives.iter().map(|it| &it.name).collect();
        let limits: Vec<_> = self.plan.limits.iter().map(|it| &it.name).collect();
        for it in measured {
            values(&it.scenario, "objectives", &it.objectives, &objectives)?;
            values(&it.scenario, "limits", &it.limits, &limits)?;
        }
        Ok(())
    }

    /// Says of a trial whether it goes on.
    fn judge(&mut self, number: usize) {
        let Some(trial) = self.trials.get(number) else { return };
        let is_whole = trial.seen.iter().all(Option::is_some);
        // The overlay as it is, is what all others are measured by.
        let status = match hopeless(trial, &self.trials, &self.plan).filter(|_| number > 0) {
            _ if is_whole => TrialStatus::Complete,
            Some(reason) => TrialStatus::Stopped(reason),
            None => TrialStatus::Open,
        };
        if let Some(trial) = self.trials.get_mut(number) {
            trial.status = status;
        }
    }

    /// The scenarios that the open trial goes on with.
    fn next_round(&self) -> Option<Question> {
        let (number, trial) = self.trials.iter().enumerate().next_back()?;
        if trial.status != TrialStatus::Open {
            return None;
        }
        let is_left = |it: &usize| trial.seen.get(*it).is_some_and(Option::is_none);
        let round = rounds(&self.plan).into_iter().find(|it| it.iter().any(is_left))?;
        self.question(number, &trial.candidate, &round)
    }

    fn next_trial(&mut self) -> Result<Question, Stop> {
        let number = self.trials.len();
        let first = match number {
            0 => (0..self.plan.scenarios.len()).collect(),
            _ => rounds(&self.plan).into_iter().next().unwrap_or_default(),
        };
        let candidate = match self.designed() {
            Some(candidate) => candidate,
            None => self.modelled()?,
        };
        self.question(number, &candidate, &first).ok_or(Stop::Budget)
    }

    fn question(&self, trial: usize, candidate: &Candidate, round: &[usize]) -> Option<Question> {
        let rows = round.iter().filter_map(|it| self.plan.scenarios.get(*it));
        let scenarios: Vec<_> = rows.map(|it| it.id.clone()).collect();
        let left = self.plan.budget.saturating_sub(self.runs());
        let candidate = candidate.clone();
        (scenarios.len() <= left).then_some(Question { trial, candidate, scenarios })
    }

    /// The next candidate of the design that was not tried.
    fn designed(&self) -> Option<Candidate> {
        let is_new = |it: &&Candidate| !self.trials.iter().any(|trial| trial.candidate == **it);
        self.design.iter().find(is_new).cloned()
    }

    fn modelled(&mut self) -> Result<Candidate, Stop> {
        let models = Models::of(&self.space, &self.plan, &self.trials, &self.hypers);
        let Some(models) = models else { return self.any().ok_or(Stop::Exhausted) };
        let pruned = || {
            let choice = Choice::of(&self.space, &self.plan, &self.trials, &models)?;
            choice.pruned(&self.space, &self.plan, &self.trials, &models)
        };
        let searched = || {
            let proposal = propose(&self.space, &self.plan, &self.trials, &models);
            let Proposal { candidate, gain } = proposal.ok_or(Stop::Exhausted)?;
            match (gain, self.plan.stop_below) {
                (Some(gain), Some(least)) if gain < least => Err(Stop::NoGain),
                _ => Ok(candidate),
            }
        };
        // What is left of the best goes before another search, and after the last one.
        let early = if self.is_late() { pruned() } else { None };
        let candidate = match early {
            Some(candidate) => candidate,
            None => searched().or_else(|stop| pruned().ok_or(stop))?,
        };
        // Kept only with the question they led to, which the journal holds too.
        self.hypers = models.hypers;
        Ok(candidate)
    }

    /// Whether the last tenth of the budget is reached, which goes to seeing what the best
    /// candidate can do without; with several objectives a thirtieth, since the one chosen
    /// is only a part of what is sought.
    fn is_late(&self) -> bool {
        let scenarios = self.plan.scenarios.len().max(1);
        let left = self.plan.budget.saturating_sub(self.runs());
        let share = if self.plan.objectives.len() > 1 { 30 } else { 10 };
        left / scenarios <= (self.plan.budget / scenarios / share).max(1)
    }

    /// Any candidate that was not tried, where no model can be made.
    fn any(&self) -> Option<Candidate> {
        let is_new = |it: &Candidate| !self.trials.iter().any(|trial| trial.candidate == *it);
        let mut random = Stream::new(self.plan.seed, DESIGN, 1 + self.trials.len() as u64);
        match listed(&self.space, &self.plan) {
            Some(pool) => pool.into_iter().find(is_new),
            None => (0..1000).map(|_| self.space.random(&mut random)).find(is_new),
        }
    }
}

/// The overlay as it is, the starts of the plan, and some that visit the whole space.
fn design(space: &Space, plan: &TunePlan) -> Vec<Candidate> {
    let mut res = vec![space.start()];
    res.extend(plan.starts.iter().cloned());
    let mut random = Stream::new(plan.seed, DESIGN, 0);
    let whole = plan.budget / plan.scenarios.len().max(1);
    // Several objectives have a model each, which learn from the search as well; with one
    // and noise a short look around gets stuck (regret on the noisy problem of
    // `benches/examples/figures` 0.09 or 0.23, on the seeds 1 to 21, which is why others are
    // shown).
    let share = if plan.objectives.len() > 1 { 2 } else { 1 };
    let count = (space.dimensions().len() / share + 2).min(whole / 3).max(3);
    match listed(space, plan) {
        Some(pool) => {
            let order = random.shuffled(pool.len());
            res.extend(order.iter().take(count).filter_map(|it| pool.get(*it).cloned()));
        }
        None => res.extend(space.spread(count, &mut random)),
    }
    res
}

fn values(
    scenario: &str,
    what: &'static str,
    told: &[f64],
    planned: &[&String],
) -> Result<(), TellError> {
    let scenario = scenario.to_owned();
    if told.len() != planned.len() {
        let (told, planned) = (told.len(), planned.len());
        return Err(TellError::Count { scenario, what, told, planned });
    }
    match told.iter().zip(planned).find(|(value, _)| value.is_nan() || value.abs() > LARGEST) {
        Some((value, measure)) => {
            let (measure, value) = ((*measure).clone(), *value);
            Err(match value.is_finite() {
                true => TellError::TooLarge { scenario, measure, value },
                false => TellError::NotFinite { scenario, measure, value },
            })
        }
        None => Ok(()),
    }
}
