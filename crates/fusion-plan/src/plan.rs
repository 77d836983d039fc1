use overlay_model::{Digest, OverlayName, Rule, Turn};
use overlay_schema::{
    Caching, Continuity, FusionMode, ModelSelection, Monitoring, PiiDetection, Providers,
    SecurityMode, TrustModel, Voter,
};
use serde::Serialize;

use crate::render::{canonical_digest, to_value};

/// What is asked, by whom the answer is checked, and what is known at that moment.
#[derive(Clone, Debug, Default)]
pub struct Request<'a> {
    /// The overlay that was selected, for the record; `None` for the bare baseline.
    pub overlay: Option<OverlayRef>,
    /// The last message of the user.
    pub question: &'a str,
    /// The turns before it, oldest first.
    pub turns: &'a [Turn],
    /// Facts that no context policy drops.
    pub pinned: &'a [String],
    /// What an answer must be like, beside the checks of the micro overlay.
    pub rules: &'a [Rule],
    /// The kind of work, for the capability ledger.
    pub scenario_type: &'a str,
    /// What the overlay has spent today, in units of 10 µ$.
    pub spent_today: f64,
    /// Hours since any fixed moment, the one that [`Observation::hours`] counts from.
    pub now_hours: f64,
}

/// The models that may be asked.
#[derive(Clone, Copy, Debug)]
pub struct Models<'a> {
    /// Endpoints and prices.
    pub providers: &'a Providers,
    /// What was measured of the models; may be empty.
    pub ledger: &'a [Observation],
}

/// One measured score of a model.
#[derive(Clone, Debug, PartialEq, Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observation {
    /// The model's id.
    pub model: String,
    /// The kind of work; an empty one counts for every kind.
    #[serde(default)]
    pub scenario_type: String,
    /// The share of answers that passed, from 0 to 1.
    pub score: f64,
    /// When, in hours since a fixed moment.
    pub hours: f64,
}

/// The overlay that a plan rests on.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, serde::Deserialize)]
pub struct OverlayRef {
    /// Its name.
    pub name: OverlayName,
    /// Its version.
    pub version: String,
    /// The digest of its settings.
    pub digest: Digest,
}

/// All that is decided before the first call: pure, printable, with a digest.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExecutionPlan {
    /// The overlay, or `None` for the bare baseline.
    pub overlay: Option<OverlayRef>,
    /// The mode in force.
    pub mode: FusionMode,
    /// Why the mode is not the one of the settings, where it is not.
    pub mode_reason: Option<String>,
    /// How the models were chosen.
    pub model_selection: ModelSelection,
    /// The models with what speaks for them, best first; empty for `single_model`.
    pub ranking: Vec<Ranked>,
    /// The steps in order; a step is taken where the one before was not accepted.
    pub steps: Vec<Step>,
    /// The least trust at which an answer is accepted.
    pub trust_floor: f64,
    /// Which terms make up trust.
    pub trust_model: TrustModel,
    /// How much disagreement ends sampling.
    pub entropy_floor: f64,
    /// Who votes; empty for no vote.
    pub voters: Vec<(Voter, u32)>,
    /// The grace window once an acceptable candidate is there, in milliseconds.
    pub grace_ms: u64,
    /// The deadline of the whole request, in milliseconds.
    pub deadline_ms: u64,
    /// Whether breakers watch the calls.
    pub breaker: bool,
    /// Whether answers are kept, and for which requests.
    pub caching: Caching,
    /// Whether the same request always has the same answer by its parameters
    /// (temperature 0 and one sample).
    pub deterministic: bool,
    /// What is measured.
    pub monitoring: Monitoring,
    /// Whether records hold prompts.
    pub security: SecurityMode,
    /// What is done about personal data.
    pub pii: PiiDetection,
    /// How many pieces of personal data were taken out of the request.
    pub redactions: usize,
    /// The most one request may spend, in units of 10 µ$.
    pub max_energy_units: Option<u64>,
    /// What goes along of the conversation.
    pub context: ContextReport,
    /// The conditions on every candidate.
    pub rules: Vec<Rule>,
    /// Facts that no context policy drops.
    pub pinned: Vec<String>,
    /// Parameters of the settings that a model does not take, with the reason.
    pub dropped: Vec<String>,
}

/// A model with what speaks for it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ranked {
    /// The model.
    pub model: String,
    /// Its measured score or its share of the weights, four decimals; `None` where nothing
    /// was measured.
    pub score: Option<f64>,
}

impl ExecutionPlan {
    /// The digest of everything decided: SHA-256 of the plan's canonical JSON.
    pub fn digest(&self) -> Digest {
        canonical_digest(&to_value(self))
    }

    /// Under which key the outcome may be kept and given again, by `ADAPTIVE_CACHING`.
    ///
    /// `None` where caching is off or the plan leaves something to chance. With
    /// `aggressive` the texts count without case and with single spaces.
    pub fn cache_key(&self) -> Option<Digest> {
        match self.caching {
            Caching::Exact | Caching::Aggressive if !self.deterministic => None,
            Caching::Off => None,
            Caching::Exact => Some(self.digest()),
            Caching::Aggressive => {
                let mut plan = self.clone();
                let calls = plan.steps.iter_mut().flat_map(|step| &mut step.calls);
                for message in calls.flat_map(|call| &mut call.request.messages) {
                    let words: Vec<_> = message.content.split_whitespace().collect();
                    message.content = words.join(" ").to_lowercase();
                }
                Some(plan.digest())
            }
        }
    }
}

/// A group of calls of which the best candidate is judged.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// The calls, in the order in which samples are drawn.
    pub calls: Vec<Call>,
    /// How many calls are made before the first judgement; the rest follow one by one
    /// until the candidates agree.
    pub first: usize,
}

/// One call of a model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Call {
    /// The rendered request.
    pub request: RenderedRequest,
    /// Which of the samples of this request it is, from 0.
    pub sample: u32,
}

/// A request as the provider gets it. Fields are in alphabetical order, so that the
/// serialised form is canonical.
#[derive(Clone, Debug, PartialEq, Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenderedRequest {
    /// `frequency_penalty`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frequency_penalty: Option<f64>,
    /// `max_tokens`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u64>,
    /// The messages.
    pub messages: Vec<Message>,
    /// The model's id.
    pub model: String,
    /// `presence_penalty`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presence_penalty: Option<f64>,
    /// The name of the provider; not part of the body that is sent.
    pub provider: String,
    /// `response_format`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_format: Option<ResponseFormatParam>,
    /// `temperature`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// `top_p`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
}

/// `response_format` of a request.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, serde::Deserialize)]
pub struct ResponseFormatParam {
    /// `json_object`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// One message of a request.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// The text.
    pub content: String,
    /// `system`, `user` or `assistant`.
    pub role: String,
}

/// What goes along of a conversation.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct ContextReport {
    /// The policy.
    pub policy: Option<Continuity>,
    /// Turns that go along.
    pub kept_turns: usize,
    /// Turns that stay behind.
    pub dropped_turns: usize,
    /// Tokens of the turns that go along; 0 where nothing had to be counted.
    pub kept_tokens: u64,
    /// Tokens of the turns that stay behind.
    pub dropped_tokens: u64,
    /// Pinned facts that go along.
    pub pinned: usize,
    /// Whether the chain of turns was verified.
    pub chain_verified: bool,
}
