//! JSON as OpenFeature's values, and the other way round.

use open_feature::{FlagMetadata, FlagMetadataValue, StructValue, Value};
use serde_json::{Map, Value as Json};

/// A JSON value; `None` where a list holds null, which OpenFeature's values cannot. A field
/// that is null is left out.
pub(crate) fn value_of(json: &Json) -> Option<Value> {
    Some(match json {
        Json::Null => return None,
        Json::Bool(on) => Value::Bool(*on),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Value::Int(whole),
            None => Value::Float(number.as_f64()?),
        },
        Json::String(text) => Value::String(text.clone()),
        Json::Array(items) => Value::Array(items.iter().map(value_of).collect::<Option<_>>()?),
        Json::Object(fields) => {
            let fields = fields.iter().filter(|(_, it)| !it.is_null());
            let fields = fields.map(|(name, it)| Some((name.clone(), value_of(it)?)));
            Value::Struct(StructValue { fields: fields.collect::<Option<_>>()? })
        }
    })
}

/// A value as JSON.
pub(crate) fn json_of(value: &Value) -> Json {
    match value {
        Value::Bool(on) => Json::from(*on),
        Value::Int(number) => Json::from(*number),
        Value::Float(number) => Json::from(*number),
        Value::String(text) => Json::from(text.as_str()),
        Value::Array(items) => items.iter().map(json_of).collect(),
        Value::Struct(it) => struct_json(it),
    }
}

/// A structure as a JSON object.
pub(crate) fn struct_json(value: &StructValue) -> Json {
    Json::Object(value.fields.iter().map(|(name, it)| (name.clone(), json_of(it))).collect())
}

/// The texts, numbers and switches of an object.
pub(crate) fn metadata_of(json: &Map<String, Json>) -> FlagMetadata {
    let mut res = FlagMetadata::default();
    for (name, value) in json {
        let value = match value_of(value) {
            Some(Value::Bool(on)) => FlagMetadataValue::Bool(on),
            Some(Value::Int(number)) => FlagMetadataValue::Int(number),
            Some(Value::Float(number)) => FlagMetadataValue::Float(number),
            Some(Value::String(text)) => FlagMetadataValue::String(text),
            _ => continue,
        };
        res.add_value(name.clone(), value);
    }
    res
}
