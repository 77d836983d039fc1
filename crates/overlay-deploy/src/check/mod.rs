//! Checks: what has to be true before, during and after a rollout. What is missing has not
//! passed.

mod command;
mod evidence;
mod http;
mod tree;

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

pub(crate) use self::evidence::{GOLDEN, PROMOTION, promotion_evidence, was_in_force};
pub use self::evidence::{GoldenVerdict, golden_verdict, passed_in};
pub use self::tree::{check_candidate, check_tree, tree_findings};
use crate::file::{CheckKind, CheckSpec, Probe};
use crate::word::CheckName;

/// What a check came to.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckVerdict {
    /// It holds.
    Passed,
    /// It does not hold.
    Failed,
    /// There was nothing to judge by.
    Missing,
}

impl fmt::Display for CheckVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Missing => "missing",
        })
    }
}

/// A check that ran.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct CheckResult {
    /// Its name.
    pub name: CheckName,
    /// What it looks at.
    pub kind: CheckKind,
    /// What it came to.
    pub verdict: CheckVerdict,
    /// Why, or what was seen; at most 4,000 characters.
    pub message: String,
}

impl CheckResult {
    /// Whether it holds. Without anything to judge by it does not.
    pub fn is_passed(&self) -> bool {
        self.verdict == CheckVerdict::Passed
    }
}

/// `golden missing: …`.
impl fmt::Display for CheckResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.verdict)?;
        if self.message.is_empty() { Ok(()) } else { write!(f, ": {}", self.message) }
    }
}

/// A verdict with its message.
pub(crate) type Judged = (CheckVerdict, String);

/// The most characters of a message.
const MAX_MESSAGE: usize = 4000;

/// The result of a check, its message bounded.
pub(crate) fn result(name: &CheckName, kind: CheckKind, (verdict, message): Judged) -> CheckResult {
    let message = message.trim_end().chars().take(MAX_MESSAGE).collect();
    CheckResult { name: name.clone(), kind, verdict, message }
}

/// What a check is told of the deployment, as variables of a command.
pub(crate) type Facts<'a> = [(&'a str, String)];

/// Asks what a check of one's own asks; takes at most its timeout. A command runs in `dir`,
/// the folder of the deployment root.
pub(crate) fn probe(spec: &CheckSpec, facts: &Facts<'_>, dir: Option<&Path>) -> Judged {
    match &spec.probe {
        Probe::Command { argv } => command::run(argv, facts, dir, spec.timeout.0),
        Probe::Http { url, status, contains } => {
            http::page(url, *status, contains.as_deref(), spec.timeout.0)
        }
        Probe::Metric { prometheus, query, limit } => {
            http::metric(prometheus, query, *limit, spec.timeout.0)
        }
    }
}
