//! From what is in force and what was given to the candidate's tree.

use std::collections::BTreeSet;

use overlay_loader::FileFinding;
use overlay_model::{Diagnostic, Overlay, OverlayName};
use overlay_store::Tree;
use semver::Version;

use super::request::{NamedFile, OverlayFile, Request};
use crate::code;

/// The files of an installation that have no folder.
const TOP: [&str; 8] = [
    "scenarios.yaml",
    "overlay_feature_flags.yaml",
    "providers.toml",
    "fusion.toml",
    "deploy.toml",
    "budgets.toml",
    "slo.toml",
    "capability.jsonl",
];

/// The endings of a micro overlay; a name has one of them.
const MICRO: [&str; 2] = ["md", "txt"];

/// A tree that is being put together.
pub(super) struct Assembly<'a> {
    base: &'a Tree,
    pub(super) tree: Tree,
    pub(super) overlays: BTreeSet<OverlayName>,
    placed: BTreeSet<String>,
    pub(super) findings: Vec<FileFinding>,
}

/// The tree of `request` above `base`.
pub(super) fn assemble<'a>(base: &'a Tree, request: &Request) -> Assembly<'a> {
    let mut res = Assembly {
        base,
        tree: base.clone(),
        overlays: BTreeSet::new(),
        placed: BTreeSet::new(),
        findings: Vec::new(),
    };
    for file in &request.overlays {
        res.overlay(file);
    }
    for file in &request.with {
        res.other(file);
    }
    res
}

impl Assembly<'_> {
    fn find(&mut self, path: &str, diagnostic: Diagnostic) {
        self.findings.push(FileFinding { path: path.to_owned(), diagnostic });
    }

    fn overlay(&mut self, OverlayFile { file, micro }: &OverlayFile) {
        let (overlay, _) = Overlay::read(&file.bytes);
        let Some(name) = name_of(&overlay, &file.name) else {
            self.find(&file.name, nameless(&overlay));
            return;
        };
        self.versions(&name, &overlay, file);
        // The name counts, not the file name: an older file of the same overlay goes.
        for path in paths_of(&self.tree, &name) {
            if !self.placed.contains(&path) {
                self.tree.remove(&path);
            }
        }
        self.put(&file.name, overlay_path(&name), &file.bytes);
        match micro {
            Some(micro) => self.micro(&name, micro),
            None if micro_paths(&name).iter().any(|it| self.base.get(it).is_some()) => {
                let message = format!("the micro overlay of `{name}` stays as it is in force");
                self.find(&file.name, Diagnostic::note(code::SAME_PROMPT, message));
            }
            None => {}
        }
        self.overlays.insert(name);
    }

    fn micro(&mut self, name: &OverlayName, file: &NamedFile) {
        let ending = file.name.rsplit_once('.').map(|(_, it)| it).filter(|it| MICRO.contains(it));
        let Some(ending) = ending else {
            let message = "a micro overlay is a file `<name>.md` or `<name>.txt`";
            self.find(&file.name, Diagnostic::error(code::NO_PLACE, message));
            return;
        };
        for path in micro_paths(name) {
            self.tree.remove(&path);
        }
        self.put(&file.name, format!("micro_overlays/{name}.{ending}"), &file.bytes);
    }

    /// A file that is given by name alone.
    fn other(&mut self, file: &NamedFile) {
        let name = file.name.as_str();
        let stem = name.rsplit_once('.').filter(|(_, ending)| MICRO.contains(ending));
        let micro = stem.and_then(|(stem, _)| stem.parse::<OverlayName>().ok());
        if TOP.contains(&name) {
            self.put(name, name.to_owned(), &file.bytes);
        } else if name.starts_with("fusion_overlay.") {
            self.overlay(&OverlayFile { file: file.clone(), micro: None });
        } else if let Some(micro) = micro {
            self.micro(&micro, file);
        } else {
            let message = format!("`{}` is no file of an installation", name.escape_debug());
            let hint = format!("known are {}, overlays and micro overlays", TOP.join(", "));
            self.find(name, Diagnostic::error(code::NO_PLACE, message).hint(hint));
        }
    }

    fn put(&mut self, given: &str, path: String, bytes: &[u8]) {
        if !self.placed.insert(path.clone()) {
            let message = format!("a second file for `{path}`");
            self.find(given, Diagnostic::error(code::TWICE, message));
        } else if let Err(err) = self.tree.insert(&path, bytes) {
            self.find(given, Diagnostic::error(code::NO_PLACE, err.to_string()));
        }
    }

    /// What the version says of the one in force.
    fn versions(&mut self, name: &OverlayName, overlay: &Overlay, file: &NamedFile) {
        let before = paths_of(self.base, name).into_iter().find_map(|path| {
            let (before, _) = Overlay::read(self.base.get(&path)?);
            version(&before)
        });
        let (Some(from), Some(to)) = (before, version(overlay)) else { return };
        let key = "FUSION_OVERLAY_VERSION";
        if to < from {
            let message = format!("{key} goes down from {from} to {to}");
            let hint = "to return to what was in force before, roll back";
            self.find(&file.name, Diagnostic::warning(code::DOWNGRADE, message).hint(hint));
        }
        if to.major != from.major {
            let message = format!("{key} changes its major version, from {from} to {to}");
            self.find(&file.name, Diagnostic::warning(code::MAJOR_VERSION, message));
        }
    }
}

/// Why an overlay has no name.
fn nameless(overlay: &Overlay) -> Diagnostic {
    let hint = "write `OVERLAY_NAME=<name>`: lower-case letters, digits, `_` and `-`";
    let Some(entry) = overlay.get("OVERLAY_NAME") else {
        return Diagnostic::error(code::NO_NAME, "the overlay has no name").hint(hint);
    };
    let message = format!("`{}` is no name of an overlay", entry.value.escape_debug());
    let finding = Diagnostic::error(code::BAD_NAME, message).hint(hint);
    finding.at(overlay.source(), entry.value_span())
}

/// The place of an overlay in a tree.
pub(super) fn overlay_path(name: &OverlayName) -> String {
    format!("overlays/fusion_overlay.{name}.txt")
}

fn micro_paths(name: &OverlayName) -> [String; 2] {
    MICRO.map(|ending| format!("micro_overlays/{name}.{ending}"))
}

/// The overlays of a tree: path and text.
pub(crate) fn overlay_files(tree: &Tree) -> impl Iterator<Item = (&str, Overlay)> {
    let files = tree.iter().filter(|(path, _)| is_overlay(path));
    files.map(|(path, bytes)| (path, Overlay::read(bytes).0))
}

/// Whether a file of a tree is an overlay.
pub(crate) fn is_overlay(path: &str) -> bool {
    let name = path.strip_prefix("overlays/").filter(|it| !it.contains('/'));
    name.is_some_and(|it| it.starts_with("fusion_overlay.") && it.ends_with(".txt"))
}

/// Whether a file of a tree belongs to an installation: something reads it, or it is one of
/// the examples beside.
pub(super) fn has_place(path: &str) -> bool {
    let is_micro = |it: &str| MICRO.iter().any(|ending| it.ends_with(&format!(".{ending}")));
    let micro = path.strip_prefix("micro_overlays/");
    TOP.contains(&path)
        || is_overlay(path)
        || micro.is_some_and(is_micro)
        || path.starts_with("examples/")
        || path.starts_with("README")
}

/// `OVERLAY_NAME`, else what the file is called.
pub(crate) fn name_of(overlay: &Overlay, path: &str) -> Option<OverlayName> {
    let file_name = path.rsplit('/').next().unwrap_or(path);
    match overlay.value("OVERLAY_NAME") {
        Some(name) => name.parse().ok(),
        None => OverlayName::from_file_name(file_name),
    }
}

fn paths_of(tree: &Tree, name: &OverlayName) -> Vec<String> {
    let named = overlay_files(tree).filter(|(path, it)| name_of(it, path).as_ref() == Some(name));
    named.map(|(path, _)| path.to_owned()).collect()
}

/// The version, where it is one; the reader tolerates `v2.1.0`.
fn version(overlay: &Overlay) -> Option<Version> {
    let text = overlay.value("FUSION_OVERLAY_VERSION")?;
    Version::parse(text.strip_prefix('v').unwrap_or(text)).ok()
}
