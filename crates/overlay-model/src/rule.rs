use serde::{Deserialize, Deserializer, Serialize};

use crate::structured::unquoted_option;

/// What an answer must be like.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rule {
    /// A name for reports; where none is given, the rule's kind and number.
    pub id: Option<String>,
    /// What a failure means.
    pub severity: RuleSeverity,
    /// The condition.
    #[serde(flatten)]
    pub test: Test,
}

/// What the failure of a rule means.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleSeverity {
    /// A veto: the answer must not be used.
    #[default]
    Hard,
    /// Counts towards trust.
    Soft,
}

/// The condition of a rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// The text occurs.
    Contains(String),
    /// The text does not occur.
    Not(String),
    /// The pattern (syntax of the `regex` crate) matches somewhere.
    Regex(String),
    /// The number that the answer concludes with equals this one.
    Number(f64),
    /// The answer is JSON that this JSON Schema (2020-12) accepts.
    JsonSchema(serde_json::Value),
    /// Every one of these texts occurs.
    Facts(Vec<String>),
    /// The answer has at most so many tokens.
    MaxTokens(u32),
    /// Whether the answer declines the request.
    Refusal(bool),
    /// Whether the answer comes to an end.
    Termination(bool),
    /// Whether the answer repeats itself.
    Repetition(bool),
}

impl Test {
    /// The name of the condition, as it is written in a scenario file.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Contains(_) => "contains",
            Self::Not(_) => "not",
            Self::Regex(_) => "regex",
            Self::Number(_) => "number",
            Self::JsonSchema(_) => "json_schema",
            Self::Facts(_) => "facts",
            Self::MaxTokens(_) => "max_tokens",
            Self::Refusal(_) => "refusal",
            Self::Termination(_) => "termination",
            Self::Repetition(_) => "repetition",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    id: Option<String>,
    #[serde(default)]
    severity: RuleSeverity,
    contains: Option<String>,
    not: Option<String>,
    regex: Option<String>,
    #[serde(default, deserialize_with = "unquoted_option")]
    number: Option<f64>,
    json_schema: Option<serde_json::Value>,
    facts: Option<Vec<String>>,
    #[serde(default, deserialize_with = "unquoted_option")]
    max_tokens: Option<u32>,
    #[serde(default, deserialize_with = "unquoted_option")]
    refusal: Option<bool>,
    #[serde(default, deserialize_with = "unquoted_option")]
    termination: Option<bool>,
    #[serde(default, deserialize_with = "unquoted_option")]
    repetition: Option<bool>,
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let raw = RawRule::deserialize(from)?;
        let mut tests = [
            raw.contains.map(Test::Contains),
            raw.not.map(Test::Not),
            raw.regex.map(Test::Regex),
            raw.number.map(Test::Number),
            raw.json_schema.map(Test::JsonSchema),
            raw.facts.map(Test::Facts),
            raw.max_tokens.map(Test::MaxTokens),
            raw.refusal.map(Test::Refusal),
            raw.termination.map(Test::Termination),
            raw.repetition.map(Test::Repetition),
        ]
        .into_iter()
        .flatten();
        match (tests.next(), tests.next()) {
            (Some(test), None) => Ok(Self { id: raw.id, severity: raw.severity, test }),
            _ => Err(serde::de::Error::custom(
                "a rule has exactly one of contains, not, regex, number, json_schema, facts, \
                 max_tokens, refusal, termination, repetition",
            )),
        }
    }
}
