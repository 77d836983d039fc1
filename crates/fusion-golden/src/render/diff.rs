use std::fmt::Write as _;

use similar::{ChangeTag, TextDiff};

use super::visible::visible;

/// How `found` differs from `expected`, as a unified diff with three lines around every
/// change; empty where the texts are equal.
///
/// Control characters within lines are shown as escapes, line ends other than LF included.
pub fn diff(expected: &str, found: &str) -> String {
    let diff = TextDiff::from_lines(expected, found);
    let mut res = String::new();
    for hunk in diff.unified_diff().context_radius(3).iter_hunks() {
        if res.is_empty() {
            res.push_str("--- expected\n+++ found\n");
        }
        // Writing to a string cannot fail.
        let _ = writeln!(res, "{}", hunk.header());
        for change in hunk.iter_changes() {
            push_line(&mut res, change.tag(), change.value());
        }
    }
    res
}

fn push_line(to: &mut String, tag: ChangeTag, line: &str) {
    let sign = match tag {
        ChangeTag::Equal => ' ',
        ChangeTag::Delete => '-',
        ChangeTag::Insert => '+',
    };
    let (text, end) = match line.strip_suffix('\n') {
        Some(text) => (text, "\n"),
        None => (line, "\n\\ No newline at end of file\n"),
    };
    to.push(sign);
    to.push_str(&visible(text));
    to.push_str(end);
}
