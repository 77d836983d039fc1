use overlay_store::vfs::Vfs;
use overlay_store::{Pointer, Store, StoreError, Tree};

use crate::mode::Mode;
use crate::span::Span;
use crate::stages::Stages;
use crate::word::{CheckName, EnvironmentName};

/// What is in force, and what a candidate begins with.
#[derive(Clone, Debug, Default)]
pub struct Base {
    /// The pointer; `None` where nothing is deployed yet.
    pub pointer: Option<Pointer>,
    /// The files of the stable generation; where nothing is deployed yet, those to begin
    /// with.
    pub tree: Tree,
}

impl Base {
    /// What is in force in `store`; where nothing is, `first` to begin with.
    ///
    /// # Errors
    ///
    /// Where the root cannot be read, or what is in force was tampered with; also for a
    /// pointer that is missing, or older than the audit log says.
    pub fn read<F: Vfs>(store: &Store<F>, first: Tree) -> Result<Self, StoreError> {
        store.checked_current()?;
        Ok(match store.read_current()? {
            Some((pointer, leased)) => Self { pointer: Some(pointer), tree: leased.tree },
            None => Self { pointer: None, tree: first },
        })
    }
}

/// What somebody wants deployed.
#[derive(Clone, Debug)]
pub struct Request {
    /// Where to.
    pub environment: EnvironmentName,
    /// The overlays that are new or change.
    pub overlays: Vec<OverlayFile>,
    /// Other files of an installation that are new or change.
    pub with: Vec<NamedFile>,
    /// How; `None` as the rules say.
    pub mode: Option<Mode>,
    /// By which shares; `None` as the rules say.
    pub stages: Option<Stages>,
    /// For how long at least; `None` as the rules say.
    pub bake: Option<Span>,
    /// After which time a stage without verdict pauses, at least `bake`; `None` as the rules
    /// say.
    pub max_stage: Option<Span>,
    /// Checks beside those of the environment.
    pub checks: Vec<CheckName>,
    /// How many requests an hour there are now, where that is known.
    pub requests_per_hour: Option<f64>,
}

impl Request {
    /// Of nothing, to `environment`, as the rules say.
    pub fn to(environment: EnvironmentName) -> Self {
        Self {
            environment,
            overlays: Vec::new(),
            with: Vec::new(),
            mode: None,
            stages: None,
            bake: None,
            max_stage: None,
            checks: Vec::new(),
            requests_per_hour: None,
        }
    }
}

/// A file, under its name without folders.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NamedFile {
    /// The name: `scenarios.yaml`.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// An overlay with its micro overlay.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OverlayFile {
    /// The overlay.
    pub file: NamedFile,
    /// The micro overlay, `<name>.md` or `<name>.txt`; without one the text in force stays.
    pub micro: Option<NamedFile>,
}
