use std::fmt::Write as _;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use overlay_model::{Diagnostic, Location, Severity, visible};

use crate::findings::plural;
use crate::overlay::{hidden, hidden_text};

/// The most findings of one file that are shown to people.
const MAX_SHOWN: usize = 50;
/// The most bytes of a line that are shown.
const MAX_LINE: usize = 160;

/// The findings about the file `path`, each with the line it is about, for people.
///
/// `text` is what the places of the findings refer to. However long its lines are, only
/// what stands around the place is shown. Secrets are written over, and what cannot be seen
/// is escaped.
pub(crate) fn render(path: &str, text: &str, findings: &[Diagnostic], width: usize) -> String {
    let renderer = Renderer::styled().term_width(width.max(80));
    let mut res = String::new();
    if findings.is_empty() {
        return res;
    }
    let shown = findings.get(..MAX_SHOWN).unwrap_or(findings);
    let (text, shown) = (hidden_text(text, findings), hidden(text, shown));
    for finding in &shown {
        res.push_str(&renderer.render(&report(path, &text, finding)));
        res.push_str("\n\n");
    }
    if let Some(more) = findings.len().checked_sub(MAX_SHOWN).filter(|it| *it > 0) {
        // Writing to a string cannot fail.
        let _ = write!(res, "… and {} in {path}\n\n", plural(more, "more finding"));
    }
    res
}

fn report<'a>(path: &'a str, text: &str, finding: &'a Diagnostic) -> Vec<Group<'a>> {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let title = level.primary_title(finding.message.as_str()).id(finding.code);
    let mut group = match &finding.at {
        Some(at) => place(Group::with_title(title), path, text, at, None),
        None => title.element(Origin::path(path)),
    };
    for (at, label) in &finding.related {
        group = place(group, path, text, at, Some(label));
    }
    let mut groups = vec![group];
    if let Some(hint) = &finding.hint {
        groups.push(Group::with_title(Level::HELP.secondary_title(hint.as_str())));
    }
    groups
}

/// Adds the place `at`, with its line where there is one to show.
fn place<'a>(
    group: Group<'a>,
    path: &'a str,
    text: &str,
    at: &Location,
    label: Option<&'a String>,
) -> Group<'a> {
    let (shown, span, is_cut) = excerpt(text, &at.span);
    let origin = || Origin::path(path).line(at.line).char_column(at.column);
    if shown.is_empty() {
        return group.element(origin());
    }
    let kind = if label.is_some() { AnnotationKind::Context } else { AnnotationKind::Primary };
    let mark = kind.span(span).label(label.map(String::as_str));
    let snippet = Snippet::source(shown).line_start(at.line).annotation(mark);
    if is_cut {
        // Columns of a part are not those of the line.
        group.element(origin()).element(snippet)
    } else {
        group.element(snippet.path(path))
    }
}

/// The line of `text` that `span` starts in, cut to what stands around it, and where the
/// span is in it, and whether what stands in front of it is shown in another form.
fn excerpt(text: &str, span: &Range<usize>) -> (String, Range<usize>, bool) {
    let start = floor(text, span.start);
    let before = text.get(..start).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let rest = text.get(start..).unwrap_or_default();
    // A search for one character is quick on the longest line.
    let len = rest.find('\n').unwrap_or(rest.len());
    let rest = rest.get(..len).unwrap_or_default();
    let line_end = start + rest.strip_suffix('\r').unwrap_or(rest).len();
    let (mut from, mut to) = (line_start, line_end);
    if to - from > MAX_LINE {
        from = floor(text, start.saturating_sub(MAX_LINE / 3).max(line_start));
        to = floor(text, (from + MAX_LINE).min(line_end));
    }
    let ellipsis = |cut: bool| if cut { "…" } else { "" };
    let (head, tail) = (ellipsis(from > line_start), ellipsis(to < line_end));
    let end = floor(text, span.end.clamp(start, to));
    let part = |range: Range<usize>| visible(text.get(range).unwrap_or_default());
    let before = format!("{head}{}", part(from..start));
    let (marked, behind) = (part(start..end), part(end..to));
    let span = before.len()..before.len() + marked.len();
    // Columns are those of the line as long as nothing in front is shown otherwise.
    let is_other = before.len() != start - line_start;
    (format!("{before}{marked}{behind}{tail}"), span, is_other)
}

/// The last character boundary of `text` not behind `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|it| text.is_char_boundary(*it)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, span: Range<usize>, expect: &str, marked: &str) {
        let (shown, span, _) = excerpt(text, &span);
        assert_eq!(shown, expect);
        assert_eq!(shown.get(span), Some(marked));
    }

    #[test]
    fn shows_the_line_of_the_place() {
        check("A=1\r\nB=two\r\nC=3\n", 7..10, "B=two", "two");
        check("A=1\nB=2", 7..7, "B=2", "");
    }

    #[test]
    fn a_hostile_line_is_cut_around_the_place() {
        let text = format!("{}ß{}", "x".repeat(100_000), "y".repeat(100_000));
        let (shown, span, _) = excerpt(&text, &(100_000..100_002));
        assert!(shown.len() <= MAX_LINE + 2 * "…".len());
        assert_eq!(shown.get(span), Some("ß"));
    }

    #[test]
    fn what_cannot_be_seen_is_escaped() {
        check("A=0\u{200b}5", 3..6, "A=0\\u{200b}5", "\\u{200b}");
        check("A\u{ad}=05", 4..6, "A\\u{ad}=05", "05");
    }

    #[test]
    fn a_secret_is_not_shown() {
        let text = "# AKIA2B3C4D5E6F7G2H3J\n";
        let finding = Diagnostic::error("OVL8002", "a token").at(text, 2..22);
        let shown = render("a.txt", text, &[finding], 100);
        assert!(shown.contains("# ****") && !shown.contains("AKIA"), "{shown}");
    }
}
