//! Where the values of a JSON text stand.

use std::ops::Range;

use fusion_flags::Ordered;
use overlay_model::{Diagnostic, Location};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::codes;

/// A value of a JSON text that knows its place there.
#[derive(Clone, Copy)]
pub(crate) struct Spot<'t> {
    text: &'t str,
    raw: &'t RawValue,
}

impl<'t> Spot<'t> {
    /// The whole text.
    pub(crate) fn whole(text: &'t str) -> Result<Self, serde_json::Error> {
        // What is nested too deep, or no JSON, is refused here, once for all values in it.
        serde_json::from_str::<Value>(text)?;
        Ok(Self { text, raw: serde_json::from_str(text)? })
    }

    /// The bytes of the text that it takes.
    pub(crate) fn span(self) -> Range<usize> {
        let start = self.raw.get().as_ptr().addr() - self.text.as_ptr().addr();
        start..start + self.raw.get().len()
    }

    /// The value.
    pub(crate) fn value(self) -> Value {
        serde_json::from_str(self.raw.get()).unwrap_or_default()
    }

    /// What is in an object, in the order of the text, or why that cannot be said; `None`
    /// where it is no object.
    pub(crate) fn members(self) -> Option<Result<Vec<(String, Self)>, serde_json::Error>> {
        if !self.raw.get().starts_with('{') {
            return None;
        }
        let members = serde_json::from_str::<Ordered<&'t RawValue>>(self.raw.get());
        Some(members.map(|it| it.0.into_iter().map(|(name, raw)| (name, self.at(raw))).collect()))
    }

    /// What is in a list; `None` where it is none.
    pub(crate) fn items(self) -> Option<Vec<Self>> {
        if !self.raw.get().starts_with('[') {
            return None;
        }
        let items = serde_json::from_str::<Vec<&'t RawValue>>(self.raw.get()).ok()?;
        Some(items.into_iter().map(|raw| self.at(raw)).collect())
    }

    fn at(self, raw: &'t RawValue) -> Self {
        Self { text: self.text, raw }
    }
}

/// Findings about a text, each with its bytes there.
#[derive(Default)]
pub(crate) struct Findings {
    found: Vec<(Range<usize>, Diagnostic)>,
    errors: usize,
}

impl Findings {
    /// One more finding, as heavy as its code says.
    pub(crate) fn add(&mut self, code: &'static str, span: Range<usize>, said: String) {
        self.push(span, Diagnostic::new(code, codes::severity(code), said));
    }

    /// As [`Findings::add`], with what to do about it.
    pub(crate) fn advise(
        &mut self,
        code: &'static str,
        span: Range<usize>,
        said: String,
        hint: &str,
    ) {
        self.push(span, Diagnostic::new(code, codes::severity(code), said).hint(hint));
    }

    fn push(&mut self, span: Range<usize>, finding: Diagnostic) {
        self.errors += usize::from(finding.is_error());
        self.found.push((span, finding));
    }

    /// How many of them are errors.
    pub(crate) fn errors(&self) -> usize {
        self.errors
    }

    /// The findings with their places, in the order of the text, which is gone through once.
    pub(crate) fn placed(mut self, text: &str) -> Vec<Diagnostic> {
        self.found.sort_by_key(|(span, _)| span.start);
        let (mut line, mut column, mut seen) = (1, 1, 0);
        let mut place = |span: Range<usize>| {
            let passed = text.get(seen..span.start).unwrap_or_default();
            line += passed.matches('\n').count();
            let tail = passed.rsplit('\n').next().unwrap_or_default();
            let before = if tail.len() == passed.len() { column } else { 1 };
            column = before + tail.chars().count();
            seen = span.start.max(seen);
            Location { line, column, span }
        };
        self.found.into_iter().map(|(span, it)| it.located(place(span))).collect()
    }
}
