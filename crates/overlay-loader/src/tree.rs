use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use overlay_model::{Diagnostic, MAX_BYTES};

use crate::code;
use crate::installation::{FileFinding, ReadError};
use crate::read::FLAG_FILE;

/// The most overlays an installation has.
pub(crate) const MAX_OVERLAYS: usize = 10_000;
/// The most files of any other kind, per folder.
const MAX_FILES: usize = 20_000;
/// The most bytes a file has that is neither overlay nor micro overlay.
const MAX_FILE_BYTES: usize = 8 << 20;

/// The folders of overlays and of micro overlays.
const FOLDERS: [&str; 2] = ["overlays", "micro_overlays"];

/// The files at the top. The loader reads some, others read the rest; all of them are what
/// an installation is, and count in its digest.
const FILES: [&str; 8] = [
    "budgets.toml",
    "capability.jsonl",
    "deploy.toml",
    "fusion.toml",
    FLAG_FILE,
    "providers.toml",
    "scenarios.yaml",
    "slo.toml",
];

/// A file of the tree, before it is read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct TreeFile {
    /// The name relative to the installation, with `/`.
    pub(crate) path: String,
    /// The file name.
    pub(crate) name: String,
    content: Content,
}

/// Where the bytes of a file are.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Content {
    OnDisk(PathBuf),
    InMemory(Vec<u8>),
}

impl TreeFile {
    /// The bytes, or why not: a file that is too large is a finding.
    pub(crate) fn read(&self) -> Result<Vec<u8>, Box<Diagnostic>> {
        let max = if self.path.contains('/') { MAX_BYTES } else { MAX_FILE_BYTES };
        let read = || -> io::Result<Vec<u8>> {
            let path = match &self.content {
                Content::OnDisk(path) => path,
                Content::InMemory(bytes) => return Ok(bytes.clone()),
            };
            let mut bytes = Vec::with_capacity(4096);
            File::open(path)?.take(max as u64 + 1).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let finding = match read() {
            Ok(bytes) if bytes.len() <= max => return Ok(bytes),
            Ok(_) => {
                let message = format!("more than the {max} bytes such a file may have");
                Diagnostic::error(code::TOO_LARGE, message)
            }
            Err(err) => Diagnostic::error(code::UNREADABLE, format!("cannot be read: {err}")),
        };
        Err(Box::new(finding))
    }
}

/// The files of an installation by place, each sorted by name, never by time.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) top: Vec<TreeFile>,
    pub(crate) overlays: Vec<TreeFile>,
    pub(crate) micro: Vec<TreeFile>,
    pub(crate) findings: Vec<FileFinding>,
}

impl Tree {
    /// Lists the installation in `root`.
    pub(crate) fn list(root: &Path) -> Result<Self, ReadError> {
        let error = |source| ReadError { path: root.to_owned(), source };
        let real_root = root.canonicalize().map_err(error)?;
        let mut tree = Self::default();
        tree.top = tree.folder(root, &real_root, "").map_err(error)?;
        let [overlays, micro] = FOLDERS.map(|name| tree.optional_folder(root, &real_root, name));
        (tree.overlays, tree.micro) = (overlays, micro);
        tree.limit();
        Ok(tree)
    }

    /// The installation that these files are, each with its name relative to it.
    pub(crate) fn of(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let mut tree = Self::default();
        for (path, bytes) in files {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
            if !is_part(folder, name) {
                continue;
            }
            let name = name.to_owned();
            let place = match folder {
                "" => &mut tree.top,
                "overlays" => &mut tree.overlays,
                "micro_overlays" => &mut tree.micro,
                _ => continue,
            };
            place.push(TreeFile { path, name, content: Content::InMemory(bytes) });
        }
        for place in [&mut tree.top, &mut tree.overlays, &mut tree.micro] {
            place.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        }
        tree.limit();
        tree
    }

    /// Leaves out overlays beyond the most there may be.
    fn limit(&mut self) {
        let count = self.overlays.len();
        if count > MAX_OVERLAYS {
            let message = format!("{count} overlays are more than the {MAX_OVERLAYS} allowed");
            self.find("overlays", Diagnostic::error(code::TOO_MANY, message));
            self.overlays.truncate(MAX_OVERLAYS);
        }
    }

    fn find(&mut self, path: &str, diagnostic: Diagnostic) {
        self.findings.push(FileFinding { path: path.to_owned(), diagnostic });
    }

    /// The files of a folder that need not be there.
    fn optional_folder(&mut self, root: &Path, real_root: &Path, name: &str) -> Vec<TreeFile> {
        let folder = root.join(name);
        if !inside(&folder, real_root) {
            if folder.is_symlink() {
                self.find(name, out_of_tree());
            }
            return Vec::new();
        }
        self.folder(&folder, real_root, name).unwrap_or_else(|err| {
            self.find(name, Diagnostic::error(code::UNREADABLE, format!("cannot be read: {err}")));
            Vec::new()
        })
    }

    fn folder(&mut self, at: &Path, real_root: &Path, prefix: &str) -> io::Result<Vec<TreeFile>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(at)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            let Ok(name) = entry.file_name().into_string() else {
                // At the top it is no name of an installation's, as any other it has not.
                if !prefix.is_empty() {
                    let shown = entry.file_name().to_string_lossy().into_owned();
                    self.find(&shown, Diagnostic::warning(code::NAME, "the file name is no UTF-8"));
                }
                continue;
            };
            if !is_part(prefix, &name) {
                continue;
            }
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
            if kind.is_symlink() && !inside(&entry.path(), real_root) {
                self.find(&path, out_of_tree());
                continue;
            }
            // Neither a folder nor a pipe is opened: it may never end.
            if !kind.is_file() && !entry.path().is_file() {
                self.find(&path, Diagnostic::error(code::UNREADABLE, "it is no file"));
                continue;
            }
            if files.len() == MAX_FILES {
                let message = format!("more than the {MAX_FILES} files a folder may have");
                self.find(prefix, Diagnostic::error(code::TOO_MANY, message));
                break;
            }
            files.push(TreeFile { path, name, content: Content::OnDisk(entry.path()) });
        }
        files.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(files)
    }
}

/// Whether a name in a folder of an installation, its root under the empty name, belongs to
/// it: nothing hidden, and nothing that editors and others leave.
pub(crate) fn is_part(folder: &str, name: &str) -> bool {
    let named = match folder {
        "overlays" => name.starts_with("fusion_overlay.") && name.ends_with(".txt"),
        "micro_overlays" => name.ends_with(".md") || name.ends_with(".txt"),
        _ => FILES.contains(&name),
    };
    named && !name.starts_with('.') && !name.ends_with('~')
}

/// Whether the folder or link `path` of an installation, links followed, lies in
/// `real_root`.
fn inside(path: &Path, real_root: &Path) -> bool {
    // Only a link leads anywhere else.
    path.symlink_metadata().is_ok_and(|it| it.is_dir())
        || path.canonicalize().is_ok_and(|it| it.starts_with(real_root))
}

fn out_of_tree() -> Diagnostic {
    Diagnostic::error(code::OUT_OF_TREE, "a link that leads out of the installation, or nowhere")
        .hint("an installation is one tree: put the file itself there")
}
