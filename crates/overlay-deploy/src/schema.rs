//! JSON Schema (2020-12) of `deploy.toml`. What the schema accepts has the form of such a
//! file; what one part of it says of another is the reader's.

use serde_json::{Value, json};

use crate::file::FORMAT;

/// The schema of a `deploy.toml`, [`crate::DeployFile`].
pub fn deploy_file_schema() -> Value {
    let name = json!({ "pattern": "^[a-z0-9][a-z0-9_-]{0,63}$" });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Deployment rules",
        "description": "How each environment is deployed to, and by which checks.",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "schema": { "const": FORMAT },
            "analysis": { "$ref": "#/$defs/analysis" },
            "environments": {
                "description": "The environments: development, staging, production, or any other.",
                "type": "object",
                "propertyNames": name,
                "additionalProperties": { "$ref": "#/$defs/environment" },
            },
            "checks": {
                "description": "Checks of one's own, by the name that environments list.",
                "type": "object",
                "propertyNames": {
                    "allOf": [name, { "not": { "enum": ["schema", "load", "golden", "promoted"] } }],
                },
                "additionalProperties": { "$ref": "#/$defs/check" },
            },
        },
        "$defs": {
            "environment": environment(),
            "analysis": analysis(),
            "check": { "oneOf": [command(), http(), metric()] },
            "span": {
                "description": "A length of time: 250ms, 30s, 5m, 1h 30m.",
                "type": "string",
                "minLength": 2,
            },
        },
    })
}

fn span(what: &str) -> Value {
    json!({ "description": what, "$ref": "#/$defs/span" })
}

fn number(what: &str, least: f64, most: f64) -> Value {
    json!({ "description": what, "type": "number", "minimum": least, "maximum": most })
}

fn environment() -> Value {
    json!({
        "description": "How an environment is deployed to.",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "mode": {
                "description": "How a candidate becomes stable, unless the command line says another.",
                "enum": crate::mode::Mode::ALL,
            },
            "stages": {
                "description": "The shares of a staged rollout in percent, growing; the last one is 100.",
                "type": "array",
                "items": { "type": "number", "exclusiveMinimum": 0, "maximum": 100 },
                "minItems": 2,
                "maxItems": 50,
            },
            "bake": span("The shortest time of a stage, and how long a new generation is watched."),
            "min_samples": {
                "description": "The fewest samples each arm needs in a stage.",
                "type": "integer",
                "minimum": 1,
                "maximum": 10_000_000,
            },
            "max_stage": span("After this time a stage without verdict pauses; at least bake."),
            "checks": {
                "description": "Built in are schema and load, which always run, and golden.",
                "type": "array",
                "items": { "type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,63}$" },
            },
            "after": {
                "description": "The environment in which the same tree has to pass first.",
                "type": "string",
                "pattern": "^[a-z0-9][a-z0-9_-]{0,63}$",
            },
            "analysis": { "$ref": "#/$defs/analysis" },
        },
    })
}

fn analysis() -> Value {
    json!({
        "description": "What stages are held to.",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "false_abort": number(
                "The probability that a harmless rollout is ever aborted.", 1e-6, 0.2,
            ),
            "error_ratio": number(
                "How many times the control's error rate, surely, aborts at once.", 1.1, 1000.0,
            ),
            "p95": span("The block limit of the 95th percentile of the durations."),
            "tolerate_errors": number("How many times as frequent errors may be.", 1.0, 100.0),
            "tolerate_latency": number("How many times as long answers may take.", 1.0, 100.0),
            "tolerate_tokens": number("How many times as many tokens answers may be.", 1.0, 100.0),
        },
    })
}

/// A check of one kind: the keys of all, and its own.
fn check(kind: &str, required: &[&str], own: Value) -> Value {
    let mut properties = json!({
        "kind": { "const": kind },
        "timeout": span("How long it may take."),
        "when": {
            "description": "When it runs; pre where nothing is said.",
            "type": "array",
            "items": { "enum": ["pre", "stage", "post"] },
        },
    });
    if let (Some(all), Value::Object(own)) = (properties.as_object_mut(), own) {
        all.extend(own);
    }
    let required: Vec<&str> = ["kind"].iter().chain(required).copied().collect();
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": required,
        "properties": properties,
    })
}

fn command() -> Value {
    let own = json!({
        "argv": {
            "description": "The program and its arguments, without a shell; exit code 0 passes.",
            "type": "array",
            "items": { "type": "string" },
            "minItems": 1,
        },
    });
    check("command", &["argv"], own)
}

fn http() -> Value {
    let own = json!({
        "url": { "type": "string", "pattern": "^https?://[^/]" },
        "status": { "type": "integer", "minimum": 100, "maximum": 599 },
        "contains": { "description": "A text the answer has to hold.", "type": "string" },
    });
    check("http", &["url"], own)
}

fn metric() -> Value {
    let own = json!({
        "prometheus": { "type": "string", "pattern": "^https?://[^/]" },
        "query": { "description": "A PromQL query that gives one number.", "type": "string" },
        "below": { "type": "number" },
        "above": { "type": "number" },
    });
    let mut res = check("metric", &["prometheus", "query"], own);
    if let Some(object) = res.as_object_mut() {
        object.insert(
            "oneOf".to_owned(),
            json!([
                { "required": ["below"] },
                { "required": ["above"] },
            ]),
        );
    }
    res
}
