//! From the original's v0.3 overlay to this format.

use overlay_model::{Diagnostic, Entry, Overlay};
use overlay_schema::{FORMAT_VERSION, Providers, model_param};

use crate::codes;
use crate::finding::Finding;
use crate::rules::origin_keys::{Fate, JUDGES, origin_key};
use crate::step::Replace;

/// What stands in front of a line that nothing reads any more.
const COMMENT: &str = "# v0.3, not read here: ";

/// Whether the overlay is one of the original's own, before version 1.
pub(crate) fn is_origin(overlay: &Overlay) -> bool {
    let version = overlay.value("FUSION_OVERLAY_VERSION").unwrap_or_default();
    version.trim_start_matches(['v', 'V']).split('.').next() == Some("0")
}

/// The edits that take the overlay to this format, with a note about each.
pub(crate) fn edits(
    path: &str,
    overlay: &Overlay,
    providers: &Providers,
) -> (Vec<Replace>, Vec<Finding>) {
    let (mut edits, mut findings) = (Vec::new(), Vec::new());
    for entry in overlay.entries() {
        let Some(row) = origin_key(entry.key) else { continue };
        let Some((edit, code, message)) = change(&entry, row.fate, providers) else { continue };
        let span = entry.key_start..entry.value_span().end;
        let note = Diagnostic::note(code, message).hint(row.why);
        findings.push(Finding::new(path, note.located(overlay.location(span))));
        edits.push(edit);
    }
    (edits, findings)
}

fn change(
    entry: &Entry<'_>,
    fate: Fate,
    providers: &Providers,
) -> Option<(Replace, &'static str, String)> {
    let Entry { key, value, key_start, value_start, .. } = *entry;
    let new_value = |text: String| {
        let message = format!("{key}: `{value}` becomes `{text}`");
        (
            Replace { start: value_start, end: value_start + value.len(), text },
            codes::MAPPED,
            message,
        )
    };
    match fate {
        Fate::Kept | Fate::Word => None,
        Fate::Version => Some(new_value(FORMAT_VERSION.to_owned())),
        Fate::Judges => judges(value).map(new_value),
        Fate::ModelKey => {
            let (model, param) = model_param(key)?;
            let text = format!("{}{}", spelling(providers.model(model)?.id.as_str()), param.key);
            let message = format!("{key} becomes {text}");
            (text != key).then_some((
                Replace { start: key_start, end: key_start + key.len(), text },
                codes::MAPPED,
                message,
            ))
        }
        Fate::Comment => {
            let edit = Replace { start: key_start, end: key_start, text: COMMENT.to_owned() };
            Some((edit, codes::NOT_READ, format!("{key} becomes a comment")))
        }
    }
}

/// The voters under the names of our judges; `None` where one of them is no agent of the
/// original, or no weight stands with it.
fn judges(value: &str) -> Option<String> {
    let voters = value.split(',').map(|it| {
        let (agent, weight) = it.split_once(':')?;
        let (_, judge) = JUDGES.iter().find(|(name, _)| *name == agent.trim())?;
        Some(format!("{judge}:{}", weight.trim()))
    });
    Some(voters.collect::<Option<Vec<_>>>()?.join(","))
}

/// A model's id as it stands in a key: `local_gguf` is `LOCAL-GGUF`.
fn spelling(id: &str) -> String {
    id.to_ascii_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-")
}
