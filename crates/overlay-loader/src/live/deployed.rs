//! What the pointer of a deployment root puts in force.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fusion_flags::Salt;
use overlay_model::Diagnostic;
use overlay_store::{GenerationRef, Phase, Pointer, Store, StoreError};
use serde::Serialize;

use super::Options;
use super::generation::{Generation, Refused, Share, Source, Trial};
use crate::code;
use crate::installation::{FileFinding, Installation};
use crate::read::FLAG_FILE;

/// Where a deployment stands.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Deployment {
    /// The epoch of the pointer.
    pub epoch: u64,
    /// What the rollout is doing.
    pub phase: Phase,
    /// The number of the stable generation.
    pub generation: u64,
    /// The number of the generation on trial.
    pub candidate: Option<u64>,
    /// The candidate's share of the units, in buckets of 0.001 %.
    pub weight: u32,
    /// The deployment that is under way, or was the last.
    pub deployment: Option<String>,
}

impl Deployment {
    /// Whether the new generation is everybody's, and still under watch: what is told of calls
    /// is told of it.
    pub fn is_watched(&self) -> bool {
        self.phase == Phase::PostCheck
    }

    pub(crate) fn of(pointer: &Pointer) -> Self {
        Self {
            epoch: pointer.epoch,
            phase: pointer.phase,
            generation: pointer.stable.generation.0,
            candidate: pointer.candidate.map(|it| it.generation.0),
            weight: pointer.weight,
            deployment: pointer.deployment.clone(),
        }
    }
}

/// A generation of the store, compiled.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) reference: GenerationRef,
    pub(crate) generation: Arc<Generation>,
}

impl Stored {
    /// The folder of its files.
    pub(crate) fn place(&self, root: &Path) -> PathBuf {
        place(root, self.reference)
    }
}

/// A pointer that was followed.
#[derive(Debug)]
pub(crate) struct Deployed {
    pub(crate) pointer: Pointer,
    pub(crate) stable: Stored,
    pub(crate) candidate: Option<Stored>,
    /// Why a candidate is not tried, where that is so.
    pub(crate) refused: Option<Refused>,
}

impl Deployed {
    /// The candidate with its share of the units, where there is one to be tried.
    pub(crate) fn trial(&self) -> Option<Trial> {
        let id = self.pointer.deployment.as_deref().unwrap_or_default();
        let salt = Salt::new(&format!("deploy/{id}"));
        let share = Share { weight: self.pointer.weight, salt };
        let generation = Arc::clone(&self.candidate.as_ref()?.generation);
        Some(Trial { generation, share })
    }
}

/// Whether `root` is one of deployments: it has a pointer.
pub(crate) fn is_root(root: &Path) -> bool {
    Store::is_root(root)
}

/// Whether something was deployed in `root`: it has a pointer, or generations where that is
/// lost. Services look for a [`RootSwitch`](crate::RootSwitch) there.
pub fn has_deployments(root: &Path) -> bool {
    is_root(root) || root.join("gen").is_dir()
}

/// The refusal of a folder that has to be a root of deployments, and is none so far.
pub(crate) fn no_root(root: &Path) -> Refused {
    let message = format!("{} is no deployment root: it has no CURRENT", root.display());
    let is_installation = root.join("overlays").is_dir() || root.join(FLAG_FILE).is_file();
    let hint = match is_installation {
        true => "it is an installation: serve it with --configs, or deploy from it",
        false => "`fusion deploy apply --root` makes it one, and it is followed from then on",
    };
    let diagnostic = Diagnostic::error(code::POINTER, message).hint(hint);
    let refused = Refused::of(FileFinding { path: String::new(), diagnostic });
    Refused { is_unreadable: true, ..refused }
}

/// The pointer of the root, or why it cannot be read.
pub(crate) fn pointer(root: &Path) -> Result<Pointer, Refused> {
    let pointer = Store::open(root).and_then(|it| it.current()).map_err(|err| refused(&err))?;
    pointer.ok_or_else(|| refuse("the deployment root has lost its pointer CURRENT".into()))
}

/// Follows `pointer`. What is among `known` is not read again.
pub(crate) fn follow(
    root: &Path,
    pointer: Pointer,
    options: &Options,
    known: &[Stored],
) -> Result<Deployed, Refused> {
    let load = |reference: GenerationRef| {
        let before = known.iter().find(|it| it.reference == reference);
        before.map_or_else(|| stored(root, reference, options), |it| Ok(it.clone()))
    };
    let stable = load(pointer.stable)?;
    let (candidate, refused) = match pointer.candidate.map(load) {
        None => (None, None),
        Some(Ok(candidate)) => (Some(candidate), None),
        Some(Err(refused)) => (None, Some(refused)),
    };
    Ok(Deployed { pointer, stable, candidate, refused })
}

fn stored(root: &Path, reference: GenerationRef, options: &Options) -> Result<Stored, Refused> {
    let store = Store::open(root).map_err(|err| refused(&err))?;
    let leased = store.read(reference).map_err(|err| refused(&err))?;
    let digest = leased.manifest.tree;
    let files = leased.tree.iter().map(|(path, bytes)| (path.to_owned(), bytes.to_vec()));
    let environment = options.environment.as_deref();
    let installation = Installation::from_files(&place(root, reference), files, environment);
    Generation::of(installation, &options.extra, Source::Files)
        .map(|it| Stored { reference, generation: Arc::new(it.stored_as(digest)) })
}

fn place(root: &Path, reference: GenerationRef) -> PathBuf {
    root.join("gen").join(reference.generation.to_string()).join("tree")
}

/// The refusal of a pointer that is older than the one in force.
pub(crate) fn went_back(pointer: &Pointer) -> Refused {
    refuse(format!("the pointer went back to epoch {}", pointer.epoch))
}

fn refused(err: &StoreError) -> Refused {
    refuse(err.to_string())
}

fn refuse(message: String) -> Refused {
    let diagnostic = Diagnostic::error(code::POINTER, message)
        .hint("`fusion deploy verify` names what was changed");
    Refused::of(FileFinding { path: String::new(), diagnostic })
}
