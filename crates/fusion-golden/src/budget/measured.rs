use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fusion_plan::{CheckResult, ExecutionPlan, RenderedRequest, count, prompt_tokens};
use overlay_loader::Installation;
use overlay_model::{Digest, Scenario};
use overlay_schema::Model;
use serde::{Deserialize, Serialize};

use super::catalogue::paired;
use super::file::Budgets;
use super::files::scenario_files;
use crate::cassette::{Cassette, Interaction};
use crate::ladder;
use crate::observe::{Observed, Replayed, Unseen, calls, encoding, observe, plan_alone};
use crate::places::model_field_line;
use crate::report::FileFinding;
use crate::sides::{SideSettings, Sides};
use crate::suite::{Suite, SuiteError};
use crate::validate::in_threads;

/// What an installation makes of the scenarios of a suite, in numbers. Kept as a record of
/// what was released.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Measurement {
    /// The version of this form: `fusion/measurement/1`.
    pub schema: String,
    /// What was measured: a folder, a git reference, a version.
    pub name: String,
    /// The digest of the installation's tree.
    pub digest: Digest,
    /// The limits of its `budgets.toml` as that file gives them, by name:
    /// `tokens.warn` in percent. Empty in records from before they were kept.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, f64>,
    /// The scenarios, in catalogue order.
    pub scenarios: Vec<Measured>,
    /// Every overlay by name, as it stands before anything is asked; `scenario` is empty.
    /// Empty in records from before they were kept.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub overlays: BTreeMap<String, Measured>,
    /// The scenarios as the installation's own catalogue has them, which is not what was
    /// asked where the catalogue of another one was. Empty in records from before they were
    /// kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub catalogue: Vec<Scenario>,
    /// The scenarios that have a golden. Empty in records from before they were kept.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub goldens: BTreeSet<String>,
    /// What is wrong with the goldens and the cassettes of the suite.
    #[serde(skip)]
    pub findings: Vec<FileFinding>,
}

/// One scenario, answered by the overlay that is selected for it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// The scenario.
    pub scenario: String,
    /// Scenarios of the same cluster hang together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The overlay; `None` where the bare baseline answers.
    pub overlay: Option<String>,
    /// The vocabulary that tokens are counted with.
    pub encoding: Option<String>,
    /// The keys of all requests of the plan, in order.
    pub requests: Vec<Digest>,
    /// The digest of the prices of the plan's models; `None` where there is no plan, and in
    /// records from before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rates: Option<Digest>,
    /// What `providers.toml` says of the plan's models: `gpt-4o.input_usd_per_mtok`. Empty
    /// where there is no plan, and in records from before it was kept.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub models: BTreeMap<String, String>,
    /// Tokens of the first prompt; `None` where no plan can be made.
    pub prompt_tokens: Option<u64>,
    /// The same of the bare baseline.
    pub baseline_prompt_tokens: Option<u64>,
    /// What the replay comes to; `None` where a recording is missing.
    pub answer: Option<MeasuredAnswer>,
    /// Output tokens of the bare baseline, where they are recorded.
    pub baseline_tokens: Option<u64>,
    /// Why there is no plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// The values in force that a file or the scenario sets.
    pub values: BTreeMap<String, String>,
    /// Where each value stands: file and line.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub places: BTreeMap<String, (String, usize)>,
    /// The text of the micro overlay and its file.
    pub prompt: Option<(String, String)>,
    /// Tokens of the first prompt with the question that the side's own catalogue has, where
    /// it was asked another one. No record keeps it: its questions are its own.
    #[serde(skip)]
    pub own_prompt_tokens: Option<u64>,
    /// The keys of all requests of both plans, the overlay's and the bare baseline's; no
    /// record keeps them.
    #[serde(skip)]
    pub calls: BTreeSet<Digest>,
    /// Those that the suite itself holds a recording of; no record keeps them.
    #[serde(skip)]
    pub recorded: BTreeSet<Digest>,
}

/// What a replay comes to.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MeasuredAnswer {
    /// Tokens of the answer.
    pub tokens: u64,
    /// What it cost, in units of 10 µ$.
    pub units: f64,
    /// Recorded time of the calls that were made, one after the other, in milliseconds;
    /// `None` where one of them has none.
    pub latency_ms: Option<f64>,
    /// Recorded times of all answers to the request in milliseconds, by sample, where a single
    /// call makes the answer and is recorded more than once; else empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub latencies_ms: Vec<f64>,
    /// Whether a step accepted the answer.
    pub accepted: bool,
    /// Hard rules by name, and whether each holds.
    pub hard: BTreeMap<String, bool>,
    /// The mean of the judges' scores of the calls, from 0 to 1, where they are recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// Answer tokens of every recording of the first request, by sample.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repeats: Vec<u64>,
    /// Trust in the answer, where it is known; no record keeps it.
    #[serde(skip)]
    pub trust: Option<f64>,
    /// The answer itself, which no record keeps.
    #[serde(skip)]
    pub text: Option<String>,
}

impl MeasuredAnswer {
    /// Whether the request failed: nothing was accepted, or a hard rule does not hold.
    pub fn failed(&self) -> bool {
        !self.accepted || self.hard.values().any(|it| !it)
    }
}

/// Measures the scenarios of `suite` with its own installation. A recording is looked for
/// in its cassettes, then in those of `others`.
///
/// # Errors
///
/// Where the suite has no scenarios, or a file cannot be read.
pub fn measure(
    suite: &Suite,
    others: &[&Suite],
    name: &str,
    threads: usize,
) -> Result<Measurement, SuiteError> {
    let (scenarios, _) = suite.select(&[])?;
    let sides = Sides::new(suite, &scenarios);
    let known = known_models(suite);
    let measured = in_threads(&scenarios, threads, |scenario| {
        let (own, findings) = scenario_files(suite, scenario.id.as_str())?;
        let keys: BTreeSet<_> = own.lines.iter().map(|it| it.interaction.key).collect();
        let cassette = with_others(own, others, scenario)?;
        let measured = observe(&sides, scenario, &cassette, true).map(|observed| {
            let measured = Measured::of(&sides, &observed, &cassette, &known);
            let recorded = measured.calls.intersection(&keys).copied().collect();
            Measured { recorded, ..measured }
        });
        Ok((measured, findings))
    });
    let measured: Vec<_> = measured.into_iter().collect::<Result<_, SuiteError>>()?;
    let (measured, findings): (Vec<_>, Vec<_>) = measured.into_iter().unzip();
    Ok(Measurement {
        schema: "fusion/measurement/1".to_owned(),
        name: name.to_owned(),
        digest: suite.installation().digest(),
        limits: Budgets::read(suite)?.0.in_file(),
        scenarios: measured.into_iter().flatten().collect(),
        overlays: overlays(&sides, &known),
        catalogue: suite.installation().catalogue().scenarios.clone(),
        goldens: suite.accepted().into_iter().collect(),
        findings: findings.into_iter().flatten().collect(),
    })
}

/// Every overlay of the installation, before anything is asked.
fn overlays(sides: &Sides<'_>, known: &KnownModels) -> BTreeMap<String, Measured> {
    let names = sides.suite.installation().overlays().keys();
    let alone = names.map(|name| {
        let settings = SideSettings::new(sides.suite, Some(name), None);
        let plan = plan_alone(sides, &settings);
        let plan = plan.as_ref().ok();
        (name.to_string(), Measured::before_answers(sides, "", &settings, plan, known))
    });
    alone.collect()
}

/// What `providers.toml` says of a model that acts on what is measured: field, value, line.
type KnownModels = BTreeMap<String, Vec<(&'static str, String, Option<usize>)>>;

fn known_models(suite: &Suite) -> KnownModels {
    let text = suite.providers_text();
    let of_model = |model: &Model| {
        let price = |it: Option<f64>| it.map(|it| it.to_string());
        let fields = [
            ("encoding", Some(model.encoding.clone())),
            ("input_usd_per_mtok", price(model.input_usd_per_mtok)),
            ("output_usd_per_mtok", price(model.output_usd_per_mtok)),
        ];
        let known = fields.into_iter().filter_map(|(field, value)| {
            Some((field, value?, model_field_line(&text, &model.id, field)))
        });
        (model.id.clone(), known.collect())
    };
    suite.installation().providers().models.iter().map(of_model).collect()
}

impl Measurement {
    /// The measurement without its requests, limits and goldens: beside another one, nothing
    /// is equal by identity or missing, and recordings of the same requests are compared as
    /// what they are.
    #[must_use]
    pub fn without_requests(mut self) -> Self {
        for it in &mut self.scenarios {
            it.requests.clear();
            it.recorded.clear();
        }
        self.limits.clear();
        self.goldens.clear();
        self
    }

    /// The measurement with its files called as those of `suite` are, wherever it was made.
    /// Without the line of any model nothing tells how they were called, and they stay.
    #[must_use]
    pub(super) fn named_as(mut self, suite: &Suite) -> Self {
        let files = self.scenarios.iter().flat_map(|it| it.places.values());
        let mut installations = files.filter_map(|(file, _)| file.strip_suffix("providers.toml"));
        let Some(former) = installations.next().map(str::to_owned) else { return self };
        for it in self.scenarios.iter_mut().chain(self.overlays.values_mut()) {
            let prompt = it.prompt.as_mut().map(|(file, _)| file);
            for file in it.places.values_mut().map(|(file, _)| file).chain(prompt) {
                if let Some(path) = file.strip_prefix(&former) {
                    *file = suite.installation_file(path);
                }
            }
        }
        self
    }

    pub(super) fn by_scenario(&self) -> BTreeMap<&str, &Measured> {
        self.scenarios.iter().map(|it| (it.scenario.as_str(), it)).collect()
    }
}

/// The recordings of `scenario` in `suite`, then in `others`.
pub(super) fn recordings(
    suite: &Suite,
    others: &[&Suite],
    scenario: &Scenario,
) -> Result<Cassette, SuiteError> {
    let (own, _) = ladder::read_cassette(suite, scenario.id.as_str())?;
    with_others(own, others, scenario)
}

/// What a suite has recorded, with what only `others` have. What is wrong with their files is
/// found where they are measured themselves.
fn with_others(
    mut all: Cassette,
    others: &[&Suite],
    scenario: &Scenario,
) -> Result<Cassette, SuiteError> {
    let mut known: BTreeSet<_> = all.lines.iter().map(|it| it.interaction.key).collect();
    for other in others {
        let (more, _) = ladder::read_cassette(other, scenario.id.as_str())?;
        all.lines.extend(more.lines.into_iter().filter(|it| known.insert(it.interaction.key)));
    }
    Ok(all)
}

impl Measured {
    /// Where the overlay says its name, which is in its own file.
    pub(super) fn own_place(&self) -> Option<&(String, usize)> {
        self.places.get("OVERLAY_NAME")
    }

    fn of(
        sides: &Sides<'_>,
        observed: &Observed<'_>,
        cassette: &Cassette,
        known: &KnownModels,
    ) -> Self {
        let (id, seen) = (observed.scenario.id.as_str(), observed.answering());
        Self {
            cluster: observed.scenario.cluster.clone(),
            requests: seen.keys().to_vec(),
            calls: seen.keys().iter().chain(observed.baseline.keys()).copied().collect(),
            baseline_prompt_tokens: prompt(sides, observed.baseline.plan()),
            answer: seen.result.as_ref().ok().and_then(|it| answer(sides, it, cassette)),
            baseline_tokens: observed.baseline.result.as_ref().ok().and_then(output),
            refused: match &seen.result {
                Err(Unseen::Settings(why)) => Some(why.clone()),
                _ => None,
            },
            ..Self::before_answers(sides, id, seen.settings, seen.plan(), known)
        }
    }

    /// What is known of a side without any recording.
    fn before_answers(
        sides: &Sides<'_>,
        scenario: &str,
        settings: &SideSettings<'_>,
        plan: Option<&ExecutionPlan>,
        known: &KnownModels,
    ) -> Self {
        let mut places: BTreeMap<_, _> = settings
            .values
            .keys()
            .filter_map(|key| {
                let (path, line) = settings.place(sides.suite, scenario, key)?;
                Some((key.clone(), (sides.suite.installation_file(&path), line)))
            })
            .collect();
        let mut models = BTreeMap::new();
        let ids: BTreeSet<_> =
            plan.into_iter().flat_map(calls).map(|it| it.request.model.as_str()).collect();
        for id in ids {
            for (field, value, line) in known.get(id).into_iter().flatten() {
                let key = format!("{id}.{field}");
                let file = sides.suite.installation_file("providers.toml");
                places.extend(line.map(|line| (key.clone(), (file, line))));
                models.insert(key, value.clone());
            }
        }
        Self {
            scenario: scenario.to_owned(),
            cluster: None,
            overlay: settings.overlay.as_ref().map(|it| it.name.to_string()),
            encoding: plan.and_then(|it| encoding(sides, it)).map(|it| it.to_string()),
            requests: Vec::new(),
            rates: plan.map(|it| rates(sides, it)),
            models,
            prompt_tokens: prompt(sides, plan),
            baseline_prompt_tokens: None,
            answer: None,
            baseline_tokens: None,
            refused: None,
            values: settings.values.clone(),
            places,
            prompt: settings
                .micro
                .map(|(path, it)| (sides.suite.installation_file(path), it.text().to_owned())),
            own_prompt_tokens: None,
            calls: BTreeSet::new(),
            recorded: BTreeSet::new(),
        }
    }
}

/// The prices of the models of a plan. An answer of the same request costs something else
/// where they differ.
fn rates(sides: &Sides<'_>, plan: &ExecutionPlan) -> Digest {
    let providers = sides.suite.installation().providers();
    let models: BTreeSet<_> = calls(plan).map(|it| it.request.model.as_str()).collect();
    let lines = models.into_iter().map(|id| {
        let model = providers.model(id);
        let prices = model.map(|it| (it.input_usd_per_mtok, it.output_usd_per_mtok));
        format!("{id} {prices:?}\n")
    });
    Digest::of(lines.collect::<String>().as_bytes())
}

pub(super) fn prompt(sides: &Sides<'_>, plan: Option<&ExecutionPlan>) -> Option<u64> {
    let plan = plan?;
    let tokens = prompt_tokens(&calls(plan).next()?.request, encoding(sides, plan)?);
    u64::try_from(tokens).ok()
}

fn output(replayed: &Replayed) -> Option<u64> {
    u64::try_from(replayed.tokens.as_ref()?.output).ok()
}

pub(super) fn answer(
    sides: &Sides<'_>,
    replayed: &Replayed,
    cassette: &Cassette,
) -> Option<MeasuredAnswer> {
    let outcome = &replayed.outcome;
    let recorded = |key: Digest| cassette.lines.iter().find(|it| it.interaction.key == key);
    let times = outcome.calls.iter().map(|it| recorded(it.key)?.interaction.latency.e2e_ms);
    let scores = outcome.calls.iter().map(|it| recorded(it.key)?.interaction.answer().judge);
    let scores: Option<Vec<f64>> = scores.collect();
    let hard = outcome.checks.iter().filter(|it| it.hard);
    Some(MeasuredAnswer {
        tokens: output(replayed)?,
        units: outcome.units,
        latency_ms: times.sum(),
        latencies_ms: latencies(replayed, cassette),
        accepted: outcome.accepted,
        hard: hard.map(|CheckResult { id, pass, .. }| (id.clone(), *pass)).collect(),
        score: scores.filter(|it| !it.is_empty()).map(|it| mean(&it)),
        repeats: repeats(sides, replayed, cassette),
        trust: outcome.trust,
        text: Some(replayed.answer.clone()),
    })
}

#[expect(clippy::cast_precision_loss, reason = "a request has few calls")]
fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Answer tokens of the recordings of the first request; empty where there is only one.
fn repeats(sides: &Sides<'_>, replayed: &Replayed, cassette: &Cassette) -> Vec<u64> {
    let Some(first) = calls(&replayed.plan).next() else { return Vec::new() };
    let Some(encoding) = encoding(sides, &replayed.plan) else { return Vec::new() };
    let same = recordings_of(&first.request, cassette);
    if same.len() < 2 {
        return Vec::new();
    }
    let tokens = same.iter().map(|it| count(encoding, &it.response.text));
    tokens.filter_map(|it| u64::try_from(it).ok()).collect()
}

/// Times of the recordings of the only request; empty where there are more requests, as what
/// another answer to the first would have led to is not known, and where there is only one
/// time.
fn latencies(replayed: &Replayed, cassette: &Cassette) -> Vec<f64> {
    let mut all = calls(&replayed.plan);
    let (Some(only), None) = (all.next(), all.next()) else { return Vec::new() };
    let same = recordings_of(&only.request, cassette);
    let times: Vec<_> = same.iter().filter_map(|it| it.latency.e2e_ms).collect();
    if times.len() < 2 { Vec::new() } else { times }
}

/// The recordings of a request, by sample.
fn recordings_of<'c>(request: &RenderedRequest, cassette: &'c Cassette) -> Vec<&'c Interaction> {
    let all = cassette.lines.iter().map(|it| &it.interaction);
    let mut same: Vec<_> = all.filter(|it| it.request == *request).collect();
    same.sort_by_key(|it| it.sample);
    same
}

impl Suite {
    /// This suite over another installation: what its recordings make of that one.
    #[must_use]
    pub fn with_installation(mut self, installation: Installation) -> Self {
        self.installation = installation;
        self
    }

    /// This suite over the scenarios of `other`: what its installation would have made of
    /// them. What is configuration stays its own: of a scenario that both have, the type and
    /// the parameters are those of this suite. Both call their files alike from then on.
    #[must_use]
    pub fn over_scenarios_of(mut self, other: &Self) -> Self {
        let own = self.installation.catalogue();
        let catalogue = paired(other.installation().catalogue(), own);
        self.installation = self.installation.with_catalogue(Arc::new(catalogue));
        self.named_as(other)
    }
}
