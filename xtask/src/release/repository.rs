//! What git says of a working tree.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

/// A working tree under git.
pub(super) struct Repository<'a> {
    root: &'a Path,
}

impl<'a> Repository<'a> {
    pub(super) fn new(root: &'a Path) -> Self {
        Self { root }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub(super) fn read(&self, name: &str) -> anyhow::Result<String> {
        fs::read_to_string(self.path(name)).with_context(|| format!("reading {name}"))
    }

    /// The files that differ from the last commit, new ones too.
    pub(super) fn changed(&self) -> anyhow::Result<Vec<String>> {
        let status = self.git(&["status", "--porcelain"])?;
        Ok(status.lines().filter_map(|it| it.get(3..)).map(str::to_owned).collect())
    }

    pub(super) fn tags(&self) -> anyhow::Result<Vec<String>> {
        Ok(self.git(&["tag", "--list"])?.lines().map(str::to_owned).collect())
    }

    /// What `git` prints.
    pub(super) fn git(&self, args: &[&str]) -> anyhow::Result<String> {
        let output = Command::new("git").args(args).current_dir(self.root).output();
        let output = output.context("starting git")?;
        let command = args.first().copied().unwrap_or_default();
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "git {command}: {}", said.trim());
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}
