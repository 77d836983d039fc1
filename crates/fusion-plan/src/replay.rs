use overlay_model::Digest;
use overlay_schema::{FusionMode, Monitoring, Providers, SecurityMode};

use crate::checks::Checks;
use crate::judge::{Candidate, Judgement, clusters};
use crate::plan::{Call, ExecutionPlan, Step};
use crate::render::request_key;
use crate::run::{Answer, CallRecord, MissingAnswer, Outcome, TrustTerms};
use crate::trust::{as_f64, round4};

/// The spread from which on a person should look.
const REVIEW_ENTROPY: f64 = 0.72;

/// A plan on its way: it says which calls to make, is told the answers, and judges.
///
/// It knows no provider and no clock, so that recorded and live answers take the same way.
#[derive(Debug)]
pub struct Run<'p> {
    plan: &'p ExecutionPlan,
    providers: &'p Providers,
    checks: Checks<'p>,
    step: usize,
    /// The calls of the step so far; a call's place is its ticket.
    slots: Vec<Slot<'p>>,
    /// The longest call since the last question; `None` where one has no recorded time.
    batch_ms: Option<f64>,
    /// Recorded time up to then.
    elapsed: Option<f64>,
    calls: Vec<CallRecord>,
    trace: Vec<String>,
    units: f64,
    unpriced: Vec<String>,
    settled: bool,
}

#[derive(Debug)]
enum Slot<'p> {
    Open(&'p Call),
    Lost,
    Here(Box<Candidate<'p>>),
}

impl<'p> Slot<'p> {
    fn candidate(&self) -> Option<&Candidate<'p>> {
        match self {
            Self::Here(candidate) => Some(candidate),
            Self::Open(_) | Self::Lost => None,
        }
    }
}

/// What a [`Run`] wants.
#[derive(Debug)]
pub enum Next<'p> {
    /// Make these calls; they may run side by side.
    Ask(Vec<Asked<'p>>),
    /// Calls are open: [`Run::tell`] their answers first.
    Wait,
    /// All is known: [`Run::finish`].
    Done,
}

/// One call to make.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'p> {
    /// Its number in the step, for [`Run::tell`].
    pub ticket: usize,
    /// The call.
    pub call: &'p Call,
    /// The key under which its answer is recorded.
    pub key: Digest,
}

impl<'p> Run<'p> {
    /// The run of `plan`, before its first call. A rule that cannot be evaluated fails on
    /// every answer; [`Checks::compile`] names it.
    pub fn new(plan: &'p ExecutionPlan, providers: &'p Providers) -> Self {
        Self {
            plan,
            providers,
            checks: Checks::compile(&plan.rules).0,
            step: 0,
            slots: Vec::new(),
            batch_ms: Some(0.0),
            elapsed: Some(0.0),
            calls: Vec::new(),
            trace: Vec::new(),
            units: 0.0,
            unpriced: Vec::new(),
            settled: false,
        }
    }

    /// What is wanted next: calls, patience, or nothing more.
    #[expect(
        clippy::should_implement_trait,
        reason = "no iterator: answers are told between two questions"
    )]
    pub fn next(&mut self) -> Next<'p> {
        if self.slots.iter().any(|it| matches!(it, Slot::Open(_))) {
            return Next::Wait;
        }
        self.elapsed = self.elapsed.zip(self.batch_ms.replace(0.0)).map(|(a, b)| a + b);
        while !self.settled {
            let Some(step) = self.plan.steps.get(self.step) else { break };
            let wanted = self.wanted(step);
            if wanted > 0 {
                return Next::Ask(self.ask(step, wanted));
            }
            if self.is_last() || self.accepts() {
                break;
            }
            self.step += 1;
            self.slots.clear();
        }
        self.settled = true;
        Next::Done
    }

    /// Tells the answer to a call; an answer to a call that is not open has no effect.
    pub fn tell(&mut self, ticket: usize, answer: Answer) {
        let Some(slot) = self.slots.get_mut(ticket) else { return };
        let Slot::Open(call) = *slot else { return };
        self.batch_ms = self.batch_ms.zip(answer.e2e_ms).map(|(a, b)| a.max(b));
        if self.plan.monitoring == Monitoring::Comprehensive {
            let answer = Digest::of(answer.text.as_bytes());
            self.trace.push(format!("{} {answer}", request_key(call)));
        }
        let candidate = Candidate::new(self.plan, &self.checks, self.providers, call, answer);
        match candidate.units {
            Some(units) => self.units += units,
            None if self.unpriced.contains(&call.request.model) => (),
            None => self.unpriced.push(call.request.model.clone()),
        }
        *slot = Slot::Here(Box::new(candidate));
    }

    /// Tells that a call brings no answer: it failed, or came too late.
    pub fn lose(&mut self, ticket: usize) {
        if let Some(slot) = self.slots.get_mut(ticket)
            && matches!(slot, Slot::Open(_))
        {
            *slot = Slot::Lost;
            self.batch_ms = None;
        }
    }

    /// What came of it: after [`Next::Done`] the outcome, before it what is known so far.
    pub fn finish(self) -> Outcome {
        let candidates = self.candidates();
        let judgement = Judgement::of(self.plan, &candidates, self.elapsed);
        let accepted = self.accepts();
        let step = self.plan.steps.get(self.step);
        let drawn = candidates.len();
        let mut outcome = Outcome {
            answer: String::new(),
            accepted,
            model: String::new(),
            step: self.step,
            samples_used: drawn,
            stopped_early: drawn > 0 && step.is_some_and(|it| self.slots.len() < it.calls.len()),
            trust: None,
            terms: TrustTerms::default(),
            entropy: None,
            share: 0.0,
            review: false,
            votes: Vec::new(),
            checks: Vec::new(),
            units: (self.units * 100.0).round() / 100.0,
            unpriced: self.unpriced.clone(),
            stage_ms: self.elapsed.filter(|_| self.plan.monitoring != Monitoring::Off).map(round4),
            logged_question: logged_question(self.plan),
            calls: Vec::new(),
            trace: Vec::new(),
        };
        if let Some(judged) = judgement
            && let Some(best) = candidates.get(judged.best)
        {
            if accepted {
                outcome.answer.clone_from(&best.answer.text);
            }
            outcome.model.clone_from(&best.call.request.model);
            outcome.checks.clone_from(&best.checks);
            outcome.trust = judged.trust;
            outcome.terms = judged.terms;
            outcome.entropy = judged.entropy;
            outcome.share = judged.share;
            outcome.review = judged.entropy.is_some_and(|it| it > REVIEW_ENTROPY);
            outcome.votes = judged.votes;
        }
        outcome.calls = self.calls;
        outcome.trace = self.trace;
        outcome
    }

    fn candidates(&self) -> Vec<&Candidate<'p>> {
        self.slots.iter().filter_map(Slot::candidate).collect()
    }

    fn is_last(&self) -> bool {
        self.step + 1 >= self.plan.steps.len()
    }

    fn ask(&mut self, step: &'p Step, wanted: usize) -> Vec<Asked<'p>> {
        let from = self.slots.len();
        let mut asked = Vec::with_capacity(wanted);
        for (ticket, call) in step.calls.iter().enumerate().skip(from).take(wanted) {
            let key = request_key(call);
            let model = call.request.model.clone();
            self.calls.push(CallRecord { key, model, sample: call.sample });
            self.slots.push(Slot::Open(call));
            asked.push(Asked { ticket, call, key });
        }
        asked
    }

    /// How many calls of the step are wanted before it can be judged.
    fn wanted(&self, step: &Step) -> usize {
        let left = step.calls.len().saturating_sub(self.slots.len());
        if self.slots.is_empty() {
            return step.first.clamp(1, left.max(1)).min(left);
        }
        let more = match self.plan.mode {
            FusionMode::QualityFirst => !self.agrees(),
            FusionMode::AdaptiveRouting => self.asks_for_agreement() && !self.agrees(),
            FusionMode::BaselineOnly | FusionMode::SpeedOptimized | FusionMode::EfficiencyMode => {
                false
            }
        };
        usize::from(more).min(left)
    }

    /// Whether enough candidates say the same: 1 − share ≤ `ENTROPY_FLOOR`, from two on.
    fn agrees(&self) -> bool {
        let candidates = self.candidates();
        let clusters = clusters(&candidates);
        let share = as_f64(clusters.largest()) / as_f64(candidates.len().max(1));
        clusters.measured && 1.0 - share <= self.plan.entropy_floor + 1e-9
    }

    /// Whether no check applies, and further candidates can still show agreement.
    fn asks_for_agreement(&self) -> bool {
        let candidates = self.candidates();
        !candidates.is_empty()
            && candidates.iter().all(|it| it.unchecked())
            && (candidates.len() < 2 || clusters(&candidates).measured)
    }

    /// Whether the step's best candidate may be used.
    ///
    /// Trust that stays unknown, because no check applies and agreement cannot be measured,
    /// is no reason to accept while a cascade has a stronger model to ask; where it has
    /// none, or the mode asks for no second opinion, nothing speaks against the answer.
    fn accepts(&self) -> bool {
        let candidates = self.candidates();
        let Some(judged) = Judgement::of(self.plan, &candidates, self.elapsed) else {
            return false;
        };
        let acceptable = candidates.get(judged.best).is_some_and(|it| it.acceptable());
        let unknown_passes = self.is_last() || self.plan.mode != FusionMode::AdaptiveRouting;
        acceptable && judged.trust.map_or(unknown_passes, |it| it >= self.plan.trust_floor)
    }
}

/// The question as records keep it.
fn logged_question(plan: &ExecutionPlan) -> String {
    let call = plan.steps.first().and_then(|step| step.calls.first());
    let question = call.and_then(|it| it.request.messages.last()).map(|it| it.content.as_str());
    let question = question.unwrap_or_default();
    match plan.security {
        SecurityMode::Off => question.to_owned(),
        SecurityMode::Enhanced => Digest::of(question.as_bytes()).to_string(),
    }
}

/// Runs `plan` on recorded answers. `answers` is asked only for the calls that the plan
/// comes to make, in order, with the key of each.
///
/// # Errors
///
/// Where an answer that the plan asks for is not recorded: nothing is guessed.
pub fn replay(
    plan: &ExecutionPlan,
    providers: &Providers,
    answers: &mut dyn FnMut(&Call, &Digest) -> Option<Answer>,
) -> Result<Outcome, MissingAnswer> {
    let mut run = Run::new(plan, providers);
    while let Next::Ask(calls) = run.next() {
        for Asked { ticket, call, key } in calls {
            match answers(call, &key) {
                Some(answer) => run.tell(ticket, answer),
                None => return Err(MissingAnswer { call: Box::new(call.clone()), key }),
            }
        }
    }
    Ok(run.finish())
}
