//! The original's messages, letter for letter; what we have to add stands in hints.

use overlay_model::visible;

use crate::params::Kind;

/// A number as Python writes a float: `49.0`, `1e+16`, `1e-05`, `nan`.
pub(crate) fn python_float(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    let text = format!("{number:?}");
    let Some((mantissa, exponent)) = text.split_once('e') else { return text };
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}

pub(crate) fn missing(key: &str) -> String {
    format!("Missing required field: {key}")
}

pub(crate) fn not_numeric(key: &str, text: &str) -> String {
    format!("Invalid numeric value for {key}: {}", shorten(text))
}

pub(crate) fn outside_range(key: &str, number: f64, range: &str) -> String {
    format!("{key} value {} outside valid range {range}", python_float(number))
}

pub(crate) fn outside_advised(key: &str, number: f64, range: &str) -> String {
    format!("{key} value {} outside advised range {range}", python_float(number))
}

pub(crate) fn not_a_word(key: &str, text: &str, words: &[&str]) -> String {
    let words: Vec<_> = words.iter().map(|it| format!("'{it}'")).collect();
    format!("Invalid value for {key}: {}. Valid: [{}]", shorten(text), words.join(", "))
}

/// The range of `kind` as the original writes it: `[0.0, 1.0]`, `[50, 1000]`.
pub(crate) fn range(kind: Kind) -> String {
    match kind {
        Kind::Number { min, max } => format!("[{}, {}]", python_float(min), python_float(max)),
        Kind::Integer { min, max } | Kind::Millis { min, max, .. } => format!("[{min}, {max}]"),
        _ => String::new(),
    }
}

/// What a kind takes, for hints and the reference.
pub(crate) fn takes(kind: Kind) -> String {
    match kind {
        Kind::Number { min, max } => format!("a number from {min} to {max}"),
        Kind::Integer { min, max } => format!("a whole number from {min} to {max}"),
        Kind::Millis { min, max, advised } if advised < max => {
            format!("whole milliseconds from {min} to {max}, better at most {advised}")
        }
        Kind::Millis { min, max, .. } => format!("whole milliseconds from {min} to {max}"),
        Kind::Switch => "`true` or `false`".to_owned(),
        Kind::Word(words) => {
            let words: Vec<_> = words.iter().map(|it| format!("`{it}`")).collect();
            format!("one of {}", words.join(", "))
        }
        Kind::Models => "model ids between commas, `none` for none".to_owned(),
        Kind::Scenarios => "scenario types between commas, `none` for none".to_owned(),
        Kind::Keys => "parameter names between commas, `none` for none".to_owned(),
        Kind::Voters => "`name:weight` pairs between commas, `single:1` for no vote".to_owned(),
        Kind::Version => "a version of three numbers, as `2.1.0`".to_owned(),
        Kind::Name => {
            "1 to 64 lower-case letters, digits, `_` and `-`, a letter or digit first".to_owned()
        }
        Kind::Time => "a moment, as `2026-11-21T09:30:00Z`".to_owned(),
        Kind::Token => "a hexadecimal digest or another word".to_owned(),
        Kind::Text => "any text on one line".to_owned(),
    }
}

/// At most the first 60 characters, so that a hostile value does not flood a report; what
/// cannot be seen is escaped.
pub(crate) fn shorten(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", visible(text.get(..at).unwrap_or_default())),
        None => visible(text).into_owned(),
    }
}
