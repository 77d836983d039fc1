use overlay_model::Digest;
use serde::Serialize;

use super::attribution::Explanation;
use super::measured::Measurement;
use crate::report::{FileFinding, Verdict};
use crate::statistics::Gate;

/// What a candidate comes to against a base: the one model that every report is written
/// from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BudgetReport {
    /// The version of this form: `fusion/budget-report/1`.
    pub schema: &'static str,
    /// The worst verdict.
    pub verdict: Verdict,
    /// What it is measured against.
    pub base: Side,
    /// What is measured.
    pub candidate: Side,
    /// The checks: those of overlays first, then those of scenarios.
    pub checks: Vec<BudgetCheck>,
    /// What explains the checks that do not pass.
    pub explanations: Vec<Explanation>,
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

/// What is checked.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The scenarios of both sides.
    Suite,
    /// Which overlay answers.
    Selection,
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
            Self::Selection => "selection",
            Self::PromptTokens => "prompt_tokens",
            Self::OutputTokens => "output_tokens",
            Self::Cost => "cost",
            Self::LatencyP95 => "latency_p95",
            Self::Failures => "failures",
            Self::HardRules => "hard_rules",
            Self::Baseline => "baseline",
        }
    }
}

/// One check.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BudgetCheck {
    /// What is checked.
    pub name: Subject,
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
