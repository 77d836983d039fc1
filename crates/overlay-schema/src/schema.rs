use serde_json::{Map, Value, json};

use crate::params::{Kind, MODEL_PARAMS, PARAMS, Param, Required};
use crate::refusal::float;

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Characters that no line of an overlay file holds, as a class of a regular expression.
const FORBIDDEN: &str = r"\u0000-\u0008\u000A-\u001F\u007F-\u009F\u00AD\u061C\u180E\u200B\u200E\u200F\u2028-\u202E\u2060-\u206F\uFEFF\uFFF9-\uFFFB\u{E0000}-\u{E007F}";
/// Other white space.
const BLANK: &str = r"\u0009\u0020\u00A0\u1680\u2000-\u200A\u202F\u205F\u3000";

/// The JSON Schema (2020-12) of an overlay in its typed form: what [`crate::check_typed`]
/// accepts. Keys, ranges, words and requirements are those of profile `deploy`.
pub fn overlay_schema() -> Value {
    let properties: Map<_, _> = PARAMS.iter().map(|it| (it.key.to_owned(), property(it))).collect();
    let patterns: Map<_, _> = MODEL_PARAMS
        .iter()
        .map(|it| (format!("^[A-Z0-9][A-Z0-9_-]*{}$", it.key), property(it)))
        .collect();
    let required: Vec<_> =
        PARAMS.iter().filter(|it| it.required != Required::No).map(|it| it.key).collect();
    json!({
        "$schema": DIALECT,
        "title": "Overlay",
        "description": "An overlay in typed form. In a file of `KEY=VALUE` lines a list stands between commas, weights as `name:weight` pairs, and all else as it is.",
        "type": "object",
        "required": required,
        "additionalProperties": false,
        "properties": properties,
        "patternProperties": patterns,
    })
}

fn property(param: &Param) -> Value {
    let mut res = of_kind(param.kind);
    if let Some(object) = res.as_object_mut() {
        object.insert("description".to_owned(), json!(param.doc));
        if let Some(default) = param.default.and_then(|it| default(param.kind, it)) {
            object.insert("default".to_owned(), default);
        }
    }
    res
}

fn of_kind(kind: Kind) -> Value {
    match kind {
        Kind::Number { min, max } => {
            json!({ "type": "number", "minimum": plain(min), "maximum": plain(max) })
        }
        Kind::Integer { min, max } | Kind::Millis { min, max, .. } => {
            json!({ "type": "integer", "minimum": min, "maximum": max })
        }
        Kind::Switch => json!({ "type": "boolean" }),
        Kind::Word(words) => json!({ "enum": words_and_switches(words) }),
        Kind::Models | Kind::Scenarios | Kind::Keys => json!({
            "type": "array",
            "items": { "type": "string", "pattern": word_pattern(), "not": { "const": "none" } },
        }),
        Kind::Voters => json!({
            "type": "object",
            "minProperties": 1,
            "propertyNames": { "pattern": word_pattern() },
            "additionalProperties": { "type": "integer", "minimum": 0, "maximum": u32::MAX },
            "not": { "additionalProperties": { "const": 0 } },
        }),
        Kind::Version => json!({ "type": "string", "pattern": version_pattern() }),
        Kind::Name => json!({ "type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,63}$" }),
        Kind::Time => {
            json!({ "type": "string", "pattern": text_pattern(), "format": "date-time" })
        }
        Kind::Token | Kind::Text => json!({ "type": "string", "pattern": text_pattern() }),
    }
}

/// The words, and `true` and `false` also as JSON has them.
fn words_and_switches(words: &[&str]) -> Vec<Value> {
    let switches = [("true", json!(true)), ("false", json!(false))];
    let switches = switches.into_iter().filter(|(word, _)| words.contains(word));
    words.iter().map(|it| json!(it)).chain(switches.map(|(_, it)| it)).collect()
}

/// A whole number without `.0`.
fn plain(number: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "a whole number of the table")]
    let whole = number as i64;
    if float(whole) == number { json!(whole) } else { json!(number) }
}

fn default(kind: Kind, text: &str) -> Option<Value> {
    let value = overlay_model::Value::parse(kind.shape(), text).ok()?;
    overlay_model::to_typed(&[("", value)]).remove("")
}

/// A text on one line, no blanks around it.
fn text_pattern() -> String {
    format!(r"^(?:[^{FORBIDDEN}\u0009\u0020](?:[^{FORBIDDEN}]*[^{FORBIDDEN}\u0009\u0020])?)?$")
}

/// An element of a list: no comma, no blanks around it.
fn word_pattern() -> String {
    format!("^[^,{FORBIDDEN}{BLANK}](?:[^,{FORBIDDEN}]*[^,{FORBIDDEN}{BLANK}])?$")
}

/// A version as we read it: semver, `v` in front and the third number as wished.
fn version_pattern() -> String {
    let number = "(?:0|[1-9][0-9]{0,8})";
    let pre = "(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)";
    let build = "[0-9A-Za-z-]+";
    format!(
        r"^v?{number}\.{number}(?:\.{number})?(?:-{pre}(?:\.{pre})*)?(?:\+{build}(?:\.{build})*)?$"
    )
}

/// The JSON Schema (2020-12) of `providers.toml`.
pub fn providers_schema() -> Value {
    let text = |doc: &str| json!({ "type": "string", "minLength": 1, "description": doc });
    let price = |doc: &str| json!({ "type": "number", "minimum": 0, "description": doc });
    let count = |doc: &str| json!({ "type": "integer", "minimum": 1, "description": doc });
    json!({
        "$schema": DIALECT,
        "title": "Providers",
        "description": "The endpoints and models of an installation.",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "schema": { "const": "fusion/providers/1", "description": "The version of the format." },
            "default_models": {
                "type": "array",
                "items": { "type": "string", "minLength": 1 },
                "description": "The models of an overlay that names none, cheapest first.",
            },
            "providers": { "type": "array", "items": {
                "type": "object",
                "additionalProperties": false,
                "required": ["name", "endpoint"],
                "properties": {
                    "name": text("Its name, which models give."),
                    "endpoint": {
                        "type": "string",
                        "pattern": "^https?://[^/?#]+",
                        "description": "The base URL of an OpenAI-compatible API.",
                    },
                    "api_key": {
                        "type": "string",
                        "pattern": "^(?:\\$\\{[A-Za-z_][A-Za-z0-9_]*\\}|file:.+)$",
                        "description": "The secret, as `${VARIABLE}` or `file:PATH`; never in plain text.",
                    },
                },
            } },
            "models": { "type": "array", "items": {
                "type": "object",
                "additionalProperties": false,
                "required": ["id", "provider", "encoding", "context_tokens"],
                "properties": {
                    "id": text("Its id, as the provider's API takes it."),
                    "provider": text("The provider's name."),
                    "encoding": {
                        "enum": crate::providers::ENCODINGS,
                        "description": "The vocabulary that counts its tokens.",
                    },
                    "context_tokens": count("How many tokens prompt and answer may have together."),
                    "max_output_tokens": count("How many tokens an answer may have."),
                    "input_usd_per_mtok": price("Price of a million prompt tokens, in US dollars."),
                    "output_usd_per_mtok": price("Price of a million answer tokens, in US dollars."),
                    "retires": {
                        "type": "string",
                        "pattern": "^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])$",
                        "description": "The day the vendor ends the model.",
                    },
                },
            } },
        },
    })
}
