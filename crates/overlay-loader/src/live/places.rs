use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf, absolute};

/// The most links that a name may lead through.
const MAX_LINKS: usize = 40;

/// Where a change of an installation, or of the switch file, can be seen: folders and what
/// in them matters.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Places {
    /// The folders to watch, with which folder each is.
    pub(crate) folders: BTreeMap<PathBuf, [u64; 2]>,
    /// The folders in which every name matters.
    pub(crate) whole: BTreeSet<PathBuf>,
    /// Names that matter by themselves: links on the way, and where they lead.
    pub(crate) names: BTreeSet<PathBuf>,
}

impl Places {
    /// The places of the installation in `root` and of the file `extra`.
    pub(crate) fn of(root: &Path, extra: Option<&Path>) -> Self {
        let mut places = Self::default();
        for part in ["", "overlays", "micro_overlays"] {
            let folder = if part.is_empty() { root.to_owned() } else { root.join(part) };
            places.names.extend(way(&folder));
            places.whole.extend(folder.canonicalize().ok().filter(|it| it.is_dir()));
        }
        // Where the installation is one set of links that move together.
        let pinned = pinned(root);
        if pinned.is_dir() {
            places.whole.insert(pinned);
        }
        places.names.extend(extra.into_iter().flat_map(way));
        let parents = places.names.iter().filter_map(|it| it.parent());
        let folders = places.whole.iter().map(PathBuf::as_path).chain(parents);
        places.folders = folders.filter_map(|it| Some((it.to_owned(), identity(it)?))).collect();
        places
    }

    /// Whether something happening to `path` can be a change.
    pub(crate) fn concern(&self, path: &Path) -> bool {
        self.names.contains(path)
            || self.folders.contains_key(path)
            || path.parent().is_some_and(|it| self.whole.contains(it))
    }
}

/// The folder that the files of the installation in `root` are read from: links followed
/// once, so that one reading sees one tree, whatever the links lead to meanwhile.
///
/// A folder in which every name is a link through `..data` (Kubernetes makes such) is
/// read where `..data` leads.
pub(crate) fn pinned(root: &Path) -> PathBuf {
    let Ok(real) = root.canonicalize() else { return root.to_owned() };
    let through_data = |entry: std::io::Result<fs::DirEntry>| {
        entry.is_ok_and(|it| {
            it.file_name().as_encoded_bytes().starts_with(b".")
                || fs::read_link(it.path()).is_ok_and(|to| to.starts_with("..data"))
        })
    };
    match real.join("..data").canonicalize() {
        Ok(data) if data.is_dir() => {
            let all = fs::read_dir(&real).is_ok_and(|mut it| it.all(through_data));
            if all { data } else { real }
        }
        _ => real,
    }
}

/// The names that `path` leads through: every link, and the last name; where one is
/// missing, that is the last.
fn way(path: &Path) -> Vec<PathBuf> {
    let (mut names, mut at) = (Vec::new(), PathBuf::new());
    let mut rest: Vec<OsString> = Vec::new();
    let push = |at: &mut PathBuf, rest: &mut Vec<OsString>, path: &Path| {
        for part in path.components().rev() {
            match part {
                Component::Prefix(_) | Component::RootDir => (),
                other => rest.push(other.as_os_str().to_owned()),
            }
        }
        if path.has_root() {
            *at = path.ancestors().last().unwrap_or(path).to_owned();
        }
    };
    let Ok(path) = absolute(path) else { return names };
    push(&mut at, &mut rest, &path);
    while let Some(part) = rest.pop() {
        if part == "." {
            continue;
        }
        if part == ".." {
            at.pop();
            continue;
        }
        let name = at.join(part);
        match fs::read_link(&name) {
            Ok(_) if names.len() == MAX_LINKS => break,
            Ok(target) => push(&mut at, &mut rest, &target),
            Err(_) if rest.is_empty() || !name.exists() => {
                names.push(name);
                break;
            }
            Err(_) => {
                at = name;
                continue;
            }
        }
        names.push(name);
    }
    names
}

/// Device and number of a folder.
#[cfg(unix)]
fn identity(path: &Path) -> Option<[u64; 2]> {
    use std::os::unix::fs::MetadataExt as _;
    let facts = fs::metadata(path).ok().filter(fs::Metadata::is_dir)?;
    Some([facts.dev(), facts.ino()])
}

/// That it is a folder.
#[cfg(not(unix))]
fn identity(path: &Path) -> Option<[u64; 2]> {
    path.is_dir().then_some([0; 2])
}
