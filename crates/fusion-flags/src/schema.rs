//! JSON Schema (2020-12) of the flag file. What the schema accepts has the form of a flag
//! file; what one part of a file says of another is the linter's.

use serde_json::{Value, json};

/// The schema of a flag file, [`crate::FlagFile`].
pub fn flag_file_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Flag file",
        "description": "The feature flags that choose overlays.",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "schema_version": {
                "description": "2; the original's files have none, match scenario types by part and let a missing confidence pass.",
                "anyOf": [{ "const": 2 }, { "type": "null" }],
            },
            "defaults": defaults(),
            "features": {
                "description": "The flags, in order: earlier ones give earlier candidates.",
                "type": "object",
                "propertyNames": { "pattern": "^[A-Za-z0-9_.][A-Za-z0-9_.-]{0,127}$" },
                "additionalProperties": { "$ref": "#/$defs/feature" },
            },
            "global": global(),
            "environments": {
                "description": "What differs by environment, the value of RESON_ENV.",
                "type": "object",
                "additionalProperties": environment(),
            },
        },
        "$defs": {
            "feature": feature(),
            "conditions": conditions(),
            "test": attribute_test(),
            "ramp": ramp(),
            "circuit_breaker": breaker(),
            "percent": { "type": ["number", "null"], "minimum": 0, "maximum": 100 },
            "share": { "type": ["number", "null"], "minimum": 0, "maximum": 1 },
            "overlay": { "type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,63}$" },
        },
    })
}

fn text(what: &str) -> Value {
    json!({ "description": what, "type": ["string", "null"] })
}

fn filled(what: &str) -> Value {
    json!({ "description": what, "type": ["string", "null"], "minLength": 1 })
}

fn switch(what: &str) -> Value {
    json!({ "description": what, "type": ["boolean", "null"] })
}

fn count(what: &str, most: u64) -> Value {
    json!({ "description": what, "type": ["integer", "null"], "minimum": 1, "maximum": most })
}

fn referring(what: &str, to: &str) -> Value {
    json!({ "description": what, "$ref": format!("#/$defs/{to}") })
}

fn words(what: &str, words: &[&str]) -> Value {
    let words: Vec<Value> = words.iter().map(|it| json!(it)).chain([Value::Null]).collect();
    json!({ "description": what, "enum": words })
}

fn object(what: &str, properties: Value) -> Value {
    json!({
        "description": what,
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    })
}

fn defaults() -> Value {
    object(
        "What a flag that says nothing does.",
        json!({
            "bucket_by": filled("The attribute that is bucketed; targetingKey, the unit, where absent."),
            "hash": words("How units are bucketed.", &["flagd-v3"]),
            "match": words("How scenario types are compared.", &["exact", "substring"]),
            "missing_confidence": words("What a missing confidence means.", &["deny", "allow"]),
        }),
    )
}

fn environment() -> Value {
    object(
        "The settings of one environment.",
        json!({
            "global_rollout_percentage": referring("Scales every rollout, in percent.", "percent"),
            "circuit_breaker_enabled": switch("Whether there are breakers."),
            "quality_gate_threshold": referring("The least measured quality of an overlay.", "share"),
        }),
    )
}

fn global() -> Value {
    object(
        "What holds for all flags.",
        json!({
            "default_strategy": filled("What answers where no flag offers an overlay: baseline_only, or a word that the service knows."),
            "circuit_breaker": breaker_of_all(),
            "metrics": {
                "description": "Kept from the original, no effect.",
                "type": ["object", "null"],
                "additionalProperties": false,
                "properties": {
                    "enabled": { "type": ["boolean", "null"] },
                    "track_latency": { "type": ["boolean", "null"] },
                    "track_quality": { "type": ["boolean", "null"] },
                    "track_token_usage": { "type": ["boolean", "null"] },
                },
            },
            "kill_switch": { "description": "Whether every overlay is off.", "type": "boolean" },
        }),
    )
}

fn feature() -> Value {
    object(
        "One flag.",
        json!({
            "description": text("One sentence."),
            "enabled_overlays": {
                "description": "The overlays it offers, best first.",
                "type": "array",
                "items": { "$ref": "#/$defs/overlay" },
            },
            "fallback_strategy": filled("What answers where none of them does: baseline_only, or a word that the service knows."),
            "rollout_percentage": referring("The share of units that is in; 100 where absent.", "percent"),
            "conditions": { "$ref": "#/$defs/conditions" },
            "owner": text("Who answers for it."),
            "kind": words("What kind of flag it is.", &["release", "ops", "kill_switch", "experiment"]),
            "expires": {
                "description": "The day it should be gone.",
                "type": ["string", "null"],
                "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
            },
            "salt": filled("What its buckets are salted with; its name where absent."),
            "enabled": switch("Whether it is on at all; on where absent."),
            "ramp": { "anyOf": [{ "$ref": "#/$defs/ramp" }, { "type": "null" }] },
            "requires": {
                "description": "Flags that must be on, or off.",
                "type": "array",
                "items": requirement(),
            },
            "variants": {
                "description": "Overlays with weights, one of which a unit gets.",
                "type": "object",
                "additionalProperties": variant(),
            },
            "active": { "anyOf": [active(), { "type": "null" }] },
            "circuit_breaker": { "anyOf": [{ "$ref": "#/$defs/circuit_breaker" }, { "type": "null" }] },
        }),
    )
}

fn requirement() -> Value {
    json!({
        "type": "object",
        "required": ["flag"],
        "additionalProperties": false,
        "properties": {
            "flag": { "description": "The other flag.", "type": "string" },
            "is": { "description": "What it must be.", "enum": ["on", "off"], "default": "on" },
        },
    })
}

fn variant() -> Value {
    json!({
        "type": "object",
        "required": ["weight"],
        "additionalProperties": false,
        "properties": {
            "overlay": {
                "description": "The overlay; none for a control group.",
                "anyOf": [{ "$ref": "#/$defs/overlay" }, { "type": "null" }],
            },
            "weight": {
                "description": "Its weight among the variants.",
                "type": "integer",
                "minimum": 0,
                "maximum": u32::MAX,
            },
        },
    })
}

fn active() -> Value {
    json!({
        "description": "The hours it applies in.",
        "type": "object",
        "required": ["hours"],
        "additionalProperties": false,
        "properties": {
            "hours": {
                "description": "Ranges of the day; one that ends before it begins spans midnight.",
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "string",
                    "pattern": "^ *[0-9]{1,2}:[0-9]{1,2} *- *[0-9]{1,2}:[0-9]{1,2} *$",
                },
            },
            "tz": text("The time zone, as the IANA database names it; UTC where absent."),
        },
    })
}

fn conditions() -> Value {
    object(
        "When the flag applies.",
        json!({
            "scenario_types": {
                "description": "The kinds of work; every kind where empty.",
                "type": "array",
                "items": { "type": "string", "pattern": "\\S" },
            },
            "confidence_threshold": referring("The least confidence of the scenario type.", "share"),
            "where": {
                "description": "Conditions on attributes; all must hold.",
                "type": "object",
                "additionalProperties": { "$ref": "#/$defs/test" },
            },
        }),
    )
}

fn attribute_test() -> Value {
    let list = |what: &str| json!({ "description": what, "type": ["array", "null"], "items": { "type": "string" } });
    let number = |what: &str| json!({ "description": what, "type": ["number", "null"] });
    let tests = [
        ("in", list("It is one of these.")),
        ("not_in", list("It is there, and none of these.")),
        ("starts_with", text("It begins with this.")),
        ("ends_with", text("It ends with this.")),
        ("semver", text("It is a version in this range: ^2.1.")),
        ("at_least", number("It is a number, and at least this.")),
        ("less_than", number("It is a number, and less than this.")),
    ];
    let one_of: Vec<Value> = tests
        .iter()
        .map(|(name, _)| {
            let mut set = serde_json::Map::new();
            set.insert((*name).to_owned(), json!({ "not": { "type": "null" } }));
            json!({ "required": [name], "properties": set })
        })
        .collect();
    let properties: serde_json::Map<String, Value> =
        tests.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    json!({
        "description": "A condition on one attribute; exactly one field.",
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
        "oneOf": one_of,
    })
}

fn ramp() -> Value {
    json!({
        "description": "A rollout by schedule, instead of rollout_percentage.",
        "type": "object",
        "required": ["start", "steps"],
        "additionalProperties": false,
        "properties": {
            "start": {
                "description": "When the first step begins: 2026-12-01T09:00Z.",
                "type": "string",
                "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}",
            },
            "steps": {
                "description": "The steps, none below the one before.",
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["percent"],
                    "additionalProperties": false,
                    "properties": {
                        "percent": { "type": "number", "minimum": 0, "maximum": 100 },
                        "hold": {
                            "description": "How long it stays: 30m, 1h, 1d12h; the last step has none.",
                            "type": ["string", "null"],
                            "pattern": "^([0-9]+[smhd])+$",
                        },
                    },
                },
            },
        },
    })
}

/// The settings of all breakers, with what only they have.
fn breaker_of_all() -> Value {
    let mut res = breaker();
    let share = referring(
        "The share of all breakers that may be open at a time; one always may. 0.5 where absent.",
        "share",
    );
    if let Some(properties) = res.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert("max_open_share".to_owned(), share);
    }
    res
}

fn breaker() -> Value {
    const YEAR: u64 = 366 * 86_400;
    let rate = |what: &str| json!({ "description": what, "type": ["number", "null"], "exclusiveMinimum": 0, "maximum": 1 });
    object(
        "When a breaker opens, and how it closes.",
        json!({
            "enabled": switch("Whether there is one."),
            "failure_threshold": count("Failures in a row that open it; 5 where absent.", 65_535),
            "recovery_timeout": count("Seconds until probes are let through; 300 where absent.", YEAR),
            "window": {
                "description": "A rate over time that opens it too.",
                "type": ["object", "null"],
                "required": ["seconds"],
                "additionalProperties": false,
                "properties": {
                    "seconds": { "description": "Its length.", "type": "integer", "minimum": 1, "maximum": YEAR },
                    "failure_rate": rate("The share of failures that opens."),
                    "min_calls": count("Calls below which no rate counts; 20 where absent.", u64::from(u32::MAX)),
                    "slow_ms": { "description": "A call that takes longer is slow.", "type": ["integer", "null"], "minimum": 0 },
                    "slow_rate": rate("The share of slow calls that opens."),
                },
            },
            "half_open": {
                "description": "How probes are let through.",
                "type": ["object", "null"],
                "additionalProperties": false,
                "properties": {
                    "max_probes": count("Probes at a time; 3 where absent.", 16),
                    "need": count("Successful probes that close it; max_probes where absent.", 255),
                    "lease": count("Seconds after which a lost probe gives its place back; 60 where absent.", YEAR),
                },
            },
        }),
    )
}
