use std::collections::BTreeMap;

use overlay_model::{Digest, Overlay, Shape, Value, canonical_bytes};

use crate::params::{ALIASES, VOLATILE, param};

/// The digest of what `overlay` says: SHA-256 of the canonical bytes of its settings.
///
/// Older names count as the ones that took their place, timestamps not at all; order,
/// comments and the way a number is written leave no trace.
pub fn digest(overlay: &Overlay) -> Digest {
    let pairs = settings(overlay).map(|(key, value)| (key, value.canonical()));
    Digest::of(&canonical_bytes(pairs))
}

/// The entries of `overlay` in file order, older names resolved, each value as its
/// parameter reads it; what is no parameter, or no value of it, is text.
///
/// An older name whose successor is set too is left out.
pub fn typed(overlay: &Overlay) -> Vec<(&str, Value)> {
    let entries = overlay.entries().filter_map(|entry| {
        let key = successor(entry.key).unwrap_or(entry.key);
        let is_shadowed = key != entry.key && overlay.get(key).is_some();
        value(key, entry.value).filter(|_| !is_shadowed).map(|value| (key, value))
    });
    entries.collect()
}

/// For each key the first 16 hexadecimal digits of the SHA-256 of its canonical value;
/// keys as in [`digest`]. Says which setting changed without saying the value.
pub fn key_digests(overlay: &Overlay) -> BTreeMap<String, String> {
    let digests = settings(overlay).map(|(key, value)| {
        let digest = Digest::of(value.canonical().as_bytes()).to_string();
        let hex = digest.bytes().skip("sha256:".len()).take(16).map(char::from);
        (key.to_owned(), hex.collect())
    });
    digests.collect()
}

/// The key that took the place of `key`, where one did.
pub(crate) fn successor(key: &str) -> Option<&'static str> {
    ALIASES.iter().find(|(older, _)| *older == key).map(|(_, newer)| *newer)
}

fn settings(overlay: &Overlay) -> impl Iterator<Item = (&str, Value)> {
    typed(overlay).into_iter().filter(|(key, _)| !VOLATILE.contains(key))
}

/// Any text is a [`Shape::Text`], so there always is a value.
fn value(key: &str, text: &str) -> Option<Value> {
    let shape = param(key).map_or(Shape::Text, |it| it.kind.shape());
    Value::parse(shape, text).or_else(|_| Value::parse(Shape::Text, text)).ok()
}
