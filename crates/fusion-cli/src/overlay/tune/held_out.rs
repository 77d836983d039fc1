//! Whether what the search found holds on evaluations that it did not see.

use std::collections::BTreeMap;

use overlay_model::Overlay;
use overlay_optimizer::{
    AcceptError, AcceptVerdict, Acceptance, Aim, HeldOut, Measured, Objective, WeightedScenario,
    accept,
};
use serde::Serialize;

use super::evaluator::Evaluator;
use super::fault::Fault;
use super::goal::{GainUnit, Goals, Values};

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
/// whole list; of few a half, three at least. Of three or fewer nothing can be held out.
pub(super) fn split(
    scenarios: Vec<WeightedScenario>,
) -> (Vec<WeightedScenario>, Vec<WeightedScenario>) {
    let all = scenarios.len();
    let held = if all > LEAST { LEAST.max(all / 3).max((all / 2).min(6)) } else { 0 };
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
///
/// # Errors
///
/// Where the run was interrupted.
pub(super) fn confirm(
    evaluator: &Evaluator,
    goals: &Goals,
    (overlay, tuned): (&Overlay, &Overlay),
    scenarios: &[WeightedScenario],
    (repeats, seed): (usize, u64),
) -> Result<Confirmation, Fault> {
    let mut res = Confirmation {
        verdict: AcceptVerdict::Insufficient,
        because: String::new(),
        scenarios: scenarios.len(),
        repeats,
        objectives: Vec::new(),
    };
    let pairs = match pairs(evaluator, goals, (overlay, tuned), scenarios, repeats) {
        Ok(pairs) => pairs,
        Err(Fault::Interrupted) => return Err(Fault::Interrupted),
        Err(fault) => {
            res.because = format!("a held-out evaluation failed: {fault}");
            return Ok(res);
        }
    };
    for (at, Objective { name, .. }) in goals.objectives.iter().enumerate() {
        match judge(goals, &pairs, scenarios, (at, seed)) {
            Ok((unit, acceptance)) => {
                res.objectives.push(Judged { objective: name.clone(), unit, acceptance });
            }
            Err(err) => {
                res.because = format!("{name}: {err}");
                return Ok(res);
            }
        }
    }
    (res.verdict, res.because) = match exceeded(goals, &pairs) {
        Some(because) => (AcceptVerdict::Rejected, because),
        None => verdict(&res.objectives),
    };
    Ok(res)
}

/// Overlay and candidate on one scenario, once.
struct Pair {
    /// The values with the overlay as it is.
    base: Values,
    before: Measured,
    after: Measured,
}

type Pairs = BTreeMap<String, Vec<Pair>>;

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
        let (base, after) = if repeat % 2 == 0 {
            let base = evaluator.values(overlay, &ids)?;
            (base, evaluator.measure(goals, tuned, &ids)?)
        } else {
            let after = evaluator.measure(goals, tuned, &ids)?;
            (evaluator.values(overlay, &ids)?, after)
        };
        for after in after {
            let base = base.get(&after.scenario).cloned().unwrap_or_default();
            let before = goals.measured(&after.scenario, &base)?;
            let own = res.entry(after.scenario.clone()).or_default();
            own.push(Pair { base, before, after });
        }
    }
    Ok(res)
}

fn judge(
    goals: &Goals,
    pairs: &Pairs,
    scenarios: &[WeightedScenario],
    (at, seed): (usize, u64),
) -> Result<(GainUnit, Acceptance), AcceptError> {
    let aim = goals.objectives.get(at).map_or(Aim::Least, |it| it.aim);
    let value = |it: &Measured| it.objectives.get(at).copied().unwrap_or(f64::NAN);
    let own = |id: &String| pairs.get(id).map(Vec::as_slice).unwrap_or_default();
    let base = scenarios.iter().map(|it| own(&it.id).iter().map(|it| &it.base).collect());
    let (unit, wholes) = goals.wholes(at, &base.collect::<Vec<_>>());
    let held_out = scenarios.iter().zip(wholes).map(|(it, whole)| {
        let pairs = own(&it.id).iter().map(|it| (value(&it.before), value(&it.after)));
        HeldOut { scenario: it.id.clone(), weight: it.weight, whole, pairs: pairs.collect() }
    });
    let held_out: Vec<_> = held_out.collect();
    Ok((unit, accept(&held_out, aim, goals.objectives.len(), seed)?))
}

/// The first limit that the candidate does not keep.
fn exceeded(goals: &Goals, pairs: &Pairs) -> Option<String> {
    let tuned = pairs.values().flatten().map(|it| &it.after);
    tuned.into_iter().find_map(|it| {
        let missed = goals.missed(&it.limits).into_iter().next()?;
        Some(format!("{missed} on held-out `{}`", it.scenario))
    })
}

fn verdict(objectives: &[Judged]) -> (AcceptVerdict, String) {
    let find =
        |wanted: &dyn Fn(&Acceptance) -> bool| objectives.iter().find(|it| wanted(&it.acceptance));
    let with = |verdict: AcceptVerdict| find(&|it| it.verdict == verdict);
    let decisive = find(&|it| !it.losers.is_empty())
        .or_else(|| with(AcceptVerdict::Accepted))
        .or_else(|| with(AcceptVerdict::Insufficient))
        .or(objectives.first());
    let Some(Judged { objective, acceptance, .. }) = decisive else {
        return (AcceptVerdict::Insufficient, "there is no objective".to_owned());
    };
    let because = match objectives.len() {
        1 => acceptance.because.clone(),
        _ => format!("{objective}: {}", acceptance.because),
    };
    (acceptance.verdict, because)
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
        check(9, &[1, 3, 5, 7]);
        check(24, &[1, 4, 7, 10, 13, 16, 19, 22]);
    }
}
