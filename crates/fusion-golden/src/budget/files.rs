//! Goldens and recordings themselves: what cannot be read, and what went missing.

use std::collections::BTreeSet;

use overlay_model::Digest;

use super::identity::has_same_requests;
use super::measured::{Measured, Measurement};
use super::report::{BudgetCheck, BudgetReport, Subject};
use crate::cassette::Cassette;
use crate::code;
use crate::ladder;
use crate::report::{FileFinding, Verdict};
use crate::statistics::Gate;
use crate::suite::{Suite, SuiteError};

/// The recordings of a scenario in a suite, with what is wrong with them and with its golden.
/// That there is no golden is none of it.
pub(super) fn scenario_files(
    suite: &Suite,
    scenario: &str,
) -> Result<(Cassette, Vec<FileFinding>), SuiteError> {
    let (cassette, of_cassette) = ladder::read_cassette(suite, scenario)?;
    let (_, of_golden) = ladder::accepted(suite, scenario)?;
    let of_golden = of_golden.into_iter().filter(|it| it.code != code::NO_GOLDEN);
    let named = |path: String| move |diagnostic| FileFinding { path: path.clone(), diagnostic };
    let of_cassette = of_cassette.into_iter().map(named(suite.cassette_name(scenario)));
    let of_golden = of_golden.map(named(suite.golden_name(scenario)));
    Ok((cassette, of_cassette.chain(of_golden).collect()))
}

/// What is wrong with the files of a suite that is measured by nobody: one whose recordings
/// answer for others.
pub(super) fn suite_files(suite: &Suite) -> Result<Vec<FileFinding>, SuiteError> {
    let mut findings = Vec::new();
    for scenario in &suite.installation().catalogue().scenarios {
        findings.extend(scenario_files(suite, scenario.id.as_str())?.1);
    }
    Ok(findings)
}

impl BudgetReport {
    /// Takes in what is wrong with the goldens and cassettes of a side; of `base`, where it is
    /// not the candidate's. What cannot be read may hold anything, so that nothing passes; of
    /// the base it is said only, or no change could mend it.
    pub(super) fn add_broken_files(&mut self, base: Option<&str>, findings: &[FileFinding]) {
        let errors: Vec<_> = findings.iter().filter(|it| it.diagnostic.is_error()).collect();
        if let Some(first) = errors.first() {
            let (verdict, side) = match base {
                Some(_) => (Verdict::Warn, "the base"),
                None => (Verdict::Invalid, "the candidate"),
            };
            let gate = Gate::without_figure(None, verdict);
            let message = format!(
                "goldens or recordings of {side} cannot be read, {} in all; {} {}",
                errors.len(),
                placed(first),
                first.diagnostic.message
            );
            let mut check = BudgetCheck::of(Subject::Recordings, None, None, gate, message);
            check.against = base.unwrap_or_default().to_owned();
            self.checks.push(check);
            self.verdict = self.verdict.max(verdict);
            for check in self.checks.iter_mut().filter(|it| it.gate.verdict == Verdict::Stale) {
                check.message.push_str("; they may be in what cannot be read");
            }
        }
        let named = findings.iter().cloned().map(|it| match base {
            // Both sides call their files alike.
            Some(base) => FileFinding { path: format!("{base}: {}", it.path), ..it },
            None => it,
        });
        self.findings.extend(named);
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
