//! Structured texts as typed values, stricter than their parsers are: no key twice, no
//! number that is none, a bounded depth.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value as Json};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::Location;
use crate::parser::shorten;
use crate::structured::{self, MAX_TEXT_BYTES, TextError};

/// The most levels a value has.
const MAX_DEPTH: usize = 16;

type Entries = Vec<(String, Json)>;

pub(crate) fn from_json(text: &str) -> Result<Entries, TextError> {
    structured::check_size(text, MAX_TEXT_BYTES)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = serde_json::Deserializer::from_str(text);
    let entries = TopLevel.deserialize(&mut reader).and_then(|res| reader.end().map(|()| res));
    entries.map_err(|err| json_error(text, &err))
}

pub(crate) fn from_yaml(text: &str) -> Result<Entries, TextError> {
    structured::from_yaml::<Document>(text).map(|it| it.0)
}

pub(crate) fn from_toml(text: &str) -> Result<Entries, TextError> {
    structured::check_size(text, MAX_TEXT_BYTES)?;
    let table = DeTable::parse(text).map_err(|err| structured::toml_error(text, &err))?;
    let mut rows: Vec<_> = table.get_ref().iter().collect();
    rows.sort_by_key(|(key, _)| key.span().start);
    let typed = rows.into_iter().map(|(key, value)| {
        Ok((key.get_ref().clone().into_owned(), toml_value(text, value, MAX_DEPTH)?))
    });
    typed.collect()
}

fn toml_value(text: &str, value: &Spanned<DeValue<'_>>, depth: usize) -> Result<Json, TextError> {
    let refuse = |message: &str| {
        let at = Location::of(text, value.span());
        Err(TextError { line: at.line, column: at.column, message: message.to_owned() })
    };
    if depth == 0 {
        return refuse(TOO_DEEP);
    }
    match value.get_ref() {
        DeValue::String(text) => Ok(Json::from(text.as_ref())),
        DeValue::Integer(it) => match i64::from_str_radix(it.as_str(), it.radix()) {
            Ok(number) => Ok(Json::from(number)),
            Err(_) => refuse("a whole number beyond 64 bits"),
        },
        DeValue::Float(it) => match it.as_str().parse().ok().and_then(Number::from_f64) {
            Some(number) => Ok(Json::Number(number)),
            None => refuse(NOT_FINITE),
        },
        DeValue::Boolean(on) => Ok(Json::from(*on)),
        DeValue::Datetime(time) => Ok(Json::from(time.to_string())),
        DeValue::Array(items) => items.iter().map(|it| toml_value(text, it, depth - 1)).collect(),
        DeValue::Table(rows) => {
            let pairs = rows.iter().map(|(key, it)| {
                Ok((key.get_ref().clone().into_owned(), toml_value(text, it, depth - 1)?))
            });
            pairs.collect::<Result<Map<_, _>, _>>().map(Json::Object)
        }
    }
}

const TOO_DEEP: &str = "more than 16 levels";
const NOT_FINITE: &str = "not a finite number";

/// `serde_json` counts columns in bytes.
fn json_error(text: &str, err: &serde_json::Error) -> TextError {
    let line_start = match err.line().checked_sub(2) {
        Some(breaks) => text.match_indices('\n').nth(breaks).map_or(0, |(at, _)| at + 1),
        None => 0,
    };
    let at = line_start + err.column().saturating_sub(1);
    let column = Location::in_line(text, err.line().max(1), line_start, at..at).column;
    let message = structured::plain_message(&err.to_string());
    TextError { line: err.line().max(1), column, message }
}

struct Document(Entries);

impl<'de> serde::Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        TopLevel.deserialize(from).map(Self)
    }
}

/// The object that a text as a whole is.
struct TopLevel;

impl<'de> DeserializeSeed<'de> for TopLevel {
    type Value = Entries;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Entries, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for TopLevel {
    type Value = Entries;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of keys to values")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Entries, A::Error> {
        pairs(map, MAX_DEPTH)
    }
}

/// A value with at most so many levels.
#[derive(Clone, Copy)]
struct Typed(usize);

impl<'de> DeserializeSeed<'de> for Typed {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Json, D::Error> {
        if self.0 == 0 { Err(D::Error::custom(TOO_DEEP)) } else { from.deserialize_any(self) }
    }
}

impl<'de> Visitor<'de> for Typed {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: Error>(self, on: bool) -> Result<Json, E> {
        Ok(Json::from(on))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Json, E> {
        Ok(Json::from(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Json, E> {
        Ok(Json::from(number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Json, E> {
        Number::from_f64(number).map(Json::Number).ok_or_else(|| E::custom(NOT_FINITE))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Json, E> {
        Ok(Json::from(text))
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        let mut res = Vec::new();
        while let Some(item) = seq.next_element_seed(Self(self.0 - 1))? {
            res.push(item);
        }
        Ok(Json::Array(res))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Json, A::Error> {
        pairs(map, self.0 - 1).map(|it| it.into_iter().collect())
    }
}

fn pairs<'de, A: MapAccess<'de>>(mut map: A, depth: usize) -> Result<Entries, A::Error> {
    let (mut res, mut seen) = (Vec::new(), HashSet::new());
    while let Some(key) = map.next_key::<String>()? {
        if !seen.insert(key.clone()) {
            return Err(A::Error::custom(format!("duplicate key `{}`", shorten(&key))));
        }
        let value = map.next_value_seed(Typed(depth))?;
        res.push((key, value));
    }
    Ok(res)
}
