//! Which candidates are not worth another scenario.

use crate::tune::front::dominates;
use crate::tune::plan::TunePlan;
use crate::tune::student::probably_positive;
use crate::tune::trial::Trial;

/// How sure it must be that a candidate is worse before it is given up. There are two
/// looks at each candidate, so one as good as the best is given up in a twentieth of the
/// cases at most.
const SURE: f64 = 0.975;

/// The scenarios in the order of their weight, in three rounds: candidates are looked at
/// after each.
pub(crate) fn rounds(plan: &TunePlan) -> Vec<Vec<usize>> {
    let mut order: Vec<_> = plan.scenarios.iter().enumerate().collect();
    order.sort_by(|a, b| b.1.weight.total_cmp(&a.1.weight).then(a.0.cmp(&b.0)));
    let size = order.len().div_ceil(3).max(3);
    let order: Vec<_> = order.into_iter().map(|it| it.0).collect();
    order.chunks(size).map(<[usize]>::to_vec).collect()
}

/// Why `trial` is not worth another scenario, `None` where it may still be the best.
pub(crate) fn hopeless(trial: &Trial, trials: &[Trial], plan: &TunePlan) -> Option<String> {
    let exceeded = plan.limits.iter().enumerate().find_map(|(at, limit)| {
        let worst = trial.worst(at).filter(|it| *it > limit.at_most)?;
        Some(format!("{} is {worst}, more than {}", limit.name, limit.at_most))
    });
    exceeded.or_else(|| {
        let (number, _) =
            leaders(trials, plan).into_iter().find(|(_, it)| is_worse(trial, it, plan))?;
        Some(format!("worse than trial {number} on {} scenarios", trial.runs()))
    })
}

/// The complete trials within the limits that no other one dominates, with their numbers.
pub(crate) fn leaders<'a>(trials: &'a [Trial], plan: &TunePlan) -> Vec<(usize, &'a Trial)> {
    let costs = |trial: &Trial| -> Option<Vec<f64>> {
        (0..plan.objectives.len()).map(|at| trial.mean(at, plan)).collect()
    };
    let lawful = trials.iter().enumerate().filter(|(_, it)| it.is_complete() && it.is_within(plan));
    let known: Vec<_> = lawful.filter_map(|(at, it)| Some((at, it, costs(it)?))).collect();
    let is_leader = |own: &[f64]| !known.iter().any(|(_, _, other)| dominates(other, own));
    known.iter().filter(|it| is_leader(&it.2)).map(|it| (it.0, it.1)).collect()
}

/// Whether `trial` is surely worse than `leader` in every objective.
fn is_worse(trial: &Trial, leader: &Trial, plan: &TunePlan) -> bool {
    (0..plan.objectives.len()).all(|at| {
        let rows = plan.scenarios.iter().enumerate();
        let gaps = rows
            .filter_map(|(it, row)| Some((row.weight, trial.cost(it, at)? - leader.cost(it, at)?)));
        probably_positive(&gaps.collect::<Vec<_>>()) >= SURE
    })
}
