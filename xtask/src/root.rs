use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

/// The folder of the workspace.
pub(crate) fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// `path` of the workspace, as seen from the current folder where that is inside it, so
/// that messages name no folder of this machine.
pub(crate) fn seen(path: &str) -> PathBuf {
    let full = root().join(path);
    match std::env::current_dir() {
        Ok(dir) => full.strip_prefix(dir).map(Path::to_path_buf).unwrap_or(full),
        Err(_) => full,
    }
}

/// The cargo that runs this task.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root());
    command
}

/// Runs `command` and fails where it does.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let name = format!("{command:?}");
    let status = command.status().with_context(|| format!("starting {name}"))?;
    if !status.success() {
        bail!("{name}: {status}");
    }
    Ok(())
}
