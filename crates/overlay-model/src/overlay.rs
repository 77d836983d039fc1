use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use thiserror::Error;

use crate::diagnostic::{Diagnostic, Edit, Location, Severity};
use crate::key::ParamKey;
use crate::layers::{Layer, Origin, Setting};

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

#[derive(Clone, Debug, Eq, PartialEq)]
struct Line {
    /// The bytes of the line without its line end.
    span: Range<u32>,
    kind: LineKind,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum LineKind {
    Blank,
    Comment,
    Entry {
        key: Range<u32>,
        value: Range<u32>,
    },
    /// Neither of them; reported, and kept.
    Broken,
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
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::parse(text),
            Err(err) => {
                let good = std::str::from_utf8(bytes.get(..err.valid_up_to()).unwrap_or_default())
                    .unwrap_or_default();
                let at = good.len();
                let byte = bytes.get(at).copied().unwrap_or_default();
                let finding =
                    Diagnostic::error("OVL1005", format!("invalid UTF-8: byte 0x{byte:02x}"))
                        .at(good, at..at)
                        .hint("save the file as UTF-8");
                (Self::default(), vec![finding])
            }
        }
    }

    /// Parses the text of an overlay file, with every finding about its syntax.
    pub fn parse(text: &str) -> (Self, Vec<Diagnostic>) {
        if text.len() > MAX_BYTES {
            return (Self::default(), vec![too_large(text.len())]);
        }
        let mut parser = Parser::new(text);
        parser.lines();
        parser.index();
        let Parser { lines, by_key, findings, .. } = parser;
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

    /// Sets `key` where it stands, or in a new line at the end. All else stays.
    ///
    /// # Errors
    ///
    /// Where `value` has line breaks or other control characters, blanks around it, or
    /// the file would be too large.
    pub fn set(&mut self, key: &ParamKey, value: &str) -> Result<(), InvalidValue> {
        let unprintable = value.chars().find(|c| is_forbidden(*c));
        if let Some(c) = unprintable {
            return Err(InvalidValue::Control(c));
        }
        if value.trim_matches([' ', '\t']) != value {
            return Err(InvalidValue::Blanks);
        }
        let edit = match self.get(key.as_str()) {
            Some(entry) => Edit { span: entry.value_span(), text: value.to_owned() },
            None => {
                let end = self.text.len();
                let newline =
                    if self.text.is_empty() || self.text.ends_with('\n') { "" } else { "\n" };
                Edit { span: end..end, text: format!("{newline}{key}={value}\n") }
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
    /// the text, is left out. Says how many were applied.
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
    /// A line break or another control character.
    #[error("the value holds the control character {0:?}")]
    Control(char),
    /// Blanks around the value would be lost.
    #[error("the value begins or ends with a blank")]
    Blanks,
    /// The file would be larger than [`MAX_BYTES`].
    #[error("the file would be larger than {MAX_BYTES} bytes")]
    TooLarge,
}

/// Control characters, line and paragraph separators, and marks that change the
/// direction of a text: what a reader cannot see.
pub(crate) fn is_forbidden(c: char) -> bool {
    (c.is_control() && c != '\t')
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn too_large(len: usize) -> Diagnostic {
    Diagnostic::error(
        "OVL1006",
        format!("{len} bytes are more than the {MAX_BYTES} a file may have"),
    )
    .hint("an overlay holds settings; long texts belong into its micro overlay")
}

struct Parser<'a> {
    text: &'a str,
    lines: Vec<Line>,
    by_key: Vec<u32>,
    findings: Vec<Diagnostic>,
    /// Where the line that is read now starts.
    line_start: usize,
}

/// What a byte may be part of, as far as a plain entry goes.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Class {
    /// A key, or a value.
    Key,
    /// Only a value.
    Value,
    /// Neither, or not without a closer look: controls, `#`, other scripts.
    Odd,
}

const CLASSES: [Class; 256] = {
    let mut res = [Class::Odd; 256];
    let mut byte = b' ';
    while byte < 0x7f {
        res[byte as usize] = match byte {
            b'#' => Class::Odd,
            b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => Class::Key,
            _ => Class::Value,
        };
        byte += 1;
    }
    res
};

fn class(byte: u8) -> Class {
    CLASSES.get(usize::from(byte)).copied().unwrap_or(Class::Odd)
}

/// The lengths of key and value where `rest` begins with `KEY=VALUE`, without blanks,
/// quotes or anything else to look at twice. So are nearly all lines that hold an entry.
fn plain_entry(rest: &[u8]) -> Option<(usize, usize)> {
    let key = rest.iter().position(|b| class(*b) != Class::Key)?;
    let (key_bytes, tail) = rest.split_at_checked(key)?;
    if matches!(key_bytes.first()?, b'_' | b'-') {
        return None;
    }
    let value = tail.strip_prefix(b"=")?;
    let len = value.iter().position(|b| class(*b) == Class::Odd).unwrap_or(value.len());
    let (value, behind) = value.split_at_checked(len)?;
    let plain = matches!(behind.first(), None | Some(b'\n'))
        && !matches!(value.first(), Some(b' ' | b'"' | b'\''))
        && value.last() != Some(&b' ');
    plain.then_some((key, len))
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Self {
        let lines = Vec::with_capacity(text.len().min(MAX_BYTES) / 32 + 1);
        Self { text, lines, by_key: Vec::new(), findings: Vec::new(), line_start: 0 }
    }

    fn lines(&mut self) {
        let mut at = 0;
        if self.text.starts_with('\u{feff}') {
            at = '\u{feff}'.len_utf8();
            let finding = Diagnostic::note("OVL1007", "the file begins with a byte order mark")
                .at(self.text, 0..at)
                .hint("save the file as UTF-8 without it")
                .fix("remove the byte order mark", vec![Edit { span: 0..at, text: String::new() }]);
            self.findings.push(finding);
        }
        while at < self.text.len() {
            if self.lines.len() == MAX_LINES {
                self.line_start = at;
                let finding = Diagnostic::error(
                    "OVL1006",
                    format!("more than the {MAX_LINES} lines a file may have"),
                )
                .located(self.here(at..at));
                self.findings.push(finding);
                return;
            }
            at = self.next_line(at);
        }
    }

    /// Reads the line that starts at `start`, and says where the next one does.
    fn next_line(&mut self, start: usize) -> usize {
        let rest = self.text.as_bytes().get(start..).unwrap_or_default();
        if let Some((key, value)) = plain_entry(rest) {
            let (key_end, end) = (start + key, start + key + 1 + value);
            let kind =
                LineKind::Entry { key: narrow(start..key_end), value: narrow(key_end + 1..end) };
            self.lines.push(Line { span: narrow(start..end), kind });
            return end + 1;
        }
        self.line_start = start;
        let len = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
        let end = match rest.get(..len) {
            Some([.., b'\r']) => start + len - 1,
            _ => start + len,
        };
        let kind = self.line(start, end);
        self.lines.push(Line { span: narrow(start..end), kind });
        start + len + 1
    }

    /// The line between the bytes `start` and `end`.
    fn line(&mut self, start: usize, end: usize) -> LineKind {
        let line = self.text.get(start..end).unwrap_or_default();
        if !self.is_printable(line, start) {
            return LineKind::Broken;
        }
        let body = line.trim_matches([' ', '\t']);
        if body.is_empty() {
            return LineKind::Blank;
        }
        if body.starts_with('#') {
            return LineKind::Comment;
        }
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        let body_start = start + indent;
        let Some((key, value)) = body.split_once('=') else {
            self.broken(
                "OVL1001",
                "expected `KEY=VALUE`",
                body_start..body_start + body.len(),
                |it| it.hint("put `#` in front of a comment"),
            );
            return LineKind::Broken;
        };
        let raw_value_start = body_start + key.len() + 1;
        let key = key.trim_end_matches([' ', '\t']);
        let key_span = body_start..body_start + key.len();
        if key.is_empty() {
            self.broken("OVL1002", "no key in front of `=`", body_start..body_start + 1, |it| it);
            return LineKind::Broken;
        }
        if !ParamKey::is_valid(key) {
            self.bad_key(key, key_span);
            return LineKind::Broken;
        }
        let trimmed = value.trim_start_matches([' ', '\t']);
        let value_start = raw_value_start + (value.len() - trimmed.len());
        let value_span = value_start..value_start + trimmed.len();
        self.doubtful_value(trimmed, &value_span);
        LineKind::Entry { key: narrow(key_span), value: narrow(value_span) }
    }

    fn is_printable(&mut self, line: &str, start: usize) -> bool {
        if line.bytes().fold(true, |all, b| all & (b' '..0x7f).contains(&b)) {
            return true;
        }
        let Some((at, c)) = line.char_indices().find(|(_, c)| is_forbidden(*c)) else {
            return true;
        };
        let span = start + at..start + at + c.len_utf8();
        let message =
            format!("the character U+{:04X} cannot be seen and is not allowed", u32::from(c));
        self.broken("OVL1004", message, span, |it| it.hint("remove it"));
        false
    }

    fn broken(
        &mut self,
        code: &'static str,
        message: impl Into<String>,
        span: Range<usize>,
        more: impl FnOnce(Diagnostic) -> Diagnostic,
    ) {
        let at = self.here(span);
        self.findings.push(more(Diagnostic::error(code, message).located(at)));
    }

    /// The place of `span` in the line that is read now.
    fn here(&self, span: Range<usize>) -> Location {
        Location::in_line(self.text, self.lines.len() + 1, self.line_start, span)
    }

    fn bad_key(&mut self, key: &str, span: Range<usize>) {
        let upper = key.to_ascii_uppercase().replace([' ', '.'], "_");
        let message = format!("`{}` is no key: {KEY_RULE}", shorten(key));
        let fixed = ParamKey::is_valid(&upper);
        self.broken("OVL1003", message, span.clone(), |it| {
            if fixed {
                let edit = Edit { span, text: upper.clone() };
                it.hint(format!("write `{}`", shorten(&upper))).fix("rename the key", vec![edit])
            } else {
                it
            }
        });
    }

    /// What is legal, and rarely meant.
    fn doubtful_value(&mut self, value: &str, span: &Range<usize>) {
        if let Some(at) = value.as_bytes().windows(2).position(|it| it == b" #") {
            let finding =
                Diagnostic::warning("OVL1008", "looks like a comment, and is part of the value")
                    .located(self.here(span.start + at + 1..span.end))
                    .hint("comments stand on lines of their own");
            self.findings.push(finding);
        }
        let quoted = ['"', '\'']
            .iter()
            .any(|q| value.len() > 1 && value.starts_with(*q) && value.ends_with(*q));
        if quoted {
            let inner = value.get(1..value.len() - 1).unwrap_or_default().to_owned();
            let finding = Diagnostic::warning("OVL1009", "the quotes are part of the value")
                .located(self.here(span.clone()))
                .hint("values are written without quotes")
                .fix("remove the quotes", vec![Edit { span: span.clone(), text: inner }]);
            self.findings.push(finding);
        }
    }

    /// Sorts the entries by key and reports the keys that occur twice.
    fn index(&mut self) {
        let text = self.text;
        let key_of = |line: &Line| match &line.kind {
            LineKind::Entry { key, .. } => text.get(key.start as usize..key.end as usize),
            _ => None,
        };
        let mut keys = Vec::with_capacity(self.lines.len());
        keys.extend((0..).zip(&self.lines).filter_map(|(idx, line)| {
            let key = key_of(line)?;
            Some((head(key), key, idx))
        }));
        keys.sort_unstable();
        self.by_key.reserve_exact(keys.len());
        let mut first: Option<(&str, u32)> = None;
        for (_, key, idx) in keys {
            match first {
                Some((earlier, line)) if earlier == key => self.duplicate(key, line, idx),
                _ => {
                    first = Some((key, idx));
                    self.by_key.push(idx);
                }
            }
        }
        if self.findings.len() > 1 {
            self.findings.sort_by_key(|it| it.at.as_ref().map_or(0, |at| at.span.start));
        }
    }

    /// Reports that line `later` sets `key` again, and takes it out of the entries.
    fn duplicate(&mut self, key: &str, earlier: u32, later: u32) {
        let place_of = |idx: u32| match self.lines.get(idx as usize) {
            Some(Line { span, kind: LineKind::Entry { key, .. } }) => Location::in_line(
                self.text,
                idx as usize + 1,
                span.start as usize,
                key.start as usize..key.end as usize,
            ),
            _ => Location::of(self.text, 0..0),
        };
        let first = place_of(earlier);
        let message = format!("`{}` is set on line {} already", shorten(key), first.line);
        let finding = Diagnostic::new("OVL2003", Severity::Error, message)
            .located(place_of(later))
            .hint("keep one of the two lines")
            .related(first, "first set here");
        self.findings.push(finding);
        if let Some(line) = self.lines.get_mut(later as usize) {
            line.kind = LineKind::Broken;
        }
    }
}

/// The first eight bytes of a key as a number that sorts like them: most keys differ there.
fn head(key: &str) -> u64 {
    let mut res = [0; 8];
    res.iter_mut().zip(key.bytes()).for_each(|(to, from)| *to = from);
    u64::from_be_bytes(res)
}

/// What a key looks like, for messages.
const KEY_RULE: &str = "use upper-case letters, digits, `_` and `-`, a letter or digit first";

/// At most the first 60 characters, so that a hostile line does not flood a report.
fn shorten(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Files are at most [`MAX_BYTES`] long.
fn narrow(span: Range<usize>) -> Range<u32> {
    let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    narrow(span.start)..narrow(span.end)
}
