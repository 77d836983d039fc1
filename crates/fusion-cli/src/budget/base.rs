//! What a side of a comparison may be: a folder, a deployment root, a git reference, a
//! record.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use fusion_golden::Suite;
use fusion_golden::budget::{Base, Measurement};
use overlay_store::{GenerationId, Store, Tree};
use serde::Deserialize;
use tempfile::TempDir;

use super::git::Repository;
use crate::exit::{Exit, refusal};
use crate::golden::suite_error;
use crate::input;

/// A side as it was read; temporary files live as long.
pub(super) struct Opened {
    pub(super) side: Base,
    /// Whether it is a commit of the repository.
    pub(super) is_commit: bool,
    folders: Vec<TempDir>,
}

impl Opened {
    fn of(side: Base, folders: Vec<TempDir>) -> Self {
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
        return Ok(Opened::of(Base::Record(record(path)?), Vec::new()));
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
fn existing(dir: &Path) -> PathBuf {
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
    Ok((Suite::open(&dir).map_err(suite_error)?, folder))
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
struct Places {
    installation: Option<String>,
}

/// The suite and its installation as they are in a commit, in the places that they have to
/// each other in the repository.
fn of_commit(
    name: String,
    repository: &Repository,
    commit: &str,
    dir: &Path,
) -> anyhow::Result<Opened> {
    let place = repository.place_of(&existing(dir))?;
    let folder = tempfile::tempdir().context("making a temporary folder")?;
    let suite = folder.path().join(&place);
    repository.extract(commit, &place, folder.path())?;
    fs::create_dir_all(&suite).context("making a temporary folder")?;
    let manifest = fs::read_to_string(suite.join("suite.toml")).unwrap_or_default();
    let places: Places = overlay_model::from_toml(&manifest).unwrap_or_default();
    let installation = match places.installation {
        Some(at) => at,
        None if suite.join("configs").is_dir() => "configs".to_owned(),
        None => "../configs".to_owned(),
    };
    if let Some(at) = joined(&place, &installation) {
        repository.extract(commit, &at, folder.path())?;
    }
    let suite = Suite::open(&suite).map_err(|err| {
        let err = suite_error(err);
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

/// What is compared, as far as the choice of its base goes.
#[derive(Clone, Copy)]
pub(super) enum Judged<'a> {
    /// The suite in the working tree.
    WorkingTree(&'a Suite),
    /// A commit.
    Commit(&'a str),
    /// Something outside of the repository's history, such as what is live.
    Elsewhere,
}

/// Bases, with what a reader should know about them.
#[derive(Default)]
pub(super) struct Bases {
    pub(super) opened: Vec<Opened>,
    pub(super) notes: Vec<String>,
}

/// The bases where none is given: where the candidate parted from the main branch, and the
/// newest released record.
pub(super) fn usual(judged: Judged<'_>, dir: &Path, recorded_in: &Path) -> anyhow::Result<Bases> {
    let mut bases = Bases::default();
    let mut first = None;
    match Repository::of(&existing(dir)) {
        Some(repository) => match parting(&repository, judged, &mut bases.notes) {
            Parting::At(name, commit) => {
                bases.opened.push(of_commit(name, &repository, &commit, dir)?);
            }
            Parting::First(why) => first = Some(why),
            Parting::Unknown => (),
        },
        None => bases.notes.push("not in a git repository: there is no merge base".to_owned()),
    }
    match newest_record(recorded_in)? {
        Some(path) => {
            bases.opened.push(Opened::of(Base::Record(record(&path)?), Vec::new()));
        }
        None => {
            bases.notes.push("there is no released record to compare with".to_owned());
            let first = first.map(|why| Base::Nothing { why });
            bases.opened.extend(first.map(|side| Opened::of(side, Vec::new())));
        }
    }
    Ok(bases)
}

/// Where a change begins.
enum Parting {
    /// In a commit, and how reports call it.
    At(String, String),
    /// Nowhere: there is nothing before it, and why.
    First(String),
    /// That cannot be told.
    Unknown,
}

/// The branches that a change is merged into, the first one that there is.
const MAIN: [&str; 5] = ["origin/main", "main", "origin/master", "master", "origin/HEAD"];

/// Where a change begins. What is compared with itself passes whatever it is, so that a
/// commit of the main branch itself is held to the one before it.
fn parting(repository: &Repository, judged: Judged<'_>, notes: &mut Vec<String>) -> Parting {
    let given = match judged {
        Judged::Commit(it) => repository.commit(it),
        _ => None,
    };
    let Some(tip) = given.or_else(|| repository.commit("HEAD")) else {
        notes.push("the repository has no commit: there is no merge base".to_owned());
        return Parting::Unknown;
    };
    let differs = match judged {
        Judged::WorkingTree(suite) => {
            let read = [suite.dir(), suite.installation().root()].map(Path::to_path_buf);
            repository.has_changes(&read)
        }
        Judged::Commit(_) => false,
        Judged::Elsewhere => true,
    };
    for main in MAIN {
        let Some(commit) = repository.commit(main) else { continue };
        match repository.merge_base(&tip, &commit) {
            Some(base) if base == tip && !differs => return before(repository, &tip, main, notes),
            Some(base) => {
                return Parting::At(format!("merge base with {main} ({})", short(&base)), base);
            }
            None => notes.push(format!(
                "{main} has no commit in common with this one: in a shallow clone, fetch the history \
                 (`git fetch --unshallow`)"
            )),
        }
    }
    if matches!(judged, Judged::Elsewhere) {
        notes.push("no merge base with a main branch: the base is HEAD".to_owned());
        return Parting::At(format!("HEAD ({})", short(&tip)), tip);
    }
    notes.push(
        "no main branch (origin/main, main, origin/master, master): name the base with --base"
            .to_owned(),
    );
    Parting::Unknown
}

/// The commit before one that is on the main branch.
fn before(repository: &Repository, tip: &str, main: &str, notes: &mut Vec<String>) -> Parting {
    match repository.parent(tip) {
        Some(parent) => {
            Parting::At(format!("the commit before, on {main} ({})", short(&parent)), parent)
        }
        None if repository.is_shallow() => {
            notes.push(
                "the commit before is not in this shallow clone: fetch the history (`git fetch \
                 --unshallow`)"
                    .to_owned(),
            );
            Parting::Unknown
        }
        None => Parting::First(format!("{} is the first commit: it replaces nothing", short(tip))),
    }
}

fn short(commit: &str) -> String {
    commit.chars().take(9).collect()
}

/// The record of the newest version in the folder `released` of a suite.
fn newest_record(suite: &Path) -> anyhow::Result<Option<PathBuf>> {
    let folder = suite.join("released");
    if !folder.is_dir() {
        return Ok(None);
    }
    let entries = fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut paths: Vec<_> = entries.flatten().map(|it| it.path()).collect();
    paths.retain(|it| it.extension().is_some_and(|it| it == "json"));
    Ok(paths.into_iter().max_by_key(|it| version(it)))
}

/// The numbers in the name of a file, so that 1.10.0 is newer than 1.9.0; a name that goes
/// on after the same numbers (`1.0.0-rc.1`) is older.
fn version(path: &Path) -> (Vec<u64>, bool, String) {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let (release, rest) = match name.split_once('-') {
        Some((release, rest)) => (release, rest.to_owned()),
        None => (name.as_str(), String::new()),
    };
    let numbers = release.trim_start_matches('v').split('.').map(|it| it.parse().unwrap_or(0));
    (numbers.collect(), rest.is_empty(), rest)
}

fn record(path: &Path) -> anyhow::Result<Measurement> {
    let name = path.display();
    let unreadable = |why: String| refusal(Exit::UNREADABLE, format!("{name}: {why}"));
    let read = input::read(path)?;
    let mut record: Measurement = serde_json::from_str(read.text()?)
        .map_err(|err| unreadable(format!("no record of a release: {err}")))?;
    if record.schema != "fusion/measurement/1" {
        let message =
            format!("schema `{}`, this version reads `fusion/measurement/1`", record.schema);
        return Err(unreadable(message));
    }
    if !record.name.starts_with("release") {
        record.name = format!("release {}", record.name);
    }
    Ok(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_is_the_highest_one() {
        let names = ["1.9.0.json", "1.10.0-rc.1.json", "1.10.0.json", "v1.2.json"];
        let newest = names.map(PathBuf::from).into_iter().max_by_key(|it| version(it));
        assert_eq!(newest, Some(PathBuf::from("1.10.0.json")));
    }

    #[test]
    fn places_are_joined_without_dots() {
        assert_eq!(joined("goldens", "../configs").as_deref(), Some("configs"));
        assert_eq!(joined("a/goldens", "./configs").as_deref(), Some("a/goldens/configs"));
        assert_eq!(joined("", "../configs"), None);
        assert_eq!(joined("goldens", ".."), None);
    }
}
