use serde::Serialize;
use serde_json::{Value, json};
use thiserror::Error;

use crate::file::{Flag, FlagdFile, Rule};

/// What a flag says to one context.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluation<'a> {
    /// The value; `None` where the caller's own default holds.
    pub value: Option<&'a Value>,
    /// The variant that has it.
    pub variant: Option<&'a str>,
    /// Why.
    pub reason: Variation,
}

/// Why a flag says what it says, by flagd's names.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Variation {
    /// It has no rule.
    Static,
    /// The rule chose the variant.
    TargetingMatch,
    /// The rule chose none.
    Default,
    /// The flag is switched off.
    Disabled,
}

/// Why a flag says nothing.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EvaluationError {
    /// There is no such flag.
    #[error("there is no flag `{0}`")]
    NotFound(String),
    /// Its rule is none.
    #[error("the rule of `{flag}` is broken: {reason}")]
    Rule {
        /// The flag.
        flag: String,
        /// What is wrong with the rule.
        reason: String,
    },
    /// Its rule, or its default, names a variant that it does not have.
    #[error("`{flag}` has no variant `{variant}`")]
    Variant {
        /// The flag.
        flag: String,
        /// The variant that was named.
        variant: String,
    },
}

impl FlagdFile {
    /// What the flag `key` says to `context`, an object with the unit as `targetingKey`,
    /// at `now_s`, in seconds since 1970.
    ///
    /// # Errors
    ///
    /// Where there is no such flag, or its rule is broken or names a variant that there is
    /// not.
    pub fn evaluate(
        &self,
        key: &str,
        context: &Value,
        now_s: i64,
    ) -> Result<Evaluation<'_>, EvaluationError> {
        let flag = self.flags.get(key).ok_or_else(|| EvaluationError::NotFound(key.to_owned()))?;
        if !flag.enabled {
            return Ok(Evaluation { value: None, variant: None, reason: Variation::Disabled });
        }
        let logic = match &flag.rule {
            Rule::None => return flag.default(key, Variation::Static),
            Rule::Broken(reason) => return Err(broken(key, reason.clone())),
            Rule::Logic(logic) => logic,
        };
        let mut data = context.as_object().cloned().unwrap_or_default();
        data.insert("$flagd".to_owned(), json!({ "flagKey": key, "timestamp": now_s }));
        let mut session = self.engine.session();
        let chosen: Value = session
            .eval_into(logic, &Value::Object(data))
            .map_err(|err| broken(key, err.to_string()))?;
        let chosen = match &chosen {
            Value::Null => return flag.default(key, Variation::Default),
            Value::String(name) => name.clone(),
            // A rule that is only a condition chooses by its outcome.
            other => other.to_string(),
        };
        flag.variant(key, &chosen, Variation::TargetingMatch)
    }
}

fn broken(flag: &str, reason: String) -> EvaluationError {
    EvaluationError::Rule { flag: flag.to_owned(), reason }
}

impl Flag {
    fn default(&self, key: &str, reason: Variation) -> Result<Evaluation<'_>, EvaluationError> {
        match &self.default {
            Some(name) => self.variant(key, name, reason),
            None => Ok(Evaluation { value: None, variant: None, reason: Variation::Default }),
        }
    }

    fn variant(
        &self,
        key: &str,
        name: &str,
        reason: Variation,
    ) -> Result<Evaluation<'_>, EvaluationError> {
        let found = self.variants.get_key_value(name);
        let (variant, value) = found.ok_or_else(|| EvaluationError::Variant {
            flag: key.to_owned(),
            variant: name.to_owned(),
        })?;
        Ok(Evaluation { value: Some(value), variant: Some(variant), reason })
    }
}
