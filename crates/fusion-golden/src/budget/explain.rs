//! What explains a check that does not pass.

use super::attribution::{Change, Explanation, Workbench, changes};
use super::checks::hard_rules;
use super::file::Budgets;
use super::own_latency;
use super::report::{Bill, BudgetCheck, Subject};
use super::smallest::{Smallest, Trial, indispensable, smallest};
use crate::report::Verdict;
use crate::statistics::{Gate, Limits, prompt_gate};

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

/// The most parts of a change that are replayed for one explanation.
pub(super) const MOST_REPLAYS: usize = 64;
/// The most that are rendered.
pub(super) const MOST_RENDERINGS: usize = 512;

/// What explains a check that rests on answers: the smallest part of `all` that `trial`,
/// which replays, says fails.
pub(super) fn behaviour(
    check: &BudgetCheck,
    scenario: &str,
    all: &[Change],
    trial: impl Fn(&[&Change]) -> Trial,
) -> Explanation {
    let explanation = |changes, separable, evidence: &str| {
        Explanation::of(check, scenario, changes, separable, evidence)
    };
    if all.len() == 1 {
        return explanation(all.to_vec(), true, "the one thing that changed");
    }
    match smallest(all, MOST_REPLAYS, &trial) {
        Some(Smallest { set, is_smallest: true }) => {
            let evidence = match set.as_slice() {
                [_] => "replayed: the base with this change alone does the same",
                _ => "replayed: the base with these changes does the same, without any of them not",
            };
            explanation(set.into_iter().cloned().collect(), true, evidence)
        }
        Some(found) => unseparated(all, found, trial, explanation),
        None => {
            let evidence = "not separable: no recordings of parts of the change";
            explanation(all.to_vec(), false, evidence)
        }
    }
}

/// A failure of which too few parts are recorded: what the rest is known to hold without,
/// else what is left.
fn unseparated(
    all: &[Change],
    found: Smallest<'_, Change>,
    trial: impl Fn(&[&Change]) -> Trial,
    explanation: impl Fn(Vec<Change>, bool, &str) -> Explanation,
) -> Explanation {
    let to_blame = indispensable(all, MOST_REPLAYS, trial);
    if !to_blame.is_empty() {
        let evidence = match to_blame.as_slice() {
            [_] => "replayed: with this change alone taken back, the rest does not do it",
            _ => "replayed: with any one of these taken back, the rest does not do it",
        };
        return explanation(to_blame.into_iter().cloned().collect(), true, evidence);
    }
    match found.set {
        set if set.len() < all.len() => {
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
            (Subject::LatencyP95, Some(it)) => own_latency::trial(check, bench.base, &it, budgets),
            _ => Trial::Unknown,
        };
        return behaviour(check, scenario, &all, trial);
    }
    let Gate { warn, block, .. } = check.gate;
    let limits = Limits { warn, block };
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
    Explanation::of(check, scenario, changes, separable, evidence)
}
