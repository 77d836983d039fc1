//! The typed form: what the schema describes is what files convert to.

use overlay_model::{Overlay, to_typed};
use overlay_schema::{EMBEDDED_OVERLAY, check_typed, overlay_schema, providers_schema, typed};
use serde_json::{Map, Value, json};

use crate::with_lines;

fn schema() -> jsonschema::Validator {
    jsonschema::validator_for(&overlay_schema()).unwrap()
}

fn form(text: &str) -> Map<String, Value> {
    to_typed(&typed(&Overlay::parse(text).0))
}

#[test]
fn files_convert_to_what_the_schema_describes() {
    let lines = "MODEL=a,b\nOVERLAY_PINNED=none\nVOTING_POWER_MAP=trust:2,model/a:1\nSAMPLES=3\n\
        ADAPTIVE_CACHING=true\nFUSION_OVERLAY_VERSION=v2.1\nOVERLAY_CREATED=2026-11-21T09:30:00Z\n\
        GPT-4O_TOP_P=1\nAPI_CIRCUIT_BREAKER=false";
    for text in [EMBEDDED_OVERLAY.to_owned(), with_lines(lines)] {
        let form = form(&text);
        assert_eq!(check_typed(&form), []);
        assert!(schema().is_valid(&Value::Object(form)));
    }
}

#[test]
fn each_kind_has_its_type() {
    for (key, value, code) in [
        ("TRUST_FLOOR", json!("0.5"), "OVL2101"),
        ("TRUST_FLOOR", json!(null), "OVL2101"),
        ("TRUST_FLOOR", json!(1.5), "OVL2102"),
        ("SAMPLES", json!(2.5), "OVL2107"),
        ("SAMPLES", json!(1e300), "OVL2102"),
        ("API_CIRCUIT_BREAKER", json!("true"), "OVL2202"),
        ("FUSION_MODE", json!("fast"), "OVL2201"),
        ("MODEL", json!("gpt-4o"), "OVL2203"),
        ("MODEL", json!(["a,b"]), "OVL2203"),
        ("MODEL", json!(["none"]), "OVL2203"),
        ("VOTING_POWER_MAP", json!({}), "OVL2204"),
        ("VOTING_POWER_MAP", json!({"trust": 0}), "OVL2204"),
        ("VOTING_POWER_MAP", json!({"trust": 1.5}), "OVL2204"),
        ("OVERLAY_NAME", json!("A"), "OVL2205"),
        ("OVERLAY_AUTHOR", json!("a\nb"), "OVL2206"),
        ("OVERLAY_AUTHOR", json!(" a"), "OVL2206"),
        ("FUSION_OVERLAY_VERSION", json!("2"), "OVL2301"),
        ("XYZ", json!(1), "OVL2002"),
        ("_MAX_TOKENS", json!(1), "OVL2002"),
    ] {
        let mut form = form(EMBEDDED_OVERLAY);
        form.insert(key.to_owned(), value.clone());
        let found = check_typed(&form);
        assert_eq!(found.iter().map(|it| it.code).collect::<Vec<_>>(), [code], "{key} {value}");
        assert!(!schema().is_valid(&Value::Object(form)), "{key} {value}");
    }
}

#[test]
fn whole_numbers_may_be_written_as_floats() {
    let mut form = form(EMBEDDED_OVERLAY);
    form.insert("SAMPLES".to_owned(), json!(3.0));
    form.insert("VOTING_POWER_MAP".to_owned(), json!({"trust": 2.0, "energy": 1}));
    form.insert("ADAPTIVE_CACHING".to_owned(), json!(true));
    assert_eq!(check_typed(&form), []);
    assert!(schema().is_valid(&Value::Object(form)));
}

#[test]
fn the_schema_of_providers_is_one() {
    let schema = jsonschema::validator_for(&providers_schema()).unwrap();
    let good = json!({"providers": [{"name": "a", "endpoint": "https://a.example/v1", "api_key": "${KEY}"}]});
    let bad = json!({"providers": [{"name": "a", "endpoint": "https://a.example/v1", "api_key": "plain"}]});
    assert!(schema.is_valid(&good) && !schema.is_valid(&bad));
}
