//! Models that retired: in overlays and in `providers.toml`.

use jiff::civil::Date;
use overlay_model::{Diagnostic, Location, Overlay};
use overlay_schema::{Providers, model_param, same_model};

use crate::codes;
use crate::finding::Finding;
use crate::retired::{Retired, Retirement};
use crate::step::Replace;

/// The edits of `MODEL` in an overlay, and what is left to a person.
///
/// A retired model gives way to its successor only where `providers.toml` knows that one
/// with its prices: without them the overlay would not load.
pub(crate) fn edits(
    path: &str,
    overlay: &Overlay,
    providers: &Providers,
    (retired, today): (&Retired, Date),
) -> (Vec<Replace>, Vec<Finding>) {
    let (mut edits, mut findings) = (Vec::new(), Vec::new());
    let Some(entry) = overlay.get("MODEL") else { return (edits, findings) };
    let mut start = entry.value_start;
    for part in entry.value.split(',') {
        let blanks = part.len() - part.trim_start().len();
        let (at, id) = (start + blanks, part.trim());
        start += part.len() + 1;
        let Some(found) = find(retired, providers, id) else { continue };
        let location = overlay.location(at..at + id.len());
        let finding = found.finding(today);
        match successor(&found, today, providers) {
            Some(text) => {
                let message = format!("{}; `{text}` takes its place", finding.message);
                let note = Diagnostic::note(codes::RETIRED, message).located(location);
                findings.push(Finding::new(path, note));
                edits.push(Replace { start: at, end: at + id.len(), text: text.to_owned() });
            }
            None => findings.push(Finding::new(path, finding.located(location))),
        }
    }
    (edits, findings)
}

/// The model that takes the place of one that has retired.
fn successor<'a>(found: &Retirement<'_>, today: Date, providers: &'a Providers) -> Option<&'a str> {
    let model = providers.model(found.successor.filter(|_| found.on <= today)?)?;
    model.has_price().then_some(model.id.as_str())
}

/// Findings about keys of single models.
pub(crate) fn keys(
    path: &str,
    overlay: &Overlay,
    providers: &Providers,
    (retired, today): (&Retired, Date),
) -> Vec<Finding> {
    let found = overlay.entries().filter_map(|entry| {
        let (model, _) = model_param(entry.key)?;
        let id = &providers.models.iter().find(|it| same_model(&it.id, model))?.id;
        let finding = find(retired, providers, id)?.finding(today);
        Some(Finding::new(path, finding.located(overlay.location(entry.key_span()))))
    });
    found.collect()
}

/// Findings about the models of `providers.toml`.
///
/// Its rows hold prices and sizes of one model, so no row becomes another model's.
pub(crate) fn rows(
    text: &str,
    providers: &Providers,
    (retired, today): (&Retired, Date),
) -> Vec<Finding> {
    let found = providers.models.iter().filter_map(|model| {
        let named = model.retires.as_deref().and_then(|it| it.parse::<Date>().ok());
        let finding = match (find(retired, providers, &model.id), named) {
            (_, Some(on)) => {
                let source = "the `retires` of its row";
                Retirement { name: &model.id, on, successor: None, source }.finding(today)
            }
            (Some(found), None) => found.finding(today),
            (None, None) => return None,
        };
        Some(Finding::new("providers.toml", finding.located(row(text, &model.id))))
    });
    found.collect()
}

/// The retirement of a model as this installation asks for it: the same name at another
/// endpoint is another vendor's matter.
fn find<'a>(retired: &'a Retired, providers: &Providers, id: &str) -> Option<Retirement<'a>> {
    let Some(model) = providers.model(id) else { return retired.find(None, id) };
    let endpoint = providers.providers.iter().find(|it| it.name == model.provider);
    let host = endpoint.and_then(|it| it.endpoint.split("://").nth(1)?.split(['/', ':']).next());
    retired.find(Some(host.unwrap_or(&model.provider)), &model.id)
}

/// Where the row of a model says its id.
fn row(text: &str, id: &str) -> Location {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let value = line.trim_start().strip_prefix("id").map(str::trim_start);
        let is_row = value.and_then(|it| it.strip_prefix('=')).is_some_and(|it| {
            let it = it.trim();
            it.starts_with(&format!("\"{id}\"")) || it.starts_with(&format!("'{id}'"))
        });
        if let Some(at) = line.find(id).filter(|_| is_row) {
            return Location::of(text, start + at..start + at + id.len());
        }
        start += line.len();
    }
    Location::of(text, 0..0)
}
