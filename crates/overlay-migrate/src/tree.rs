use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use overlay_model::{Diagnostic, MAX_BYTES};
use thiserror::Error;

use crate::codes;
use crate::finding::Finding;
use crate::foreign;
use crate::rules::is_overlay;

/// The most files a tree has.
const MAX_FILES: usize = 20_000;
/// How deep folders are followed.
const MAX_DEPTH: usize = 8;
/// The endings of files that migrations look into.
const ENDINGS: [&str; 5] = ["txt", "md", "yaml", "yml", "toml"];

/// The files of a configuration tree that migrations look into, as they stand.
///
/// Hidden files and folders are left alone, as are links.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    files: BTreeMap<String, TreeFile>,
    findings: Vec<Finding>,
}

/// One file of a tree.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TreeFile {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// When it was last written, where that is known: evidence, never a decision.
    pub modified: Option<Timestamp>,
}

/// A tree that cannot be read.
#[derive(Debug, Error)]
#[error("cannot read {}", path.display())]
pub struct TreeError {
    /// The file or folder.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: io::Error,
}

/// JSON is data elsewhere: of all such files only promptfoo's is a configuration.
fn is_looked_into(path: &str) -> bool {
    let ending = path.rsplit_once('.').map(|(_, ending)| ending);
    ending.is_some_and(|it| ENDINGS.contains(&it)) || foreign::is_promptfoo_json(path)
}

impl Tree {
    /// Reads the tree in `root`.
    ///
    /// # Errors
    ///
    /// Where a folder or file cannot be read: half a tree is no ground for a plan.
    pub fn read(root: &Path) -> Result<Self, TreeError> {
        let mut tree = Self::default();
        tree.folder(root, "", 0)?;
        Ok(tree)
    }

    /// A tree of texts, by path relative to its root.
    pub fn of<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let file = |text: &str| TreeFile { bytes: text.into(), modified: None };
        let files = files.into_iter().map(|(path, text)| (path.to_owned(), file(text))).collect();
        Self { files, findings: Vec::new() }
    }

    /// The same tree with the moment a file was last written.
    #[must_use]
    pub fn modified(mut self, path: &str, at: Timestamp) -> Self {
        if let Some(file) = self.files.get_mut(path) {
            file.modified = Some(at);
        }
        self
    }

    /// Puts a file in its place, or takes it away.
    pub(crate) fn put(&mut self, path: &str, bytes: Option<Vec<u8>>) {
        let file = bytes.map(|bytes| TreeFile { bytes, modified: None });
        match file {
            Some(file) => drop(self.files.insert(path.to_owned(), file)),
            None => drop(self.files.remove(path)),
        }
    }

    /// The files, sorted by path.
    pub fn files(&self) -> &BTreeMap<String, TreeFile> {
        &self.files
    }

    pub(crate) fn findings(&self) -> &[Finding] {
        &self.findings
    }

    fn folder(&mut self, at: &Path, prefix: &str, depth: usize) -> Result<(), TreeError> {
        let error = |source| TreeError { path: at.to_owned(), source };
        for entry in fs::read_dir(at).map_err(error)? {
            let entry = entry.map_err(error)?;
            let kind = entry.file_type().map_err(error)?;
            let (name, is_text) = match entry.file_name().into_string() {
                Ok(name) => (name, true),
                Err(name) => (name.to_string_lossy().into_owned(), false),
            };
            if name.starts_with('.') || name == "node_modules" || name == "target" {
                continue;
            }
            let path = format!("{prefix}{name}");
            if kind.is_symlink() {
                self.leave(path, "a link: migrations do not follow it");
            } else if !is_text {
                self.leave(path, "its name is no UTF-8");
            } else if kind.is_dir() {
                if is_overlay(&path) {
                    self.leave(path.clone(), "a folder, named like an overlay");
                }
                if depth < MAX_DEPTH {
                    self.folder(&entry.path(), &format!("{path}/"), depth + 1)?;
                } else {
                    self.leave(path, "more than 8 folders deep");
                }
            } else if kind.is_file() {
                self.file(&entry.path(), path)?;
            } else if is_looked_into(&path) {
                self.leave(path, "neither a file nor a folder");
            }
        }
        Ok(())
    }

    fn file(&mut self, at: &Path, path: String) -> Result<(), TreeError> {
        let error = |source| TreeError { path: at.to_owned(), source };
        if !is_looked_into(&path) {
            return Ok(());
        }
        let about = fs::metadata(at).map_err(error)?;
        if about.len() > MAX_BYTES as u64 {
            self.leave(path, "larger than 1 MiB");
            return Ok(());
        }
        if self.files.len() == MAX_FILES {
            let message = format!("more than the {MAX_FILES} files a tree may have");
            return Err(error(io::Error::new(io::ErrorKind::FileTooLarge, message)));
        }
        let modified = about.modified().ok().and_then(|it| Timestamp::try_from(it).ok());
        let bytes = fs::read(at).map_err(error)?;
        self.files.insert(path, TreeFile { bytes, modified });
        Ok(())
    }

    fn leave(&mut self, path: String, why: &str) {
        let finding = Diagnostic::warning(codes::LEFT_ALONE, format!("left alone: {why}"));
        self.findings.push(Finding::new(path, finding));
    }
}
