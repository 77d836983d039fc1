//! Scenarios that ask something else in the same change: a longer question makes the prompt
//! of an overlay look shorter than it is.

use std::collections::BTreeMap;

use overlay_model::Scenario;

use super::catalogue::{asks_the_same, configured};
use super::checks::prompt_check;
use super::file::Budgets;
use super::measured::{Measured, Measurement, prompt};
use super::overlays::prompt_tokens;
use super::report::{BudgetCheck, Subject};
use super::words::sentence;
use crate::observe::plan_of;
use crate::sides::Sides;
use crate::statistics::Gate;
use crate::suite::Suite;

/// A scenario with the question that the base has, on both sides.
pub(super) struct Former {
    pub(super) scenario: Scenario,
    pub(super) base: Measured,
    pub(super) candidate: Measured,
    /// Whether the base was asked the candidate's question, too. A record was not.
    is_base_asked: bool,
}

/// The scenarios that ask something else now.
pub(super) fn former(
    suite: &Suite,
    base: &Measurement,
    pairs: &[(&Measured, &Measured)],
) -> Vec<Former> {
    let catalogue = &suite.installation().catalogue().scenarios;
    let now: BTreeMap<_, _> = catalogue.iter().map(|it| (it.id.as_str(), it)).collect();
    let asked = base.catalogue.iter().filter_map(|was| {
        let is = now.get(was.id.as_str())?;
        (!asks_the_same(was, is)).then(|| configured(was, is))
    });
    let asked: Vec<_> = asked.collect();
    let tokens = prompts(suite, &asked);
    let by_id: BTreeMap<_, _> = pairs.iter().map(|it| (it.1.scenario.as_str(), it)).collect();
    let former = asked.into_iter().filter_map(|scenario| {
        let (base, candidate) = by_id.get(scenario.id.as_str())?;
        let prompt_tokens = tokens.get(scenario.id.as_str()).copied();
        let own = base.own_prompt_tokens;
        Some(Former {
            base: Measured { prompt_tokens: own.or(base.prompt_tokens), ..(*base).clone() },
            candidate: Measured { prompt_tokens, ..(*candidate).clone() },
            is_base_asked: own.is_some(),
            scenario,
        })
    });
    former.collect()
}

/// Tokens of the first prompt of each of `scenarios`, by the overlay that `suite` selects for
/// it; without those that no plan can be made for.
pub(super) fn prompts(suite: &Suite, scenarios: &[Scenario]) -> BTreeMap<String, u64> {
    let sides = Sides::new(suite, &scenarios.iter().collect::<Vec<_>>());
    let tokens = scenarios.iter().filter_map(|scenario| {
        let overlay = sides.choice(scenario)?.overlay.as_ref();
        let settings = sides.settings(overlay, scenario)?;
        let plan = plan_of(&sides, settings, scenario, &scenario.question()).ok()?;
        Some((scenario.id.to_string(), prompt(&sides, Some(&plan))?))
    });
    tokens.collect()
}

impl Measurement {
    /// This measurement of `suite` over the scenarios of `asked`, with the prompts that it has
    /// for its own questions where these are others.
    #[must_use]
    pub(super) fn with_own_questions(mut self, suite: &Suite, asked: &Suite) -> Self {
        let asked = asked.installation().catalogue();
        let asked: BTreeMap<_, _> = asked.scenarios.iter().map(|it| (&it.id, it)).collect();
        let own = &suite.installation().catalogue().scenarios;
        let is_other =
            |it: &&Scenario| asked.get(&it.id).is_some_and(|now| !asks_the_same(it, now));
        let others: Vec<_> = own.iter().filter(is_other).cloned().collect();
        let tokens = prompts(suite, &others);
        for it in &mut self.scenarios {
            it.own_prompt_tokens = tokens.get(&it.scenario).copied();
        }
        self.catalogue.clone_from(own);
        self
    }
}

/// Judges the prompts of an overlay, or of a scenario, on the questions of the base, too: the
/// worse counts. Whether it is the base's.
pub(super) fn judge_former(
    check: &mut BudgetCheck,
    former: &[Former],
    pairs: &[(&Measured, &Measured)],
    budgets: &Budgets,
) -> bool {
    if check.name != Subject::PromptTokens || former.is_empty() {
        return false;
    }
    let of_check = |it: &&Former| match &check.scenario {
        Some(scenario) => it.candidate.scenario == *scenario,
        None => it.candidate.overlay == check.overlay,
    };
    let concerned: Vec<_> = former.iter().filter(of_check).collect();
    if concerned.is_empty() {
        return false;
    }
    let judged = match (&check.scenario, concerned.as_slice()) {
        (Some(_), [it]) => prompt_check(&it.base, &it.candidate, budgets).map(|it| it.gate),
        _ => {
            let of_overlay = pairs.iter().filter(|it| it.1.overlay == check.overlay);
            let on_former = of_overlay.map(|pair| {
                let it = concerned.iter().find(|it| it.candidate.scenario == pair.1.scenario);
                it.map_or(*pair, |it| (&it.base, &it.candidate))
            });
            prompt_tokens(&on_former.collect::<Vec<_>>(), budgets)
        }
    };
    let Some(gate) = judged else { return false };
    let is_only_one = concerned.iter().any(|it| !it.is_base_asked);
    if !is_only_one && !is_worse(&gate, &check.gate) {
        return false;
    }
    let what = sentence(Subject::PromptTokens, &gate);
    check.message = format!("{what}, on the questions of the base");
    check.gate = gate;
    true
}

fn is_worse(gate: &Gate, than: &Gate) -> bool {
    let more = |it: &Gate| it.delta.unwrap_or(f64::NEG_INFINITY);
    gate.verdict > than.verdict || (gate.verdict == than.verdict && more(gate) > more(than))
}
