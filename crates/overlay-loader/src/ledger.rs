use overlay_model::Diagnostic;
use serde::Deserialize;

use crate::code;

/// One measured score of a model: a line of `capability.jsonl`.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct CapabilityScore {
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

/// Reads the lines of a capability ledger; a line that is none is a finding.
pub(crate) fn read(text: &str) -> (Vec<CapabilityScore>, Vec<Diagnostic>) {
    let (mut scores, mut findings) = (Vec::new(), Vec::new());
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let span = start..start + line.trim_end().len();
        start += line.len();
        if line.trim().is_empty() {
            continue;
        }
        match serde_json::from_str::<CapabilityScore>(line) {
            Ok(it) if (0.0..=1.0).contains(&it.score) => scores.push(it),
            Ok(it) => {
                let message = format!("score {} is not from 0 to 1", it.score);
                findings.push(Diagnostic::error(code::FORM, message).at(text, span));
            }
            Err(err) => {
                // The place is the finding's own.
                let message = err.to_string();
                let message = message.split(" at line ").next().unwrap_or_default();
                findings.push(Diagnostic::error(code::FORM, message).at(text, span));
            }
        }
    }
    (scores, findings)
}
