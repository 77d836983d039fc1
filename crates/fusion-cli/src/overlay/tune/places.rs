//! Whether results have a place to go to, before anything is paid for.

use std::fs;
use std::path::Path;

use crate::exit::{Exit, refusal};

/// Refuses a path whose folder is missing or cannot be written, or that is a folder itself.
/// `option` is what names it.
pub(crate) fn may_hold(option: &str, path: &Path) -> anyhow::Result<()> {
    let refused = |why: &str| {
        let message = format!("{option} {}: {why}", path.display());
        Err(refusal(Exit::USAGE, message))
    };
    // A link stays a link: what it points to is replaced.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    if target.is_dir() {
        return refused("it is a folder");
    }
    let dir = match target.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    if !dir.is_dir() {
        return refused("there is no such folder");
    }
    match tempfile::NamedTempFile::new_in(dir) {
        Ok(_) => Ok(()),
        Err(err) => refused(&format!("its folder cannot be written: {err}")),
    }
}
