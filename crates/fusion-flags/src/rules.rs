//! What makes a flag file unusable.

use std::collections::{BTreeSet, HashMap};

use overlay_model::OverlayName;

use crate::decide::{MAX_DEPTH, MAX_LOOKS};
use crate::file::{ActiveHours, BreakerSettings, Feature, FlagFile, Ramp};
use crate::lint::{Findings, finding, with_nearest};
use crate::place::Step::{self, At, Key};
use crate::snapshot::BASELINE_ONLY;
use crate::time::{duration_ms, instant_ms, minute_of_day};

/// What a finding is added by: the way to a value, the code, and what is wrong.
type Add<'s, 'a> = dyn FnMut(&[Step<'a>], &'static str, String) + 's;

pub(crate) fn check<'a>(file: &'a FlagFile, findings: &mut Findings<'a>) {
    whole(file, findings);
    for (name, environment) in &file.environments {
        let base = [Key("environments"), Key(name)];
        if let Some(percent) = environment.global_rollout_percentage {
            let field = "global_rollout_percentage";
            percentage(percent, &mut |code, said| {
                let said = format!("environment `{name}`, `{field}`: {said}");
                findings.add(&[base[0], base[1], Key(field)], code, said);
            });
        }
        if let Some(gate) = environment.quality_gate_threshold {
            let field = "quality_gate_threshold";
            share(gate, &mut |said| {
                let said = format!("environment `{name}`, `{field}`: {said}");
                findings.add(&[base[0], base[1], Key(field)], "FLG2003", said);
            });
        }
    }
    let global = &file.global.circuit_breaker;
    breaker(global, &mut |path, code, said| {
        findings.add(&[&[Key("global"), Key("circuit_breaker")], path].concat(), code, said);
    });
    if let Some(share) = global.max_open_share.filter(|it| !(0.0..=1.0).contains(it)) {
        let path = [Key("global"), Key("circuit_breaker"), Key("max_open_share")];
        findings.add(&path, "FLG2003", format!("{share} is not from 0 to 1"));
    }
    for (name, flag) in &file.features.0 {
        if !is_flag_name(name) {
            let said = format!("`{name}`: this is no name of a flag");
            let found = finding("FLG2009", said).hint(FLAG_NAME);
            findings.push(&[Key("features"), Key(name)], found);
        }
        feature(flag, &mut |path, code, said| {
            let path = [&[Key("features"), Key(name)], path].concat();
            findings.add(&path, code, format!("`{name}`: {said}"));
        });
        attributes(name, flag, findings);
    }
    prerequisites(file, findings);
}

fn whole<'a>(file: &'a FlagFile, findings: &mut Findings<'a>) {
    if let Some(version) = file.schema_version.filter(|it| *it != 2) {
        let said = format!("`schema_version` {version} is none; 2 is the latest");
        findings.add(&[Key("schema_version")], "FLG2004", said);
    }
    if let Some((code, said)) = fallback(file.global.default_strategy.as_deref()) {
        findings.add(&[Key("global"), Key("default_strategy")], code, said);
    }
    let defaults = &file.defaults;
    if let Some(hash) = defaults.hash.as_deref().filter(|it| *it != "flagd-v3") {
        let said = format!("there is no hash `{hash}`; `flagd-v3` is the one");
        findings.add(&[Key("defaults"), Key("hash")], "FLG2005", said);
    }
    if defaults.bucket_by.as_deref() == Some("") {
        let said = "`bucket_by` names no attribute".to_owned();
        findings.add(&[Key("defaults"), Key("bucket_by")], "FLG2009", said);
    }
}

fn percentage(percent: f64, add: &mut dyn FnMut(&'static str, String)) {
    let buckets = percent * 1_000.0;
    if !(0.0..=100.0).contains(&percent) {
        add("FLG2001", format!("{percent} is no percentage from 0 to 100"));
    } else if (buckets - buckets.round()).abs() > 1e-6 {
        add("FLG2002", format!("{percent} % is rounded to {} %", buckets.round() / 1_000.0));
    }
}

fn share(value: f64, add: &mut dyn FnMut(String)) {
    if !(0.0..=1.0).contains(&value) {
        add(format!("{value} is not from 0 to 1"));
    }
}

fn feature<'a>(flag: &'a Feature, add: &mut Add<'_, 'a>) {
    for (path, overlay) in named(flag) {
        if overlay.parse::<OverlayName>().is_err() {
            add(&path, "FLG2009", format!("`{overlay}` is no name of an overlay"));
        }
    }
    if flag.salt.as_deref() == Some("") {
        add(&[Key("salt")], "FLG2009", "`salt` is empty".to_owned());
    }
    if let Some((code, said)) = fallback(flag.fallback_strategy.as_deref()) {
        add(&[Key("fallback_strategy")], code, said);
    }
    if let Some(percent) = flag.rollout_percentage {
        percentage(percent, &mut |code, said| add(&[Key("rollout_percentage")], code, said));
    }
    conditions(flag, add);
    if let Some(ramp) = &flag.ramp {
        self::ramp(ramp, &mut |path, code, said| {
            add(&[&[Key("ramp")], path].concat(), code, said);
        });
    }
    let weights = flag.variants.0.iter().map(|(_, it)| u64::from(it.weight)).sum::<u64>();
    if !flag.variants.is_empty() && (weights == 0 || weights > u64::from(u32::MAX)) {
        add(&[Key("variants")], "FLG3006", format!("the weights come to {weights}"));
    }
    if let Some(hours) = &flag.active {
        active(hours, add);
    }
    if let Some(day) = flag.expires.as_deref().filter(|it| day_ms(it).is_none()) {
        add(&[Key("expires")], "FLG2006", format!("`{day}` is no day such as 2027-03-01"));
    }
    if let Some(settings) = &flag.circuit_breaker {
        breaker(settings, &mut |path, code, said| {
            add(&[&[Key("circuit_breaker")], path].concat(), code, said);
        });
        if settings.max_open_share.is_some() {
            let said = "max_open_share is of all breakers: it stands in global.circuit_breaker";
            add(&[Key("circuit_breaker"), Key("max_open_share")], "FLG1003", said.to_owned());
        }
    }
}

/// The code of a word for what answers where no overlay does, and what is wrong with it.
fn fallback(word: Option<&str>) -> Option<(&'static str, String)> {
    match word.filter(|it| *it != BASELINE_ONLY)? {
        "" => Some(("FLG2009", "the fallback is empty".to_owned())),
        word => Some(("FLG2011", format!("`{word}` is no fallback of Fusion's"))),
    }
}

/// What a name of a flag is made of.
const FLAG_NAME: &str = "it has 1 to 128 ASCII letters, digits, `_`, `.` and `-`, and does not \
                         begin with `-`";

fn is_flag_name(name: &str) -> bool {
    let is_part = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    (1..=128).contains(&name.len()) && !name.starts_with('-') && name.bytes().all(is_part)
}

/// The overlays of a flag, each with the way to it.
pub(crate) fn named(flag: &Feature) -> impl Iterator<Item = (Vec<Step<'_>>, &str)> {
    let listed = flag.enabled_overlays.iter().enumerate();
    let listed = listed.map(|(idx, it)| (vec![Key("enabled_overlays"), At(idx)], it.as_str()));
    let variants = flag.variants.0.iter().filter_map(|(name, it)| {
        Some((vec![Key("variants"), Key(name), Key("overlay")], it.overlay.as_deref()?))
    });
    listed.chain(variants)
}

fn conditions<'a>(flag: &'a Feature, add: &mut Add<'_, 'a>) {
    let conditions = &flag.conditions;
    for (idx, scenario) in conditions.scenario_types.iter().enumerate() {
        if scenario.trim().is_empty()
            || scenario.len() > 1024
            || scenario.contains(char::is_control)
        {
            let path = [Key("conditions"), Key("scenario_types"), At(idx)];
            add(&path, "FLG2009", format!("{scenario:?} is no scenario type"));
        }
    }
    if let Some(threshold) = conditions.confidence_threshold {
        let path = [Key("conditions"), Key("confidence_threshold")];
        share(threshold, &mut |said| add(&path, "FLG2003", said));
    }
}

/// The conditions on attributes, each with what is wrong with it.
fn attributes<'a>(name: &'a str, flag: &'a Feature, findings: &mut Findings<'a>) {
    for (attribute, test) in &flag.conditions.attributes {
        if crate::condition::is_valid_test(test) {
            continue;
        }
        let mut path =
            vec![Key("features"), Key(name), Key("conditions"), Key("where"), Key(attribute)];
        let mut said = format!("`{name}`: the condition on `{attribute}` is none");
        let mut hint = ONE_TEST.to_owned();
        if let Some(range) = test.semver.as_deref().filter(|it| !is_range(it)) {
            path.push(Key("semver"));
            said = format!("`{name}`: `{range}` is no range of versions");
            hint = range_hint(range);
        }
        findings.push(&path, finding("FLG2008", said).hint(hint));
    }
}

/// What a condition on an attribute is.
const ONE_TEST: &str = "give exactly one of `in`, `not_in`, `starts_with`, `ends_with`, \
                        `semver`, `at_least`, `less_than`";

fn is_range(text: &str) -> bool {
    text.parse::<semver::VersionReq>().is_ok()
}

/// What was probably meant: others separate the parts of a range by blanks.
fn range_hint(range: &str) -> String {
    let mut meant = String::new();
    for part in range.split([',', ' ']).filter(|it| !it.is_empty()) {
        // A blank may also stand between the sign and its version.
        let is_open = meant.is_empty() || meant.ends_with(['<', '>', '=', '~', '^']);
        meant.push_str(if is_open { "" } else { ", " });
        meant.push_str(part);
    }
    if meant != range && is_range(&meant) {
        format!("put a comma between its parts: `{meant}`")
    } else {
        "a range is written as `^2.1` or `>=1.2.0, <2`".to_owned()
    }
}

fn ramp<'a>(ramp: &'a Ramp, add: &mut Add<'_, 'a>) {
    if instant_ms(&ramp.start).is_none() {
        add(&[Key("start")], "FLG2006", format!("`{}` is no moment", ramp.start));
    }
    if ramp.steps.is_empty() {
        add(&[Key("steps")], "FLG3005", "the ramp has no step".to_owned());
    }
    let last = ramp.steps.len().saturating_sub(1);
    let mut before = 0.0;
    for (idx, step) in ramp.steps.iter().enumerate() {
        let at = |field| [Key("steps"), At(idx), Key(field)];
        percentage(step.percent, &mut |code, said| add(&at("percent"), code, said));
        if step.percent < before {
            let said = format!("the ramp goes down from {before} to {} %", step.percent);
            add(&at("percent"), "FLG3004", said);
        }
        before = step.percent;
        match step.hold.as_deref() {
            Some(hold) if duration_ms(hold).is_none_or(|it| it == 0) => {
                add(&at("hold"), "FLG2006", format!("`{hold}` is no length of time"));
            }
            Some(_) if idx == last => {
                add(&at("hold"), "FLG3005", "the last step stays, without `hold`".to_owned());
            }
            None if idx != last => {
                let said = "the step has no `hold`, so the next one never begins".to_owned();
                add(&at("percent"), "FLG3005", said);
            }
            _ => (),
        }
    }
}

fn active<'a>(active: &'a ActiveHours, add: &mut Add<'_, 'a>) {
    if active.hours.is_empty() {
        add(&[Key("active")], "FLG2007", "there are no hours".to_owned());
    }
    for (idx, text) in active.hours.iter().enumerate() {
        let range = text.split_once('-');
        let range = range.map(|(from, to)| (minute_of_day(from.trim()), minute_of_day(to.trim())));
        if !matches!(range, Some((Some(from), Some(to))) if from != to && from < 1440) {
            let path = [Key("active"), Key("hours"), At(idx)];
            add(&path, "FLG2007", format!("`{text}` is no range such as 09:00-12:00"));
        }
    }
    if let Some(zone) = active.tz.as_deref().filter(|it| jiff::tz::TimeZone::get(it).is_err()) {
        let path = [Key("active"), Key("tz")];
        add(&path, "FLG2007", format!("there is no time zone `{zone}`"));
    }
}

/// The first moment of a day, in milliseconds since 1970.
pub(crate) fn day_ms(day: &str) -> Option<i64> {
    let date: jiff::civil::Date = day.parse().ok()?;
    // `Date` also reads a whole moment.
    let start = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    (day.len() == 10).then(|| start.timestamp().as_millisecond())
}

/// A year in seconds.
const YEAR: u64 = 366 * 86_400;

fn breaker<'a>(settings: &'a BreakerSettings, add: &mut Add<'_, 'a>) {
    let mut within = |path: &[Step<'a>], value: Option<u64>, most: u64| {
        if let Some(value) = value.filter(|it| !(1..=most).contains(it)) {
            add(path, "FLG2010", format!("{value} is not from 1 to {most}"));
        }
    };
    let wide = |it: Option<u32>| it.map(u64::from);
    within(&[Key("failure_threshold")], wide(settings.failure_threshold), 65_535);
    within(&[Key("recovery_timeout")], settings.recovery_timeout, YEAR);
    if let Some(probes) = &settings.half_open {
        within(&[Key("half_open"), Key("max_probes")], wide(probes.max_probes), 16);
        within(&[Key("half_open"), Key("need")], wide(probes.need), 255);
        within(&[Key("half_open"), Key("lease")], probes.lease, YEAR);
    }
    let Some(window) = &settings.window else { return };
    within(&[Key("window"), Key("seconds")], Some(u64::from(window.seconds)), YEAR);
    within(&[Key("window"), Key("min_calls")], wide(window.min_calls), u64::from(u32::MAX));
    for (field, rate) in [("failure_rate", window.failure_rate), ("slow_rate", window.slow_rate)] {
        if let Some(rate) = rate.filter(|it| !(*it > 0.0 && *it <= 1.0)) {
            let said = format!("{rate} is not above 0 and at most 1");
            add(&[Key("window"), Key(field)], "FLG2003", said);
        }
    }
}

/// Flags that require others: unknown ones, circles, and chains that are too long.
fn prerequisites<'a>(file: &'a FlagFile, findings: &mut Findings<'a>) {
    if file.features.0.iter().all(|(_, it)| it.requires.is_empty()) {
        return;
    }
    let known: HashMap<&str, &Feature> =
        file.features.0.iter().map(|(name, it)| (name.as_str(), it)).collect();
    let (mut costs, mut circles) = (HashMap::new(), BTreeSet::new());
    for (name, flag) in &file.features.0 {
        for (idx, needed) in flag.requires.iter().enumerate() {
            if !known.contains_key(needed.flag.as_str()) {
                let path = [Key("features"), Key(name), Key("requires"), At(idx), Key("flag")];
                let said = format!("`{name}` requires `{}`, which there is not", needed.flag);
                let found = with_nearest(
                    finding("FLG3001", said),
                    &needed.flag,
                    known.keys().copied().filter(|it| it != name),
                );
                findings.push(&path, found);
            }
        }
        let Cost::Of { depth, looks } = cost(name, &known, &mut costs, &mut circles) else {
            continue;
        };
        if depth > MAX_DEPTH || looks > MAX_LOOKS {
            let path = [Key("features"), Key(name), Key("requires")];
            let said = format!("deciding `{name}` goes {depth} deep and looks at {looks} flags");
            findings.add(&path, "FLG3003", said);
        }
    }
    for (name, other) in circles {
        let path = [Key("features"), Key(name), Key("requires")];
        let said = format!("`{name}` requires `{other}`, which in the end requires `{name}`");
        findings.add(&path, "FLG3002", said);
    }
}

/// What deciding a flag takes.
#[derive(Clone, Copy)]
enum Cost {
    /// It is being counted: what requires it now closes a circle.
    Open,
    Of {
        /// Prerequisites in a row.
        depth: u32,
        /// Flags looked at.
        looks: u32,
    },
}

/// Counts without recursion, since a file may chain as many flags as it has. Puts into
/// `circles` the flags that close a circle, each with the one it closes it by.
fn cost<'a>(
    name: &'a str,
    known: &HashMap<&'a str, &'a Feature>,
    costs: &mut HashMap<&'a str, Cost>,
    circles: &mut BTreeSet<(&'a str, &'a str)>,
) -> Cost {
    let mut stack = vec![name];
    while let Some(top) = stack.last().copied() {
        if matches!(costs.get(top), Some(Cost::Of { .. })) {
            stack.pop();
            continue;
        }
        costs.insert(top, Cost::Open);
        let needed = known.get(top).map_or(&[][..], |it| &it.requires);
        let mut sum = (0_u32, 1_u32);
        let mut waits = false;
        for it in needed {
            match costs.get(it.flag.as_str()) {
                Some(Cost::Of { depth, looks }) => {
                    sum = (sum.0.max(depth.saturating_add(1)), sum.1.saturating_add(*looks));
                }
                Some(Cost::Open) => {
                    circles.insert((top, &it.flag));
                }
                None => {
                    stack.push(&it.flag);
                    waits = true;
                }
            }
        }
        if !waits {
            costs.insert(top, Cost::Of { depth: sum.0, looks: sum.1 });
            stack.pop();
        }
    }
    costs.get(name).copied().unwrap_or(Cost::Open)
}
