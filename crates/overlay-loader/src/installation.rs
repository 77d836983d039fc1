use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fusion_flags::FlagFile;
use overlay_model::{Catalogue, Diagnostic, Digest, Layer, MicroOverlay, Overlay, OverlayName};
use overlay_schema::{Checked, EMBEDDED_OVERLAY, Providers};
use thiserror::Error;

use crate::code;
use crate::ledger::CapabilityScore;
use crate::read;
use crate::tree::Tree;

/// A configuration tree, read and checked.
///
/// Files are taken in the order of their names, never of their times: the same tree gives
/// the same installation on every machine.
#[derive(Clone, Debug)]
pub struct Installation {
    pub(crate) root: PathBuf,
    pub(crate) overlays: BTreeMap<OverlayName, LoadedOverlay>,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) catalogue_text: String,
    pub(crate) providers: Providers,
    pub(crate) ledger: Vec<CapabilityScore>,
    pub(crate) flag_file: Option<FlagFile>,
    pub(crate) flags: Arc<fusion_flags::Snapshot>,
    /// What the flag file says of its kill switch, where that is sure.
    pub(crate) kill_switch: Option<bool>,
    pub(crate) unknown_environment: Option<String>,
    pub(crate) findings: Vec<FileFinding>,
    pub(crate) digest: Digest,
    /// Defaults and the built-in overlay, below every file.
    pub(crate) ground: [Layer; 2],
}

/// An overlay with its micro overlay.
#[derive(Clone, Debug)]
pub struct LoadedOverlay {
    /// The file, relative to the installation, with `/`.
    pub path: String,
    /// The overlay as it stands.
    pub overlay: Overlay,
    /// The micro overlay with its file, where there is one.
    pub micro: Option<(String, MicroOverlay)>,
    /// What the check of its file came to.
    pub checked: Checked,
}

/// A finding about a file of the installation.
#[derive(Clone, Debug, PartialEq)]
pub struct FileFinding {
    /// The file, relative to the installation, with `/`; empty for the tree as a whole.
    pub path: String,
    /// The finding.
    pub diagnostic: Diagnostic,
}

/// `path:line:column: error[…]: …`, without what is not known.
impl fmt::Display for FileFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, diagnostic } = self;
        match path.as_str() {
            "" => write!(f, "{diagnostic}"),
            path if diagnostic.at.is_some() => write!(f, "{path}:{diagnostic}"),
            path => write!(f, "{path}: {diagnostic}"),
        }
    }
}

impl Installation {
    /// Reads the installation in `dir`: `overlays/`, `micro_overlays/`, `scenarios.yaml`,
    /// `overlay_feature_flags.yaml`, `providers.toml`, `capability.jsonl`. A file that is
    /// missing is empty; one that is wrong, or a name of one that is no file, is left out,
    /// and found in [`Self::findings`].
    ///
    /// # Errors
    ///
    /// Where `dir` is no readable folder.
    pub fn read(dir: &Path) -> Result<Self, ReadError> {
        read::installation(dir, None, None)
    }

    /// [`Self::read`], with the flags compiled for `environment`, the value of `RESON_ENV`.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub fn read_for(dir: &Path, environment: Option<&str>) -> Result<Self, ReadError> {
        read::installation(dir, environment, None)
    }

    /// The installation that these files are, each with its name relative to the
    /// installation, with `/`; the flags compiled for `environment`. `root` is what
    /// [`Self::root`] gives; nothing is read there.
    pub fn from_files(
        root: &Path,
        files: impl IntoIterator<Item = (String, Vec<u8>)>,
        environment: Option<&str>,
    ) -> Self {
        read::of_tree(Tree::of(files), root, environment, None)
    }

    /// The same installation over other scenarios. Its digest stays that of its own files.
    #[must_use]
    pub fn with_catalogue(mut self, catalogue: Arc<Catalogue>) -> Self {
        self.catalogue = catalogue;
        self
    }

    /// The scenarios, shared.
    pub fn shared_catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    /// The installation without any file: the built-in overlay alone.
    pub fn embedded() -> Self {
        Self {
            root: PathBuf::new(),
            overlays: BTreeMap::new(),
            catalogue: Arc::default(),
            catalogue_text: String::new(),
            providers: Providers::default(),
            ledger: Vec::new(),
            flag_file: None,
            flags: Arc::new(fusion_flags::Snapshot::empty()),
            kill_switch: None,
            unknown_environment: None,
            findings: Vec::new(),
            digest: Digest::of(EMBEDDED_OVERLAY.as_bytes()),
            ground: crate::settings::ground(),
        }
    }

    /// The folder, as it was named; empty for the built-in installation.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The overlays, sorted by name.
    pub fn overlays(&self) -> &BTreeMap<OverlayName, LoadedOverlay> {
        &self.overlays
    }

    /// The base layer: the overlay `baseline`.
    pub fn base(&self) -> Option<&LoadedOverlay> {
        self.overlays.get("baseline")
    }

    /// The scenarios; each id once.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The text of `scenarios.yaml`; empty where there is none.
    pub fn catalogue_text(&self) -> &str {
        &self.catalogue_text
    }

    /// Endpoints, models and prices.
    pub fn providers(&self) -> &Providers {
        &self.providers
    }

    /// What was measured of the models.
    pub fn ledger(&self) -> &[CapabilityScore] {
        &self.ledger
    }

    /// The flags, compiled. Without a flag file each overlay answers the scenario types of
    /// its `OVERLAY_TARGET_SCENARIOS`; with an erroneous one there is no flag.
    pub fn flags(&self) -> &Arc<fusion_flags::Snapshot> {
        &self.flags
    }

    /// The flag file as it is written, where there is one and it can be read.
    pub fn flag_file(&self) -> Option<&FlagFile> {
        self.flag_file.as_ref()
    }

    /// Why the environment that the flags were compiled for is none of the flag file's
    /// `environments`, where it has that section: nothing of it holds then.
    pub fn unknown_environment(&self) -> Option<&str> {
        self.unknown_environment.as_deref()
    }

    /// Every finding about every file, sorted by file.
    pub fn findings(&self) -> &[FileFinding] {
        &self.findings
    }

    /// The digest of all files of the installation, with their names: overlays, micro
    /// overlays, and at the top `scenarios.yaml`, `overlay_feature_flags.yaml`,
    /// `providers.toml`, `capability.jsonl`, `fusion.toml`, `deploy.toml`, `budgets.toml` and
    /// `slo.toml`. What else lies there is no part of it.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// An installation that cannot be read.
#[derive(Debug, Error)]
#[error("cannot read {}", path.display())]
pub struct ReadError {
    /// The folder.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: std::io::Error,
}

/// The finding that an installation cannot be read.
pub(crate) fn unreadable(err: &ReadError) -> FileFinding {
    let message = format!("{err}: {}", err.source);
    FileFinding { path: String::new(), diagnostic: Diagnostic::error(code::UNREADABLE, message) }
}
