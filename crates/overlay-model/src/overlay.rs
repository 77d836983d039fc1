use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use thiserror::Error;

use crate::diagnostic::{Diagnostic, Edit, Location};
use crate::key::ParamKey;
use crate::layers::{Layer, Origin, Setting};
use crate::parser::{self, Line, LineKind, is_hidden, too_large, utf8};

/// The most bytes an overlay file has.
pub const MAX_BYTES: usize = 1 << 20;
/// The most lines an overlay file has.
pub const MAX_LINES: usize = 4096;

/// An overlay file as it stands, comments and blank lines included.
///
/// The text is kept to the byte; entries are ranges of it. Where a key occurs twice,
/// the first one counts (and [`Overlay::parse`] says so).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Overlay {
    text: String,
    lines: Vec<Line>,
    /// Indices of the lines that hold an entry, sorted by key, each key once.
    by_key: Vec<u32>,
}

/// One `KEY=VALUE` line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Entry<'a> {
    /// The key.
    pub key: &'a str,
    /// The value, blanks around it trimmed.
    pub value: &'a str,
    /// The line, counted from 1.
    pub line: usize,
    /// Where the key starts in the text, in bytes.
    pub key_start: usize,
    /// Where the value starts in the text, in bytes.
    pub value_start: usize,
}

impl Entry<'_> {
    /// The bytes of the key.
    pub fn key_span(&self) -> Range<usize> {
        self.key_start..self.key_start + self.key.len()
    }

    /// The bytes of the value.
    pub fn value_span(&self) -> Range<usize> {
        self.value_start..self.value_start + self.value.len()
    }
}

/// A line of an overlay file, for those who lay it out anew.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LineView<'a> {
    /// Only blanks.
    Blank,
    /// A comment, blanks around it trimmed.
    Comment(&'a str),
    /// An entry.
    Entry(Entry<'a>),
    /// A line that is none of these.
    Broken(&'a str),
}

impl Overlay {
    /// Reads the bytes of an overlay file, with every finding about its syntax.
    ///
    /// A file that is too large or no UTF-8 comes back empty, with the reason.
    pub fn read(bytes: &[u8]) -> (Self, Vec<Diagnostic>) {
        if bytes.len() > MAX_BYTES {
            return (Self::default(), vec![too_large(bytes.len())]);
        }
        match utf8(bytes) {
            Ok(text) => Self::parse(text),
            Err(finding) => (Self::default(), vec![*finding]),
        }
    }

    /// Parses the text of an overlay file, with every finding about its syntax.
    pub fn parse(text: &str) -> (Self, Vec<Diagnostic>) {
        if text.len() > MAX_BYTES {
            return (Self::default(), vec![too_large(text.len())]);
        }
        let (lines, by_key, findings) = parser::parse(text);
        (Self { text: text.to_owned(), lines, by_key }, findings)
    }

    /// The text as it was read, to the byte.
    pub fn source(&self) -> &str {
        &self.text
    }

    /// The entry of `key`.
    pub fn get(&self, key: &str) -> Option<Entry<'_>> {
        let at = self.by_key.binary_search_by(|idx| self.key_at(*idx).cmp(key)).ok()?;
        self.entry_at(*self.by_key.get(at)? as usize)
    }

    /// The value of `key`.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.get(key).map(|it| it.value)
    }

    /// All entries in file order, each key once.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        (0..self.lines.len()).filter_map(|idx| self.entry_at(idx))
    }

    /// All entries sorted by key, each key once.
    pub fn sorted(&self) -> impl Iterator<Item = Entry<'_>> {
        self.by_key.iter().filter_map(|idx| self.entry_at(*idx as usize))
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// All lines in file order.
    pub fn lines(&self) -> impl Iterator<Item = LineView<'_>> {
        self.lines.iter().enumerate().map(|(idx, line)| match &line.kind {
            LineKind::Blank => LineView::Blank,
            LineKind::Comment => LineView::Comment(self.slice(&line.span).trim()),
            LineKind::Entry { .. } => match self.entry_at(idx) {
                Some(entry) => LineView::Entry(entry),
                None => LineView::Broken(self.slice(&line.span)),
            },
            LineKind::Broken => LineView::Broken(self.slice(&line.span)),
        })
    }

    /// The place of `span` of this text.
    pub fn location(&self, span: Range<usize>) -> Location {
        let next = self.lines.partition_point(|it| it.span.start as usize <= span.start);
        match next.checked_sub(1).and_then(|idx| self.lines.get(idx)) {
            Some(line) => Location::in_line(&self.text, next, line.span.start as usize, span),
            None => Location::of(&self.text, span),
        }
    }

    /// How the first line ends.
    fn line_end(&self) -> &'static str {
        match self.text.split_once('\n') {
            Some((line, _)) if line.ends_with('\r') => "\r\n",
            _ => "\n",
        }
    }

    /// Sets `key` where it stands, or in a new line at the end. All else stays, the way its
    /// lines end too.
    ///
    /// # Errors
    ///
    /// Where `value` has line breaks or other control characters, blanks around it, or
    /// the file would have more than [`MAX_BYTES`] or [`MAX_LINES`].
    pub fn set(&mut self, key: &ParamKey, value: &str) -> Result<(), InvalidValue> {
        check_value(value)?;
        let edit = match self.get(key.as_str()) {
            Some(entry) => Edit { span: entry.value_span(), text: value.to_owned() },
            None => {
                if self.lines.len() >= MAX_LINES {
                    return Err(InvalidValue::TooLarge);
                }
                let end = self.text.len();
                let line_end = self.line_end();
                let is_open = !self.text.is_empty() && !self.text.ends_with('\n');
                let newline = if is_open { line_end } else { "" };
                Edit { span: end..end, text: format!("{newline}{key}={value}{line_end}") }
            }
        };
        if self.text.len() + edit.text.len() > MAX_BYTES {
            return Err(InvalidValue::TooLarge);
        }
        self.apply(&[edit]);
        Ok(())
    }

    /// Removes `key` with its line. Says whether it stood there.
    pub fn remove(&mut self, key: &str) -> bool {
        let Some(entry) = self.get(key) else { return false };
        let Some(line) = self.lines.get(entry.line - 1) else { return false };
        let (start, mut end) = (line.span.start as usize, line.span.end as usize);
        let rest = self.text.get(end..).unwrap_or_default();
        end += if rest.starts_with("\r\n") { 2 } else { usize::from(rest.starts_with('\n')) };
        self.apply(&[Edit { span: start..end, text: String::new() }]);
        true
    }

    /// Applies `edits`, which must not overlap; an edit that does, or that lies outside
    /// the text, is left out, and all are where the text would have more than
    /// [`MAX_BYTES`]. Says how many were applied.
    pub fn apply(&mut self, edits: &[Edit]) -> usize {
        let mut edits: Vec<_> = edits.iter().collect();
        edits.sort_by_key(|it| (it.span.start, it.span.end));
        let (mut res, mut at, mut applied) = (String::with_capacity(self.text.len()), 0, 0);
        for edit in edits {
            let (Some(kept), true) =
                (self.text.get(at..edit.span.start), self.text.get(edit.span.clone()).is_some())
            else {
                continue;
            };
            res.push_str(kept);
            res.push_str(&edit.text);
            at = edit.span.end;
            applied += 1;
        }
        res.push_str(self.text.get(at..).unwrap_or_default());
        if res.len() > MAX_BYTES {
            return 0;
        }
        (*self, _) = Self::parse(&res);
        applied
    }

    /// The entries as a layer; `path` is how the file is named in their origins.
    pub fn layer(&self, path: &str) -> Layer {
        let entries = self.entries().filter_map(|entry| {
            let at = self.location(entry.value_span());
            let origin = Origin::File { path: path.to_owned(), line: at.line, column: at.column };
            Some((entry.key.parse().ok()?, Setting { value: entry.value.to_owned(), origin }))
        });
        entries.collect()
    }

    /// Whether every line of the text is blank, a comment or an entry.
    pub fn is_sound(&self) -> bool {
        let end = self.lines.last().map(|it| it.span.end as usize);
        let rest = self.text.get(end.unwrap_or_default()..).unwrap_or_default();
        let is_read = matches!(rest, "" | "\n" | "\r\n" | "\u{feff}");
        is_read && !self.lines.iter().any(|it| it.kind == LineKind::Broken)
    }

    fn slice(&self, span: &Range<u32>) -> &str {
        self.text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    fn key_at(&self, idx: u32) -> &str {
        match self.lines.get(idx as usize).map(|it| &it.kind) {
            Some(LineKind::Entry { key, .. }) => self.slice(key),
            _ => "",
        }
    }

    fn entry_at(&self, idx: usize) -> Option<Entry<'_>> {
        match &self.lines.get(idx)?.kind {
            LineKind::Entry { key, value } => Some(Entry {
                key: self.slice(key),
                value: self.slice(value),
                line: idx + 1,
                key_start: key.start as usize,
                value_start: value.start as usize,
            }),
            _ => None,
        }
    }
}

/// The text with LF at the end of every line and without byte order mark.
impl fmt::Display for Overlay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{}", self.slice(&line.span)))
    }
}

impl FromStr for Overlay {
    type Err = SyntaxError;

    /// Parses a text that must have no error; notes and warnings pass.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (overlay, findings) = Self::parse(text);
        match findings.into_iter().find(Diagnostic::is_error) {
            Some(first) => Err(SyntaxError(Box::new(first))),
            None => Ok(overlay),
        }
    }
}

/// The first error of an overlay text.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{0}")]
pub struct SyntaxError(pub Box<Diagnostic>);

/// A value that no overlay file can hold.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum InvalidValue {
    /// A line break, or another character that cannot be seen.
    #[error("the value holds the character U+{:04X}, which cannot be seen", u32::from(*.0))]
    Control(char),
    /// Blanks around the value would be lost.
    #[error("the value begins or ends with a blank")]
    Blanks,
    /// The file would have more than [`MAX_BYTES`] or [`MAX_LINES`].
    #[error("the file would have more than {MAX_BYTES} bytes or {MAX_LINES} lines")]
    TooLarge,
}

/// Whether a line of an overlay file can hold `value` so that it comes back the same.
pub(crate) fn check_value(value: &str) -> Result<(), InvalidValue> {
    match value.chars().find(|c| is_hidden(*c)) {
        Some(c) => Err(InvalidValue::Control(c)),
        None if value.trim_matches([' ', '\t']) != value => Err(InvalidValue::Blanks),
        None => Ok(()),
    }
}
