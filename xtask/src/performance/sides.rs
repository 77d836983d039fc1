use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

use crate::root::{root, run};

/// What the code consists of; a change elsewhere makes no other program.
const CODE: &[&str] = &["crates", "Cargo.toml", "Cargo.lock"];

/// What is compared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Side {
    Base,
    Candidate,
}

/// The base, written out beside the working tree.
pub(super) struct Sides {
    /// How the report calls the base.
    pub(super) name: String,
    commit: String,
    /// Where both are built.
    dir: PathBuf,
}

impl Sides {
    /// Between `base`, else the merge base with the main branch, and the working tree.
    pub(super) fn of(base: Option<&str>, dir: &Path) -> anyhow::Result<Self> {
        let (name, commit) = match base {
            Some(base) => (base.to_owned(), commit(base)?),
            None => usual()?,
        };
        Ok(Self { name, commit, dir: dir.to_owned() })
    }

    /// Whether the code of the working tree is that of the base.
    pub(super) fn is_same_code(&self) -> anyhow::Result<bool> {
        let status = git(&["diff", "--quiet", &self.commit, "--"]).args(CODE).status();
        let is_same = status.context("starting git")?.success();
        let new = line(git(&["ls-files", "--others", "--exclude-standard", "--"]).args(CODE));
        Ok(is_same && new.is_none())
    }

    /// The files that both programs read: the base's, which both understand.
    pub(super) fn files(&self) -> PathBuf {
        self.dir.join("base")
    }

    /// Builds `fusion` of a side and gives its path.
    pub(super) fn build(&self, side: Side) -> anyhow::Result<PathBuf> {
        let (source, name) = match side {
            Side::Base => (self.files(), "fusion-base"),
            Side::Candidate => (root().to_owned(), "fusion-candidate"),
        };
        if side == Side::Base {
            self.write_base()?;
        }
        let built = self.dir.join("build");
        let mut cargo = Command::new("cargo");
        cargo.current_dir(source).env("CARGO_TARGET_DIR", &built);
        // As released, except for what takes minutes and is the same for both.
        cargo.args(["build", "--release", "--locked", "--package", "fusion-cli"]);
        cargo.args(["--config", "profile.release.lto=false"]);
        cargo.args(["--config", "profile.release.codegen-units=16"]);
        cargo.args(["--config", "profile.release.strip=\"none\""]);
        run(&mut cargo)?;
        let to = self.dir.join(name);
        fs::copy(built.join("release/fusion"), &to)
            .with_context(|| format!("copying to {}", to.display()))?;
        Ok(to)
    }

    /// Writes the files of the base. They are new each time: cargo goes by their age.
    fn write_base(&self) -> anyhow::Result<()> {
        let to = self.files();
        if to.exists() {
            fs::remove_dir_all(&to).with_context(|| format!("removing {}", to.display()))?;
        }
        fs::create_dir_all(&to).with_context(|| format!("making {}", to.display()))?;
        let mut archive = git(&["archive", "--format=tar", &self.commit]);
        let mut archive = archive.stdout(Stdio::piped()).spawn().context("starting git")?;
        let packed = archive.stdout.take().context("git has no output")?;
        let mut tar = Command::new("tar");
        run(tar.args(["-x", "-m", "-f", "-", "-C"]).arg(&to).stdin(packed))?;
        let status = archive.wait().context("waiting for git")?;
        ensure!(status.success(), "git archive {}: {status}", self.commit);
        Ok(())
    }
}

fn git(args: &[&str]) -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(root()).args(args);
    git
}

/// The first line of what git prints; `None` where it fails or prints nothing.
fn line(git: &mut Command) -> Option<String> {
    let output = git.stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.lines().next().unwrap_or_default();
    (output.status.success() && !line.is_empty()).then(|| line.to_owned())
}

fn commit(reference: &str) -> anyhow::Result<String> {
    let commit = format!("{reference}^{{commit}}");
    line(&mut git(&["rev-parse", "--verify", "--quiet", "--end-of-options", &commit]))
        .with_context(|| format!("{reference} is no git reference"))
}

/// The merge base with the main branch, with a name for reports.
fn usual() -> anyhow::Result<(String, String)> {
    for main in ["origin/main", "main", "master"] {
        if let Some(base) = line(&mut git(&["merge-base", "HEAD", main])) {
            let short: String = base.chars().take(9).collect();
            return Ok((format!("merge base with {main} ({short})"), base));
        }
    }
    Ok(("HEAD".to_owned(), commit("HEAD").context("there is no merge base, and no commit")?))
}
