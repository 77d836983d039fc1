//! The folder of an installation, as a tree to deploy.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use overlay_store::{MAX_TREE_BYTES, Tree};

use crate::exit::{Exit, refusal};

/// All files of an installation but those that are hidden, and what is in hidden folders:
/// version control, journals, files of an editor or a shell are no part of it.
pub(super) fn tree(dir: &Path) -> anyhow::Result<Tree> {
    let mut tree = Tree::new();
    collect(dir, "", &mut tree)?;
    Ok(tree)
}

fn collect(dir: &Path, prefix: &str, tree: &mut Tree) -> anyhow::Result<()> {
    for entry in fs::read_dir(dir).map_err(unreadable(dir))? {
        let entry = entry.map_err(unreadable(dir))?;
        let path = entry.path();
        let Ok(name) = entry.file_name().into_string() else {
            return Err(refused(&path, "its name is no UTF-8"));
        };
        if name.starts_with('.') {
            continue;
        }
        let place = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        let kind = entry.file_type().map_err(unreadable(&path))?;
        if kind.is_dir() {
            collect(&path, &place, tree)?;
        } else if kind.is_file() {
            let bytes = read(&path)?;
            tree.insert(&place, bytes).map_err(|err| refused(dir, &err.to_string()))?;
        } else {
            return Err(refused(&path, "it is neither file nor folder"));
        }
    }
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let len = path.metadata().map_err(unreadable(path))?.len();
    if len > MAX_TREE_BYTES {
        return Err(refused(path, &format!("{len} bytes are too many")));
    }
    fs::read(path).map_err(unreadable(path))
}

fn unreadable(path: &Path) -> impl Fn(io::Error) -> anyhow::Error {
    let path = path.to_owned();
    move |err| refused(&path, &format!("cannot be read: {err}"))
}

fn refused(path: &Path, why: &str) -> anyhow::Error {
    refusal(Exit::UNREADABLE, format!("{}: {why}", path.display()))
}

/// Refuses a root that lies in the installation to deploy: each deployment would hold those
/// before it.
pub(super) fn check_apart(installation: &Path, root: &Path) -> anyhow::Result<()> {
    // Where one cannot be followed, reading it says why.
    let (Ok(installation), Ok(root)) = (installation.canonicalize(), followed(root)) else {
        return Ok(());
    };
    if !root.starts_with(&installation) {
        return Ok(());
    }
    let message = format!(
        "the root {} lies in the installation {}, which each deployment would take in with it: \
         give a root beside it",
        root.display(),
        installation.display()
    );
    Err(refusal(Exit::USAGE, message))
}

/// `path` without links, as far as it is there.
fn followed(path: &Path) -> io::Result<PathBuf> {
    let whole = std::path::absolute(path)?;
    let there = whole.ancestors().find(|it| it.exists()).unwrap_or(&whole);
    let rest = whole.strip_prefix(there).map_err(io::Error::other)?;
    Ok(there.canonicalize()?.join(rest))
}
