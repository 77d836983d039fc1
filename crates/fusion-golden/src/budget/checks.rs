use std::collections::{BTreeMap, BTreeSet};

use overlay_model::Scenario;

use super::attribution::{Explanation, Workbench};
use super::blame::explain_overlays;
use super::catalogue::catalogue_check;
use super::explain::{bill, explain};
use super::file::Budgets;
use super::files::{Owner, lost_files};
use super::identity::{answers_same, is_same};
use super::limits::limits_check;
use super::measured::{Measured, MeasuredAnswer, Measurement};
use super::over_bare::{cap, capped, is_over_bare, undeclared, words};
use super::overlays::{OfOverlay, mixed, overlay_checks};
use super::own_latency::own_latency_checks;
use super::questions::{Former, former, judge_former};
use super::report::{Bill, BudgetCheck, BudgetReport, Noise, ScenarioPair, Side, Subject};
use super::unselected::unselected;
use super::words::sentence;
use crate::report::Verdict;
use crate::sides::Sides;
use crate::statistics::{Bootstrap, Gate, Levels, Limits, Pair, prompt_gate, token_gate};
use crate::suite::{Suite, SuiteError};

/// The version of the report's form.
pub(super) const SCHEMA: &str = "fusion/budget-report/1";

/// Compares what `candidate` makes of the scenarios of `suite`, its own, with what `base`
/// made of them.
///
/// Per overlay and per scenario, the worst counts. What the base answers with the same
/// requests passes by identity. What explains a check is sought with the recordings of
/// `suite`, then of `recordings`. Goldens or recordings of the candidate that cannot be read
/// make the verdict invalid; of the base they are a warning.
///
/// # Errors
///
/// Where the suite has no scenarios.
pub fn compare(
    suite: &Suite,
    base: &Measurement,
    candidate: &Measurement,
    recordings: &[&Suite],
    budgets: &Budgets,
) -> Result<BudgetReport, SuiteError> {
    let mut report = compare_readable(suite, base, candidate, recordings, budgets)?;
    report.add_broken_files(&[
        (Owner::Base(&base.name), &base.findings),
        (Owner::Candidate, &candidate.findings),
    ]);
    Ok(report)
}

/// [`compare`], whatever cannot be read.
pub(super) fn compare_readable(
    suite: &Suite,
    base: &Measurement,
    candidate: &Measurement,
    recordings: &[&Suite],
    budgets: &Budgets,
) -> Result<BudgetReport, SuiteError> {
    let (scenarios, _) = suite.select(&[])?;
    let sides = Sides::new(suite, &scenarios);
    let before = base.by_scenario();
    let pairs: Vec<(&Measured, &Measured)> = candidate
        .scenarios
        .iter()
        .filter_map(|it| Some((*before.get(it.scenario.as_str())?, it)))
        .collect();
    let former = former(suite, base, &pairs);
    let by_id = scenarios.iter().map(|it| (it.id.as_str(), *it)).collect();
    let case = Case { sides: &sides, recordings, by_id, pairs: &pairs, former: &former, budgets };
    let checks = suite_checks(base, candidate, &pairs);
    let mut found = Found { checks, ..Found::default() };
    found.checks.extend(lost_files(suite, base, candidate, &pairs));
    found.add(catalogue_check(suite, base));
    case.overlays(&mut found);
    found.add(limits_check(suite, base, &pairs, budgets));
    let mut benches = case.scenarios(&mut found);
    let alone = unselected(base, candidate, &pairs, budgets);
    found.checks.extend(alone.checks);
    found.explanations.extend(alone.explanations);
    for (base, candidate) in alone.pairs {
        benches.push(Workbench::new(&sides, recordings, None, [base, candidate]));
    }
    case.explain_former(&mut found);
    let Found { mut checks, mut explanations, mut bills, .. } = found;
    explanations.extend(explain_overlays(&mut checks, &bills, &benches, budgets));
    checks.iter_mut().for_each(|it| it.against.clone_from(&base.name));
    explanations.iter_mut().for_each(|it| it.against.clone_from(&base.name));
    bills.iter_mut().for_each(|it| it.against.clone_from(&base.name));
    Ok(BudgetReport {
        schema: SCHEMA,
        verdict: checks.iter().map(|it| it.gate.verdict).max().unwrap_or(Verdict::Invalid),
        bases: vec![Side::of(base)],
        candidate: Side::of(candidate),
        checks,
        explanations,
        bills,
        pairs: pairs.iter().map(|(base_of, it)| scenario_pair(&base.name, base_of, it)).collect(),
        noise: noise(candidate),
        notes: Vec::new(),
        findings: suite.findings().to_vec(),
    })
}

/// What is compared, and what there is to explain it with.
struct Case<'a> {
    sides: &'a Sides<'a>,
    recordings: &'a [&'a Suite],
    by_id: BTreeMap<&'a str, &'a Scenario>,
    pairs: &'a [(&'a Measured, &'a Measured)],
    former: &'a [Former],
    budgets: &'a Budgets,
}

/// What was found so far.
#[derive(Default)]
struct Found {
    checks: Vec<BudgetCheck>,
    explanations: Vec<Explanation>,
    bills: Vec<Bill>,
    /// Overlays whose prompts were judged on the questions of the base.
    on_former: BTreeSet<Option<String>>,
}

impl Found {
    fn add(&mut self, found: Option<(BudgetCheck, Explanation)>) {
        let (check, explanation) = found.unzip();
        self.checks.extend(check);
        self.explanations.extend(explanation);
    }
}

impl<'a> Case<'a> {
    /// The checks of all that an overlay answers.
    fn overlays(&self, found: &mut Found) {
        for (checks, explanation) in overlay_checks(&by_overlay(self.pairs), self.budgets) {
            for mut check in checks {
                if judge_former(&mut check, self.former, self.pairs, self.budgets) {
                    found.on_former.insert(check.overlay.clone());
                }
                let mut of_overlay = self.pairs.iter().filter(|it| it.1.overlay == check.overlay);
                let undeclared = of_overlay.find_map(|it| undeclared(&check, it.0, it.1));
                check.keys.extend(undeclared.iter().flat_map(Explanation::keys));
                found.explanations.extend(undeclared);
                found.checks.push(check);
            }
            found.explanations.extend(explanation);
        }
    }

    /// The checks of single scenarios, what explains them, and the benches of all.
    fn scenarios(&self, found: &mut Found) -> Vec<Workbench<'a>> {
        let mut latencies = own_latency_checks(self.pairs, self.budgets);
        let mut benches = Vec::new();
        for (base, candidate) in self.pairs {
            let mut checks = scenario_checks(base, candidate, self.budgets);
            checks.extend(latencies.remove(candidate.scenario.as_str()));
            let Some(bench) = self.bench(base, candidate) else {
                found.checks.extend(checks);
                continue;
            };
            if !found.bills.iter().any(|it| it.overlay == candidate.overlay) {
                found.bills.extend(bill(&bench));
            }
            for check in &mut checks {
                let is_former = judge_former(check, self.former, self.pairs, self.budgets);
                if check.gate.verdict == Verdict::Pass {
                    continue;
                }
                let former = self.former_bench(candidate).filter(|_| is_former);
                let bench = former.as_ref().unwrap_or(&bench);
                let explanation = undeclared(check, base, candidate)
                    .unwrap_or_else(|| explain(bench, check, self.budgets));
                check.keys = explanation.keys();
                found.explanations.push(explanation);
            }
            benches.push(bench);
            found.checks.extend(checks);
        }
        benches
    }

    fn bench(&self, base: &'a Measured, candidate: &'a Measured) -> Option<Workbench<'a>> {
        let scenario = self.by_id.get(candidate.scenario.as_str())?;
        Some(Workbench::new(self.sides, self.recordings, Some(scenario), [base, candidate]))
    }

    fn former_bench(&self, candidate: &Measured) -> Option<Workbench<'a>> {
        let former = self.former.iter().find(|it| it.candidate.scenario == candidate.scenario)?;
        let Former { scenario, base, candidate, .. } = former;
        Some(Workbench::new(self.sides, self.recordings, Some(scenario), [base, candidate]))
    }

    /// What explains prompts that were judged on the questions of the base.
    fn explain_former(&self, found: &mut Found) {
        let concerned = self.pairs.iter().filter(|it| found.on_former.contains(&it.1.overlay));
        let bench = |(base, it): &(&'a Measured, &'a Measured)| {
            self.former_bench(it).or_else(|| self.bench(base, it))
        };
        let benches: Vec<_> = concerned.filter_map(bench).collect();
        let judged = found.checks.iter_mut().filter(|it| {
            it.name == Subject::PromptTokens
                && it.scenario.is_none()
                && found.on_former.contains(&it.overlay)
        });
        for check in judged {
            let checks = std::slice::from_mut(check);
            found.explanations.extend(explain_overlays(checks, &[], &benches, self.budgets));
        }
    }
}

/// The scenarios by the overlay that answers for the candidate.
fn by_overlay<'a>(pairs: &[(&'a Measured, &'a Measured)]) -> Vec<OfOverlay<'a>> {
    let mut res: BTreeMap<Option<&str>, Vec<_>> = BTreeMap::new();
    for (base, candidate) in pairs {
        res.entry(candidate.overlay.as_deref()).or_default().push((*base, *candidate));
    }
    res.into_iter().collect()
}

fn scenario_pair(against: &str, base: &Measured, candidate: &Measured) -> ScenarioPair {
    let answers = [base, candidate].map(|it| it.answer.as_ref());
    let [before, after] = answers.map(|it| it.and_then(|it| it.text.clone()));
    let [prompt, next] = [base, candidate].map(|it| it.prompt.as_ref().map(|(_, text)| text));
    ScenarioPair {
        against: against.to_owned(),
        scenario: candidate.scenario.clone(),
        overlay: candidate.overlay.clone(),
        identical: is_same(base, candidate),
        prompt_tokens: [base.prompt_tokens, candidate.prompt_tokens],
        output_tokens: answers.map(|it| it.map(|it| it.tokens)),
        latency_ms: answers.map(|it| it.and_then(|it| it.latency_ms)),
        answers: before.zip(after).filter(|(a, b)| a != b).map(|(a, b)| [a, b]),
        prompts: (prompt != next).then(|| [prompt, next].map(|it| it.cloned().unwrap_or_default())),
    }
}

/// The A/A band: second recordings against first ones of the same requests.
fn noise(measurement: &Measurement) -> Option<Noise> {
    let answers = measurement.scenarios.iter().filter_map(|it| it.answer.as_ref());
    let pairs: Vec<_> = answers
        .filter_map(|it| Some(Pair::new(*it.repeats.first()?, *it.repeats.get(1)?)))
        .collect();
    let gate = token_gate(&pairs, Limits::TOKENS, Levels::BUDGET, Bootstrap::default());
    Some(Noise { n: pairs.len(), delta: gate.delta?, interval: gate.interval? })
}

/// Whether there are the same scenarios, and enough of them.
fn suite_checks(
    base: &Measurement,
    candidate: &Measurement,
    pairs: &[(&Measured, &Measured)],
) -> Vec<BudgetCheck> {
    let kept: BTreeSet<_> = pairs.iter().map(|(_, it)| it.scenario.as_str()).collect();
    let lost: Vec<_> = base
        .scenarios
        .iter()
        .map(|it| it.scenario.as_str())
        .filter(|it| !kept.contains(it))
        .collect();
    let new = candidate.scenarios.len() - pairs.len();
    let (verdict, message) = match (pairs.len(), lost.as_slice()) {
        (0, _) => (Verdict::Invalid, "no scenario stands on both sides".to_owned()),
        (_, []) if new > 0 => {
            (Verdict::Pass, format!("{new} scenarios are new: nothing to compare"))
        }
        (both, []) => (Verdict::Pass, format!("{both} scenarios on both sides")),
        (_, lost) => (Verdict::Fail, format!("the suite shrank: it lost {}", lost.join(", "))),
    };
    let gate = Gate::counted(base.scenarios.len(), candidate.scenarios.len(), verdict);
    vec![BudgetCheck::of(Subject::Suite, None, None, gate, message)]
}

fn scenario_checks(base: &Measured, candidate: &Measured, budgets: &Budgets) -> Vec<BudgetCheck> {
    let overlay = candidate.overlay.as_deref();
    let of = |subject, gate, message| {
        BudgetCheck::of(subject, overlay, Some(&candidate.scenario), gate, message)
    };
    let mut checks = Vec::new();
    if base.overlay != candidate.overlay {
        let name = |it: &Measured| it.overlay.clone().unwrap_or_else(|| "baseline".to_owned());
        let message = format!("`{}` answers instead of `{}`", name(candidate), name(base));
        checks.push(of(Subject::Selection, Gate::counted(1, 1, Verdict::Warn), message));
    }
    if let Some(why) = &candidate.refused {
        let message = format!("no plan can be made: {why}");
        let gate = Gate::without_figure(base.prompt_tokens, Verdict::Fail);
        checks.push(of(Subject::PromptTokens, gate, message));
        return checks;
    }
    checks.extend(prompt_check(base, candidate, budgets));
    checks.extend(
        hard_rules(base, candidate).map(|(gate, message)| of(Subject::HardRules, gate, message)),
    );
    checks
}

/// The prompt of a scenario: of two vocabularies the check of the overlay speaks, once.
pub(super) fn prompt_check(
    base: &Measured,
    candidate: &Measured,
    budgets: &Budgets,
) -> Option<BudgetCheck> {
    let (before, after) = base.prompt_tokens.zip(candidate.prompt_tokens)?;
    if mixed(&[(base, candidate)]) {
        return None;
    }
    let (gate, message) = match is_over_bare(base, candidate) {
        true => {
            let cap = cap(base, candidate);
            let gate = capped(before, after, cap);
            let message = words(&gate, cap);
            (gate, message)
        }
        false => {
            let gate = prompt_gate(before, after, budgets.tokens_of(&candidate.scenario));
            let message = sentence(Subject::PromptTokens, &gate);
            (gate, message)
        }
    };
    let (name, scenario) = (Subject::PromptTokens, Some(candidate.scenario.as_str()));
    Some(BudgetCheck::of(name, candidate.overlay.as_deref(), scenario, gate, message))
}

/// Hard rules that held with the base and do not any more.
pub(super) fn hard_rules(base: &Measured, candidate: &Measured) -> Option<(Gate, String)> {
    if answers_same(base, candidate) {
        return None;
    }
    let (before, after) = (base.answer.as_ref()?, candidate.answer.as_ref()?);
    let newly: Vec<_> = after
        .hard
        .iter()
        .filter(|(id, holds)| !**holds && before.hard.get(*id).copied().unwrap_or(true))
        .map(|(id, _)| id.as_str())
        .collect();
    let failing = |it: &MeasuredAnswer| it.hard.values().filter(|it| !**it).count();
    let verdict = if newly.is_empty() { Verdict::Pass } else { Verdict::Fail };
    let message = match newly.as_slice() {
        [] => "every hard rule that held still holds".to_owned(),
        newly => format!("held before and fails now: {}", newly.join(", ")),
    };
    Some((Gate::counted(failing(before), failing(after), verdict), message))
}

impl BudgetCheck {
    pub(super) fn of(
        name: Subject,
        overlay: Option<&str>,
        scenario: Option<&str>,
        gate: Gate,
        message: String,
    ) -> Self {
        let owned = |it: Option<&str>| it.map(str::to_owned);
        let (overlay, scenario) = (owned(overlay), owned(scenario));
        let (against, keys) = (String::new(), Vec::new());
        Self { name, against, overlay, scenario, gate, keys, message }
    }
}
