use std::fs;
use std::path::{Path, PathBuf};

use crate::tree::is_part;

/// What the file system says of a tree without opening a file: which files there are,
/// which file each name leads to, how long it is and when it changed last. Two equal
/// signatures around a reading mean that nothing moved under it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Signature {
    /// By name; a folder by which folder it is.
    files: Vec<(String, Facts, Option<PathBuf>)>,
    /// When names in a folder, or its own name, changed last.
    folders: Vec<Facts>,
}

/// Kind, device, file number, length and the last change, to the nanosecond.
type Facts = [i64; 6];

/// Folders of an installation.
const FOLDERS: [&str; 3] = ["", "overlays", "micro_overlays"];

impl Signature {
    /// The signature of the tree in `root`.
    pub(crate) fn of(root: &Path) -> Self {
        let mut res = Self::default();
        for folder in FOLDERS {
            let at = if folder.is_empty() { root.to_owned() } else { root.join(folder) };
            let facts = facts(&at);
            res.folders.push(facts);
            res.files.push((format!("{folder}/"), which(facts), None));
            res.entries(folder, &at);
        }
        res.files.sort_unstable();
        res
    }

    fn entries(&mut self, folder: &str, at: &Path) {
        for entry in fs::read_dir(at).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let is_folder = folder.is_empty() && FOLDERS.contains(&&*name);
            // What is behind `..data` changes as a whole.
            if !is_folder && !is_part(folder, &name) && name != "..data" {
                continue;
            }
            let link = entry.file_type().is_ok_and(|it| it.is_symlink());
            let target = link.then(|| fs::read_link(entry.path()).unwrap_or_default());
            self.files.push((format!("{folder}/{name}"), which(facts(&entry.path())), target));
        }
    }

    /// Whether it shows the same files. Names that are no part of an installation may have
    /// come and gone.
    pub(crate) fn same_files(&self, other: &Self) -> bool {
        self.files == other.files
    }

    /// Whether a name of `older` is gone from the same folder.
    pub(crate) fn lost_a_name_of(&self, older: &Self) -> bool {
        let find = |name: &str| {
            let found = self.files.binary_search_by(|(it, ..)| it.as_str().cmp(name)).ok()?;
            self.files.get(found)
        };
        let same_root = older.files.first().map(|it| it.1) == self.files.first().map(|it| it.1);
        same_root && older.files.iter().any(|(name, ..)| find(name).is_none())
    }
}

/// A folder is the same whatever is in it: its names are looked at one by one.
fn which(facts: Facts) -> Facts {
    let [kind, device, number, ..] = facts;
    if kind == FOLDER { [kind, device, number, 0, 0, 0] } else { facts }
}

const FILE: i64 = 1;
const FOLDER: i64 = 2;

fn kind(metadata: &fs::Metadata) -> i64 {
    if metadata.is_dir() { FOLDER } else { FILE }
}

/// The change time is the system's own: nobody can set it back.
#[cfg(unix)]
fn facts(path: &Path) -> Facts {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(path).map_or([0; 6], |it| {
        let (dev, ino) = (it.dev().cast_signed(), it.ino().cast_signed());
        [kind(&it), dev, ino, it.size().cast_signed(), it.ctime(), it.ctime_nsec()]
    })
}

/// Kind, length and modification time.
#[cfg(not(unix))]
fn facts(path: &Path) -> Facts {
    let modified = |it: &fs::Metadata| {
        let since = it.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
        i64::try_from(since.as_nanos()).ok()
    };
    fs::metadata(path).map_or([0; 6], |it| {
        let len = i64::try_from(it.len()).unwrap_or(i64::MAX);
        [kind(&it), 0, 0, len, modified(&it).unwrap_or(0), 0]
    })
}
