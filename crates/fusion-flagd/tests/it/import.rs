use std::fmt::Write as _;

use expect_test::{Expect, expect};
use fusion_flagd::{CODES, FlagdFile, export, import};
use fusion_flags::{Attribute, BreakerSet, Context, FlagFile, Flags, Snapshot};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A switch with this rule.
fn switch(rule: &Value) -> Value {
    json!({ "flags": { "it": {
        "state": "ENABLED",
        "variants": { "on": true, "off": false, "true": true, "false": false },
        "defaultVariant": "off",
        "targeting": rule,
    }}})
}

/// What is written here for a rule, and the findings without their places.
#[track_caller]
fn check(rule: Value, expected: Expect) {
    let (file, findings) = import(&switch(&rule).to_string());
    let feature = serde_json::to_value(&file.features.0[0].1).unwrap();
    let mut res = pruned(feature).unwrap_or_default().to_string();
    if file.defaults != fusion_flags::Defaults::default() {
        let defaults = serde_json::to_value(&file.defaults).unwrap();
        write!(res, "\ndefaults {}", pruned(defaults).unwrap()).unwrap();
    }
    for it in findings {
        assert!(CODES.iter().any(|(code, ..)| *code == it.code), "{it:?}");
        write!(res, "\n{} {}", it.code, it.message).unwrap();
    }
    expected.assert_eq(&res);
}

/// Without what is empty.
fn pruned(value: Value) -> Option<Value> {
    match value {
        Value::Object(map) => {
            let map = map.into_iter().filter_map(|(name, it)| Some((name, pruned(it)?)));
            let map: serde_json::Map<String, Value> = map.collect();
            (!map.is_empty()).then_some(Value::Object(map))
        }
        Value::Array(items) if items.is_empty() => None,
        other => Some(other),
    }
}

fn var(name: &str) -> Value {
    json!({ "var": name })
}

#[test]
fn conditions_become_ours() {
    check(json!({}), expect![[r#"{"rollout_percentage":0.0}"#]]);
    check(json!({ "if": [true, "on"] }), expect!["null"]);
    check(
        json!({ "if": [{ "in": [var("scenario_type"), ["refund", "audit"]] }, "on", "off"] }),
        expect![[r#"{"conditions":{"scenario_types":["refund","audit"]}}"#]],
    );
    check(
        json!({ "if": [{ "in": ["ref", var("scenario_type")] }, "on"] }),
        expect![[r#"
        {"conditions":{"scenario_types":["ref"]}}
        defaults {"match":"substring"}"#]],
    );
    check(
        json!({ "if": [{ ">=": [{ "var": ["confidence", 2] }, 0.7] }, "on"] }),
        expect![[r#"
        {"conditions":{"confidence_threshold":0.7}}
        defaults {"missing_confidence":"allow"}"#]],
    );
    check(
        json!({ "if": [{ "<": [var("confidence"), 0.7] }, "off", "on"] }),
        expect![[r#"{"conditions":{"confidence_threshold":0.7}}"#]],
    );
    check(
        json!({ "==": [var("tier"), "gold"] }),
        expect![[r#"{"conditions":{"where":{"tier":{"in":["gold"]}}}}"#]],
    );
    check(
        json!({ "or": [{ "==": [var("tier"), "gold"] }, { "===": ["silver", var("tier")] }] }),
        expect![[r#"{"conditions":{"where":{"tier":{"in":["gold","silver"]}}}}"#]],
    );
    check(
        json!({ "and": [{ "starts_with": [var("mail"), "a"] }, { ">": [var("age"), 18] }] }),
        expect![[
            r#"{"conditions":{"where":{"age":{"at_least":18.000000000000004},"mail":{"starts_with":"a"}}}}"#
        ]],
    );
    check(
        json!({ "and": [{ "!==": [var("tier"), null] }, { "!": [{ "in": [var("tier"), ["x"]] }] }] }),
        expect![[r#"{"conditions":{"where":{"tier":{"not_in":["x"]}}}}"#]],
    );
}

#[test]
fn draws_and_moments_become_rollouts() {
    check(
        json!({ "fractional": [["on", 25], ["off", 75]] }),
        expect![[r#"{"rollout_percentage":25.0}"#]],
    );
    check(
        json!({ "if": [{ "==": [var("tier"), "gold"] }, { "fractional": [["on"], ["off", 2]] }] }),
        expect![[r#"
            {"conditions":{"where":{"tier":{"in":["gold"]}}},"rollout_percentage":33.333}
            FLG7007 `it`: the share is rounded to 33.333 %"#]],
    );
    let now = var("$flagd.timestamp");
    check(
        json!({ "if": [{ ">=": [now, 1_796_115_600] }, "on"] }),
        expect![[r#"{"ramp":{"start":"2026-12-01T09:00:00Z","steps":[{"percent":100.0}]}}"#]],
    );
    let tenth = json!({ "==": [{ "fractional": [["in", 1], ["out", 9]] }, "in"] });
    check(
        json!({ "if": [
            { "if": [{ ">=": [now, 1_796_205_600] }, true, { ">=": [now, 1_796_115_600] }, tenth, false] },
            "on", "off",
        ] }),
        expect![[
            r#"{"ramp":{"start":"2026-12-01T09:00:00Z","steps":[{"hold":"1d1h","percent":10.0},{"percent":100.0}]}}"#
        ]],
    );
}

#[test]
fn what_is_narrower_or_impossible_is_said() {
    check(
        json!({ "!=": [var("tier"), "gold"] }),
        expect![[r#"
        {"conditions":{"where":{"tier":{"not_in":["gold"]}}}}
        FLG7006 `it`: without `tier` it holds there, and does not here"#]],
    );
    check(
        json!({ "if": [var("beta"), "on"] }),
        expect![[r#"
        {"conditions":{"where":{"beta":{"in":["true"]}}}}
        FLG7006 `it`: it holds where `beta` is not empty there, and where it is true here"#]],
    );
    check(
        json!({ "if": [{ "sem_ver": [var("v"), "~", "2.1"] }, "on"] }),
        expect![[r#"
        {"conditions":{"where":{"v":{"semver":">=2.1.0, <2.2.0"}}}}
        FLG7006 `it`: of `v` only whole versions as 2.1.0 count here, and those before a release do not"#]],
    );
    check(
        json!({ "if": [{ "==": [var("targetingKey"), "ann"] }, "on"] }),
        expect![[r#"
        {"conditions":{"where":{"targetingKey":{"in":["ann"]}}}}
        FLG7006 `it`: the unit must be an attribute `targetingKey` too"#]],
    );
    check(
        json!({ "fractional": [["off", 75], ["on", 25]] }),
        expect![[r#"
        {"enabled":false}
        FLG7005 `it` takes units that are not the first ones; it is off here"#]],
    );
    check(
        json!({ "fractional": [var("mail"), ["on", 1], ["off", 1]] }),
        expect![[r#"
        {"enabled":false}
        FLG7005 `it` draws by something else than the flag and the unit; it is off here"#]],
    );
    check(
        json!({ "if": [{ "in": ["@corp", var("mail")] }, "on"] }),
        expect![[r#"
        {"enabled":false}
        FLG7005 `it` looks for a part of a text; it is off here"#]],
    );
    check(
        json!({ "and": [{ ">": [var("age"), 18] }, { "<": [var("age"), 65] }, { "<": [var("n"), 1] }] }),
        expect![[r#"
            {"enabled":false}
            FLG7005 `it` asks twice of `age`; it is off here"#]],
    );
    check(
        json!({ "or": [{ "==": [var("a"), "x"] }, { "==": [var("b"), "x"] }] }),
        expect![[r#"
            {"enabled":false}
            FLG7005 `it` holds where one condition or another one does; it is off here"#]],
    );
    check(
        json!({ "cat": ["o", "n"] }),
        expect![[r#"
        {"enabled":false}
        FLG7005 `it` computes the name of a variant; it is off here"#]],
    );
    check(
        json!({ "if": [true, "gone"] }),
        expect![[r#"
        {"enabled":false}
        FLG7005 `it` names a variant `gone`, which it does not have; it is off here"#]],
    );
    check(
        json!({ "if": [{ "<": [var("$flagd.timestamp"), 9] }, "on"] }),
        expect![[r#"
        {"enabled":false}
        FLG7005 `it` ends, or compares, moments; it is off here"#]],
    );
}

#[track_caller]
fn check_file(text: &str, expected: Expect) {
    let (file, findings) = import(text);
    Snapshot::compile(&file, None).unwrap();
    let mut res = serde_json::to_string(&file.features).unwrap();
    for it in findings {
        write!(res, "\n{it}").unwrap();
        if let Some(hint) = it.hint {
            write!(res, "\n  {hint}").unwrap();
        }
    }
    expected.assert_eq(&res);
}

#[test]
fn texts_become_overlays_and_variants() {
    check_file(
        r##"{"flags": {
  "prompt": {"state": "ENABLED", "variants": {"a": "rollback_first", "b": "refund", "none": ""},
    "defaultVariant": "none", "targeting": {"fractional": [["a", 30], ["b", 60], ["none", 10]]}},
  "fixed": {"state": "DISABLED", "variants": {"a": "refund"}, "defaultVariant": "a",
    "metadata": {"owner": "ops", "ticket": 7}},
  "colour": {"state": "ENABLED", "variants": {"red": "#FF0000"}, "defaultVariant": "red"},
  "limit": {"state": "ENABLED", "variants": {"low": 1}, "defaultVariant": "low"},
  "not a name": {"state": "ENABLED", "variants": {"on": true}, "defaultVariant": "on"}
}}"##,
        expect![[r#"
            {"prompt":{"enabled_overlays":[],"conditions":{"scenario_types":[]},"variants":{"a":{"overlay":"rollback_first","weight":30},"b":{"overlay":"refund","weight":60},"none":{"weight":10}}},"fixed":{"enabled_overlays":["refund"],"conditions":{"scenario_types":[]},"owner":"ops","enabled":false},"colour":{"enabled_overlays":[],"conditions":{"scenario_types":[]},"enabled":false},"limit":{"enabled_overlays":[],"conditions":{"scenario_types":[]},"enabled":false}}
            2:13: warning[FLG7007]: `prompt`: the variants are drawn anew
            5:44: note[FLG7008]: `fixed`: the metadata `ticket` is not kept
            6:54: warning[FLG7005]: `colour` gives `#FF0000`, which is no name of an overlay; it is off here (keep it in flagd, or write by hand what is meant)
              keep it in flagd, or write by hand what is meant
            7:53: warning[FLG7005]: `limit` gives numbers; it is off here (keep it in flagd, or write by hand what is meant)
              keep it in flagd, or write by hand what is meant
            8:17: warning[FLG7005]: `not a name` would not be valid here: this is no name of a flag; it is left out (keep it in flagd, or write by hand what is meant)
              keep it in flagd, or write by hand what is meant"#]],
    );
}

#[test]
fn faults_of_the_file_have_their_place() {
    check_file(
        "{\n  \"flags\": {]}\n",
        expect![[r#"
        {}
        2:13: error[FLG7002]: key must be a string"#]],
    );
    check_file(
        "[]",
        expect![[r#"
        {}
        1:1: error[FLG7002]: the text is no object"#]],
    );
    check_file(
        "{}",
        expect![[r#"
        {}
        1:1: error[FLG7002]: `flags` are missing"#]],
    );
    check_file(
        r#"{"flags": {"a": {}, "a": {}}}"#,
        expect![[r#"
        {}
        1:11: error[FLG7002]: `a` stands here twice"#]],
    );
    check_file(
        r#"{"flags": [{"state": "ENABLED"}, 7], "extra": 1}"#,
        expect![[r#"
        {}
        1:11: note[FLG7008]: flags of a list stand in a map here
        1:12: error[FLG7003]: a flag of a list has no `key`
        1:34: error[FLG7003]: a flag of a list has no `key`
        1:47: note[FLG7008]: flagd knows no `extra`"#]],
    );
    check_file(
        r#"{"flags": {"a": {
  "state": "ON",
  "variants": {"on": true, "off": 0},
  "defaultVariant": "maybe",
  "targeting": {"if": [{"starts_with": [{"var": "m"}, 0]}, {"$ref": "gone"}]},
  "metadata": {"list": []}
}}}"#,
        expect![[r#"
            {}
            2:12: error[FLG7003]: `a`: there is no state "ON" (write ENABLED or DISABLED)
              write ENABLED or DISABLED
            3:35: error[FLG7003]: `a`: the variant is of another type (all are switches, texts, numbers or objects)
              all are switches, texts, numbers or objects
            4:21: error[FLG7003]: `a`: there is no variant "maybe" (name a variant, or write null)
              name a variant, or write null
            5:55: error[FLG7004]: `starts_with` takes texts
            5:60: error[FLG7004]: `$evaluators` has no rule "gone"
            6:24: error[FLG7003]: `a`: the metadata `list` is no text, number or switch (write a text, a number or a switch)
              write a text, a number or a switch"#]],
    );
}

#[test]
fn rules_that_refer_to_themselves_are_refused_once() {
    let mut file = switch(&json!({ "$ref": "a" }));
    file["$evaluators"] = json!({ "a": { "or": [{ "$ref": "a" }, { "$ref": "a" }] } });
    let (_, findings) = import(&file.to_string());
    assert_eq!(findings.len(), 1, "{findings:?}");
    let deep = "[".repeat(100_000);
    assert_eq!(import(&format!("{{\"flags\": {deep}")).1[0].code, "FLG7002");
}

fn conditions() -> impl Strategy<Value = Value> {
    let bound = prop::sample::select(vec![json!(0), json!(18), json!(0.5), json!(-1)]);
    let order = prop::sample::select(vec![">", ">=", "<", "<=", "==", "!="]);
    let leaf = prop_oneof![
        (order, bound, any::<bool>()).prop_map(|(order, bound, swapped)| {
            let operands =
                if swapped { json!([bound, var("n")]) } else { json!([var("n"), bound]) };
            json!({ order: operands })
        }),
        prop::sample::select(vec![
            json!({ "==": [var("tier"), "gold"] }),
            json!({ "!=": [var("tier"), "gold"] }),
            json!({ "in": [var("tier"), ["gold", "silver"]] }),
            json!({ "!==": [var("tier"), null] }),
            json!({ "!==": [var("n"), null] }),
            json!({ "in": [var("scenario_type"), ["refund", "audit"]] }),
            json!({ "in": ["fun", var("scenario_type")] }),
            json!({ "==": [var("scenario_type"), "audit"] }),
            json!({ "starts_with": [var("tier"), "g"] }),
            json!({ ">=": [{ "var": ["confidence", 2] }, 0.7] }),
            json!({ "<": [var("confidence"), 0.4] }),
            json!({ "==": [{ "fractional": [["in", 1], ["out", 3]] }, "in"] }),
            json!({ ">=": [var("$flagd.timestamp"), 500] }),
            json!({ "if": [{ ">=": [var("$flagd.timestamp"), 900] }, true, { ">": [var("$flagd.timestamp"), 400] }, { "==": ["in", { "fractional": [["in", 1], ["out", 1]] }] }] }),
            json!(true),
            json!(false),
        ]),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..3).prop_map(|it| json!({ "and": it })),
            prop::collection::vec(inner.clone(), 1..3).prop_map(|it| json!({ "or": it })),
            inner.clone().prop_map(|it| json!({ "!": [it] })),
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| json!({ "if": [a, b, c] })),
        ]
    })
}

fn rules() -> impl Strategy<Value = Value> {
    let outcome = prop::sample::select(vec![
        json!("on"),
        json!("off"),
        json!(null),
        json!({ "fractional": [["on", 1], ["off", 3]] }),
        json!({ "fractional": [["off", 1], ["on", 3]] }),
    ]);
    prop_oneof![
        conditions(),
        (conditions(), outcome.clone(), outcome).prop_map(|(c, a, b)| json!({ "if": [c, a, b] })),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 800, failure_persistence: None, ..ProptestConfig::default() })]

    /// On here only where it is on there; and exactly there where nothing was remarked.
    #[test]
    fn imported_flags_decide_as_flagd_does(
        rule in rules(),
        unit in "[a-z0-9]{1,12}",
        scenario in prop::sample::select(vec!["refund", "audit", "funfair", ""]),
        confidence in prop::option::of(0.0..1.0),
        tier in prop::option::of(prop::sample::select(vec!["gold", "iron"])),
        n in prop::option::of(-2..40_i32),
        now_s in 0..1000_i64,
    ) {
        let text = switch(&rule).to_string();
        let (file, findings) = import(&text);
        let flags = Flags::new(Snapshot::compile(&file, None).unwrap(), BreakerSet::default());
        let mut data = json!({ "targetingKey": unit, "scenario_type": scenario });
        let mut attributes = Vec::new();
        if let Some(confidence) = confidence {
            data["confidence"] = json!(confidence);
        }
        if let Some(tier) = tier {
            data["tier"] = json!(tier);
            attributes.push(("tier", Attribute::Text(tier)));
        }
        if let Some(n) = n {
            data["n"] = json!(n);
            attributes.push(("n", Attribute::Number(f64::from(n))));
        }
        let context = Context {
            unit: Some(&unit), scenario_type: scenario, confidence, attributes: &attributes,
            now_ms: now_s * 1000, quality: None,
        };
        let ours = flags.decide("it", &context);
        let theirs = FlagdFile::parse(&text).unwrap();
        let found = theirs.evaluate("it", &data, now_s);
        let on = found.as_ref().is_ok_and(|it| it.value == Some(&Value::Bool(true)));
        prop_assert!(!ours.enabled || on, "{rule} {data} {ours:?} {found:?}");
        if findings.is_empty() {
            prop_assert_eq!(ours.enabled, on, "{} {} {:?} {:?}", rule, data, ours, found);
        }
    }

    #[test]
    fn export_import_export_comes_to_the_same(file in files()) {
        prop_assume!(Snapshot::compile(&file, None).is_ok());
        let (first, _) = export(&file, None);
        let (back, findings) = import(&serde_json::to_string_pretty(&first).unwrap());
        prop_assert!(findings.is_empty(), "{findings:#?}\n{first:#}");
        let names = |it: &FlagFile| it.features.0.iter().map(|it| it.0.clone()).collect::<Vec<_>>();
        prop_assert_eq!(names(&back), names(&file));
        let (second, findings) = export(&back, None);
        prop_assert!(findings.is_empty(), "{findings:#?}");
        prop_assert_eq!(first, second);
    }

    #[test]
    fn no_text_makes_it_panic(text in ".{0,60}", rule in "\\PC{0,40}") {
        import(&text);
        import(&format!(r#"{{"flags": {{"a": {{"state": "ENABLED", "variants": {{"on": true}}, "targeting": {rule}}}}}}}"#));
    }
}

fn tests() -> impl Strategy<Value = Value> {
    prop_oneof![
        prop::collection::vec("[a-z0-9]{1,4}", 0..3).prop_map(|it| json!({ "in": it })),
        prop::collection::vec("[a-z0-9]{1,4}", 0..3).prop_map(|it| json!({ "not_in": it })),
        "[a-z]{0,3}".prop_map(|it| json!({ "starts_with": it })),
        "[a-z]{0,3}".prop_map(|it| json!({ "ends_with": it })),
        (-50..50_i32).prop_map(|it| json!({ "at_least": f64::from(it) / 4.0 })),
        (-50..50_i32).prop_map(|it| json!({ "less_than": it })),
        Just(json!({ "semver": "^2" })),
    ]
}

fn features() -> impl Strategy<Value = Value> {
    let conditions = (
        prop::collection::vec("[a-z]{1,6}", 0..3),
        prop::option::of(0..100_i32),
        prop::collection::btree_map("[a-z]{1,5}", tests(), 0..3),
    );
    let ramp = (1_700_000_000..1_900_000_000_i64, 0..60_000_u32, 1..400_000_u32, 0..40_000_u32);
    let rollout = prop_oneof![
        Just(json!({})),
        (0..=100_000_u32).prop_map(|it| json!({ "rollout_percentage": f64::from(it) / 1000.0 })),
        ramp.prop_map(|(_, first, hold, more)| json!({ "ramp": {
            "start": "2026-12-01T09:00Z",
            "steps": [
                { "percent": f64::from(first) / 1000.0, "hold": format!("{hold}s") },
                { "percent": f64::from(first + more) / 1000.0 },
            ],
        }})),
    ];
    let rest = prop::sample::select(vec![
        json!({}),
        json!({ "enabled": false, "owner": "ops" }),
        json!({ "kind": "kill_switch", "enabled_overlays": ["a", "b"], "expires": "2027-03-01" }),
        json!({ "variants": { "x": { "overlay": "left", "weight": 3 }, "c": { "weight": 1 }, "b": { "weight": 0 } } }),
        json!({ "active": { "hours": ["09:00-12:00"] } }),
        json!({ "salt": "other" }),
    ]);
    (conditions, rollout, rest).prop_map(|((types, confidence, attributes), rollout, rest)| {
        let mut conditions = json!({ "scenario_types": types, "where": attributes });
        if let Some(confidence) = confidence {
            conditions["confidence_threshold"] = json!(f64::from(confidence) / 100.0);
        }
        let mut res = json!({ "conditions": conditions });
        for part in [rollout, rest] {
            res.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
        }
        res
    })
}

fn files() -> impl Strategy<Value = FlagFile> {
    let file = (
        prop::collection::btree_map("[a-z]{1,6}", features(), 0..4),
        prop::sample::select(vec!["exact", "substring"]),
        prop::sample::select(vec!["allow", "deny"]),
    );
    file.prop_map(|(features, matching, missing)| {
        let text = json!({
            "schema_version": 2,
            "defaults": { "match": matching, "missing_confidence": missing },
            "features": features,
        });
        let mut file = FlagFile::parse(&text.to_string()).unwrap();
        // Not as a JSON map would have them.
        file.features.0.reverse();
        file
    })
}
