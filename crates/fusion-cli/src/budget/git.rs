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

    /// Whether files below `folders` differ from those of HEAD, new ones included. A folder
    /// outside of the repository does: no commit holds it. Where git cannot say, they do not.
    pub(super) fn has_changes(&self, folders: &[PathBuf]) -> bool {
        let mut places = Vec::new();
        for folder in folders {
            let Ok(place) = self.place_of(folder) else { return true };
            places.push(place);
            // Where the folder itself is a link, that may have changed.
            places.extend(self.place_of_link(folder));
        }
        let mut status = self.git();
        status.args(["status", "--porcelain", "--untracked-files=all", "--"]);
        let places = places.iter().map(|it| if it.is_empty() { "." } else { it.as_str() });
        line(status.args(places)).is_some()
    }

    /// The place of `path` itself, and not of what it leads to.
    fn place_of_link(&self, path: &Path) -> Option<String> {
        let parent = path.parent()?;
        let here = parent.as_os_str().is_empty();
        let parent = self.place_of(if here { Path::new(".") } else { parent }).ok()?;
        let name = path.file_name()?.to_str()?;
        Some(if parent.is_empty() { name.to_owned() } else { format!("{parent}/{name}") })
    }

    /// The bytes of a file in a commit; `None` where it has none.
    pub(super) fn content(&self, commit: &str, path: &str) -> Option<Vec<u8>> {
        let commit = self.commit(commit)?;
        output(self.git().args(["cat-file", "blob", &format!("{commit}:{path}")])).ok()
    }

    /// Writes the files of `commit` below `folder` into the same places below `to`. A link to
    /// something that is in the commit stands for it. Other links, and submodules, are left
    /// out: what they lead to is not in the commit.
    pub(super) fn extract(&self, commit: &str, folder: &str, to: &Path) -> anyhow::Result<Leads> {
        let real = match self.followed(commit, folder)? {
            Ok(real) => real,
            Err((link, to)) => return Ok(Leads::Out { link, to }),
        };
        let mut blobs = Vec::new();
        self.list(commit, (&real, folder), MOST_LINKS, &mut blobs)?;
        self.write(&blobs, to)?;
        Ok(Leads::Inside)
    }

    /// The files below `folder.0` of a commit, and where they stand below `folder.1`.
    fn list(
        &self,
        commit: &str,
        folder: (&str, &str),
        links: usize,
        blobs: &mut Vec<(String, String)>,
    ) -> anyhow::Result<()> {
        let (real, shown) = folder;
        for Entry { kind, id, path } in self.entries(commit, real, &["-r"])? {
            let place = join(shown, path.strip_prefix(real).unwrap_or(&path));
            match kind {
                Kind::File => blobs.push((id, place)),
                Kind::Link if links > 0 => {
                    // A link to a folder around itself has no end.
                    let target = self.followed(commit, &path)?.ok();
                    if let Some(target) = target.filter(|it| !is_around(it, &path)) {
                        self.list(commit, (&target, &place), links - 1, blobs)?;
                    }
                }
                Kind::Link | Kind::Other => (),
            }
        }
        Ok(())
    }

    /// The path that `path` comes to in a commit where links are followed; `Err` holds the
    /// link that leads out of the repository, or in a circle, and to where.
    fn followed(
        &self,
        commit: &str,
        path: &str,
    ) -> anyhow::Result<Result<String, (String, String)>> {
        let mut left: Vec<String> = path.rsplit('/').map(str::to_owned).collect();
        let mut real: Vec<String> = Vec::new();
        let mut last = (path.to_owned(), path.to_owned());
        let mut hops = 0;
        while let Some(part) = left.pop() {
            match part.as_str() {
                "" | "." => continue,
                ".." if real.pop().is_none() => return Ok(Err(last)),
                ".." => continue,
                _ => real.push(part),
            }
            let here = real.join("/");
            let Some(target) = self.link(commit, &here)? else { continue };
            hops += 1;
            last = (here, target.clone());
            if target.starts_with('/') || hops > MOST_HOPS {
                return Ok(Err(last));
            }
            real.pop();
            left.extend(target.rsplit('/').map(str::to_owned));
        }
        Ok(Ok(real.join("/")))
    }

    /// What `path` leads to, where it is a link in a commit.
    fn link(&self, commit: &str, path: &str) -> anyhow::Result<Option<String>> {
        let found = self.entries(commit, path, &[])?;
        let Some(Entry { id, .. }) =
            found.into_iter().find(|it| it.kind == Kind::Link && it.path == path)
        else {
            return Ok(None);
        };
        let target = output(self.git().args(["cat-file", "blob", &id]))?;
        Ok(Some(String::from_utf8(target).context("a link is no UTF-8")?))
    }

    /// What `ls-tree` says of `path` in a commit; of an empty path the whole tree.
    fn entries(&self, commit: &str, path: &str, options: &[&str]) -> anyhow::Result<Vec<Entry>> {
        let mut list = self.git();
        list.args(["ls-tree", "-z", "--full-tree"]).args(options).arg(commit);
        if !path.is_empty() {
            list.arg("--").arg(path);
        }
        let listed = output(&mut list)?;
        let entries = listed.split(|it| *it == 0).filter(|it| !it.is_empty());
        let texts = entries.map(|it| std::str::from_utf8(it).context("a path is no UTF-8"));
        texts.filter_map(|it| it.map(Entry::of).transpose()).collect()
    }

    /// All blobs by one process: a suite has a thousand files.
    fn write(&self, blobs: &[(String, String)], to: &Path) -> anyhow::Result<()> {
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

/// Where a folder of a commit is.
pub(super) enum Leads {
    /// In the commit.
    Inside,
    /// Elsewhere, by a link.
    Out {
        /// The link.
        link: String,
        /// What it says.
        to: String,
    },
}

/// How many links in links are followed below a folder.
const MOST_LINKS: usize = 4;
/// How many links may stand in one path.
const MOST_HOPS: usize = 32;

/// A line of `ls-tree`.
#[derive(Debug, Eq, PartialEq)]
struct Entry {
    kind: Kind,
    id: String,
    path: String,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    File,
    Link,
    /// A folder or a submodule.
    Other,
}

impl Entry {
    /// Such as `100644 blob 3b18e5…\tconfigs/slo.toml`.
    fn of(entry: &str) -> Option<Self> {
        let (about, path) = entry.split_once('\t')?;
        let mut words = about.split(' ');
        let (mode, _, id) = (words.next()?, words.next()?, words.next()?);
        let kind = match mode {
            "120000" => Kind::Link,
            mode if mode.starts_with("100") => Kind::File,
            _ => Kind::Other,
        };
        Some(Self { kind, id: id.to_owned(), path: path.to_owned() })
    }
}

/// Whether `path` is `folder` or lies in it.
fn is_around(folder: &str, path: &str) -> bool {
    let rest = path.strip_prefix(folder);
    folder.is_empty() || rest.is_some_and(|it| it.is_empty() || it.starts_with('/'))
}

fn join(folder: &str, rest: &str) -> String {
    let rest = rest.trim_start_matches('/');
    match (folder, rest) {
        ("", rest) => rest.to_owned(),
        (folder, "") => folder.to_owned(),
        (folder, rest) => format!("{folder}/{rest}"),
    }
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
        let kind = |line| Entry::of(line).map(|it| it.kind);
        let file = Entry { kind: Kind::File, id: "ab12".to_owned(), path: "a b.txt".to_owned() };
        assert_eq!(Entry::of("100644 blob ab12\ta b.txt"), Some(file));
        assert_eq!(kind("100755 blob ab12\trun"), Some(Kind::File));
        assert_eq!(kind("120000 blob ab12\tlink"), Some(Kind::Link));
        assert_eq!(kind("160000 commit ab12\tmodule"), Some(Kind::Other));
    }

    #[test]
    fn a_folder_around_a_link_is_known() {
        assert!(is_around("configs", "configs/self") && is_around("", "a") && is_around("a", "a"));
        assert!(!is_around("config", "configs/self") && !is_around("configs/a", "configs"));
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
