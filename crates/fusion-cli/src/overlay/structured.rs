//! Overlays written as TOML, YAML or JSON, with findings that say where.

use overlay_model::{Diagnostic, Location, Overlay, TextError, TextFormat, scalar_text};
use overlay_schema::check_typed;
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
}

/// Reads `text`, which is written in `format`.
pub(super) fn read(format: TextFormat, text: &str) -> Structured {
    let entries = match overlay_model::read(format, text) {
        Ok(entries) => entries,
        Err(TextError { line, column, message }) => {
            let at = located(text, line, column);
            let finding = Diagnostic::error(NO_OVERLAY, message).located(at);
            return Structured { syntax: vec![finding], ..Structured::default() };
        }
    };
    let mut lines = String::new();
    let mut syntax = Vec::new();
    for (key, value) in &entries {
        match line(key, value) {
            Ok(line) => lines.push_str(&line),
            Err(finding) => syntax.push(at_key(text, key, *finding)),
        }
    }
    let (overlay, findings) = Overlay::parse(&lines);
    syntax.extend(findings.into_iter().map(|it| moved(text, &overlay, it)));
    let types = entries.iter().flat_map(|(key, value)| {
        let alone = [(key.clone(), value.clone())].into_iter().collect();
        let findings = check_typed(&alone).into_iter().filter(|it| it.code != "OVL2001");
        findings.map(|it| at_key(text, key, it)).collect::<Vec<_>>()
    });
    Structured { types: types.collect(), overlay, syntax }
}

/// The entry as a line of an overlay file.
fn line(key: &str, value: &Value) -> Result<String, Box<Diagnostic>> {
    let text = scalar_text(value)
        .map_err(|err| Box::new(Diagnostic::error(NO_OVERLAY, format!("{key}: {err}"))))?;
    Ok(format!("{key}={text}\n"))
}

/// A finding about a line of `overlay`, where the key of the line stands in `text`.
pub(super) fn moved(text: &str, overlay: &Overlay, finding: Diagnostic) -> Diagnostic {
    let place = |at: &Location| {
        let entry = overlay.entries().find(|it| it.line == at.line)?;
        place_of(text, entry.key)
    };
    let related = finding.related.iter().filter_map(|(at, what)| Some((place(at)?, what.clone())));
    Diagnostic {
        at: finding.at.as_ref().and_then(place),
        related: related.collect(),
        // Its edits are about lines that nobody has written.
        fix: None,
        ..finding
    }
}

fn at_key(text: &str, key: &str, finding: Diagnostic) -> Diagnostic {
    Diagnostic { at: place_of(text, key), fix: None, ..finding }
}

/// Where `key` stands in `text` as a key: before `:` or `=`, in quotes or without.
pub(super) fn place_of(text: &str, key: &str) -> Option<Location> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let starts = text.match_indices(key).map(|(at, _)| at);
    let found = starts.filter(|_| !key.is_empty()).find(|at| {
        let before = text.get(..*at).unwrap_or_default().chars().next_back();
        let behind = text.get(at + key.len()..).unwrap_or_default();
        let behind = behind.strip_prefix(['"', '\'']).unwrap_or(behind).trim_start();
        !before.is_some_and(is_part) && behind.starts_with([':', '='])
    });
    found.map(|at| Location::of(text, at..at + key.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(format: TextFormat, text: &str, expect: &[(&str, usize, usize)]) {
        let Structured { syntax, types, .. } = read(format, text);
        let actual: Vec<_> = syntax
            .iter()
            .chain(&types)
            .map(|it| {
                let at = it.at.as_ref().expect("a place");
                (it.code, at.line, at.column)
            })
            .collect();
        assert_eq!(actual, expect);
    }

    #[test]
    fn findings_say_where_the_key_stands() {
        check(TextFormat::Json, "{\n  \"TRUST_FLOOR\": \"0.5\"\n}", &[("OVL2101", 2, 4)]);
        check(TextFormat::Toml, "SAMPLES = 2\nTRUST_FLOOR = 1.5\n", &[("OVL2102", 2, 1)]);
        check(TextFormat::Yaml, "SAMPLES: 2\nTRUST_FLOOR: [", &[("OVL1011", 2, 14)]);
    }

    #[test]
    fn a_key_inside_another_one_is_passed_over() {
        let text = "GPT_MAX_TOKENS = 1\nMAX_TOKENS = 2\n";
        assert_eq!(place_of(text, "MAX_TOKENS").map(|it| it.line), Some(2));
    }
}
