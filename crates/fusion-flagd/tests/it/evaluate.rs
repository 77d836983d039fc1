use fusion_flagd::{EvaluationError, FlagdFile, Variation};
use serde_json::{Value, json};

fn file(targeting: &Value) -> FlagdFile {
    let file = json!({ "flags": { "it": {
        "state": "ENABLED",
        "variants": { "a": "A", "b": "B", "true": "yes", "false": "no" },
        "defaultVariant": "b",
        "targeting": targeting,
    }}, "$evaluators": { "corp": { "ends_with": [{ "var": "email" }, "@corp.example"] } }});
    FlagdFile::parse(&file.to_string()).unwrap()
}

#[track_caller]
fn check(targeting: Value, context: Value, variant: &str, reason: Variation) {
    let file = file(&targeting);
    let found = file.evaluate("it", &context, 1_800_000_000).unwrap();
    assert_eq!((found.variant, found.reason), (Some(variant), reason), "{targeting} {context}");
}

#[test]
fn rules_choose_variants() {
    check(json!({}), json!({}), "b", Variation::Static);
    check(json!({ "if": [true, "a"] }), json!({}), "a", Variation::TargetingMatch);
    check(json!({ "if": [false, "a"] }), json!({}), "b", Variation::Default);
    check(json!({ "==": [1, 1] }), json!({}), "true", Variation::TargetingMatch);
    let corp = json!({ "if": [{ "$ref": "corp" }, "a"] });
    check(corp.clone(), json!({ "email": "x@corp.example" }), "a", Variation::TargetingMatch);
    check(corp, json!({ "email": 7 }), "b", Variation::Default);
    let past = json!({ "if": [{ ">=": [{ "var": "$flagd.timestamp" }, 1_800_000_000] }, "a"] });
    check(past, json!({}), "a", Variation::TargetingMatch);
}

#[test]
fn versions_are_compared() {
    let is = |version: Value, operator: &str, other: &str| {
        let rule = json!({ "sem_ver": [{ "var": "version" }, operator, other] });
        let file = file(&rule);
        let found = file.evaluate("it", &json!({ "version": version }), 0).unwrap();
        found.variant == Some("true")
    };
    assert!(is(json!("2.0.0"), "=", "v2") && is(json!(2), "=", "2.0.0"));
    assert!(is(json!("2.1"), ">", "2.0.9") && is(json!("2.0.0-rc.1"), "<", "2.0.0"));
    assert!(is(json!("3.4.5"), "^", "3.0.0") && !is(json!("3.4.5"), "~", "3.0.0"));
    assert!(is(json!("1.0.0+a"), "=", "1.0.0+b") && is(json!("1.0.0"), "!=", "1.0.1"));
    assert!(!is(json!("one"), "=", "1.0.0") && !is(json!(null), "=", "1.0.0"));
    assert!(!is(json!("1.0.0"), "~=", "1.0.0"));
}

/// Hashes computed outside Rust: murmur3 over the CBOR of the key.
#[test]
fn fractions_are_of_the_keys_cbor() {
    let halves = json!({ "fractional": [["a", 1], ["b", 1]] });
    // [it, user-1] is 0x… below or above 2³¹ as `fusion_flags::Salt` has it.
    for idx in 0..200 {
        let unit = format!("user-{idx}");
        let lower = fusion_flags::Salt::new("it").hash(&unit) < 1 << 31;
        let variant = if lower { "a" } else { "b" };
        check(halves.clone(), json!({ "targetingKey": unit }), variant, Variation::TargetingMatch);
    }
    check(halves.clone(), json!({}), "b", Variation::Default);
    check(halves.clone(), json!({ "targetingKey": "" }), "b", Variation::Default);
    check(halves, json!({ "targetingKey": null }), "b", Variation::Default);
}

#[test]
fn keys_of_other_types_are_hashed_as_such() {
    let of = |key: Value| {
        let rule = json!({ "fractional": [{ "var": "key" }, ["a", 1], ["b", 1]] });
        let file = file(&rule);
        let found = file.evaluate("it", &json!({ "key": key }), 0).unwrap();
        found.variant.unwrap().to_owned()
    };
    let by = |bytes: &[u8]| if fusion_flags::murmur3_32(bytes) < 1 << 31 { "a" } else { "b" };
    assert_eq!(of(json!("jack")), by(b"\x64jack"));
    assert_eq!(of(json!(3)), by(&[3]));
    assert_eq!(of(json!(3.0)), by(&[3]));
    assert_eq!(of(json!(-500)), by(&[0x39, 0x01, 0xf3]));
    assert_eq!(of(json!(0.5)), by(&[0xf9, 0x38, 0x00]));
    assert_eq!(of(json!(100_000.5)), by(&[0xfa, 0x47, 0xc3, 0x50, 0x40]));
    assert_eq!(of(json!(1.1)), by(&[0xfb, 0x3f, 0xf1, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9a]));
    assert_eq!(of(json!(true)), by(&[0xf5]));
    assert_eq!(of(json!(null)), by(&[0xf6]));
    assert_eq!(of(json!({ "b": 1, "a": 2 })), by(b"\xa2\x61a\x02\x61b\x01"));
}

#[test]
fn broken_flags_keep_to_themselves() {
    let text = json!({ "flags": {
        "broken": { "state": "ENABLED", "variants": {}, "targeting": { "$ref": "gone" } },
        "unknown": { "state": "ENABLED", "variants": {}, "targeting": { "if": [true, "x"] } },
        "off": { "state": "DISABLED", "variants": { "on": true }, "defaultVariant": "on" },
        "none": { "state": "ENABLED", "variants": { "on": true }, "defaultVariant": null },
        "fine": { "state": "ENABLED", "variants": { "on": true }, "defaultVariant": "on" },
    }, "metadata": { "version": "7" }});
    let file = FlagdFile::parse(&text.to_string()).unwrap();
    let ask = |key: &str| file.evaluate(key, &json!({}), 0);
    assert!(matches!(ask("broken"), Err(EvaluationError::Rule { .. })));
    assert!(matches!(ask("unknown"), Err(EvaluationError::Variant { .. })));
    assert!(matches!(ask("gone"), Err(EvaluationError::NotFound(_))));
    let said = |key| ask(key).map(|it| (it.value.cloned(), it.reason)).unwrap();
    assert_eq!(said("off"), (None, Variation::Disabled));
    assert_eq!(said("none"), (None, Variation::Default));
    assert_eq!(said("fine"), (Some(json!(true)), Variation::Static));
    assert_eq!(file.metadata("fine")["version"], "7");
}

#[test]
fn rules_that_refer_to_themselves_are_broken() {
    let text = json!({ "flags": { "it": {
        "state": "ENABLED", "variants": {}, "targeting": { "$ref": "a" },
    }}, "$evaluators": { "a": { "or": [{ "$ref": "a" }, { "$ref": "a" }] } }});
    let file = FlagdFile::parse(&text.to_string()).unwrap();
    assert!(matches!(file.evaluate("it", &json!({}), 0), Err(EvaluationError::Rule { .. })));
}
