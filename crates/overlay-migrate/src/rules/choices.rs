//! Values that a person chose, where the overlay asks for one.

use overlay_model::{Diagnostic, Overlay};
use overlay_schema::Checked;

use crate::decision::Decisions;
use crate::rules::layout::Used;
use crate::rules::older::appended;
use crate::step::Replace;

/// The edits that answer the overlay's questions, and what they set.
pub(crate) fn edits(
    paths: [&str; 2],
    overlay: &Overlay,
    checked: &Checked,
    decisions: &Decisions,
    used: &mut Used,
) -> (Vec<Replace>, Vec<String>) {
    let (mut edits, mut set) = (Vec::new(), Vec::new());
    let mut end = overlay.source().to_owned();
    for key in checked.diagnostics.iter().filter_map(|it| asked(overlay, it)) {
        let choice = decisions.set.iter().enumerate().find(|(_, it)| {
            it.key.as_str() == key && it.fits(paths) && it.value.chars().all(|c| !c.is_control())
        });
        let Some((at, choice)) = choice else { continue };
        used.set.insert(at);
        let line = format!("{key}={}", choice.value);
        if set.contains(&line) {
            continue;
        }
        edits.push(match overlay.get(key) {
            Some(entry) => {
                let span = entry.value_span();
                Replace { start: span.start, end: span.end, text: choice.value.clone() }
            }
            None => {
                let edit = appended(&end, &line);
                end.push('\n');
                Replace { start: overlay.source().len(), end: overlay.source().len(), ..edit }
            }
        });
        set.push(line);
    }
    (edits, set)
}

/// The key that the finding asks a value for.
fn asked<'a>(overlay: &'a Overlay, finding: &'a Diagnostic) -> Option<&'a str> {
    if !finding.is_error() {
        return None;
    }
    if finding.code == "OVL2001" {
        return missing(finding);
    }
    let line = finding.at.as_ref()?.line;
    overlay.entries().find(|it| it.line == line).map(|it| it.key)
}

/// The key that the finding misses.
pub(crate) fn missing(finding: &Diagnostic) -> Option<&str> {
    finding.message.strip_prefix("Missing required field: ")
}
