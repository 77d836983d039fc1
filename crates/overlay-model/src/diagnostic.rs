use std::fmt;
use std::ops::Range;

use serde::Serialize;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing to do.
    Note,
    /// Works, but probably not as meant.
    Warning,
    /// Must be mended before the file is used.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// A place in a text.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Location {
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// The bytes of the text that the finding is about.
    pub span: Range<usize>,
}

impl Location {
    /// The place of `span` in `text`. A span that ends past the text is cut.
    pub fn of(text: &str, span: Range<usize>) -> Self {
        let bytes = text.as_bytes();
        let start = span.start.min(bytes.len());
        let head = bytes.get(..start).unwrap_or_default();
        let line_start = head.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let line = head.iter().filter(|b| **b == b'\n').count() + 1;
        Self::in_line(text, line, line_start, span)
    }

    /// The place of `span` in the line with the number `line`, counted from 1, that
    /// starts at the byte `line_start`; for those who know the line.
    pub(crate) fn in_line(text: &str, line: usize, line_start: usize, span: Range<usize>) -> Self {
        let bytes = text.as_bytes();
        let start = span.start.min(bytes.len());
        let head = bytes.get(line_start..start).unwrap_or_default();
        let column = head.iter().filter(|b| !is_continuation(**b)).count() + 1;
        Self { line, column, span: start..span.end.clamp(start, bytes.len()) }
    }
}

/// The places of one text, for those who ask for many of them: it is read once, and then at
/// most a short part of it for each place.
#[derive(Clone, Debug)]
pub struct Places<'a> {
    text: &'a str,
    /// Line and column of every [`STEP`]th byte, from the first one on.
    marks: Vec<(usize, usize)>,
}

/// How many bytes of a text there are from one known place to the next.
const STEP: usize = 512;

impl<'a> Places<'a> {
    /// The places of `text`.
    pub fn of(text: &'a str) -> Self {
        let mut marks = Vec::with_capacity(text.len() / STEP + 1);
        let (mut line, mut column) = (1, 1);
        for (at, byte) in text.bytes().enumerate() {
            if at.is_multiple_of(STEP) {
                marks.push((line, column));
            }
            (line, column) = behind(byte, line, column);
        }
        Self { text, marks }
    }

    /// The place of `span`, as [`Location::of`] finds it.
    pub fn get(&self, span: Range<usize>) -> Location {
        let bytes = self.text.as_bytes();
        let start = span.start.min(bytes.len());
        let last = self.marks.len().saturating_sub(1);
        let step = (start / STEP).min(last);
        let mut place = self.marks.get(step).copied().unwrap_or((1, 1));
        for byte in bytes.get(step * STEP..start).unwrap_or_default() {
            place = behind(*byte, place.0, place.1);
        }
        Location { line: place.0, column: place.1, span: start..span.end.clamp(start, bytes.len()) }
    }
}

/// The line and column behind a byte that stands at these.
fn behind(byte: u8, line: usize, column: usize) -> (usize, usize) {
    match byte {
        b'\n' => (line + 1, 1),
        _ if is_continuation(byte) => (line, column),
        _ => (line, column + 1),
    }
}

/// Whether the byte goes on with a character that an earlier byte began.
fn is_continuation(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

/// One replacement in a text.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Edit {
    /// The bytes that go.
    pub span: Range<usize>,
    /// What stands there afterwards.
    pub text: String,
}

/// A change that makes a finding go away.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Fix {
    /// What the change does, for people.
    pub title: String,
    /// The replacements; they do not overlap.
    pub edits: Vec<Edit>,
}

/// One finding about an input: what, where, why, and what to do.
///
/// Codes are stable. `overlay-schema` holds the table of those about overlays.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Diagnostic {
    /// The stable code: `OVL2102`.
    pub code: &'static str,
    /// How much it weighs.
    pub severity: Severity,
    /// What is wrong, as a fragment without final period.
    pub message: String,
    /// Where, unless it is about the input as a whole.
    pub at: Option<Location>,
    /// What to do about it.
    pub hint: Option<String>,
    /// Other places that belong to it, each with what it is.
    pub related: Vec<(Location, String)>,
    /// A change a tool can apply.
    pub fix: Option<Fix>,
}

impl Diagnostic {
    /// A finding without place, hint or fix.
    pub fn new(code: &'static str, severity: Severity, message: impl Into<String>) -> Self {
        Self {
            code,
            severity,
            message: message.into(),
            at: None,
            hint: None,
            related: Vec::new(),
            fix: None,
        }
    }

    /// An error without place, hint or fix.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Error, message)
    }

    /// A warning without place, hint or fix.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Warning, message)
    }

    /// A note without place, hint or fix.
    pub fn note(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Note, message)
    }

    /// The same finding, about `span` of `text`.
    #[must_use]
    pub fn at(mut self, text: &str, span: Range<usize>) -> Self {
        self.at = Some(Location::of(text, span));
        self
    }

    /// The same finding, at a place that is known already.
    #[must_use]
    pub fn located(mut self, at: Location) -> Self {
        self.at = Some(at);
        self
    }

    /// The same finding with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same finding with one more place.
    #[must_use]
    pub fn related(mut self, at: Location, label: impl Into<String>) -> Self {
        self.related.push((at, label.into()));
        self
    }

    /// The same finding with a change that mends it.
    #[must_use]
    pub fn fix(mut self, title: impl Into<String>, edits: Vec<Edit>) -> Self {
        self.fix = Some(Fix { title: title.into(), edits });
        self
    }

    /// Whether the input must not be used.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(at) = &self.at {
            write!(f, "{}:{}: ", at.line, at.column)?;
        }
        write!(f, "{}[{}]: {}", self.severity, self.code, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}
