use std::fmt;

use overlay_model::Digest;
use thiserror::Error;

use crate::manifest::ManifestFile;

/// A file of a generation that is not what the manifest says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// Its path in the generation: `manifest.json`, or below `tree/`.
    pub path: String,
    /// What is wrong with it.
    pub what: Tampering,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path, self.what)
    }
}

/// What is wrong with a file of a generation.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum Tampering {
    /// Other bytes.
    #[error("has other bytes: {} instead of {}", found.short(), expected.short())]
    Changed {
        /// What they should be.
        expected: Digest,
        /// What they are.
        found: Digest,
    },
    /// It is not there.
    #[error("is missing")]
    Missing,
    /// It is under another name.
    #[error("was renamed to {to}")]
    Renamed {
        /// Its path now.
        to: String,
    },
    /// It does not belong there.
    #[error("does not belong there")]
    Added,
    /// A symbolic link, a socket or a device.
    #[error("is no plain file or directory")]
    NotPlain,
    /// A manifest that is none.
    #[error("cannot be understood: {0}")]
    Unreadable(String),
}

impl Problem {
    pub(crate) fn manifest(what: Tampering) -> Self {
        Self { path: "manifest.json".to_owned(), what }
    }

    pub(crate) fn changed(path: &str, expected: &ManifestFile, found: &ManifestFile) -> Self {
        let what = Tampering::Changed { expected: expected.sha256, found: found.sha256 };
        Self { path: format!("tree/{path}"), what }
    }

    pub(crate) fn gone(path: &str, to: Option<&str>) -> Self {
        let renamed = |to| Tampering::Renamed { to: format!("tree/{to}") };
        Self { path: format!("tree/{path}"), what: to.map_or(Tampering::Missing, renamed) }
    }

    pub(crate) fn added(path: &str) -> Self {
        Self { path: format!("tree/{path}"), what: Tampering::Added }
    }
}

/// The problems in one line.
pub(crate) fn list(problems: &[Problem]) -> String {
    let mut res = String::new();
    for (at, problem) in problems.iter().enumerate() {
        res.push_str(if at == 0 { "" } else { "; " });
        res.push_str(&problem.to_string());
    }
    res
}
