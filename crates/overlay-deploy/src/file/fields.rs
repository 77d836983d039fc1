use std::fmt;
use std::ops::{Range, RangeInclusive};
use std::str::FromStr;

use overlay_model::{Diagnostic, nearest};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::code;
use crate::span::Span;

/// A table of a TOML text, and the findings about the text so far.
pub(super) struct Fields<'a> {
    text: &'a str,
    table: &'a DeTable<'a>,
    at: Range<usize>,
    findings: &'a mut Vec<Diagnostic>,
}

/// A value with its place.
pub(super) type Placed<T> = (T, Range<usize>);

impl<'a> Fields<'a> {
    pub(super) fn new(
        text: &'a str,
        (table, at): (&'a DeTable<'a>, Range<usize>),
        findings: &'a mut Vec<Diagnostic>,
    ) -> Self {
        Self { text, table, at, findings }
    }

    /// The same text, another table of it.
    pub(super) fn inner(&mut self, (table, at): (&'a DeTable<'a>, Range<usize>)) -> Fields<'_> {
        Fields { text: self.text, table, at, findings: self.findings }
    }

    pub(super) fn find(&mut self, finding: Diagnostic, at: Range<usize>) {
        self.findings.push(finding.at(self.text, at));
    }

    /// Every key has to be one of `known`.
    pub(super) fn known(&mut self, known: &[&str]) {
        for key in self.table.keys() {
            let name = key.get_ref().as_ref();
            if known.contains(&name) {
                continue;
            }
            let message = format!("unknown key `{name}`");
            let finding = Diagnostic::error(code::UNKNOWN_KEY, message);
            let finding = match nearest(name, known.iter().copied()) {
                Some(near) => finding.hint(format!("did you mean `{near}`?")),
                None => finding.hint(format!("known are {}", known.join(", "))),
            };
            self.findings.push(finding.at(self.text, key.span()));
        }
    }

    /// The entries, in the order of the text.
    pub(super) fn entries(&self) -> Vec<(Placed<&'a str>, &'a Spanned<DeValue<'a>>)> {
        let mut entries: Vec<_> = self
            .table
            .iter()
            .map(|(key, value)| ((key.get_ref().as_ref(), key.span()), value))
            .collect();
        entries.sort_by_key(|((_, at), _)| at.start);
        entries
    }

    fn get(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table.get(key)
    }

    fn mistyped(&mut self, key: &str, expected: &str, value: &Spanned<DeValue<'_>>) {
        self.find(mistyped(key, expected, value.get_ref()), value.span());
    }

    /// A text.
    pub(super) fn text(&mut self, key: &str) -> Option<Placed<String>> {
        let value = self.get(key)?;
        if let DeValue::String(text) = value.get_ref() {
            return Some((text.as_ref().to_owned(), value.span()));
        }
        self.mistyped(key, "a text", value);
        None
    }

    /// A text that has to be there.
    pub(super) fn required(&mut self, key: &str) -> Option<Placed<String>> {
        if self.get(key).is_none() {
            let finding = Diagnostic::error(code::MISSING_KEY, format!("`{key}` is missing"));
            self.find(finding, self.at.clone());
        }
        self.text(key)
    }

    /// A text of a type of ours.
    pub(super) fn parsed<T: FromStr<Err: fmt::Display>>(&mut self, key: &str) -> Option<T> {
        let (text, at) = self.text(key)?;
        self.parse(&text, at)
    }

    /// `text`, which stands at `at`, as a type of ours.
    pub(super) fn parse<T>(&mut self, text: &str, at: Range<usize>) -> Option<T>
    where
        T: FromStr<Err: fmt::Display>,
    {
        text.parse().map_err(|err: T::Err| self.refuse(&err, at)).ok()
    }

    /// A length of time.
    pub(super) fn span(&mut self, key: &str) -> Option<Placed<Span>> {
        let value = self.get(key)?;
        if let Some(number) = number(value.get_ref()) {
            let seconds = format!("{number}s");
            let finding = mistyped(key, "a text", value.get_ref());
            let finding = match seconds.parse::<Span>() {
                Ok(_) => finding.hint(format!("write `\"{seconds}\"` for seconds")),
                Err(_) => finding,
            };
            self.find(finding, value.span());
            return None;
        }
        let (text, at) = self.text(key)?;
        Some((self.parse(&text, at.clone())?, at))
    }

    /// The finding that a value is not allowed.
    pub(super) fn refuse(&mut self, why: &impl fmt::Display, at: Range<usize>) {
        self.find(Diagnostic::error(code::VALUE, why.to_string()), at);
    }

    /// The finding that the table as a whole is not allowed.
    pub(super) fn here(&mut self, why: &impl fmt::Display) {
        self.refuse(why, self.at.clone());
    }

    /// A number of `range`.
    pub(super) fn number(&mut self, key: &str, range: RangeInclusive<f64>) -> Option<f64> {
        let value = self.get(key)?;
        let Some(number) = number(value.get_ref()) else {
            self.mistyped(key, "a number", value);
            return None;
        };
        if range.contains(&number) {
            return Some(number);
        }
        let [low, high] = [range.start(), range.end()];
        self.refuse(&format!("`{key}` is from {low} to {high}, not {number}"), value.span());
        None
    }

    /// A whole number of `range`.
    pub(super) fn count(&mut self, key: &str, range: RangeInclusive<u64>) -> Option<u64> {
        let value = self.get(key)?;
        let DeValue::Integer(digits) = value.get_ref() else {
            self.mistyped(key, "a whole number", value);
            return None;
        };
        let number = u64::from_str_radix(digits.as_str(), digits.radix()).ok();
        let number = number.filter(|it| range.contains(it));
        if number.is_none() {
            let [low, high] = [range.start(), range.end()];
            let message = format!("`{key}` is from {low} to {high}, not {}", digits.as_str());
            self.refuse(&message, value.span());
        }
        number
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, key: &str) -> Option<Vec<Placed<String>>> {
        self.list(key, "a list of texts", |it| it.as_str().map(str::to_owned))
    }

    /// A list of numbers, and where it stands; `None` where something else is among them.
    pub(super) fn numbers(&mut self, key: &str) -> Option<Placed<Vec<f64>>> {
        let value = self.get(key)?;
        let list = self.list(key, "a list of numbers", number)?;
        let is_whole = value.get_ref().as_array().is_some_and(|it| it.len() == list.len());
        is_whole.then(|| (list.into_iter().map(|(it, _)| it).collect(), value.span()))
    }

    fn list<T>(
        &mut self,
        key: &str,
        expected: &str,
        item: impl Fn(&DeValue<'_>) -> Option<T>,
    ) -> Option<Vec<Placed<T>>> {
        let value = self.get(key)?;
        let Some(list) = value.get_ref().as_array() else {
            self.mistyped(key, expected, value);
            return None;
        };
        let mut res = Vec::new();
        for entry in list {
            match item(entry.get_ref()) {
                Some(it) => res.push((it, entry.span())),
                None => self.mistyped(key, expected, entry),
            }
        }
        Some(res)
    }

    /// A table.
    pub(super) fn table(&mut self, key: &str) -> Option<(&'a DeTable<'a>, Range<usize>)> {
        let value = self.get(key)?;
        let table = self.as_table(key, value);
        table.map(|it| (it, value.span()))
    }

    /// `value` of `key` as a table.
    pub(super) fn as_table(
        &mut self,
        key: &str,
        value: &'a Spanned<DeValue<'a>>,
    ) -> Option<&'a DeTable<'a>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.mistyped(key, "a table", value);
        }
        table
    }
}

fn number(value: &DeValue<'_>) -> Option<f64> {
    let number: Option<f64> = match value {
        DeValue::Integer(it) => {
            i128::from_str_radix(it.as_str(), it.radix()).ok().map(|it| it as f64)
        }
        DeValue::Float(it) => it.as_str().parse().ok(),
        _ => None,
    };
    number.filter(|it| it.is_finite())
}

fn mistyped(key: &str, expected: &str, value: &DeValue<'_>) -> Diagnostic {
    let message = match value {
        DeValue::Float(it) if number(value).is_none() => {
            format!("`{key}` is {expected}, not {}: write a finite number", it.as_str())
        }
        _ => format!("`{key}` is {expected}, not {}", kind(value)),
    };
    Diagnostic::error(code::TYPE, message)
}

/// What a value is, for people.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
