//! Values and moments, one of each kind that flags tell apart.

use std::collections::{BTreeMap, HashSet};

use crate::condition::{Condition, GivenValue};
use crate::flag::Flag;

/// Conditions by the attribute they look at.
pub(super) type Tests<'a> = BTreeMap<&'a str, Vec<&'a Condition>>;

/// The conditions of `flags`, by attribute.
pub(super) fn tests<'a>(flags: impl Iterator<Item = &'a Flag>) -> Tests<'a> {
    let mut res = Tests::new();
    for condition in flags.flat_map(|it| &it.conditions) {
        res.entry(condition.attribute()).or_default().push(condition);
    }
    res
}

/// One value of each kind: those that `asking` names and what lies beside, as `all` conditions
/// tell them apart.
pub(super) fn values(asking: &[&Condition], all: &[&Condition]) -> Vec<GivenValue> {
    let mut seen = HashSet::new();
    let named = asking.iter().flat_map(|it| it.values());
    named
        .filter(|value| {
            let kind: Vec<bool> = asking.iter().chain(all).map(|it| it.holds_for(value)).collect();
            seen.insert(kind)
        })
        .collect()
}

/// The value for which most conditions hold; the first of `tests` counts most.
pub(super) fn fitting<'a>(
    values: &'a [GivenValue],
    tests: &[&Condition],
) -> Option<&'a GivenValue> {
    let score = |value: &GivenValue| {
        let first = tests.first().is_some_and(|it| it.holds_for(value));
        (first, tests.iter().filter(|it| it.holds_for(value)).count())
    };
    // The first of the best: `max_by_key` would take the last.
    values.iter().rev().max_by_key(|it| score(it))
}

/// One of `flags` for each kind of hours and ramp: the others tell no other moments apart.
pub(super) fn timed<'a>(flags: &[&'a Flag]) -> Vec<&'a Flag> {
    let mut res: Vec<&Flag> = Vec::new();
    for flag in flags.iter().filter(|it| it.is_timed()) {
        let is_alike = |it: &&Flag| it.hours == flag.hours && it.ramp == flag.ramp;
        if !res.iter().any(is_alike) {
            res.push(flag);
        }
    }
    res
}

/// One moment of each kind: `now_ms`, those at which hours or steps of `asking` begin or end,
/// and those just before a ramp, as `all` flags tell them apart.
pub(super) fn moments(now_ms: i64, asking: &[&Flag], all: &[&Flag]) -> Vec<i64> {
    let steps = asking.iter().flat_map(|it| &it.ramp).map(|(at, _)| *at);
    let mut starts = vec![now_ms];
    starts.extend(steps.flat_map(|it| [it, it.saturating_sub(1)]));
    let hours: Vec<_> = asking.iter().filter_map(|it| it.hours.as_ref()).collect();
    let mut seen = HashSet::new();
    let edges = |start: i64| hours.iter().flat_map(move |it| it.edges_after(start));
    let found = starts.iter().flat_map(|start| std::iter::once(*start).chain(edges(*start)));
    found
        .filter(|at| {
            let kind = |it: &&Flag| (it.hours.as_ref().map(|it| it.contain(*at)), it.share_at(*at));
            seen.insert(asking.iter().chain(all).map(kind).collect::<Vec<_>>())
        })
        .collect()
}

/// The moment at which most of `flags` apply; the first of them counts most.
pub(super) fn live(moments: &[i64], flags: &[&Flag]) -> Option<i64> {
    let applies = |flag: &Flag, at: i64| {
        flag.hours.as_ref().is_none_or(|it| it.contain(at))
            && flag.share_at(at).is_some_and(|it| it > 0)
    };
    let score = |at: i64| {
        let first = flags.first().and_then(|it| applies(it, at).then(|| it.share_at(at)));
        (first, flags.iter().filter(|it| applies(it, at)).count())
    };
    moments.iter().rev().copied().max_by_key(|it| score(*it))
}
