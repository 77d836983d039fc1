//! Where the values of a flag file stand in its text.

use std::fmt;

use overlay_model::Location;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::Spanned;

use crate::file::MAX_FLAG_BYTES;

/// A step on the way to a value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step<'a> {
    /// Into a map.
    Key(&'a str),
    /// Into a list.
    At(usize),
}

/// A text as a tree of places; nothing where the text is none.
pub(crate) struct Places(Option<Spanned<Node>>);

impl Places {
    /// For a text that was read as a flag file already.
    pub(crate) fn of(text: &str) -> Self {
        let options = serde_yaml::options! {
            with_snippet: false,
            strict_booleans: true,
            // A number that is none has a place like any other.
            non_finite_float_policy: serde_yaml::options::NonFiniteFloatPolicy::PassThrough,
            budget: serde_yaml::budget! {
                max_depth: 16,
                flow_nesting_limit: 16,
                max_anchors: 0,
                max_aliases: 0,
                max_merge_keys: 0,
                max_documents: 1,
                max_nodes: MAX_FLAG_BYTES / 5,
            },
        };
        Self(serde_yaml::from_str_with_options(text, options).ok())
    }

    /// The way to the outermost value that begins at a line and column, and its form.
    pub(crate) fn find(&self, line: usize, column: usize) -> Option<(Vec<Step<'_>>, Form)> {
        let root = self.0.as_ref()?;
        let mut ways = vec![(Vec::new(), root)];
        while let Some((way, node)) = ways.pop() {
            let at = place(node);
            if !way.is_empty() && (at.line, at.column) == (line, column) {
                return Some((way, node.value.form()));
            }
            ways.extend(node.value.children().map(|(step, child)| {
                let mut way = way.clone();
                way.push(step);
                (way, child)
            }));
        }
        None
    }

    /// The place of the value at the end of `path`: of the value itself where it is one
    /// word, else of its name. Where the path leads to nothing, the last place on it.
    pub(crate) fn get(&self, path: &[Step<'_>]) -> Option<Location> {
        let (mut node, mut place) = (self.0.as_ref()?, None);
        for step in path {
            let Some((next, at)) = node.value.child(*step) else { break };
            (node, place) = (next, Some(at));
        }
        place
    }
}

/// A value with the places of what is in it.
enum Node {
    Word,
    List(Vec<Spanned<Self>>),
    Map(Entries),
}

/// The entries of a map, in the order of the text.
struct Entries {
    all: Vec<(Spanned<String>, Spanned<Node>)>,
    /// Their places by name: a file may have a finding for each of ten thousand flags.
    by_name: Vec<usize>,
}

impl Entries {
    fn new(all: Vec<(Spanned<String>, Spanned<Node>)>) -> Self {
        let mut by_name: Vec<usize> = (0..all.len()).collect();
        // Stable: of two that have one name the first one is found.
        by_name.sort_by(|a, b| name_at(&all, *a).cmp(&name_at(&all, *b)));
        Self { all, by_name }
    }

    fn get(&self, name: &str) -> Option<&(Spanned<String>, Spanned<Node>)> {
        let found = self.by_name.partition_point(|it| name_at(&self.all, *it) < Some(name));
        self.all.get(*self.by_name.get(found)?).filter(|(it, _)| it.value == name)
    }
}

fn name_at(all: &[(Spanned<String>, Spanned<Node>)], idx: usize) -> Option<&str> {
    #[cfg(test)]
    tests::LOOKS.with(|it| it.set(it.get() + 1));
    all.get(idx).map(|(name, _)| name.value.as_str())
}

/// Whether a value is a word, a list or a map.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    Word,
    List,
    Map,
}

impl Node {
    fn form(&self) -> Form {
        match self {
            Self::Word => Form::Word,
            Self::List(_) => Form::List,
            Self::Map(_) => Form::Map,
        }
    }

    fn children(&self) -> impl Iterator<Item = (Step<'_>, &Spanned<Self>)> {
        let (items, entries) = match self {
            Self::Word => (&[][..], &[][..]),
            Self::List(items) => (&items[..], &[][..]),
            Self::Map(entries) => (&[][..], &entries.all[..]),
        };
        let items = items.iter().enumerate().map(|(idx, it)| (Step::At(idx), it));
        items.chain(entries.iter().map(|(name, it)| (Step::Key(&name.value), it)))
    }

    fn child(&self, step: Step<'_>) -> Option<(&Spanned<Self>, Location)> {
        match (self, step) {
            (Self::List(items), Step::At(idx)) => {
                let item = items.get(idx)?;
                Some((item, place(item)))
            }
            (Self::Map(entries), Step::Key(key)) => {
                let (name, value) = entries.get(key)?;
                let at = if matches!(value.value, Self::Word) { place(value) } else { place(name) };
                Some((value, at))
            }
            _ => None,
        }
    }
}

fn place<T>(value: &Spanned<T>) -> Location {
    let at = value.referenced;
    let number = |it: u64| usize::try_from(it).unwrap_or(usize::MAX);
    let start = number(at.span().byte_offset().unwrap_or_default());
    let end = start.saturating_add(number(at.span().byte_len().unwrap_or_default()));
    Location { line: number(at.line()), column: number(at.column()), span: start..end }
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

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Word)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Word)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Node, E> {
        Ok(Node::Word)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Word)
    }

    fn visit_str<E>(self, _: &str) -> Result<Node, E> {
        Ok(Node::Word)
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Word)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Word)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut res = Vec::new();
        while let Some(item) = items.next_element()? {
            res.push(item);
        }
        Ok(Node::List(res))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut res = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            res.push(entry);
        }
        Ok(Node::Map(Entries::new(res)))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fmt::Write as _;

    use super::{Places, Step};

    thread_local! {
        /// How many names were looked at.
        pub(super) static LOOKS: Cell<usize> = const { Cell::new(0) };
    }

    /// Each of many flags may have a finding.
    #[test]
    fn a_place_costs_the_logarithm_of_the_names() {
        const FLAGS: usize = 4096;
        let mut text = String::from("features:\n");
        for idx in 0..FLAGS {
            writeln!(text, "  f{idx}: {{enabled: true}}").unwrap();
        }
        let places = Places::of(&text);
        LOOKS.with(|it| it.set(0));
        for idx in 0..FLAGS {
            let name = format!("f{idx}");
            let path = [Step::Key("features"), Step::Key(&name), Step::Key("enabled")];
            assert_eq!(places.get(&path).map(|it| it.line), Some(idx + 2));
        }
        let looks = LOOKS.with(Cell::get);
        assert!(looks <= FLAGS * 20, "{looks} for {FLAGS}");
    }
}
