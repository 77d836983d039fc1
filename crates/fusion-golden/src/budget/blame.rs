//! What explains a check of a whole overlay, every figure by itself.

use std::collections::BTreeMap;

use super::attribution::{Change, Explanation, Workbench, changes, model_changes};
use super::explain::{MOST_RENDERINGS, behaviour};
use super::file::Budgets;
use super::over_bare::is_over_bare;
use super::overlays::{baseline_gate, overlay_gate};
use super::report::{Bill, BudgetCheck, Subject};
use super::smallest::{Smallest, Trial, smallest};
use crate::report::Verdict;
use crate::statistics::{Gate, Levels, Limits, prompt_gate};

/// Gives every open check of an overlay the keys that explain it, and only it: what makes
/// prompts longer need not be what makes answers longer.
pub(super) fn explain_overlays(
    checks: &mut [BudgetCheck],
    bills: &[Bill],
    benches: &[Workbench<'_>],
    budgets: &Budgets,
) -> Vec<Explanation> {
    let mut explanations = Vec::new();
    let mut changed: BTreeMap<Option<String>, Vec<Change>> = BTreeMap::new();
    for check in checks.iter_mut().filter(|it| is_open(it)) {
        let of_overlay = benches.iter().filter(|it| it.candidate.overlay == check.overlay);
        let benches: Vec<_> = of_overlay.collect();
        let all = changed
            .entry(check.overlay.clone())
            .or_insert_with(|| all_changes(check.overlay.as_deref(), bills, &benches));
        let case = Case { check, benches: &benches, all, budgets };
        let Some(found) = case.explanation() else { continue };
        check.keys = found.keys();
        explanations.push(found);
    }
    explanations
}

/// Whether a check is one of a figure of an overlay that nothing explains yet.
fn is_open(check: &BudgetCheck) -> bool {
    use Subject::{Baseline, Cost, Failures, LatencyP95, OutputTokens, PromptTokens, Quality};
    let is_figure = matches!(
        check.name,
        PromptTokens | OutputTokens | Cost | LatencyP95 | Failures | Quality | Baseline
    );
    let is_whole = check.scenario.is_none() && check.keys.is_empty();
    is_figure && is_whole && check.gate.verdict != Verdict::Pass
}

/// What changed in any scenario of an overlay.
fn all_changes(overlay: Option<&str>, bills: &[Bill], benches: &[&Workbench<'_>]) -> Vec<Change> {
    let billed = bills.iter().find(|it| it.overlay.as_deref() == overlay);
    let mut all = billed.map(|it| it.changes.clone()).unwrap_or_default();
    for (bench, _) in alike(benches) {
        let known = |it: &Change| all.iter().any(|other| other.key == it.key);
        let more: Vec<_> =
            changes(bench.base, bench.candidate).into_iter().filter(|it| !known(it)).collect();
        all.extend(bench.billed(more));
    }
    all
}

/// One scenario of all that have the same settings and prompts on both sides, so that a
/// change does the same to their prompts, and how many they are.
fn alike<'b, 'a>(benches: &[&'b Workbench<'a>]) -> Vec<(&'b Workbench<'a>, usize)> {
    let mut res: Vec<(&Workbench<'_>, usize)> = Vec::new();
    for bench in benches {
        let is_alike = |it: &&mut (&Workbench<'_>, usize)| {
            [(it.0.base, bench.base), (it.0.candidate, bench.candidate)].iter().all(
                |(it, other)| {
                    it.values == other.values
                        && it.prompt == other.prompt
                        && it.encoding == other.encoding
                },
            )
        };
        match res.iter_mut().find(is_alike) {
            Some(it) => it.1 += 1,
            None => res.push((bench, 1)),
        }
    }
    res
}

/// An open check of an overlay, and what there is to explain it with.
struct Case<'c, 'b, 'a> {
    check: &'c BudgetCheck,
    benches: &'c [&'b Workbench<'a>],
    all: &'c [Change],
    budgets: &'c Budgets,
}

impl Case<'_, '_, '_> {
    /// `None` where nothing changed that could explain it.
    fn explanation(&self) -> Option<Explanation> {
        let BudgetCheck { name, gate, .. } = self.check;
        let prices = self.models(|key| key.ends_with("_usd_per_mtok"));
        match (name, gate.verdict) {
            (Subject::PromptTokens | Subject::OutputTokens, Verdict::Invalid) => self.vocabulary(),
            (Subject::PromptTokens, Verdict::Warn | Verdict::Fail) => Some(self.prompts()),
            (Subject::Cost, Verdict::Warn | Verdict::Fail) if !prices.is_empty() => {
                Some(self.cost(prices))
            }
            _ if self.all.is_empty() => None,
            (Subject::PromptTokens, _) => {
                Some(self.found(self.all.to_vec(), false, "what changed in it"))
            }
            (_, Verdict::Stale) if self.all.len() > 1 => Some(self.stale()),
            _ => Some(self.replayed()),
        }
    }

    fn found(
        &self,
        changes: Vec<Change>,
        separable: bool,
        evidence: impl Into<String>,
    ) -> Explanation {
        Explanation::of(self.check, self.scenario(), changes, separable, evidence)
    }

    /// What `providers.toml` says otherwise.
    fn models(&self, is_asked: impl Fn(&str) -> bool) -> Vec<Change> {
        let mut res: Vec<Change> = Vec::new();
        for bench in self.benches {
            for change in model_changes(bench.base, bench.candidate) {
                if is_asked(&change.key) && !res.contains(&change) {
                    res.push(change);
                }
            }
        }
        res
    }

    /// What makes the vocabulary another one.
    fn vocabulary(&self) -> Option<Explanation> {
        let of_models = self.models(|key| key.ends_with(".encoding"));
        if !of_models.is_empty() {
            let evidence = "tokens of two vocabularies cannot be compared";
            return Some(self.found(of_models, true, evidence));
        }
        let bench = self.benches.iter().find(|it| it.base.encoding != it.candidate.encoding)?;
        let trial = |set: &[&Change]| match bench.vocabulary(set) {
            Some(it) if Some(&it) == bench.candidate.encoding.as_ref() => Trial::Fails,
            Some(_) => Trial::Holds,
            None => Trial::Unknown,
        };
        let found = smallest(self.all, MOST_RENDERINGS, trial)?;
        let changes = found.set.into_iter().cloned().collect();
        let evidence = "the model that is asked counts with another vocabulary";
        Some(self.found(changes, found.is_smallest, evidence))
    }

    /// The smallest part of the change that makes the prompts of the overlay as much longer:
    /// exact, as they are rendered with and without.
    fn prompts(&self) -> Explanation {
        // What the bare baseline answered before is judged one by one, and no part of the sum.
        let is_held = |it: &&&Workbench<'_>| !is_over_bare(it.base, it.candidate);
        let held: Vec<_> = self.benches.iter().filter(is_held).copied().collect();
        let groups = alike(&held);
        let before = held.iter().filter_map(|it| it.base.prompt_tokens).sum::<u64>();
        let after = |set: &[&Change]| {
            let more = groups.iter().map(|(bench, n)| {
                let more = bench.prompt_tokens(set)?.checked_signed_diff(bench.base.prompt_tokens?);
                more?.checked_mul(i64::try_from(*n).ok()?)
            });
            before.checked_add_signed(more.sum::<Option<i64>>()?)
        };
        let Gate { warn, block, .. } = self.check.gate;
        let limits = Limits { warn, block };
        let trial = |set: &[&Change]| match after(set) {
            Some(it) if prompt_gate(before, it, limits).verdict >= self.check.gate.verdict => {
                Trial::Fails
            }
            Some(_) => Trial::Holds,
            None => Trial::Unknown,
        };
        let Some(Smallest { set, is_smallest }) = smallest(self.all, MOST_RENDERINGS, trial) else {
            let evidence = "not separable: the base with these changes is not the candidate";
            return self.found(self.all.to_vec(), false, evidence);
        };
        let after = after(&set).unwrap_or_default();
        let evidence = format!(
            "the base has {before} prompt tokens in all, with {} alone {after}",
            if set.len() == 1 { "this change" } else { "these changes" }
        );
        self.found(set.into_iter().cloned().collect(), is_smallest, evidence)
    }

    /// What makes requests that nobody has recorded an answer to. Each such change does by
    /// itself, so that all are named.
    fn stale(&self) -> Explanation {
        let groups = alike(self.benches);
        let changes_requests = |change: &&Change| {
            let is_other = |(bench, _): &(&Workbench<'_>, usize)| {
                bench.requests(&[*change]) != bench.requests(&[])
            };
            groups.iter().any(is_other)
        };
        let changes: Vec<_> = self.all.iter().filter(changes_requests).cloned().collect();
        if changes.is_empty() {
            // The requests are the same: settings ask for an answer that was not needed before.
            let missing: Vec<_> =
                self.benches.iter().filter(|it| it.candidate.answer.is_none()).collect();
            let trial = |set: &[&Change]| match missing.iter().all(|it| it.replayed(set).is_some())
            {
                true => Trial::Holds,
                false => Trial::Fails,
            };
            return behaviour(self.check, self.scenario(), self.all, trial);
        }
        let evidence = match changes.as_slice() {
            [_] => "it changes requests, and the answers to the new ones are not recorded",
            _ => "each of them changes requests, and the answers to the new ones are not recorded",
        };
        self.found(changes, true, evidence)
    }

    /// What makes answers dearer where prices changed, too: the base's own answers are priced
    /// anew first.
    fn cost(&self, prices: Vec<Change>) -> Explanation {
        if self.all.is_empty() {
            let evidence = "the requests and their answers are the same, the prices are not";
            return self.found(prices, true, evidence);
        }
        if self.trial(&[]) == Trial::Fails {
            let evidence = "replayed: the base at these prices alone does the same";
            return self.found(prices, true, evidence);
        }
        let mut found = self.replayed();
        found.changes.extend(prices);
        found.separable = false;
        found
    }

    fn replayed(&self) -> Explanation {
        behaviour(self.check, self.scenario(), self.all, |set| self.trial(set))
    }

    /// Empty where scenarios have checks of the same figure, too.
    fn scenario(&self) -> &str {
        match self.check.name {
            Subject::PromptTokens | Subject::LatencyP95 => "",
            _ => self.benches.first().map_or("", |it| &it.candidate.scenario),
        }
    }

    /// What the base under `set` makes of the check.
    fn trial(&self, set: &[&Change]) -> Trial {
        let replayed: Option<Vec<_>> = self.benches.iter().map(|it| it.replayed(set)).collect();
        let Some(replayed) = replayed else { return Trial::Unknown };
        let pairs: Vec<_> = self.benches.iter().map(|it| it.base).zip(&replayed).collect();
        let gate = match self.check.name {
            Subject::Baseline => baseline_gate(&pairs).map(|it| it.0),
            name => overlay_gate(name, &pairs, self.budgets, Levels::BUDGET.worse),
        };
        let Some(gate) = gate else { return Trial::Unknown };
        match gate.verdict {
            it @ (Verdict::Warn | Verdict::Fail) if it >= self.check.gate.verdict => Trial::Fails,
            Verdict::Pass | Verdict::Warn => Trial::Holds,
            // Too few to let it pass, and what they say is not what is to be explained.
            Verdict::Insufficient if is_below_line(self.check.name, &gate) => Trial::Holds,
            _ => Trial::Unknown,
        }
    }
}

/// Whether the estimate of a gate lies on the good side of the line where it warns.
pub(super) fn is_below_line(name: Subject, gate: &Gate) -> bool {
    match name {
        Subject::LatencyP95 => gate.counted.or(gate.candidate).is_some_and(|it| it <= gate.warn),
        Subject::Quality => gate.delta.is_some_and(|it| it >= gate.warn),
        _ => gate.delta.is_some_and(|it| it <= gate.warn),
    }
}
