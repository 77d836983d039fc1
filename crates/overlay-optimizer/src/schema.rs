//! The forms of profile, report and journal as JSON Schema 2020-12. A profile that the schema
//! accepts reads without error, as far as a schema can say: it knows no time zones, and
//! does not see that a range of hours begins where it ends.

use serde_json::{Value, json};

use crate::tune::journal::JOURNAL_SCHEMA;

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

fn list(of: &Value) -> Value {
    json!({"type": "array", "items": of})
}

fn count() -> Value {
    json!({"type": "integer", "minimum": 0})
}

fn text() -> Value {
    json!({"type": "string"})
}

fn number() -> Value {
    json!({"type": "number"})
}

/// A number that is not negative.
fn amount(description: &str) -> Value {
    json!({"type": "number", "minimum": 0, "description": description})
}

fn titled(mut schema: Value, title: &str, description: &str) -> Value {
    schema["$schema"] = json!(DIALECT);
    schema["title"] = json!(title);
    schema["description"] = json!(description);
    schema
}

/// The JSON Schema of a workload profile, [`crate::WorkloadProfile`].
pub fn workload_profile_schema() -> Value {
    let limits = object(
        &[],
        &json!({
            "max_memory_mb": amount("Memory, in megabytes."),
            "max_energy_units": amount("Energy of one request, in units of 10 µ$."),
        }),
    );
    let range = json!({
        "type": "string",
        "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$",
        "description": "`09:00-12:00`; one that ends before it begins spans midnight.",
    });
    let hour = json!({"type": "integer", "minimum": 0, "maximum": 23, "description": "One hour."});
    let schema = object(
        &[],
        &json!({
            "requests_per_minute": amount("Requests a minute; 0 where absent."),
            "average_latency_ms": amount("Mean time to answer, in milliseconds; 500 where absent."),
            "quality_score_minimum": {
                "type": "number",
                "minimum": 0,
                "maximum": 1,
                "description": "The least quality score the work asks for; 0.8 where absent.",
            },
            "resource_constraints": limits,
            "peak_hours": list(&json!({"anyOf": [range, hour]})),
            "timezone": {
                "type": "string",
                "description": "The zone of the peak hours, as the IANA database names it; UTC \
                                where absent.",
            },
        }),
    );
    titled(schema, "Workload profile", "What an overlay's work is like.")
}

/// The JSON Schema of what a run of the tuner came to, [`crate::TuneReport`].
pub fn tune_report_schema() -> Value {
    let infeasible =
        object(&["nearest", "exceeds"], &json!({"nearest": count(), "exceeds": list(&text())}));
    let finding = json!({"anyOf": [
        {"enum": ["candidate", "start_is_best", "nothing_evaluated"]},
        object(&["infeasible"], &json!({"infeasible": infeasible})),
    ]});
    let line = json!({"key": text(), "from": {"type": ["string", "null"]}, "to": text()});
    let schema = object(
        &[
            "schema",
            "finding",
            "chosen",
            "patch",
            "keys",
            "reverted",
            "objectives",
            "limits",
            "front",
            "trials",
            "runs",
            "budget",
            "seed",
        ],
        &json!({
            "schema": {"const": "overlay-tune-report/1"},
            "finding": finding,
            "chosen": {"type": ["integer", "null"], "minimum": 0},
            "patch": list(&object(&["key", "from", "to"], &line)),
            "keys": list(&object(&["key", "worth"], &json!({"key": text(), "worth": list(&pair())}))),
            "reverted": list(&object(&["key", "from", "to"], &line)),
            "objectives": list(&text()),
            "limits": list(&text()),
            "front": list(&count()),
            "trials": list(&trial()),
            "runs": count(),
            "budget": count(),
            "seed": count(),
        }),
    );
    titled(schema, "Tune report", "The trials of a tuning run, and what is proposed.")
}

/// A value with its standard deviation.
fn pair() -> Value {
    json!({"type": "array", "items": number(), "minItems": 2, "maxItems": 2})
}

/// One trial of a report.
fn trial() -> Value {
    object(
        &["trial", "set", "status", "within_limits", "measured", "expected", "worst"],
        &json!({
            "trial": count(),
            "set": {"type": "object", "additionalProperties": text()},
            "status": {"enum": ["open", "complete", "stopped", "unavailable"]},
            "reason": text(),
            "within_limits": {"type": "boolean"},
            "measured": list(&number()),
            "expected": list(&pair()),
            "worst": list(&number()),
        }),
    )
}

/// The JSON Schema of one line of a tuner's journal, [`crate::Tuner::journal`].
pub fn tune_journal_schema() -> Value {
    let header = object(
        &["schema", "space", "plan"],
        &json!({
            "schema": {"const": JOURNAL_SCHEMA},
            "space": digest(),
            "plan": plan(),
        }),
    );
    let asked = object(
        &["trial", "candidate", "scenarios", "models"],
        &json!({
            "trial": count(),
            "candidate": list(&count()),
            "scenarios": list(&text()),
            "models": list(&list(&number())),
        }),
    );
    let measured = object(
        &["scenario", "objectives"],
        &json!({"scenario": text(), "objectives": list(&number()), "limits": list(&number())}),
    );
    let told =
        object(&["trial", "measured"], &json!({"trial": count(), "measured": list(&measured)}));
    let unavailable = object(&["trial", "reason"], &json!({"trial": count(), "reason": text()}));
    let schema = json!({"oneOf": [
        header,
        object(&["asked"], &json!({"asked": asked})),
        object(&["told"], &json!({"told": told})),
        object(&["unavailable"], &json!({"unavailable": unavailable})),
    ]});
    titled(
        schema,
        "Line of a tune journal",
        "The first line is the header with the plan; each later one a question or an answer.",
    )
}

/// The plan of a run, as the header holds it.
fn plan() -> Value {
    let objective = json!({"name": text(), "aim": {"enum": ["least", "most"]}});
    let scenario = json!({"id": text(), "weight": {"type": "number", "exclusiveMinimum": 0}});
    object(
        &["objectives", "limits", "scenarios", "budget", "seed"],
        &json!({
            "objectives": {
                "type": "array",
                "minItems": 1,
                "items": object(&["name", "aim"], &objective),
            },
            "limits": list(&object(&["name", "at_most"], &json!({"name": text(), "at_most": number()}))),
            "scenarios": {
                "type": "array",
                "minItems": 1,
                "items": object(&["id", "weight"], &scenario),
            },
            "budget": count(),
            "seed": count(),
            "stop_below": number(),
            "starts": list(&list(&count())),
            "pool": list(&list(&count())),
            "basis": object(
                &["overlay", "evaluator", "scenarios"],
                &json!({"overlay": digest(), "evaluator": text(), "scenarios": digest()}),
            ),
        }),
    )
}

fn digest() -> Value {
    json!({"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"})
}
