use std::collections::BTreeMap;
use std::sync::Arc;

use fusion_flags::{BreakerSet, Salt, Switches, View};
use overlay_model::{Diagnostic, Digest, Effective, Layer, OverlayName};
use overlay_schema::Settings;
use serde::Serialize;

use crate::code;
use crate::installation::{FileFinding, Installation};

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
    /// By overlay; the base layer under `None`.
    settings: BTreeMap<Option<OverlayName>, (Effective, Settings)>,
    source: Source,
}

impl Generation {
    /// Compiles `installation`, with the layers of environment and command line above its
    /// overlays.
    ///
    /// # Errors
    ///
    /// Every finding, where one of them says that it must not be used.
    pub fn compile(
        installation: Installation,
        extra: &[Layer],
        source: Source,
    ) -> Result<Self, Vec<FileFinding>> {
        let mut errors: Vec<FileFinding> =
            installation.findings().iter().filter(|it| it.diagnostic.is_error()).cloned().collect();
        let mut settings = BTreeMap::new();
        let names = installation.overlays().keys().cloned().map(Some);
        for name in std::iter::once(None).chain(names) {
            let (effective, resolved) = installation.settings(name.as_ref(), None, extra);
            match resolved {
                Ok(resolved) => {
                    settings.insert(name, (effective, resolved));
                }
                Err(err) => errors.push(invalid_setting(&installation, name.as_ref(), &err)),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self { installation, settings, source })
    }

    /// The built-in overlay alone.
    pub(crate) fn embedded() -> Self {
        let installation = Installation::embedded();
        let (effective, settings) = installation.settings(None, None, &[]);
        let settings = settings.map(|it| (None, (effective, it)));
        Self { installation, settings: settings.into_iter().collect(), source: Source::Embedded }
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
        self.settings.get(&overlay.cloned()).map(|(_, settings)| settings)
    }

    /// Where each value of an overlay, or of the base layer, comes from.
    pub fn effective(&self, overlay: Option<&OverlayName>) -> Option<&Effective> {
        self.settings.get(&overlay.cloned()).map(|(effective, _)| effective)
    }

    /// The digest of the tree.
    pub fn digest(&self) -> Digest {
        self.installation.digest()
    }

    /// Where it comes from.
    pub fn source(&self) -> Source {
        self.source
    }
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
}

/// A generation on trial.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) switched: Switched,
    /// Buckets below this get it.
    pub(crate) weight: u32,
    pub(crate) salt: Salt,
}

impl Snapshot {
    /// The generation that `unit` gets: the candidate where its bucket is below the weight.
    /// Without a unit it is the stable one.
    #[inline]
    pub fn pick(&self, unit: Option<&str>) -> &Switched {
        match (&self.candidate, unit) {
            (Some(it), Some(unit)) if it.salt.bucket(unit) < it.weight => &it.switched,
            _ => &self.stable,
        }
    }

    /// The stable generation.
    pub fn stable(&self) -> &Switched {
        &self.stable
    }

    /// The candidate and its share of the units in buckets of 0.001 %, where there is one.
    pub fn candidate(&self) -> Option<(&Switched, u32)> {
        self.candidate.as_ref().map(|it| (&it.switched, it.weight))
    }

    /// Counts up with every change of configuration or switch.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }
}
