//! Where a field stands in the text a design spec was read from.

use std::ops::Range;

/// The bytes of the key `field` in `source`, which is TOML, YAML or JSON.
///
/// The three readers give no positions for fields that were read well, so this looks
/// for the key as each of the three writes it. No two fields of a spec share a name.
pub(crate) fn key(source: &str, field: &str) -> Option<Range<usize>> {
    let mut places = source.match_indices(field).map(|(at, _)| at..at + field.len());
    places.find(|place| {
        let before = source.get(..place.start).unwrap_or_default();
        let after = source.get(place.end..).unwrap_or_default();
        opens_key(before) && closes_key(after)
    })
}

/// The bytes of `element` in the list `field`, or of the key where the text writes the
/// element in another way.
pub(crate) fn element(source: &str, field: &str, element: &str) -> Option<Range<usize>> {
    let key = key(source, field)?;
    let rest = source.get(key.end..).unwrap_or_default();
    let mut places = rest.match_indices(element).map(|(at, _)| at..at + element.len());
    let found = places.find(|place| {
        let before = rest.get(..place.start).unwrap_or_default();
        let after = rest.get(place.end..).unwrap_or_default();
        !element.is_empty() && before.ends_with(is_edge) && after.chars().next().is_none_or(is_edge)
    });
    Some(found.map_or(key.clone(), |it| key.end + it.start..key.end + it.end))
}

/// Whether `c` stands around the elements of a list in one of the three formats.
fn is_edge(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | ',' | '[' | ']')
}

fn opens_key(before: &str) -> bool {
    let before = before.strip_suffix(['"', '\'']).unwrap_or(before);
    let before = before.trim_end_matches([' ', '\t']);
    before.is_empty() || before.ends_with(['\n', '{', ',', '.'])
}

fn closes_key(after: &str) -> bool {
    let after = after.strip_prefix(['"', '\'']).unwrap_or(after);
    after.trim_start_matches([' ', '\t']).starts_with(['=', ':'])
}
