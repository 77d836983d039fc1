use std::fmt;

use overlay_loader::{Installation, ReadError};
use overlay_model::{Diagnostic, Digest, plural};
use serde::Serialize;
use thiserror::Error;

use crate::codes;
use crate::finding::Finding;
use crate::journal::Progress;
use crate::run::{BrokenOff, RunError, Site, broken_off, runs};

/// What a look at a migrated tree came to.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Validation {
    /// The version of the format: `fusion/migration-validation/1`.
    pub schema: &'static str,
    /// The plan of the last finished run, where there is one.
    pub plan: Option<Digest>,
    /// How many files have the digest of the last step about them.
    pub files_as_left: usize,
    /// How many overlays the loader read.
    pub overlays: usize,
    /// Everything that was found, by file.
    pub findings: Vec<Finding>,
}

/// A tree that cannot be looked at.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ValidateError {
    /// The runs of the tree cannot be read.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The tree is no readable folder.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl Validation {
    /// Whether nothing stands against running on the tree.
    pub fn is_valid(&self) -> bool {
        !self.findings.iter().any(Finding::is_manual)
    }
}

impl fmt::Display for Validation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { files_as_left, overlays, findings, .. } = self;
        for finding in findings {
            writeln!(f, "{finding}")?;
        }
        let errors = findings.iter().filter(|it| it.is_manual()).count();
        let them = if *files_as_left == 1 { "it" } else { "them" };
        writeln!(
            f,
            "{} as the migration left {them}, {}, {}",
            plural(*files_as_left, "file"),
            plural(*overlays, "overlay"),
            plural(errors, "error")
        )
    }
}

/// Reads the tree as an installation and holds its files against the digests of the last
/// finished run. A run that was not finished is an error among the findings.
///
/// # Errors
///
/// Where the tree or its journals cannot be read.
pub fn validate(site: Site<'_>) -> Result<Validation, ValidateError> {
    let unfinished = broken_off(site)?;
    let mut findings: Vec<_> = unfinished.iter().map(BrokenOff::finding).collect();
    let (plan, files_as_left) = left(site, unfinished.is_some(), &mut findings)?;
    let installation = Installation::read(site.root)?;
    findings.extend(installation.findings().iter().map(|it| loaded(&it.path, &it.diagnostic)));
    findings.sort_by(|a, b| a.path.cmp(&b.path));
    let overlays = installation.overlays().len();
    let schema = "fusion/migration-validation/1";
    Ok(Validation { schema, plan, files_as_left, overlays, findings })
}

fn loaded(path: &str, finding: &Diagnostic) -> Finding {
    let message = format!("{}: {}", finding.code, finding.message);
    let named = Diagnostic { code: codes::LOADED, message, ..finding.clone() };
    Finding::new(path, named)
}

/// The plan of the last finished run, and how many of its files are as it left them.
fn left(
    site: Site<'_>,
    is_broken_off: bool,
    findings: &mut Vec<Finding>,
) -> Result<(Option<Digest>, usize), RunError> {
    // What an earlier run left is no measure of a tree that the next one has begun to change.
    if is_broken_off {
        return Ok((None, 0));
    }
    let finished = runs(site)?.into_iter();
    let finished = finished.filter(|it| it.journal.progress() == Progress::Finished);
    let Some(run) = finished.max_by_key(|it| it.journal.finished_at()) else {
        let note = Diagnostic::note(codes::NO_RUN, "no finished migration to compare with");
        findings.push(Finding::new("", note));
        return Ok((None, 0));
    };
    let mut as_left = 0;
    for (file, (_, post)) in run.plan.files() {
        let digest = run.digest(file)?;
        if digest == post {
            as_left += 1;
            continue;
        }
        let message = match (post, digest) {
            (None, Some(_)) => "is there again; the migration deleted it".to_owned(),
            (_, None) => "is gone; the migration left it".to_owned(),
            (Some(post), Some(digest)) => {
                format!("has the digest {}, was left with {}", digest.short(), post.short())
            }
        };
        findings.push(Finding::new(file, Diagnostic::warning(codes::CHANGED, message)));
    }
    Ok((Some(run.plan.digest), as_left))
}
