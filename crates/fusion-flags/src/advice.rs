//! What works, but probably not as meant.

use std::collections::{HashMap, HashSet};

use overlay_model::nearest;

use crate::file::{Feature, FlagFile, FlagKind, Matching, OnOff};
use crate::lint::{Findings, finding};
use crate::place::Step::{At, Key};

/// Advises on `file`; what flags come to beside each other is not said of the `broken` ones,
/// which may be meant otherwise.
pub(crate) fn check<'a>(file: &'a FlagFile, broken: &HashSet<&str>, findings: &mut Findings<'a>) {
    if file.schema_version.is_none() {
        let said = "scenario types match by part, and a missing confidence passes".to_owned();
        let found = finding("FLG5002", said);
        findings.push(&[], found.hint("write `schema_version: 2`, or keep it as it is"));
    }
    for name in file.environments.keys() {
        let usual = ["development", "staging", "production"];
        if let Some(near) = nearest(name, usual).filter(|it| it != name) {
            let found = finding("FLG4003", format!("the environment is named `{name}`"));
            let found = found.hint(format!("did you mean `{near}`?"));
            findings.push(&[Key("environments"), Key(name)], found);
        }
    }
    for (name, flag) in &file.features.0 {
        twice(name, flag, findings);
        without_effect(name, flag, findings);
        if flag.named_overlays().next().is_none() {
            let path = [Key("features"), Key(name)];
            findings.add(&path, "FLG3012", format!("`{name}` offers no overlay"));
        }
    }
    let flags = file.features.0.iter().map(|(name, flag)| (name.as_str(), flag));
    let sound: Vec<_> = flags.filter(|(name, _)| !broken.contains(name)).collect();
    let never = never_on(&sound);
    for (name, flag) in &sound {
        kill_switch(name, flag, findings);
        unreachable(name, flag, &never, findings);
    }
    shadowed(&sound, file.matching(), findings);
    two_breakers(&sound, findings);
}

fn twice<'a>(name: &'a str, flag: &'a Feature, findings: &mut Findings<'a>) {
    let lists = [
        (&[Key("enabled_overlays")][..], &flag.enabled_overlays),
        (&[Key("conditions"), Key("scenario_types")][..], &flag.conditions.scenario_types),
    ];
    for (path, list) in lists {
        let mut seen = HashSet::new();
        for (idx, word) in list.iter().enumerate() {
            if !seen.insert(word) {
                let path = [&[Key("features"), Key(name)][..], path, &[At(idx)]].concat();
                findings.add(&path, "FLG3008", format!("`{name}` lists `{word}` twice"));
            }
        }
    }
}

fn without_effect<'a>(name: &'a str, flag: &'a Feature, findings: &mut Findings<'a>) {
    let mut add = |field, said: &str| {
        let path = [Key("features"), Key(name), Key(field)];
        findings.add(&path, "FLG3007", format!("`{name}`: {said}"));
    };
    if flag.ramp.is_some() && flag.rollout_percentage.is_some() {
        add("rollout_percentage", "the ramp replaces `rollout_percentage`");
    }
    if !flag.variants.is_empty() && !flag.enabled_overlays.is_empty() {
        add("enabled_overlays", "the variants replace `enabled_overlays`");
    }
    let window = flag.circuit_breaker.as_ref().and_then(|it| it.window.as_ref());
    if window.is_some_and(|it| it.slow_ms.is_some() != it.slow_rate.is_some()) {
        add("circuit_breaker", "one of `slow_ms` and `slow_rate` has no effect without the other");
    }
}

fn kill_switch<'a>(name: &'a str, flag: &'a Feature, findings: &mut Findings<'a>) {
    let conditional = !flag.conditions.scenario_types.is_empty()
        || flag.conditions.confidence_threshold.is_some()
        || !flag.conditions.attributes.is_empty()
        || flag.rollout_percentage.is_some_and(|it| it > 0.0 && it < 100.0)
        || flag.ramp.is_some()
        || flag.active.is_some()
        || !flag.requires.is_empty();
    if flag.kind == Some(FlagKind::KillSwitch) && conditional {
        let path = [Key("features"), Key(name), Key("kind")];
        let said = format!("the kill switch `{name}` holds only where its conditions hold");
        findings.add(&path, "FLG3009", said);
    }
}

/// Flags that no request turns on.
fn never_on<'a>(flags: &[(&'a str, &Feature)]) -> HashSet<&'a str> {
    let off = |it: &Feature| {
        let share = match &it.ramp {
            Some(ramp) => ramp.steps.iter().map(|it| it.percent).fold(0.0, f64::max),
            None => it.rollout_percentage.unwrap_or(100.0),
        };
        it.enabled == Some(false) || share <= 0.0
    };
    flags.iter().filter(|(_, it)| off(it)).map(|(name, _)| *name).collect()
}

fn unreachable<'a>(
    name: &'a str,
    flag: &'a Feature,
    never: &HashSet<&str>,
    findings: &mut Findings<'a>,
) {
    let base = [Key("features"), Key(name)];
    for (idx, needed) in flag.requires.iter().enumerate() {
        let other = needed.flag.as_str();
        let contradicts = flag.requires.iter().take(idx);
        let contradicts = contradicts.filter(|it| it.flag == other).any(|it| it.is != needed.is);
        let why = match needed.is {
            _ if contradicts => "on and off at once",
            OnOff::On if never.contains(other) => "on, and it never is",
            _ => continue,
        };
        let path = [base[0], base[1], Key("requires"), At(idx)];
        let said = format!("`{name}` is never on: it requires `{other}` to be {why}");
        findings.add(&path, "FLG3010", said);
    }
    for (attribute, test) in &flag.conditions.attributes {
        if test.one_of.as_ref().is_some_and(Vec::is_empty) {
            let path = [base[0], base[1], Key("conditions"), Key("where"), Key(attribute)];
            let said = format!("`{name}` is never on: `{attribute}` is one of none");
            findings.add(&path, "FLG3010", said);
        }
    }
}

/// How many earlier flags are looked at for each overlay: a file where more offer the same
/// one is not worth more time.
const MOST_EARLIER: usize = 16;

fn shadowed<'a>(flags: &[(&'a str, &'a Feature)], matching: Matching, findings: &mut Findings<'a>) {
    let mut earlier: HashMap<&str, Vec<(&str, &Feature)>> = HashMap::new();
    for (name, flag) in flags {
        if flag.kind == Some(FlagKind::KillSwitch) {
            continue;
        }
        let mut covering = flag.named_overlays().map(|overlay| {
            let before = earlier.get(overlay).map_or(&[][..], |it| it);
            let cover = before.iter().find(|(_, it)| covers(it, flag, matching));
            cover.map(|(name, _)| *name)
        });
        let first = covering.next().flatten();
        if let Some(by) = first
            && covering.all(|it| it.is_some())
        {
            let path = [Key("features"), Key(name)];
            let said = format!("`{name}` adds nothing: `{by}` is on wherever it is");
            findings.add(&path, "FLG3011", said);
        }
        if is_sure(flag) {
            for overlay in &flag.enabled_overlays {
                let list = earlier.entry(overlay).or_default();
                if list.len() < MOST_EARLIER {
                    list.push((name, flag));
                }
            }
        }
    }
}

/// Whether nothing but the kind of work and the confidence turns the flag off.
fn is_sure(flag: &Feature) -> bool {
    flag.enabled != Some(false)
        && flag.rollout_percentage.is_none_or(|it| it >= 100.0)
        && flag.ramp.is_none()
        && flag.variants.is_empty()
        && flag.active.is_none()
        && flag.requires.is_empty()
        && flag.conditions.attributes.is_empty()
}

/// Whether `earlier`, which is sure, is on wherever `later` is.
fn covers(earlier: &Feature, later: &Feature, matching: Matching) -> bool {
    let (wide, narrow) = (&earlier.conditions, &later.conditions);
    let threshold = match (wide.confidence_threshold, narrow.confidence_threshold) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(wide), Some(narrow)) => wide <= narrow,
    };
    let is_in = |it: &String| match matching {
        Matching::Exact => wide.scenario_types.contains(it),
        Matching::Substring => wide.scenario_types.iter().any(|part| it.contains(part)),
    };
    let scenarios = wide.scenario_types.is_empty()
        || (!narrow.scenario_types.is_empty() && narrow.scenario_types.iter().all(is_in));
    threshold && scenarios
}

fn two_breakers<'a>(flags: &[(&'a str, &'a Feature)], findings: &mut Findings<'a>) {
    let mut first: HashMap<&str, (&str, &crate::file::BreakerSettings)> = HashMap::new();
    for (name, flag) in flags {
        let Some(settings) = &flag.circuit_breaker else { continue };
        for overlay in flag.named_overlays() {
            let (by, held) = *first.entry(overlay).or_insert((name, settings));
            if held != settings {
                let path = [Key("features"), Key(name), Key("circuit_breaker")];
                let said = format!("`{by}` has other settings for the breaker of `{overlay}`");
                findings.add(&path, "FLG3013", said);
            }
        }
    }
}
