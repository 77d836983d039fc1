use std::fmt;

use overlay_model::Diagnostic;
use serde::Serialize;

/// A finding about a file of the tree.
///
/// An error is a step that a person takes: until then the tree is not deployable.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Finding {
    /// The file, relative to the tree, with `/`; empty for the tree as a whole.
    pub path: String,
    /// What was found there.
    #[serde(flatten)]
    pub diagnostic: Diagnostic,
}

impl Finding {
    pub(crate) fn new(path: impl Into<String>, diagnostic: Diagnostic) -> Self {
        Self { path: path.into(), diagnostic }
    }

    /// Whether it is a step left to a person.
    pub fn is_manual(&self) -> bool {
        self.diagnostic.is_error()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.diagnostic.at, self.path.as_str()) {
            (_, "") => (),
            (Some(_), path) => write!(f, "{path}:")?,
            (None, path) => write!(f, "{path}: ")?,
        }
        self.diagnostic.fmt(f)
    }
}
