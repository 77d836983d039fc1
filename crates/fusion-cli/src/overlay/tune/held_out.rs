//! Whether what the search found holds on evaluations that it did not see.

use std::collections::BTreeMap;

use overlay_model::Overlay;
use overlay_optimizer::{
    AcceptError, AcceptVerdict, Acceptance, Aim, GainUnit, HeldOut, Measured, Objective,
    WeightedScenario, accept,
};
use serde::Serialize;

use super::evaluator::Evaluator;
use super::fault::Fault;
use super::goal::Goals;

/// The fewest scenarios that are held out of a search by replay.
const LEAST: usize = overlay_optimizer::LEAST_SCENARIOS;

/// What the held-out evaluations came to.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Confirmation {
    pub(super) verdict: AcceptVerdict,
    pub(super) because: String,
    /// On how many scenarios, and how often each.
    pub(super) scenarios: usize,
    pub(super) repeats: usize,
    pub(super) objectives: Vec<Judged>,
}

/// One objective.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Judged {
    pub(super) objective: String,
    pub(super) unit: GainUnit,
    #[serde(flatten)]
    pub(super) acceptance: Acceptance,
}

/// The scenarios of a search by replay, and those held out of it: a third, evenly from the
/// whole list, three at least. Of three or fewer nothing can be held out.
pub(super) fn split(
    scenarios: Vec<WeightedScenario>,
) -> (Vec<WeightedScenario>, Vec<WeightedScenario>) {
    let all = scenarios.len();
    let held = if all > LEAST { LEAST.max(all / 3) } else { 0 };
    let is_held = |at: usize| (0..held).any(|it| (it * all + all / 2) / held == at);
    let (held, searched): (Vec<_>, Vec<_>) =
        scenarios.into_iter().enumerate().partition(|(at, _)| is_held(*at));
    let plain = |rows: Vec<(usize, WeightedScenario)>| rows.into_iter().map(|it| it.1).collect();
    (plain(searched), plain(held))
}

/// Evaluates `overlay` and `tuned` on `scenarios` in pairs, `repeats` times, and judges.
///
/// With several objectives one has to gain, and none may lose. An evaluation that fails
/// leaves too little to say.
pub(super) fn confirm(
    evaluator: &Evaluator,
    goals: &Goals,
    (overlay, tuned): (&Overlay, &Overlay),
    scenarios: &[WeightedScenario],
    (repeats, seed): (usize, u64),
) -> Confirmation {
    let mut res = Confirmation {
        verdict: AcceptVerdict::Insufficient,
        because: String::new(),
        scenarios: scenarios.len(),
        repeats,
        objectives: Vec::new(),
    };
    let pairs = match pairs(evaluator, goals, (overlay, tuned), scenarios, repeats) {
        Ok(pairs) => pairs,
        Err(fault) => {
            res.because = format!("a held-out evaluation failed: {fault}");
            return res;
        }
    };
    for (at, Objective { name, aim }) in goals.objectives.iter().enumerate() {
        match judge(&pairs, scenarios, at, (*aim, seed)) {
            Ok((unit, acceptance)) => {
                res.objectives.push(Judged { objective: name.clone(), unit, acceptance });
            }
            Err(err) => {
                res.because = format!("{name}: {err}");
                return res;
            }
        }
    }
    (res.verdict, res.because) = match exceeded(goals, &pairs) {
        Some(because) => (AcceptVerdict::Rejected, because),
        None => verdict(&res.objectives),
    };
    res
}

type Pairs = BTreeMap<String, Vec<(Measured, Measured)>>;

fn pairs(
    evaluator: &Evaluator,
    goals: &Goals,
    (overlay, tuned): (&Overlay, &Overlay),
    scenarios: &[WeightedScenario],
    repeats: usize,
) -> Result<Pairs, Fault> {
    let ids: Vec<_> = scenarios.iter().map(|it| it.id.clone()).collect();
    let mut res = Pairs::new();
    for repeat in 0..repeats {
        if ids.is_empty() {
            break;
        }
        // What drifts while they run hits both alike where they take turns.
        let (before, after) = if repeat % 2 == 0 {
            let before = evaluator.measure(goals, overlay, &ids)?;
            (before, evaluator.measure(goals, tuned, &ids)?)
        } else {
            let after = evaluator.measure(goals, tuned, &ids)?;
            (evaluator.measure(goals, overlay, &ids)?, after)
        };
        for pair in before.into_iter().zip(after) {
            res.entry(pair.0.scenario.clone()).or_default().push(pair);
        }
    }
    Ok(res)
}

/// Costs in shares of what they are, scores in points; so is a cost of nothing, which has
/// no shares.
fn judge(
    pairs: &Pairs,
    scenarios: &[WeightedScenario],
    at: usize,
    (aim, seed): (Aim, u64),
) -> Result<(GainUnit, Acceptance), AcceptError> {
    let value = |it: &Measured| it.objectives.get(at).copied().unwrap_or(f64::NAN);
    let held_out = scenarios.iter().map(|it| {
        let own = pairs.get(&it.id).into_iter().flatten();
        let own = own.map(|(before, after)| (value(before), value(after))).collect();
        HeldOut { scenario: it.id.clone(), weight: it.weight, pairs: own }
    });
    let held_out: Vec<_> = held_out.collect();
    let points = || Ok((GainUnit::Points, accept(&held_out, aim, GainUnit::Points, seed)?));
    match aim {
        Aim::Most => points(),
        Aim::Least => match accept(&held_out, aim, GainUnit::Shares, seed) {
            Ok(acceptance) => Ok((GainUnit::Shares, acceptance)),
            Err(AcceptError::NoShare(_)) => points(),
            Err(err) => Err(err),
        },
    }
}

/// The first limit that the candidate does not keep.
fn exceeded(goals: &Goals, pairs: &Pairs) -> Option<String> {
    let tuned = pairs.values().flatten().map(|(_, tuned)| tuned);
    tuned.into_iter().find_map(|it| {
        let rows = it.limits.iter().zip(&goals.limits);
        let (value, limit) = rows.into_iter().find(|(value, limit)| **value > limit.at_most)?;
        let (name, scenario) = (&limit.name, &it.scenario);
        Some(format!("{name} is {value} on held-out `{scenario}`, more than {}", limit.at_most))
    })
}

fn verdict(objectives: &[Judged]) -> (AcceptVerdict, String) {
    let find =
        |wanted: &dyn Fn(&Acceptance) -> bool| objectives.iter().find(|it| wanted(&it.acceptance));
    let told = |it: &Judged| match objectives.len() {
        1 => it.acceptance.because.clone(),
        _ => format!("{}: {}", it.objective, it.acceptance.because),
    };
    let insufficient = find(&|it| it.verdict == AcceptVerdict::Insufficient);
    let loses = || find(&|it| !it.losers.is_empty());
    if let Some(it) = insufficient.or_else(loses) {
        return (it.acceptance.verdict, told(it));
    }
    match find(&|it| it.verdict == AcceptVerdict::Accepted).or(objectives.first()) {
        Some(it) => (it.acceptance.verdict, told(it)),
        None => (AcceptVerdict::Insufficient, "there is no objective".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(all: usize, expect: &[usize]) {
        let rows = (0..all).map(|it| WeightedScenario { id: it.to_string(), weight: 1.0 });
        let (searched, held) = split(rows.collect());
        let held: Vec<usize> = held.iter().map(|it| it.id.parse().unwrap()).collect();
        assert_eq!((searched.len() + held.len(), held.as_slice()), (all, expect));
    }

    #[test]
    fn a_third_is_held_out() {
        check(3, &[]);
        check(4, &[0, 2, 3]);
        check(9, &[1, 4, 7]);
        check(12, &[1, 4, 7, 10]);
    }
}
