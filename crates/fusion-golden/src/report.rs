use std::fmt;

use fusion_plan::{CheckResult, Vote};
use overlay_model::{Diagnostic, ScenarioSeverity};
use serde::Serialize;

/// What a check, a scenario or a suite comes to, best first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it was accepted, and every hard rule holds.
    Pass,
    /// Holds, with something to look at.
    Warn,
    /// Too few samples to say.
    Insufficient,
    /// A request has no recording.
    Stale,
    /// A regression.
    Fail,
    /// A file was changed by hand, cannot be read, or is missing.
    Invalid,
}

impl Verdict {
    /// The word for reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Insufficient => "insufficient",
            Self::Stale => "stale",
            Self::Fail => "fail",
            Self::Invalid => "invalid",
        }
    }

    /// Whether it keeps a change from being merged; with `strict` everything but a pass
    /// does.
    pub fn blocks(self, strict: bool) -> bool {
        self >= if strict { Self::Warn } else { Self::Stale }
    }
}

/// A rung of the ladder that recorded scenarios climb.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Rung {
    /// Files are whole and as they were written.
    Integrity,
    /// The same selection, settings, requests and outcome as accepted.
    Replay,
    /// What the scenario asks of an answer.
    Rules,
    /// Prompt and answer tokens.
    Tokens,
}

/// One verdict about one scenario.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// The rung.
    pub rung: Rung,
    /// A stable code: `GLD2001`.
    pub code: &'static str,
    /// The verdict.
    pub verdict: Verdict,
    /// What is the case, with the values expected and found.
    pub message: String,
    /// The file it is about, from where the suite was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line of the file, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The overlay key it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Check {
    /// The file with the line, where they are known: `path:12`.
    pub fn place(&self) -> Option<String> {
        let file = self.file.as_ref()?;
        Some(self.line.map_or_else(|| file.clone(), |line| format!("{file}:{line}")))
    }
}

/// One side of a scenario: the bare baseline, or the overlay.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SideReport {
    /// The overlay, or `None` for the bare baseline.
    pub overlay: Option<String>,
    /// The mode in force.
    pub mode: String,
    /// The model that gave the answer.
    pub model: String,
    /// Calls made.
    pub calls: usize,
    /// The chosen answer.
    #[serde(skip)]
    pub answer: String,
    /// Whether a step accepted it.
    pub accepted: bool,
    /// Trust in it.
    pub trust: Option<f64>,
    /// Spread of the candidates.
    pub entropy: Option<f64>,
    /// The votes.
    pub votes: Vec<Vote>,
    /// The rules, on this answer.
    pub rules: Vec<CheckResult>,
    /// Prompt tokens of the first call; `None` where tokens were not counted.
    pub prompt_tokens: Option<usize>,
    /// Tokens of the answer; `None` where tokens were not counted.
    pub answer_tokens: Option<usize>,
    /// What it cost, in units of 10 µ$.
    pub units: f64,
}

/// A share of the prompt tokens.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct BillItem {
    /// The part: `prompt: Core Directive`, `question`, `turns`, …; or `key MAX_TOKENS` for the
    /// whole effect of an overlay key, which overlaps the parts.
    pub part: String,
    /// Its tokens; negative where it saves some.
    pub tokens: i64,
}

/// What became of one scenario.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScenarioReport {
    /// The scenario.
    pub id: String,
    /// Its kind of work.
    pub scenario_type: String,
    /// What a failure costs.
    pub severity: ScenarioSeverity,
    /// Whether it belongs to every run.
    pub critical: bool,
    /// The worst of its checks.
    pub verdict: Verdict,
    /// Every check that is no pass, worst first; empty for a clean pass.
    pub checks: Vec<Check>,
    /// The bare baseline.
    pub baseline: Option<SideReport>,
    /// The overlay; the baseline again where none is selected.
    pub overlay: Option<SideReport>,
    /// Why this overlay.
    pub selection: Vec<String>,
    /// Where the prompt tokens go.
    pub bill: Vec<BillItem>,
}

/// How far the rules agree with recorded correctness.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Agreement {
    /// The model.
    pub model: String,
    /// Recorded answers that carry a label.
    pub labelled: usize,
    /// Of these, the ones where rules and label say the same.
    pub equal: usize,
    /// `equal / labelled`, four decimals.
    pub share: f64,
    /// The scenarios where they differ, with what each side says.
    pub disagreements: Vec<Disagreement>,
}

/// A recorded answer on which rules and label differ.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Disagreement {
    /// The scenario.
    pub scenario: String,
    /// What the label says.
    pub label: bool,
    /// What the rules say.
    pub rules: bool,
    /// What the rules saw.
    pub evidence: String,
}

/// A finding about a file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FileFinding {
    /// The file, from where the suite was named.
    pub path: String,
    /// The finding.
    #[serde(flatten)]
    pub diagnostic: Diagnostic,
}

impl FileFinding {
    /// The finding about a file of the base `name`, where the candidate's are called alike.
    pub(crate) fn of_base(self, name: &str) -> Self {
        Self { path: format!("{name}: {}", self.path), ..self }
    }
}

/// `goldens/suite.toml:3:1: error…`, without the place where that is not known.
impl fmt::Display for FileFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, diagnostic } = self;
        // The text of a diagnostic begins with its place.
        let gap = if diagnostic.at.is_some() { "" } else { " " };
        write!(f, "{path}:{gap}{diagnostic}")
    }
}

/// How many scenarios came to each verdict.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Counts {
    /// All of them.
    pub total: usize,
    /// `pass`.
    pub pass: usize,
    /// `warn`.
    pub warn: usize,
    /// `insufficient`.
    pub insufficient: usize,
    /// `stale`.
    pub stale: usize,
    /// `fail`.
    pub fail: usize,
    /// `invalid`.
    pub invalid: usize,
}

/// What became of a suite: the one model that every report is written from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SuiteReport {
    /// The version of this form: `fusion/golden-report/1`.
    pub schema: &'static str,
    /// The suite's folder, as it was named.
    pub suite: String,
    /// The worst verdict.
    pub verdict: Verdict,
    /// How many scenarios came to each verdict.
    pub counts: Counts,
    /// The scenarios, in catalogue order.
    pub scenarios: Vec<ScenarioReport>,
    /// Findings about files that belong to no single scenario, or to none at all.
    pub findings: Vec<FileFinding>,
    /// Per model, how far rules agree with recorded correctness.
    pub agreement: Vec<Agreement>,
    /// The vocabulary that counted tokens; `None` where they were not counted.
    pub encoding: Option<String>,
}
