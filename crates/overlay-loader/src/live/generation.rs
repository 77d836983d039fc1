use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use fusion_flags::{BreakerSet, Salt, Switches, View};
use overlay_model::{Diagnostic, Digest, Effective, Layer, Origin, OverlayName};
use overlay_schema::Settings;
use serde::Serialize;

use super::Options;
use super::deployed::Deployment;
use crate::code;
use crate::installation::{FileFinding, Installation, ReadError, unreadable};
use crate::read::{self, FLAG_FILE};
use crate::settings::valid;

/// Where a configuration comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The folder that was asked for.
    Files,
    /// The copy of the last one that was accepted.
    LastGood,
    /// The overlay that is built into the program.
    Embedded,
}

/// One configuration, checked and compiled: all that a request needs.
#[derive(Debug)]
pub struct Generation {
    installation: Installation,
    /// Of the base layer; missing only where the built-in overlay itself is wrong.
    base: Option<(Effective, Settings)>,
    named: BTreeMap<OverlayName, (Effective, Settings)>,
    /// Of the overlays, each made when it is asked for first.
    digests: BTreeMap<OverlayName, OnceLock<Digest>>,
    /// Keys in force that no file of the tree sets.
    outside: Vec<String>,
    source: Source,
    /// What a store of deployments calls its tree.
    stored: Option<Digest>,
}

/// A tree that must not be put in force.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    /// Why.
    pub(crate) findings: Vec<FileFinding>,
    /// What its flag file says of the kill switch, `None` where that is not sure. One that is
    /// thrown there holds all the same: who needs it needs it while something is broken.
    pub(crate) kill_switch: Option<bool>,
    /// Whether there was nothing to judge.
    pub(crate) is_unreadable: bool,
}

impl Refused {
    pub(crate) fn of(finding: FileFinding) -> Self {
        Self { findings: vec![finding], kill_switch: None, is_unreadable: false }
    }

    /// The folder is not there, or cannot be read.
    pub(crate) fn unreadable(err: &ReadError) -> Self {
        Self { is_unreadable: true, ..Self::of(unreadable(err)) }
    }
}

impl Generation {
    /// Compiles `installation`, with the layers of environment and command line above its
    /// overlays.
    ///
    /// # Errors
    ///
    /// Every finding, where one of them says that it must not be used, or where there is
    /// neither an overlay nor a flag file.
    pub fn compile(
        installation: Installation,
        extra: &[Layer],
        source: Source,
    ) -> Result<Self, Vec<FileFinding>> {
        let mut errors: Vec<FileFinding> =
            installation.findings().iter().filter(|it| it.diagnostic.is_error()).cloned().collect();
        errors.extend(nothing(&installation).filter(|_| errors.is_empty()));
        // Once, and by its own name: it is no fault of the overlays below it.
        let (extra, outside_errors) = valid(extra);
        let extra = extra.as_slice();
        errors.extend(outside_errors);
        let mut compiled = |name: Option<&OverlayName>| {
            let (effective, resolved) = installation.settings(name, None, extra);
            match resolved {
                Ok(resolved) => Some((effective, resolved)),
                Err(err) => {
                    errors.push(invalid_setting(&installation, name, &err));
                    None
                }
            }
        };
        let base = compiled(None);
        let names = installation.overlays().keys();
        let named: BTreeMap<_, _> =
            names.filter_map(|name| Some((name.clone(), compiled(Some(name))?))).collect();
        if !errors.is_empty() {
            return Err(errors);
        }
        let all = base.iter().chain(named.values());
        let outside = if extra.is_empty() { Vec::new() } else { outside(all) };
        let digests = named.keys().map(|it| (it.clone(), OnceLock::new())).collect();
        Ok(Self { installation, base, named, digests, outside, source, stored: None })
    }

    /// Reads and compiles the installation in `root`; `known` is one that was compiled.
    pub(crate) fn read(
        root: &Path,
        options: &Options,
        known: Option<&Self>,
        source: Source,
    ) -> Result<Self, Refused> {
        let Options { environment, extra, .. } = options;
        let known = known.map(Self::installation);
        let installation = read::installation(root, environment.as_deref(), known)
            .map_err(|err| Refused::unreadable(&err))?;
        Self::of(installation, extra, source)
    }

    /// [`Self::compile`], with what a tree that is refused says of the kill switch.
    pub(crate) fn of(
        installation: Installation,
        extra: &[Layer],
        source: Source,
    ) -> Result<Self, Refused> {
        let kill_switch = installation.kill_switch;
        Self::compile(installation, extra, source).map_err(|findings| Refused {
            findings,
            kill_switch,
            is_unreadable: false,
        })
    }

    /// This generation in place of `before`, where it has not lost the flag file.
    pub(crate) fn after(self, before: bool) -> Result<Self, Refused> {
        if !before || self.has_flag_file() {
            return Ok(self);
        }
        let message = "the flag file of the configuration in force is gone";
        let diagnostic = Diagnostic::error(code::VANISHED, message)
            .hint("put it back, or one with `features: {}` for no flags");
        Err(Refused::of(FileFinding { path: FLAG_FILE.to_owned(), diagnostic }))
    }

    pub(crate) fn has_flag_file(&self) -> bool {
        self.installation.flag_file().is_some()
    }

    /// The built-in overlay alone.
    pub(crate) fn embedded() -> Self {
        let installation = Installation::embedded();
        let (effective, settings) = installation.settings(None, None, &[]);
        let base = settings.ok().map(|it| (effective, it));
        let (named, digests, outside) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        let source = Source::Embedded;
        Self { installation, base, named, digests, outside, source, stored: None }
    }

    /// The same configuration under these switches and breakers, with the flag names that
    /// it does not know.
    pub(crate) fn switched(
        self: &Arc<Self>,
        sources: &[&Switches],
        breakers: &BreakerSet,
        epoch: u64,
    ) -> (Switched, Vec<String>) {
        let flags = Arc::clone(self.installation.flags());
        let (view, unknown) = View::compile(flags, sources, breakers, epoch);
        (Switched { generation: Arc::clone(self), flags: Arc::new(view) }, unknown)
    }

    /// The tree it was read from.
    pub fn installation(&self) -> &Installation {
        &self.installation
    }

    /// The settings of an overlay, or of the base layer, in force under environment and
    /// command line.
    pub fn settings(&self, overlay: Option<&OverlayName>) -> Option<&Settings> {
        self.compiled(overlay).map(|(_, settings)| settings)
    }

    /// Where each value of an overlay, or of the base layer, comes from.
    pub fn effective(&self, overlay: Option<&OverlayName>) -> Option<&Effective> {
        self.compiled(overlay).map(|(effective, _)| effective)
    }

    fn compiled(&self, overlay: Option<&OverlayName>) -> Option<&(Effective, Settings)> {
        match overlay {
            Some(name) => self.named.get(name),
            None => self.base.as_ref(),
        }
    }

    /// The keys that environment or command line set over some overlay, sorted.
    pub fn shadowed(&self) -> &[String] {
        &self.outside
    }

    /// The same generation, whose tree a store of deployments knows as `digest`.
    pub(crate) fn stored_as(self, digest: Digest) -> Self {
        Self { stored: Some(digest), ..self }
    }

    /// The digest of the tree: under a root of deployments that of its manifest, which
    /// receipts are matched with; else of the files that an installation is.
    pub fn digest(&self) -> Digest {
        self.stored.unwrap_or_else(|| self.installation.digest())
    }

    /// The canonical digest of an overlay.
    pub fn overlay_digest(&self, name: &str) -> Option<Digest> {
        let loaded = self.installation.overlays().get(name)?;
        let digest = self.digests.get(name)?;
        Some(*digest.get_or_init(|| overlay_schema::digest(&loaded.overlay)))
    }

    /// Where it comes from.
    pub fn source(&self) -> Source {
        self.source
    }
}

/// Why a tree is no installation, where it has nothing that could answer otherwise than
/// the built-in overlay does.
fn nothing(installation: &Installation) -> Option<FileFinding> {
    if !installation.overlays().is_empty() || installation.flag_file().is_some() {
        return None;
    }
    let message = "there is neither an overlay nor a flag file: this is no installation";
    let diagnostic = Diagnostic::error(code::EMPTY, message)
        .hint("name the folder that has `overlays/` in it; is it mounted?");
    Some(FileFinding { path: String::new(), diagnostic })
}

/// The keys that come from outside, sorted.
fn outside<'a>(settings: impl Iterator<Item = &'a (Effective, Settings)>) -> Vec<String> {
    let is_outside =
        |origin: &Origin| matches!(origin, Origin::Environment { .. } | Origin::CommandLine);
    let keys: BTreeSet<&str> = settings
        .flat_map(|(effective, _)| effective.iter())
        .filter(|(_, it)| is_outside(&it.setting.origin))
        .map(|(key, _)| key.as_str())
        .collect();
    keys.into_iter().map(str::to_owned).collect()
}

fn invalid_setting(
    installation: &Installation,
    name: Option<&OverlayName>,
    err: &overlay_schema::InvalidSetting,
) -> FileFinding {
    let loaded = match name {
        Some(name) => installation.overlays().get(name),
        None => installation.base(),
    };
    FileFinding {
        path: loaded.map(|it| it.path.clone()).unwrap_or_default(),
        diagnostic: Diagnostic::error(code::SETTING, err.to_string()),
    }
}

/// A generation under the switches and breakers in force.
#[derive(Clone, Debug)]
pub struct Switched {
    generation: Arc<Generation>,
    flags: Arc<View>,
}

impl Switched {
    /// The configuration.
    pub fn generation(&self) -> &Generation {
        &self.generation
    }

    pub(crate) fn shared(&self) -> &Arc<Generation> {
        &self.generation
    }

    /// The flags under the switches in force.
    pub fn flags(&self) -> &View {
        &self.flags
    }
}

/// What is in force: a stable generation, and a candidate for a share of the units.
///
/// A request takes one snapshot, picks one generation by its unit, and sees only that.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(crate) stable: Switched,
    pub(crate) candidate: Option<Candidate>,
    pub(crate) epoch: u64,
    pub(crate) number: u64,
    pub(crate) deployment: Option<Deployment>,
}

/// Whose figures a request belongs to while a candidate is on trial, in the words of
/// `fusion deploy sample --arm`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Arm {
    /// The stable generation, for a unit that does not get the candidate.
    Control,
    /// The candidate.
    Candidate,
}

/// A generation on trial.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) switched: Switched,
    pub(crate) share: Share,
}

/// Who gets a candidate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    /// Buckets below this.
    pub(crate) weight: u32,
    /// What units are bucketed with.
    pub(crate) salt: Salt,
}

/// A generation to be tried out on a share of the units.
#[derive(Clone, Debug)]
pub(crate) struct Trial {
    pub(crate) generation: Arc<Generation>,
    pub(crate) share: Share,
}

impl Candidate {
    /// What it was made from, to be made again.
    pub(crate) fn trial(&self) -> Trial {
        Trial { generation: Arc::clone(self.switched.shared()), share: self.share }
    }
}

impl Snapshot {
    /// The generation that `unit` gets: the candidate where its bucket is below the weight.
    /// Without a unit it is the stable one.
    #[inline]
    pub fn pick(&self, unit: Option<&str>) -> &Switched {
        self.pick_arm(unit).0
    }

    /// [`Self::pick`], with the arm of the trial that this makes the unit part of; none
    /// where there is no trial, or no unit. An empty unit is none. While a new generation that
    /// is everybody's is under watch, everybody is of the candidate's arm.
    #[inline]
    pub fn pick_arm(&self, unit: Option<&str>) -> (&Switched, Option<Arm>) {
        match (&self.candidate, unit.filter(|it| !it.is_empty())) {
            (Some(it), Some(unit)) if it.share.salt.bucket(unit) < it.share.weight => {
                (&it.switched, Some(Arm::Candidate))
            }
            (Some(_), Some(_)) => (&self.stable, Some(Arm::Control)),
            _ => {
                let is_watched = self.deployment.as_ref().is_some_and(Deployment::is_watched);
                (&self.stable, is_watched.then_some(Arm::Candidate))
            }
        }
    }

    /// The number of the generation that an arm gets: of the store, under a root of
    /// deployments. A folder's counts the configurations that were accepted since the start,
    /// and its candidate has none; 0 is none of both, but a copy or the built-in overlay.
    pub fn number(&self, arm: Option<Arm>) -> u64 {
        match (arm, &self.deployment) {
            (Some(Arm::Candidate), it) if self.candidate.is_some() => {
                it.as_ref().and_then(|it| it.candidate).unwrap_or(0)
            }
            _ => self.number,
        }
    }

    /// Where the deployment stands, for a root of deployments.
    pub fn deployment(&self) -> Option<&Deployment> {
        self.deployment.as_ref()
    }

    /// The stable generation.
    pub fn stable(&self) -> &Switched {
        &self.stable
    }

    /// The candidate and its share of the units in buckets of 0.001 %, where there is one.
    pub fn candidate(&self) -> Option<(&Switched, u32)> {
        self.candidate.as_ref().map(|it| (&it.switched, it.share.weight))
    }

    /// Counts up with every change of configuration or switch.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }
}
