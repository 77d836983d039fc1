//! The forms of a suite's files as JSON Schema 2020-12.

use serde_json::{Value, json};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// An object of exactly these properties, of which `required` must be there.
fn object(required: &[&str], properties: &Value) -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": required,
        "properties": properties,
    })
}

fn digest() -> Value {
    json!({"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"})
}

fn count() -> Value {
    json!({"type": "integer", "minimum": 0})
}

fn number_or_null() -> Value {
    json!({"type": ["number", "null"]})
}

/// An object of any keys with values of one form.
fn map(of: &Value) -> Value {
    json!({"type": "object", "additionalProperties": of})
}

fn list(of: &Value) -> Value {
    json!({"type": "array", "items": of})
}

/// The JSON Schema of a golden, form 2.0.
pub fn golden_schema() -> Value {
    let text = json!({"type": "string"});
    let hex16 = json!({"type": "string", "pattern": "^[0-9a-f]{16}$"});
    let length = json!({"type": "integer"});
    let lengths =
        json!({"baseline_length": length, "overlay_length": length, "length_delta": length});
    let overlay = json!({"name": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,63}$"}, "version": text, "digest": digest()});
    let mut overlay = object(&["name", "version", "digest"], &overlay);
    overlay["type"] = json!(["object", "null"]);
    let history = json!({"at": text, "by": text, "reason": text, "from": digest(), "to": digest()});
    let legacy = json!({"evaluation_scores": map(&json!({"type": "number"})), "execution_time_ms": {"type": "number"}});
    let sides = json!({"baseline": side(), "overlay": side()});
    let required = [
        "schema_version",
        "scenario_id",
        "baseline_output",
        "overlay_output",
        "execution_metrics",
        "rules_validation",
        "config_hash",
        "digest",
    ];
    let mut schema = object(
        &required,
        &json!({
            "schema_version": {"const": "2.0"},
            "scenario_id": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$"},
            "timestamp": text,
            "overlay": overlay,
            "baseline_output": text,
            "overlay_output": text,
            "execution_metrics": object(&["baseline_length", "overlay_length", "length_delta"], &lengths),
            "rules_validation": map(&json!({"type": "boolean"})),
            "config_hash": digest(),
            "overlay_keys": map(&hex16),
            "overlay_values": map(&text),
            "baseline_values": map(&text),
            "prompt_sections": map(&hex16),
            "scenario": map(&hex16),
            "sides": object(&["baseline", "overlay"], &sides),
            "cassette": list(&digest()),
            "recorded_by": list(&text),
            "history": list(&object(&["by", "reason"], &history)),
            "legacy": object(&[], &legacy),
            "digest": digest(),
        }),
    );
    schema["$schema"] = json!(DIALECT);
    schema["title"] = json!("Golden: what was accepted of a scenario");
    schema
}

fn side() -> Value {
    let text = json!({"type": "string"});
    let flag = json!({"type": "boolean"});
    let call = json!({"key": digest(), "model": text, "sample": count()});
    let vote = json!({"voter": text, "weight": count(), "candidate": {"type": ["integer", "null"], "minimum": 0}});
    let rule = json!({"id": text, "hard": flag, "pass": flag, "evidence": text});
    let tokens = json!({"encoding": text, "prompt": count(), "output": count()});
    let required = [
        "mode",
        "model",
        "requests",
        "calls",
        "accepted",
        "samples_used",
        "votes",
        "answer",
        "units",
        "rules",
    ];
    object(
        &required,
        &json!({
            "mode": text,
            "model": text,
            "requests": list(&digest()),
            "calls": list(&object(&["key", "model", "sample"], &call)),
            "accepted": flag,
            "samples_used": count(),
            "trust": number_or_null(),
            "entropy": number_or_null(),
            "votes": list(&object(&["voter", "weight"], &vote)),
            "answer": digest(),
            "units": {"type": "number", "minimum": 0},
            "rules": list(&object(&["id", "hard", "pass", "evidence"], &rule)),
            "tokens": object(&["encoding", "prompt", "output"], &tokens),
        }),
    )
}

/// The JSON Schema of a line of a cassette, form 1.
pub fn cassette_schema() -> Value {
    let text = json!({"type": "string"});
    let number = json!({"type": "number"});
    let message = json!({"content": text, "role": {"enum": ["system", "user", "assistant"]}});
    let request = json!({
        "frequency_penalty": number,
        "max_tokens": count(),
        "messages": list(&object(&["content", "role"], &message)),
        "model": text,
        "presence_penalty": number,
        "provider": text,
        "response_format": object(&["type"], &json!({"type": text})),
        "temperature": number,
        "top_p": number,
    });
    let latency = json!({"ttft_ms": number, "e2e_ms": number, "source": text});
    let judge = json!({"id": text, "score": number});
    let required = ["v", "key", "sample", "request", "response", "recorder", "recorded_by"];
    let mut schema = object(
        &required,
        &json!({
            "v": {"const": 1},
            "key": digest(),
            "sample": {"type": "integer", "minimum": 0, "maximum": u32::MAX},
            "request": object(&["messages", "model", "provider"], &request),
            "response": object(&["text"], &json!({"text": text, "finish_reason": text})),
            "usage": object(&[], &json!({"prompt_tokens": count(), "completion_tokens": count()})),
            "latency": object(&[], &latency),
            "labels": object(&["correct"], &json!({"correct": {"type": "boolean"}})),
            "judge": list(&object(&["id", "score"], &judge)),
            "recorded_at": text,
            "recorder": {"enum": ["model", "command", "authored"]},
            "recorded_by": text,
            "model_fingerprint": text,
        }),
    );
    schema["$schema"] = json!(DIALECT);
    schema["title"] = json!("Recording: one line of a cassette");
    schema
}

/// The JSON Schema of `suite.toml`, as JSON.
pub fn suite_schema() -> Value {
    let mut schema = object(
        &[],
        &json!({
            "schema": {"const": "fusion/suite/1"},
            "installation": {
                "type": "string",
                "description": "The installation's folder, relative to the suite; without it \
                                `configs` inside the suite, else `../configs`.",
            },
            "max_age_days": {
                "type": "integer",
                "minimum": 0,
                "description": "The age from which recordings of models and commands are reported.",
            },
        }),
    );
    schema["$schema"] = json!(DIALECT);
    schema["title"] = json!("Suite: goldens, cassettes and their installation");
    schema
}
