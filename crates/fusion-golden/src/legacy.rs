//! The original's goldens, and what is known to be wrong with them.

use std::collections::BTreeMap;

use overlay_model::Diagnostic;
use serde::Deserialize;

use crate::code;
use crate::golden::{Golden, Legacy, Lengths};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Original {
    scenario_id: String,
    timestamp: Option<String>,
    baseline_output: String,
    overlay_output: String,
    #[serde(default)]
    evaluation_scores: BTreeMap<String, f64>,
    execution_metrics: OriginalMetrics,
    #[serde(default)]
    rules_validation: BTreeMap<String, bool>,
    config_hash: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OriginalMetrics {
    execution_time_ms: Option<f64>,
    baseline_length: i64,
    overlay_length: i64,
    length_delta: i64,
}

/// The rules of the original's validator: a name, the least length, and words of which
/// one must occur, case aside.
const RULES: [(&str, usize, &[&str]); 5] = [
    ("addresses_context", 0, &["analyze", "recommend", "determine", "plan"]),
    ("appropriate_length", 101, &[]),
    ("contains_specific_steps", 0, &["step", "action"]),
    ("includes_rationale", 0, &["because", "reason"]),
    ("operational_focus", 0, &["implement", "execute", "process", "configure"]),
];

/// Reads one of the original's goldens; `None` where `text` is none.
pub(crate) fn read(text: &str) -> Option<(Option<Golden>, Vec<Diagnostic>)> {
    let original: Original = serde_json::from_str(text).ok()?;
    let mut findings = lengths(&original);
    findings.extend(config_hash(&original.config_hash));
    if !original.evaluation_scores.is_empty() {
        let message = format!(
            "{} scores of a surface heuristic cannot be verified; kept under `legacy`",
            original.evaluation_scores.len()
        );
        findings.push(Diagnostic::warning(code::SCORES, message));
    }
    findings.extend(rules(&original));
    let metrics = &original.execution_metrics;
    let golden = Golden {
        schema_version: "1.0".to_owned(),
        scenario_id: original.scenario_id,
        timestamp: original.timestamp,
        execution_metrics: Lengths {
            baseline_length: metrics.baseline_length,
            overlay_length: metrics.overlay_length,
            length_delta: metrics.length_delta,
        },
        legacy: Some(Legacy {
            evaluation_scores: original.evaluation_scores,
            execution_time_ms: metrics.execution_time_ms,
        }),
        baseline_output: original.baseline_output,
        overlay_output: original.overlay_output,
        rules_validation: original.rules_validation,
        config_hash: original.config_hash,
        ..Golden::default()
    };
    Some((Some(golden), findings))
}

fn lengths(original: &Original) -> Vec<Diagnostic> {
    let actual = |text: &str| i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    let metrics = &original.execution_metrics;
    let (baseline, overlay) = (actual(&original.baseline_output), actual(&original.overlay_output));
    let compared = [
        ("baseline_length", metrics.baseline_length, baseline),
        ("overlay_length", metrics.overlay_length, overlay),
        ("length_delta", metrics.length_delta, overlay - baseline),
    ];
    let wrong = compared.into_iter().filter(|(_, recorded, actual)| recorded != actual);
    let finding = |(name, recorded, actual)| {
        let message = format!("`{name}` says {recorded}, the text has {actual} characters");
        Diagnostic::warning(code::LENGTH, message)
    };
    wrong.map(finding).collect()
}

fn config_hash(hash: &str) -> Option<Diagnostic> {
    let digit = hash.chars().find(|c| !c.is_ascii_hexdigit())?;
    let message = format!("`config_hash` {hash} is not hexadecimal: it holds `{digit}`");
    Some(Diagnostic::warning(code::CONFIG_HASH, message))
}

fn rules(original: &Original) -> Vec<Diagnostic> {
    let text = original.overlay_output.to_lowercase();
    let differing = RULES.iter().filter_map(|(name, least, words)| {
        let recorded = *original.rules_validation.get(*name)?;
        let found = words.is_empty() || words.iter().any(|it| text.contains(it));
        let holds = found && original.overlay_output.chars().count() >= *least;
        (recorded != holds).then(|| {
            let message = format!("`{name}` is recorded as {recorded}, on the text it is {holds}");
            Diagnostic::warning(code::RULES_DIFFER, message)
        })
    });
    differing.collect()
}
