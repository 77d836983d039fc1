//! The OpenFeature Remote Evaluation Protocol.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::client::Answer;
use crate::data::data;
use crate::installation::Tree;
use crate::running::{ADMIN, Running};

const ALL: &str = "/ofrep/v1/evaluate/flags";

/// The official description of the protocol, where the data are there.
static PROTOCOL: LazyLock<Option<Value>> = LazyLock::new(|| {
    let path = data()?.join("conformance/ofrep/openapi.yaml");
    let text = std::fs::read_to_string(path).expect("the description");
    let mut protocol: Value = serde_yaml::from_str(&text).expect("YAML");
    // Its text says that such a flag "has no `value` property", its schema forgets to: as
    // written, each flag with a value matches two of the kinds of which it must match one.
    let schemas = &mut protocol["components"]["schemas"];
    schemas["codeDefaultFlag"]["not"] = json!({ "required": ["value"] });
    Some(protocol)
});

/// The body, which must be as the schema of this name wants it.
#[track_caller]
fn valid(answer: &Answer, schema: &str) -> Value {
    let body = answer.json();
    if let Some(protocol) = &*PROTOCOL {
        let document = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$ref": format!("#/components/schemas/{schema}"),
            "components": protocol["components"],
        });
        let validator = jsonschema::validator_for(&document).expect("a schema");
        let errors: Vec<_> = validator.iter_errors(&body).map(|it| it.to_string()).collect();
        assert!(errors.is_empty(), "{schema}: {errors:#?} in {body:#}");
    }
    body
}

fn body(fields: Value) -> String {
    json!({ "context": fields }).to_string()
}

#[track_caller]
fn check(key: &str, context: Value, value: bool, reason: &str, ours: &str) {
    let tree = Tree::new();
    let running = Running::on(&tree);
    let answer = running.client.post(&format!("{ALL}/{key}"), &body(context)).with_code(200);
    let body = valid(&answer, "serverEvaluationSuccess");
    let expect = json!({
        "key": key,
        "value": value,
        "reason": reason,
        "variant": if value { "on" } else { "off" },
        "metadata": {
            "generation": 1,
            "epoch": 1,
            "digest": running.service.live().status().digest,
            "reason": ours,
        },
    });
    assert_eq!(body, expect);
}

#[test]
fn each_reason_is_one_of_the_protocol() {
    let refund = |confidence: f64| json!({ "targetingKey": "u", "scenario_type": "refund_processing", "confidence": confidence });
    check("refunds", refund(0.9), true, "TARGETING_MATCH", "TARGETING_MATCH");
    check("refunds", refund(0.1), false, "TARGETING_MATCH", "CONFIDENCE_BELOW");
    check("refunds", json!({ "targetingKey": "u" }), false, "TARGETING_MATCH", "SCENARIO_MISMATCH");
    check("dark", json!({ "targetingKey": "u" }), false, "DISABLED", "DISABLED");
}

#[test]
fn a_unit_is_in_or_out_of_a_partial_rollout() {
    let tree = Tree::new();
    let running = Running::on(&tree);
    let mut values = [0, 0];
    for unit in 0..100 {
        let context = json!({
            "targetingKey": format!("user-{unit}"),
            "scenario_type": "customer_support",
            "confidence": 1,
        });
        let answer = running.client.post(&format!("{ALL}/half"), &body(context)).with_code(200);
        let body = valid(&answer, "serverEvaluationSuccess");
        assert_eq!(body["reason"], "SPLIT");
        values[usize::from(body["value"].as_bool().expect("a boolean"))] += 1;
    }
    assert!(values.iter().all(|it| *it > 25), "{values:?}");
}

#[test]
fn an_unknown_flag_is_not_found() {
    let tree = Tree::new();
    let running = Running::on(&tree);
    let context = body(json!({ "targetingKey": "u" }));
    let answer = running.client.post(&format!("{ALL}/nobody%22s"), &context).with_code(404);
    let body = valid(&answer, "flagNotFound");
    assert_eq!(body["errorCode"], "FLAG_NOT_FOUND");
    assert_eq!(body["key"], "nobody\"s");
}

#[test]
fn a_missing_unit_is_an_error_where_one_is_needed() {
    let tree = Tree::new();
    let running = Running::on(&tree);
    let context = body(json!({ "scenario_type": "customer_support", "confidence": 1 }));
    let answer = running.client.post(&format!("{ALL}/half"), &context).with_code(400);
    let single = valid(&answer, "evaluationFailure");
    assert_eq!(single["errorCode"], "TARGETING_KEY_MISSING");
    let bulk = valid(&running.client.post(ALL, &context).with_code(200), "bulkEvaluationSuccess");
    assert_eq!(bulk["flags"][1], single);
}

#[track_caller]
fn refused(body: &str, code: u16, error: &str) {
    let tree = Tree::new();
    let running = Running::on(&tree);
    let one = running.client.post(&format!("{ALL}/refunds"), body).with_code(code);
    assert_eq!(valid(&one, "evaluationFailure")["errorCode"], error);
    let bulk = valid(&running.client.post(ALL, body).with_code(code), "bulkEvaluationFailure");
    assert_eq!(bulk["errorCode"], error);
    assert!(!bulk["errorDetails"].as_str().unwrap_or_default().is_empty());
}

#[test]
fn a_wrong_context_is_refused_with_a_reason() {
    refused("{", 400, "PARSE_ERROR");
    refused("", 400, "PARSE_ERROR");
    refused("[]", 400, "INVALID_CONTEXT");
    refused("{}", 400, "INVALID_CONTEXT");
    refused(r#"{"context": 7}"#, 400, "INVALID_CONTEXT");
    refused(r#"{"context": {"targetingKey": 7}}"#, 400, "INVALID_CONTEXT");
    refused(r#"{"context": {"scenario_type": ["a"]}}"#, 400, "INVALID_CONTEXT");
    refused(r#"{"context": {"confidence": "high"}}"#, 400, "INVALID_CONTEXT");
    refused(r#"{"context": {"confidence": 1.5}}"#, 400, "INVALID_CONTEXT");
    refused(&body(json!({ "targetingKey": "u".repeat(100_000) })), 413, "PARSE_ERROR");
}

#[test]
fn all_flags_are_told_once_until_they_change() {
    let tree = Tree::new();
    let running = Running::on(&tree);
    let context = body(json!({
        "targetingKey": "u-1",
        "scenario_type": "refund_processing",
        "confidence": 0.9,
    }));
    let first = running.client.post(ALL, &context).with_code(200);
    let flags = valid(&first, "bulkEvaluationSuccess");
    let values: Vec<_> = flags["flags"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| (it["key"].as_str().expect("a key"), it["value"].as_bool().expect("a value")))
        .collect();
    assert_eq!(
        values,
        [("refunds", true), ("half", false), ("everywhere", false), ("dark", false)]
    );

    let tag = first.tag.expect("an entity tag");
    for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
        let again = running.client.post_with(ALL, &context, &[("if-none-match", &known)]);
        assert_eq!((again.code, &*again.text), (304, ""), "{known}");
        assert_eq!(again.tag.as_ref(), Some(&tag));
    }
    let other = [("if-none-match", "\"other\"")];
    running.client.post_with(ALL, &context, &other).with_code(200);

    running.client.post_with("/admin/v1/kill", r#"{"reason": "test"}"#, &[ADMIN]).with_code(200);
    let killed = running.client.post_with(ALL, &context, &[("if-none-match", &tag)]).with_code(200);
    let killed = valid(&killed, "bulkEvaluationSuccess");
    for flag in killed["flags"].as_array().expect("a list") {
        assert_eq!(flag["value"], false, "{flag}");
        assert_eq!(flag["reason"], "DISABLED");
        assert_eq!(flag["metadata"]["reason"], "EMERGENCY_BASELINE");
    }
}
