use crate::parser::is_hidden;

/// The comment lines at the top of a generated overlay file.
///
/// Whatever the values hold, they stay on their lines; see [`one_line`]. What is empty
/// is left out. The lines carry no time, so that the same input gives the same bytes.
///
/// ```
/// let header = overlay_model::header("refund", "Duplicate\ncharges", "refund,billing");
/// assert_eq!(
///     header,
///     "# Overlay: refund\n# Purpose: Duplicate\\ncharges\n# Target scenarios: refund,billing\n",
/// );
/// ```
pub fn header(name: &str, description: &str, scenarios: &str) -> String {
    let lines = [("Overlay", name), ("Purpose", description), ("Target scenarios", scenarios)];
    lines
        .into_iter()
        .map(|(label, text)| (label, one_line(text)))
        .filter(|(_, text)| !text.is_empty())
        .map(|(label, text)| format!("# {label}: {text}\n"))
        .collect()
}

/// `text` as a value of an overlay file: blanks around it trimmed, line breaks and other
/// characters that no such file holds escaped as in Rust (`\n`, `\u{202e}`).
pub fn one_line(text: &str) -> String {
    let mut res = String::with_capacity(text.len());
    for c in text.trim().chars() {
        if is_hidden(c) {
            res.extend(c.escape_default());
        } else {
            res.push(c);
        }
    }
    res
}
