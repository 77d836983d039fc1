use std::borrow::Cow;
use std::ops::Range;

use crate::diagnostic::{Diagnostic, Edit, Location, Severity};
use crate::key::ParamKey;
use crate::overlay::{MAX_BYTES, MAX_LINES};

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Line {
    /// The bytes of the line without its line end.
    pub(crate) span: Range<u32>,
    pub(crate) kind: LineKind,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum LineKind {
    Blank,
    Comment,
    Entry {
        key: Range<u32>,
        value: Range<u32>,
    },
    /// Neither of them; reported, and kept.
    Broken,
}

/// The lines of `text`, the indices of those that hold an entry, sorted by key, and all
/// findings in file order.
pub(crate) fn parse(text: &str) -> (Vec<Line>, Vec<u32>, Vec<Diagnostic>) {
    let mut parser = Parser::new(text);
    parser.lines();
    parser.index();
    (parser.lines, parser.by_key, parser.findings)
}

struct Parser<'a> {
    text: &'a str,
    lines: Vec<Line>,
    by_key: Vec<u32>,
    findings: Vec<Diagnostic>,
    /// Where the line that is read now starts.
    line_start: usize,
    /// Whether a line has ended in CRLF.
    has_crlf: bool,
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
        Self {
            text,
            lines,
            by_key: Vec::new(),
            findings: Vec::new(),
            line_start: 0,
            has_crlf: false,
        }
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
            Some([.., b'\r']) => {
                self.windows_line_end(start + len - 1);
                start + len - 1
            }
            _ => start + len,
        };
        let kind = self.line(start, end);
        self.lines.push(Line { span: narrow(start..end), kind });
        start + len + 1
    }

    /// Notes the first line end of two characters; it begins at the byte `at`.
    fn windows_line_end(&mut self, at: usize) {
        if self.has_crlf {
            return;
        }
        self.has_crlf = true;
        let finding = Diagnostic::note("OVL1012", "lines end in CRLF")
            .located(self.here(at..at + 1))
            .hint("nothing to do: both are read; `fusion overlay fmt` writes LF");
        self.findings.push(finding);
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
        let Some((at, c)) = line.char_indices().find(|(_, c)| is_hidden(*c)) else {
            return true;
        };
        let span = start + at..start + at + c.len_utf8();
        let message =
            format!("the character U+{:04X} cannot be seen and is not allowed", u32::from(c));
        let edit = |text: &str| vec![Edit { span: span.clone(), text: text.to_owned() }];
        let (hint, fix) = match c {
            '\r' => ("end the line with a line feed", edit("\n")),
            _ => ("remove it", edit("")),
        };
        self.broken("OVL1004", message, span, |it| it.hint(hint).fix(hint, fix));
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
        let upper = key.strip_prefix("export ").unwrap_or(key).trim().to_ascii_uppercase();
        let upper = upper.replace([' ', '.'], "_");
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
            let (kept, comment) = value.split_at_checked(at).unwrap_or((value, ""));
            let kept_end = span.start + kept.trim_end_matches([' ', '\t']).len();
            let line = format!("{}\n", comment.trim_start());
            let edits = vec![
                Edit { span: self.line_start..self.line_start, text: line },
                Edit { span: kept_end..span.end, text: String::new() },
            ];
            let finding =
                Diagnostic::warning("OVL1008", "looks like a comment, and is part of the value")
                    .located(self.here(span.start + at + 1..span.end))
                    .hint("comments stand on lines of their own")
                    .fix("put the comment on the line above", edits);
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
        keys.sort_unstable_by(|a: &(u128, &str, u32), b| {
            a.0.cmp(&b.0).then_with(|| (a.1, a.2).cmp(&(b.1, b.2)))
        });
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

/// The first 16 bytes of a key as a number that sorts like them: most keys differ there.
fn head(key: &str) -> u128 {
    let bytes = key.as_bytes();
    let padded = || {
        let mut res = [0; 16];
        res.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        res
    };
    u128::from_be_bytes(bytes.first_chunk().copied().unwrap_or_else(padded))
}

/// What a key looks like, for messages.
const KEY_RULE: &str = "use upper-case letters, digits, `_` and `-`, a letter or digit first";

/// At most the first 60 characters, so that a hostile line does not flood a report.
pub(crate) fn shorten(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", visible(text.get(..at).unwrap_or_default())),
        None => visible(text).into_owned(),
    }
}

/// Files are at most [`MAX_BYTES`] long.
fn narrow(span: Range<usize>) -> Range<u32> {
    let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    narrow(span.start)..narrow(span.end)
}

/// What a reader cannot see: control characters, line and paragraph separators, marks that
/// change the direction of a text, spaces without width, soft hyphens, byte order marks
/// inside a text, and the tag characters that spell ASCII unseen.
///
/// The joiners U+200C and U+200D are not among them: Persian and emoji are written with them.
pub fn is_hidden(c: char) -> bool {
    match c {
        '\t' => false,
        '\0'..='\u{ac}' => c.is_control(),
        _ => matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}' | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        ),
    }
}

/// Whether nothing or next to nothing is seen of `c`: what no overlay file holds, and marks
/// that belong into texts of some scripts and into no name, number or word.
fn is_invisible(c: char) -> bool {
    is_hidden(c)
        || matches!(
            c,
            '\u{34f}'
                | '\u{115f}'
                | '\u{1160}'
                | '\u{17b4}'
                | '\u{17b5}'
                | '\u{200c}'
                | '\u{200d}'
                | '\u{3164}'
                | '\u{ffa0}'
                | '\u{fe00}'..='\u{fe0f}'
        )
}

/// `text` with what cannot be seen escaped as in Rust, for messages: `\u{200b}`.
///
/// ```
/// assert_eq!(overlay_model::visible("0.5\u{200b}"), "0.5\\u{200b}");
/// ```
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_invisible) {
        return Cow::Borrowed(text);
    }
    let mut res = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_invisible(c) {
            res.extend(c.escape_default());
        } else {
            res.push(c);
        }
    }
    Cow::Owned(res)
}

/// The bytes as text, or the finding that they are none.
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, Box<Diagnostic>> {
    std::str::from_utf8(bytes).map_err(|err| {
        let good = bytes.get(..err.valid_up_to()).unwrap_or_default();
        let good = std::str::from_utf8(good).unwrap_or_default();
        let at = good.len();
        let byte = bytes.get(at).copied().unwrap_or_default();
        let finding = Diagnostic::error("OVL1005", format!("invalid UTF-8: byte 0x{byte:02x}"))
            .at(good, at..at)
            .hint("save the file as UTF-8");
        Box::new(finding)
    })
}

pub(crate) fn too_large(len: usize) -> Diagnostic {
    Diagnostic::error(
        "OVL1006",
        format!("{len} bytes are more than the {MAX_BYTES} a file may have"),
    )
    .hint("an overlay holds settings; long texts belong into its micro overlay")
}
