use std::collections::BTreeSet;

use overlay_model::{Diagnostic, InvalidKey, InvalidValue, Overlay, Value};
use overlay_schema::{Profile, Subject, check, param};
use serde::{Serialize, Serializer};
use thiserror::Error;

use crate::analysis::{Analysis, analyse};
use crate::hours::ActiveHours;
use crate::pinned::pinned;
use crate::profile::WorkloadProfile;
use crate::strategy::Strategy;

/// What is done about keys that the overlay pins.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Pins {
    /// They keep their values, and are reported as conflicts.
    #[default]
    Keep,
    /// They are overwritten as the original did, and the overlay need not be valid.
    SeedExact,
}

/// How an overlay is optimized beside its profile.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct OptimizeOptions<'a> {
    /// The strategy to apply instead of the recommended one.
    pub strategy: Option<Strategy>,
    /// What is done about pinned keys.
    pub pins: Pins,
    /// The moment to write as `OPTIMIZATION_APPLIED`, RFC 3339.
    pub applied: Option<&'a str>,
}

/// A key that is changed, and why.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct KeyChange {
    /// The key.
    pub key: String,
    /// The value in the overlay, `None` where it has none.
    pub from: Option<String>,
    /// The new value.
    pub to: String,
    /// The stable identifier of the rule: `opt.quality.TRUST_FLOOR`.
    pub rule: String,
    /// Why the rule applied, and what the value is good for.
    pub because: String,
}

/// A change that was not made, since the overlay pins the key.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Conflict {
    /// The key.
    pub key: String,
    /// The value it keeps, `None` where the overlay has none.
    pub kept: Option<String>,
    /// The value that the rule would have given it.
    pub wanted: String,
    /// The rule.
    pub rule: String,
}

/// An overlay after a strategy was applied, with every change and its reason.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Optimized {
    /// The version of this format.
    pub schema: &'static str,
    /// What the profile was found to be.
    pub analysis: Analysis,
    /// The strategy that was applied.
    pub strategy: Strategy,
    /// The changes, in the order of the rules; metadata last.
    pub changes: Vec<KeyChange>,
    /// What pinned keys kept.
    pub conflicts: Vec<Conflict>,
    /// The field `active` of a flag that is to hold in the peak hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<ActiveHours>,
    /// The overlay; all but the changed values is as it was, to the byte.
    #[serde(serialize_with = "source")]
    pub overlay: Overlay,
}

fn source<S: Serializer>(overlay: &Overlay, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(overlay.source())
}

/// Why an overlay is not optimized.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum OptimizeError {
    /// The overlay does not pass profile `deploy`; with every finding.
    #[error("the overlay is not valid: mend it before it is optimized")]
    Invalid(Vec<Diagnostic>),
    /// A value does not fit into the file.
    #[error("{key} cannot be written")]
    Value {
        /// The key.
        key: String,
        /// Why.
        #[source]
        source: InvalidValue,
    },
    /// A rule names what is no key.
    #[error(transparent)]
    Key(#[from] InvalidKey),
}

/// Applies to `overlay` the strategy that its `profile` asks for, or the one that
/// `options` name.
///
/// # Errors
///
/// Where the overlay, before or after, does not pass profile `deploy`; with
/// [`Pins::SeedExact`] only where its text has syntax errors or a value does not fit.
pub fn optimize(
    overlay: &Overlay,
    profile: &WorkloadProfile,
    options: OptimizeOptions<'_>,
) -> Result<Optimized, OptimizeError> {
    validate(overlay, options.pins)?;
    let analysis = analyse(profile);
    let strategy = options.strategy.unwrap_or(analysis.recommended_strategy);
    let mut edit = Editing::of(overlay, options.pins);
    let reason = reason(&analysis, strategy);
    for constant in strategy.constants() {
        let default = param(constant.key).and_then(|it| it.default);
        let from = edit.overlay.value(constant.key).or(default);
        let because = format!("{reason}: {}", constant.reason(from));
        edit.set(constant.key, constant.value, strategy.rule(constant.key), because)?;
    }
    for (key, value, because) in metadata(profile, strategy, options.applied) {
        edit.set(key, &value, "opt.metadata".to_owned(), because.to_owned())?;
    }
    validate(&edit.overlay, options.pins)?;
    let Editing { overlay, changes, conflicts, .. } = edit;
    let (schema, active) = ("overlay-optimize/1", profile.active());
    Ok(Optimized { schema, analysis, strategy, changes, conflicts, active, overlay })
}

/// What the original writes behind its changes.
fn metadata(
    profile: &WorkloadProfile,
    strategy: Strategy,
    applied: Option<&str>,
) -> Vec<(&'static str, String, &'static str)> {
    let hash = profile.digest().to_string();
    let rows = [
        Some(("OPTIMIZATION_STRATEGY", strategy.to_string(), "the strategy applied")),
        applied.map(|it| ("OPTIMIZATION_APPLIED", it.to_owned(), "the moment given")),
        Some(("WORKLOAD_PROFILE_HASH", hash, "the digest of the profile")),
    ];
    rows.into_iter().flatten().collect()
}

fn reason(analysis: &Analysis, strategy: Strategy) -> String {
    match analysis.matches.iter().find(|it| it.strategy == strategy) {
        Some(class) => class.because.clone(),
        None if strategy == analysis.recommended_strategy => "no class matches".to_owned(),
        None => "strategy chosen by hand".to_owned(),
    }
}

/// The findings about `overlay` where it has an error.
pub(crate) fn deployable(overlay: &Overlay) -> Result<(), Vec<Diagnostic>> {
    let (_, syntax) = Overlay::parse(overlay.source());
    let checked = check(overlay, syntax, Profile::Deploy, &Subject::default());
    if checked.is_deployable() { Ok(()) } else { Err(checked.diagnostics) }
}

fn validate(overlay: &Overlay, pins: Pins) -> Result<(), OptimizeError> {
    match pins {
        Pins::Keep => deployable(overlay).map_err(OptimizeError::Invalid),
        Pins::SeedExact => {
            let (_, syntax) = Overlay::parse(overlay.source());
            let is_sound = !syntax.iter().any(Diagnostic::is_error);
            if is_sound { Ok(()) } else { Err(OptimizeError::Invalid(syntax)) }
        }
    }
}

/// An overlay under change.
struct Editing {
    overlay: Overlay,
    pins: Pins,
    pinned: BTreeSet<String>,
    changes: Vec<KeyChange>,
    conflicts: Vec<Conflict>,
}

impl Editing {
    fn of(overlay: &Overlay, pins: Pins) -> Self {
        let pinned = match pins {
            Pins::Keep => pinned(overlay),
            Pins::SeedExact => BTreeSet::new(),
        };
        Self { overlay: overlay.clone(), pins, pinned, changes: Vec::new(), conflicts: Vec::new() }
    }

    fn set(
        &mut self,
        key: &str,
        to: &str,
        rule: String,
        because: String,
    ) -> Result<(), OptimizeError> {
        let from = self.overlay.value(key).map(str::to_owned);
        if from.as_deref().is_some_and(|from| self.is_same(key, from, to)) {
            return Ok(());
        }
        let name = key.to_owned();
        if self.pinned.contains(key) {
            self.conflicts.push(Conflict { key: name, kept: from, wanted: to.to_owned(), rule });
            return Ok(());
        }
        if let Err(source) = self.overlay.set(&key.parse()?, to) {
            return Err(OptimizeError::Value { key: name, source });
        }
        self.changes.push(KeyChange { key: name, from, to: to.to_owned(), rule, because });
        Ok(())
    }

    /// Whether nothing needs to be written: `0.3` is `0.30`, but not to the original.
    fn is_same(&self, key: &str, from: &str, to: &str) -> bool {
        let canonical = |text| {
            let shape = param(key)?.kind.shape();
            Some(Value::parse(shape, text).ok()?.canonical())
        };
        from == to || self.pins == Pins::Keep && canonical(from) == canonical(to)
    }
}
