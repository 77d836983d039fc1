//! The labels of other libraries, as Prometheus takes them.

use std::borrow::Cow;

use metrics::{Key, Label};
use rapidhash::v3::rapidhash_v3;

use crate::label::{suffixed, wire_name};

/// The most labels of a series.
const LABELS: usize = 16;
/// The longest label name or value in bytes.
const BYTES: usize = 128;

/// Whether a key is kept as it is or shortened first. A shortened key is never the same
/// as one that only looks like it.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Shape {
    Plain,
    Long,
}

impl Shape {
    pub(crate) fn of(key: &Key) -> Self {
        let long = |it: &Label| it.key().len() > BYTES || it.value().len() > BYTES;
        let labels = key.labels();
        if labels.len() > LABELS || labels.into_iter().any(long) { Self::Long } else { Self::Plain }
    }
}

/// The key with its first labels by name, and their texts cut with a hash of the whole
/// behind them; and how many labels were left out.
pub(crate) fn shortened(key: &Key) -> (Key, usize) {
    let mut labels: Vec<_> = key.labels().collect();
    labels.sort_unstable_by_key(|it| (it.key(), it.value()));
    let dropped = labels.len().saturating_sub(LABELS);
    let short = |it: &&Label| Label::new(cut(it.key()), cut(it.value()));
    let labels: Vec<_> = labels.iter().take(LABELS).map(short).collect();
    (Key::from_parts(key.name().to_owned(), labels), dropped)
}

fn cut(text: &str) -> String {
    if text.len() <= BYTES {
        return text.to_owned();
    }
    let kept: String = text.chars().take(BYTES / 4).collect();
    format!("{kept}~{:016x}", rapidhash_v3(text.as_bytes()))
}

/// The labels for the page: sorted, with names that are allowed and differ, and values
/// without control characters, quotes and backslashes. `~` is left to the hash that marks
/// a changed value.
pub(crate) fn labels(key: &Key) -> Vec<Label> {
    let mut raw: Vec<_> = key.labels().collect();
    raw.sort_unstable_by_key(|it| (it.key(), it.value()));
    let mut res: Vec<Label> = Vec::with_capacity(raw.len());
    for label in raw {
        let name = wire_label(label.key());
        let taken = |name: &str| res.iter().any(|it| it.key() == name);
        let name = if taken(&name) { suffixed(&name, label.key()) } else { name };
        // A name given twice keeps its first value.
        if !taken(&name) {
            res.push(Label::new(name, harmless(label.value()).into_owned()));
        }
    }
    res
}

/// Names that Prometheus keeps for itself are marked as foreign, as it does itself.
fn wire_label(raw: &str) -> String {
    let name = wire_name(raw);
    let reserved =
        name.starts_with("__") || matches!(name.as_str(), "le" | "quantile" | "overflow");
    if reserved { format!("exported_{name}") } else { name }
}

fn harmless(raw: &str) -> Cow<'_, str> {
    let bad = |it: char| it.is_control() || matches!(it, '"' | '\\' | '~');
    if !raw.contains(bad) {
        return Cow::Borrowed(raw);
    }
    let text = raw.replace(bad, "_");
    Cow::Owned(format!("{text}~{:016x}", rapidhash_v3(raw.as_bytes())))
}
