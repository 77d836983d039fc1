//! The exported schemas accept what is written, and little else.

use fusion_golden::{CODES, cassette_schema, golden_schema, suite_schema};
use serde_json::Value;

use crate::shipped::Shipped;

#[track_caller]
fn accepts(schema: &Value, text: &str) -> bool {
    let validator = jsonschema::validator_for(schema).unwrap();
    validator.is_valid(&serde_json::from_str(text).unwrap())
}

#[test]
fn what_is_written_is_of_the_form() {
    let shipped = Shipped::new();
    for name in ["refund_processing_duplicate", "archive_storage_quote_comparison"] {
        let golden = shipped.read(&format!("goldens/{name}_golden.json"));
        assert!(accepts(&golden_schema(), &golden), "{name}");
        assert!(!accepts(&golden_schema(), &golden.replacen("\"scenario_id\"", "\"id\"", 1)));
        for line in shipped.read(&format!("goldens/cassettes/{name}.jsonl")).lines() {
            assert!(accepts(&cassette_schema(), line), "{name}");
            assert!(!accepts(&cassette_schema(), &line.replace("authored", "invented")));
        }
    }
    assert!(accepts(&suite_schema(), r#"{"schema": "fusion/suite/1", "installation": "configs"}"#));
    assert!(!accepts(&suite_schema(), r#"{"schema": "fusion/suite/2"}"#));
}

#[test]
fn codes_are_sorted_and_each_stands_once() {
    assert!(CODES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    assert!(CODES.iter().all(|(code, title, text)| {
        code.starts_with("GLD") && code.len() == 7 && !title.is_empty() && text.ends_with('.')
    }));
}
