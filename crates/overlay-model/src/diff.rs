use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::value::Value;

/// One key that two overlays differ in.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Change {
    /// The key.
    pub key: String,
    /// The value before, as written; `None` where the key is new.
    pub from: Option<String>,
    /// The value after, as written; `None` where the key is gone.
    pub to: Option<String>,
}

/// What changes from `a` to `b`, sorted by key.
///
/// Values are compared by [`Value::canonical`]: `0.30` is no change of `0.3`. Where a key
/// occurs twice, the first one counts.
pub fn diff(a: &[(&str, Value)], b: &[(&str, Value)]) -> Vec<Change> {
    let (a, b) = (by_key(a), by_key(b));
    let keys: BTreeSet<&str> = a.keys().chain(b.keys()).copied().collect();
    let changes = keys.into_iter().filter_map(|key| {
        let (from, to) = (a.get(key).copied(), b.get(key).copied());
        let differ = from.map(Value::canonical) != to.map(Value::canonical);
        let text = |value: Option<&Value>| value.map(|it| it.text().to_owned());
        differ.then(|| Change { key: key.to_owned(), from: text(from), to: text(to) })
    });
    changes.collect()
}

fn by_key<'a>(entries: &'a [(&str, Value)]) -> BTreeMap<&'a str, &'a Value> {
    entries.iter().rev().map(|(key, value)| (*key, value)).collect()
}
