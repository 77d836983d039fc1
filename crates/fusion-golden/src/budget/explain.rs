//! What explains a check that does not pass.

use std::collections::{BTreeMap, BTreeSet};

use super::attribution::{Change, Explanation, Workbench, changes};
use super::checks::hard_rules;
use super::file::Budgets;
use super::overlays::overlay_gate;
use super::report::{Bill, BudgetCheck, Subject};
use super::smallest::{Smallest, Trial, smallest};
use crate::report::Verdict;
use crate::statistics::{Levels, prompt_gate};

/// What changed in the overlay of a scenario; `None` where nothing did.
pub(super) fn bill(bench: &Workbench<'_>) -> Option<Bill> {
    let all = changes(bench.base, bench.candidate);
    (!all.is_empty()).then(|| Bill {
        against: String::new(),
        overlay: bench.candidate.overlay.clone(),
        scenario: bench.candidate.scenario.clone(),
        tokens: [bench.base.prompt_tokens, bench.candidate.prompt_tokens],
        changes: bench.billed(all),
    })
}

/// A check of an overlay names the keys that explain its scenarios.
pub(super) fn lend_keys(checks: &mut [BudgetCheck]) {
    let mut keys: BTreeMap<Option<String>, BTreeSet<String>> = BTreeMap::new();
    for check in checks.iter().filter(|it| it.scenario.is_some()) {
        keys.entry(check.overlay.clone()).or_default().extend(check.keys.iter().cloned());
    }
    for check in checks.iter_mut() {
        let is_open = check.scenario.is_none()
            && check.keys.is_empty()
            && check.gate.verdict != Verdict::Pass;
        if let (true, Some(found)) = (is_open, keys.get(&check.overlay)) {
            check.keys = found.iter().cloned().collect();
        }
    }
}

/// An open check of an overlay whose scenarios explain nothing, such as longer answers to
/// prompts of the same length, names what changed in the overlay.
pub(super) fn explain_overlays(
    checks: &mut [BudgetCheck],
    bills: &[Bill],
    benches: &[Workbench<'_>],
    budgets: &Budgets,
) -> Vec<Explanation> {
    let is_open = |it: &BudgetCheck| {
        it.scenario.is_none() && it.keys.is_empty() && it.gate.verdict != Verdict::Pass
    };
    let mut explanations = Vec::new();
    for check in checks.iter_mut().filter(|it| is_open(it) && it.name != Subject::Suite) {
        let Some(bill) = bills.iter().find(|it| it.overlay == check.overlay) else { continue };
        let of_overlay = benches.iter().filter(|it| it.candidate.overlay == check.overlay);
        let benches: Vec<_> = of_overlay.collect();
        let trial = |set: &[&Change]| overlay_trial(check, &benches, set, budgets);
        let explanation = behaviour(check, &bill.scenario, &bill.changes, trial);
        check.keys = explanation.changes.iter().map(|it| it.key.clone()).collect();
        explanations.push(explanation);
    }
    explanations
}

/// The most parts of a change that are replayed for one explanation.
const MOST_REPLAYS: usize = 64;
/// The most that are rendered.
const MOST_RENDERINGS: usize = 512;

/// What explains a check that rests on answers: the smallest part of `all` that `trial`,
/// which replays, says fails.
fn behaviour(
    check: &BudgetCheck,
    scenario: &str,
    all: &[Change],
    trial: impl Fn(&[&Change]) -> Trial,
) -> Explanation {
    let explanation = |changes: Vec<Change>, separable, evidence: &str| Explanation {
        name: check.name,
        against: String::new(),
        overlay: check.overlay.clone(),
        scenario: scenario.to_owned(),
        changes,
        separable,
        evidence: evidence.to_owned(),
    };
    if all.len() == 1 {
        return explanation(all.to_vec(), true, "the one thing that changed");
    }
    match smallest(all, MOST_REPLAYS, trial) {
        Some(Smallest { set, is_smallest: true }) => {
            let evidence = match set.as_slice() {
                [_] => "replayed: the base with this change alone does the same",
                _ => "replayed: the base with these changes does the same, without any of them not",
            };
            explanation(set.into_iter().cloned().collect(), true, evidence)
        }
        Some(Smallest { set, .. }) if set.len() < all.len() => {
            let evidence = "replayed: the base with these changes does the same; not separable \
                            further, no recordings of parts of them";
            explanation(set.into_iter().cloned().collect(), false, evidence)
        }
        _ => {
            let evidence = "not separable: no recordings of parts of the change";
            explanation(all.to_vec(), false, evidence)
        }
    }
}

/// What the base under `set` makes of a check of an overlay.
fn overlay_trial(
    check: &BudgetCheck,
    benches: &[&Workbench<'_>],
    set: &[&Change],
    budgets: &Budgets,
) -> Trial {
    let replayed: Option<Vec<_>> = benches.iter().map(|it| it.replayed(set)).collect();
    let Some(replayed) = replayed else { return Trial::Unknown };
    let pairs: Vec<_> = benches.iter().map(|it| it.base).zip(&replayed).collect();
    match overlay_gate(check.name, &pairs, budgets, Levels::BUDGET.worse).map(|it| it.verdict) {
        Some(it @ (Verdict::Warn | Verdict::Fail)) if it >= check.gate.verdict => Trial::Fails,
        Some(Verdict::Pass | Verdict::Warn) => Trial::Holds,
        _ => Trial::Unknown,
    }
}

/// What explains a check of a scenario.
pub(super) fn explain(
    bench: &Workbench<'_>,
    check: &BudgetCheck,
    budgets: &Budgets,
) -> Explanation {
    let all = changes(bench.base, bench.candidate);
    let scenario = &bench.candidate.scenario;
    if check.name != Subject::PromptTokens || bench.candidate.refused.is_some() {
        let trial = |set: &[&Change]| match (check.name, bench.replayed(set)) {
            (Subject::HardRules, Some(it)) => match hard_rules(bench.base, &it) {
                Some((gate, _)) if gate.verdict == Verdict::Fail => Trial::Fails,
                _ => Trial::Holds,
            },
            _ => Trial::Unknown,
        };
        return behaviour(check, scenario, &all, trial);
    }
    let limits = budgets.tokens_of(scenario);
    let before = bench.base.prompt_tokens.unwrap_or_default();
    let trial = |set: &[&Change]| match bench.prompt_tokens(set) {
        Some(it) if prompt_gate(before, it, limits).verdict >= check.gate.verdict => Trial::Fails,
        Some(_) => Trial::Holds,
        None => Trial::Unknown,
    };
    let all = bench.billed(all);
    let (changes, separable, evidence) = match smallest(&all, MOST_RENDERINGS, trial) {
        Some(Smallest { set, is_smallest }) => {
            let after = bench.prompt_tokens(&set).unwrap_or_default();
            let evidence =
                format!("the base has {before} prompt tokens, with these changes alone {after}");
            (set.into_iter().cloned().collect(), is_smallest, evidence)
        }
        None => {
            let evidence = "not separable: the base with these changes is not the candidate";
            (all, false, evidence.to_owned())
        }
    };
    Explanation {
        name: check.name,
        against: String::new(),
        overlay: check.overlay.clone(),
        scenario: scenario.clone(),
        changes,
        separable,
        evidence,
    }
}
