use overlay_model::{
    Diagnostic, Effective, Layer, Origin, Overlay, OverlayName, ParamKey, Scenario, Setting, Value,
    merge,
};
use overlay_schema::{
    EMBEDDED_OVERLAY, InvalidSetting, Kind, PARAMS, SecurityMode, Settings, model_param, param,
};

use crate::code;
use crate::installation::{FileFinding, Installation};

/// What stands before the key in the name of a variable.
pub const VARIABLE_PREFIX: &str = "RESONTINEX_FUSION_";

/// Floors that the environment may not lower where the overlay says so.
const FLOORS: [&str; 3] = ["ENERGY_FLOOR", "ENTROPY_FLOOR", "TRUST_FLOOR"];

impl Installation {
    /// The settings of `overlay`, or of the base layer alone, for `scenario`.
    ///
    /// Layers, weakest first: defaults, built-in overlay, base layer, `overlay`, the
    /// parameters of `scenario`, then `extra` in its order (environment, command line).
    /// What [`Self::refused`] names has no effect.
    ///
    /// # Errors
    ///
    /// The settings are an error where a value in force is none of its parameter.
    pub fn settings(
        &self,
        overlay: Option<&OverlayName>,
        scenario: Option<&Scenario>,
        extra: &[Layer],
    ) -> (Effective, Result<Settings, InvalidSetting>) {
        let (effective, _) = guarded(&self.layers(overlay, scenario), extra);
        let settings = Settings::resolve(&effective);
        (effective, settings)
    }

    /// The settings of overlays that are no part of the installation, over its base layer;
    /// `files` weakest first, `extra` as for [`Self::settings`]. Also what `extra` sets and
    /// the files do not let it set.
    ///
    /// # Errors
    ///
    /// As for [`Self::settings`].
    pub fn settings_of(
        &self,
        files: &[Layer],
        extra: &[Layer],
    ) -> (Effective, Result<Settings, InvalidSetting>, Vec<Diagnostic>) {
        let mut layers = self.layers(None, None);
        layers.extend_from_slice(files);
        let (effective, refused) = guarded(&layers, extra);
        let settings = Settings::resolve(&effective);
        (effective, settings, refused)
    }

    /// The settings of one layer over defaults and the built-in overlay alone, without the
    /// base layer.
    ///
    /// # Errors
    ///
    /// As for [`Self::settings`].
    pub fn settings_alone(&self, layer: &Layer) -> (Effective, Result<Settings, InvalidSetting>) {
        let effective = merge(self.ground.iter().chain([layer]));
        let settings = Settings::resolve(&effective);
        (effective, settings)
    }

    /// What `extra` sets and the overlay does not let it set.
    pub fn refused(
        &self,
        overlay: Option<&OverlayName>,
        scenario: Option<&Scenario>,
        extra: &[Layer],
    ) -> Vec<Diagnostic> {
        guard(&merge(&self.layers(overlay, scenario)), extra).1
    }

    fn layers(&self, overlay: Option<&OverlayName>, scenario: Option<&Scenario>) -> Vec<Layer> {
        let mut layers = self.ground.to_vec();
        let base = self.base();
        layers.extend(base.map(|it| it.overlay.layer(&it.path)));
        let named = overlay.and_then(|it| self.overlays.get(it));
        let named = named.filter(|it| base.is_none_or(|base| base.path != it.path));
        layers.extend(named.map(|it| it.overlay.layer(&it.path)));
        layers.extend(scenario.map(scenario_layer));
        layers
    }
}

/// Defaults and the built-in overlay.
pub(crate) fn ground() -> [Layer; 2] {
    let defaults = PARAMS.iter().filter_map(|it| {
        let setting = Setting { value: it.default?.to_owned(), origin: Origin::Default };
        Some((it.key.parse().ok()?, setting))
    });
    let (embedded, _) = Overlay::parse(EMBEDDED_OVERLAY);
    let embedded = embedded.entries().filter_map(|it| {
        let setting = Setting { value: it.value.to_owned(), origin: Origin::Embedded };
        Some((it.key.parse().ok()?, setting))
    });
    [defaults.collect(), embedded.collect()]
}

/// The parameters of a scenario; keys that are none are found when the tree is read.
fn scenario_layer(scenario: &Scenario) -> Layer {
    let parameters = scenario.parameters.iter().filter_map(|(key, value)| {
        let origin = Origin::Scenario { id: scenario.id.to_string() };
        Some((key.parse().ok()?, Setting { value: value.to_text(), origin }))
    });
    parameters.collect()
}

/// The settings that the variables `RESONTINEX_FUSION_<KEY>` make, with a finding for each
/// that names no parameter or holds no value of it; such a variable has no effect.
pub fn environment_layer(vars: impl Iterator<Item = (String, String)>) -> (Layer, Vec<Diagnostic>) {
    let (mut layer, mut findings) = (Layer::default(), Vec::new());
    let mut vars: Vec<_> = vars.filter(|(name, _)| name.starts_with(VARIABLE_PREFIX)).collect();
    vars.sort();
    for (variable, value) in vars {
        let name = variable.strip_prefix(VARIABLE_PREFIX).unwrap_or_default();
        match parameter(name, &value) {
            Ok(key) => layer.set(key, value, Origin::Environment { variable }),
            Err(why) => {
                let message = format!("{variable} has no effect: {why}");
                let code = param(name).map_or(code::VARIABLE, |_| code::VARIABLE_VALUE);
                findings.push(Diagnostic::warning(code, message));
            }
        }
    }
    (layer, findings)
}

/// The key that `name` is, where `value` is one of its values.
pub(crate) fn parameter(name: &str, value: &str) -> Result<ParamKey, String> {
    let key: ParamKey = name.parse().map_err(|_| format!("`{name}` is no parameter name"))?;
    let exact = PARAMS.binary_search_by(|it| it.key.cmp(name)).is_ok();
    if !exact && model_param(name).is_none() {
        return Err(format!("there is no parameter `{name}`"));
    }
    let Some(row) = param(name) else { return Err(format!("there is no parameter `{name}`")) };
    match Value::parse(row.kind.shape(), value) {
        Ok(_) => Ok(key),
        Err(err) => Err(format!("`{value}`: {err}")),
    }
}

/// `extra` without the values that no layer below can make right, and a finding for each
/// of these.
pub(crate) fn valid(extra: &[Layer]) -> (Vec<Layer>, Vec<FileFinding>) {
    let mut findings = Vec::new();
    let mut is_valid = |(key, setting): &(&ParamKey, &Setting)| {
        let mut alone = Layer::default();
        alone.set((*key).clone(), setting.value.clone(), setting.origin.clone());
        if Settings::resolve(&merge([&alone])).is_ok() {
            return true;
        }
        let name = match &setting.origin {
            Origin::Environment { variable } => variable.as_str(),
            _ => key.as_str(),
        };
        let range = param(key.as_str()).and_then(|it| range(it.kind));
        let said =
            range.map_or_else(|| format!("no value of {key}"), |it| format!("{key} is {it}"));
        let message = format!("{name}={}: {said}", setting.value);
        let diagnostic = Diagnostic::error(code::SETTING, message);
        findings.push(FileFinding { path: String::new(), diagnostic });
        false
    };
    let layers = extra.iter().map(|layer| {
        let kept = layer.iter().filter(&mut is_valid);
        kept.map(|(key, setting)| (key.clone(), setting.clone())).collect()
    });
    (layers.collect(), findings)
}

/// The values of a kind, where they have bounds or are a few words.
fn range(kind: Kind) -> Option<String> {
    match kind {
        Kind::Number { min, max } => Some(format!("a number from {min} to {max}")),
        Kind::Integer { min, max } => Some(format!("a whole number from {min} to {max}")),
        Kind::Millis { min, max, .. } => Some(format!("milliseconds from {min} to {max}")),
        Kind::Switch => Some("true or false".to_owned()),
        Kind::Word(words) => Some(format!("one of {}", words.join(", "))),
        _ => None,
    }
}

/// `extra` over `layers`, and what of it has no effect.
fn guarded(layers: &[Layer], extra: &[Layer]) -> (Effective, Vec<Diagnostic>) {
    let below = merge(layers);
    if extra.is_empty() {
        return (below, Vec::new());
    }
    let (extra, refused) = guard(&below, extra);
    (merge(layers.iter().chain(&extra)), refused)
}

/// `extra` without what may not be set from outside over `below`.
fn guard(below: &Effective, extra: &[Layer]) -> (Vec<Layer>, Vec<Diagnostic>) {
    if below.value("SECURITY_MODE") != Some(SecurityMode::Enhanced.as_str()) {
        return (extra.to_vec(), Vec::new());
    }
    let mut findings = Vec::new();
    let mut allowed = |(key, setting): &(&ParamKey, &Setting)| {
        let Origin::Environment { variable } = &setting.origin else { return true };
        let Some(in_force) = weakens(below, key.as_str(), &setting.value) else { return true };
        let message = format!(
            "{variable}={} has no effect: the overlay says {in_force} and SECURITY_MODE=enhanced",
            setting.value
        );
        findings.push(Diagnostic::error(code::FLOOR, message).hint("change the overlay itself"));
        false
    };
    let layers = extra
        .iter()
        .map(|layer| {
            let kept = layer.iter().filter(&mut allowed);
            kept.map(|(key, setting)| (key.clone(), setting.clone())).collect()
        })
        .collect();
    (layers, findings)
}

/// What is in force, where `value` would be weaker.
fn weakens<'a>(below: &'a Effective, key: &str, value: &str) -> Option<&'a str> {
    let in_force = below.value(key)?;
    let number = |text: &str| text.parse::<f64>().ok();
    let weaker = match key {
        "SECURITY_MODE" => value != in_force,
        _ if FLOORS.contains(&key) => number(value) < number(in_force),
        _ => false,
    };
    weaker.then_some(in_force)
}
