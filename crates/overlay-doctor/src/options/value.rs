use std::fmt;
use std::net::SocketAddr;
use std::ops::Range;

use overlay_model::nearest;
use serde::Serialize;
use toml::de::DeValue;

use crate::doctor::check_ids;

/// What an option takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A whole number of a range, both ends included.
    Count {
        /// The smallest.
        least: u64,
        /// The largest.
        most: u64,
    },
    /// The name of an adapter, one of these: each option has its own part to play.
    Adapter(&'static [&'static str]),
    /// A list of names: 1 to 64 of `a-z`, `0-9`, `_` and `-` each.
    Words,
    /// A list of checks by their ids, see [`check_ids`].
    Checks,
    /// An address with a port: `127.0.0.1:9630`, `[::1]:9630`.
    Address,
}

/// The value of an option.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(untagged)]
pub enum OptionValue {
    /// A number.
    Count(u64),
    /// A word or an address.
    Text(String),
    /// Words.
    Words(Vec<String>),
}

/// As `fusion.toml` writes it.
impl fmt::Display for OptionValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(number) => number.fmt(f),
            Self::Text(text) => write!(f, "\"{text}\""),
            Self::Words(words) => {
                let words: Vec<_> = words.iter().map(|it| format!("\"{it}\"")).collect();
                write!(f, "[{}]", words.join(", "))
            }
        }
    }
}

/// Why a value is none of an option, and where in the text it stands.
pub(crate) enum Unfit {
    /// It is of another type: what there is instead.
    Type(&'static str),
    /// It is not allowed: why.
    Value(String),
}

impl Kind {
    /// What it takes, for people: `a whole number from 1 to 100`.
    pub fn takes(self) -> String {
        match self {
            Self::Count { least, most } => format!("a whole number from {least} to {most}"),
            Self::Adapter(names) => {
                let names: Vec<_> = names.iter().map(|it| format!("`{it}`")).collect();
                names.join(" or ")
            }
            Self::Words => "a list of names".to_owned(),
            Self::Checks => "a list of checks of `fusion doctor`".to_owned(),
            Self::Address => "an address with a port, as `127.0.0.1:9630`".to_owned(),
        }
    }

    /// The value that a variable of the environment, or the table, writes as `text`: a list
    /// with commas, with or without brackets and quotes.
    pub(crate) fn parse(self, text: &str) -> Result<OptionValue, String> {
        match self {
            Self::Count { .. } => {
                let not = || format!("`{}` is not {}", text.escape_debug(), self.takes());
                self.number(text.trim().parse().map_err(|_| not())?)
            }
            Self::Words | Self::Checks => {
                let inner = text.trim().trim_start_matches('[').trim_end_matches(']');
                let words = inner.split(',').map(|it| it.trim().trim_matches('"'));
                let words = words.filter(|it| !it.is_empty());
                let words: Result<Vec<_>, _> = words.map(|it| self.item(it)).collect();
                words.map(OptionValue::Words)
            }
            Self::Adapter(_) | Self::Address => self.text(text.trim()),
        }
    }

    /// The value that stands in a TOML file.
    pub(crate) fn read(self, value: &DeValue<'_>) -> Result<OptionValue, Unfit> {
        let other = || Unfit::Type(found(value));
        match self {
            Self::Count { .. } => {
                let digits = value.as_integer().ok_or_else(other)?;
                let number = u64::from_str_radix(digits.as_str(), digits.radix());
                let beyond = || format!("{} is not {}", digits.as_str(), self.takes());
                let number = number.map_err(|_| Unfit::Value(beyond()))?;
                self.number(number).map_err(Unfit::Value)
            }
            Self::Words | Self::Checks => {
                let list = value.as_array().ok_or_else(other)?;
                let words = list.iter().map(|it| {
                    let item = it.get_ref();
                    let text = item.as_str().ok_or_else(|| Unfit::Type(found(item)))?;
                    self.item(text).map_err(Unfit::Value)
                });
                words.collect::<Result<Vec<_>, _>>().map(OptionValue::Words)
            }
            Self::Adapter(_) | Self::Address => {
                let text = value.as_str().ok_or_else(other)?;
                self.text(text).map_err(Unfit::Value)
            }
        }
    }

    fn number(self, number: u64) -> Result<OptionValue, String> {
        let Self::Count { least, most } = self else { return Ok(OptionValue::Count(number)) };
        if (least..=most).contains(&number) {
            return Ok(OptionValue::Count(number));
        }
        Err(format!("{number} is not {}", self.takes()))
    }

    fn text(self, text: &str) -> Result<OptionValue, String> {
        match self {
            Self::Address if text.parse::<SocketAddr>().is_err() => {
                Err(format!("`{}` is not {}", text.escape_debug(), self.takes()))
            }
            Self::Adapter(names) if !names.contains(&text) => {
                let not = format!("`{}` is no adapter for this", text.escape_debug());
                Err(format!("{not}: use {}", self.takes()))
            }
            _ => Ok(OptionValue::Text(text.to_owned())),
        }
    }

    /// One name of a list.
    fn item(self, text: &str) -> Result<String, String> {
        let text = name(text)?;
        if self != Self::Checks || check_ids().any(|it| it == text) {
            return Ok(text);
        }
        let there: Vec<_> = check_ids().collect();
        let near = nearest(&text, there.iter().copied()).map(|it| format!("did you mean `{it}`?"));
        let there = || format!("there are {}", there.join(", "));
        Err(format!("`{text}` is no check: {}", near.unwrap_or_else(there)))
    }

    /// What it takes in a sentence of its type.
    pub(crate) fn type_name(self) -> &'static str {
        match self {
            Self::Count { .. } => "a whole number",
            Self::Words | Self::Checks => "a list of texts",
            Self::Adapter(_) | Self::Address => "a text",
        }
    }
}

/// `text` as a name.
fn name(text: &str) -> Result<String, String> {
    let plain = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || b"_-".contains(&it);
    if (1..=64).contains(&text.len()) && text.bytes().all(plain) {
        return Ok(text.to_owned());
    }
    Err(format!("`{}` is no name: use a-z, 0-9, `_` and `-`", text.escape_debug()))
}

/// What a value is, for people.
fn found(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// A place in the file.
pub(crate) type Bytes = Range<usize>;
