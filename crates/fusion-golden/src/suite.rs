use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::OnceLock;

use overlay_loader::{Installation, ReadError};
use overlay_model::{Diagnostic, Location, MAX_TEXT_BYTES, Scenario, TextError};
use serde::Deserialize;
use thiserror::Error;

use crate::code;
use crate::files;
use crate::places::CataloguePlaces;
use crate::report::FileFinding;
use crate::rules;

/// The most bytes `suite.toml` has.
const MAX_MANIFEST_BYTES: usize = 1 << 16;
/// The end of a golden's file name.
const GOLDEN_SUFFIX: &str = "_golden.json";

/// A folder of goldens and cassettes, with the installation they are about.
#[derive(Clone, Debug)]
pub struct Suite {
    dir: PathBuf,
    /// How reports name the folder and the installation's.
    name: String,
    installation_name: String,
    pub(crate) installation: Installation,
    max_age_days: Option<u64>,
    findings: Vec<FileFinding>,
    /// Where the scenarios stand in their file; read when somebody asks.
    places: OnceLock<CataloguePlaces>,
    /// Whether it is but a place for an installation to stand in.
    is_installation_alone: bool,
}

/// `suite.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    schema: Option<String>,
    installation: Option<PathBuf>,
    max_age_days: Option<u64>,
}

impl Suite {
    /// Opens the suite in `dir`: reads `suite.toml` and the installation. Findings about
    /// the installation are kept, not fatal; a rule that cannot be evaluated is one of them.
    ///
    /// # Errors
    ///
    /// Where there is no folder `dir`, it or the installation's cannot be read, or
    /// `suite.toml` is none.
    pub fn open(dir: &Path) -> Result<Self, SuiteError> {
        let error = |source| SuiteError::Read { path: dir.to_owned(), source };
        match fs::metadata(dir) {
            Ok(meta) if meta.is_dir() => (),
            Ok(_) => return Err(error(std::io::ErrorKind::NotADirectory.into())),
            Err(err) if err.kind() == std::io::ErrorKind::NotFound => {
                return Err(SuiteError::NoSuite { path: dir.to_owned() });
            }
            Err(err) => return Err(error(err)),
        }
        let manifest = Manifest::read(&dir.join("suite.toml"))?;
        let at = match manifest.installation {
            Some(at) => at,
            None if dir.join("configs").is_dir() => PathBuf::from("configs"),
            None => PathBuf::from("../configs"),
        };
        let installation = Installation::read(&dir.join(&at)).map_err(|err| {
            SuiteError::Installation(ReadError { path: plain(&dir.join(&at)), ..err })
        })?;
        let name = shown(dir);
        let installation_name = shown(&Path::new(&name).join(&at));
        let places = OnceLock::new();
        let flaws = rules::flaws(&installation, &places);
        let findings = installation.findings().iter().map(|it| (&it.path, &it.diagnostic));
        let findings = findings.chain(flaws.iter().map(|(path, it)| (path, it)));
        let findings = findings.map(|(path, it)| FileFinding {
            path: joined(&installation_name, path),
            diagnostic: it.clone(),
        });
        Ok(Self {
            dir: dir.to_owned(),
            findings: findings.collect(),
            name,
            installation_name,
            installation,
            max_age_days: manifest.max_age_days,
            places,
            is_installation_alone: false,
        })
    }

    /// This suite as no more than a place for its installation, such as a generation that is
    /// live: that it has no goldens and no recordings says nothing.
    #[must_use]
    pub fn of_installation_alone(mut self) -> Self {
        self.is_installation_alone = true;
        self
    }

    pub(crate) fn is_installation_alone(&self) -> bool {
        self.is_installation_alone
    }

    /// This suite with its files called as those of `other` are.
    pub(crate) fn named_as(mut self, other: &Self) -> Self {
        for it in &mut self.findings {
            if let Some(path) = it.path.strip_prefix(&self.installation_name) {
                it.path = other.installation_file(path.trim_start_matches('/'));
            }
        }
        self.name.clone_from(&other.name);
        self.installation_name.clone_from(&other.installation_name);
        self
    }

    /// Where the scenarios stand in their file.
    pub(crate) fn places(&self) -> &CataloguePlaces {
        self.places.get_or_init(|| CataloguePlaces::of(self.installation.catalogue_text()))
    }

    /// The text of `providers.toml`; empty where it cannot be read.
    pub(crate) fn providers_text(&self) -> String {
        let path = self.installation.root().join("providers.toml");
        files::read_text(&path, MAX_TEXT_BYTES).unwrap_or_default()
    }

    /// The folder, as it was named.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The installation the suite is about.
    pub fn installation(&self) -> &Installation {
        &self.installation
    }

    /// The age in days from which `suite.toml` wants recordings reported.
    pub fn max_age_days(&self) -> Option<u64> {
        self.max_age_days
    }

    /// Findings about files of the installation.
    pub fn findings(&self) -> &[FileFinding] {
        &self.findings
    }

    /// Whether anything was accepted: the folder has a golden.
    pub fn has_goldens(&self) -> bool {
        !self.files_with(&self.dir, GOLDEN_SUFFIX).is_empty()
    }

    /// The ids of the scenarios that have a golden.
    pub(crate) fn accepted(&self) -> Vec<String> {
        self.files_with(&self.dir, GOLDEN_SUFFIX)
    }

    /// The golden of a scenario.
    pub fn golden_path(&self, scenario: &str) -> PathBuf {
        self.dir.join(format!("{scenario}{GOLDEN_SUFFIX}"))
    }

    /// The recordings of a scenario.
    pub fn cassette_path(&self, scenario: &str) -> PathBuf {
        self.dir.join("cassettes").join(format!("{scenario}.jsonl"))
    }

    /// How reports name the golden of a scenario.
    pub fn golden_name(&self, scenario: &str) -> String {
        joined(&self.name, &format!("{scenario}{GOLDEN_SUFFIX}"))
    }

    /// How reports name the cassette of a scenario.
    pub fn cassette_name(&self, scenario: &str) -> String {
        joined(&self.name, &format!("cassettes/{scenario}.jsonl"))
    }

    /// How reports name a file of the installation.
    pub fn installation_file(&self, path: &str) -> String {
        joined(&self.installation_name, path)
    }

    /// The scenario with this id.
    ///
    /// # Errors
    ///
    /// Where the catalogue has none.
    pub fn scenario(&self, id: &str) -> Result<&Scenario, SuiteError> {
        let scenarios = &self.installation.catalogue().scenarios;
        scenarios.iter().find(|it| it.id.as_str() == id).ok_or_else(|| {
            let near = |it: &&Scenario| similar(it.id.as_str(), id);
            let nearest = scenarios.iter().find(near).map(|it| it.id.to_string());
            SuiteError::UnknownScenario { id: id.to_owned(), nearest }
        })
    }

    /// The scenarios with these ids, or all of them, in catalogue order, and the ids that
    /// are none.
    pub(crate) fn select(
        &self,
        ids: &[String],
    ) -> Result<(Vec<&Scenario>, Vec<String>), SuiteError> {
        self.require_readable()?;
        let scenarios = &self.installation.catalogue().scenarios;
        let wanted: BTreeSet<_> = ids.iter().map(String::as_str).collect();
        let selected: Vec<_> = scenarios
            .iter()
            .filter(|it| wanted.is_empty() || wanted.contains(it.id.as_str()))
            .collect();
        let known: BTreeSet<_> = selected.iter().map(|it| it.id.as_str()).collect();
        let unknown = wanted.difference(&known).map(|it| (*it).to_owned()).collect();
        if selected.is_empty() {
            return Err(SuiteError::NothingSelected { unknown });
        }
        Ok((selected, unknown))
    }

    /// [`Self::select`], where a typing error must not pass for a smaller selection.
    pub(crate) fn select_known(&self, ids: &[String]) -> Result<Vec<&Scenario>, SuiteError> {
        self.require_readable()?;
        for id in ids {
            self.scenario(id)?;
        }
        Ok(self.select(ids)?.0)
    }

    /// An unreadable catalogue must not pass for an empty one, nor an unreadable flag file
    /// for none: overlays would be chosen as no service chooses them.
    fn require_readable(&self) -> Result<(), SuiteError> {
        let installation = &self.installation;
        let lost = [
            ("scenarios.yaml", installation.catalogue().scenarios.is_empty()),
            ("overlay_feature_flags.yaml", installation.flag_file().is_none()),
        ];
        for (name, _) in lost.into_iter().filter(|(_, lost)| *lost) {
            let path = self.installation_file(name);
            let broken =
                self.findings.iter().find(|it| it.path == path && it.diagnostic.is_error());
            if let Some(finding) = broken {
                return Err(SuiteError::Broken(Box::new(finding.clone())));
            }
        }
        Ok(())
    }

    /// Findings about goldens and cassettes of scenarios that are none.
    pub(crate) fn orphans(&self) -> Vec<FileFinding> {
        let ids: BTreeSet<_> =
            self.installation.catalogue().scenarios.iter().map(|it| it.id.as_str()).collect();
        let lost = |id: &str, path: String| {
            let message = format!("there is no scenario `{id}` in the catalogue");
            let diagnostic = Diagnostic::warning(code::NO_SCENARIO, message)
                .hint("remove the file, or give the scenario back");
            (!ids.contains(id)).then_some(FileFinding { path, diagnostic })
        };
        let goldens = self.files_with(&self.dir, GOLDEN_SUFFIX);
        let cassettes = self.files_with(&self.dir.join("cassettes"), ".jsonl");
        let goldens = goldens.iter().filter_map(|id| lost(id, self.golden_name(id)));
        let cassettes = cassettes.iter().filter_map(|id| lost(id, self.cassette_name(id)));
        goldens.chain(cassettes).collect()
    }

    /// The ids of the scenarios that have a cassette.
    pub(crate) fn cassettes(&self) -> Vec<String> {
        self.files_with(&self.dir.join("cassettes"), ".jsonl")
    }

    /// What stands before `suffix` in the names of the files of `folder`, sorted.
    fn files_with(&self, folder: &Path, suffix: &str) -> Vec<String> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let names = entries.filter_map(|it| it.file_name().into_string().ok());
        let mut stems: Vec<_> = names
            .filter(|it| !it.starts_with('.'))
            .filter_map(|it| it.strip_suffix(suffix).map(str::to_owned))
            .collect();
        stems.sort();
        stems
    }
}

impl Manifest {
    fn read(path: &Path) -> Result<Self, SuiteError> {
        let text = match files::read(path, MAX_MANIFEST_BYTES)? {
            files::Content::Missing => return Ok(Self::default()),
            _ => files::read_text(path, MAX_MANIFEST_BYTES)?,
        };
        let manifest: Self =
            overlay_model::from_toml(&text).map_err(|err| SuiteError::text(path, err))?;
        match manifest.schema.as_deref() {
            None | Some("fusion/suite/1") => Ok(manifest),
            Some(other) => {
                let message = format!("schema `{other}`, this version reads `fusion/suite/1`");
                Err(SuiteError::broken(path, message))
            }
        }
    }
}

/// How reports name a folder: a relative one as it was named, an absolute one by its last
/// part, so that no report depends on the machine.
fn shown(folder: &Path) -> String {
    if folder.is_absolute() {
        return folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    }
    let parts = plain(folder);
    let parts = parts.components().map(|it| it.as_os_str().to_string_lossy());
    parts.collect::<Vec<_>>().join("/")
}

/// The path without `.` and, where a name stands before it, `..`.
pub(crate) fn plain(path: &Path) -> PathBuf {
    let mut res = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir
                if matches!(res.components().next_back(), Some(Component::Normal(_))) =>
            {
                res.pop();
            }
            Component::CurDir => (),
            other => res.push(other),
        }
    }
    res
}

fn joined(folder: &str, file: &str) -> String {
    match (folder, file) {
        ("", file) => file.to_owned(),
        (folder, "") => folder.to_owned(),
        (folder, file) => format!("{folder}/{file}"),
    }
}

/// Whether one id begins with the other, or at most a fifth of the letters differ.
fn similar(a: &str, b: &str) -> bool {
    a.starts_with(b) || b.starts_with(a) || strsim::normalized_damerau_levenshtein(a, b) >= 0.8
}

/// Why nothing could be done with a suite.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SuiteError {
    /// A file or folder cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The installation's folder cannot be read.
    #[error(transparent)]
    Installation(#[from] ReadError),
    /// There is no folder of this name.
    #[error("there is no suite `{}`", path.display())]
    NoSuite {
        /// The folder.
        path: PathBuf,
    },
    /// A file that everything rests on is not of its form: `suite.toml`,
    /// `scenarios.yaml`, a cassette to be changed, a file of the original's to import.
    #[error("{0}")]
    Broken(Box<FileFinding>),
    /// The text that was given is not of its form.
    #[error("{finding}")]
    Source {
        /// What is wrong, and where in the text.
        finding: Box<Diagnostic>,
    },
    /// No scenario is left to look at.
    #[error("no scenario selected")]
    NothingSelected {
        /// The ids that were asked for and are none of the catalogue's.
        unknown: Vec<String>,
    },
    /// A change was to be accepted without a reason.
    #[error("a reason is needed")]
    NoReason,
    /// A scenario that is none of the catalogue's.
    #[error("unknown scenario `{id}`")]
    UnknownScenario {
        /// Its id.
        id: String,
        /// The nearest one there is.
        nearest: Option<String>,
    },
    /// A sample that is already recorded.
    #[error("sample {sample} of this request is recorded already in {}", path.display())]
    Recorded {
        /// The cassette.
        path: PathBuf,
        /// The sample.
        sample: u32,
    },
    /// A recording whose key is not the one of its request.
    #[error("the key of the recording is not the one of its request")]
    WrongKey,
    /// A folder that was to be made and holds something.
    #[error("{} is not empty", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
}

impl SuiteError {
    /// A file that is not of its form.
    pub(crate) fn broken(path: &Path, message: impl Into<String>) -> Self {
        Self::in_file(path, Diagnostic::error(code::UNREADABLE, message))
    }

    /// A TOML or YAML file that is not of its form.
    pub(crate) fn text(path: &Path, err: TextError) -> Self {
        let TextError { line, column, message } = err;
        let at = Location { line, column, span: 0..0 };
        Self::in_file(path, Diagnostic::error(code::UNREADABLE, message).located(at))
    }

    fn in_file(path: &Path, diagnostic: Diagnostic) -> Self {
        let path = plain(path).display().to_string();
        Self::Broken(Box::new(FileFinding { path, diagnostic }))
    }
}
