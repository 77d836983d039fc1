use std::fmt::{self, Write as _};
use std::str::FromStr;

use serde_json::{Map, Number, Value as Json};
use thiserror::Error;

use crate::overlay::{InvalidValue, Overlay, check_value};
use crate::structured::TextError;
use crate::typed;
use crate::value::{Data, Value, canonical_number};

/// How the keys and values of an overlay are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TextFormat {
    /// `KEY=VALUE` lines.
    Overlay,
    /// A TOML table.
    Toml,
    /// A YAML mapping.
    Yaml,
    /// A JSON object.
    Json,
}

impl TextFormat {
    /// All formats.
    pub const ALL: [Self; 4] = [Self::Overlay, Self::Toml, Self::Yaml, Self::Json];

    /// The format that the extension of a file name says.
    pub fn of_file_name(file_name: &str) -> Option<Self> {
        let (_, extension) = file_name.rsplit_once('.')?;
        extension.parse().ok()
    }
}

impl FromStr for TextFormat {
    type Err = UnknownFormat;

    /// Takes the names and the usual file extensions.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "overlay" | "txt" => Ok(Self::Overlay),
            "toml" => Ok(Self::Toml),
            "yaml" | "yml" => Ok(Self::Yaml),
            "json" => Ok(Self::Json),
            _ => Err(UnknownFormat(text.to_owned())),
        }
    }
}

impl fmt::Display for TextFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Overlay => "overlay",
            Self::Toml => "toml",
            Self::Yaml => "yaml",
            Self::Json => "json",
        })
    }
}

/// A text that names no format.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("unknown format `{0}`: use overlay, toml, yaml or json")]
pub struct UnknownFormat(String);

/// Why a typed value has no text in an overlay file.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum NoText {
    /// `null` says nothing.
    #[error("null is no value: leave the key out")]
    Null,
    /// A list or a map within a list.
    #[error("a list holds words, numbers and switches only")]
    Nested,
    /// An element that would be two, none, or the sign for the empty list.
    #[error(
        "`{0}` cannot be an element of a list: it is empty, `none`, or has a comma or blanks around it"
    )]
    Element(String),
    /// A map without entries.
    #[error("a map of weights needs at least one name")]
    NoWeights,
    /// An entry of a map that is not a name with a whole weight.
    #[error(
        "`{0}` needs a whole, not negative weight and a name without comma and blanks around it"
    )]
    Weight(String),
    /// A text that no line can hold.
    #[error(transparent)]
    Text(#[from] InvalidValue),
}

/// The entries with the types that structured formats have: numbers, switches, lists of
/// words, maps of weights; times are whole milliseconds, all else is text. Where a key
/// occurs twice, the first one counts.
pub fn to_typed(entries: &[(&str, Value)]) -> Map<String, Json> {
    entries.iter().rev().map(|(key, value)| ((*key).to_owned(), typed_value(value))).collect()
}

fn typed_value(value: &Value) -> Json {
    match value.data() {
        Data::Number(number) => json_number(*number),
        Data::Integer(number) => Json::from(*number),
        Data::Millis(time) => match u64::try_from(time.as_millis()) {
            Ok(millis) => Json::from(millis),
            Err(_) => Json::from(value.text()),
        },
        Data::Switch(on) => Json::from(*on),
        Data::List(words) => Json::from(words.clone()),
        Data::Weights(pairs) => {
            pairs.iter().map(|(name, weight)| (name.clone(), Json::from(*weight))).collect()
        }
        Data::Word | Data::Version(_) | Data::Text => Json::from(value.text()),
    }
}

/// Whole numbers without fraction, so that `1` does not become `1.0`.
fn json_number(number: f64) -> Json {
    let text = canonical_number(number);
    match text.parse::<i64>() {
        Ok(whole) => Json::from(whole),
        Err(_) => Number::from_f64(number).map_or(Json::from(text), Json::Number),
    }
}

/// Writes the entries in their order, one key a line. [`read`] gives them back.
pub fn write(format: TextFormat, entries: &[(&str, Value)]) -> String {
    let typed = entries.iter().map(|(key, value)| (*key, typed_value(value)));
    match format {
        TextFormat::Overlay => {
            entries.iter().map(|(key, value)| format!("{key}={}\n", value.text())).collect()
        }
        TextFormat::Toml => {
            typed.map(|(key, it)| format!("{key} = {}\n", toml_text(&it))).collect()
        }
        TextFormat::Yaml if entries.is_empty() => "{}\n".to_owned(),
        TextFormat::Yaml => {
            typed.map(|(key, it)| format!("{}: {}\n", yaml_word(key), yaml_text(&it))).collect()
        }
        TextFormat::Json if entries.is_empty() => "{}\n".to_owned(),
        TextFormat::Json => {
            let lines: Vec<_> =
                typed.map(|(key, it)| format!("  {}: {it}", Json::from(key))).collect();
            format!("{{\n{}\n}}\n", lines.join(",\n"))
        }
    }
}

/// A value on one line, tables inline.
fn toml_text(value: &Json) -> String {
    match value {
        Json::Array(items) => format!("[{}]", joined(items.iter().map(toml_text))),
        Json::Object(map) => {
            let pairs =
                map.iter().map(|(name, it)| format!("{} = {}", quoted(name), toml_text(it)));
            format!("{{ {} }}", joined(pairs))
        }
        Json::String(text) => quoted(text),
        _ => value.to_string(),
    }
}

fn yaml_text(value: &Json) -> String {
    match value {
        Json::Array(items) => format!("[{}]", joined(items.iter().map(yaml_text))),
        Json::Object(map) => {
            let pairs =
                map.iter().map(|(name, it)| format!("{}: {}", yaml_word(name), yaml_text(it)));
            format!("{{ {} }}", joined(pairs))
        }
        Json::String(text) => yaml_word(text),
        _ => value.to_string(),
    }
}

/// Plain where no reader, old or new, takes it for anything but this text; quoted
/// elsewhere: `no`, `017`, `2.1.0`, `1_000` stay texts.
fn yaml_word(text: &str) -> String {
    let is_plain = text.len() > 3
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
        && text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
        && !["true", "false", "null"].iter().any(|it| text.eq_ignore_ascii_case(it));
    if is_plain { text.to_owned() } else { quoted(text) }
}

/// A string as TOML and YAML both read it.
fn quoted(text: &str) -> String {
    let mut res = String::with_capacity(text.len() + 2);
    res.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => res.extend(['\\', c]),
            ' '..='~' => res.push(c),
            _ if c.is_alphanumeric() => res.push(c),
            // Writing to a string cannot fail.
            _ => drop(write!(res, "\\U{:08X}", u32::from(c))),
        }
    }
    res.push('"');
    res
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

/// Reads the keys and values of a structured text in their order. Values that no format
/// of ours has (`nan`, a level deeper than 16) and keys that occur twice are refused.
///
/// # Errors
///
/// Where the text is larger than 1 MiB or no such text, with the place.
pub fn read(format: TextFormat, text: &str) -> Result<Vec<(String, Json)>, TextError> {
    match format {
        TextFormat::Overlay => overlay(text),
        TextFormat::Toml => typed::from_toml(text),
        TextFormat::Yaml => typed::from_yaml(text),
        TextFormat::Json => typed::from_json(text),
    }
}

fn overlay(text: &str) -> Result<Vec<(String, Json)>, TextError> {
    let (overlay, findings) = Overlay::parse(text);
    if let Some(first) = findings.into_iter().find(crate::Diagnostic::is_error) {
        let (line, column) = first.at.map_or((1, 1), |at| (at.line, at.column));
        return Err(TextError { line, column, message: first.message });
    }
    Ok(overlay.entries().map(|it| (it.key.to_owned(), Json::from(it.value))).collect())
}

/// The text that an overlay file has for a typed value: elements between commas,
/// `name:weight` pairs, `none` for the empty list.
///
/// # Errors
///
/// Where the value says something that no line of an overlay file can.
pub fn scalar_text(value: &Json) -> Result<String, NoText> {
    match value {
        Json::Null => Err(NoText::Null),
        Json::Bool(on) => Ok(on.to_string()),
        Json::Number(number) => Ok(number_text(number)),
        Json::String(text) => {
            check_value(text)?;
            Ok(text.clone())
        }
        Json::Array(items) if items.is_empty() => Ok("none".to_owned()),
        Json::Array(items) => {
            let words: Result<Vec<_>, _> = items.iter().map(element).collect();
            Ok(words?.join(","))
        }
        Json::Object(map) if map.is_empty() => Err(NoText::NoWeights),
        Json::Object(map) => {
            let pairs: Result<Vec<_>, _> = map.iter().map(|(name, it)| weight(name, it)).collect();
            Ok(pairs?.join(","))
        }
    }
}

fn number_text(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() => canonical_number(float),
        _ => number.to_string(),
    }
}

fn element(value: &Json) -> Result<String, NoText> {
    if value.is_array() || value.is_object() {
        return Err(NoText::Nested);
    }
    let text = scalar_text(value)?;
    if is_element(&text) && text != "none" { Ok(text) } else { Err(NoText::Element(text)) }
}

fn weight(name: &str, value: &Json) -> Result<String, NoText> {
    check_value(name)?;
    // As for every whole number, `1.0` is 1.
    let weight = value.as_number().and_then(|it| number_text(it).parse::<u32>().ok());
    match weight {
        Some(weight) if is_element(name) => Ok(format!("{name}:{weight}")),
        _ => Err(NoText::Weight(name.to_owned())),
    }
}

fn is_element(text: &str) -> bool {
    !text.is_empty() && !text.contains(',') && text.trim() == text
}
