//! YAML and TOML of any form, each text with its place.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_yaml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value with the place where it starts.
#[derive(Debug)]
pub(crate) struct Node {
    /// The first byte.
    pub(crate) at: usize,
    /// The first byte of its key, where it has one.
    pub(crate) key_at: usize,
    pub(crate) shape: Shape,
}

/// What a value is. Numbers and switches name nothing, so they are left out.
#[derive(Debug)]
pub(crate) enum Shape {
    Other,
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

/// Where a text is not of its form, in bytes, and why.
pub(crate) type Unread = (usize, String);

impl Node {
    /// Reads TOML.
    pub(crate) fn toml(text: &str) -> Result<Self, Unread> {
        let table = DeTable::parse(text)
            .map_err(|err| (err.span().map_or(0, |it| it.start), err.message().to_owned()))?;
        let at = table.span().start;
        Ok(Self { at, key_at: at, shape: map(table.get_ref()) })
    }

    /// Reads YAML, anchors and merge keys included; how far they may multiply is bounded
    /// by the reader.
    pub(crate) fn yaml(text: &str) -> Result<Self, Unread> {
        let options = serde_yaml::options! {
            with_snippet: false,
            budget: serde_yaml::budget! {
                max_depth: 32,
                max_anchors: 256,
                max_aliases: 1_024,
                max_documents: 1,
                max_nodes: 100_000,
            },
        };
        let read: Result<Spanned<Raw>, _> = serde_yaml::from_str_with_options(text, options);
        match read {
            Ok(raw) => Ok(node(raw, text)),
            Err(err) => {
                let at = err.location().map_or(0, |it| byte(text, it.line(), it.column()));
                let message = err.to_string();
                Err((at, message.lines().next().unwrap_or_default().to_owned()))
            }
        }
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let Shape::Map(pairs) = &self.shape else { return None };
        pairs.iter().find(|(it, _)| it == key).map(|(_, value)| value)
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.shape {
            Shape::Text(text) => Some(text),
            _ => None,
        }
    }
}

fn map(table: &DeTable<'_>) -> Shape {
    let pairs = table.iter().map(|(key, value)| {
        let (at, key_at) = (value.span().start, key.span().start);
        (key.get_ref().to_string(), Node { at, key_at, shape: shape(value.get_ref()) })
    });
    Shape::Map(pairs.collect())
}

fn shape(value: &DeValue<'_>) -> Shape {
    if let Some(text) = value.as_str() {
        return Shape::Text(text.to_owned());
    }
    if let Some(table) = value.as_table() {
        return map(table);
    }
    let Some(items) = value.as_array() else { return Shape::Other };
    let items = items.iter().map(|it| {
        let at = it.span().start;
        Node { at, key_at: at, shape: shape(it.get_ref()) }
    });
    Shape::List(items.collect())
}

/// A YAML value before its places are bytes.
enum Raw {
    Other,
    Text(String),
    List(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
}

fn node(raw: Spanned<Raw>, text: &str) -> Node {
    let at = byte(text, raw.defined.line(), raw.defined.column());
    let shape = match raw.value {
        Raw::Other => Shape::Other,
        Raw::Text(it) => Shape::Text(it),
        Raw::List(items) => Shape::List(items.into_iter().map(|it| node(it, text)).collect()),
        Raw::Map(pairs) => {
            let pairs = pairs.into_iter().map(|(key, value)| {
                let key_at = byte(text, key.defined.line(), key.defined.column());
                (key.value, Node { key_at, ..node(value, text) })
            });
            Shape::Map(pairs.collect())
        }
    };
    Node { at, key_at: at, shape }
}

/// The byte at a line and a column in characters, both counted from 1.
fn byte(text: &str, line: u64, column: u64) -> usize {
    let number = |it: u64| usize::try_from(it.saturating_sub(1)).unwrap_or(usize::MAX);
    let start: usize = text.split_inclusive('\n').take(number(line)).map(str::len).sum();
    let rest = text.get(start..).unwrap_or_default();
    start + rest.chars().take(number(column)).map(char::len_utf8).sum::<usize>()
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Raw, E> {
        Ok(Raw::Other)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Other)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Other)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Other)
    }

    fn visit_unit<E: Error>(self) -> Result<Raw, E> {
        Ok(Raw::Other)
    }

    fn visit_none<E: Error>(self) -> Result<Raw, E> {
        Ok(Raw::Other)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Raw, D::Error> {
        Raw::deserialize(from)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Raw::Map(pairs))
    }
}
