use overlay_model::{Catalogue, DesignSpec, Test, catalogue_schema, design_spec_schema};
use serde_json::{Value as Json, json};

/// The names that an object of the schema takes.
fn names(schema: &Json) -> Vec<&str> {
    assert_eq!(schema["additionalProperties"], json!(false));
    let mut res: Vec<_> =
        schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    res.sort_unstable();
    res
}

/// The names in the message with which serde refuses an unknown one.
#[track_caller]
fn check<T: serde::de::DeserializeOwned>(text: &Json, schema: &Json) {
    let err = serde_json::from_value::<T>(text.clone()).err().expect("an unknown name").to_string();
    let (_, expected) = err.split_once("expected").expect("a list of names");
    let mut known: Vec<_> = expected.split('`').skip(1).step_by(2).collect();
    known.sort_unstable();
    assert_eq!(known, names(schema), "{err}");
}

#[test]
fn the_schemas_name_what_the_types_do() {
    let schema = catalogue_schema();
    let scenario = |part: Json| {
        let mut scenario = json!({ "id": "a", "prompt": "x" });
        scenario.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
        json!({ "scenarios": [scenario] })
    };
    let of = |name: &str| schema["$defs"][name].clone();
    check::<Catalogue>(&json!({ "?": 1 }), &schema);
    check::<Catalogue>(&scenario(json!({ "?": 1 })), &of("scenario"));
    check::<Catalogue>(&scenario(json!({ "turns": [{ "?": 1 }] })), &of("turn"));
    check::<Catalogue>(&scenario(json!({ "router": { "?": 1 } })), &of("router"));
    check::<Catalogue>(&scenario(json!({ "expect": [{ "?": 1 }] })), &of("rule"));

    let schema = design_spec_schema();
    let goals = &schema["properties"]["performance_goals"];
    let limits = &schema["properties"]["resource_constraints"];
    let spec = |part: &str| json!({ "name": "a", "purpose": "x", part: { "?": 1 } });
    check::<DesignSpec>(&json!({ "?": 1 }), &schema);
    check::<DesignSpec>(&spec("performance_goals"), goals);
    check::<DesignSpec>(&spec("resource_constraints"), limits);
}

#[test]
fn every_part_has_a_description_and_the_dialect_is_named() {
    for schema in [catalogue_schema(), design_spec_schema()] {
        assert_eq!(schema["$schema"], json!("https://json-schema.org/draft/2020-12/schema"));
        let objects = std::iter::once(&schema)
            .chain(schema["$defs"].as_object().into_iter().flat_map(|it| it.values()));
        for object in objects {
            for (name, property) in object["properties"].as_object().unwrap() {
                let described = property["description"].is_string() || property["anyOf"].is_array();
                assert!(described, "{name}");
            }
        }
    }
}

#[test]
fn a_rule_has_one_condition() {
    let schema = catalogue_schema();
    let rule = &schema["$defs"]["rule"];
    let one_of = rule["oneOf"].as_array().unwrap();
    let required: Vec<_> = one_of.iter().map(|it| it["required"][0].as_str().unwrap()).collect();
    assert_eq!(required.len(), 10);
    assert_eq!(required.first(), Some(&Test::Contains(String::new()).name()));
}
