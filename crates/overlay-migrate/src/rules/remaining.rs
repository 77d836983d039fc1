//! What no rule mends: the steps left to people.

use overlay_model::{Diagnostic, Overlay};
use overlay_schema::{Checked, Kind, param};

use crate::codes;
use crate::finding::Finding;
use crate::rules::choices::missing;
use crate::rules::{OVERLAYS, file_name};

/// Words of the original's overlays and documents that no word here has the meaning of.
const ORIGIN_WORDS: [&str; 11] = [
    "alignment_score+inflation_delta",
    "comprehensive_validation",
    "development_overlay",
    "development_validation",
    "enhanced_overlay",
    "flexible_memory",
    "hybrid_orchestration",
    "semantic_thread",
    "staging_overlay",
    "staging_validation",
    "strict_memory",
];

/// The errors that the overlay will have under the profile `deploy`, as steps to take.
pub(crate) fn errors(path: &str, overlay: &Overlay, checked: &Checked) -> Vec<Finding> {
    let errors = checked.diagnostics.iter().filter(|it| it.is_error());
    // A flat file without a name is a question of its own.
    let is_asked =
        |it: &Diagnostic| missing(it) == Some("OVERLAY_NAME") && !path.starts_with(OVERLAYS);
    let errors = errors.filter(|it| !is_asked(it));
    errors.map(|it| Finding::new(path, manual(path, overlay, it))).collect()
}

fn manual(path: &str, overlay: &Overlay, error: &Diagnostic) -> Diagnostic {
    if let Some(key) = missing(error) {
        let finding = Diagnostic::error(codes::MISSING, format!("{key} is missing"));
        return finding.hint(question(path, key));
    }
    let finding = match word(overlay, error) {
        Some((key, value, words)) => {
            let message = format!("no rule says which word of {key} `{value}` is");
            let hint = format!("{}, one of {}", question(path, key), words.join(", "));
            Diagnostic::error(codes::FOREIGN_WORD, message).hint(hint)
        }
        None => {
            let message = format!("{}: {}", error.code, error.message);
            Diagnostic { hint: error.hint.clone(), ..Diagnostic::error(codes::REMAINS, message) }
        }
    };
    Diagnostic { at: error.at.clone(), ..finding }
}

fn question(path: &str, key: &str) -> String {
    format!("choose: --set {}:{key}=…", file_name(path))
}

/// The key, the value and the words there are, where the finding is about a word that is
/// near to none of them.
fn word<'a>(
    overlay: &'a Overlay,
    error: &Diagnostic,
) -> Option<(&'a str, &'a str, &'static [&'static str])> {
    let line = error.at.as_ref()?.line;
    let entry = overlay.entries().find(|it| it.line == line)?;
    // What looks like a misspelt word of ours has a suggestion; a word of the original is
    // none, however near it looks.
    let is_misspelt = error.fix.is_some() && !ORIGIN_WORDS.contains(&entry.value);
    if error.code != "OVL2201" || is_misspelt {
        return None;
    }
    match param(entry.key)?.kind {
        Kind::Word(words) => Some((entry.key, entry.value, words)),
        _ => None,
    }
}
