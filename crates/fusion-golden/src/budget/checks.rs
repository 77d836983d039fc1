use std::collections::{BTreeMap, BTreeSet};

use super::attribution::Workbench;
use super::blame::explain_overlays;
use super::explain::{bill, explain};
use super::file::Budgets;
use super::identity::{answers_same, is_same};
use super::limits::limits_check;
use super::measured::{Measured, MeasuredAnswer, Measurement};
use super::overlays::{OfOverlay, mixed, overlay_checks, sentence};
use super::report::{Bill, BudgetCheck, BudgetReport, Noise, ScenarioPair, Side, Subject};
use crate::report::Verdict;
use crate::sides::Sides;
use crate::statistics::{Bootstrap, Gate, Levels, Limits, Pair, Reason, prompt_gate, token_gate};
use crate::suite::{Suite, SuiteError};

/// The version of the report's form.
pub(super) const SCHEMA: &str = "fusion/budget-report/1";

/// Compares what `candidate` makes of the scenarios of `suite`, its own, with what `base`
/// made of them.
///
/// Per overlay and per scenario, the worst counts. What the base answers with the same
/// requests passes by identity. What explains a check is sought with the recordings of
/// `suite`, then of `recordings`.
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
    let (scenarios, _) = suite.select(&[])?;
    let sides = Sides::new(suite, &scenarios);
    let before = base.by_scenario();
    let pairs: Vec<(&Measured, &Measured)> = candidate
        .scenarios
        .iter()
        .filter_map(|it| Some((*before.get(it.scenario.as_str())?, it)))
        .collect();
    let mut checks = suite_checks(base, candidate, &pairs);
    let mut explanations = Vec::new();
    for (found, explanation) in overlay_checks(&by_overlay(&pairs), budgets) {
        checks.extend(found);
        explanations.extend(explanation);
    }
    if let Some((check, explanation)) = limits_check(suite, base, &pairs, budgets) {
        checks.push(check);
        explanations.push(explanation);
    }
    let by_id: BTreeMap<_, _> = scenarios.iter().map(|it| (it.id.as_str(), *it)).collect();
    let mut bills: Vec<Bill> = Vec::new();
    let mut benches = Vec::new();
    for (base, candidate) in &pairs {
        let mut found = scenario_checks(base, candidate, budgets);
        if let Some(scenario) = by_id.get(candidate.scenario.as_str()) {
            let bench = Workbench::new(&sides, recordings, Some(scenario), [base, candidate]);
            if !bills.iter().any(|it| it.overlay == candidate.overlay) {
                bills.extend(bill(&bench));
            }
            for check in found.iter_mut().filter(|it| it.gate.verdict != Verdict::Pass) {
                let explanation = explain(&bench, check, budgets);
                check.keys = explanation.changes.iter().map(|it| it.key.clone()).collect();
                explanations.push(explanation);
            }
            benches.push(bench);
        }
        checks.extend(found);
    }
    for (base, candidate) in unselected(base, candidate, &pairs) {
        checks.extend(unselected_check(base, candidate, budgets));
        benches.push(Workbench::new(&sides, recordings, None, [base, candidate]));
    }
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

/// The overlays of both sides that no scenario selects: nobody would see them grow.
fn unselected<'a>(
    base: &'a Measurement,
    candidate: &'a Measurement,
    pairs: &[(&Measured, &Measured)],
) -> Vec<(&'a Measured, &'a Measured)> {
    let selected: BTreeSet<_> = pairs.iter().filter_map(|it| it.1.overlay.as_deref()).collect();
    let alone = candidate.overlays.iter().filter(|(name, _)| !selected.contains(name.as_str()));
    alone.filter_map(|(name, it)| Some((base.overlays.get(name)?, it))).collect()
}

/// What is known of an overlay that no scenario selects; `None` where it did not change.
fn unselected_check(
    base: &Measured,
    candidate: &Measured,
    budgets: &Budgets,
) -> Option<BudgetCheck> {
    if base.values == candidate.values && base.prompt == candidate.prompt {
        return None;
    }
    let tokens = base.prompt_tokens.zip(candidate.prompt_tokens);
    let gate = match tokens {
        Some((before, after)) if !mixed(&[(base, candidate)]) => {
            prompt_gate(before, after, budgets.tokens)
        }
        _ => Gate::without_figure(base.prompt_tokens, Verdict::Insufficient),
    };
    let what = sentence(Subject::PromptTokens, &gate);
    let message = format!("{what}; no scenario selects it: nothing is known of its answers");
    let gate = match gate.verdict {
        Verdict::Pass => gate.decided(Verdict::Insufficient, Reason::TooFew),
        _ => gate,
    };
    let overlay = candidate.overlay.as_deref();
    Some(BudgetCheck::of(Subject::PromptTokens, overlay, None, gate, message))
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
    let limits = budgets.tokens_of(&candidate.scenario);
    // Of two vocabularies the check of the overlay speaks, once.
    if let (Some(before), Some(after)) = (base.prompt_tokens, candidate.prompt_tokens)
        && !mixed(&[(base, candidate)])
    {
        let gate = prompt_gate(before, after, limits);
        let message = sentence(Subject::PromptTokens, &gate);
        checks.push(of(Subject::PromptTokens, gate, message));
    }
    checks.extend(
        hard_rules(base, candidate).map(|(gate, message)| of(Subject::HardRules, gate, message)),
    );
    checks
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
