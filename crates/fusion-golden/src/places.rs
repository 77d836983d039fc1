//! Where the parts of an installation's files stand.

use overlay_model::{Location, MicroOverlay, Outline, TextFormat};

/// Where the scenarios of a catalogue stand in its text.
#[derive(Clone, Debug, Default)]
pub(crate) struct CataloguePlaces {
    text: String,
    scenarios: Vec<Outline>,
}

impl CataloguePlaces {
    /// The places of `text`; none where it is no catalogue.
    pub(crate) fn of(text: &str) -> Self {
        let outline = Outline::of(TextFormat::Yaml, text).unwrap_or_default();
        let scenarios = outline.field("scenarios").map(|it| it.value.items().to_vec());
        Self { text: text.to_owned(), scenarios: scenarios.unwrap_or_default() }
    }

    /// Where the rule with this number, from 0, of a scenario stands: what it tests, where it
    /// has a field `test`, else the whole.
    pub(crate) fn rule(&self, scenario: &str, rule: usize, test: &str) -> Option<Location> {
        let rule = self.field(scenario, "expect")?.items().get(rule)?;
        Some(self.location(rule.field(test).map_or(rule, |it| &it.value)))
    }

    /// Where a field of a scenario stands, else the scenario itself.
    pub(crate) fn part(&self, scenario: &str, field: &str) -> Option<Location> {
        let part = self.field(scenario, field).or_else(|| self.scenario(scenario))?;
        Some(self.location(part))
    }

    /// Where a parameter of a scenario stands, else all of them.
    pub(crate) fn parameter(&self, scenario: &str, key: &str) -> Option<Location> {
        let all = self.field(scenario, "parameters")?;
        Some(self.location(all.field(key).map_or(all, |it| &it.value)))
    }

    fn field(&self, scenario: &str, field: &str) -> Option<&Outline> {
        self.scenario(scenario)?.field(field).map(|it| &it.value)
    }

    /// The first scenario with this id, which is the one that counts.
    fn scenario(&self, id: &str) -> Option<&Outline> {
        self.scenarios.iter().find(|it| {
            let name = it.field("id").and_then(|it| self.text.get(it.value.at.clone()));
            name == Some(id)
        })
    }

    fn location(&self, outline: &Outline) -> Location {
        Location::of(&self.text, outline.at.clone())
    }
}

/// Where the machine checks of a micro overlay stand, in the order of
/// [`MicroOverlay::checks`].
pub(crate) fn gates(micro: &MicroOverlay) -> Vec<Location> {
    let text = micro.text();
    let Some(body) = micro.section("Quality Gates") else { return Vec::new() };
    // A section is a part of the text.
    let mut start = body.as_ptr().addr().saturating_sub(text.as_ptr().addr());
    let mut places = Vec::new();
    for line in body.split_inclusive('\n') {
        if let Some((before, _)) = line.trim_end().rsplit_once("[check:") {
            let at = start + before.len();
            places.push(Location::of(text, at..start + line.trim_end().len()));
        }
        start += line.len();
    }
    places
}

/// The line of a section's heading in a micro overlay, counted from 1.
pub(crate) fn section_line(micro: &MicroOverlay, section: &str) -> Option<usize> {
    let mut lines = micro.text().lines();
    let heading = |line: &str| line.strip_prefix("## ").is_some_and(|it| it.trim() == section);
    lines.position(heading).map(|it| it + 1)
}

/// The line of a model's id in `providers.toml`, counted from 1.
pub(crate) fn model_line(text: &str, model: &str) -> Option<usize> {
    model_field_line(text, model, "id")
}

/// The line of a field of a model in `providers.toml`, counted from 1.
pub(crate) fn model_field_line(text: &str, model: &str, field: &str) -> Option<usize> {
    let outline = Outline::of(TextFormat::Toml, text)?;
    let models = outline.field("models")?.value.items();
    let is_it = |it: &&Outline| {
        let id = it.field("id").and_then(|it| text.get(it.value.at.clone()));
        id == Some(model)
    };
    let at = &models.iter().find(is_it)?.field(field)?.value.at;
    Some(Location::of(text, at.clone()).line)
}
