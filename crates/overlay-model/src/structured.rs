use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde_yaml::UserMessageFormatter;
use serde_yaml::budget::BudgetBreach;
use thiserror::Error;

/// The most bytes a YAML, TOML or JSON file of ours has, flag files aside.
pub const MAX_TEXT_BYTES: usize = 1 << 20;

/// Reads YAML strictly: one document, no anchors, aliases, merge keys or tags, at most
/// 16 levels, `true` and `false` as the only booleans, each key once.
///
/// JSON is YAML: the same reader takes both, and refuses duplicate keys in both.
///
/// # Errors
///
/// Where the text is larger than 1 MiB, no such YAML, or does not fit `T`.
pub fn from_yaml<T: DeserializeOwned>(text: &str) -> Result<T, TextError> {
    from_yaml_of_size(text, MAX_TEXT_BYTES)
}

/// [`from_yaml`] for files of up to `max_bytes`.
///
/// # Errors
///
/// As [`from_yaml`].
pub fn from_yaml_of_size<T: DeserializeOwned>(
    text: &str,
    max_bytes: usize,
) -> Result<T, TextError> {
    check_size(text, max_bytes)?;
    let options = serde_yaml::options! {
        strict_booleans: true,
        no_schema: true,
        reject_unsupported_tags: true,
        reject_tagged_field_names: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        with_snippet: false,
        // Whoever asks for a number says which ones they take.
        non_finite_float_policy: serde_yaml::options::NonFiniteFloatPolicy::PassThrough,
        merge_keys: serde_yaml::options::MergeKeyPolicy::Error,
        duplicate_keys: serde_yaml::options::DuplicateKeyPolicy::Error,
        budget: serde_yaml::budget! {
            max_depth: 16,
            flow_nesting_limit: 16,
            max_anchors: 0,
            max_aliases: 0,
            max_merge_keys: 0,
            max_documents: 1,
            // About one a fifth byte, as in the densest real flag files.
            max_nodes: (max_bytes / 5).max(200_000),
        },
    };
    serde_yaml::from_str_with_options(text, options).map_err(|err| {
        let (line, mut column) = err.location().map_or((1, 1), |at| {
            (usize::try_from(at.line()).unwrap_or(1), usize::try_from(at.column()).unwrap_or(1))
        });
        let err = err.without_snippet();
        if is_of_word(err) {
            column += behind_key(text, line, column).unwrap_or(0);
        }
        TextError { line, column, message: yaml_message(err) }
    })
}

/// Whether an error says of a word what it is not; the YAML reader says that where the key of
/// the word stands, and of a map or a list where it begins.
fn is_of_word(err: &serde_yaml::Error) -> bool {
    match err {
        serde_yaml::Error::SerdeInvalidType { unexpected, .. } => {
            !["map", "sequence"].contains(&unexpected.as_str())
        }
        serde_yaml::Error::SerdeInvalidValue { .. } => true,
        _ => false,
    }
}

/// How many characters there are from the key at a place to the word behind it, where one
/// stands on its line.
fn behind_key(text: &str, line: usize, column: usize) -> Option<usize> {
    let row = text.lines().nth(line.checked_sub(1)?)?;
    let (start, _) = row.char_indices().nth(column.checked_sub(1)?)?;
    let rest = row.get(start..)?;
    let key = match rest.chars().next()? {
        quote @ ('"' | '\'') => closing(rest, quote)?,
        _ => rest.find(": ")?,
    };
    let behind = rest.get(key..)?.trim_start_matches([' ', '\t']).strip_prefix(':')?;
    let value = behind.trim_start_matches([' ', '\t']);
    let is_word = !value.starts_with(['{', '[', '|', '>', '#', '&', '*', '!']);
    let before = rest.get(..rest.len() - value.len())?;
    (is_word && !value.is_empty()).then(|| before.chars().count())
}

/// Where a text in quotes ends that begins with `quote`.
fn closing(text: &str, quote: char) -> Option<usize> {
    let mut is_escaped = false;
    let ends = |it: char| {
        let ends = it == quote && !is_escaped;
        is_escaped = quote == '"' && it == '\\' && !is_escaped;
        ends
    };
    text.get(1..)?.find(ends).map(|it| it + 2)
}

fn yaml_message(err: &serde_yaml::Error) -> String {
    match err {
        serde_yaml::Error::Budget { breach, .. } => beyond(breach).to_owned(),
        _ => plain_message(&err.render_with_formatter(&UserMessageFormatter)),
    }
}

/// What of YAML is not read here, where a text has it.
fn beyond(breach: &BudgetBreach) -> &'static str {
    match breach {
        BudgetBreach::Anchors { .. }
        | BudgetBreach::Aliases { .. }
        | BudgetBreach::AliasAnchorRatio { .. } => {
            "anchors (`&`) and aliases (`*`) are not taken: write the value where it belongs"
        }
        BudgetBreach::MergeKeys { .. } => {
            "merge keys (`<<`) are not taken: write the keys where they belong"
        }
        BudgetBreach::Depth { .. } => "more than 16 levels",
        BudgetBreach::Documents { .. } => "more than one document",
        _ => "larger or more complex than a file may be",
    }
}

/// What [`unquoted`] expects, at the end of its errors.
pub const UNQUOTED: &str = "a number or a switch, without quotes";

/// A number or a switch as it is written: `50` or `true`, where a YAML reader would else take
/// `"50"` and `"true"` as well. For `#[serde(deserialize_with)]`.
///
/// # Errors
///
/// Where a text stands in its place, or what does not fit `T`.
pub fn unquoted<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    from.deserialize_any(UnquotedVisitor(PhantomData))
}

/// [`unquoted`], where `null` is nothing.
///
/// # Errors
///
/// As [`unquoted`].
pub fn unquoted_option<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    Ok(Option::<Unquoted<T>>::deserialize(from)?.map(|it| it.0))
}

#[derive(serde::Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
struct Unquoted<T>(#[serde(deserialize_with = "unquoted")] T);

struct UnquotedVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for UnquotedVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(UNQUOTED)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<T, E> {
        T::deserialize(value.into_deserializer())
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<T, E> {
        T::deserialize(value.into_deserializer())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<T, E> {
        T::deserialize(value.into_deserializer())
    }

    /// A whole number is one however it is written, as JSON Schema has it: `5.0` is 5.
    fn visit_f64<E: de::Error>(self, value: f64) -> Result<T, E> {
        match whole(value) {
            Some(whole) => T::deserialize(whole.into_deserializer()),
            None => T::deserialize(value.into_deserializer()),
        }
    }
}

/// `value` as a whole number, where it is one that a float holds exactly.
fn whole(value: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "whole, and below 2^53")]
    let whole = || value as i64;
    (value.fract() == 0.0 && value.abs() <= EXACT).then(whole)
}

/// The message without the place, which [`TextError`] has in its fields.
pub(crate) fn plain_message(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    match first.rfind(" at line ") {
        Some(at) => first.get(..at).unwrap_or(first).to_owned(),
        None => first.to_owned(),
    }
}

/// Reads TOML.
///
/// # Errors
///
/// Where the text is larger than 1 MiB, no TOML, or does not fit `T`.
pub fn from_toml<T: DeserializeOwned>(text: &str) -> Result<T, TextError> {
    check_size(text, MAX_TEXT_BYTES)?;
    toml::from_str(text).map_err(|err| toml_error(text, &err))
}

pub(crate) fn toml_error(text: &str, err: &toml::de::Error) -> TextError {
    let at = crate::Location::of(text, err.span().unwrap_or(0..0));
    TextError { line: at.line, column: at.column, message: err.message().to_owned() }
}

pub(crate) fn check_size(text: &str, max: usize) -> Result<(), TextError> {
    if text.len() <= max {
        return Ok(());
    }
    let message = format!("{} bytes are more than the {max} allowed", text.len());
    Err(TextError { line: 1, column: 1, message })
}

/// Why a text is not what was expected, and where.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{line}:{column}: {message}")]
pub struct TextError {
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}
