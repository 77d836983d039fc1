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
    let marked = mark(&kept);
    let is_whole = marked.is_some() && digest_of(&kept).ok() == marked;
    if is_whole && marked == Some(digest) {
        return Ok(());
    }
    remove(fresh)?;
    if copy(root, fresh)? != digest {
        // It is changing: what comes next is kept.
        return remove(fresh);
    }
    fs::write(fresh.join(MARK), digest.to_string())?;
    if is_whole {
        remove(&old)?;
        fs::rename(&kept, &old)?;
    } else {
        // One that a crash has spoiled does not take the place of a good one.
        remove(&kept)?;
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

/// The digest of the installation in `folder`.
fn digest_of(folder: &Path) -> io::Result<Digest> {
    each_file(folder, |_, _| Ok(()))
}

/// Copies the files that an installation is read from, and no other; gives the digest of
/// what was copied.
fn copy(from: &Path, to: &Path) -> io::Result<Digest> {
    fs::create_dir(to)?;
    for folder in ["overlays", "micro_overlays"] {
        fs::create_dir(to.join(folder))?;
    }
    each_file(from, |path, bytes| fs::write(to.join(path), bytes))
}

/// Takes the files of the installation in `folder` one by one; gives their digest.
fn each_file(
    folder: &Path,
    mut take: impl FnMut(&str, &[u8]) -> io::Result<()>,
) -> io::Result<Digest> {
    let tree = Tree::list(folder).map_err(|err| err.source)?;
    let mut digests = Vec::new();
    for file in tree.top.iter().chain(&tree.overlays).chain(&tree.micro) {
        let Ok(bytes) = file.read() else { continue };
        take(&file.path, &bytes)?;
        digests.push((file.path.clone(), Digest::of(&bytes)));
    }
    Ok(tree_digest(&mut digests))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{digest_of, keep};

    /// What was begun would take the room that is missing.
    #[test]
    fn a_copy_that_fails_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let [root, state] = ["root", "state"].map(|it| dir.path().join(it));
        fs::create_dir_all(root.join("overlays")).unwrap();
        fs::create_dir(&state).unwrap();
        fs::write(root.join("fusion.toml"), "").unwrap();
        keep(&root, &state, digest_of(&root).unwrap()).unwrap();
        fs::write(root.join("fusion.toml"), "a = 1\n").unwrap();
        let digest = digest_of(&root).unwrap();
        // In the way of the second copy.
        fs::write(state.join("last_good.old"), "").unwrap();
        keep(&root, &state, digest).unwrap_err();
        assert!(!state.join("last_good.new").exists());
        fs::remove_file(state.join("last_good.old")).unwrap();
        keep(&root, &state, digest).unwrap();
        assert!(state.join("last_good.old/fusion.toml").exists());
    }

    /// Its mark says what it was, and nothing waits for the disk.
    #[test]
    fn a_copy_that_a_crash_spoiled_is_made_again() {
        let dir = tempfile::tempdir().unwrap();
        let [root, state] = ["root", "state"].map(|it| dir.path().join(it));
        fs::create_dir_all(root.join("overlays")).unwrap();
        fs::create_dir(&state).unwrap();
        let keep = |text: &str| {
            fs::write(root.join("fusion.toml"), text).unwrap();
            keep(&root, &state, digest_of(&root).unwrap()).unwrap();
        };
        let copy = |name: &str| fs::read_to_string(state.join(name).join("fusion.toml")).unwrap();
        keep("a = 1\n");
        keep("a = 2\n");
        fs::write(state.join("last_good/fusion.toml"), "").unwrap();
        keep("a = 2\n");
        assert_eq!(
            (copy("last_good"), copy("last_good.old")),
            ("a = 2\n".into(), "a = 1\n".into())
        );
        fs::write(state.join("last_good/fusion.toml"), "").unwrap();
        keep("a = 3\n");
        assert_eq!(
            (copy("last_good"), copy("last_good.old")),
            ("a = 3\n".into(), "a = 1\n".into())
        );
    }
}
