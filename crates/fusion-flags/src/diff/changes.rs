use std::collections::HashMap;

use overlay_model::Diagnostic;

use super::side::Side;
use crate::breaker_set::BreakerSet;
use crate::file::BreakerSettings;
use crate::flag::Flag;
use crate::lint::finding;
use crate::policy::BreakerPolicy;

/// How many names a finding has at most.
const MOST_NAMED: usize = 3;

/// What is written otherwise in two files.
pub(super) struct Changes {
    pub(super) added: Vec<String>,
    pub(super) removed: Vec<String>,
    /// The flags of both files that are defined otherwise, in the order of the new one.
    pub(super) changed: Vec<ChangedFlag>,
    /// By the place of a flag: whether it may be decided otherwise, or come earlier or later.
    pub(super) old: Vec<bool>,
    pub(super) new: Vec<bool>,
    /// Whether every kind of work may be answered otherwise.
    pub(super) everywhere: bool,
    /// Units that are drawn anew, and what is never asked.
    pub(super) findings: Vec<Diagnostic>,
}

/// A flag of both files that is defined otherwise.
pub(super) struct ChangedFlag {
    pub(super) old: u32,
    pub(super) new: u32,
    /// What differs, as the file names it.
    pub(super) fields: Vec<&'static str>,
    /// Whether it offers other overlays, or another fallback, where it is on.
    pub(super) offers: bool,
}

impl Changes {
    pub(super) fn between(old: &Side, new: &Side) -> Self {
        let only = |a: &Side, b: &Side| -> Vec<String> {
            let names = a.snapshot().names().filter(|it| b.find(it).is_none());
            names.map(str::to_owned).collect()
        };
        let mut res = Self {
            added: only(new, old),
            removed: only(old, new),
            changed: changed(old, new),
            old: old.flags().iter().map(|it| new.find(&it.name).is_none()).collect(),
            new: new.flags().iter().map(|it| old.find(&it.name).is_none()).collect(),
            everywhere: old.snapshot().fallback != new.snapshot().fallback
                || old.snapshot().kill_switch != new.snapshot().kill_switch,
            findings: redrawn(old, new),
        };
        res.findings.extend(unasked(old, new));
        let changed = res.changed.iter().map(|it| (it.old, it.new));
        let touched: Vec<_> = changed.chain(moved(old, new)).collect();
        for (before, after) in touched {
            mark(&mut res.old, before);
            mark(&mut res.new, after);
        }
        spread(old, &mut res.old);
        spread(new, &mut res.new);
        res
    }
}

fn mark(touched: &mut [bool], idx: u32) -> bool {
    touched.get_mut(idx as usize).is_some_and(|it| !std::mem::replace(it, true))
}

/// The flags of both files, as places in the old and the new one, in the order of the new.
fn common<'a>(old: &'a Side, new: &'a Side) -> impl Iterator<Item = (u32, u32)> + 'a {
    (0..).zip(new.flags()).filter_map(|(idx, flag)| Some((old.find(&flag.name)?, idx)))
}

fn changed(old: &Side, new: &Side) -> Vec<ChangedFlag> {
    let both = common(old, new).filter_map(|(before, after)| {
        let (a, b) = (old.flag(before)?, new.flag(after)?);
        // What is off in both files changes nothing.
        if !a.can_be_on() && !b.can_be_on() {
            return None;
        }
        let fields = differing((old, a), (new, b));
        let offered = ["enabled_overlays", "fallback_strategy", "kind"];
        let offers = fields.iter().any(|it| offered.contains(it));
        Some(ChangedFlag { old: before, new: after, fields, offers })
    });
    both.filter(|it| !it.fields.is_empty()).collect()
}

/// The fields that differ, as the file names them.
fn differing((old, a): (&Side, &Flag), (new, b): (&Side, &Flag)) -> Vec<&'static str> {
    let by_part = |it: &Flag| it.substring && !it.scenarios().is_empty();
    let missing = |it: &Flag| it.threshold().is_some() && it.missing_passes;
    let overlays = |side: &Side, it: &Flag| -> Vec<String> {
        it.overlays.iter().map(|it| side.overlay(*it).to_owned()).collect()
    };
    let required = |side: &Side, it: &Flag| -> Vec<_> {
        it.requires.iter().map(|(it, is)| (side.snapshot().name(*it).to_owned(), *is)).collect()
    };
    let fields = [
        ("enabled", a.enabled != b.enabled),
        ("kind", a.kill != b.kill),
        ("enabled_overlays", overlays(old, a) != overlays(new, b)),
        ("fallback_strategy", a.fallback != b.fallback),
        ("rollout_percentage", a.ramp.is_empty() && b.ramp.is_empty() && a.rollout != b.rollout),
        ("ramp", a.ramp != b.ramp),
        ("scenario_types", !a.scenarios().iter().eq(b.scenarios().iter())),
        ("match", by_part(a) != by_part(b)),
        ("confidence_threshold", a.threshold() != b.threshold()),
        ("missing_confidence", missing(a) != missing(b)),
        ("where", a.conditions != b.conditions),
        ("active", a.hours != b.hours),
        ("requires", required(old, a) != required(new, b)),
        ("variants", arms(old, a) != arms(new, b)),
        ("salt", a.salt != b.salt),
        ("bucket_by", a.bucket_by != b.bucket_by),
    ];
    fields.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}

/// The variants with their overlays and the ends of their shares, as parts of one.
fn arms<'a>(side: &'a Side, flag: &'a Flag) -> Vec<(&'a str, Option<&'a str>, u64)> {
    let weights = u64::from(flag.weights.max(1));
    let end = |it: u32| u64::from(it) * (1 << 32) / weights;
    let arms = flag.variants.iter();
    arms.map(|it| (&*it.name, it.overlay.map(|it| side.overlay(it)), end(it.end))).collect()
}

/// The flags that come earlier or later among the others: all but a longest chain of those
/// that keep their order.
fn moved(old: &Side, new: &Side) -> Vec<(u32, u32)> {
    let both: Vec<(u32, u32)> = common(old, new).collect();
    // The end of the best chain of each length, and what stands before each flag in its own.
    let (mut ends, mut before): (Vec<usize>, Vec<Option<usize>>) = (Vec::new(), Vec::new());
    let place = |idx: usize| both.get(idx).map_or(0, |it| it.0);
    for (idx, (at, _)) in both.iter().enumerate() {
        let len = ends.partition_point(|it| place(*it) < *at);
        before.push(len.checked_sub(1).and_then(|it| ends.get(it).copied()));
        match ends.get_mut(len) {
            Some(end) => *end = idx,
            None => ends.push(idx),
        }
    }
    let mut moved = vec![true; both.len()];
    let mut at = ends.last().copied();
    while let Some(idx) = at {
        if let Some(it) = moved.get_mut(idx) {
            *it = false;
        }
        at = before.get(idx).copied().flatten();
    }
    both.into_iter().zip(moved).filter(|(_, moved)| *moved).map(|(it, _)| it).collect()
}

/// Marks what rests on marked flags: those that require them, and those whose overlays a
/// marked kill switch takes out.
fn spread(side: &Side, touched: &mut [bool]) {
    let mut rest: HashMap<u32, Vec<u32>> = HashMap::new();
    let mut offering: HashMap<u32, Vec<u32>> = HashMap::new();
    for (idx, flag) in (0..).zip(side.flags()) {
        for (needed, _) in &flag.requires {
            rest.entry(needed.0).or_default().push(idx);
        }
        for overlay in flag.offered().filter(|_| !flag.kill) {
            offering.entry(overlay).or_default().push(idx);
        }
    }
    let marked = (0..).zip(&*touched).filter(|(_, it)| **it);
    let mut queue: Vec<u32> = marked.map(|(idx, _)| idx).collect();
    while let Some(idx) = queue.pop() {
        let Some(flag) = side.flag(idx) else { continue };
        let killed = flag.overlays.iter().filter(|_| flag.kill);
        let killed = killed.filter_map(|it| offering.get(it)).flatten();
        for next in rest.get(&idx).into_iter().flatten().chain(killed) {
            if mark(touched, *next) {
                queue.push(*next);
            }
        }
    }
}

/// Flags of both files whose units are drawn anew.
fn redrawn(old: &Side, new: &Side) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for (before, after) in common(old, new) {
        let (Some(a), Some(b)) = (old.flag(before), new.flag(after)) else { continue };
        let name = &b.name;
        let ends = |side, it| arms(side, it).into_iter().map(|(name, _, end)| (name, end));
        if a.salt != b.salt || a.bucket_by != b.bucket_by {
            let said = format!("`{name}` draws all its units anew");
            findings.push(finding("FLG6001", said));
        } else if !a.variants.is_empty() && !ends(old, a).eq(ends(new, b)) {
            let said = format!("`{name}` moves units between its variants");
            findings.push(finding("FLG6002", said));
        }
    }
    findings
}

/// What differs and is not asked: breakers and measured quality.
fn unasked(old: &Side, new: &Side) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let policy = |it: &BreakerSettings| {
        let share = it.max_open_share.unwrap_or(BreakerSet::MAX_OPEN_SHARE);
        (BreakerPolicy::from_settings(it), share)
    };
    let before: HashMap<&str, (BreakerPolicy, f64)> =
        old.snapshot().breaker_settings().map(|(name, it)| (name, policy(it))).collect();
    let after = new.snapshot().breaker_settings();
    let other = after.filter(|(name, it)| before.get(name).is_some_and(|was| *was != policy(it)));
    let names: Vec<String> = other.map(|(name, _)| format!("`{name}`")).collect();
    if !names.is_empty() {
        let said = format!("the breakers of {} have other settings", listed(&names));
        findings.push(finding("FLG6003", said).hint("breakers are not asked"));
    }
    let (was, is) = (old.snapshot().quality_gate, new.snapshot().quality_gate);
    if was != is {
        let word = |it: Option<f64>| it.map_or_else(|| "none".to_owned(), |it| it.to_string());
        let said = format!("the quality gate goes from {} to {}", word(was), word(is));
        findings.push(finding("FLG6003", said).hint("measured quality is not asked"));
    }
    findings
}

/// The first of `names`, and how many more there are.
fn listed(names: &[String]) -> String {
    let first = names.get(..MOST_NAMED).unwrap_or(names).join(", ");
    match names.len().checked_sub(MOST_NAMED) {
        Some(more) if more > 0 => format!("{first} and {more} more"),
        _ => first,
    }
}
