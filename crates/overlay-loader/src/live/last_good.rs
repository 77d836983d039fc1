use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// The copy of the last good configuration in `state`.
pub(crate) fn folder(state: &Path) -> PathBuf {
    state.join("last_good")
}

/// Copies the installation in `root` beside `state/last_good` and puts the copy in its
/// place. A copy that fails leaves the old one: the service runs on either way.
pub(crate) fn keep(root: &Path, state: &Path) {
    let fresh = state.join("last_good.new");
    let old = state.join("last_good.old");
    let kept = folder(state);
    let swap = || -> io::Result<()> {
        let _ = fs::remove_dir_all(&fresh);
        let _ = fs::remove_dir_all(&old);
        for part in ["", "overlays", "micro_overlays"] {
            copy_files(&root.join(part), &fresh.join(part))?;
        }
        if kept.exists() {
            fs::rename(&kept, &old)?;
        }
        fs::rename(&fresh, &kept)?;
        File::open(state)?.sync_all()
    };
    // Without a copy the next start falls back further; `health` names the source then.
    let _ = swap();
    let _ = fs::remove_dir_all(&old);
}

/// Copies the plain files of a folder, each to the disk; a folder that is not there has
/// none.
fn copy_files(from: &Path, to: &Path) -> io::Result<()> {
    let Ok(entries) = fs::read_dir(from) else { return Ok(()) };
    fs::create_dir_all(to)?;
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with('.') || !entry.path().is_file() {
            continue;
        }
        let target = to.join(entry.file_name());
        fs::copy(entry.path(), &target)?;
        File::open(&target)?.sync_all()?;
    }
    File::open(to)?.sync_all()
}
