use std::collections::BTreeSet;

use overlay_model::{Catalogue, Overlay, from_yaml};
use overlay_schema::{Checked, Profile, Providers, References, Subject, check};

use crate::draft::Draft;
use crate::rules::file_name;

/// What overlays of the tree may name.
#[derive(Default)]
pub(crate) struct Ground {
    pub(crate) providers: Providers,
    scenario_types: BTreeSet<String>,
    micro_overlays: BTreeSet<String>,
}

impl Ground {
    /// The ground of the draft as it stands. A file that cannot be read counts as empty
    /// here: it is the loader's finding, not one of a migration.
    pub(crate) fn of(draft: &Draft<'_>) -> Self {
        let providers = draft.text("providers.toml").and_then(|it| Providers::parse(it).ok());
        let catalogue = draft.text("scenarios.yaml").and_then(|it| from_yaml::<Catalogue>(it).ok());
        let types = catalogue.iter().flat_map(|it| &it.scenarios).map(|it| it.kind().to_owned());
        let micro = |path: &String| {
            let name = path.strip_prefix("micro_overlays/")?;
            name.strip_suffix(".md").or_else(|| name.strip_suffix(".txt")).map(str::to_owned)
        };
        Self {
            scenario_types: types.collect(),
            micro_overlays: draft.paths().iter().filter_map(micro).collect(),
            providers: providers.unwrap_or_default(),
        }
    }

    /// The overlay `text` under the profile `deploy`, held against the installation.
    pub(crate) fn check(&self, path: &str, text: &str) -> (Overlay, Checked) {
        let (overlay, syntax) = Overlay::parse(text);
        let references = References {
            providers: &self.providers,
            scenario_types: self.scenario_types.iter().map(String::as_str).collect(),
            micro_overlays: self.micro_overlays.iter().map(String::as_str).collect(),
        };
        let subject = Subject { file_name: Some(file_name(path)), references: Some(&references) };
        let checked = check(&overlay, syntax, Profile::Deploy, &subject);
        (overlay, checked)
    }
}
