//! What a scenario comes to now: both sides planned and replayed.

use std::collections::{BTreeMap, HashMap};

use fusion_plan::{
    BrokenRule, Call, Encoding, ExecutionPlan, MissingAnswer, Models, Outcome, Request, compile,
    count, prompt_tokens, replay, request_key,
};
use overlay_model::{Digest, Scenario};

use crate::cassette::{Cassette, Interaction, Line, Recorder};
use crate::golden::{Golden, GoldenSide, GoldenSides, Lengths, SCHEMA_VERSION, Tokens};
use crate::rules;
use crate::sides::{SideSettings, Sides, hex16};

/// A scenario as it replays now.
pub(crate) struct Observed<'s> {
    pub(crate) scenario: &'s Scenario,
    pub(crate) selection: Vec<String>,
    pub(crate) baseline: Seen<'s>,
    /// `None` where no overlay answers: the baseline does.
    pub(crate) overlay: Option<Seen<'s>>,
    /// The digests of the parts of the scenario.
    pub(crate) parts: BTreeMap<String, String>,
}

/// One side as it replays now.
pub(crate) struct Seen<'s> {
    pub(crate) settings: &'s SideSettings<'s>,
    pub(crate) result: Result<Replayed, Unseen>,
}

/// A side that was replayed to its end.
pub(crate) struct Replayed {
    pub(crate) plan: ExecutionPlan,
    /// The keys of all calls of the plan, in order.
    pub(crate) keys: Vec<Digest>,
    pub(crate) outcome: Outcome,
    /// The answer, whether or not it was accepted.
    pub(crate) answer: String,
    pub(crate) tokens: Option<Tokens>,
}

/// Why a side came to no outcome.
pub(crate) enum Unseen {
    /// No plan can be made.
    Settings(String),
    /// Recordings are missing.
    Stale { plan: Box<ExecutionPlan>, keys: Vec<Digest>, missing: MissingAnswer },
}

/// The recordings of a cassette by key.
pub(crate) type Recordings<'c> = HashMap<Digest, &'c Interaction>;

/// Plans both sides of `scenario` and replays them from `cassette`.
pub(crate) fn observe<'s>(
    sides: &'s Sides<'_>,
    scenario: &'s Scenario,
    cassette: &Cassette,
    tokens: bool,
) -> Option<Observed<'s>> {
    let choice = sides.choice(scenario)?;
    let recordings = by_key(cassette);
    let question = scenario.question();
    let side = |settings: &'s SideSettings<'s>| Seen {
        result: run(sides, settings, scenario, &question, &recordings, tokens),
        settings,
    };
    let overlay = match &choice.overlay {
        Some(name) => Some(side(sides.settings(Some(name), scenario)?)),
        None => None,
    };
    Some(Observed {
        baseline: side(sides.settings(None, scenario)?),
        overlay,
        selection: choice.reasons.clone(),
        parts: parts(scenario, &question),
        scenario,
    })
}

/// The plan of one side of `scenario`.
pub(crate) fn plan_of(
    sides: &Sides<'_>,
    side: &SideSettings<'_>,
    scenario: &Scenario,
    question: &str,
) -> Result<ExecutionPlan, String> {
    let request = Request {
        overlay: side.overlay.clone(),
        question,
        turns: &scenario.turns,
        pinned: &scenario.pinned,
        rules: &scenario.expect,
        scenario_type: scenario.kind(),
        spent_today: 0.0,
        now_hours: 0.0,
    };
    planned(sides, side, &request)
}

/// The plan of one side without a scenario: what it sends before anything is asked.
pub(crate) fn plan_alone(
    sides: &Sides<'_>,
    side: &SideSettings<'_>,
) -> Result<ExecutionPlan, String> {
    let request = Request {
        overlay: side.overlay.clone(),
        question: "",
        turns: &[],
        pinned: &[],
        rules: &[],
        scenario_type: "",
        spent_today: 0.0,
        now_hours: 0.0,
    };
    planned(sides, side, &request)
}

fn planned(
    sides: &Sides<'_>,
    side: &SideSettings<'_>,
    request: &Request<'_>,
) -> Result<ExecutionPlan, String> {
    let settings = side.settings.as_ref().map_err(Clone::clone)?;
    let models =
        Models { providers: sides.suite.installation().providers(), ledger: &sides.ledger };
    compile(settings, side.micro.map(|(_, it)| it), &models, request).map_err(|err| err.to_string())
}

/// The calls of a plan, in order.
pub(crate) fn calls(plan: &ExecutionPlan) -> impl Iterator<Item = &Call> {
    plan.steps.iter().flat_map(|it| &it.calls)
}

/// A side that is no overlay of the installation, replayed from `cassette`.
pub(crate) fn replayed(
    sides: &Sides<'_>,
    side: &SideSettings<'_>,
    scenario: &Scenario,
    cassette: &Cassette,
) -> Result<Replayed, Unseen> {
    run(sides, side, scenario, &scenario.question(), &by_key(cassette), true)
}

fn by_key(cassette: &Cassette) -> Recordings<'_> {
    cassette.lines.iter().map(|it| (it.interaction.key, &it.interaction)).collect()
}

fn run(
    sides: &Sides<'_>,
    side: &SideSettings<'_>,
    scenario: &Scenario,
    question: &str,
    recordings: &Recordings<'_>,
    tokens: bool,
) -> Result<Replayed, Unseen> {
    let plan = plan_of(sides, side, scenario, question).map_err(Unseen::Settings)?;
    let keys: Vec<_> = calls(&plan).map(request_key).collect();
    let providers = sides.suite.installation().providers();
    let mut last = String::new();
    let replayed = replay(&plan, providers, &mut |_, key| {
        let recorded = recordings.get(key)?;
        last.clone_from(&recorded.response.text);
        Some(recorded.answer())
    });
    let outcome = match replayed {
        Ok(outcome) => outcome,
        Err(missing) => return Err(Unseen::Stale { plan: Box::new(plan), keys, missing }),
    };
    let answer = if outcome.accepted { outcome.answer.clone() } else { last };
    let tokens = tokens.then(|| tokens_of(sides, &plan, &answer)).flatten();
    Ok(Replayed { plan, keys, outcome, answer, tokens })
}

/// The vocabulary of the first model of a plan.
pub(crate) fn encoding(sides: &Sides<'_>, plan: &ExecutionPlan) -> Option<Encoding> {
    let call = calls(plan).next()?;
    sides.suite.installation().providers().model(&call.request.model)?.encoding.parse().ok()
}

fn tokens_of(sides: &Sides<'_>, plan: &ExecutionPlan, answer: &str) -> Option<Tokens> {
    let encoding = encoding(sides, plan)?;
    let prompt = prompt_tokens(&calls(plan).next()?.request, encoding);
    Some(Tokens { encoding: encoding.to_string(), prompt, output: count(encoding, answer) })
}

/// The digest of each part of a scenario that a verdict rests on.
fn parts(scenario: &Scenario, question: &str) -> BTreeMap<String, String> {
    // Rules and turns are plain data and always have a JSON form.
    let json = |value: Result<Vec<u8>, serde_json::Error>| hex16(&value.unwrap_or_default());
    let mut parts = BTreeMap::from([
        ("question".to_owned(), hex16(question.as_bytes())),
        ("type".to_owned(), hex16(scenario.kind().as_bytes())),
    ]);
    if !scenario.turns.is_empty() {
        parts.insert("turns".to_owned(), json(serde_json::to_vec(&scenario.turns)));
    }
    if !scenario.pinned.is_empty() {
        parts.insert("pinned".to_owned(), json(serde_json::to_vec(&scenario.pinned)));
    }
    for (number, rule) in (1..).zip(&scenario.expect) {
        let id = rules::name(rule, number);
        parts.insert(format!("rule {id}"), json(serde_json::to_vec(rule)));
    }
    parts
}

impl Seen<'_> {
    /// The keys of all calls of the plan; empty where there is no plan.
    pub(crate) fn keys(&self) -> &[Digest] {
        match &self.result {
            Ok(replayed) => &replayed.keys,
            Err(Unseen::Stale { keys, .. }) => keys,
            Err(Unseen::Settings(_)) => &[],
        }
    }

    /// The plan, where there is one.
    pub(crate) fn plan(&self) -> Option<&ExecutionPlan> {
        match &self.result {
            Ok(replayed) => Some(&replayed.plan),
            Err(Unseen::Stale { plan, .. }) => Some(plan),
            Err(Unseen::Settings(_)) => None,
        }
    }
}

impl Replayed {
    /// The side as a golden keeps it.
    pub(crate) fn golden(&self) -> GoldenSide {
        let outcome = &self.outcome;
        GoldenSide {
            mode: self.plan.mode.to_string(),
            model: outcome.model.clone(),
            requests: self.keys.clone(),
            calls: outcome.calls.clone(),
            accepted: outcome.accepted,
            samples_used: outcome.samples_used,
            trust: outcome.trust,
            entropy: outcome.entropy,
            votes: outcome.votes.clone(),
            answer: Digest::of(self.answer.as_bytes()),
            units: outcome.units,
            rules: outcome.checks.clone(),
            tokens: self.tokens.clone(),
        }
    }
}

impl Observed<'_> {
    /// The side that answers as the overlay.
    pub(crate) fn answering(&self) -> &Seen<'_> {
        self.overlay.as_ref().unwrap_or(&self.baseline)
    }

    /// The rules of the scenario, and of the overlay that answers, that cannot be evaluated.
    pub(crate) fn broken_rules(&self) -> Vec<BrokenRule> {
        self.answering().plan().map(|it| rules::broken(&it.rules)).unwrap_or_default()
    }

    /// Whether every call that was asked for is recorded.
    pub(crate) fn is_stale(&self) -> bool {
        let stale = |seen: &Seen<'_>| matches!(seen.result, Err(Unseen::Stale { .. }));
        stale(&self.baseline) || self.overlay.as_ref().is_some_and(stale)
    }

    /// The lines of `cassette` that the plans may use.
    pub(crate) fn lines<'c>(&self, cassette: &'c Cassette) -> Vec<&'c Line> {
        let (baseline, overlay) = (self.baseline.keys(), self.answering().keys());
        let used = |it: &&Line| {
            let key = it.interaction.key;
            baseline.contains(&key) || overlay.contains(&key)
        };
        cassette.lines.iter().filter(used).collect()
    }

    /// Whether `line` holds another sample of a request that a plan makes.
    pub(crate) fn is_spare(&self, line: &Line) -> bool {
        let plans = [self.baseline.plan(), self.answering().plan()];
        let mut calls = plans.into_iter().flatten().flat_map(calls);
        calls.any(|it| it.request == line.interaction.request)
    }

    /// The golden of what is seen, without history; `None` where a side came to nothing.
    pub(crate) fn golden(&self, cassette: &Cassette) -> Option<Golden> {
        let baseline = self.baseline.result.as_ref().ok()?;
        let overlay = self.answering().result.as_ref().ok()?;
        let settings = self.answering().settings;
        let overlay_output = if self.overlay.is_some() && overlay.outcome.accepted {
            &overlay.answer
        } else {
            &baseline.answer
        };
        let lines = self.lines(cassette);
        Some(Golden {
            schema_version: SCHEMA_VERSION.to_owned(),
            scenario_id: self.scenario.id.to_string(),
            overlay: settings.overlay.clone(),
            execution_metrics: lengths(&baseline.answer, overlay_output),
            baseline_output: baseline.answer.clone(),
            overlay_output: overlay_output.clone(),
            rules_validation: overlay
                .outcome
                .checks
                .iter()
                .map(|it| (it.id.clone(), it.pass))
                .collect(),
            config_hash: settings.digest.to_string(),
            overlay_keys: settings.keys.clone(),
            overlay_values: settings.values.clone(),
            baseline_values: self.baseline.settings.values.clone(),
            prompt_sections: settings.sections.clone(),
            scenario: self.parts.clone(),
            sides: Some(GoldenSides { baseline: baseline.golden(), overlay: overlay.golden() }),
            cassette: lines.iter().map(|it| it.digest).collect(),
            recorded_by: recorded_by(&lines),
            ..Golden::default()
        })
    }
}

fn lengths(baseline: &str, overlay: &str) -> Lengths {
    let length = |text: &str| i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    let (baseline_length, overlay_length) = (length(baseline), length(overlay));
    Lengths { baseline_length, overlay_length, length_delta: overlay_length - baseline_length }
}

fn recorded_by(lines: &[&Line]) -> Vec<String> {
    let mut names: Vec<_> = lines
        .iter()
        .map(|it| format!("{}: {}", it.interaction.recorder, it.interaction.recorded_by))
        .collect();
    names.sort();
    names.dedup();
    names
}

impl std::fmt::Display for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Model => "model",
            Self::Command => "command",
            Self::Authored => "authored",
        })
    }
}
