use overlay_model::Digest;
use serde::Serialize;

use super::attribution::{Change, Explanation};
use super::measured::Measurement;
use crate::report::{FileFinding, Verdict};
use crate::statistics::{Gate, Interval, rounded};

/// What a candidate comes to against a base: the one model that every report is written
/// from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BudgetReport {
    /// The version of this form: `fusion/budget-report/1`.
    pub schema: &'static str,
    /// The worst verdict.
    pub verdict: Verdict,
    /// What it is measured against; the worse counts.
    pub bases: Vec<Side>,
    /// What is measured.
    pub candidate: Side,
    /// The checks, base by base: those of overlays first, then those of scenarios.
    pub checks: Vec<BudgetCheck>,
    /// What explains the checks that do not pass.
    pub explanations: Vec<Explanation>,
    /// What changed in each overlay, with the prompt tokens of every change.
    pub bills: Vec<Bill>,
    /// The scenarios of both sides, with their figures.
    pub pairs: Vec<ScenarioPair>,
    /// How far recordings of the same requests lie apart; `None` where each has one only.
    pub noise: Option<Noise>,
    /// What a reader should know about the comparison itself.
    pub notes: Vec<String>,
    /// Findings about files.
    pub findings: Vec<FileFinding>,
}

/// One side of a comparison.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Side {
    /// A folder, a git reference, a version.
    pub name: String,
    /// The digest of the installation's tree.
    pub digest: Digest,
    /// How many scenarios it has.
    pub scenarios: usize,
}

impl Side {
    pub(super) fn of(measurement: &Measurement) -> Self {
        let Measurement { name, digest, scenarios, .. } = measurement;
        Self { name: name.clone(), digest: *digest, scenarios: scenarios.len() }
    }
}

/// What changed between a base and the candidate in one overlay.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bill {
    /// The base.
    pub against: String,
    /// The overlay; `None` for the bare baseline.
    pub overlay: Option<String>,
    /// The scenario whose prompt was counted.
    pub scenario: String,
    /// Prompt tokens of the base and of the candidate.
    pub tokens: [Option<u64>; 2],
    /// What changed, each with what it adds by itself.
    pub changes: Vec<Change>,
}

/// One scenario on both sides: the base's figure first, the candidate's second; `None`
/// where there is none.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScenarioPair {
    /// The base.
    pub against: String,
    /// The scenario.
    pub scenario: String,
    /// The overlay that answers for the candidate.
    pub overlay: Option<String>,
    /// Whether both sides make the same requests.
    pub identical: bool,
    /// Tokens of the first prompt.
    pub prompt_tokens: [Option<u64>; 2],
    /// Tokens of the answer.
    pub output_tokens: [Option<u64>; 2],
    /// Recorded time in milliseconds.
    pub latency_ms: [Option<f64>; 2],
    /// The answers, where they differ. A released record holds none.
    #[serde(skip)]
    pub answers: Option<[String; 2]>,
    /// The texts of the micro overlay, where they differ.
    #[serde(skip)]
    pub prompts: Option<[String; 2]>,
}

/// Answer tokens of a second recording against the first one of the same request: what
/// differs with nothing changed, the A/A band.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Noise {
    /// Requests that are recorded twice or more.
    pub n: usize,
    /// The share of tokens that the second recordings have more.
    #[serde(serialize_with = "rounded::number")]
    pub delta: f64,
    /// Its bounds.
    pub interval: Interval,
}

/// What is checked.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The scenarios of both sides.
    Suite,
    /// Goldens and recordings: what cannot be read, and what went missing.
    Recordings,
    /// What scenarios ask, and under which settings.
    Catalogue,
    /// Which overlay answers.
    Selection,
    /// Settings that act on answers or in time, and change no request.
    Settings,
    /// Limits that became looser in the change.
    Limits,
    /// Tokens of the prompt, exact.
    PromptTokens,
    /// Tokens of recorded answers.
    OutputTokens,
    /// What recorded answers cost.
    Cost,
    /// The 95th percentile of recorded latencies.
    LatencyP95,
    /// Requests without an accepted answer, or whose answer breaks a hard rule.
    Failures,
    /// Recorded scores of judges.
    Quality,
    /// Recorded scores of judges over many runs.
    QualityWatch,
    /// Hard rules that held and do not any more.
    HardRules,
    /// Tokens of the overlay against the bare baseline.
    Baseline,
}

impl Subject {
    /// The word for reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Suite => "suite",
            Self::Recordings => "recordings",
            Self::Catalogue => "catalogue",
            Self::Selection => "selection",
            Self::Settings => "settings",
            Self::Limits => "limits",
            Self::PromptTokens => "prompt_tokens",
            Self::OutputTokens => "output_tokens",
            Self::Cost => "cost",
            Self::LatencyP95 => "latency_p95",
            Self::Failures => "failures",
            Self::Quality => "quality",
            Self::QualityWatch => "quality_watch",
            Self::HardRules => "hard_rules",
            Self::Baseline => "baseline",
        }
    }

    /// The words for sentences.
    pub fn words(self) -> &'static str {
        match self {
            Self::Suite => "scenarios",
            Self::Recordings => "goldens and recordings",
            Self::Catalogue => "what scenarios ask",
            Self::Selection => "selection",
            Self::Settings => "settings",
            Self::Limits => "limits",
            Self::PromptTokens => "prompt tokens",
            Self::OutputTokens => "output tokens",
            Self::Cost => "cost",
            Self::LatencyP95 => "p95 of the latency",
            Self::Failures => "share of failures",
            Self::Quality => "recorded scores",
            Self::QualityWatch => "recorded scores of all runs",
            Self::HardRules => "hard rules",
            Self::Baseline => "over the bare baseline",
        }
    }
}

/// One check.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BudgetCheck {
    /// What is checked.
    pub name: Subject,
    /// The base it is measured against; empty where it is about the candidate alone.
    pub against: String,
    /// The overlay it is about; `None` for all of them.
    pub overlay: Option<String>,
    /// The scenario it is about; `None` for all that the overlay answers.
    pub scenario: Option<String>,
    /// Figures and verdict.
    #[serde(flatten)]
    pub gate: Gate,
    /// The keys that explain it, where it does not pass.
    pub keys: Vec<String>,
    /// What is the case, in words.
    pub message: String,
}

impl BudgetCheck {
    /// A check without figures, about no overlay in particular. `against` is empty where it is
    /// about the candidate alone.
    pub fn in_words(name: Subject, against: &str, verdict: Verdict, message: String) -> Self {
        let gate = Gate::without_figure(None, verdict);
        Self { against: against.to_owned(), ..Self::of(name, None, None, gate, message) }
    }
}

impl BudgetReport {
    /// The explanation of a check.
    pub fn explanation(&self, check: &BudgetCheck) -> Option<&Explanation> {
        self.explanations.iter().find(|it| {
            let is_of_it = match &check.scenario {
                Some(scenario) => it.scenario == *scenario,
                // Prompts and times are explained scenario by scenario, and all together.
                None => {
                    let is_by_one = matches!(it.name, Subject::PromptTokens | Subject::LatencyP95);
                    let is_of_all = !is_by_one || it.scenario.is_empty();
                    it.overlay == check.overlay && is_of_all
                }
            };
            it.against == check.against && it.name == check.name && is_of_it
        })
    }

    /// The changes that explain a check: its own, or those of the scenarios of its overlay.
    pub fn changes_of(&self, check: &BudgetCheck) -> Vec<&Change> {
        let of_check = |it: &&Explanation| {
            it.against == check.against
                && it.overlay == check.overlay
                && check
                    .scenario
                    .as_ref()
                    .is_none_or(|scenario| *scenario == it.scenario && it.name == check.name)
        };
        let mut res: Vec<&Change> = Vec::new();
        let found = self.explanations.iter().filter(of_check).flat_map(|it| &it.changes);
        for change in found.filter(|it| check.keys.contains(&it.key)) {
            if !res.iter().any(|it| it.key == change.key && it.file == change.file) {
                res.push(change);
            }
        }
        res
    }

    /// Takes findings about files in that the comparison rests on. An error makes it
    /// invalid, as a check that says so.
    pub fn add_findings(&mut self, findings: Vec<FileFinding>) {
        let errors: Vec<_> = findings.iter().filter(|it| it.diagnostic.is_error()).collect();
        if let Some(first) = errors.first() {
            self.refuse(None, format!("{} has errors: {}", first.path, errors.len()));
        }
        self.findings.extend(findings);
    }

    /// How many checks keep the change from being merged, warnings and what is insufficient
    /// too where `strict`.
    pub fn blocking(&self, strict: bool) -> usize {
        self.checks.iter().filter(|it| it.gate.verdict.blocks(strict)).count()
    }

    /// The checks that do not pass, worst first, those of whole overlays before those of
    /// single scenarios.
    pub fn open_checks(&self) -> Vec<&BudgetCheck> {
        let mut res: Vec<_> =
            self.checks.iter().filter(|it| it.gate.verdict != Verdict::Pass).collect();
        res.sort_by_key(|it| (std::cmp::Reverse(it.gate.verdict), it.scenario.is_some()));
        res
    }
}
