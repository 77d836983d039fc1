use overlay_model::Digest;

use crate::manifest::Manifest;
use crate::pointer::GenerationId;
use crate::tampering::{Problem, Tampering};
use crate::tree::Tree;

/// Compares the files of a generation's directory with its manifest, and the manifest with
/// the digest it should have. The problems are sorted by path.
pub(crate) fn verify(
    id: GenerationId,
    expected: Option<Digest>,
    files: Vec<(String, Vec<u8>)>,
) -> Result<(Manifest, Tree), Vec<Problem>> {
    let mut problems = Vec::new();
    let mut tree = Tree::new();
    let mut manifest = None;
    for (path, bytes) in files {
        if path == "manifest.json" {
            manifest = Some(bytes);
            continue;
        }
        let inside = path.strip_prefix("tree/").map(|it| tree.insert(it, bytes));
        if !matches!(inside, Some(Ok(()))) {
            problems.push(Problem { path, what: Tampering::Added });
        }
    }
    let found = manifest.as_deref().map(Digest::of);
    let manifest = manifest.ok_or(Tampering::Missing).and_then(|it| Manifest::decode(id, &it));
    if let (Some(expected), Some(found)) = (expected, found)
        && expected != found
    {
        problems.push(Problem::manifest(Tampering::Changed { expected, found }));
    }
    match manifest {
        Ok(manifest) => {
            problems.extend(manifest.compare(&tree));
            problems.sort_by(|a, b| a.path.cmp(&b.path));
            if problems.is_empty() { Ok((manifest, tree)) } else { Err(problems) }
        }
        Err(what) => {
            problems.push(Problem::manifest(what));
            Err(problems)
        }
    }
}
