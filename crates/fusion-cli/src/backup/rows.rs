use std::fs;
use std::path::Path;

use overlay_deploy::backup::NotCopied;
use overlay_sqlite::{DatabaseKind, Performance};

/// Copies the performance rows of the root in `dir` into the copy of it, and says where they
/// cannot be read. A root without rows has nothing to copy.
pub(super) fn copy_rows(dir: &Path, copy: &Path) -> Vec<NotCopied> {
    let path = DatabaseKind::Performance.path();
    match copied(&dir.join(path), &copy.join(path)) {
        Ok(()) => Vec::new(),
        Err(err) => vec![NotCopied { path: path.to_owned(), why: format!("{err:#}") }],
    }
}

fn copied(from: &Path, to: &Path) -> anyhow::Result<()> {
    if !from.try_exists()? {
        return Ok(());
    }
    let rows = Performance::open_read_only(from)?;
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(rows.copy_to(to)?)
}
