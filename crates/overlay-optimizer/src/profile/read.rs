//! A profile from its text, with every finding.

use std::ops::Range;

use jiff::tz::TimeZone;
use overlay_model::{Diagnostic, Edit, Location, TextFormat, nearest, one_line};
use serde_json::Value as Json;

use crate::hours::HourRange;
use crate::profile::WorkloadProfile;

/// The fields of a profile.
const FIELDS: &[&str] = &[
    "requests_per_minute",
    "average_latency_ms",
    "quality_score_minimum",
    "resource_constraints",
    "peak_hours",
    "timezone",
];

/// The fields of its `resource_constraints`.
const LIMITS: &[&str] = &["max_memory_mb", "max_energy_units"];

impl WorkloadProfile {
    /// Reads the text of a profile in TOML, YAML or JSON, with every finding about it.
    /// A field with an error has its default.
    pub fn read(format: TextFormat, text: &str) -> (Self, Vec<Diagnostic>) {
        let (profile, findings) = (Self::default(), Vec::new());
        let mut reader = Reader { text, words: Vec::new(), profile, findings };
        // No reader takes a number that is none, nor says whose it is: the rest is read.
        let read = overlay_model::read(format, text).map(|it| (it, Vec::new()));
        let read = read.or_else(|err| match finite(text) {
            (_, words) if words.is_empty() => Err(err),
            (finite, words) => Ok((overlay_model::read(format, &finite)?, words)),
        });
        match read {
            Ok((fields, words)) => {
                reader.words = words;
                fields.iter().for_each(|(name, value)| reader.field(name, value));
                reader.whole(&fields);
            }
            Err(err) => {
                let at = Location { line: err.line, column: err.column, span: 0..0 };
                let finding = Diagnostic::error("OVL7001", err.message).located(at);
                reader.findings.push(finding.hint("write a table of the profile's fields"));
            }
        }
        let Reader { profile, mut findings, .. } = reader;
        findings.sort_by_key(|it| it.at.as_ref().map_or(usize::MAX, |at| at.span.start));
        (profile, findings)
    }
}

struct Reader<'a> {
    text: &'a str,
    /// What stands in place of a number, by field.
    words: Vec<(&'static str, String)>,
    profile: WorkloadProfile,
    findings: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn field(&mut self, name: &str, value: &Json) {
        match name {
            "requests_per_minute" => {
                let read = self.number(name, value, f64::MAX);
                set(&mut self.profile.requests_per_minute, read);
            }
            "average_latency_ms" => {
                let read = self.number(name, value, f64::MAX);
                set(&mut self.profile.average_latency_ms, read);
            }
            "quality_score_minimum" => {
                let read = self.number(name, value, 1.0);
                set(&mut self.profile.quality_score_minimum, read);
            }
            "resource_constraints" => self.limits(name, value),
            "peak_hours" => self.hours(name, value),
            "timezone" => self.profile.timezone = self.timezone(name, value),
            _ => self.unknown(name, FIELDS),
        }
    }

    fn limits(&mut self, name: &str, value: &Json) {
        let Json::Object(fields) = value else { return self.other_type(name, "a table") };
        for (name, value) in fields {
            let read = match LIMITS.contains(&name.as_str()) {
                true => self.number(name, value, f64::MAX),
                false => None,
            };
            match name.as_str() {
                "max_memory_mb" => self.profile.resource_constraints.max_memory_mb = read,
                "max_energy_units" => self.profile.resource_constraints.max_energy_units = read,
                _ => self.unknown(name, LIMITS),
            }
        }
    }

    fn number(&mut self, name: &str, value: &Json, max: f64) -> Option<f64> {
        if let Some((_, word)) = self.words.iter().find(|it| it.0 == name).cloned() {
            self.out_of_range(name, &word);
            return None;
        }
        let Some(number) = value.as_f64().filter(|_| value.is_number()) else {
            self.other_type(name, "a number");
            return None;
        };
        if number.is_finite() && (0.0..=max).contains(&number) {
            return Some(number);
        }
        self.out_of_range(name, &number.to_string());
        None
    }

    fn out_of_range(&mut self, name: &str, number: &str) {
        let is_score = name == "quality_score_minimum";
        let range = if is_score { "from 0 to 1" } else { "finite and not negative" };
        let message = format!("{name} is {number}, and must be {range}");
        let hint = "correct the number, or leave the field out";
        self.push(name, Diagnostic::error("OVL7004", message).hint(hint));
    }

    fn hours(&mut self, name: &str, value: &Json) {
        let Json::Array(items) = value else { return self.other_type(name, "a list") };
        for item in items {
            let range = match item {
                Json::String(text) => text.parse().ok(),
                _ => item
                    .as_u64()
                    .and_then(|it| u16::try_from(it).ok())
                    .and_then(|it| HourRange::hours(it, 1)),
            };
            match range {
                Some(range) if self.profile.peak_hours.contains(&range) => {}
                Some(range) => self.profile.peak_hours.push(range),
                None => {
                    let message = format!("`{}` is no range of hours", shown(item));
                    let hint = "write `09:00-12:00`, or an hour from 0 to 23";
                    self.push(name, Diagnostic::error("OVL7005", message).hint(hint));
                }
            }
        }
    }

    fn timezone(&mut self, name: &str, value: &Json) -> Option<String> {
        let Some(zone) = value.as_str() else {
            self.other_type(name, "a text");
            return None;
        };
        if TimeZone::get(zone).is_ok() {
            return Some(zone.to_owned());
        }
        let message = format!("the time zone `{}` is not known", shown(value));
        let hint = "name it as the IANA database does: `Europe/Berlin`";
        self.push(name, Diagnostic::error("OVL7006", message).hint(hint));
        None
    }

    /// What is to be said about the fields together.
    fn whole(&mut self, fields: &[(String, Json)]) {
        let has = |name: &str| fields.iter().any(|(it, _)| it == name);
        if has("timezone") && !has("peak_hours") {
            let finding = Diagnostic::note("OVL7008", "a time zone without peak hours");
            self.push("timezone", finding.hint("add `peak_hours`, or leave it out"));
        }
        let decides = ["requests_per_minute", "quality_score_minimum", "resource_constraints"];
        if !decides.iter().any(|it| has(it)) {
            let message = "the profile says nothing that a rule asks for";
            let hint = "say how many requests a minute come, how good answers must be, or how \
                        much memory there is";
            self.findings.push(Diagnostic::warning("OVL7007", message).hint(hint));
        }
    }

    fn unknown(&mut self, name: &str, fields: &[&str]) {
        let message = format!("unknown field `{}`", shown(&Json::from(name)));
        let finding = Diagnostic::error("OVL7002", message);
        let finding = match (nearest(name, fields.iter().copied()), place(self.text, name)) {
            (Some(near), Some(span)) => finding
                .hint(format!("did you mean `{near}`?"))
                .fix(format!("write `{near}`"), vec![Edit { span, text: near.to_owned() }]),
            (Some(near), None) => finding.hint(format!("did you mean `{near}`?")),
            (None, _) => finding.hint(format!("fields are {}", fields.join(", "))),
        };
        self.push(name, finding);
    }

    fn other_type(&mut self, name: &str, expected: &str) {
        let finding = Diagnostic::error("OVL7003", format!("{name} is not {expected}"));
        self.push(name, finding.hint(format!("write {expected}, or leave the field out")));
    }

    fn push(&mut self, name: &str, finding: Diagnostic) {
        self.findings.push(match place(self.text, name) {
            Some(span) => finding.at(self.text, span),
            None => finding,
        });
    }
}

/// The text with a number in place of each one that is none, as TOML and YAML write them,
/// and the fields that have them.
fn finite(text: &str) -> (String, Vec<(&'static str, String)>) {
    let (mut res, mut words) = (text.to_owned(), Vec::new());
    for name in FIELDS.iter().chain(LIMITS) {
        let Some(after) = place(text, name).map(|it| it.end) else { continue };
        let rest = text.get(after..).unwrap_or_default();
        let value = rest.trim_start_matches(['"', '\'', ' ', '\t', '=', ':']);
        let end = value.find(['\n', '\r', ',', '}', '#', ' ']).unwrap_or(value.len());
        let word = value.get(..end).unwrap_or_default();
        let plain = word.trim_start_matches(['+', '-']).trim_start_matches('.');
        if ["nan", "inf"].iter().any(|it| plain.eq_ignore_ascii_case(it)) {
            let from = text.len() - value.len();
            res.replace_range(from..from + end, &format!("{:<end$}", "0"));
            words.push((*name, word.to_owned()));
        }
    }
    (res, words)
}

fn set(field: &mut f64, read: Option<f64>) {
    *field = read.unwrap_or(*field);
}

/// At most the first 40 characters of a value, on one line.
fn shown(value: &Json) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    one_line(&text).chars().take(40).collect()
}

/// The bytes of the key `name` in `text`, which is TOML, YAML or JSON.
///
/// The readers give no places for fields they read well, so this looks for the key as
/// each of the three formats writes it; no two fields of a profile share a name.
fn place(text: &str, name: &str) -> Option<Range<usize>> {
    let mut places = text.match_indices(name).map(|(at, _)| at..at + name.len());
    places.find(|place| {
        let before = text.get(..place.start).unwrap_or_default();
        let before = before.strip_suffix(['"', '\'']).unwrap_or(before);
        let before = before.trim_end_matches([' ', '\t']);
        let after = text.get(place.end..).unwrap_or_default();
        let after = after.strip_prefix(['"', '\'']).unwrap_or(after);
        let after = after.trim_start_matches([' ', '\t']);
        let opens = before.is_empty() || before.ends_with(['\n', '{', ',', '.', '[']);
        opens && after.starts_with(['=', ':', ']'])
    })
}
