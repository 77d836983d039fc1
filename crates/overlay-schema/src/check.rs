use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use overlay_model::{Diagnostic, Overlay, Severity};
use serde::Serialize;
use thiserror::Error;

use crate::providers::Providers;
use crate::scan;

mod found;
mod keys;
mod loadable;
mod references;
mod refused;
mod schema;
mod semantic;
mod typed;

pub(crate) use crate::check::found::{Found, rows};
pub use crate::check::typed::{check_typed, check_typed_value};

/// Whose rules an overlay is held to.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// The original generator's: five required keys, `ARBITRATION_TIMEOUT_MS` up to 1000.
    Seed,
    /// Ours: also a name, and a version of our major version.
    #[default]
    Deploy,
    /// The original loader's: eight required keys, open words; what we would refuse and it
    /// did not read is a note.
    Origin,
}

impl Profile {
    /// All profiles.
    pub const ALL: [Self; 3] = [Self::Seed, Self::Deploy, Self::Origin];

    /// The name, as the command line takes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Seed => "seed",
            Self::Deploy => "deploy",
            Self::Origin => "origin",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let profile = Self::ALL.into_iter().find(|it| it.as_str() == text);
        profile.ok_or_else(|| UnknownProfile(text.to_owned()))
    }
}

/// A text that names no profile.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("unknown profile `{0}`: use seed, deploy or origin")]
pub struct UnknownProfile(String);

/// One of the five steps of a check.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Is the text one of `KEY=VALUE` lines?
    Syntax,
    /// Is each key known, and each value one of it?
    Schema,
    /// Do the values fit each other?
    Semantic,
    /// Is there what the values name?
    Reference,
    /// Does the loader take it?
    Loadable,
}

impl Phase {
    /// The phases in their order.
    pub const ALL: [Self; 5] =
        [Self::Syntax, Self::Schema, Self::Semantic, Self::Reference, Self::Loadable];
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Syntax => "syntax",
            Self::Schema => "schema",
            Self::Semantic => "semantic",
            Self::Reference => "reference",
            Self::Loadable => "loadable",
        })
    }
}

/// What a phase came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PhaseVerdict {
    /// No error.
    Passed,
    /// At least one error.
    Failed,
    /// Nothing was there to check it against.
    Skipped,
}

/// What is known of an overlay beside its text.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject<'a> {
    /// The name of its file, without folders.
    pub file_name: Option<&'a str>,
    /// What it may name; without it the reference phase is skipped.
    pub references: Option<&'a References<'a>>,
}

/// What overlays of an installation may name.
#[derive(Clone, Debug)]
pub struct References<'a> {
    /// Endpoints, models and prices.
    pub providers: &'a Providers,
    /// The scenario types of the catalogue.
    pub scenario_types: BTreeSet<&'a str>,
    /// The names of the overlays that have a micro overlay.
    pub micro_overlays: BTreeSet<&'a str>,
}

/// The result of a check.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Checked {
    /// Every finding, in file order; what has no place comes last.
    pub diagnostics: Vec<Diagnostic>,
    /// The verdict of each phase.
    pub phases: [(Phase, PhaseVerdict); 5],
    /// The profile.
    pub profile: Profile,
}

impl Checked {
    /// Whether there is no error.
    pub fn is_valid(&self) -> bool {
        !self.diagnostics.iter().any(Diagnostic::is_error)
    }

    /// What there is to say of a text that is no overlay at all: its syntax failed, and nothing
    /// else could be looked at.
    pub fn unread(syntax: Vec<Diagnostic>, profile: Profile) -> Self {
        let verdict = |phase| match phase {
            Phase::Syntax => PhaseVerdict::Failed,
            _ => PhaseVerdict::Skipped,
        };
        Self { phases: Phase::ALL.map(|it| (it, verdict(it))), diagnostics: syntax, profile }
    }

    /// The same check with more findings of `phase`, which fails where an error is among them.
    #[must_use]
    pub fn with(mut self, phase: Phase, findings: Vec<Diagnostic>) -> Self {
        if findings.iter().any(Diagnostic::is_error) {
            let verdicts = self.phases.iter_mut().filter(|(it, _)| *it == phase);
            verdicts.for_each(|(_, verdict)| *verdict = PhaseVerdict::Failed);
        }
        self.diagnostics.extend(findings);
        self
    }

    /// Whether the overlay may go live: it was held to [`Profile::Deploy`], and no phase
    /// failed.
    pub fn is_deployable(&self) -> bool {
        self.profile == Profile::Deploy
            && self.is_valid()
            && !self.phases.iter().any(|(_, verdict)| *verdict == PhaseVerdict::Failed)
    }
}

/// Holds `overlay` to the rules of `profile`, with every finding of every phase.
///
/// `syntax` are the findings of [`Overlay::parse`] about the same text.
pub fn check(
    overlay: &Overlay,
    syntax: Vec<Diagnostic>,
    profile: Profile,
    subject: &Subject<'_>,
) -> Checked {
    // Of a text that could not be read nothing else can be said.
    let unread = syntax.iter().any(|it| it.code == "OVL1005" || it.code == "OVL1006");
    let mut findings = Findings::after(syntax, profile);
    if unread && overlay.is_empty() {
        return Checked::unread(findings.list, profile);
    }
    findings.enter(Phase::Schema);
    let found = schema::check(overlay, subject.file_name, &mut findings);
    findings.enter(Phase::Semantic);
    semantic::check(&found, &mut findings);
    scan::check(&found, &mut findings);
    findings.enter(Phase::Reference);
    if let Some(references) = subject.references {
        references::check(&found, references, &mut findings);
    }
    findings.enter(Phase::Loadable);
    loadable::check(&found, &mut findings);
    findings.finish(subject.references.is_some())
}

/// The most findings about one file that are listed.
pub const MAX_FINDINGS: usize = 1000;

/// The first [`MAX_FINDINGS`] of the findings about one file, and one that stands for the
/// others and weighs what the worst of them does.
pub fn capped(mut findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let Some(rest) = findings.get(MAX_FINDINGS..).filter(|it| !it.is_empty()) else {
        return findings;
    };
    let severity = rest.iter().map(|it| it.severity).max().unwrap_or(Severity::Note);
    let message = format!("and {} more findings", rest.len());
    let more = Diagnostic::new("OVL1013", severity, message).hint("mend the first ones");
    findings.truncate(MAX_FINDINGS);
    findings.push(more);
    findings
}

/// The findings so far, and which phases failed.
pub(crate) struct Findings {
    list: Vec<Diagnostic>,
    profile: Profile,
    phase: Phase,
    failed: Vec<Phase>,
}

impl Findings {
    fn after(syntax: Vec<Diagnostic>, profile: Profile) -> Self {
        // A key set twice is found where lines are read, and is a matter of keys.
        let phase_of = |it: &Diagnostic| match it.code {
            "OVL2003" => Phase::Schema,
            _ => Phase::Syntax,
        };
        let failed = syntax.iter().filter(|it| it.is_error()).map(phase_of).collect();
        Self { list: syntax, profile, phase: Phase::Syntax, failed }
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
    }

    pub(crate) fn push(&mut self, finding: Diagnostic) {
        if finding.is_error() {
            self.fail();
        }
        self.list.push(finding);
    }

    /// A finding about what the original did not look at: no more than a note for it.
    pub(crate) fn push_ours(&mut self, finding: Diagnostic) {
        let severity = match self.profile {
            Profile::Origin => Severity::Note,
            Profile::Seed | Profile::Deploy => finding.severity,
        };
        self.push(Diagnostic { severity, ..finding });
    }

    fn fail(&mut self) {
        self.failed.push(self.phase);
    }

    fn finish(mut self, has_references: bool) -> Checked {
        if self.list.len() > 1 {
            let start = |it: &Diagnostic| it.at.as_ref().map_or(usize::MAX, |at| at.span.start);
            self.list.sort_by(|a, b| (start(a), a.code).cmp(&(start(b), b.code)));
        }
        let verdict = |phase| match phase {
            Phase::Reference if !has_references => PhaseVerdict::Skipped,
            _ if self.failed.contains(&phase) => PhaseVerdict::Failed,
            _ => PhaseVerdict::Passed,
        };
        Checked {
            phases: Phase::ALL.map(|it| (it, verdict(it))),
            diagnostics: self.list,
            profile: self.profile,
        }
    }
}
