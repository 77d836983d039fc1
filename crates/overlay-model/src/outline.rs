//! Where the parts of a structured text stand, by the parsers that read it.

use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_yaml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::convert::TextFormat;
use crate::structured::from_yaml;

/// The most levels that are looked into.
const MAX_DEPTH: usize = 16;

/// Where a value of a structured text stands, and its parts.
///
/// ```
/// use overlay_model::{Outline, TextFormat};
///
/// let text = "GOAL: \"SAMPLES: 1\"\nSAMPLES: 7\n";
/// let outline = Outline::of(TextFormat::Yaml, text).ok_or("no YAML")?;
/// let field = outline.field("SAMPLES").ok_or("no such key")?;
/// assert_eq!(field.key_at, 19..26);
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Outline {
    /// The bytes of the value; of a YAML block or flow, where it begins.
    pub at: Range<usize>,
    parts: Parts,
}

#[derive(Clone, Debug, Default, Eq, PartialEq)]
enum Parts {
    #[default]
    None,
    Items(Vec<Outline>),
    Fields(Vec<OutlineField>),
}

/// A key of a table with its value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OutlineField {
    /// The key as it reads, escapes resolved.
    pub key: String,
    /// The bytes of the key, without quotes.
    pub key_at: Range<usize>,
    /// Its value.
    pub value: Outline,
}

impl Outline {
    /// The outline of `text`; `None` where it is no such text, or has `KEY=VALUE` lines, whose
    /// places an [`crate::Overlay`] knows.
    pub fn of(format: TextFormat, text: &str) -> Option<Self> {
        match format {
            TextFormat::Overlay => None,
            TextFormat::Toml => DeTable::parse(text).ok().map(|it| Self {
                at: it.span(),
                parts: Parts::Fields(toml_fields(text, it.get_ref(), MAX_DEPTH)),
            }),
            TextFormat::Yaml => from_yaml(text).ok().map(|it: Spanned<Node>| of_node(text, it)),
            TextFormat::Json => {
                let body = text.strip_prefix('\u{feff}').unwrap_or(text);
                let raw: &RawValue = serde_json::from_str(body).ok()?;
                Some(of_json(text, raw, MAX_DEPTH))
            }
        }
    }

    /// The keys of a table in the order of the text; none for other values.
    pub fn fields(&self) -> &[OutlineField] {
        match &self.parts {
            Parts::Fields(fields) => fields,
            _ => &[],
        }
    }

    /// The elements of a list; none for other values.
    pub fn items(&self) -> &[Self] {
        match &self.parts {
            Parts::Items(items) => items,
            _ => &[],
        }
    }

    /// The key of a table, where it has it.
    pub fn field(&self, key: &str) -> Option<&OutlineField> {
        self.fields().iter().find(|it| it.key == key)
    }
}

/// The bytes between the quotes of `span`, where it has some.
fn unquoted(text: &str, span: Range<usize>) -> Range<usize> {
    let quoted = text.get(span.clone()).unwrap_or_default();
    let is_quoted =
        |quote: char| quoted.len() > 1 && quoted.starts_with(quote) && quoted.ends_with(quote);
    if is_quoted('"') || is_quoted('\'') { span.start + 1..span.end - 1 } else { span }
}

fn toml_fields(text: &str, table: &DeTable<'_>, depth: usize) -> Vec<OutlineField> {
    let fields = table.iter().map(|(key, value)| OutlineField {
        key: key.get_ref().clone().into_owned(),
        key_at: unquoted(text, key.span()),
        value: Outline {
            at: unquoted(text, value.span()),
            parts: toml_parts(text, value.get_ref(), depth),
        },
    });
    let mut res: Vec<_> = fields.collect();
    res.sort_by_key(|it| it.key_at.start);
    res
}

fn toml_parts(text: &str, value: &DeValue<'_>, depth: usize) -> Parts {
    let Some(depth) = depth.checked_sub(1) else { return Parts::None };
    match value {
        DeValue::Array(items) => {
            let items = items.iter().map(|it| Outline {
                at: unquoted(text, it.span()),
                parts: toml_parts(text, it.get_ref(), depth),
            });
            Parts::Items(items.collect())
        }
        DeValue::Table(table) => Parts::Fields(toml_fields(text, table, depth)),
        _ => Parts::None,
    }
}

/// A YAML value with the places of what it holds.
enum Node {
    Leaf,
    List(Vec<Spanned<Self>>),
    Table(Vec<(Spanned<String>, Spanned<Self>)>),
}

fn of_node(text: &str, node: Spanned<Node>) -> Outline {
    let at = unquoted(text, yaml_span(&node));
    let parts = match node.value {
        Node::Leaf => Parts::None,
        Node::List(items) => Parts::Items(items.into_iter().map(|it| of_node(text, it)).collect()),
        Node::Table(fields) => {
            let fields = fields.into_iter().map(|(key, value)| OutlineField {
                key_at: unquoted(text, yaml_span(&key)),
                key: key.value,
                value: of_node(text, value),
            });
            Parts::Fields(fields.collect())
        }
    };
    Outline { at, parts }
}

pub(crate) fn yaml_span<T>(value: &Spanned<T>) -> Range<usize> {
    let span = value.referenced.span();
    let number = |it: Option<u64>| usize::try_from(it.unwrap_or_default()).unwrap_or(usize::MAX);
    let start = number(span.byte_offset());
    start..start.saturating_add(number(span.byte_len()))
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Node::Table(fields))
    }
}

/// The outline of `raw`, which is a part of `text`.
fn of_json(text: &str, raw: &RawValue, depth: usize) -> Outline {
    let at = json_span(text, raw);
    let parts = match (raw.get().chars().next(), depth.checked_sub(1)) {
        (Some('['), Some(depth)) => {
            let items: Vec<&RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
            Parts::Items(items.into_iter().map(|it| of_json(text, it, depth)).collect())
        }
        (Some('{'), Some(depth)) => {
            let RawFields(fields) = serde_json::from_str(raw.get()).unwrap_or_default();
            let fields = fields.into_iter().map(|(key, value)| OutlineField {
                key: serde_json::from_str(key.get()).unwrap_or_default(),
                key_at: json_span(text, key),
                value: of_json(text, value, depth),
            });
            Parts::Fields(fields.collect())
        }
        _ => Parts::None,
    };
    Outline { at, parts }
}

/// Where `raw`, which is borrowed from `text`, stands in it.
fn json_span(text: &str, raw: &RawValue) -> Range<usize> {
    let start = raw.get().as_ptr().addr().saturating_sub(text.as_ptr().addr());
    unquoted(text, start..start + raw.get().len())
}

/// The keys and values of a JSON object as they are written.
#[derive(Default)]
struct RawFields<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de> Deserialize<'de> for RawFields<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(RawFieldsVisitor)
    }
}

struct RawFieldsVisitor;

impl<'de> Visitor<'de> for RawFieldsVisitor {
    type Value = RawFields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawFields<'de>, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(RawFields(fields))
    }
}
