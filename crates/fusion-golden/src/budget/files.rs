//! Goldens and recordings themselves: what cannot be read, and what went missing.

use std::collections::BTreeSet;

use overlay_model::{Diagnostic, Digest, Severity};

use super::identity::has_same_requests;
use super::measured::{Measured, Measurement};
use super::report::{BudgetCheck, BudgetReport, Subject};
use crate::cassette::Cassette;
use crate::code;
use crate::ladder;
use crate::report::{FileFinding, Verdict};
use crate::statistics::Gate;
use crate::suite::{Suite, SuiteError};

/// Whose goldens and recordings they are.
#[derive(Clone, Copy)]
pub(super) enum Owner<'a> {
    /// The base of this name.
    Base(&'a str),
    /// The same; they are those of its installation.
    Installation(&'a str),
    Candidate,
    /// The working tree beside both, whose recordings answer for them: needed where a side has
    /// no other answer.
    WorkingTree {
        is_needed: bool,
    },
}

impl Owner<'_> {
    /// What it comes to where its files cannot be read. They may hold anything, so that nothing
    /// passes; of the base it is said only, or no change could mend it, and so it is of what
    /// nobody needs.
    fn verdict(self) -> Verdict {
        match self {
            Self::Base(_) | Self::Installation(_) | Self::WorkingTree { is_needed: false } => {
                Verdict::Warn
            }
            Self::Candidate | Self::WorkingTree { is_needed: true } => Verdict::Invalid,
        }
    }

    /// What is read of it.
    fn words(self) -> &'static str {
        match self {
            Self::Base(_) => "goldens or recordings of the base",
            Self::Installation(_) => "files of the base",
            Self::Candidate => "goldens or recordings of the candidate",
            Self::WorkingTree { .. } => "recordings of the working tree",
        }
    }
}

/// The recordings of a scenario in a suite, with what is wrong with them and with its golden.
/// That there is no golden is none of it.
pub(super) fn scenario_files(
    suite: &Suite,
    scenario: &str,
) -> Result<(Cassette, Vec<FileFinding>), SuiteError> {
    let (cassette, of_cassette) = scenario_cassette(suite, scenario)?;
    let (_, of_golden) = ladder::accepted(suite, scenario)?;
    let of_golden = of_golden.into_iter().filter(|it| it.code != code::NO_GOLDEN);
    let of_golden = named(suite.golden_name(scenario), of_golden);
    Ok((cassette, of_cassette.into_iter().chain(of_golden).collect()))
}

/// The recordings of a scenario in a suite, with what is wrong with them.
fn scenario_cassette(
    suite: &Suite,
    scenario: &str,
) -> Result<(Cassette, Vec<FileFinding>), SuiteError> {
    let (cassette, findings) = ladder::read_cassette(suite, scenario)?;
    Ok((cassette, named(suite.cassette_name(scenario), findings).collect()))
}

fn named(
    path: String,
    findings: impl IntoIterator<Item = Diagnostic>,
) -> impl Iterator<Item = FileFinding> {
    findings.into_iter().map(move |diagnostic| FileFinding { path: path.clone(), diagnostic })
}

/// What is wrong with the cassettes that a suite has for `scenarios`.
pub(super) fn cassette_findings<'s>(
    suite: &Suite,
    scenarios: impl Iterator<Item = &'s str>,
) -> Result<Vec<FileFinding>, SuiteError> {
    let found = scenarios.map(|it| Ok(scenario_cassette(suite, it)?.1));
    Ok(found.collect::<Result<Vec<_>, SuiteError>>()?.concat())
}

/// The scenarios that a side has no answer to, or none of the bare baseline beside it.
pub(super) fn unanswered(side: &Measurement) -> impl Iterator<Item = &str> {
    let is_unanswered = |it: &&Measured| {
        let is_beside = it.overlay.is_none() || it.baseline_tokens.is_some();
        it.refused.is_none() && !(it.answer.is_some() && is_beside)
    };
    side.scenarios.iter().filter(is_unanswered).map(|it| it.scenario.as_str())
}

impl BudgetReport {
    /// Takes in what is wrong with the goldens and cassettes of each side.
    pub(super) fn add_broken_files(&mut self, sides: &[(Owner<'_>, &[FileFinding])]) {
        let before = self.checks.len();
        for (owner, findings) in sides {
            self.add_broken_files_of(*owner, findings);
        }
        let is_broken = self.checks.len() > before;
        let is_stale = |it: &&mut BudgetCheck| it.gate.verdict == Verdict::Stale;
        for check in self.checks.iter_mut().filter(is_stale).filter(|_| is_broken) {
            check.message.push_str("; they may be in what cannot be read");
        }
    }

    fn add_broken_files_of(&mut self, owner: Owner<'_>, findings: &[FileFinding]) {
        let verdict = owner.verdict();
        let base = match owner {
            Owner::Base(base) | Owner::Installation(base) => Some(base),
            Owner::Candidate | Owner::WorkingTree { .. } => None,
        };
        let errors: Vec<_> = findings.iter().filter(|it| it.diagnostic.is_error()).collect();
        if let Some(first) = errors.first() {
            let mut message = format!(
                "{} cannot be read, {} in all; {} {}",
                owner.words(),
                errors.len(),
                placed(first),
                first.diagnostic.message
            );
            let mut subject = Subject::Recordings;
            if let Owner::Installation(_) = owner {
                subject = Subject::Suite;
                message.push_str("; nothing is compared with it");
            }
            let against = base.unwrap_or_default();
            self.checks.push(BudgetCheck::in_words(subject, against, verdict, message));
            self.verdict = self.verdict.max(verdict);
        }
        for mut it in findings.iter().cloned() {
            if verdict == Verdict::Warn {
                it.diagnostic.severity = it.diagnostic.severity.min(Severity::Warning);
            }
            self.findings.push(match base {
                Some(base) => it.of_base(base),
                None => it,
            });
        }
    }
}

/// `goldens/cassettes/refund.jsonl:3:`.
fn placed(finding: &FileFinding) -> String {
    match &finding.diagnostic.at {
        Some(at) => format!("{}:{}:", finding.path, at.line),
        None => format!("{}:", finding.path),
    }
}

/// Goldens and recordings that the base has and the candidate has not, though what they are
/// about is still there. An installation alone has none to lose.
pub(super) fn lost_files(
    suite: &Suite,
    base: &Measurement,
    candidate: &Measurement,
    pairs: &[(&Measured, &Measured)],
) -> Vec<BudgetCheck> {
    if suite.is_installation_alone() {
        return Vec::new();
    }
    let check = |verdict, n, message| {
        let gate = Gate::counted(n, 0, verdict);
        BudgetCheck::of(Subject::Recordings, None, None, gate, message)
    };
    let mut checks = Vec::new();
    let kept: BTreeSet<_> = pairs.iter().map(|(_, it)| it.scenario.as_str()).collect();
    let gone = base.goldens.difference(&candidate.goldens).filter(|it| kept.contains(it.as_str()));
    let gone: Vec<_> = gone.map(|it| suite.golden_name(it)).collect();
    if !gone.is_empty() {
        let message = format!("goldens that the base has are gone: {}", gone.join(", "));
        checks.push(check(Verdict::Fail, gone.len(), message));
    }
    let mut lost: Vec<_> = pairs.iter().filter_map(|(base, it)| lost(suite, base, it)).collect();
    lost.sort_by_key(|it| std::cmp::Reverse(it.verdict));
    for verdict in [Verdict::Stale, Verdict::Warn] {
        let of_it: Vec<_> = lost.iter().filter(|it| it.verdict == verdict).collect();
        if of_it.is_empty() {
            continue;
        }
        let names: Vec<_> = of_it.iter().map(|it| it.words.as_str()).collect();
        let rest = match verdict {
            Verdict::Stale => "nothing else holds them",
            _ => "the base's own stand in for them, and are gone with the next change",
        };
        let message = format!(
            "recordings that are still asked for are gone: {}; {rest}: take them back from version \
             control, or record them anew",
            names.join(", ")
        );
        checks.push(check(verdict, of_it.len(), message));
    }
    checks
}

/// Recordings of a scenario that went missing.
struct Lost {
    verdict: Verdict,
    words: String,
}

fn lost(suite: &Suite, base: &Measured, candidate: &Measured) -> Option<Lost> {
    let file = suite.cassette_name(&candidate.scenario);
    let is_lost = |it: &&Digest| candidate.calls.contains(it) && !candidate.recorded.contains(it);
    let n = base.recorded.iter().filter(is_lost).count();
    let is_asked = n > 0 || has_same_requests(base, candidate);
    let is_nowhere = is_asked && base.answer.is_some() && candidate.answer.is_none();
    match (n, is_nowhere) {
        (0, false) => None,
        (0, true) => Some(Lost { verdict: Verdict::Stale, words: file }),
        (n, _) => {
            let verdict = if is_nowhere { Verdict::Stale } else { Verdict::Warn };
            Some(Lost { verdict, words: format!("{n} of {file}") })
        }
    }
}
