//! The comparison against the plainest one there is: each unit routed through both files.

use std::collections::BTreeMap;

use fusion_flags::{
    Attribute, BreakerSet, CaseDiff, Comparison, Context, DiffCase, DiffScope, FlagDiff, FlagFile,
    FlagKind, Flags, GivenValue, Route, Snapshot, View,
};
use proptest::prelude::*;

use crate::schedule::DAY;

/// More than are asked at a time.
const UNITS: usize = 600;

/// A file with what is in force by it.
struct Side {
    file: FlagFile,
    flags: Flags,
}

impl Side {
    fn of(text: &str) -> Self {
        let file = FlagFile::parse(text).unwrap_or_else(|err| panic!("{err}\n{text}"));
        let snapshot =
            Snapshot::compile(&file, None).unwrap_or_else(|it| panic!("{it:#?}\n{text}"));
        Self { file, flags: Flags::new(snapshot, BreakerSet::default()) }
    }

    fn by(&self) -> Option<&str> {
        self.file.defaults.bucket_by.as_deref()
    }
}

/// Overlays in their order, then the fallback.
fn line(view: &View, context: &Context<'_>) -> (Vec<String>, String) {
    let mut route = Route::default();
    view.route(context, &mut route);
    let overlays = route.candidates.iter().map(|it| view.overlay_name(*it).to_owned());
    (overlays.collect(), view.fallback(&route).to_owned())
}

/// Whether something else stands in, then from what to what.
type Step = (bool, Result<String, String>, Result<String, String>);

fn step(old: &(Vec<String>, String), new: &(Vec<String>, String)) -> Option<Step> {
    let answer = |(line, word): &(Vec<String>, String), at: usize| {
        line.get(at).cloned().ok_or_else(|| word.clone())
    };
    (0..=old.0.len().max(new.0.len()))
        .map(|at| (at > 0, answer(old, at), answer(new, at)))
        .find(|(_, from, to)| from != to)
}

/// Asks each unit what a case says of it.
fn each(case: &DiffCase, sides: [&Side; 2], units: &[String], mut ask: impl FnMut(&Context<'_>)) {
    for unit in units {
        let given = case.attributes.iter().map(|(name, value)| {
            let value = match value {
                GivenValue::Text(text) => Attribute::Text(text),
                GivenValue::Number(number) => Attribute::Number(*number),
            };
            (name.as_str(), value)
        });
        let mut attributes: Vec<_> = given.collect();
        for by in sides.into_iter().filter_map(Side::by) {
            if attributes.iter().all(|(name, _)| *name != by) {
                attributes.push((by, Attribute::Text(unit)));
            }
        }
        ask(&Context {
            unit: Some(unit),
            scenario_type: &case.scenario_type,
            confidence: case.confidence,
            attributes: &attributes,
            now_ms: case.now_ms,
            quality: None,
        });
    }
}

/// The share of the units for which a flag of both files is otherwise in a case.
fn otherwise(name: &str, case: &DiffCase, sides: [&Side; 2], units: &[String]) -> f64 {
    let features = sides.map(|it| it.file.features.get(name).unwrap());
    let [a, b] = features;
    let offers = a.enabled_overlays != b.enabled_overlays
        || a.fallback_strategy != b.fallback_strategy
        || (a.kind == Some(FlagKind::KillSwitch)) != (b.kind == Some(FlagKind::KillSwitch));
    let mut count = 0;
    each(case, sides, units, |context| {
        let of = |side: &Side| side.flags.decide(name, context);
        let (old, new) = (of(sides[0]), of(sides[1]));
        let arm = |at: usize, variant: Option<u32>| {
            features[at].variants.0.get(variant? as usize).and_then(|(_, it)| it.overlay.clone())
        };
        let arms = || arm(0, old.variant) != arm(1, new.variant);
        count += u32::from(old.enabled != new.enabled || old.enabled && (offers || arms()));
    });
    f64::from(count) / units.len() as f64
}

#[track_caller]
fn check_case(case: &CaseDiff, sides: [&Side; 2], units: &[String], context: &str) {
    let mut steps: BTreeMap<Step, u32> = BTreeMap::new();
    each(&case.case, sides, units, |context| {
        let [old, new] = sides.map(|it| line(&it.flags.view(), context));
        if let Some(step) = step(&old, &new) {
            *steps.entry(step).or_default() += 1;
        }
    });
    let mut found = BTreeMap::new();
    for (is_reserve, moves) in [(false, &case.moves), (true, &case.reserves)] {
        for it in moves {
            let end = |overlay: &Option<String>, word: &Option<String>| {
                overlay.clone().ok_or_else(|| word.clone().unwrap())
            };
            let step = (is_reserve, end(&it.from, &it.from_fallback), end(&it.to, &it.to_fallback));
            found.insert(step, it.share);
        }
        assert!(moves.is_sorted_by(|a, b| a.share >= b.share));
    }
    let share = |count: u32| f64::from(count) / units.len() as f64;
    let moved = steps.iter().filter(|((is_reserve, ..), _)| !is_reserve);
    let changed: u32 = moved.map(|(_, count)| count).sum();
    let steps: BTreeMap<Step, f64> = steps.into_iter().map(|(it, n)| (it, share(n))).collect();
    assert_eq!((found, case.changed), (steps, share(changed)), "{:?}\n{context}", case.case);
}

#[track_caller]
fn check(old: &str, new: &str, types: &[&str]) {
    let units: Vec<String> = (0..UNITS).map(|idx| format!("user-{idx}")).collect();
    let types: Vec<String> = types.iter().map(|it| (*it).to_owned()).collect();
    let scope =
        DiffScope { scenario_types: &types, confidences: &[], now_ms: DAY, units: units.len() };
    let sides = [&Side::of(old), &Side::of(new)];
    let snapshot = |it: &Side| Snapshot::compile(&it.file, None).unwrap();
    let comparison = Comparison::of(snapshot(sides[0]), snapshot(sides[1]));
    let found: FlagDiff = comparison.run(&comparison.plan(&scope), &units, &mut || ());
    let context = format!("{old}\n{new}");
    for case in &found.cases {
        check_case(case, sides, &units, &context);
    }
    for flag in &found.flags {
        let features = sides.map(|it| it.file.features.get(&flag.feature).unwrap());
        // Of a kill switch it counts only where it takes something out.
        if features.iter().any(|it| it.kind == Some(FlagKind::KillSwitch)) {
            continue;
        }
        let mut shares =
            found.cases.iter().map(|it| otherwise(&flag.feature, &it.case, sides, &units));
        let first = shares.find(|it| *it > 0.0).unwrap_or(0.0);
        assert_eq!(flag.changed, first, "{}\n{context}", flag.feature);
    }
}

#[test]
fn a_flag_bucketed_by_what_a_condition_looks_at_is_exact() {
    let of = |condition: &str| {
        format!(
            "schema_version: 2\ndefaults: {{bucket_by: tenant}}\nfeatures:\n  a: {{enabled_overlays: [x], rollout_percentage: 60, conditions: {{where: {{tenant: {{{condition}}}}}}}}}\n"
        )
    };
    check(&of("starts_with: user-1"), &of("ends_with: '7'"), &["refund"]);
}

#[test]
fn variants_and_their_control_group_are_exact() {
    let of = |weights: [u32; 3], share: u32| {
        let [x, y, none] = weights;
        format!(
            "{{schema_version: 2, features: {{a: {{rollout_percentage: {share}, variants: {{one: {{overlay: x, weight: {x}}}, two: {{overlay: y, weight: {y}}}, control: {{weight: {none}}}}}}}, b: {{enabled_overlays: [y, z], fallback_strategy: human}}}}}}"
        )
    };
    check(&of([1, 1, 1], 80), &of([5, 0, 2], 90), &["refund"]);
    check(&of([1, 1, 1], 100), &of([1, 1, 1], 40), &["refund"]);
}

#[test]
fn many_kinds_of_work_and_many_flags_are_exact() {
    let file = |salt: u32| {
        let flags = (0..60_u32).map(|idx| {
            let share = (idx * 37 + salt * 11) % 101;
            let types = if idx % 4 == 0 { String::new() } else { format!("t{}", idx % 7) };
            format!(
                "  f{idx}: {{enabled_overlays: [o{}, o{}], rollout_percentage: {share}, conditions: {{scenario_types: [{types}], confidence_threshold: 0.{}}}}}\n",
                idx % 9,
                (idx + salt) % 9 + 9,
                idx % 3 + 5
            )
        });
        format!("schema_version: 2\nfeatures:\n{}", flags.collect::<String>())
    };
    check(&file(0), &file(1), &["t0", "t1", "t2", "t3", "t4", "t5", "t6", "*"]);
}

/// One flag of some kind.
fn feature() -> impl Strategy<Value = String> {
    let overlays = prop::sample::subsequence(vec!["x", "y", "z"], 0..=3).prop_shuffle();
    let share = prop::sample::select(vec![
        "",
        "rollout_percentage: 0, ",
        "rollout_percentage: 30, ",
        "rollout_percentage: 70, ",
        "ramp: {start: '2026-11-30T23:30:00Z', steps: [{percent: 20, hold: 1h}, {percent: 65}]}, ",
    ]);
    let condition = prop::sample::select(vec![
        "",
        "confidence_threshold: 0.7",
        "scenario_types: [refund]",
        "scenario_types: [audit], confidence_threshold: 0.4",
        "where: {tenant: {in: [acme, user-3]}}",
        "where: {tenant: {starts_with: user-2}, seats: {at_least: 10}}",
    ]);
    let more = prop::sample::select(vec![
        "",
        "active: {hours: ['22:00-06:00']}, ",
        "fallback_strategy: human, ",
        "fallback_strategy: cache, salt: other, ",
        "kind: kill_switch, ",
        "enabled: false, ",
        "requires: [{flag: base}], ",
        "requires: [{flag: base, is: off}], salt: base, ",
    ]);
    let arms = prop::sample::select(vec![
        "",
        "",
        "variants: {one: {overlay: x, weight: 1}, two: {weight: 2}}, ",
        "variants: {one: {overlay: y, weight: 3}, two: {overlay: x, weight: 2}}, ",
    ]);
    (overlays, share, condition, more, arms).prop_map(|(overlays, share, condition, more, arms)| {
        let overlays = match arms.is_empty() || more.contains("kill") {
            true => format!("enabled_overlays: [{}], ", overlays.join(", ")),
            false => arms.to_owned(),
        };
        format!("{{{overlays}{share}{more}conditions: {{{condition}}}}}")
    })
}

fn file() -> impl Strategy<Value = String> {
    let names = prop::sample::subsequence(vec!["a", "b", "c", "d"], 1..=4).prop_shuffle();
    let defaults = prop::sample::select(vec![
        "",
        "defaults: {bucket_by: tenant}, ",
        "defaults: {match: substring}, ",
        "global: {default_strategy: human}, ",
        "global: {kill_switch: true}, ",
    ]);
    let base = prop::sample::select(vec!["40", "100", "0"]);
    (names, prop::collection::vec(feature(), 4), defaults, base).prop_map(
        |(names, features, defaults, base)| {
            let flags = names.iter().zip(features).map(|(name, it)| format!("{name}: {it}, "));
            format!(
                "{{schema_version: 2, {defaults}features: {{{}base: {{enabled_overlays: [z], rollout_percentage: {base}}}}}}}",
                flags.collect::<String>()
            )
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn shares_are_those_of_units_asked_one_by_one(old in file(), new in file()) {
        check(&old, &new, &["refund", "audit", "refund_audit"]);
    }
}
