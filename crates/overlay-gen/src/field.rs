//! Where the fields of a design spec stand in the text it was read from.

use overlay_model::{Location, Outline, OutlineField, Places, TextFormat};

/// The places of a spec.
pub(crate) struct SpecPlaces<'a> {
    outline: Outline,
    places: Places<'a>,
}

impl<'a> SpecPlaces<'a> {
    /// The places of `source`, which is TOML, YAML or JSON; `None` where it is none of them.
    pub(crate) fn of(source: &'a str) -> Option<Self> {
        let toml = || Outline::of(TextFormat::Toml, source);
        let outline = toml().or_else(|| Outline::of(TextFormat::Yaml, source))?;
        Some(Self { outline, places: Places::of(source) })
    }

    /// The place of the key `field`.
    pub(crate) fn key(&self, field: &str) -> Option<Location> {
        self.find(field).map(|it| self.places.get(it.key_at.clone()))
    }

    /// The place of the element with this index, counted from 0, of the list `field`.
    pub(crate) fn element(&self, field: &str, index: usize) -> Option<Location> {
        let element = self.find(field)?.value.items().get(index)?;
        Some(self.places.get(element.at.clone()))
    }

    /// No two fields of a spec share a name, so the table a field stands in needs no name.
    fn find(&self, field: &str) -> Option<&OutlineField> {
        let tables = self.outline.fields().iter();
        self.outline.field(field).or_else(|| tables.filter_map(|it| it.value.field(field)).next())
    }
}
