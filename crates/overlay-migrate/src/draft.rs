use std::collections::BTreeMap;

use overlay_model::Digest;

use crate::kind::Kind;
use crate::step::{Replace, Step, replaced};
use crate::tree::Tree;

/// The tree as it stands after the steps so far, and these steps.
pub(crate) struct Draft<'a> {
    tree: &'a Tree,
    /// Files that differ from the tree; `None` where one is gone.
    changed: BTreeMap<String, Option<String>>,
    /// The last step about a file.
    last: BTreeMap<String, String>,
    /// Where a moved file stood.
    came_from: BTreeMap<String, String>,
    pub(crate) steps: Vec<Step>,
}

/// What a step does beside its file and its texts.
pub(crate) struct Deed<'a> {
    /// The first part of its id.
    pub(crate) rule: &'a str,
    pub(crate) kind: Kind,
    pub(crate) priority: u8,
    pub(crate) summary: String,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(tree: &'a Tree) -> Self {
        Self {
            tree,
            changed: BTreeMap::new(),
            last: BTreeMap::new(),
            came_from: BTreeMap::new(),
            steps: Vec::new(),
        }
    }

    /// The text of a file; `None` where there is none or it is no UTF-8.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        match self.changed.get(path) {
            Some(text) => text.as_deref(),
            None => std::str::from_utf8(&self.tree.files().get(path)?.bytes).ok(),
        }
    }

    pub(crate) fn exists(&self, path: &str) -> bool {
        match self.changed.get(path) {
            Some(text) => text.is_some(),
            None => self.tree.files().contains_key(path),
        }
    }

    /// The paths of all files, sorted.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut paths: Vec<_> = self.tree.files().keys().chain(self.changed.keys()).collect();
        paths.sort();
        paths.dedup();
        paths.into_iter().filter(|it| self.exists(it)).cloned().collect()
    }

    /// Where the file stood in the tree.
    pub(crate) fn came_from<'b>(&'b self, path: &'b str) -> &'b str {
        self.came_from.get(path).map_or(path, String::as_str)
    }

    /// Replaces parts of a file; without edits nothing happens.
    pub(crate) fn edit(&mut self, path: &str, deed: Deed<'_>, mut edits: Vec<Replace>) {
        edits.sort_by_key(|it| (it.start, it.end));
        let Some(before) = self.text(path).map(str::to_owned) else { return };
        let after = replaced(before.as_bytes(), &edits).and_then(|it| String::from_utf8(it).ok());
        if let Some(after) = after.filter(|it| *it != before) {
            self.step(path, deed, (Some(&before), Some(after)), None, edits);
        }
    }

    /// Moves a file: makes the new one, then deletes the old one.
    pub(crate) fn moved(&mut self, from: &str, to: &str, deed: Deed<'_>) {
        let Some(text) = self.text(from).map(str::to_owned) else { return };
        let Deed { kind, priority, summary, .. } = deed;
        let before = self.text(to).map(str::to_owned);
        let end = before.as_deref().map_or(0, str::len);
        let edits = vec![Replace { start: 0, end, text: text.clone() }];
        let like = before.is_none().then(|| from.to_owned());
        self.step(
            to,
            deed_of("move", &summary, kind, priority),
            (before.as_deref(), Some(text)),
            like,
            edits,
        );
        self.came_from.insert(to.to_owned(), from.to_owned());
        let made = self.last.get(to).cloned();
        let gone = format!("delete {from}, which is {to} now");
        self.remove(from, deed_of("remove", &gone, kind, priority), made);
    }

    /// Deletes a file, after the step `after`.
    pub(crate) fn remove(&mut self, path: &str, deed: Deed<'_>, after: Option<String>) {
        let Some(before) = self.text(path).map(str::to_owned) else { return };
        self.step(path, deed, (Some(&before), None), None, Vec::new());
        if let Some(step) = self.steps.last_mut() {
            step.depends_on.extend(after);
        }
    }

    fn step(
        &mut self,
        path: &str,
        deed: Deed<'_>,
        (before, after): (Option<&str>, Option<String>),
        like: Option<String>,
        edits: Vec<Replace>,
    ) {
        let id = format!("{}:{path}", deed.rule);
        let digest = |text: &str| Digest::of(text.as_bytes());
        self.steps.push(Step {
            id: id.clone(),
            kind: deed.kind,
            priority: deed.priority,
            file: path.to_owned(),
            depends_on: self.last.get(path).cloned().into_iter().collect(),
            summary: deed.summary,
            pre: before.map(digest),
            post: after.as_deref().map(digest),
            like,
            edits,
        });
        self.last.insert(path.to_owned(), id);
        self.changed.insert(path.to_owned(), after);
    }
}

fn deed_of<'a>(rule: &'a str, summary: &str, kind: Kind, priority: u8) -> Deed<'a> {
    Deed { rule, kind, priority, summary: summary.to_owned() }
}
