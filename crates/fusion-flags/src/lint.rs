use overlay_model::Diagnostic;

use crate::file::FlagFile;

/// What the types of a flag file cannot say.
pub(crate) fn semantic(file: &FlagFile) -> Vec<Diagnostic> {
    let _ = file;
    Vec::new()
}
