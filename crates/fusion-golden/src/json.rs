//! JSON beyond what `serde_json` says: keys that stand twice.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use overlay_model::{Diagnostic, Location};
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::code;

/// How many keys that stand twice are named.
const MAX_FINDINGS: usize = 20;

/// A finding for each key that stands twice in one object of `text`, with both places; for
/// the first [`MAX_FINDINGS`] of them.
///
/// `text` must be JSON; of other texts only a part is seen.
pub(crate) fn duplicate_keys(text: &str) -> Vec<Diagnostic> {
    let mut scan = Scan { text, at: 0, objects: Vec::new(), findings: Vec::new() };
    while scan.findings.len() < MAX_FINDINGS && scan.step() {}
    scan.findings
}

/// The keys of an object, or `None` for an array.
type Keys = Option<HashMap<String, Range<usize>>>;

struct Scan<'a> {
    text: &'a str,
    at: usize,
    objects: Vec<Keys>,
    findings: Vec<Diagnostic>,
}

impl Scan<'_> {
    /// Goes on by one token; `false` at the end.
    fn step(&mut self) -> bool {
        let Some(byte) = self.text.as_bytes().get(self.at) else { return false };
        match byte {
            b'{' => self.objects.push(Some(HashMap::new())),
            b'[' => self.objects.push(None),
            b'}' | b']' => drop(self.objects.pop()),
            b'"' => {
                let span = self.string();
                self.at = span.end;
                if self.is_key() {
                    self.key(span);
                }
                return true;
            }
            _ => (),
        }
        self.at += 1;
        true
    }

    /// The bytes of the string that starts here, quotes included.
    fn string(&self) -> Range<usize> {
        let mut end = self.at + 1;
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(end) {
            match byte {
                b'"' => return self.at..end + 1,
                b'\\' => end += 2,
                _ => end += 1,
            }
        }
        self.at..bytes.len()
    }

    /// Whether a colon follows.
    fn is_key(&self) -> bool {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        rest.iter().find(|it| !it.is_ascii_whitespace()) == Some(&b':')
    }

    fn key(&mut self, span: Range<usize>) {
        let quoted = self.text.get(span.clone()).unwrap_or_default();
        let Ok(key) = serde_json::from_str::<String>(quoted) else { return };
        let Some(Some(keys)) = self.objects.last_mut() else { return };
        match keys.get(&key) {
            Some(first) => {
                let finding =
                    Diagnostic::error(code::DUPLICATE_KEY, format!("the key `{key}` stands twice"))
                        .at(self.text, span)
                        .hint("a reader that keeps the last one hides the other: remove one")
                        .related(Location::of(self.text, first.clone()), "first here");
                self.findings.push(finding);
            }
            None => drop(keys.insert(key, span)),
        }
    }
}

/// Reads a map in which each key stands once.
pub(crate) fn unique<'de, D, V>(from: D) -> Result<BTreeMap<String, V>, D::Error>
where
    D: Deserializer<'de>,
    V: Deserialize<'de>,
{
    struct Map<V>(PhantomData<V>);

    impl<'de, V: Deserialize<'de>> Visitor<'de> for Map<V> {
        type Value = BTreeMap<String, V>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Self::Value, A::Error> {
            let mut map = BTreeMap::new();
            while let Some((key, value)) = from.next_entry::<String, V>()? {
                if map.contains_key(&key) {
                    return Err(A::Error::custom(format!("the key `{key}` stands twice")));
                }
                map.insert(key, value);
            }
            Ok(map)
        }
    }

    from.deserialize_map(Map(PhantomData))
}
