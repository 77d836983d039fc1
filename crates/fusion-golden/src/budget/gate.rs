use std::collections::BTreeSet;

use super::checks::{SCHEMA, compare_readable};
use super::file::Budgets;
use super::files::{Owner, cassette_findings, unanswered};
use super::measured::{Measurement, measure};
use super::report::{BudgetCheck, BudgetReport, Side, Subject};
use crate::report::{FileFinding, Verdict};
use crate::statistics::Gate;
use crate::suite::{Suite, SuiteError};

/// What a candidate is measured against.
#[derive(Clone, Debug)]
pub enum Base {
    /// A suite with its goldens and recordings.
    Suite {
        /// How reports call it.
        name: String,
        /// The suite.
        suite: Suite,
    },
    /// An installation alone, such as a generation that is live: only the candidate's
    /// recordings speak for it.
    Installation {
        /// How reports call it.
        name: String,
        /// A suite over it, without goldens.
        suite: Suite,
    },
    /// What was measured at a release.
    Record(Measurement),
    /// Nothing was there before: no pass, and nothing to block.
    Nothing {
        /// Why.
        why: String,
    },
}

/// Whether `candidate` may replace each of `bases`: what it costs and breaks against every
/// one of them, the worse counts.
///
/// The installation of a base is asked the questions of the candidate, under its own types and
/// parameters ([`Suite::over_scenarios_of`]); prompts are compared on its own questions, too.
/// A recording is looked for on both sides, then in `recordings`, those of the working tree.
/// Without a base, with one that has no goldens, and where files of the candidate have errors,
/// its goldens and recordings among them, the verdict is invalid; of the base's that is a
/// warning, and of `recordings` where both sides have every answer all the same. With a base
/// whose installation has errors nothing is compared.
///
/// # Errors
///
/// Where the candidate has no scenarios, or a file cannot be read.
pub fn gate(
    candidate: &Suite,
    name: &str,
    bases: Vec<Base>,
    recordings: &[&Suite],
    budgets: &Budgets,
    threads: usize,
) -> Result<BudgetReport, SuiteError> {
    let mut others: Vec<&Suite> = bases.iter().filter_map(Base::suite).collect();
    others.extend(recordings);
    let measured = measure(candidate, &others, name, threads)?;
    let mut report = empty(candidate, &measured);
    let mut needed: BTreeSet<_> = unanswered(&measured).map(str::to_owned).collect();
    let (mut broken, mut unread) = (Vec::new(), Vec::new());
    for base in &bases {
        if let Base::Nothing { why } = base {
            report.begin(why);
            continue;
        }
        if let Some((name, findings)) = base.unread()? {
            unread.push((name, findings));
            continue;
        }
        let refused = base.refusal();
        let (of_base, lost) = base.measured(candidate, recordings, threads)?;
        match refused {
            Some(message) => report.refuse(Some(&of_base), message),
            None => {
                let found = compare_readable(candidate, &of_base, &measured, &others, budgets)?;
                report.join(found);
            }
        }
        if !lost.is_empty() {
            report.lose(&of_base, &lost);
        }
        if base.suite().is_some() {
            needed.extend(unanswered(&of_base).map(str::to_owned));
        }
        broken.push((of_base.name, of_base.findings));
    }
    if bases.is_empty() {
        report.refuse(None, "there is no base to compare with".to_owned());
    }
    let mut beside = Vec::new();
    for (suite, is_needed) in recordings.iter().flat_map(|it| [(it, true), (it, false)]) {
        let asked = ids(candidate).filter(|it| needed.contains(*it) == is_needed);
        beside.push((Owner::WorkingTree { is_needed }, cassette_findings(suite, asked)?));
    }
    let unread = unread.iter().map(|(name, it)| (Owner::Installation(name), it.as_slice()));
    let broken = broken.iter().map(|(name, findings)| (Owner::Base(name), findings.as_slice()));
    let broken = unread.chain(broken);
    let own = [(Owner::Candidate, measured.findings.as_slice())];
    let beside = beside.iter().map(|(owner, findings)| (*owner, findings.as_slice()));
    report.add_broken_files(&broken.chain(own).chain(beside).collect::<Vec<_>>());
    let errors = candidate.findings().iter().filter(|it| it.diagnostic.is_error()).count();
    if errors > 0 {
        let message = format!("the candidate's own files have errors: {errors}");
        report.refuse(None, message);
    }
    Ok(report)
}

fn empty(candidate: &Suite, measured: &Measurement) -> BudgetReport {
    BudgetReport {
        schema: SCHEMA,
        verdict: Verdict::Pass,
        bases: Vec::new(),
        candidate: Side::of(measured),
        checks: Vec::new(),
        explanations: Vec::new(),
        bills: Vec::new(),
        pairs: Vec::new(),
        noise: None,
        notes: Vec::new(),
        findings: candidate.findings().to_vec(),
    }
}

impl Base {
    fn suite(&self) -> Option<&Suite> {
        match self {
            Self::Suite { suite, .. } | Self::Installation { suite, .. } => Some(suite),
            Self::Record(_) | Self::Nothing { .. } => None,
        }
    }

    /// Its name, and what is wrong with the files of its installation, where one of them has an
    /// error: what the rest of them comes to is nothing that anybody had.
    fn unread(&self) -> Result<Option<(&str, Vec<FileFinding>)>, SuiteError> {
        let (Self::Suite { name, suite } | Self::Installation { name, suite }) = self else {
            return Ok(None);
        };
        let (_, of_budgets) = Budgets::read(suite)?;
        let all = suite.findings().iter().cloned().chain(of_budgets);
        let errors: Vec<_> = all.filter(|it| it.diagnostic.is_error()).collect();
        Ok((!errors.is_empty()).then_some((name, errors)))
    }

    /// Why nothing can be compared with it.
    fn refusal(&self) -> Option<String> {
        match self {
            Self::Suite { suite, .. } if !suite.has_goldens() => {
                Some("the base has no goldens".to_owned())
            }
            Self::Record(record) if record.scenarios.is_empty() => {
                Some("the record of the base has no scenarios".to_owned())
            }
            _ => None,
        }
    }

    /// What it makes of the candidate's scenarios, and the scenarios of its own that the
    /// candidate does not have.
    fn measured(
        &self,
        candidate: &Suite,
        recordings: &[&Suite],
        threads: usize,
    ) -> Result<(Measurement, Vec<String>), SuiteError> {
        match self {
            Self::Nothing { .. } => Ok((measure(candidate, &[], "nothing", threads)?, Vec::new())),
            // The comparison itself sees which scenarios a record has more.
            Self::Record(record) => Ok((record.clone().named_as(candidate), Vec::new())),
            Self::Suite { name, suite } | Self::Installation { name, suite } => {
                let kept: BTreeSet<_> = ids(candidate).collect();
                let lost = ids(suite).filter(|it| !kept.contains(it)).map(str::to_owned).collect();
                let over = suite.clone().over_scenarios_of(candidate);
                let mut others = vec![candidate];
                others.extend(recordings);
                let measured = measure(&over, &others, name, threads)?;
                Ok((measured.with_own_questions(suite, candidate), lost))
            }
        }
    }
}

fn ids(suite: &Suite) -> impl Iterator<Item = &str> {
    suite.installation().catalogue().scenarios.iter().map(|it| it.id.as_str())
}

impl BudgetReport {
    /// Takes in what was found against another base.
    fn join(&mut self, other: Self) {
        self.verdict = self.verdict.max(other.verdict);
        self.bases.extend(other.bases);
        self.checks.extend(other.checks);
        self.explanations.extend(other.explanations);
        self.bills.extend(other.bills);
        self.pairs.extend(other.pairs);
        self.noise = self.noise.or(other.noise);
    }

    /// Adds why there is nothing to compare: never a pass.
    pub(super) fn refuse(&mut self, base: Option<&Measurement>, message: String) {
        self.verdict = Verdict::Invalid;
        self.bases.extend(base.map(Side::of));
        let against = base.map_or("", |it| &it.name);
        self.checks.push(BudgetCheck::in_words(Subject::Suite, against, Verdict::Invalid, message));
    }

    /// Adds that there is nothing yet to compare with.
    fn begin(&mut self, why: &str) {
        self.verdict = self.verdict.max(Verdict::Insufficient);
        let (name, why) = (Subject::Suite, why.to_owned());
        self.checks.push(BudgetCheck::in_words(name, "", Verdict::Insufficient, why));
    }

    /// Adds the scenarios that the base has and the candidate has not.
    fn lose(&mut self, base: &Measurement, lost: &[String]) {
        self.verdict = self.verdict.max(Verdict::Fail);
        let kept = base.scenarios.len();
        let gate = Gate::counted(kept + lost.len(), self.candidate.scenarios, Verdict::Fail);
        let message = format!("the suite shrank: it lost {}", lost.join(", "));
        let mut check = BudgetCheck::of(Subject::Suite, None, None, gate, message);
        check.against.clone_from(&base.name);
        self.checks.push(check);
    }
}
