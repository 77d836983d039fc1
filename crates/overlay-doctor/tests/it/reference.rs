use overlay_doctor::{CODES, OPTIONS, check_ids, options_md, options_schema};
use serde_json::json;

#[test]
fn the_page_has_every_option() {
    let page = options_md();
    for row in OPTIONS {
        assert!(page.contains(&format!("| `{}` |", row.key)), "{}", row.key);
        assert!(page.contains(&row.variable()), "{}", row.key);
    }
    assert!(CODES.is_sorted_by_key(|it| it.0));
}

#[test]
fn warnings_that_fail_are_those_of_checks() {
    let default = OPTIONS.iter().find(|it| it.key == "fail_on").expect("a row").default_value();
    let words = serde_json::to_value(default).expect("JSON");
    for word in words.as_array().expect("a list") {
        assert!(check_ids().any(|id| word == id), "{word}");
    }
}

#[test]
fn the_schema_takes_what_the_reader_takes() {
    let schema = jsonschema::validator_for(&options_schema()).expect("a JSON Schema");
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../../configs/fusion.toml");
    let shipped = std::fs::read_to_string(shipped).expect("the shipped file");
    let shipped: serde_json::Value = toml::from_str(&shipped).expect("TOML");
    assert!(schema.is_valid(&shipped));
    for (value, is_valid) in [
        (json!({}), true),
        (json!({"service": {"listen": "[::1]:80"}}), true),
        (json!({"service": {"pool": 0}}), false),
        (json!({"service": {"pol": 1}}), false),
        (json!({"servce": {}}), false),
        (json!({"log": {"level": "info"}}), false),
        (json!({"metrics": {"sink": "no name"}}), false),
        (json!({"adapters": {"use": ["A"]}}), false),
        (json!({"schema": "fusion/options/2"}), false),
    ] {
        assert_eq!(schema.is_valid(&value), is_valid, "{value}");
        let text = toml::to_string(&value).expect("TOML");
        let (_, findings) = overlay_doctor::Options::read(Some(&text), &Default::default());
        assert_eq!(findings.is_empty(), is_valid, "{text}: {findings:?}");
    }
}
