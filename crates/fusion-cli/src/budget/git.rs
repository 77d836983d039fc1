//! Files of a commit, asked of the program `git`.

use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

/// A repository with a working tree.
pub(super) struct Repository {
    root: PathBuf,
}

impl Repository {
    /// The repository that `dir` is in; `None` where it is in none, or there is no git.
    pub(super) fn of(dir: &Path) -> Option<Self> {
        let root =
            line(Command::new("git").arg("-C").arg(dir).args(["rev-parse", "--show-toplevel"]))?;
        Some(Self { root: PathBuf::from(root) })
    }

    /// `dir` as seen from the root of the repository, with slashes.
    pub(super) fn place_of(&self, dir: &Path) -> anyhow::Result<String> {
        let full = fs::canonicalize(dir).with_context(|| format!("finding {}", dir.display()))?;
        let root = fs::canonicalize(&self.root).context("finding the repository")?;
        let inside = full.strip_prefix(&root).with_context(|| {
            format!("{} is not in the repository {}", dir.display(), root.display())
        })?;
        let names = inside.components().map(|it| it.as_os_str().to_string_lossy().into_owned());
        Ok(names.collect::<Vec<_>>().join("/"))
    }

    /// The commit that a reference means.
    pub(super) fn commit(&self, reference: &str) -> Option<String> {
        let commit = format!("{reference}^{{commit}}");
        line(self.git().args(["rev-parse", "--verify", "--quiet", "--end-of-options", &commit]))
    }

    /// Where two commits parted.
    pub(super) fn merge_base(&self, one: &str, other: &str) -> Option<String> {
        line(self.git().args(["merge-base", one, other]))
    }

    /// The commit before one, on the line that it was made on.
    pub(super) fn parent(&self, commit: &str) -> Option<String> {
        self.commit(&format!("{commit}^1"))
    }

    /// Whether older commits were left out when it was cloned.
    pub(super) fn is_shallow(&self) -> bool {
        line(self.git().args(["rev-parse", "--is-shallow-repository"])).as_deref() == Some("true")
    }

    /// Whether files below `folders` differ from those of HEAD, new ones included. Where git
    /// cannot say, they do not.
    pub(super) fn has_changes(&self, folders: &[PathBuf]) -> bool {
        let places: Vec<_> = folders.iter().filter_map(|it| self.place_of(it).ok()).collect();
        let mut status = self.git();
        status.args(["status", "--porcelain", "--untracked-files=all", "--"]);
        let places = places.iter().map(|it| if it.is_empty() { "." } else { it.as_str() });
        line(status.args(places)).is_some()
    }

    /// Writes the files of `commit` below `folder` into the same places below `to`. Links
    /// and submodules are left out: what they point to is not in the commit.
    pub(super) fn extract(&self, commit: &str, folder: &str, to: &Path) -> anyhow::Result<()> {
        let mut list = self.git();
        list.args(["ls-tree", "-r", "-z", "--full-tree", commit]);
        if !folder.is_empty() {
            list.arg("--").arg(folder);
        }
        let listed = output(&mut list)?;
        let mut blobs = Vec::new();
        for entry in listed.split(|it| *it == 0).filter(|it| !it.is_empty()) {
            blobs.extend(blob(std::str::from_utf8(entry).context("a path is no UTF-8")?));
        }
        self.write(&blobs, to)
    }

    /// All blobs by one process: a suite has a thousand files.
    fn write(&self, blobs: &[(&str, &str)], to: &Path) -> anyhow::Result<()> {
        let mut wanted = tempfile::tempfile().context("making a temporary file")?;
        for (id, _) in blobs {
            writeln!(wanted, "{id}").context("writing a temporary file")?;
        }
        wanted.seek(SeekFrom::Start(0)).context("reading a temporary file")?;
        let bytes = output(self.git().args(["cat-file", "--batch"]).stdin(Stdio::from(wanted)))?;
        let mut rest = bytes.as_slice();
        for (id, path) in blobs {
            let content = next_blob(&mut rest).with_context(|| format!("git gave no {id}"))?;
            let path = to.join(inside(path)?);
            let folder = path.parent().unwrap_or(to);
            fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
            fs::write(&path, content).with_context(|| format!("writing {}", path.display()))?;
        }
        Ok(())
    }

    fn git(&self) -> Command {
        let mut git = Command::new("git");
        git.arg("-C").arg(&self.root).stdin(Stdio::null());
        git
    }
}

/// Identifier and path of a line of `ls-tree`: `100644 blob 3b18e5…\tconfigs/slo.toml`.
fn blob(entry: &str) -> Option<(&str, &str)> {
    let (about, path) = entry.split_once('\t')?;
    let mut words = about.split(' ');
    let (mode, _, id) = (words.next()?, words.next()?, words.next()?);
    mode.starts_with("100").then_some((id, path))
}

/// A path that stays below the folder it is joined to.
fn inside(path: &str) -> anyhow::Result<&Path> {
    let path = Path::new(path);
    if path.components().all(|it| matches!(it, Component::Normal(_))) {
        return Ok(path);
    }
    bail!("{} leads out of the repository", path.display())
}

/// The content of the next object of `cat-file --batch`: a line `<id> blob <length>`, the
/// bytes, a line end.
fn next_blob<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = rest.iter().position(|it| *it == b'\n')?;
    let head = std::str::from_utf8(rest.get(..end)?).ok()?;
    let length: usize = head.rsplit(' ').next()?.parse().ok()?;
    let from = end + 1;
    let content = rest.get(from..from + length)?;
    *rest = rest.get(from + length + 1..)?;
    Some(content)
}

/// The first line of what a command prints; `None` where it fails or cannot be started.
fn line(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.lines().next().unwrap_or_default();
    (output.status.success() && !line.is_empty()).then(|| line.to_owned())
}

fn output(command: &mut Command) -> anyhow::Result<Vec<u8>> {
    let output = command.output().context("starting git")?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr);
        bail!("git: {}", message.trim());
    }
    Ok(output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_submodules_are_no_files() {
        assert_eq!(blob("100644 blob ab12\ta b.txt"), Some(("ab12", "a b.txt")));
        assert_eq!(blob("100755 blob ab12\trun"), Some(("ab12", "run")));
        assert_eq!(blob("120000 blob ab12\tlink"), None);
        assert_eq!(blob("160000 commit ab12\tmodule"), None);
    }

    #[test]
    fn objects_follow_each_other() {
        let mut rest: &[u8] = b"ab blob 3\na\nb\ncd blob 0\n\n";
        assert_eq!(next_blob(&mut rest), Some(&b"a\nb"[..]));
        assert_eq!(next_blob(&mut rest), Some(&b""[..]));
        assert_eq!(next_blob(&mut rest), None);
        let mut rest: &[u8] = b"ab missing\n";
        assert_eq!(next_blob(&mut rest), None);
    }

    #[test]
    fn no_path_leads_out() {
        assert!(inside("configs/a.txt").is_ok());
        assert!(inside("../a.txt").is_err() && inside("/a.txt").is_err());
    }
}
