//! JSON Schema (2020-12) of the formats whose types stand in this crate. A text that the
//! schema accepts loads and has no finding that is an error, as far as a schema can say:
//! it compares neither identifiers nor digests, and reads no text of a parameter.

use serde_json::{Map, Value, json};

use crate::rule::Test;

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The schema of a scenario file, [`crate::Catalogue`].
pub fn catalogue_schema() -> Value {
    let kept = |what: &str| json!({ "description": format!("{what}; kept from the original, no effect.") });
    json!({
        "$schema": DIALECT,
        "title": "Scenario catalogue",
        "description": "The scenarios of an installation: tasks, and what an answer to each must be like.",
        "type": "object",
        "required": ["scenarios"],
        "additionalProperties": false,
        "properties": {
            "schema_version": text("The version of the file's format."),
            "scenarios": {
                "description": "The scenarios; their identifiers differ.",
                "type": "array",
                "items": { "$ref": "#/$defs/scenario" },
            },
            "evaluation_framework": {
                "description": "A name; kept from the original, no effect.",
                "type": ["string", "null"],
            },
            "target_metrics": kept("Wanted improvements"),
            "evaluation_settings": kept("Settings"),
            "scoring_weights": kept("Weights of scores"),
            "quality_gates": kept("Lowest scores"),
        },
        "$defs": {
            "scenario": scenario(),
            "turn": turn(),
            "router": router(),
            "rule": rule(),
        },
    })
}

fn scenario() -> Value {
    let mut schema = json!({
        "description": "One task, with what an answer to it must be like.",
        "type": "object",
        "required": ["id", "prompt"],
        "additionalProperties": false,
    });
    if let (Value::Object(schema), Value::Object(mut properties), Value::Object(rest)) =
        (&mut schema, task(), judgement())
    {
        properties.extend(rest);
        schema.insert("properties".to_owned(), Value::Object(properties));
    }
    schema
}

/// What is asked.
fn task() -> Value {
    json!({
        "id": {
            "description": "The identifier, which names files.",
            "type": "string",
            "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$",
        },
        "type": optional_text("The kind of work, which overlays and flags name; the identifier where absent."),
        "category": text("The business category."),
        "complexity": {
            "description": "How hard it is.",
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": 0,
        },
        "description": text("One sentence."),
        "context": text("The facts, which stand in front of the prompt."),
        "prompt": { "description": "What is asked.", "type": "string", "pattern": "\\S" },
        "turns": {
            "description": "Earlier turns of the conversation, oldest first.",
            "type": "array",
            "items": { "$ref": "#/$defs/turn" },
        },
        "pinned": texts("Facts that no context policy drops."),
        "router": { "anyOf": [{ "$ref": "#/$defs/router" }, { "type": "null" }] },
        "parameters": {
            "description": "Parameters of this scenario, above the overlay's.",
            "type": "object",
            "propertyNames": { "pattern": "^[A-Z0-9][A-Z0-9_-]*$" },
            "additionalProperties": { "type": ["boolean", "number", "string"] },
        },
    })
}

/// What an answer must be like, and what it counts.
fn judgement() -> Value {
    json!({
        "expected_capabilities": { "description": "Kept from the original, no effect." },
        "evaluation_weight": {
            "description": "The weight in means over the catalogue.",
            "type": "number",
            "exclusiveMinimum": 0,
            "default": 1,
        },
        "expect": {
            "description": "What an answer must be like.",
            "type": "array",
            "items": { "$ref": "#/$defs/rule" },
        },
        "severity": {
            "description": "What a failure costs.",
            "enum": ["low", "medium", "high"],
            "default": "medium",
        },
        "tags": texts("Words to select scenarios by."),
        "critical": {
            "description": "Whether the scenario belongs to every run.",
            "type": "boolean",
            "default": false,
        },
        "cluster": optional_text("The family whose answers are not independent."),
    })
}

fn turn() -> Value {
    json!({
        "description": "One earlier message of a conversation.",
        "type": "object",
        "required": ["role", "content"],
        "additionalProperties": false,
        "properties": {
            "role": { "description": "Who wrote it.", "enum": ["user", "assistant", "system"] },
            "content": text("The text."),
            "hash": {
                "description": "The digest that chains this turn to the ones before.",
                "type": ["string", "null"],
                "pattern": "^sha256:[0-9a-f]{64}$",
            },
        },
    })
}

fn router() -> Value {
    json!({
        "description": "How the router knows this kind of work.",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "categories": texts("Categories; the first one is primary, the others secondary."),
            "keywords": texts("Words that speak for it."),
        },
    })
}

/// A rule: the conditions are optional, and exactly one is there.
fn rule() -> Value {
    let mut properties = Map::new();
    properties.insert("id".to_owned(), optional_text("A name for reports."));
    let severity = json!({
        "description": "What a failure means: hard is a veto, soft counts towards trust.",
        "enum": ["hard", "soft"],
        "default": "hard",
    });
    properties.insert("severity".to_owned(), severity);
    properties.extend(conditions().map(|(name, schema)| (name.to_owned(), schema)));
    let only = |name: &str| json!({ "required": [name], "properties": { name: { "not": { "type": "null" } } } });
    let one_of: Vec<_> = conditions().map(|(name, _)| only(name)).collect();
    json!({
        "description": "What an answer must be like; exactly one condition.",
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
        "oneOf": one_of,
    })
}

/// The conditions of a rule by [`Test::name`].
fn conditions() -> impl Iterator<Item = (&'static str, Value)> {
    let filled =
        |what: &str| json!({ "description": what, "type": ["string", "null"], "minLength": 1 });
    let switch = |what: &str| json!({ "description": what, "type": ["boolean", "null"] });
    let facts = json!({
        "description": "Every one of these texts occurs.",
        "type": ["array", "null"],
        "minItems": 1,
        "items": { "type": "string", "pattern": "\\S" },
    });
    let json_schema = json!({
        "description": "The answer is JSON that this JSON Schema (2020-12) accepts.",
        "type": ["object", "boolean", "null"],
    });
    let max_tokens = json!({
        "description": "The answer has at most so many tokens.",
        "type": ["integer", "null"],
        "minimum": 1,
        "maximum": u32::MAX,
    });
    let number = json!({
        "description": "The number that the answer concludes with equals this one.",
        "type": ["number", "null"],
    });
    [
        (Test::Contains(String::new()), filled("The text occurs.")),
        (Test::Not(String::new()), filled("The text does not occur.")),
        (Test::Regex(String::new()), filled("The pattern matches somewhere.")),
        (Test::Number(0.0), number),
        (Test::JsonSchema(Value::Null), json_schema),
        (Test::Facts(Vec::new()), facts),
        (Test::MaxTokens(0), max_tokens),
        (Test::Refusal(true), switch("Whether the answer declines the request.")),
        (Test::Termination(true), switch("Whether the answer comes to an end.")),
        (Test::Repetition(true), switch("Whether the answer repeats itself.")),
    ]
    .into_iter()
    .map(|(test, schema)| (test.name(), schema))
}

/// The schema of a design spec, [`crate::DesignSpec`]. Which numbers make a good design is
/// the generator's business.
pub fn design_spec_schema() -> Value {
    json!({
        "$schema": DIALECT,
        "title": "Overlay design spec",
        "description": "What an overlay is to achieve, from which the generator derives its keys.",
        "type": "object",
        "required": ["name", "purpose"],
        "additionalProperties": false,
        "properties": {
            "schema": optional_text("The version of the format: `overlay-design/1`."),
            "name": text("The overlay's name."),
            "purpose": text("What it is for."),
            "target_scenarios": texts("The scenario types it serves."),
            "performance_goals": numbers("What the overlay is to reach.", &[
                ("latency_ms", "Time to answer, in milliseconds."),
                ("accuracy_score", "Share of right answers, from 0 to 1."),
                ("token_efficiency", "Share of tokens to save, from 0 to 1."),
            ]),
            "compatibility_requirements": texts("Subjects with version ranges: `resontinex>=2.1.0`."),
            "resource_constraints": numbers("What the overlay may use.", &[
                ("max_memory_mb", "Memory, in megabytes."),
                ("max_cpu_percent", "Processor time, in percent of one core, up to 100."),
                ("max_energy_units", "Energy of one request, in units of 10 µ$."),
            ]),
            "author": optional_text("Who wrote it."),
        },
    })
}

fn text(what: &str) -> Value {
    json!({ "description": what, "type": "string" })
}

fn optional_text(what: &str) -> Value {
    json!({ "description": what, "type": ["string", "null"] })
}

fn texts(what: &str) -> Value {
    json!({ "description": what, "type": "array", "items": { "type": "string" } })
}

fn numbers(what: &str, fields: &[(&str, &str)]) -> Value {
    let field = |what: &str| json!({ "description": what, "type": ["number", "null"] });
    let properties: Map<_, _> =
        fields.iter().map(|(name, what)| ((*name).to_owned(), field(what))).collect();
    json!({
        "description": what,
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    })
}
