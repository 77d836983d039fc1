//! The forms of the gate's files as JSON Schema 2020-12.

use serde_json::{Value, json};

use super::file::BUDGETS_SCHEMA;

/// The JSON Schema of `budgets.toml`, as JSON.
pub fn budgets_schema() -> Value {
    // The text is part of this crate, and a test reads it.
    serde_json::from_str(BUDGETS_SCHEMA).unwrap_or_default()
}

/// The JSON Schema of a [`super::BudgetReport`], form 1.
pub fn budget_report_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Budget report: what a candidate costs and breaks against its bases",
        "type": "object",
        "additionalProperties": false,
        "required": [
            "schema", "verdict", "bases", "candidate", "checks", "explanations", "bills",
            "pairs", "noise", "notes", "findings",
        ],
        "properties": {
            "schema": {"const": "fusion/budget-report/1"},
            "verdict": {"$ref": "#/$defs/verdict"},
            "bases": {"type": "array", "items": {"$ref": "#/$defs/side"}},
            "candidate": {"$ref": "#/$defs/side"},
            "checks": {"type": "array", "items": {"$ref": "#/$defs/check"}},
            "explanations": {"type": "array", "items": {"$ref": "#/$defs/explanation"}},
            "bills": {"type": "array", "items": {"$ref": "#/$defs/bill"}},
            "pairs": {"type": "array", "items": {"$ref": "#/$defs/pair"}},
            "noise": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/noise"}]},
            "notes": {"type": "array", "items": {"type": "string"}},
            "findings": {"type": "array", "items": {"type": "object", "required": ["path"]}},
        },
        "$defs": definitions(),
    })
}

fn definitions() -> Value {
    json!({
        "verdict": {"enum": ["pass", "warn", "insufficient", "stale", "fail", "invalid"]},
        "number": {"type": ["number", "null"]},
        "count": {"type": "integer", "minimum": 0},
        "text": {"type": ["string", "null"]},
        "interval": object(&["lower", "upper"], &json!({
            "lower": {"$ref": "#/$defs/number"},
            "upper": {"$ref": "#/$defs/number"},
        })),
        "side": object(&["name", "digest", "scenarios"], &json!({
            "name": {"type": "string"},
            "digest": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
            "scenarios": {"$ref": "#/$defs/count"},
        })),
        "subject": {"enum": [
            "suite", "recordings", "catalogue", "selection", "settings", "limits", "prompt_tokens",
            "output_tokens", "cost", "latency_p95", "failures", "quality", "quality_watch",
            "hard_rules", "baseline",
        ]},
        "check": check(),
        "change": object(&["key", "from", "to", "file", "line", "tokens"], &json!({
            "key": {"type": "string"},
            "from": {"$ref": "#/$defs/text"},
            "to": {"$ref": "#/$defs/text"},
            "file": {"$ref": "#/$defs/text"},
            "line": {"type": ["integer", "null"], "minimum": 1},
            "tokens": {"type": ["integer", "null"]},
        })),
        "explanation": object(
            &["name", "against", "overlay", "scenario", "changes", "separable", "evidence"],
            &json!({
                "name": {"$ref": "#/$defs/subject"},
                "against": {"type": "string"},
                "overlay": {"$ref": "#/$defs/text"},
                "scenario": {"type": "string"},
                "changes": {"type": "array", "items": {"$ref": "#/$defs/change"}},
                "separable": {"type": "boolean"},
                "evidence": {"type": "string"},
            }),
        ),
        "counts": two(&json!({"type": ["integer", "null"], "minimum": 0})),
        "bill": object(&["against", "overlay", "scenario", "tokens", "changes"], &json!({
            "against": {"type": "string"},
            "overlay": {"$ref": "#/$defs/text"},
            "scenario": {"type": "string"},
            "tokens": {"$ref": "#/$defs/counts"},
            "changes": {"type": "array", "items": {"$ref": "#/$defs/change"}},
        })),
        "pair": object(
            &[
                "against", "scenario", "overlay", "identical", "prompt_tokens", "output_tokens",
                "latency_ms",
            ],
            &json!({
                "against": {"type": "string"},
                "scenario": {"type": "string"},
                "overlay": {"$ref": "#/$defs/text"},
                "identical": {"type": "boolean"},
                "prompt_tokens": {"$ref": "#/$defs/counts"},
                "output_tokens": {"$ref": "#/$defs/counts"},
                "latency_ms": two(&json!({"$ref": "#/$defs/number"})),
            }),
        ),
        "noise": object(&["n", "delta", "interval"], &json!({
            "n": {"$ref": "#/$defs/count"},
            "delta": {"type": "number"},
            "interval": {"$ref": "#/$defs/interval"},
        })),
    })
}

fn check() -> Value {
    object(
        &[
            "name",
            "against",
            "overlay",
            "scenario",
            "base",
            "candidate",
            "delta",
            "interval",
            "interval_of",
            "warn",
            "block",
            "n",
            "identical",
            "missing",
            "n_needed",
            "verdict",
            "reason",
            "keys",
            "message",
        ],
        &json!({
            "name": {"$ref": "#/$defs/subject"},
            "against": {"type": "string"},
            "overlay": {"$ref": "#/$defs/text"},
            "scenario": {"$ref": "#/$defs/text"},
            "base": {"$ref": "#/$defs/number"},
            "candidate": {"$ref": "#/$defs/number"},
            "delta": {"$ref": "#/$defs/number"},
            "interval": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/interval"}]},
            "interval_of": {
                "description": "what interval, warn and block are about; counted: times of the \
                                candidate, each as far over or under warn and block as it is over \
                                or under the limits of its own scenario",
                "enum": ["delta", "candidate", "counted"],
            },
            "warn": {"$ref": "#/$defs/number"},
            "block": {"$ref": "#/$defs/number"},
            "n": {"$ref": "#/$defs/count"},
            "identical": {"$ref": "#/$defs/count"},
            "missing": {"$ref": "#/$defs/count"},
            "n_needed": {"type": ["integer", "null"], "minimum": 0},
            "verdict": {"$ref": "#/$defs/verdict"},
            "reason": {"enum": [
                "identity", "exact", "decided", "too_few", "missing", "no_pairs", "bad_value",
                "bad_limits", "no_figure",
            ]},
            "keys": {"type": "array", "items": {"type": "string"}},
            "message": {"type": "string"},
        }),
    )
}

fn object(required: &[&str], properties: &Value) -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": required,
        "properties": properties,
    })
}

/// The base's and the candidate's.
fn two(of: &Value) -> Value {
    json!({"type": "array", "items": of, "minItems": 2, "maxItems": 2})
}
