//! What is wrong with a flag file.

use std::collections::{BTreeSet, HashSet};

use overlay_model::{Diagnostic, Location, TextError, UNQUOTED, nearest};

use crate::file::{FlagFile, MAX_FLAG_BYTES};
use crate::place::{Places, Step};
use crate::{advice, codes, form, references, rules};

/// What a flag file names outside itself. What is `None` is not checked.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FlagReferences {
    /// The names of the overlays there are.
    pub overlays: Option<BTreeSet<String>>,
    /// The types of the scenarios there are.
    pub scenario_types: Option<BTreeSet<String>>,
    /// The moment, in milliseconds since 1970, for flags past their day.
    pub now_ms: Option<i64>,
}

/// Reads a flag file, and lists what is wrong with it, in the order of the text. The file
/// is there where the text has the form of one; it may be used where no finding is an
/// error.
pub fn check(
    text: &str,
    references: Option<&FlagReferences>,
) -> (Option<FlagFile>, Vec<Diagnostic>) {
    let file = match FlagFile::parse(text) {
        Ok(file) => file,
        Err(err) => return (None, vec![refusal(text, &err)]),
    };
    let mut findings = Findings::default();
    rules::check(&file, &mut findings);
    let broken = findings.broken();
    advice::check(&file, &broken, &mut findings);
    if let Some(references) = references {
        references::check(&file, references, &mut findings);
    }
    let findings = findings.placed(text);
    (Some(file), findings)
}

/// Every finding that is an error and needs nothing but the file, without places.
pub(crate) fn errors(file: &FlagFile) -> Vec<Diagnostic> {
    let mut findings = Findings::default();
    rules::check(file, &mut findings);
    findings.0.into_iter().map(|(_, it)| it).filter(Diagnostic::is_error).collect()
}

/// Findings, each with the way to the value it is about.
#[derive(Default)]
pub(crate) struct Findings<'a>(Vec<(Vec<Step<'a>>, Diagnostic)>);

impl<'a> Findings<'a> {
    /// One more finding, as heavy as its code says.
    pub(crate) fn add(&mut self, path: &[Step<'a>], code: &'static str, message: String) {
        self.push(path, finding(code, message));
    }

    pub(crate) fn push(&mut self, path: &[Step<'a>], finding: Diagnostic) {
        self.0.push((path.to_vec(), finding));
    }

    /// The flags with an error.
    fn broken(&self) -> HashSet<&'a str> {
        let errors = self.0.iter().filter(|(_, it)| it.is_error());
        let names = errors.filter_map(|(path, _)| match path[..] {
            [Step::Key("features"), Step::Key(name), ..] => Some(name),
            _ => None,
        });
        names.collect()
    }

    fn placed(self, text: &str) -> Vec<Diagnostic> {
        if self.0.iter().all(|(path, _)| path.is_empty()) {
            return self.0.into_iter().map(|(_, it)| it).collect();
        }
        let places = Places::of(text);
        let placed = self
            .0
            .into_iter()
            .map(|(path, finding)| Diagnostic { at: places.get(&path), ..finding });
        let mut placed: Vec<_> = placed.collect();
        placed.sort_by_key(|it| it.at.as_ref().map_or((0, 0), |at| (at.line, at.column)));
        placed
    }
}

/// A finding as heavy as its code says.
pub(crate) fn finding(code: &'static str, message: String) -> Diagnostic {
    let severity = codes::code(code).map_or(overlay_model::Severity::Error, |it| it.severity);
    Diagnostic::new(code, severity, message)
}

/// A finding with the nearest of the `known` names in its hint, where one is near.
pub(crate) fn with_nearest<'a>(
    finding: Diagnostic,
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Diagnostic {
    match nearest(name, known) {
        Some(nearest) => finding.hint(format!("did you mean `{nearest}`?")),
        None => finding,
    }
}

/// Why a text is no flag file.
fn refusal(text: &str, err: &TextError) -> Diagnostic {
    let message = err.message.as_str();
    let (code, said) = match message {
        _ if text.len() > MAX_FLAG_BYTES => return finding("FLG1002", message.to_owned()),
        _ if message.starts_with("unknown field") => ("FLG1003", message),
        _ if message.starts_with("unknown variant") => ("FLG1007", message),
        _ if message.starts_with("missing field") => ("FLG1006", message),
        _ if message.starts_with("duplicate") || message.ends_with("twice") => ("FLG1005", message),
        "expected mapping start" => ("FLG1004", "a map is expected here"),
        "expected sequence start" => ("FLG1004", "a list is expected here"),
        _ if message.ends_with(UNQUOTED) => {
            ("FLG1004", "a number or a switch is expected here, without quotes")
        }
        "value requires quoting" => ("FLG1004", "a text is expected here; put it in quotes"),
        _ if message.ends_with(", expected u32") => {
            ("FLG1004", "a whole number from 0 to 4294967295 is expected here")
        }
        _ if message.starts_with("invalid ") => ("FLG1004", message),
        _ => ("FLG1001", message),
    };
    let (said, known) = match said.split_once(", expected ") {
        Some(parts) if matches!(code, "FLG1003" | "FLG1007") => parts,
        _ => (said, ""),
    };
    let res = finding(code, said.to_owned()).located(location(text, err));
    let name = said.split('`').nth(1).unwrap_or_default();
    let known = known.trim_start_matches("one of ");
    let words = known.split([',', ' ', '`']).filter(|it| !it.is_empty());
    if code == "FLG1004"
        && let Some(hint) = form::expected(text, err.line, err.column)
    {
        return res.hint(hint);
    }
    match (code, nearest(name, words)) {
        ("FLG1003" | "FLG1007", Some(near)) => res.hint(format!("did you mean `{near}`?")),
        ("FLG1003" | "FLG1007", None) if !known.is_empty() => {
            res.hint(format!("one of {}", known.replace('`', "")))
        }
        _ => res,
    }
}

/// The place of an error: from there to the end of the word.
fn location(text: &str, err: &TextError) -> Location {
    let mut start = 0;
    for line in text.split_inclusive('\n').take(err.line.saturating_sub(1)) {
        start += line.len();
    }
    let rest = text.get(start..).unwrap_or_default();
    let column: usize = rest.chars().take(err.column.saturating_sub(1)).map(char::len_utf8).sum();
    start += column;
    let word = text.get(start..).unwrap_or_default();
    let len = word.find([':', ',', '\n', '}', ']', ' ']).unwrap_or(word.len());
    Location { line: err.line, column: err.column, span: start..start + len }
}
