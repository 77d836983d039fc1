//! Patterns and schemas, read once.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use jsonschema::Validator;
use overlay_model::Test;
use regex::Regex;

/// What a rule needs beside its own text.
#[derive(Clone, Debug)]
pub(crate) enum Pattern {
    /// Nothing.
    None,
    Regex(Arc<Regex>),
    Schema(Arc<Validator>),
    /// Why the rule cannot be evaluated.
    Invalid(String),
}

/// The most patterns that are kept.
const KEPT: usize = 1024;

thread_local! {
    // Reading a pattern takes far longer than a match, and the gates of one micro overlay
    // come back with every request.
    static READ: RefCell<HashMap<String, Pattern>> = RefCell::default();
}

impl Pattern {
    /// The pattern of a rule.
    pub(crate) fn of(test: &Test) -> Self {
        match test {
            Test::Regex(pattern) => kept(format!("regex {pattern}"), || regex(pattern)),
            Test::JsonSchema(schema) => kept(format!("schema {schema}"), || validator(schema)),
            _ => Self::None,
        }
    }
}

fn kept(key: String, read: impl FnOnce() -> Pattern) -> Pattern {
    READ.with_borrow_mut(|patterns| {
        if let Some(pattern) = patterns.get(&key) {
            return pattern.clone();
        }
        if patterns.len() >= KEPT {
            patterns.clear();
        }
        let pattern = read();
        patterns.insert(key, pattern.clone());
        pattern
    })
}

fn regex(pattern: &str) -> Pattern {
    match Regex::new(pattern) {
        Ok(regex) => Pattern::Regex(Arc::new(regex)),
        Err(err) => Pattern::Invalid(last_line(&err.to_string())),
    }
}

fn validator(schema: &serde_json::Value) -> Pattern {
    match jsonschema::draft202012::new(schema) {
        Ok(validator) => Pattern::Schema(Arc::new(validator)),
        Err(err) => Pattern::Invalid(err.to_string()),
    }
}

/// The line of a many-line message that says what is wrong.
fn last_line(message: &str) -> String {
    let line = message.lines().next_back().unwrap_or_default();
    line.trim().trim_start_matches("error: ").to_owned()
}
