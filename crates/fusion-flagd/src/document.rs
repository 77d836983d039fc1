//! A configuration of flagd's, before its flags are looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use fusion_flags::MAX_FLAG_BYTES;
use serde_json::Value;

use crate::codes::{NO_FILE, NO_FLAG, NOT_KEPT};
use crate::incoming::is_plain;
use crate::spot::{Findings, Spot};

type Fields<'t> = BTreeMap<String, Spot<'t>>;

/// The parts of a configuration.
pub(crate) struct Document<'t> {
    /// The shared rules by name.
    pub(crate) shared: Fields<'t>,
    /// The flags with their keys, in the order of the text.
    pub(crate) flags: Vec<(String, Spot<'t>)>,
}

impl<'t> Document<'t> {
    /// The parts of `text`; `None` where it is no configuration, with the reason among the
    /// findings.
    pub(crate) fn read(text: &'t str, findings: &mut Findings) -> Option<Self> {
        let mut reader = DocumentReader { findings };
        let fields = reader.whole(text)?;
        reader.surroundings(&fields);
        let shared = reader.shared(&fields);
        Some(Self { shared, flags: reader.listed(&fields)? })
    }
}

/// Reads a configuration; what is wrong with it goes to the findings.
struct DocumentReader<'f> {
    findings: &'f mut Findings,
}

impl DocumentReader<'_> {
    /// The fields of the configuration; `None` where the text is none.
    fn whole<'t>(&mut self, text: &'t str) -> Option<Fields<'t>> {
        if text.len() > MAX_FLAG_BYTES {
            let said = format!("{} bytes are more than the {MAX_FLAG_BYTES} allowed", text.len());
            self.findings.add(NO_FILE, 0..0, said);
            return None;
        }
        let whole = match Spot::whole(text) {
            Ok(whole) => whole,
            Err(err) => {
                self.findings.add(NO_FILE, place(text, &err), plain(&err));
                return None;
            }
        };
        match whole.members() {
            Some(Ok(members)) => Some(members.into_iter().collect()),
            Some(Err(err)) => {
                self.findings.add(NO_FILE, whole.span(), plain(&err));
                None
            }
            None => {
                self.findings.add(NO_FILE, whole.span(), "the text is no object".to_owned());
                None
            }
        }
    }

    /// What stands beside the flags and decides nothing.
    fn surroundings(&mut self, fields: &Fields<'_>) {
        for (name, spot) in fields {
            match name.as_str() {
                "flags" | "$evaluators" | "$schema" => {}
                "metadata" => self.set_metadata(*spot),
                _ => {
                    self.findings.add(NOT_KEPT, spot.span(), format!("flagd knows no `{name}`"));
                }
            }
        }
    }

    fn set_metadata(&mut self, spot: Spot<'_>) {
        let Some(Ok(entries)) = spot.members() else {
            self.findings.add(NO_FILE, spot.span(), "`metadata` is no object".to_owned());
            return;
        };
        for (name, it) in entries {
            let (code, said) = if is_plain(&it.value()) {
                (NOT_KEPT, format!("the metadata `{name}` of the whole set is not kept"))
            } else {
                (NO_FILE, format!("the metadata `{name}` is no text, number or switch"))
            };
            self.findings.add(code, it.span(), said);
        }
    }

    fn shared<'t>(&mut self, fields: &Fields<'t>) -> Fields<'t> {
        match fields.get("$evaluators").map(|it| (it, it.members())) {
            None => Fields::new(),
            Some((_, Some(Ok(members)))) => members.into_iter().collect(),
            Some((it, _)) => {
                let said = "`$evaluators` are no object of different names".to_owned();
                self.findings.add(NO_FILE, it.span(), said);
                Fields::new()
            }
        }
    }

    /// The flags with their keys, in the order of the text.
    fn listed<'t>(&mut self, fields: &Fields<'t>) -> Option<Vec<(String, Spot<'t>)>> {
        let Some(flags) = fields.get("flags") else {
            self.findings.add(NO_FILE, 0..0, "`flags` are missing".to_owned());
            return None;
        };
        if let Some(items) = flags.items() {
            let said = "flags of a list stand in a map here".to_owned();
            self.findings.add(NOT_KEPT, flags.span(), said);
            let mut seen = BTreeSet::new();
            return Some(items.into_iter().filter_map(|it| self.keyed(it, &mut seen)).collect());
        }
        match flags.members() {
            Some(Ok(members)) => Some(members),
            Some(Err(err)) => {
                self.findings.add(NO_FILE, flags.span(), plain(&err));
                None
            }
            None => {
                let said = "`flags` are neither an object nor a list".to_owned();
                self.findings.add(NO_FILE, flags.span(), said);
                None
            }
        }
    }

    /// A flag of a list with its key, where no flag before has it.
    fn keyed<'t>(
        &mut self,
        spot: Spot<'t>,
        seen: &mut BTreeSet<String>,
    ) -> Option<(String, Spot<'t>)> {
        let value = spot.value();
        let Some(key) = value.get("key").and_then(Value::as_str) else {
            self.findings.add(NO_FLAG, spot.span(), "a flag of a list has no `key`".to_owned());
            return None;
        };
        if !seen.insert(key.to_owned()) {
            self.findings.add(NO_FLAG, spot.span(), format!("the flag `{key}` stands here twice"));
            return None;
        }
        Some((key.to_owned(), spot))
    }
}

/// A message of the JSON reader without its own place.
pub(crate) fn plain(err: &serde_json::Error) -> String {
    let said = err.to_string();
    said.split(" at line ").next().unwrap_or(&said).to_owned()
}

/// The byte at which the JSON reader stopped.
fn place(text: &str, err: &serde_json::Error) -> Range<usize> {
    let lines = text.split_inclusive('\n').take(err.line().saturating_sub(1));
    let start: usize = lines.map(str::len).sum::<usize>() + err.column().saturating_sub(1);
    let start = start.min(text.len());
    start..start
}
