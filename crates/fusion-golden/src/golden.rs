use std::collections::BTreeMap;

use fusion_plan::{CallRecord, CheckResult, OverlayRef, Vote};
use overlay_model::{Diagnostic, Digest};
use serde::{Deserialize, Serialize};

use crate::cassette::plain;
use crate::code;
use crate::json::{duplicate_keys, unique};
use crate::legacy;

/// The form that is written.
pub(crate) const SCHEMA_VERSION: &str = "2.0";
/// The most bytes a golden has.
pub(crate) const MAX_GOLDEN_BYTES: usize = 8 << 20;

/// What was accepted of a scenario: `<id>_golden.json`, form 2.0.
///
/// A superset of the original's form. Texts of both sides stand in it, so that a reader
/// sees what was accepted without any other file.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Golden {
    /// The version of the form: `2.0`, or `1.0` for one of the original's.
    pub schema_version: String,
    /// The scenario.
    pub scenario_id: String,
    /// When it was accepted, as RFC 3339 has it, where that was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    /// The overlay; none where the bare baseline answers.
    pub overlay: Option<OverlayRef>,
    /// The chosen answer of the bare baseline.
    pub baseline_output: String,
    /// The chosen answer of the overlay, or the baseline's where no step was accepted.
    pub overlay_output: String,
    /// The lengths of the answers.
    pub execution_metrics: Lengths,
    /// Whether each rule holds for the overlay's answer.
    #[serde(deserialize_with = "unique")]
    pub rules_validation: BTreeMap<String, bool>,
    /// The digest of `overlay_values`; what the file says, in one of the original's.
    pub config_hash: String,
    /// The first 16 hexadecimal digits of the SHA-256 of each of `overlay_values`.
    #[serde(default, deserialize_with = "unique")]
    pub overlay_keys: BTreeMap<String, String>,
    /// The values in force on the overlay's side, canonical, by key; defaults and
    /// timestamps left out.
    #[serde(default, deserialize_with = "unique")]
    pub overlay_values: BTreeMap<String, String>,
    /// The values in force on the baseline's side.
    #[serde(default, deserialize_with = "unique")]
    pub baseline_values: BTreeMap<String, String>,
    /// The first 16 hexadecimal digits of the SHA-256 of each section of the micro
    /// overlay, and of the whole text as `text`.
    #[serde(default, deserialize_with = "unique")]
    pub prompt_sections: BTreeMap<String, String>,
    /// The scenario as it was: the first 16 hexadecimal digits of the SHA-256 of
    /// `question`, `turns`, `pinned`, `parameters` and of each rule as `rule <id>`.
    #[serde(default, deserialize_with = "unique")]
    pub scenario: BTreeMap<String, String>,
    /// Per side, what was asked and what came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sides: Option<GoldenSides>,
    /// The SHA-256 of each line of the cassette that the plans may use, in file order.
    #[serde(default)]
    pub cassette: Vec<Digest>,
    /// What gave the recorded answers: `authored: RESONTINEX Fusion`.
    #[serde(default)]
    pub recorded_by: Vec<String>,
    /// Who accepted it, and why; newest last.
    #[serde(default)]
    pub history: Vec<HistoryEntry>,
    /// What was imported and gates nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legacy: Option<Legacy>,
    /// The digest of all other fields, as compact JSON in this order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
}

/// The lengths of the answers, in characters.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Lengths {
    /// Of the baseline's.
    pub baseline_length: i64,
    /// Of the overlay's.
    pub overlay_length: i64,
    /// The overlay's less the baseline's.
    pub length_delta: i64,
}

/// Both sides of a golden.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenSides {
    /// The bare baseline.
    pub baseline: GoldenSide,
    /// The overlay; the same as the baseline where no overlay answers.
    pub overlay: GoldenSide,
}

/// One side of a golden.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenSide {
    /// The mode in force.
    pub mode: String,
    /// The model that gave the answer.
    pub model: String,
    /// The keys of all calls the plan may make, in order.
    pub requests: Vec<Digest>,
    /// The calls that were made.
    pub calls: Vec<CallRecord>,
    /// Whether a step accepted the answer.
    pub accepted: bool,
    /// Candidates drawn in the last step.
    pub samples_used: usize,
    /// Trust in the answer; `None` where it is unknown.
    pub trust: Option<f64>,
    /// Spread of the candidates; `None` for one candidate.
    pub entropy: Option<f64>,
    /// The votes.
    pub votes: Vec<Vote>,
    /// The digest of the side's answer.
    pub answer: Digest,
    /// What it cost, in units of 10 µ$.
    pub units: f64,
    /// The rules, on the side's answer.
    pub rules: Vec<CheckResult>,
    /// Tokens of the first prompt and of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Tokens>,
}

/// Counted tokens.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Tokens {
    /// The vocabulary.
    pub encoding: String,
    /// Of the first call's prompt.
    pub prompt: usize,
    /// Of the answer.
    pub output: usize,
}

/// One acceptance.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryEntry {
    /// When, as RFC 3339 has it, where that was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// The key a recording had before it was bound to a changed request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Digest>,
    /// The key it has since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Digest>,
}

/// What the original recorded and nobody can verify; it gates nothing.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Legacy {
    /// Scores of a surface heuristic.
    #[serde(default, deserialize_with = "unique")]
    pub evaluation_scores: BTreeMap<String, f64>,
    /// How long the evaluation took, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_time_ms: Option<f64>,
}

impl Golden {
    /// The digest of all fields but [`Self::digest`].
    pub fn own_digest(&self) -> Digest {
        // A struct of strings, numbers and lists always has a JSON form.
        let bytes = match self.digest {
            None => serde_json::to_vec(self),
            Some(_) => serde_json::to_vec(&Self { digest: None, ..self.clone() }),
        };
        Digest::of(&bytes.unwrap_or_default())
    }

    /// The text of the file: pretty-printed, with its digest, the same bytes each time.
    pub fn to_text(&self) -> String {
        let sealed = Self { digest: Some(self.own_digest()), ..self.clone() };
        let mut text = serde_json::to_string_pretty(&sealed).unwrap_or_default();
        text.push('\n');
        text
    }
}

/// Reads a golden, ours or the original's, with every finding.
///
/// One of the original's comes back with `schema_version` 1.0, its scores under
/// [`Golden::legacy`], and each of its known defects named.
pub fn read_golden(text: &str) -> (Option<Golden>, Vec<Diagnostic>) {
    let first = match serde_json::from_str::<Golden>(text) {
        Ok(golden) if golden.schema_version == SCHEMA_VERSION => return sealed(golden),
        Ok(golden) => {
            let message = format!("form {}, this version reads 2.0", golden.schema_version);
            return (None, vec![Diagnostic::error(code::UNKNOWN_FORM, message)]);
        }
        Err(err) => err,
    };
    let twice = duplicate_keys(text);
    if !twice.is_empty() {
        return (None, twice);
    }
    if let Some(read) = legacy::read(text) {
        return read;
    }
    let line = text.split_inclusive('\n').take(first.line().saturating_sub(1));
    let at = line.map(str::len).sum::<usize>() + first.column().saturating_sub(1);
    let hint = "take the file back from version control, or run `golden update --reason`";
    let finding = Diagnostic::error(code::UNREADABLE, plain(&first)).at(text, at..at).hint(hint);
    (None, vec![finding])
}

/// A golden whose digest is the one it carries.
fn sealed(mut golden: Golden) -> (Option<Golden>, Vec<Diagnostic>) {
    let carried = golden.digest.take();
    let own = golden.own_digest();
    golden.digest = Some(own);
    if carried == Some(own) {
        return (Some(golden), Vec::new());
    }
    let message = match carried {
        Some(carried) => {
            format!("the golden says its digest is {}, it is {}", carried.short(), own.short())
        }
        None => "the golden carries no digest".to_owned(),
    };
    let hint = "it was changed by hand: take it back from version control, or accept what \
                replays now with `golden update --reason`";
    (Some(golden), vec![Diagnostic::error(code::EDITED_GOLDEN, message).hint(hint)])
}
