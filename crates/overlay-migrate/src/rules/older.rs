//! Older names of keys, versions that are almost strict, and a name that stands in the
//! file name alone: what is one thing only, written otherwise.

use overlay_model::{Diagnostic, Overlay, OverlayName};
use overlay_schema::Checked;

use crate::codes;
use crate::finding::Finding;
use crate::rules::file_name;
use crate::step::Replace;

/// The findings whose fix changes no meaning: an older name, one that is shadowed, a
/// version with a `v` or two numbers.
const LOSSLESS: [&str; 3] = ["OVL2004", "OVL2005", "OVL2301"];

/// The edits, with a note about each.
pub(crate) fn edits(
    path: &str,
    overlay: &Overlay,
    checked: &Checked,
) -> (Vec<Replace>, Vec<Finding>) {
    let (mut edits, mut findings) = (Vec::new(), Vec::new());
    let mendable = checked.diagnostics.iter().filter(|it| LOSSLESS.contains(&it.code));
    for finding in mendable {
        let Some(fix) = &finding.fix else { continue };
        edits.extend(fix.edits.iter().map(|it| Replace {
            start: it.span.start,
            end: it.span.end,
            text: it.text.clone(),
        }));
        let message = format!("{}: {}", finding.message, fix.title);
        let note =
            Diagnostic { at: finding.at.clone(), ..Diagnostic::note(codes::OLDER_NAME, message) };
        findings.push(Finding::new(path, note));
    }
    if overlay.value("OVERLAY_NAME").is_none()
        && let Some(name) = OverlayName::from_file_name(file_name(path))
    {
        let message = format!("OVERLAY_NAME={name}, from the name of the file");
        findings.push(Finding::new(path, Diagnostic::note(codes::MAPPED, message)));
        edits.push(appended(overlay.source(), &format!("OVERLAY_NAME={name}")));
    }
    (edits, findings)
}

/// The edit that adds a line at the end of `text`.
pub(crate) fn appended(text: &str, line: &str) -> Replace {
    let newline = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    Replace { start: text.len(), end: text.len(), text: format!("{newline}{line}\n") }
}
