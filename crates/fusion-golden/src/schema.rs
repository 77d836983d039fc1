use serde_json::{Value, json};

/// The JSON Schema of a golden.
pub fn golden_schema() -> Value {
    json!({})
}

/// The JSON Schema of a line of a cassette.
pub fn cassette_schema() -> Value {
    json!({})
}

/// The JSON Schema of `suite.toml`.
pub fn suite_schema() -> Value {
    json!({})
}
