use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use overlay_model::Digest;

use crate::read::tree_digest;
use crate::tree::Tree;

/// Holds the digest of a copy; no part of the tree.
const MARK: &str = ".digest";

/// The copies of good configurations in `state` with their digests, the last one first.
pub(crate) fn copies(state: &Path) -> impl Iterator<Item = (PathBuf, Digest)> {
    let folders = ["last_good", "last_good.old"].map(|it| state.join(it));
    folders.into_iter().filter_map(|it| Some((mark(&it)?, it))).map(|(digest, it)| (it, digest))
}

fn mark(folder: &Path) -> Option<Digest> {
    fs::read_to_string(folder.join(MARK)).ok()?.trim().parse().ok()
}

/// Copies the installation in `root` into the folder `state`, where it still is the one with
/// `digest`; the copy before it stays as the second one.
///
/// Nothing waits for the disk: a copy that a crash spoils does not have its digest, and is
/// passed over.
///
/// # Errors
///
/// Where it cannot be copied; the copies that are there stay.
pub(crate) fn keep(root: &Path, state: &Path, digest: Digest) -> io::Result<()> {
    let fresh = state.join("last_good.new");
    let kept = keep_by(&fresh, root, state, digest);
    if kept.is_err() {
        // What was begun takes the room that is missing.
        let _ = remove(&fresh);
    }
    kept
}

fn keep_by(fresh: &Path, root: &Path, state: &Path, digest: Digest) -> io::Result<()> {
    let [kept, old] = ["last_good", "last_good.old"].map(|it| state.join(it));
    if mark(&kept) == Some(digest) {
        return Ok(());
    }
    remove(fresh)?;
    if copy(root, fresh)? != digest {
        // It is changing: what comes next is kept.
        return remove(fresh);
    }
    fs::write(fresh.join(MARK), digest.to_string())?;
    if kept.exists() {
        remove(&old)?;
        fs::rename(&kept, &old)?;
    }
    fs::rename(fresh, &kept)?;
    File::open(state)?.sync_all()
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => Err(err),
        _ => Ok(()),
    }
}

/// Copies the files that an installation is read from, and no other; gives the digest of
/// what was copied.
fn copy(from: &Path, to: &Path) -> io::Result<Digest> {
    let tree = Tree::list(from).map_err(|err| err.source)?;
    fs::create_dir(to)?;
    for folder in ["overlays", "micro_overlays"] {
        fs::create_dir(to.join(folder))?;
    }
    let mut digests = Vec::new();
    for file in tree.top.iter().chain(&tree.overlays).chain(&tree.micro) {
        let Ok(bytes) = file.read() else { continue };
        fs::write(to.join(&file.path), &bytes)?;
        digests.push((file.path.clone(), Digest::of(&bytes)));
    }
    Ok(tree_digest(&mut digests))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{copy, keep};

    /// What was begun would take the room that is missing.
    #[test]
    fn a_copy_that_fails_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let [root, state] = ["root", "state"].map(|it| dir.path().join(it));
        fs::create_dir_all(root.join("overlays")).unwrap();
        fs::write(root.join("fusion.toml"), "").unwrap();
        let digest = copy(&root, &dir.path().join("copy")).unwrap();
        fs::create_dir_all(state.join("last_good")).unwrap();
        // In the way of the second copy.
        fs::write(state.join("last_good.old"), "").unwrap();
        keep(&root, &state, digest).unwrap_err();
        assert!(!state.join("last_good.new").exists());
        fs::remove_file(state.join("last_good.old")).unwrap();
        keep(&root, &state, digest).unwrap();
        assert!(state.join("last_good/fusion.toml").exists());
    }
}
