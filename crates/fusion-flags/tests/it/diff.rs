use std::fmt::Write as _;

use expect_test::{Expect, expect};
use fusion_flags::{
    CaseDiff, Comparison, DiffScope, FlagDiff, FlagFile, GivenValue, Move, Snapshot,
};
use proptest::prelude::*;

use crate::schedule::{DAY, HOUR};

fn snapshot(text: &str) -> Snapshot {
    let file = FlagFile::parse(text).unwrap_or_else(|err| panic!("{err}\n{text}"));
    Snapshot::compile(&file, None).unwrap_or_else(|it| panic!("{it:#?}"))
}

fn asked(old: &str, new: &str, scenarios: &[&str], confidences: &[f64]) -> FlagDiff {
    asked_of(5_000, old, new, scenarios, confidences)
}

fn asked_of(units: u32, old: &str, new: &str, scenarios: &[&str], confidences: &[f64]) -> FlagDiff {
    let units: Vec<String> = (0..units).map(|idx| format!("user-{idx}")).collect();
    let scenarios: Vec<String> = scenarios.iter().map(|it| (*it).to_owned()).collect();
    let comparison = Comparison::of(snapshot(old), snapshot(new));
    let scope =
        DiffScope { scenario_types: &scenarios, confidences, now_ms: DAY, units: units.len() };
    let plan = comparison.plan(&scope);
    let mut count = 0;
    let found = comparison.run(&plan, &units, &mut || count += 1);
    assert_eq!((count, plan.is_empty()), (plan.len(), found.cases.is_empty()));
    found
}

fn changes(old: &str, new: &str, scenarios: &[&str]) -> FlagDiff {
    asked(old, new, scenarios, &[0.9])
}

fn file(features: &str) -> String {
    format!("{{schema_version: 2, features: {{{features}}}}}")
}

#[track_caller]
fn near(actual: f64, expected: f64) {
    assert!((actual - expected).abs() < 0.02, "{actual} is not near {expected}");
}

/// What answers otherwise in each case, what stands in otherwise, and what was found.
fn listed(found: &FlagDiff) -> String {
    let mut res = String::new();
    for CaseDiff { case, moves, reserves, .. } in &found.cases {
        let mut place = case.scenario_type.clone();
        for (name, value) in &case.attributes {
            let _ = match value {
                GivenValue::Text(text) => write!(place, " {name}={text}"),
                GivenValue::Number(number) => write!(place, " {name}={number}"),
            };
        }
        if let Some(confidence) = case.confidence.filter(|it| *it != 0.9) {
            let _ = write!(place, " at {confidence}");
        }
        if case.now_ms != DAY {
            let _ = write!(place, " {:+} min", (case.now_ms - DAY) / 60_000);
        }
        let moves = moves.iter().map(|it| ("", it));
        for (word, it) in moves.chain(reserves.iter().map(|it| ("else ", it))) {
            let Move { from, to, from_fallback, to_fallback, share } = it;
            let from = from.as_ref().or(from_fallback.as_ref()).unwrap();
            let to = to.as_ref().or(to_fallback.as_ref()).unwrap();
            let _ = writeln!(res, "{place}: {word}{from} -> {to} {:.0} %", share * 100.0);
        }
    }
    for flag in found.flags.iter().filter(|it| !it.routes) {
        let _ = writeln!(res, "{} {:.0} %", flag.feature, flag.changed * 100.0);
    }
    res + &found.findings.iter().map(|it| format!("{it}\n")).collect::<String>()
}

/// What changes for refunds from one set of features to another.
#[track_caller]
fn check(old: &str, new: &str, expected: Expect) {
    expected.assert_eq(&listed(&changes(&file(old), &file(new), &["refund"])));
}

#[test]
fn the_same_file_changes_nothing() {
    let text = file("a: {enabled_overlays: [x], rollout_percentage: 50}");
    let found = changes(&text, &text, &["refund", "audit"]);
    assert_eq!((found.units_changed, found.scenarios_changed), (0.0, 0.0));
    assert_eq!((found.findings.len(), found.added.len(), found.removed.len()), (0, 0, 0));
    let described = file("a: {enabled_overlays: [x], rollout_percentage: 50, owner: me}");
    assert_eq!(changes(&text, &described, &["refund", "audit"]), found);
}

#[test]
fn a_wider_rollout_moves_the_difference() {
    let of = |percent: u32| {
        file(&format!(
            "a: {{enabled_overlays: [x], rollout_percentage: {percent}, conditions: {{scenario_types: [refund]}}}}, b: {{enabled_overlays: [y]}}"
        ))
    };
    let found = changes(&of(20), &of(50), &["refund", "audit"]);
    near(found.units_changed, 0.15);
    near(found.scenarios_changed, 0.5);
    assert_eq!(found.cases.len(), 1, "nothing that differs is for audits");
    let [moved] = found.cases[0].moves.as_slice() else { panic!("{:?}", found.cases[0]) };
    assert_eq!((moved.from.as_deref(), moved.to.as_deref()), (Some("y"), Some("x")));
    near(moved.share, 0.3);
    near(found.flags[0].changed, 0.3);
}

#[test]
fn another_salt_is_a_warning_and_moves_units_both_ways() {
    let old = file("a: {enabled_overlays: [x], rollout_percentage: 50}");
    let new = file("a: {enabled_overlays: [x], rollout_percentage: 50, salt: other}");
    let found = changes(&old, &new, &["refund"]);
    near(found.units_changed, 0.5);
    assert_eq!(found.cases[0].moves.len(), 2);
    assert_eq!(found.findings[0].code, "FLG6001");
}

#[test]
fn other_weights_are_a_warning() {
    let of = |weights: [u32; 2]| {
        file(&format!(
            "a: {{variants: {{one: {{overlay: x, weight: {}}}, two: {{weight: {}}}}}}}",
            weights[0], weights[1]
        ))
    };
    assert_eq!(changes(&of([1, 1]), &of([50, 50]), &["refund"]).findings, []);
    let found = changes(&of([50, 50]), &of([80, 20]), &["refund"]);
    assert_eq!(found.findings[0].code, "FLG6002");
    near(found.units_changed, 0.3);
}

#[test]
fn flags_that_come_and_go_are_named() {
    let found = changes(
        &file("a: {enabled_overlays: [x]}, b: {enabled_overlays: [y]}"),
        &file("b: {enabled_overlays: [y]}, c: {enabled_overlays: [z]}"),
        &["refund"],
    );
    assert_eq!(
        (found.added.as_slice(), found.removed.as_slice()),
        (&["c".to_owned()][..], &["a".to_owned()][..])
    );
    assert_eq!(found.units_changed, 1.0);
}

#[test]
fn each_listed_value_is_asked_and_one_beside() {
    check(
        "a: {enabled_overlays: [x], conditions: {where: {tenant: {in: [acme]}}}}",
        "a: {enabled_overlays: [y], conditions: {where: {tenant: {in: [acme, zeta]}}}}",
        expect![[r#"
            refund tenant=acme: x -> y 100 %
            refund tenant=zeta: baseline_only -> y 100 %
        "#]],
    );
    check(
        "a: {enabled_overlays: [x], conditions: {where: {tenant: {not_in: [acme]}}}}",
        "a: {enabled_overlays: [x], conditions: {where: {tenant: {not_in: [acme, zeta]}}}}",
        expect![[r#"
            refund tenant=zeta: x -> baseline_only 100 %
        "#]],
    );
    check(
        "a: {enabled_overlays: [x], conditions: {where: {mail: {ends_with: '@acme.com'}}}}",
        "a: {enabled_overlays: [x], conditions: {where: {mail: {starts_with: ann}}}}",
        expect![[r#"
            refund mail=@acme.com: x -> baseline_only 100 %
            refund mail=ann: baseline_only -> x 100 %
        "#]],
    );
}

#[test]
fn numbers_and_versions_are_asked_on_both_sides_of_their_bounds() {
    check(
        "a: {enabled_overlays: [x], conditions: {where: {seats: {at_least: 10}}}}",
        "a: {enabled_overlays: [x], conditions: {where: {seats: {at_least: 20}}}}",
        expect![[r#"
            refund seats=10: x -> baseline_only 100 %
        "#]],
    );
    check(
        "a: {enabled_overlays: [x], conditions: {where: {app: {semver: '>=1.2, <2'}}}}",
        "a: {enabled_overlays: [x], conditions: {where: {app: {semver: '>=1.3, <3'}}}}",
        expect![[r#"
            refund app=1.2.0: x -> baseline_only 100 %
            refund app=2.0.0: baseline_only -> x 100 %
        "#]],
    );
}

#[test]
fn several_attributes_fit_together() {
    let of = |region: &str| {
        format!(
            "a: {{enabled_overlays: [x], conditions: {{where: {{tenant: {{in: [acme]}}, region: {{in: [{region}]}}}}}}}}"
        )
    };
    check(
        &of("eu"),
        &of("us"),
        expect![[r#"
            refund region=eu tenant=acme: x -> baseline_only 100 %
            refund region=us tenant=acme: baseline_only -> x 100 %
        "#]],
    );
}

#[test]
fn what_another_flag_looks_at_is_asked_too() {
    let of = |overlay: &str| {
        format!(
            "gate: {{enabled_overlays: [g], conditions: {{scenario_types: [refund], where: {{tenant: {{in: [acme]}}}}}}}}, a: {{enabled_overlays: [{overlay}], requires: [{{flag: gate}}]}}"
        )
    };
    check(
        &of("x"),
        &of("y"),
        expect![[r#"
            refund tenant=acme: else x -> y 100 %
        "#]],
    );
    let of = |tenant: &str| {
        format!(
            "a: {{enabled_overlays: [x]}}, stop: {{kind: kill_switch, enabled_overlays: [x], conditions: {{where: {{tenant: {{in: [{tenant}]}}}}}}}}"
        )
    };
    check(
        &of("acme"),
        &of("zeta"),
        expect![[r#"
            refund tenant=acme: baseline_only -> x 100 %
            refund tenant=zeta: x -> baseline_only 100 %
        "#]],
    );
}

#[test]
fn units_bucketed_by_an_attribute_have_it() {
    let of = |percent: u32| {
        format!(
            "{{schema_version: 2, defaults: {{bucket_by: account}}, features: {{a: {{enabled_overlays: [x], rollout_percentage: {percent}}}}}}}"
        )
    };
    near(changes(&of(10), &of(40), &["refund"]).units_changed, 0.3);
}

#[test]
fn hours_are_asked_inside_and_outside() {
    // It is midnight.
    check(
        "a: {enabled_overlays: [x], active: {hours: ['09:00-12:00']}}",
        "a: {enabled_overlays: [y], active: {hours: ['09:00-12:00']}}",
        expect![[r#"
            refund +540 min: x -> y 100 %
        "#]],
    );
    check(
        "a: {enabled_overlays: [x], active: {hours: ['09:00-12:00'], tz: Europe/Berlin}}",
        "a: {enabled_overlays: [x], active: {hours: ['09:00-13:00'], tz: Europe/Berlin}}",
        expect![[r#"
            refund +660 min: baseline_only -> x 100 %
        "#]],
    );
}

#[test]
fn ramps_are_asked_at_each_step() {
    let of = |percent: u32, day: &str| {
        format!(
            "a: {{enabled_overlays: [x], ramp: {{start: '2026-12-{day}T09:00Z', steps: [{{percent: {percent}, hold: 1h}}, {{percent: 100}}]}}}}"
        )
    };
    check(
        &of(10, "01"),
        &of(40, "01"),
        expect![[r#"
            refund +540 min: baseline_only -> x 30 %
        "#]],
    );
    // From the start of the one until the last step of the other.
    check(
        &of(50, "01"),
        &of(50, "02"),
        expect![[r#"
        refund +600 min: x -> baseline_only 100 %
        refund +540 min: x -> baseline_only 51 %
        refund +1980 min: x -> baseline_only 49 %
    "#]],
    );
}

#[test]
fn another_fallback_is_seen() {
    check(
        "a: {enabled_overlays: [x], fallback_strategy: baseline_only}",
        "a: {enabled_overlays: [x], fallback_strategy: human}",
        expect![[r#"
            refund: else baseline_only -> human 100 %
        "#]],
    );
    let of = |word: &str| {
        format!(
            "{{schema_version: 2, features: {{a: {{enabled_overlays: [x], rollout_percentage: 50}}}}, global: {{default_strategy: {word}}}}}"
        )
    };
    let found = changes(&of("baseline_only"), &of("human"), &["refund", "*"]);
    expect![[r#"
        refund: baseline_only -> human 49 %
        refund: else baseline_only -> human 51 %
        *: baseline_only -> human 49 %
        *: else baseline_only -> human 51 %
    "#]]
    .assert_eq(&listed(&found));
    near(found.units_changed, 0.5);
}

#[test]
fn what_stands_in_is_seen() {
    check(
        "a: {enabled_overlays: [x, y]}",
        "a: {enabled_overlays: [x, z]}",
        expect![[r#"
            refund: else y -> z 100 %
        "#]],
    );
    check(
        "a: {enabled_overlays: [x]}, b: {enabled_overlays: [y]}, c: {enabled_overlays: [z]}",
        "c: {enabled_overlays: [z]}, a: {enabled_overlays: [x]}, b: {enabled_overlays: [y]}",
        expect![[r#"
            refund: x -> z 100 %
        "#]],
    );
}

#[test]
fn a_flag_without_overlays_is_decided_otherwise() {
    check(
        "a: {rollout_percentage: 20}",
        "a: {rollout_percentage: 50}",
        expect![[r#"
            a 31 %
        "#]],
    );
}

#[test]
fn below_every_threshold_is_asked_too() {
    let of = |overlay: &str| {
        file(&format!(
            "a: {{enabled_overlays: [x], conditions: {{confidence_threshold: 0.7}}}}, b: {{enabled_overlays: [{overlay}]}}"
        ))
    };
    expect![[r#"
        refund at 0: y -> z 100 %
        refund at 0.7: else y -> z 100 %
        refund at 1: else y -> z 100 %
    "#]]
    .assert_eq(&listed(&asked(&of("y"), &of("z"), &["refund"], &[])));
}

#[test]
fn a_missing_confidence_is_asked_where_the_files_differ_about_it() {
    let of = |word: &str| {
        format!(
            "{{schema_version: 2, defaults: {{missing_confidence: {word}}}, features: {{a: {{enabled_overlays: [x], conditions: {{confidence_threshold: 0.9}}}}}}}}"
        )
    };
    let found = asked(&of("deny"), &of("allow"), &["refund"], &[]);
    let last = found.cases.last().unwrap();
    assert_eq!((last.case.confidence, last.changed), (None, 1.0));
    assert_eq!(found.findings, []);
}

#[test]
fn what_no_question_shows_is_named() {
    check(
        "off: {rollout_percentage: 0}, a: {enabled_overlays: [x], requires: [{flag: off}]}",
        "off: {rollout_percentage: 0}, a: {enabled_overlays: [y], requires: [{flag: off}]}",
        expect![[r#"
            warning[FLG6003]: `a` has another `enabled_overlays`, and nothing that was asked shows it
        "#]],
    );
    check(
        "a: {enabled_overlays: [x]}",
        "a: {enabled_overlays: [x], circuit_breaker: {failure_threshold: 2}}",
        expect![[r#"
            warning[FLG6003]: the breakers of `x` have other settings (breakers are not asked)
        "#]],
    );
    check(
        "a: {enabled_overlays: [x]}",
        "a: {enabled_overlays: [x], circuit_breaker: {failure_threshold: 5}}",
        expect![""],
    );
    let of = |share: &str| {
        format!(
            "{{schema_version: 2, features: {{a: {{enabled_overlays: [x]}}}}, global: {{circuit_breaker: {{max_open_share: {share}}}}}}}"
        )
    };
    assert_eq!(changes(&of("0.2"), &of("0.9"), &["refund"]).findings.len(), 1);
    assert_eq!(changes(&of("null"), &of("0.5"), &["refund"]).findings.len(), 0);
    check("a: {enabled: false, enabled_overlays: [x]}", "a: {enabled: false}", expect![""]);
}

#[test]
fn only_what_was_asked_for_is_missed() {
    let of = |overlay: &str| {
        file(&format!(
            "a: {{enabled_overlays: [{overlay}], conditions: {{scenario_types: [refund]}}}}"
        ))
    };
    let found = changes(&of("x"), &of("y"), &["audit"]);
    assert_eq!((found.cases.len(), found.findings.len()), (0, 0));
}

/// As many flags as there are, each for a kind of work of its own.
fn many(flags: u32, line: impl Fn(u32) -> String) -> String {
    let flags = (0..flags).map(|idx| format!("  f{idx}: {{{}}}\n", line(idx)));
    format!("schema_version: 2\nfeatures:\n{}", flags.collect::<String>())
}

#[test]
fn only_what_differs_is_asked() {
    let flags = 3_000;
    let of = |idx: u32, overlay: &str| {
        let base = if idx == 20 { ", requires: [{flag: f10}]" } else { "" };
        format!(
            "enabled_overlays: [{overlay}], rollout_percentage: 40, conditions: {{scenario_types: [t{idx}], confidence_threshold: 0.{}}}{base}",
            1 + idx % 9
        )
    };
    let types: Vec<String> = (0..flags).map(|idx| format!("t{idx}")).collect();
    let types: Vec<&str> = types.iter().map(String::as_str).collect();
    let old = many(flags, |idx| of(idx, "x"));
    let new = many(flags, |idx| of(idx, if idx == 10 { "y" } else { "x" }));
    let found = asked(&old, &new, &types, &[]);
    let places: Vec<_> =
        found.cases.iter().map(|it| (it.case.scenario_type.as_str(), it.case.confidence)).collect();
    // The flag that requires the other one is asked too.
    assert_eq!(
        places,
        [
            ("t10", Some(0.2)),
            ("t10", Some(1.0)),
            ("t20", Some(0.2)),
            ("t20", Some(0.3)),
            ("t20", Some(1.0))
        ]
    );
    near(found.cases[0].changed, 0.4);

    // One flag is first now, and no other one has moved.
    let (first, rest) = new.split_at(new.find("  f0").unwrap());
    let (others, last) = rest.split_at(rest.find("  f2999").unwrap());
    let moved = format!("{first}{last}{others}");
    let found = asked(&new, &moved, &types, &[]);
    assert_eq!((found.cases.len(), found.cases[0].case.scenario_type.as_str()), (2, "t2999"));
    assert_eq!((found.flags.len(), found.findings.len()), (0, 0));
}

#[test]
fn one_unit_is_asked_for_all_that_are_answered_alike() {
    let old = file("a: {enabled_overlays: [x]}");
    let new = file("a: {enabled_overlays: [y]}");
    let found = changes(&old, &new, &["refund"]);
    assert_eq!((found.units_changed, found.cases[0].moves[0].share), (1.0, 1.0));
    // A kill switch for a share of the units makes them differ.
    let half = ", stop: {kind: kill_switch, enabled_overlays: [y], rollout_percentage: 50}";
    let new = file(&format!("a: {{enabled_overlays: [y]}}{half}"));
    near(changes(&old, &new, &["refund"]).cases[0].moves[0].share, 0.5);
}

/// One flag of some kind for refunds.
fn feature() -> impl Strategy<Value = String> {
    let overlays = prop::sample::subsequence(vec!["x", "y", "z"], 0..=3).prop_shuffle();
    let share = prop::sample::select(vec!["0", "30", "100"]);
    let condition = prop::sample::select(vec![
        "",
        "confidence_threshold: 0.7",
        "confidence_threshold: 0.5, where: {tenant: {in: [acme, zeta]}}",
        "where: {tenant: {not_in: [acme]}, seats: {at_least: 10}}",
        "where: {app: {semver: ^1.2}}",
    ]);
    let more = prop::sample::select(vec![
        "",
        "active: {hours: ['22:00-06:00']}",
        "fallback_strategy: human",
        "kind: kill_switch",
        "enabled: false",
    ]);
    (overlays, share, condition, more).prop_map(|(overlays, share, condition, more)| {
        let more = if more.is_empty() { String::new() } else { format!(", {more}") };
        format!(
            "{{enabled_overlays: [{}], rollout_percentage: {share}, conditions: {{{condition}}}{more}}}",
            overlays.join(", ")
        )
    })
}

fn features() -> impl Strategy<Value = String> {
    let names = prop::sample::subsequence(vec!["a", "b", "c"], 1..=3).prop_shuffle();
    (names, prop::collection::vec(feature(), 3)).prop_map(|(names, features)| {
        let flags = names.iter().zip(features).map(|(name, it)| format!("{name}: {it}"));
        file(&flags.collect::<Vec<_>>().join(", "))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a request finds answered otherwise, the comparison says so: nobody is told
    /// that nothing changes where something does.
    #[test]
    fn no_request_changes_unseen(old in features(), new in features(), pick in any::<u32>()) {
        use fusion_flags::{Attribute, BreakerSet, Context, Flags, Route};

        let found = asked_of(300, &old, &new, &["refund"], &[]);
        let is_quiet = found.added.is_empty() && found.removed.is_empty()
            && found.findings.is_empty()
            && found.cases.iter().all(|it| it.moves.is_empty() && it.reserves.is_empty());
        let tenants = ["acme", "zeta", "third"];
        let attributes = [
            ("tenant", Attribute::Text(tenants[pick as usize % 3])),
            ("seats", Attribute::Number(f64::from(pick % 20))),
            ("app", Attribute::Text(["1.2.0", "1.9.1", "2.0.0"][(pick >> 8) as usize % 3])),
        ];
        let unit = format!("user-{}", pick % 300);
        let context = Context {
            unit: Some(&unit),
            scenario_type: "refund",
            confidence: Some(f64::from(pick % 101) / 100.0),
            attributes: &attributes[(pick >> 12) as usize % 4..],
            now_ms: DAY + i64::from(pick % 24) * HOUR,
            quality: None,
        };
        let answered = |text: &str| {
            let flags = Flags::new(snapshot(text), BreakerSet::default());
            let (view, mut route) = (flags.view(), Route::default());
            view.route(&context, &mut route);
            let names = route.candidates.iter().map(|it| view.overlay_name(*it).to_owned());
            (names.collect::<Vec<_>>(), view.fallback(&route).to_owned())
        };
        prop_assert!(!is_quiet || answered(&old) == answered(&new), "{old}\n{new}\n{context:?}");
    }
}
