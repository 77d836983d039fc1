use std::fmt::Write as _;

use serde::Serialize;

use super::visible::is_hidden;
use crate::report::SuiteReport;

/// The report as JSON with its `schema`, indented by two blanks, with a final newline.
///
/// Characters that a terminal acts on or hides are written as `\u` escapes, so that the
/// text can be shown as it is and parses back to the same values.
pub fn json(report: &SuiteReport) -> String {
    shown(report.schema, report)
}

/// A value of the form `schema` as such a text.
pub(crate) fn shown(schema: &str, value: &impl Serialize) -> String {
    // Only a map whose keys are no strings can fail, and no report has one.
    let text = serde_json::to_string_pretty(value).unwrap_or_else(|err| {
        serde_json::json!({"schema": schema, "error": err.to_string()}).to_string()
    });
    let mut res = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        // The newlines here are the indentation; those of values are escaped already.
        if c != '\n' && is_hidden(c) {
            push_units(&mut res, c);
        } else {
            res.push(c);
        }
    }
    res.push('\n');
    res
}

/// Appends `c` as the escapes of its UTF-16 units.
fn push_units(to: &mut String, c: char) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        // Writing to a string cannot fail.
        let _ = write!(to, "\\u{unit:04x}");
    }
}
