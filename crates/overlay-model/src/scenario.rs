use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::name::ScenarioId;
use crate::rule::Rule;
use crate::structured::unquoted;

/// The scenarios of an installation: `scenarios.yaml`.
///
/// Reads the original's `eval_scenarios.yaml` unchanged; what it holds beside the
/// scenarios is kept as it is.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// The version of the file's format.
    #[serde(default)]
    pub schema_version: String,
    /// The scenarios, in file order.
    pub scenarios: Vec<Scenario>,
    /// Kept from the original; no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluation_framework: Option<String>,
    /// Kept from the original; no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_metrics: Option<serde_json::Value>,
    /// Kept from the original; no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluation_settings: Option<serde_json::Value>,
    /// Kept from the original; no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scoring_weights: Option<serde_json::Value>,
    /// Kept from the original; no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality_gates: Option<serde_json::Value>,
}

/// One task, with what an answer to it must be like.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its identifier; unique in the catalogue.
    pub id: ScenarioId,
    /// The kind of work, which overlays and flags name. The original has none: there it
    /// is the identifier.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The business category.
    #[serde(default)]
    pub category: String,
    /// How hard it is, from 0 to 1.
    #[serde(default, deserialize_with = "unquoted")]
    pub complexity: f64,
    /// One sentence.
    #[serde(default)]
    pub description: String,
    /// The facts, which stand in front of the prompt.
    #[serde(default)]
    pub context: String,
    /// What is asked.
    pub prompt: String,
    /// Earlier turns of the conversation, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub turns: Vec<Turn>,
    /// Facts that no context policy drops.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pinned: Vec<String>,
    /// Kept from the original; no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_capabilities: Option<serde_json::Value>,
    /// The weight in means over the catalogue; 1 where absent.
    #[serde(default = "one", deserialize_with = "unquoted")]
    pub evaluation_weight: f64,
    /// What an answer must be like.
    #[serde(default)]
    pub expect: Vec<Rule>,
    /// What a failure costs.
    #[serde(default)]
    pub severity: ScenarioSeverity,
    /// Words to select scenarios by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Whether the scenario belongs to every run.
    #[serde(default, deserialize_with = "unquoted")]
    pub critical: bool,
    /// The family whose answers are not independent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// How the router knows this kind of work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub router: Option<RouterHints>,
    /// Parameters of this scenario, above the overlay's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, ParameterText>,
}

impl Scenario {
    /// The kind of work: `type`, or the identifier where the file has none.
    pub fn kind(&self) -> &str {
        self.kind.as_deref().unwrap_or(self.id.as_str())
    }

    /// What the model is asked: the context, a blank line, the prompt.
    pub fn question(&self) -> String {
        match self.context.trim_end() {
            "" => self.prompt.clone(),
            context => format!("{context}\n\n{}", self.prompt),
        }
    }
}

/// What the failure of a scenario costs.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ScenarioSeverity {
    /// A blemish.
    Low,
    /// Work to mend.
    #[default]
    Medium,
    /// Damage.
    High,
}

/// One earlier message of a conversation.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// `user` or `assistant`.
    pub role: String,
    /// The text.
    pub content: String,
    /// The digest that chains this turn to the ones before, where the caller has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<crate::Digest>,
}

/// How the router knows a kind of work.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RouterHints {
    /// Categories; the first one is primary, the others secondary.
    #[serde(default)]
    pub categories: Vec<String>,
    /// Words that speak for it.
    #[serde(default)]
    pub keywords: Vec<String>,
}

/// The value of a parameter in a structured file: a number, a switch or a text.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ParameterText {
    /// `true` or `false`.
    Switch(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// Any text, written as in an overlay file.
    Text(String),
}

impl ParameterText {
    /// The value as an overlay file has it.
    pub fn to_text(&self) -> String {
        match self {
            Self::Switch(on) => on.to_string(),
            Self::Integer(number) => number.to_string(),
            Self::Number(number) => crate::value::canonical_number(*number),
            Self::Text(text) => text.clone(),
        }
    }
}

fn one() -> f64 {
    1.0
}
