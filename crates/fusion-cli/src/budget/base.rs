//! What a side of a comparison may be: a folder, a deployment root, a git reference, a
//! record.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use fusion_golden::Suite;
use fusion_golden::budget::Base;
use overlay_store::{GenerationId, Store, Tree};
use serde::Deserialize;
use tempfile::TempDir;

use super::git::{Leads, Repository};
use super::released::record;
use crate::exit::{Exit, exit_of, refusal};
use crate::golden::suite_error;

/// A side as it was read; temporary files live as long.
pub(super) struct Opened {
    pub(super) side: Base,
    /// Whether it is a commit of the repository.
    pub(super) is_commit: bool,
    folders: Vec<TempDir>,
}

/// Places of temporary files, which tell a reader nothing, with the names of the sides whose
/// files they are.
#[derive(Default)]
pub(super) struct Places(Vec<(PathBuf, String)>);

impl Places {
    /// These and `more`.
    pub(super) fn and(mut self, more: Self) -> Self {
        self.0.extend(more.0);
        self
    }

    /// The error with names instead.
    pub(super) fn told(&self, err: &anyhow::Error) -> anyhow::Error {
        let message = self.0.iter().fold(format!("{err:#}"), |message, (folder, name)| {
            let below = folder.join("").display().to_string();
            message.replace(&below, &format!("{name}: "))
        });
        refusal(exit_of(err), message)
    }
}

impl Opened {
    pub(super) fn of(side: Base, folders: Vec<TempDir>) -> Self {
        Self { side, is_commit: false, folders }
    }

    /// The suite of a candidate with its name, and the folders to be kept.
    pub(super) fn into_suite(self) -> anyhow::Result<(String, Suite, Vec<TempDir>)> {
        match self.side {
            Base::Suite { name, suite } | Base::Installation { name, suite } => {
                Ok((name, suite, self.folders))
            }
            Base::Record(_) | Base::Nothing { .. } => {
                Err(refusal(Exit::USAGE, "a record cannot be the candidate"))
            }
        }
    }

    /// The suite of a commit with its name; `None` where it is none.
    pub(super) fn suite(&self) -> Option<(&str, &Suite)> {
        match &self.side {
            Base::Suite { name, suite } if self.is_commit => Some((name, suite)),
            _ => None,
        }
    }

    /// Where its temporary files are, and what readers know them as.
    pub(super) fn places(&self) -> Places {
        let name = match &self.side {
            Base::Suite { name, .. } | Base::Installation { name, .. } => name.clone(),
            Base::Record(it) => it.name.clone(),
            Base::Nothing { .. } => String::new(),
        };
        Places(self.folders.iter().map(|it| (it.path().to_owned(), name.clone())).collect())
    }

    /// The base, and the folders to be kept.
    pub(super) fn into_base(self) -> (Base, Vec<TempDir>) {
        (self.side, self.folders)
    }
}

/// Opens what `value` means: a folder, `ROOT@N`, a record, or a git reference of the
/// repository that the suite in `dir` is in.
pub(super) fn open(value: &str, dir: &Path) -> anyhow::Result<Opened> {
    let path = Path::new(value);
    if path.is_dir() {
        return of_folder(path, dir);
    }
    if let Some((root, number)) = value.rsplit_once('@')
        && Store::is_root(Path::new(root))
    {
        let number: u64 = number.parse().map_err(|_| nothing(value))?;
        return of_generation(value, Path::new(root), Some(number));
    }
    if path.is_file() {
        return Ok(Opened::of(Base::Record(record(path, value)?), Vec::new()));
    }
    let repository = Repository::of(&existing(dir)).ok_or_else(|| nothing(value))?;
    let commit = repository.commit(value).ok_or_else(|| nothing(value))?;
    of_commit(value.to_owned(), &repository, &commit, dir)
}

fn nothing(value: &str) -> anyhow::Error {
    let message = format!("{value} is no folder, deployment root, generation or git reference");
    refusal(Exit::UNREADABLE, message)
}

/// `dir`, or the nearest folder above it that there is.
pub(super) fn existing(dir: &Path) -> PathBuf {
    let above = dir.ancestors().find(|it| it.is_dir() && !it.as_os_str().is_empty());
    above.map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

fn of_folder(path: &Path, dir: &Path) -> anyhow::Result<Opened> {
    let name = path.display().to_string();
    if Store::is_root(path) {
        return of_generation(&name, path, None);
    }
    let inner = path.join(dir.file_name().unwrap_or_else(|| "goldens".as_ref()));
    let is_suite = path.join("suite.toml").is_file() || path.join("cassettes").is_dir();
    if is_suite || inner.is_dir() {
        let suite = Suite::open(if is_suite { path } else { &inner }).map_err(suite_error)?;
        return Ok(Opened::of(Base::Suite { name, suite }, Vec::new()));
    }
    let configs = path.join("configs");
    let installation = [path, &configs].into_iter().find(|it| it.join("overlays").is_dir());
    let Some(installation) = installation else {
        let message = format!(
            "{name} is no suite (suite.toml, cassettes), no installation (overlays) and no \
             deployment root (CURRENT)"
        );
        return Err(refusal(Exit::UNREADABLE, message));
    };
    let (suite, folder) = alone(installation, None)?;
    Ok(Opened::of(Base::Installation { name, suite }, vec![folder]))
}

/// A suite without goldens over the installation in the folder `installation`, with the
/// cassettes of a folder where one is given.
pub(crate) fn alone(
    installation: &Path,
    cassettes: Option<&Path>,
) -> anyhow::Result<(Suite, TempDir)> {
    let folder = tempfile::tempdir().context("making a temporary folder")?;
    let full = fs::canonicalize(installation)
        .with_context(|| format!("finding {}", installation.display()))?;
    // A JSON string is a TOML string.
    let quoted = serde_json::to_string(&full.to_string_lossy()).context("writing TOML")?;
    let dir = folder.path().join("goldens");
    let copies = dir.join("cassettes");
    let written = fs::create_dir_all(&copies).and_then(|()| {
        fs::write(
            dir.join("suite.toml"),
            format!("schema = \"fusion/suite/1\"\ninstallation = {quoted}\n"),
        )
    });
    written.context("writing a temporary suite")?;
    if let Some(from) = cassettes {
        for entry in fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
            let entry = entry.with_context(|| format!("reading {}", from.display()))?;
            if entry.path().extension().is_some_and(|it| it == "jsonl") {
                fs::copy(entry.path(), copies.join(entry.file_name()))
                    .with_context(|| format!("copying {}", entry.path().display()))?;
            }
        }
    }
    Ok((Suite::open(&dir).map_err(suite_error)?.of_installation_alone(), folder))
}

/// A generation of a deployment root: the stable one, or the one of a number.
fn of_generation(name: &str, root: &Path, number: Option<u64>) -> anyhow::Result<Opened> {
    let unreadable = |err: overlay_store::StoreError| {
        refusal(Exit::UNREADABLE, format!("{name}: {:#}", anyhow::Error::new(err)))
    };
    let store = Store::open(root).map_err(unreadable)?;
    let leased = match number {
        None => store.read_current().map_err(unreadable)?.map(|(_, leased)| leased),
        Some(number) => {
            let id: GenerationId = format!("{number:08}").parse().map_err(|_| nothing(name))?;
            let (_, manifest) = store.manifest(id).map_err(unreadable)?;
            let which = overlay_store::GenerationRef { generation: id, manifest };
            Some(store.read(which).map_err(unreadable)?)
        }
    };
    let leased = leased
        .ok_or_else(|| refusal(Exit::UNREADABLE, format!("{name}: nothing is deployed there")))?;
    of_stored(name, &leased.tree)
}

/// The installation that a tree of a store is.
pub(super) fn of_stored(name: &str, tree: &Tree) -> anyhow::Result<Opened> {
    let folder = tempfile::tempdir().context("making a temporary folder")?;
    let configs = folder.path().join("configs");
    for (path, bytes) in tree.iter() {
        let path = configs.join(path);
        let parent = path.parent().unwrap_or(&configs);
        fs::create_dir_all(parent).context("making a temporary folder")?;
        fs::write(&path, bytes).context("writing a temporary file")?;
    }
    let (suite, inner) = alone(&configs, None)?;
    let name = name.to_owned();
    Ok(Opened::of(Base::Installation { name, suite }, vec![folder, inner]))
}

/// `suite.toml`, as far as places go.
#[derive(Default, Deserialize)]
struct Manifest {
    installation: Option<String>,
}

/// The suite and its installation as they are in a commit, in the places that they have to
/// each other in the repository.
pub(super) fn of_commit(
    name: String,
    repository: &Repository,
    commit: &str,
    dir: &Path,
) -> anyhow::Result<Opened> {
    let place = repository.place_of(&existing(dir))?;
    let folder = tempfile::tempdir().context("making a temporary folder")?;
    let suite = folder.path().join(&place);
    let extract = |place: &str| match repository.extract(commit, place, folder.path())? {
        Leads::Inside => Ok(()),
        Leads::Out { link, to } => {
            let message = format!(
                "{name}: in commit {commit} `{link}` is a link to {to}, and what that leads to is in \
                 no commit: name a base that holds the files with --base (a folder, a deployment \
                 root, a record), or commit the files themselves"
            );
            Err(refusal(Exit::UNREADABLE, message))
        }
    };
    extract(&place)?;
    fs::create_dir_all(&suite).context("making a temporary folder")?;
    let manifest = fs::read_to_string(suite.join("suite.toml")).unwrap_or_default();
    let manifest: Manifest = overlay_model::from_toml(&manifest).unwrap_or_default();
    let installation = match manifest.installation {
        Some(at) => at,
        None if suite.join("configs").is_dir() => "configs".to_owned(),
        None => "../configs".to_owned(),
    };
    if let Some(at) = joined(&place, &installation) {
        extract(&at)?;
    }
    let places = Places(vec![(folder.path().to_owned(), format!("commit {commit}"))]);
    let suite = Suite::open(&suite).map_err(|err| {
        let err = places.told(&suite_error(err));
        refusal(Exit::UNREADABLE, format!("{name} has no suite at {place}: {err:#}"))
    })?;
    let side = Base::Suite { name, suite };
    Ok(Opened { side, is_commit: true, folders: vec![folder] })
}

/// `folder/path` without `.` and `..`; `None` where it leads out, or is the root itself.
fn joined(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => (),
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_joined_without_dots() {
        assert_eq!(joined("goldens", "../configs").as_deref(), Some("configs"));
        assert_eq!(joined("a/goldens", "./configs").as_deref(), Some("a/goldens/configs"));
        assert_eq!(joined("", "../configs"), None);
        assert_eq!(joined("goldens", ".."), None);
    }
}
