use std::collections::BTreeMap;

use overlay_model::{Diagnostic, Location, MAX_TEXT_BYTES, nearest};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::table::PREFIX;
use super::value::{Bytes, Unfit};
use super::{OPTIONS, OptionInForce, OptionOrigin, OptionRow, OptionValue, Options};
use crate::code;

/// The version of the format.
pub(super) const FORMAT: &str = "fusion/options/1";

impl Options {
    /// Reads the text of a `fusion.toml`, where there is one, and the variables
    /// `RESON__<SECTION>__<KEY>` above it, with every finding. What is wrong has no effect.
    pub fn read(
        text: Option<&str>,
        variables: &BTreeMap<String, String>,
    ) -> (Self, Vec<Diagnostic>) {
        let in_force = OPTIONS.iter().map(|row| OptionInForce {
            row,
            value: row.default_value(),
            origin: OptionOrigin::Default,
        });
        let mut reading = Reading { in_force: in_force.collect(), findings: Vec::new() };
        if let Some(text) = text {
            reading.file(text);
        }
        reading.findings.sort_by_key(|it| it.at.as_ref().map_or(usize::MAX, |at| at.span.start));
        reading.variables(variables);
        (Self { in_force: reading.in_force }, reading.findings)
    }
}

impl OptionRow {
    /// The default as a value.
    pub fn default_value(&self) -> OptionValue {
        let text = || OptionValue::Text(self.default.to_owned());
        self.kind.parse(self.default).unwrap_or_else(|_| text())
    }
}

struct Reading {
    in_force: Vec<OptionInForce>,
    findings: Vec<Diagnostic>,
}

type Entry<'a> = (&'a str, Bytes, &'a Spanned<DeValue<'a>>);

impl Reading {
    fn file(&mut self, text: &str) {
        if text.len() > MAX_TEXT_BYTES {
            let message =
                format!("{} bytes are more than the {MAX_TEXT_BYTES} allowed", text.len());
            self.findings.push(Diagnostic::error(code::NO_TOML, message));
            return;
        }
        let (table, errors) = DeTable::parse_recoverable(text);
        self.findings.extend(errors.iter().map(|err| {
            let at = err.span().unwrap_or_default();
            Diagnostic::error(code::NO_TOML, err.message()).at(text, at)
        }));
        for (name, at, value) in entries(table.get_ref()) {
            match value.get_ref() {
                _ if name == "schema" => self.format(text, value),
                DeValue::Table(section) if is_section(name) => self.section(text, name, section),
                _ if is_section(name) => {
                    let message = format!("`{name}` is a table, written `[{name}]`");
                    self.findings.push(Diagnostic::error(code::TYPE, message).at(text, at));
                }
                _ => {
                    let message = format!("unknown section `{name}`");
                    self.unknown(text, at, message, near_section(name));
                }
            }
        }
    }

    fn format(&mut self, text: &str, value: &Spanned<DeValue<'_>>) {
        if value.get_ref().as_str() != Some(FORMAT) {
            let message = format!("unknown format: this program reads `{FORMAT}`");
            self.findings.push(Diagnostic::error(code::FORMAT, message).at(text, value.span()));
        }
    }

    fn section(&mut self, text: &str, section: &str, table: &DeTable<'_>) {
        for (key, at, value) in entries(table) {
            let found = self.in_force.iter_mut();
            let found = found.into_iter().find(|it| (it.row.section, it.row.key) == (section, key));
            let Some(found) = found else {
                let message = format!("unknown option `{key}` in `[{section}]`");
                self.unknown(text, at, message, near_key(section, key));
                continue;
            };
            match found.row.kind.read(value.get_ref()) {
                Ok(read) => {
                    let Location { line, column, .. } = Location::of(text, at);
                    found.value = read;
                    found.origin = OptionOrigin::File { line, column };
                }
                // The parser has said what is wrong with a value that is none.
                Err(_) if is_broken(&self.findings, &value.span()) => {}
                Err(unfit) => {
                    let finding = refusal(found.row, unfit).at(text, value.span());
                    self.findings.push(finding);
                }
            }
        }
    }

    fn unknown(&mut self, text: &str, at: Bytes, message: String, near: Option<String>) {
        let finding = Diagnostic::error(code::UNKNOWN_KEY, message).at(text, at);
        self.findings.push(match near {
            Some(near) => finding.hint(format!("did you mean `{near}`?")),
            None => finding.hint("docs/reference/options.md lists them all"),
        });
    }

    fn variables(&mut self, variables: &BTreeMap<String, String>) {
        for (name, value) in variables.iter().filter(|(name, _)| name.starts_with(PREFIX)) {
            let Some(found) = self.in_force.iter_mut().find(|it| it.row.variable() == *name) else {
                let known: Vec<_> = OPTIONS.iter().map(OptionRow::variable).collect();
                let message = format!("{name} has no effect: there is no such option");
                let finding = Diagnostic::warning(code::UNKNOWN_VARIABLE, message);
                let near = nearest(name, known.iter().map(String::as_str));
                self.findings.push(match near {
                    Some(near) => finding.hint(format!("did you mean `{near}`?")),
                    None => finding,
                });
                continue;
            };
            match found.row.kind.parse(value) {
                Ok(read) => {
                    found.value = read;
                    found.origin = OptionOrigin::Variable(name.clone());
                }
                Err(why) => {
                    let message = format!("{name} has no effect: {why}");
                    self.findings.push(Diagnostic::error(code::VARIABLE_VALUE, message));
                }
            }
        }
    }
}

/// The entries of a table in the order of the text.
fn entries<'a>(table: &'a DeTable<'a>) -> Vec<Entry<'a>> {
    let entries = table.iter();
    let mut entries: Vec<Entry<'a>> =
        entries.map(|(key, value)| (key.get_ref().as_ref(), key.span(), value)).collect();
    entries.sort_by_key(|(_, at, _)| at.start);
    entries
}

/// Whether the parser found an error at `span`.
fn is_broken(findings: &[Diagnostic], span: &Bytes) -> bool {
    let errors = findings.iter().filter(|it| it.code == code::NO_TOML);
    let mut places = errors.filter_map(|it| it.at.as_ref());
    places.any(|at| (span.start..=span.end).contains(&at.span.start))
}

fn is_section(name: &str) -> bool {
    OPTIONS.iter().any(|it| it.section == name)
}

fn near_section(name: &str) -> Option<String> {
    let sections = OPTIONS.iter().map(|it| it.section);
    nearest(name, sections).map(str::to_owned)
}

/// The option of the section that is most like `key`, else the same key of another one.
fn near_key(section: &str, key: &str) -> Option<String> {
    let here = OPTIONS.iter().filter(|it| it.section == section).map(|it| it.key);
    if let Some(near) = nearest(key, here) {
        return Some(near.to_owned());
    }
    let elsewhere = OPTIONS.iter().find(|it| it.key == key);
    elsewhere.map(|it| format!("{}.{}", it.section, it.key))
}

fn refusal(row: &OptionRow, unfit: Unfit) -> Diagnostic {
    let OptionRow { section, key, kind, .. } = row;
    let finding = match unfit {
        Unfit::Type(found) => {
            let message = format!("`{section}.{key}` is {}, not {found}", kind.type_name());
            Diagnostic::error(code::TYPE, message)
        }
        Unfit::Value(why) => Diagnostic::error(code::VALUE, format!("`{section}.{key}`: {why}")),
    };
    finding.hint(format!("the default {} is in force", row.default_value()))
}
