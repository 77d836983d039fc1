use serde_json::{Map, Value, json};

use super::read::FORMAT;
use super::{Kind, OPTIONS, OptionRow};
use crate::doctor::check_ids;

/// The JSON Schema of `fusion.toml`.
pub fn options_schema() -> Value {
    let mut sections: Map<String, Value> = Map::new();
    for row in OPTIONS {
        let section = sections.entry(row.section).or_insert_with(
            || json!({ "type": "object", "additionalProperties": false, "properties": {} }),
        );
        if let Some(properties) = section.get_mut("properties").and_then(Value::as_object_mut) {
            properties.insert(row.key.to_owned(), property(row));
        }
    }
    sections.insert("schema".to_owned(), json!({ "const": FORMAT }));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Options of a service, fusion.toml",
        "type": "object",
        "additionalProperties": false,
        "properties": sections,
    })
}

fn property(row: &OptionRow) -> Value {
    let name = "^[a-z0-9_-]{1,64}$";
    let mut res = match row.kind {
        Kind::Count { least, most } => {
            json!({ "type": "integer", "minimum": least, "maximum": most })
        }
        Kind::Adapter(names) => json!({ "enum": names }),
        Kind::Words => json!({ "type": "array", "items": { "type": "string", "pattern": name } }),
        Kind::Checks => {
            let checks: Vec<_> = check_ids().collect();
            json!({ "type": "array", "items": { "enum": checks } })
        }
        Kind::Address => {
            json!({ "type": "string", "pattern": "^(\\[[0-9a-fA-F:.]+\\]|[0-9.]+):[0-9]{1,5}$" })
        }
    };
    if let Some(fields) = res.as_object_mut() {
        fields.insert("description".to_owned(), json!(row.doc));
        fields.insert("default".to_owned(), json!(row.default_value()));
    }
    res
}
