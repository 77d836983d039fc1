//! What the scenarios of a suite share: selections and settings, resolved once.

use std::collections::{BTreeMap, HashMap};

use fusion_plan::{Observation, OverlayRef};
use overlay_model::{
    Digest, Effective, MicroOverlay, Origin, OverlayName, Scenario, Shape, Value, canonical_bytes,
};
use overlay_schema::{ALIASES, FORMAT_VERSION, Settings, VOLATILE, param};

use crate::choice::{Choice, Offers};
use crate::suite::Suite;

/// Everything about an installation that does not depend on a single question.
pub(crate) struct Sides<'a> {
    pub(crate) suite: &'a Suite,
    pub(crate) ledger: Vec<Observation>,
    choices: HashMap<&'a str, Choice>,
    settings: HashMap<SettingsKey, SideSettings<'a>>,
}

/// An overlay, or `None` for the bare baseline, and the scenario's parameters as text.
type SettingsKey = (Option<OverlayName>, String);

/// The settings of one side, for all scenarios that share them.
#[derive(Clone)]
pub(crate) struct SideSettings<'a> {
    /// The overlay; `None` for the bare baseline.
    pub(crate) overlay: Option<OverlayRef>,
    /// The micro overlay with its file.
    pub(crate) micro: Option<(&'a str, &'a MicroOverlay)>,
    /// The settings, or why there are none.
    pub(crate) settings: Result<Settings, String>,
    /// What is in force, with origins.
    pub(crate) effective: Effective,
    /// The values in force by key, canonical; defaults and timestamps left out.
    pub(crate) values: BTreeMap<String, String>,
    /// The first 16 hexadecimal digits of the SHA-256 of each value.
    pub(crate) keys: BTreeMap<String, String>,
    /// The same of each section of the micro overlay, and of the whole as `text`.
    pub(crate) sections: BTreeMap<String, String>,
    /// The digest of `values`.
    pub(crate) digest: Digest,
}

impl<'a> Sides<'a> {
    /// Resolves what `scenarios` need.
    pub(crate) fn new(suite: &'a Suite, scenarios: &[&'a Scenario]) -> Self {
        let ledger = suite.installation().ledger().iter().map(|it| Observation {
            model: it.model.clone(),
            scenario_type: it.scenario_type.clone(),
            score: it.score,
            hours: it.hours,
        });
        let ledger = ledger.collect();
        let mut sides = Self { suite, ledger, choices: HashMap::new(), settings: HashMap::new() };
        let offers = Offers::of(suite);
        for scenario in scenarios {
            sides.choices.insert(scenario.id.as_str(), offers.choose(scenario));
            let overlay = sides.choice(scenario).and_then(|it| it.overlay.clone());
            for name in [None, overlay] {
                sides
                    .settings
                    .entry((name.clone(), parameters(scenario)))
                    .or_insert_with(|| SideSettings::new(suite, name.as_ref(), Some(scenario)));
            }
        }
        sides
    }

    /// Which overlay answers `scenario`; `None` where it is none of the resolved ones.
    pub(crate) fn choice(&self, scenario: &Scenario) -> Option<&Choice> {
        self.choices.get(scenario.id.as_str())
    }

    /// The settings of a side of `scenario`.
    pub(crate) fn settings(
        &self,
        overlay: Option<&OverlayName>,
        scenario: &Scenario,
    ) -> Option<&SideSettings<'a>> {
        self.settings.get(&(overlay.cloned(), parameters(scenario)))
    }
}

/// The parameters of a scenario as one text.
fn parameters(scenario: &Scenario) -> String {
    let lines =
        scenario.parameters.iter().map(|(key, value)| format!("{key}={}\n", value.to_text()));
    lines.collect()
}

impl<'a> SideSettings<'a> {
    /// The settings of an overlay for a scenario, or for none in particular.
    pub(crate) fn new(
        suite: &'a Suite,
        name: Option<&OverlayName>,
        scenario: Option<&Scenario>,
    ) -> Self {
        let installation = suite.installation();
        let (effective, settings) = installation.settings(name, scenario, &[]);
        let loaded = name.and_then(|it| installation.overlays().get(it));
        let overlay = loaded.zip(name).map(|(loaded, name)| OverlayRef {
            name: name.clone(),
            version: version(&effective),
            digest: overlay_schema::digest(&loaded.overlay),
        });
        let micro = loaded.and_then(|it| it.micro.as_ref()).map(|(path, it)| (path.as_str(), it));
        let values = values(&effective);
        let keys = values.iter().map(|(key, value)| (key.clone(), hex16(value.as_bytes())));
        let pairs = values.iter().map(|(key, value)| (key.as_str(), value.clone()));
        Self {
            overlay,
            micro,
            settings: settings.map_err(|err| err.to_string()),
            keys: keys.collect(),
            sections: micro.map(|(_, it)| sections(it)).unwrap_or_default(),
            digest: Digest::of(&canonical_bytes(pairs)),
            values,
            effective,
        }
    }

    /// Where the value of `key` stands for `scenario`, which others may share the settings
    /// with: file and line.
    pub(crate) fn place(
        &self,
        suite: &Suite,
        scenario: &str,
        key: &str,
    ) -> Option<(String, usize)> {
        match &self.effective.get(key)?.setting.origin {
            Origin::File { path, line, .. } => Some((path.clone(), *line)),
            Origin::Scenario { .. } => {
                let at = suite.places().parameter(scenario, key)?;
                Some(("scenarios.yaml".to_owned(), at.line))
            }
            _ => None,
        }
    }
}

fn version(effective: &Effective) -> String {
    let text = effective.value("FUSION_OVERLAY_VERSION").unwrap_or(FORMAT_VERSION);
    Value::parse(Shape::Version, text).map_or_else(|_| text.to_owned(), |it| it.canonical())
}

/// The values in force that a file or a scenario sets, canonical, older names resolved.
fn values(effective: &Effective) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    for (key, setting) in effective.iter() {
        let is_ours = matches!(setting.setting.origin, Origin::Default | Origin::Embedded);
        if is_ours || VOLATILE.contains(&key.as_str()) {
            continue;
        }
        let older = ALIASES.iter().find(|(older, _)| *older == key.as_str());
        let name = older.map_or(key.as_str(), |(_, newer)| newer);
        if older.is_none() || !values.contains_key(name) {
            values.insert(name.to_owned(), canonical(name, &setting.setting.value));
        }
    }
    values
}

/// `text` as the parameter `key` reads it.
pub(crate) fn canonical(key: &str, text: &str) -> String {
    let shape = param(key).map_or(Shape::Text, |it| it.kind.shape());
    Value::parse(shape, text).map_or_else(|_| text.to_owned(), |it| it.canonical())
}

fn sections(micro: &MicroOverlay) -> BTreeMap<String, String> {
    let sections = micro.sections().map(|(name, body)| (name.to_owned(), hex16(body.as_bytes())));
    sections.chain([("text".to_owned(), hex16(micro.text().as_bytes()))]).collect()
}

/// The first 16 hexadecimal digits of the SHA-256 of `bytes`.
pub(crate) fn hex16(bytes: &[u8]) -> String {
    let digest = Digest::of(bytes).to_string();
    digest.chars().skip("sha256:".len()).take(16).collect()
}
