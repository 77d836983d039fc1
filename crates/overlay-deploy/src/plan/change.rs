use std::collections::BTreeSet;

use overlay_model::{Change, Digest, Overlay, diff};
use overlay_store::Tree;
use serde::Serialize;

use super::assemble::is_overlay;

/// One file that two trees differ in.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct FileChange {
    /// Its path in the tree.
    pub path: String,
    /// What it was; `None` where it is new.
    pub from: Option<Digest>,
    /// What it will be; `None` where it goes.
    pub to: Option<Digest>,
    /// The keys that change, for an overlay; values are compared, not their spelling.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<Change>,
}

impl FileChange {
    /// `+` for new, `-` for gone, `~` for changed.
    pub fn mark(&self) -> char {
        match (self.from, self.to) {
            (None, _) => '+',
            (_, None) => '-',
            _ => '~',
        }
    }
}

/// What changes from one tree to another, sorted by path.
pub fn changes(from: &Tree, to: &Tree) -> Vec<FileChange> {
    let paths: BTreeSet<&str> = from.iter().chain(to.iter()).map(|(path, _)| path).collect();
    let changed = paths.into_iter().filter(|path| from.get(path) != to.get(path));
    changed.map(|path| file_change(path, from.get(path), to.get(path))).collect()
}

fn file_change(path: &str, from: Option<&[u8]>, to: Option<&[u8]>) -> FileChange {
    let keys = if is_overlay(path) { key_changes(from, to) } else { Vec::new() };
    FileChange { path: path.to_owned(), from: from.map(Digest::of), to: to.map(Digest::of), keys }
}

fn key_changes(from: Option<&[u8]>, to: Option<&[u8]>) -> Vec<Change> {
    let [from, to] = [from, to].map(|it| Overlay::read(it.unwrap_or_default()).0);
    diff(&overlay_schema::typed(&from), &overlay_schema::typed(&to))
}
