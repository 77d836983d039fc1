use overlay_model::Digest;
use serde::Serialize;

use crate::plan::Call;

/// What a model answered to one call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The text.
    pub text: String,
    /// Why the model stopped: `stop`, `length`, …; empty where not known.
    pub finish_reason: String,
    /// Prompt tokens, as recorded.
    pub prompt_tokens: u64,
    /// Answer tokens, as recorded.
    pub completion_tokens: u64,
    /// Time from request to last byte, in milliseconds, where recorded.
    pub e2e_ms: Option<f64>,
    /// Score of a recorded judge from 0 to 1, where there is one.
    pub judge: Option<f64>,
}

/// What came of a plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// The chosen answer; empty where nothing was accepted.
    pub answer: String,
    /// Whether a step accepted it. Where not, the baseline's answer is due.
    pub accepted: bool,
    /// The model that gave it.
    pub model: String,
    /// The calls that were made, in order.
    pub calls: Vec<CallRecord>,
    /// The step that was accepted, or the last one, from 0.
    pub step: usize,
    /// Candidates drawn in that step.
    pub samples_used: usize,
    /// Whether sampling ended before all calls of the step were made.
    pub stopped_early: bool,
    /// Trust in the answer, four decimals; `None` where it is unknown.
    pub trust: Option<f64>,
    /// The terms of trust.
    pub terms: TrustTerms,
    /// Spread of the candidates, from 0 to 1; `None` for one candidate, and where they are
    /// long texts that all differ: these may agree in other words.
    pub entropy: Option<f64>,
    /// Share of the candidates that say the same as the answer: 1 for one candidate, 0
    /// where the spread is not measured.
    pub share: f64,
    /// Whether the spread asks for a person's look.
    pub review: bool,
    /// The votes, in the order of the map.
    pub votes: Vec<Vote>,
    /// The conditions on the chosen answer.
    pub checks: Vec<CheckResult>,
    /// What it cost, in units of 10 µ$, two decimals.
    pub units: f64,
    /// Models without a known price, whose calls `units` does not hold.
    pub unpriced: Vec<String>,
    /// Recorded time of the calls in milliseconds, where monitoring is on and all were
    /// recorded.
    pub stage_ms: Option<f64>,
    /// Digests of the requests with their answers, where monitoring is comprehensive.
    pub trace: Vec<String>,
    /// The question as records keep it: the text, or its digest where security is
    /// enhanced.
    pub logged_question: String,
}

/// One call that was made.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallRecord {
    /// The key of the recording.
    pub key: Digest,
    /// The model.
    pub model: String,
    /// The sample, from 0.
    pub sample: u32,
}

/// The terms that trust is made of, four decimals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct TrustTerms {
    /// Checks passed: (passed + 0.5) / (checks + 1).
    pub alignment: Option<f64>,
    /// Spread of the candidates.
    pub risk: Option<f64>,
    /// Width of the 95 % Wilson interval of the winning share.
    pub band: Option<f64>,
}

/// One vote.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vote {
    /// The voter, as `VOTING_POWER_MAP` names it.
    pub voter: String,
    /// Its weight.
    pub weight: u32,
    /// The candidate it is for, from 0; `None` where it had none to be for.
    pub candidate: Option<usize>,
}

/// What became of one condition.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckResult {
    /// The rule's name.
    pub id: String,
    /// Whether a failure is a veto.
    pub hard: bool,
    /// Whether the answer passes.
    pub pass: bool,
    /// Why not, or what was found.
    pub evidence: String,
}

/// A call without a recorded answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("no recorded answer of {} for sample {}", call.request.model, call.sample)]
pub struct MissingAnswer {
    /// The call.
    pub call: Box<Call>,
    /// The key under which it would be recorded.
    pub key: Digest,
}
