use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use crate::step::Step;

/// Steps that cannot be put in an order.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum OrderError {
    /// Steps that wait for each other.
    #[error("the steps wait for each other: {}", .0.join(" → "))]
    Cycle(Vec<String>),
    /// A step waits for one that is not there.
    #[error("step `{step}` waits for `{missing}`, which is no step")]
    Missing {
        /// The step that waits.
        step: String,
        /// What it waits for.
        missing: String,
    },
    /// Two steps have one id.
    #[error("two steps have the id `{0}`")]
    Twice(String),
}

/// The steps in an order in which each one comes after those it depends on; where that
/// leaves a choice, by priority and then by id.
///
/// # Errors
///
/// Where steps wait for each other, with the ids on the way around; where one waits for a
/// step that is not there, or two have one id.
pub fn order(steps: Vec<Step>) -> Result<Vec<Step>, OrderError> {
    let mut waiting: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for step in &steps {
        let before = step.depends_on.iter().cloned().collect();
        if waiting.insert(step.id.clone(), before).is_some() {
            return Err(OrderError::Twice(step.id.clone()));
        }
    }
    known(&steps, &waiting)?;
    let mut after = followers(&waiting);
    let mut left: BTreeMap<String, Step> =
        steps.into_iter().map(|it| (it.id.clone(), it)).collect();
    let rank = |it: &Step| (it.priority, it.id.clone());
    let is_free = |it: &&Step| waiting.get(&it.id).is_none_or(BTreeSet::is_empty);
    let mut ready: BTreeSet<_> = left.values().filter(is_free).map(rank).collect();
    let mut res = Vec::with_capacity(left.len());
    while let Some((_, id)) = ready.pop_first() {
        res.extend(left.remove(&id));
        waiting.remove(&id);
        for next in after.remove(&id).unwrap_or_default() {
            let Some(before) = waiting.get_mut(&next) else { continue };
            before.remove(&id);
            ready.extend(left.get(&next).filter(|_| before.is_empty()).map(rank));
        }
    }
    if left.is_empty() { Ok(res) } else { Err(OrderError::Cycle(cycle(&waiting))) }
}

/// Of each step those that wait for it.
fn followers(waiting: &BTreeMap<String, BTreeSet<String>>) -> BTreeMap<String, Vec<String>> {
    let mut res: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (id, before) in waiting {
        for it in before {
            res.entry(it.clone()).or_default().push(id.clone());
        }
    }
    res
}

fn known(steps: &[Step], ids: &BTreeMap<String, BTreeSet<String>>) -> Result<(), OrderError> {
    for step in steps {
        if let Some(missing) = step.depends_on.iter().find(|it| !ids.contains_key(*it)) {
            return Err(OrderError::Missing { step: step.id.clone(), missing: missing.clone() });
        }
    }
    Ok(())
}

/// One way around among steps that all wait, its start named again at its end.
fn cycle(waiting: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let mut way: Vec<String> = waiting.keys().take(1).cloned().collect();
    while let Some(next) =
        way.last().and_then(|it| waiting.get(it)).and_then(|it| it.first()).cloned()
    {
        let start = way.iter().position(|it| *it == next);
        way.push(next);
        if let Some(start) = start {
            // The walk goes from a step to what it waits for; the order of work is the other.
            return way.into_iter().skip(start).rev().collect();
        }
    }
    way
}
