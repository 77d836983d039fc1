use similar::TextDiff;

use crate::budget::attribution::Change;
use crate::render::visible::visible;

/// The longest patch of one change, in lines.
const MOST_LINES: usize = 60;

/// A change as the lines of a patch: `-KEY=before`, `+KEY=after`, or the lines of a section
/// of the prompt, with two unchanged ones around. What is longer than sixty lines is cut,
/// and says so.
pub fn patch(change: &Change) -> String {
    let text = |it: &Option<String>| match it {
        None => String::new(),
        Some(text) if change.key.starts_with("prompt: ") => text.clone(),
        Some(value) => format!("{}={value}\n", change.key),
    };
    let (from, to) = (text(&change.from), text(&change.to));
    lines(&from, &to, MOST_LINES)
}

/// The difference of two texts as lines of a patch, at most `most`.
pub(super) fn lines(from: &str, to: &str, most: usize) -> String {
    let diff = TextDiff::from_lines(from, to);
    let mut res: Vec<String> = Vec::new();
    for (at, hunk) in diff.unified_diff().context_radius(2).iter_hunks().enumerate() {
        if at > 0 {
            res.push("…".to_owned());
        }
        for change in hunk.iter_changes() {
            let line = change.value().trim_end_matches(['\r', '\n']);
            res.push(format!("{}{}", change.tag(), visible(line)));
        }
    }
    let left = res.len().saturating_sub(most);
    if left > 0 {
        res.truncate(most);
        res.push(format!("… and {left} more lines"));
    }
    res.join("\n")
}
