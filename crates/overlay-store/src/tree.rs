use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use overlay_model::Digest;
use thiserror::Error;

use crate::vfs::{RealFs, Vfs as _};

/// The most files a tree has.
pub const MAX_TREE_FILES: usize = 20_000;
/// The most bytes the files of a tree have together.
pub const MAX_TREE_BYTES: u64 = 256 << 20;
/// The most bytes a path has, and the most directories in it.
const MAX_PATH: (usize, usize) = (1024, 16);
/// The most bytes a name has, on every file system in use.
const MAX_NAME_BYTES: usize = 255;

/// The files of one generation: paths with `/`, relative, none of which leads outside.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Tree {
    files: BTreeMap<String, Vec<u8>>,
    bytes: u64,
}

impl Tree {
    /// No file.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a file in, replacing the one of that path.
    ///
    /// # Errors
    ///
    /// [`InvalidPath`] for a path that leads outside, is longer than 1024 bytes or 16
    /// names, has an empty or a control-character name, or makes a file of what is a
    /// directory; and where the tree would have more than [`MAX_TREE_FILES`] files or
    /// [`MAX_TREE_BYTES`] bytes. The tree is as before then.
    pub fn insert(&mut self, path: &str, bytes: impl Into<Vec<u8>>) -> Result<(), InvalidPath> {
        let bytes = bytes.into();
        let invalid = |what| InvalidPath { path: path.to_owned(), what };
        check_path(path).map_err(invalid)?;
        let old = self.files.get(path).map(Vec::len);
        if old.is_none() {
            self.check_place(path).map_err(invalid)?;
        }
        let total = self.bytes - old.unwrap_or(0) as u64 + bytes.len() as u64;
        if total > MAX_TREE_BYTES {
            return Err(invalid(PathFault::TooManyBytes));
        }
        self.bytes = total;
        self.files.insert(path.to_owned(), bytes);
        Ok(())
    }

    /// A new file needs room, no file above it, and no file below it.
    fn check_place(&self, path: &str) -> Result<(), PathFault> {
        if self.files.len() >= MAX_TREE_FILES {
            return Err(PathFault::TooManyFiles);
        }
        let above = path.match_indices('/').filter_map(|(at, _)| path.get(..at));
        let below = format!("{path}/");
        let next = self.files.range(below.clone()..).next();
        let is_directory = next.is_some_and(|(it, _)| it.starts_with(&below));
        if is_directory || above.into_iter().any(|it| self.files.contains_key(it)) {
            return Err(PathFault::FileAndDirectory);
        }
        Ok(())
    }

    /// Takes a file out, and gives its bytes.
    pub fn remove(&mut self, path: &str) -> Option<Vec<u8>> {
        let bytes = self.files.remove(path)?;
        self.bytes -= bytes.len() as u64;
        Some(bytes)
    }

    /// The bytes of a file.
    pub fn get(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path).map(Vec::as_slice)
    }

    /// All files, sorted by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there is no file.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The digest of the files: equal for equal paths and bytes, whenever and wherever they
    /// were put together.
    pub fn digest(&self) -> Digest {
        digest(self.iter().map(|(path, bytes)| (path, Digest::of(bytes))))
    }

    /// All files below the folder `dir`.
    ///
    /// # Errors
    ///
    /// [`TreeError`] where something cannot be read, is neither file nor directory (a
    /// symbolic link), or does not belong in a tree.
    pub fn read_dir(dir: &Path) -> Result<Self, TreeError> {
        let read = || RealFs::open(dir)?.read_tree("", MAX_TREE_BYTES);
        let files = read().map_err(|source| TreeError::Io { dir: dir.to_owned(), source })?;
        let mut res = Self::new();
        for (path, bytes) in files {
            res.insert(&path, bytes)?;
        }
        Ok(res)
    }
}

/// The digest of a tree by the digests of its files, sorted by path: over the tag
/// `tree/1`, and of each file the path, preceded by its length in bytes (64 bits, little
/// endian), and the 32 bytes of its digest.
pub(crate) fn digest<'a>(files: impl Iterator<Item = (&'a str, Digest)>) -> Digest {
    let mut bytes = b"tree/1\n".to_vec();
    for (path, digest) in files {
        bytes.extend_from_slice(&(path.len() as u64).to_le_bytes());
        bytes.extend_from_slice(path.as_bytes());
        bytes.extend_from_slice(digest.as_bytes());
    }
    Digest::of(&bytes)
}

/// Whether `path` may name a file of a tree.
pub(crate) fn check_path(path: &str) -> Result<(), PathFault> {
    let (max_bytes, max_names) = MAX_PATH;
    if path.len() > max_bytes || path.split('/').count() > max_names {
        return Err(PathFault::TooLong);
    }
    for name in path.split('/') {
        match name {
            "" => return Err(PathFault::EmptyName),
            "." | ".." => return Err(PathFault::LeadsOutside),
            _ if name.chars().any(|it| it.is_control() || it == '\\') => {
                return Err(PathFault::ForbiddenCharacter);
            }
            _ if name.len() > MAX_NAME_BYTES => return Err(PathFault::TooLong),
            _ => {}
        }
    }
    Ok(())
}

/// A file that does not go into a tree.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{}` {what}", path.escape_debug())]
pub struct InvalidPath {
    /// The path as given.
    pub path: String,
    /// What is wrong.
    pub what: PathFault,
}

/// What keeps a file out of a tree.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum PathFault {
    /// It begins or ends with `/`, or has two in a row.
    #[error("has an empty name in it")]
    EmptyName,
    /// It has a name `.` or `..`.
    #[error("leads outside of the tree")]
    LeadsOutside,
    /// It has a control character or a backslash.
    #[error("has a control character or a backslash")]
    ForbiddenCharacter,
    /// It has too many bytes or names.
    #[error("is too long")]
    TooLong,
    /// It would be both.
    #[error("would be both a file and a directory")]
    FileAndDirectory,
    /// There would be more than [`MAX_TREE_FILES`].
    #[error("is one file too many")]
    TooManyFiles,
    /// There would be more than [`MAX_TREE_BYTES`].
    #[error("makes the tree too large")]
    TooManyBytes,
}

/// A folder that is no tree.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TreeError {
    /// Something in it cannot be read, or is neither file nor directory.
    #[error("cannot read the folder {}", dir.display())]
    Io {
        /// The folder.
        dir: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A file in it does not go into a tree.
    #[error(transparent)]
    Path(#[from] InvalidPath),
}
