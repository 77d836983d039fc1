//! Overlays written as TOML, YAML or JSON, with findings that say where.

use overlay_model::{
    Diagnostic, InvalidValue, Location, NoText, Outline, Overlay, ParamKey, Places, TextError,
    TextFormat, scalar_text, visible,
};
use overlay_schema::{check_typed_value, is_secret};
use serde_json::Value;

use crate::codes::NO_OVERLAY;
use crate::design::located;

/// What a structured text says.
#[derive(Default)]
pub(super) struct Structured {
    /// As `KEY=VALUE` lines.
    pub(super) overlay: Overlay,
    /// What keeps it from being an overlay, in places of the text.
    pub(super) syntax: Vec<Diagnostic>,
    /// What is wrong with the types of its values, in places of the text.
    pub(super) types: Vec<Diagnostic>,
    /// Where the lines of the overlay come from.
    pub(super) places: LinePlaces,
}

/// Where in a structured text the lines of its overlay come from.
#[derive(Default)]
pub(super) struct LinePlaces(Vec<EntryPlace>);

/// Where a key and its value stand.
pub(super) struct EntryPlace {
    pub(super) key: Location,
    pub(super) value: Location,
}

/// Reads `text`, or says why it is not written in `format`.
pub(super) fn read(format: TextFormat, text: &str) -> Result<Structured, Box<Diagnostic>> {
    let entries = overlay_model::read(format, text).map_err(|err| {
        let TextError { line, column, message } = err;
        let finding = Diagnostic::error(NO_OVERLAY, message);
        Box::new(finding.located(located(text, line, column)))
    })?;
    let outline = Outline::of(format, text).unwrap_or_default();
    let places = Places::of(text);
    let mut res = Structured::default();
    let mut lines = String::new();
    for (idx, (key, value)) in entries.iter().enumerate() {
        let field = outline.fields().get(idx).filter(|it| it.key == *key);
        let span = |at: Option<&std::ops::Range<usize>>| places.get(at.cloned().unwrap_or(0..0));
        let place = EntryPlace {
            key: span(field.map(|it| &it.key_at)),
            value: span(field.map(|it| &it.value.at)),
        };
        res.types.extend(check_typed_value(key, value).map(|it| it.located(place.key.clone())));
        match line(key, value) {
            Ok(line) => {
                lines.push_str(&line);
                res.places.0.push(place);
            }
            Err(finding) => res.syntax.push(finding.located(place.key)),
        }
    }
    let (overlay, findings) = Overlay::parse(&lines);
    res.syntax.extend(findings.into_iter().map(|it| res.places.moved(it)));
    res.overlay = overlay;
    Ok(res)
}

/// The entry as a line of an overlay file.
fn line(key: &str, value: &Value) -> Result<String, Box<Diagnostic>> {
    let head: String = key.chars().take(60).collect();
    let shown = || visible(&head);
    if !ParamKey::is_valid(key) {
        let code = if visible(key) == key { "OVL1003" } else { "OVL1004" };
        let message = format!("`{}` is no key", shown());
        let hint = "use upper-case letters, digits, `_` and `-`, a letter or digit first";
        return Err(Box::new(Diagnostic::error(code, message).hint(hint)));
    }
    let text = scalar_text(value).map_err(|err| {
        let code = match err {
            NoText::Text(InvalidValue::Control(_)) => "OVL1004",
            _ => NO_OVERLAY,
        };
        Box::new(Diagnostic::error(code, format!("{}: {err}", shown())))
    })?;
    Ok(format!("{key}={text}\n"))
}

impl LinePlaces {
    /// Where the line with this number, counted from 1, comes from.
    pub(super) fn of_line(&self, line: usize) -> Option<&EntryPlace> {
        self.0.get(line.checked_sub(1)?)
    }

    /// A finding about a line of the overlay, where the key of the line stands in the text; a
    /// secret where it stands itself.
    pub(super) fn moved(&self, finding: Diagnostic) -> Diagnostic {
        let place = |at: &Location| {
            let place = self.of_line(at.line)?;
            let at = if is_secret(finding.code) { &place.value } else { &place.key };
            Some(at.clone())
        };
        let related = finding.related.iter();
        let related = related.filter_map(|(at, what)| Some((place(at)?, what.clone())));
        Diagnostic {
            at: finding.at.as_ref().and_then(place),
            related: related.collect(),
            // Its edits are about lines that nobody has written.
            fix: None,
            ..finding
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(format: TextFormat, text: &str, expect: &[(&str, usize, usize)]) {
        let found = match read(format, text) {
            Ok(Structured { syntax, types, .. }) => [syntax, types].concat(),
            Err(finding) => vec![*finding],
        };
        let place = |it: &Diagnostic| {
            let at = it.at.as_ref().expect("a place");
            (it.code, at.line, at.column)
        };
        assert_eq!(found.iter().map(place).collect::<Vec<_>>(), expect);
    }

    #[test]
    fn findings_say_where_the_key_stands() {
        check(TextFormat::Json, "{\n  \"TRUST_FLOOR\": \"0.5\"\n}", &[("OVL2101", 2, 4)]);
        check(TextFormat::Toml, "SAMPLES = 2\nTRUST_FLOOR = 1.5\n", &[("OVL2102", 2, 1)]);
        check(TextFormat::Yaml, "SAMPLES: 2\nTRUST_FLOOR: [", &[("OVL1011", 2, 14)]);
    }

    #[test]
    fn a_key_inside_another_text_is_passed_over() {
        let yaml = "OVERLAY_DESCRIPTION: \"TRUST_FLOOR: 1\"\nTRUST_FLOOR: 7\n";
        check(TextFormat::Yaml, yaml, &[("OVL2102", 2, 1)]);
        let toml = "OVERLAY_DESCRIPTION = 'TRUST_FLOOR = 1'\nTRUST_FLOOR = 7\n";
        check(TextFormat::Toml, toml, &[("OVL2102", 2, 1)]);
        check(TextFormat::Toml, "GPT_MAX_TOKENS = 1\nMAX_TOKENS = 'x'\n", &[("OVL2101", 2, 1)]);
    }

    #[test]
    fn an_escaped_key_is_the_key_it_reads_as() {
        check(TextFormat::Json, "{\"TRUST\\u005fFLOOR\": 7}", &[("OVL2102", 1, 3)]);
    }

    #[test]
    fn what_no_key_is_makes_no_line() {
        let json = "{\"A\\nSAMPLES\": 1,\n \"#A\": 2,\n \"A=B\": 3,\n \"A\\u200b\": 4}";
        let found = [("OVL1004", 1, 3), ("OVL1003", 2, 3), ("OVL1003", 3, 3), ("OVL1004", 4, 3)];
        check(TextFormat::Json, json, &found);
        assert!(read(TextFormat::Json, json).is_ok_and(|it| it.overlay.is_empty()));
    }
}
