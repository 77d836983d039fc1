use std::collections::{BTreeSet, HashSet};
use std::fs;

use fusion_plan::{Call, Encoding, count, prompt_tokens, request_key};
use overlay_model::{Diagnostic, Digest, Scenario};
use serde::{Deserialize, Serialize};

use crate::cassette::{
    Cassette, Interaction, Latency, Line, MAX_CASSETTE_BYTES, Recorder, Response, Usage, plain,
};
use crate::code;
use crate::files;
use crate::observe::{calls, plan_of};
use crate::report::FileFinding;
use crate::sides::Sides;
use crate::suite::{Suite, SuiteError};

/// A side of a scenario.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The bare baseline.
    Baseline,
    /// The overlay.
    Overlay,
}

/// A call that a plan may make.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedCall {
    /// The scenario.
    pub scenario: String,
    /// The side.
    pub side: Side,
    /// The call.
    pub call: Call,
    /// The key of its recording.
    pub key: Digest,
    /// Whether it is recorded already.
    pub recorded: bool,
}

/// All calls that the plans of `scenarios` may make, each once, those that are recorded
/// marked; empty for every scenario. With `samples`, that many of each request, even where
/// the plan draws fewer.
///
/// A side that no plan can be made of has no calls; [`crate::validate`] says why.
///
/// # Errors
///
/// Where nothing is selected, a scenario is none of the catalogue's, or a cassette cannot be
/// read.
pub fn missing_calls(
    suite: &Suite,
    scenarios: &[String],
    samples: Option<u32>,
) -> Result<Vec<PlannedCall>, SuiteError> {
    let scenarios = suite.select_known(scenarios)?;
    let sides = Sides::new(suite, &scenarios);
    let mut planned = Vec::new();
    for scenario in scenarios {
        let recorded = keys(&read_cassette(suite, scenario.id.as_str())?);
        let mut seen = HashSet::new();
        let calls = planned_calls(&sides, scenario).into_iter().filter(|it| seen.insert(it.key));
        let mut calls: Vec<_> = calls.collect();
        if let Some(samples) = samples {
            for call in calls.clone() {
                let more = (0..samples).map(|sample| PlannedCall::new(&call, sample));
                calls.extend(more.filter(|it| seen.insert(it.key)));
            }
        }
        planned.extend(
            calls.into_iter().map(|it| PlannedCall { recorded: recorded.contains(&it.key), ..it }),
        );
    }
    Ok(planned)
}

impl PlannedCall {
    /// Another sample of the same request.
    fn new(like: &Self, sample: u32) -> Self {
        let call = Call { request: like.call.request.clone(), sample };
        Self { key: request_key(&call), call, ..like.clone() }
    }
}

/// The calls of both sides of a scenario; where no overlay answers, the baseline's.
pub(crate) fn planned_calls(sides: &Sides<'_>, scenario: &Scenario) -> Vec<PlannedCall> {
    let Some(choice) = sides.choice(scenario) else { return Vec::new() };
    let question = scenario.question();
    let overlay = choice.overlay.as_ref().map(|it| (Side::Overlay, Some(it)));
    let mut planned = Vec::new();
    for (side, name) in std::iter::once((Side::Baseline, None)).chain(overlay) {
        let Some(settings) = sides.settings(name, scenario) else { continue };
        let Ok(plan) = plan_of(sides, settings, scenario, &question) else { continue };
        planned.extend(calls(&plan).map(|call| PlannedCall {
            scenario: scenario.id.to_string(),
            side,
            call: call.clone(),
            key: request_key(call),
            recorded: false,
        }));
    }
    planned
}

/// The cassette of a scenario, which must be whole where it is to be changed.
pub(crate) fn read_cassette(suite: &Suite, scenario: &str) -> Result<Cassette, SuiteError> {
    let broken = |diagnostic| {
        let path = suite.cassette_name(scenario);
        SuiteError::Broken(Box::new(FileFinding { path, diagnostic }))
    };
    let Some(mut cassette) = Cassette::load(&suite.cassette_path(scenario))? else {
        let message = format!("more than the {MAX_CASSETTE_BYTES} bytes allowed");
        return Err(broken(Diagnostic::error(code::TOO_LARGE, message)));
    };
    match cassette.findings.is_empty() {
        true => Ok(cassette),
        false => Err(broken(cassette.findings.remove(0))),
    }
}

fn keys(cassette: &Cassette) -> HashSet<Digest> {
    cassette.lines.iter().map(|it| it.interaction.key).collect()
}

/// Writes the cassette of a scenario; one without lines is removed.
pub(crate) fn write_cassette(
    suite: &Suite,
    scenario: &str,
    lines: &[&Interaction],
) -> Result<(), SuiteError> {
    let path = suite.cassette_path(scenario);
    if lines.is_empty() {
        return match fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(SuiteError::Write { path, source })
            }
            _ => Ok(()),
        };
    }
    if let Some(folder) = path.parent() {
        files::make_folder(folder)?;
    }
    let text: String = lines.iter().map(|it| it.to_line()).collect();
    files::write(&path, text.as_bytes())
}

/// Adds one recording to the cassette of `scenario`: on return it is on disk, after a
/// crash there is the old cassette or the new one.
///
/// # Errors
///
/// Where the scenario is none, the key is not the one of the request, the sample is
/// recorded already, or the cassette cannot be read or written.
pub fn append(suite: &Suite, scenario: &str, interaction: &Interaction) -> Result<(), SuiteError> {
    suite.scenario(scenario)?;
    if interaction.key != interaction.request_key() {
        return Err(SuiteError::WrongKey);
    }
    let cassette = read_cassette(suite, scenario)?;
    if keys(&cassette).contains(&interaction.key) {
        let path = suite.cassette_path(scenario);
        return Err(SuiteError::Recorded { path, sample: interaction.sample });
    }
    let lines = cassette.lines.iter().map(|it| &it.interaction);
    write_cassette(suite, scenario, &lines.chain([interaction]).collect::<Vec<_>>())
}

/// What [`record_authored`] bound.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct RecordReport {
    /// Answers that were bound: `refund, overlay, gpt-4o-mini, sample 0`.
    pub bound: Vec<String>,
    /// Answers that were recorded already, word for word.
    pub unchanged: Vec<String>,
    /// Answers that no call asks for, or for which a model's answer is recorded, with why.
    pub refused: Vec<String>,
    /// How many answers belong to scenarios that were not selected.
    pub left_out: usize,
}

/// A line of an answers file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AuthoredAnswer {
    scenario: String,
    side: Side,
    model: String,
    #[serde(default)]
    sample: u32,
    text: String,
}

/// Binds authored answers, one JSON object a line (`scenario`, `side`, `model`,
/// `sample`, `text`), to the calls they answer, as recordings of `author`; those of other
/// scenarios than `scenarios` are left out, unless it is empty.
///
/// An authored recording of the same call is replaced, one of a model or a command never.
/// Tokens are counted with the model's vocabulary.
///
/// # Errors
///
/// Where a line is no such object, a selected scenario is none of the catalogue's, or a
/// cassette cannot be read or written. Nothing is bound where a line is wrong.
pub fn record_authored(
    suite: &Suite,
    scenarios: &[String],
    answers: &str,
    author: &str,
) -> Result<RecordReport, SuiteError> {
    let selected: BTreeSet<_> =
        suite.select_known(scenarios)?.into_iter().map(|it| it.id.as_str()).collect();
    let mut report = RecordReport::default();
    for (id, answers) in authored_answers(answers)? {
        match suite.scenario(&id) {
            _ if !scenarios.is_empty() && !selected.contains(id.as_str()) => {
                report.left_out += answers.len();
            }
            Ok(scenario) => bind(suite, scenario, &answers, author, &mut report)?,
            Err(_) => report.refused.push(format!("{id}: there is no such scenario")),
        }
    }
    Ok(report)
}

/// The answers of an answers file by scenario, in the order of the file.
fn authored_answers(text: &str) -> Result<Vec<(String, Vec<AuthoredAnswer>)>, SuiteError> {
    let mut by_scenario: Vec<(String, Vec<AuthoredAnswer>)> = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let at = start;
        start += line.len();
        if line.trim().is_empty() {
            continue;
        }
        let answer: AuthoredAnswer = serde_json::from_str(line).map_err(|err| {
            let at = at + err.column().saturating_sub(1).min(line.len());
            let finding = Diagnostic::error(code::UNREADABLE, plain(&err)).at(text, at..at);
            SuiteError::Source { finding: Box::new(finding) }
        })?;
        match by_scenario.iter_mut().find(|(id, _)| *id == answer.scenario) {
            Some((_, answers)) => answers.push(answer),
            None => by_scenario.push((answer.scenario.clone(), vec![answer])),
        }
    }
    Ok(by_scenario)
}

fn bind(
    suite: &Suite,
    scenario: &Scenario,
    answers: &[AuthoredAnswer],
    author: &str,
    report: &mut RecordReport,
) -> Result<(), SuiteError> {
    let planned = planned_calls(&Sides::new(suite, &[scenario]), scenario);
    let cassette = read_cassette(suite, scenario.id.as_str())?;
    let mut lines: Vec<_> = cassette.lines.into_iter().map(|it| it.interaction).collect();
    let bound_before = report.bound.len();
    for answer in answers {
        let name = format!(
            "{}, {}, {}, sample {}",
            answer.scenario, answer.side, answer.model, answer.sample
        );
        let call = planned.iter().find(|it| {
            it.side == answer.side
                && it.call.request.model == answer.model
                && it.call.sample == answer.sample
        });
        let Some(planned) = call else {
            report.refused.push(format!("{name}: no call of the plan"));
            continue;
        };
        let interaction = authored(suite, planned, &answer.text, author);
        match lines.iter_mut().find(|it| it.key == planned.key) {
            // Who wrote it stays as it was noted first.
            Some(line) if interaction.is_like(line) => report.unchanged.push(name),
            Some(line) if line.recorder == Recorder::Authored => {
                *line = interaction;
                report.bound.push(name);
            }
            Some(line) => {
                report.refused.push(format!("{name}: {} answered it", line.recorded_by));
            }
            None => {
                lines.push(interaction);
                report.bound.push(name);
            }
        }
    }
    if report.bound.len() == bound_before {
        return Ok(());
    }
    write_cassette(suite, scenario.id.as_str(), &lines.iter().collect::<Vec<_>>())
}

/// An authored answer to a planned call, tokens counted.
pub(crate) fn authored(
    suite: &Suite,
    planned: &PlannedCall,
    text: &str,
    author: &str,
) -> Interaction {
    let request = planned.call.request.clone();
    let tokens = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let model = suite.installation().providers().model(&request.model);
    let encoding = model.and_then(|it| it.encoding.parse().ok()).unwrap_or(Encoding::O200k);
    Interaction {
        v: 1,
        key: planned.key,
        sample: planned.call.sample,
        usage: Usage {
            prompt_tokens: tokens(prompt_tokens(&request, encoding)),
            completion_tokens: tokens(count(encoding, text)),
        },
        request,
        response: Response { text: text.to_owned(), finish_reason: "stop".to_owned() },
        latency: Latency::default(),
        labels: None,
        judge: Vec::new(),
        recorded_at: None,
        recorder: Recorder::Authored,
        recorded_by: author.to_owned(),
        model_fingerprint: None,
    }
}

impl Interaction {
    /// Whether `other` is the same but for whom it names.
    fn is_like(&self, other: &Self) -> bool {
        let named = Self { recorded_by: other.recorded_by.clone(), ..self.clone() };
        named == *other
    }
}

/// What [`prune`] removed.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct PruneReport {
    /// Recordings that nothing asks for.
    pub removed: Vec<PrunedLine>,
}

/// One recording that nothing asks for.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct PrunedLine {
    /// The cassette, as reports name it.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// Its key.
    pub key: Digest,
}

/// Removes recordings of requests that no plan makes; further samples of one that is made
/// stay. A cassette without lines goes, too. Only the cassettes of `selected` are looked at;
/// where it is empty, all of them, also those of scenarios that are gone.
///
/// # Errors
///
/// Where a selected scenario is none of the catalogue's, the catalogue or a cassette cannot
/// be read, or a cassette cannot be written. A cassette with a line that cannot be read is
/// not touched.
pub fn prune(suite: &Suite, selected: &[String], dry_run: bool) -> Result<PruneReport, SuiteError> {
    let scenarios = suite.select_known(selected)?;
    let sides = Sides::new(suite, &scenarios);
    let mut report = PruneReport::default();
    let is_selected = |id: &String| selected.is_empty() || selected.contains(id);
    for id in suite.cassettes().into_iter().filter(is_selected) {
        let scenario = scenarios.iter().find(|it| it.id.as_str() == id);
        let planned = scenario.map(|it| planned_calls(&sides, it)).unwrap_or_default();
        let cassette = read_cassette(suite, &id)?;
        // Further samples of a request are of use: they say how much its answers vary.
        let is_wanted =
            |it: &&Line| planned.iter().any(|call| call.call.request == it.interaction.request);
        let (kept, removed): (Vec<_>, Vec<_>) = cassette.lines.iter().partition(is_wanted);
        report.removed.extend(removed.iter().map(|it| PrunedLine {
            file: suite.cassette_name(&id),
            line: it.number,
            key: it.interaction.key,
        }));
        if !removed.is_empty() && !dry_run {
            let kept: Vec<_> = kept.iter().map(|it| &it.interaction).collect();
            write_cassette(suite, &id, &kept)?;
        }
    }
    Ok(report)
}
