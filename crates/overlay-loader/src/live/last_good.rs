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

/// Copies the installation in `root` into `state`, where it still is the one with
/// `digest`; the copy before it stays as the second one.
///
/// Nothing waits for the disk: a copy that a crash spoils does not have its digest, and is
/// passed over.
///
/// # Errors
///
/// Where it cannot be copied; the copies that are there stay.
pub(crate) fn keep(root: &Path, state: &Path, digest: Digest) -> io::Result<()> {
    let [kept, old, fresh] =
        ["last_good", "last_good.old", "last_good.new"].map(|it| state.join(it));
    if mark(&kept) == Some(digest) {
        return Ok(());
    }
    fs::create_dir_all(state)?;
    remove(&fresh)?;
    if copy(root, &fresh)? != digest {
        // It is changing: what comes next is kept.
        return remove(&fresh);
    }
    fs::write(fresh.join(MARK), digest.to_string())?;
    if kept.exists() {
        remove(&old)?;
        fs::rename(&kept, &old)?;
    }
    fs::rename(&fresh, &kept)?;
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
    for folder in ["overlays", "micro_overlays"] {
        fs::create_dir_all(to.join(folder))?;
    }
    let mut digests = Vec::new();
    for file in tree.top.iter().chain(&tree.overlays).chain(&tree.micro) {
        let Ok(bytes) = file.read() else { continue };
        fs::write(to.join(&file.path), &bytes)?;
        digests.push((file.path.clone(), Digest::of(&bytes)));
    }
    Ok(tree_digest(&mut digests))
}
