use std::collections::BTreeMap;

use overlay_model::Digest;
use serde::{Deserialize, Serialize};

use crate::pointer::{GenerationId, GenerationRef};
use crate::tampering::{Problem, Tampering};
use crate::tree::{self, Tree, check_path};

/// The version of the manifest's format.
pub(crate) const MANIFEST_VERSION: u32 = 1;
/// The most bytes a manifest has.
pub(crate) const MAX_MANIFEST_BYTES: u64 = 32 << 20;

/// What one generation consists of: `gen/<number>/manifest.json`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of this format, 1.
    pub v: u32,
    /// Which generation it describes.
    pub generation: GenerationId,
    /// The digest of the tree, [`Tree::digest`]: equal for equal files, so that two roots
    /// can be compared by it.
    pub tree: Digest,
    /// The files, sorted by path.
    pub files: Vec<ManifestFile>,
    /// The generation that was in force when it was made.
    pub parent: Option<GenerationRef>,
    /// The deployment it was made for.
    pub deployment: String,
    /// When it was made, microseconds since 1970.
    pub created_us: i64,
    /// What it was made from.
    pub origin: Origin,
}

/// A file of a generation.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestFile {
    /// Its path in the tree.
    pub path: String,
    /// How long it is.
    pub bytes: u64,
    /// What its bytes are.
    pub sha256: Digest,
}

/// What a generation was made from, in free words: the store keeps it and does not read it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// What made it: `apply`, `promote`, `migrate`, `embedded`, ….
    pub made_by: String,
    /// Whatever else is worth keeping, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, String>,
}

impl Manifest {
    /// The manifest of `tree`.
    pub(crate) fn new(
        generation: GenerationId,
        tree: &Tree,
        parent: Option<GenerationRef>,
        deployment: &str,
        created_us: i64,
        origin: Origin,
    ) -> Self {
        let files: Vec<_> =
            tree.iter().map(|(path, bytes)| ManifestFile::of(path, bytes)).collect();
        Self {
            v: MANIFEST_VERSION,
            generation,
            tree: digest(&files),
            files,
            parent,
            deployment: deployment.to_owned(),
            created_us,
            origin,
        }
    }

    /// The bytes of the file.
    pub(crate) fn encode(&self) -> serde_json::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads the manifest of `generation`. One that contradicts itself was tampered with.
    pub(crate) fn decode(generation: GenerationId, bytes: &[u8]) -> Result<Self, Tampering> {
        let manifest: Self =
            serde_json::from_slice(bytes).map_err(|err| Tampering::Unreadable(err.to_string()))?;
        let unreadable = |why: String| Err(Tampering::Unreadable(why));
        if manifest.v != MANIFEST_VERSION {
            return unreadable(format!("unknown version {}", manifest.v));
        }
        if manifest.generation != generation {
            return unreadable(format!("it describes generation {}", manifest.generation));
        }
        let sorted = manifest.files.is_sorted_by(|a, b| a.path < b.path);
        let inside = manifest.files.iter().all(|it| check_path(&it.path).is_ok());
        if !sorted || !inside || digest(&manifest.files) != manifest.tree {
            return unreadable("its files do not give its digest".to_owned());
        }
        Ok(manifest)
    }

    /// Compares with the files that are there: all that is wrong, sorted by path.
    pub(crate) fn compare(&self, tree: &Tree) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut added: BTreeMap<&str, ManifestFile> =
            tree.iter().map(|(path, bytes)| (path, ManifestFile::of(path, bytes))).collect();
        let mut missing = Vec::new();
        for file in &self.files {
            match added.remove(file.path.as_str()) {
                None => missing.push(file),
                Some(found) if found == *file => {}
                Some(found) => problems.push(Problem::changed(&file.path, file, &found)),
            }
        }
        for file in missing {
            let moved = added.iter().find(|(_, it)| it.sha256 == file.sha256).map(|(to, _)| *to);
            moved.and_then(|to| added.remove(to));
            problems.push(Problem::gone(&file.path, moved));
        }
        problems.extend(added.into_keys().map(Problem::added));
        problems.sort_by(|a, b| a.path.cmp(&b.path));
        problems
    }
}

impl ManifestFile {
    fn of(path: &str, bytes: &[u8]) -> Self {
        Self { path: path.to_owned(), bytes: bytes.len() as u64, sha256: Digest::of(bytes) }
    }
}

fn digest(files: &[ManifestFile]) -> Digest {
    tree::digest(files.iter().map(|it| (it.path.as_str(), it.sha256)))
}
