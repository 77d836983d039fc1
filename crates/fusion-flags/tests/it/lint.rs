use std::collections::BTreeSet;

use expect_test::{Expect, expect};
use fusion_flags::{CODES, FlagReferences, Snapshot, check, code};
use overlay_model::Diagnostic;

fn listed(findings: &[Diagnostic]) -> String {
    findings.iter().map(|it| format!("{it}\n")).collect()
}

#[track_caller]
fn check_text(text: &str, expected: Expect) {
    expected.assert_eq(&listed(&check(text, None).1));
}

fn names(names: &[&str]) -> Option<BTreeSet<String>> {
    Some(names.iter().map(|it| (*it).to_owned()).collect())
}

#[test]
fn each_code_has_an_example_that_calls_it_forth() {
    assert!(CODES.is_sorted_by(|a, b| a.code < b.code));
    for row in CODES.iter().filter(|it| !it.example.is_empty()) {
        let (_, findings) = check(row.example, None);
        let found = findings.iter().find(|it| it.code == row.code);
        let found = found.unwrap_or_else(|| panic!("{}: {}", row.code, listed(&findings)));
        assert_eq!(found.severity, row.severity, "{}", row.code);
    }
    assert_eq!(code("FLG3002").map(|it| it.code), Some("FLG3002"));
    assert_eq!(code("FLG9999"), None);
}

#[test]
fn errors_hold_a_snapshot_back_and_warnings_do_not() {
    for row in CODES.iter().filter(|it| !it.example.is_empty()) {
        let (Some(file), findings) = check(row.example, None) else { continue };
        let errors = findings.iter().filter(|it| it.is_error()).count();
        assert_eq!(Snapshot::compile(&file, None).is_err(), errors > 0, "{}", row.code);
    }
}

#[test]
fn findings_have_their_place() {
    check_text(
        "schema_version: 2
features:
  a:
    enabled_overlays: [x]
    rollout_percentage: 180
    conditions:
      scenario_types:
        - refund
        - refund
      confidence_threshold: 7
  -b:
    enabled_overlays: [Y]
    requires: [{flag: aa}]
    active: {hours: ['9 to 5'], tz: Mars/Olympus}
    ramp:
      start: tomorrow
      steps:
        - percent: 20
        - {percent: 10, hold: never}
environments:
  prodution: {global_rollout_percentage: -1}
",
        expect![[r#"
            5:25: error[FLG2001]: `a`: 180 is no percentage from 0 to 100
            9:11: warning[FLG3008]: `a` lists `refund` twice
            10:29: error[FLG2003]: `a`: 7 is not from 0 to 1
            11:3: error[FLG2009]: `-b`: this is no name of a flag (it has 1 to 128 ASCII letters, digits, `_`, `.` and `-`, and does not begin with `-`)
            12:24: error[FLG2009]: `-b`: `Y` is no name of an overlay
            13:23: error[FLG3001]: `-b` requires `aa`, which there is not (did you mean `a`?)
            14:22: error[FLG2007]: `-b`: `9 to 5` is no range such as 09:00-12:00
            14:37: error[FLG2007]: `-b`: there is no time zone `Mars/Olympus`
            16:14: error[FLG2006]: `-b`: `tomorrow` is no moment
            18:20: error[FLG3005]: `-b`: the step has no `hold`, so the next one never begins
            19:21: error[FLG3004]: `-b`: the ramp goes down from 20 to 10 %
            19:31: error[FLG2006]: `-b`: `never` is no length of time
            21:3: warning[FLG4003]: the environment is named `prodution` (did you mean `production`?)
            21:42: error[FLG2001]: environment `prodution`, `global_rollout_percentage`: -1 is no percentage from 0 to 100
        "#]],
    );
}

#[test]
fn json_has_places_too() {
    check_text(
        "{\"schema_version\": 2,\n \"features\": {\n  \"a\": {\"enabled_overlays\": [\"x\"], \"rollout_percentage\": 101}}}",
        expect![[r#"
            3:58: error[FLG2001]: `a`: 101 is no percentage from 0 to 100
        "#]],
    );
}

#[test]
fn a_text_of_another_form_is_refused_with_a_place_and_a_name() {
    let yaml = |feature: &str| format!("schema_version: 2\nfeatures:\n  a:\n    {feature}\n");
    check_text(
        &yaml("rollout_percent: 5"),
        expect![[r#"
            4:5: error[FLG1003]: unknown field `rollout_percent` (did you mean `rollout_percentage`?)
        "#]],
    );
    check_text(
        &yaml("colour: red"),
        expect![[r#"
            4:5: error[FLG1003]: unknown field `colour` (one of description, enabled_overlays, fallback_strategy, rollout_percentage, conditions, owner, kind, expires, salt, enabled, ramp, requires, variants, active, circuit_breaker)
        "#]],
    );
    check_text(
        &yaml("rollout_percentage: many"),
        expect![[r#"
            4:25: error[FLG1004]: a number or a switch is expected here, without quotes
        "#]],
    );
    for (field, place) in [
        ("rollout_percentage: \"abc\"", "4:25"),
        ("enabled: 7", "4:14"),
        ("'enabled' :   'true'", "4:19"),
        ("conditions: {confidence_threshold: many}", "4:40"),
        ("rollout_percentage: {of: 5}", "4:25"),
        ("rollout_percentage:\n      of: 5", "5:7"),
        ("variants: {one: {weight: -1}}", "4:30"),
    ] {
        let found = listed(&check(&yaml(field), None).1);
        assert!(found.starts_with(&format!("{place}: error[FLG1004]")), "{field}: {found}");
    }
    let json = "{\n  \"features\": {\"a\": {\n    \"rollout_percentage\": 5, \"enabled\": 7}}}";
    let found = listed(&check(json, None).1);
    assert!(found.starts_with("3:41: error[FLG1004]"), "{found}");
    check_text(
        &yaml("kind: releese"),
        expect![[r#"
            4:11: error[FLG1007]: unknown variant `releese` (did you mean `release`?)
        "#]],
    );
    check_text(
        "{\"features\": {\"a\": {\"rollout_percentage\": \"5\"}}}",
        expect![[r#"
            1:43: error[FLG1004]: a number or a switch is expected here, without quotes
        "#]],
    );
    check_text(
        "{\"features\": {\"a\": {\"rollout\": 5}}}",
        expect![[r#"
            1:21: error[FLG1003]: unknown field `rollout` (one of description, enabled_overlays, fallback_strategy, rollout_percentage, conditions, owner, kind, expires, salt, enabled, ramp, requires, variants, active, circuit_breaker)
        "#]],
    );
    check_text(
        "environments:\n  staging:\n    global_rollout_percent: 5\n",
        expect![[r#"
            3:5: error[FLG1003]: unknown field `global_rollout_percent` (did you mean `global_rollout_percentage`?)
        "#]],
    );
}

#[test]
fn circles_and_chains_are_found() {
    check_text(
        "schema_version: 2
features:
  a: {enabled_overlays: [x], requires: [{flag: b}]}
  b: {enabled_overlays: [y], requires: [{flag: c}]}
  c: {enabled_overlays: [z], requires: [{flag: b}]}
  d: {enabled_overlays: [w], requires: [{flag: d}]}
",
        expect![[r#"
            5:30: error[FLG3002]: `c` requires `b`, which in the end requires `c`
            6:30: error[FLG3002]: `d` requires `d`, which in the end requires `d`
        "#]],
    );
    let chain = |len: usize| {
        let flags = (0..=len).map(|idx| match idx {
            0 => "  f0: {enabled_overlays: [x0]}\n".to_owned(),
            _ => format!(
                "  f{idx}: {{enabled_overlays: [x{idx}], requires: [{{flag: f{}}}]}}\n",
                idx - 1
            ),
        });
        format!("schema_version: 2\nfeatures:\n{}", flags.collect::<String>())
    };
    check_text(&chain(16), expect![""]);
    check_text(
        &chain(17),
        expect![[r#"
            20:34: error[FLG3003]: deciding `f17` goes 17 deep and looks at 18 flags
        "#]],
    );
    let (_, findings) = check(&chain(5_000), None);
    assert_eq!(findings.len(), 5_000 - 16, "each once, and in good time");
}

#[test]
fn prerequisites_that_branch_are_counted() {
    let flag = |idx: usize| {
        let before = idx - 1;
        format!(
            "  f{idx}: {{enabled_overlays: [x{idx}], requires: [{{flag: f{before}}}, {{flag: f{before}}}]}}\n"
        )
    };
    let flags: String = (1..=9).map(flag).collect();
    let first = "schema_version: 2\nfeatures:\n  f0: {enabled_overlays: [x0]}\n";
    let text = format!("{first}{flags}");
    check_text(
        &text,
        expect![[r#"
            11:32: error[FLG3003]: deciding `f8` goes 8 deep and looks at 511 flags
            12:32: error[FLG3003]: deciding `f9` goes 9 deep and looks at 1023 flags
        "#]],
    );
}

#[test]
fn a_flag_is_shadowed_only_where_an_earlier_one_covers_it() {
    let text = |first: &str, second: &str| {
        format!(
            "schema_version: 2
features:
  a: {{enabled_overlays: [x, y], {first}}}
  b: {{enabled_overlays: [y], {second}}}
"
        )
    };
    let shadowed =
        |first, second| check(&text(first, second), None).1.iter().any(|it| it.code == "FLG3011");
    let for_refunds = "conditions: {scenario_types: [refund], confidence_threshold: 0.7}";
    assert!(shadowed("owner: me", for_refunds));
    assert!(!shadowed(for_refunds, "owner: me"));
    let surer = "conditions: {scenario_types: [refund], confidence_threshold: 0.8}";
    assert!(shadowed(for_refunds, surer) && !shadowed(surer, for_refunds));
    assert!(!shadowed("rollout_percentage: 50", for_refunds));
    assert!(!shadowed("enabled: false", for_refunds));
    assert!(!shadowed("kind: kill_switch", for_refunds));
}

#[test]
fn a_flag_with_an_error_says_nothing_of_the_others() {
    check_text(
        "schema_version: 2
features:
  a: {enabled_overlays: [x], rollout_percentage: 140}
  b: {enabled_overlays: [x]}
  c: {enabled_overlays: [x], expires: soon}
  d: {enabled_overlays: [y], rollout_percentage: -1}
  e: {enabled_overlays: [z], requires: [{flag: d}]}
environments:
  staging: {global_rollout_percentage: 200, quality_gate_threshold: 7}
",
        expect![[r#"
            3:50: error[FLG2001]: `a`: 140 is no percentage from 0 to 100
            5:39: error[FLG2006]: `c`: `soon` is no day such as 2027-03-01
            6:50: error[FLG2001]: `d`: -1 is no percentage from 0 to 100
            9:40: error[FLG2001]: environment `staging`, `global_rollout_percentage`: 200 is no percentage from 0 to 100
            9:69: error[FLG2003]: environment `staging`, `quality_gate_threshold`: 7 is not from 0 to 1
        "#]],
    );
}

#[test]
fn references_are_checked_where_they_are_known() {
    let text = "schema_version: 2
features:
  a:
    enabled_overlays: [rollback_frist]
    expires: 2027-03-01
    conditions: {scenario_types: [refund_procesing, refund]}
  b:
    variants: {v: {overlay: gone, weight: 1}}
";
    let references = FlagReferences {
        overlays: names(&["rollback_first", "baseline"]),
        scenario_types: names(&["refund_processing"]),
        now_ms: Some(1_803_859_200_000),
    };
    let (file, findings) = check(text, Some(&references));
    assert!(file.is_some());
    expect![[r#"
        4:24: error[FLG4001]: `a` names the overlay `rollback_frist`, which there is not (did you mean `rollback_first`?)
        5:14: warning[FLG5001]: `a` should be gone since 2027-03-01
        6:35: warning[FLG4002]: `a` is for `refund_procesing`, and no scenario is of that type (did you mean `refund_processing`?)
        6:53: warning[FLG4002]: `a` is for `refund`, and no scenario is of that type
        8:29: error[FLG4001]: `b` names the overlay `gone`, which there is not
    "#]]
    .assert_eq(&listed(&findings));
    let before = FlagReferences { now_ms: Some(1_803_859_199_999), ..FlagReferences::default() };
    assert_eq!(check(text, Some(&before)).1, []);
}

#[test]
fn the_originals_file_names_three_overlays_that_there_are_not() {
    let Some(text) = crate::data::original() else { return };
    let (file, findings) = check(&text, None);
    assert!(file.is_some());
    expect![[r#"
        note[FLG5002]: scenario types match by part, and a missing confidence passes (write `schema_version: 2`, or keep it as it is)
    "#]]
    .assert_eq(&listed(&findings));
    let overlays = names(&["rollback_first", "state_model_first", "observability_first"]);
    let references = FlagReferences { overlays, ..FlagReferences::default() };
    let findings = check(&text, Some(&references)).1;
    expect![[r#"
        note[FLG5002]: scenario types match by part, and a missing confidence passes (write `schema_version: 2`, or keep it as it is)
        21:9: error[FLG4001]: `state_model_first` names the overlay `state_compliance_model`, which there is not
        22:9: error[FLG4001]: `state_model_first` names the overlay `regulatory_audit_prep`, which there is not
        33:9: error[FLG4001]: `security_containment` names the overlay `incident_response_model`, which there is not
    "#]]
    .assert_eq(&listed(&findings));
}

#[test]
fn hostile_texts_are_refused_in_good_time() {
    let (file, findings) = check("features:\n  a: &x [1]\n  b: *x\n", None);
    assert!(file.is_none() && findings.len() == 1, "{findings:?}");
    let large = "a".repeat(fusion_flags::MAX_FLAG_BYTES + 1);
    assert_eq!(check(&large, None).1[0].code, "FLG1002");
    assert_eq!(check("", None).1[0].code, "FLG1001");
    assert_eq!(check("\0", None).1[0].code, "FLG1001");
}

#[test]
fn numbers_that_are_none_take_no_places_away() {
    check_text(
        "schema_version: 2
features:
  a: {enabled_overlays: [x], rollout_percentage: .nan}
  b: {enabled_overlays: [y], rollout_percentage: 180}
  c: {enabled_overlays: [z], conditions: {confidence_threshold: -.inf}}
  d: {enabled_overlays: [w], conditions: {where: {age: {at_least: .inf}}}, expires: soon}
",
        expect![[r#"
            3:50: error[FLG2001]: `a`: NaN is no percentage from 0 to 100
            4:50: error[FLG2001]: `b`: 180 is no percentage from 0 to 100
            5:65: error[FLG2003]: `c`: -inf is not from 0 to 1
            6:85: error[FLG2006]: `d`: `soon` is no day such as 2027-03-01
        "#]],
    );
}

#[test]
fn a_value_of_another_form_comes_with_what_belongs_there() {
    let hint = |feature: &str| {
        let text = format!("schema_version: 2\nfeatures:\n  b: {{}}\n  a:\n    {feature}\n");
        let findings = check(&text, None).1;
        let [found] = findings.as_slice() else { panic!("{feature}: {}", listed(&findings)) };
        format!("{feature:<44}{found}\n")
    };
    let all = [
        "requires: [b]",
        "requires: b",
        "requires: {flag: b}",
        "ramp: [{percent: 5}]",
        "ramp: {start: '2026-12-01T09:00Z', steps: 5}",
        "ramp: {start: '2026-12-01T09:00Z', steps: [5]}",
        "variants: [x, y]",
        "variants: {one: x}",
        "active: ['09:00-12:00']",
        "active: {hours: '09:00-12:00'}",
        "conditions: [refund]",
        "conditions: {scenario_types: refund}",
        "conditions: {where: tenant}",
        "conditions: {where: {tenant: acme}}",
        "conditions: {where: {tenant: {in: acme}}}",
        "circuit_breaker: 5",
        "circuit_breaker: {window: 60}",
        "circuit_breaker: {half_open: 3}",
        "enabled_overlays: x",
        "enabled: yes",
    ];
    expect![[r#"
        requires: [b]                               5:16: error[FLG1004]: a map is expected here (write a map with `flag` and, as wanted, `is`)
        requires: b                                 5:15: error[FLG1004]: a list is expected here (write a list of maps, each with `flag` and, as wanted, `is`)
        requires: {flag: b}                         5:15: error[FLG1004]: a list is expected here (write a list of maps, each with `flag` and, as wanted, `is`)
        ramp: [{percent: 5}]                        5:11: error[FLG1004]: a map is expected here (write a map with `start`, `steps`)
        ramp: {start: '2026-12-01T09:00Z', steps: 5}5:47: error[FLG1004]: a list is expected here (write a list of maps, each with `percent` and, as wanted, `hold`)
        ramp: {start: '2026-12-01T09:00Z', steps: [5]}5:48: error[FLG1004]: a map is expected here (write a map with `percent` and, as wanted, `hold`)
        variants: [x, y]                            5:15: error[FLG1004]: a map is expected here (write a map of names, each a map with `weight` and, as wanted, `overlay`)
        variants: {one: x}                          5:21: error[FLG1004]: a map is expected here (write a map with `weight` and, as wanted, `overlay`)
        active: ['09:00-12:00']                     5:13: error[FLG1004]: a map is expected here (write a map with `hours` and, as wanted, `tz`)
        active: {hours: '09:00-12:00'}              5:21: error[FLG1004]: a list is expected here (put it in brackets: `[…]`)
        conditions: [refund]                        5:17: error[FLG1004]: a map is expected here (write a map with any of `confidence_threshold`, `scenario_types`, `where`)
        conditions: {scenario_types: refund}        5:34: error[FLG1004]: a list is expected here (put it in brackets: `[…]`)
        conditions: {where: tenant}                 5:25: error[FLG1004]: a map is expected here (write a map of names, each a map with one of `at_least`, `ends_with`, `in`, `less_than`, `not_in`, `semver`, `starts_with`)
        conditions: {where: {tenant: acme}}         5:34: error[FLG1004]: a map is expected here (write a map with one of `at_least`, `ends_with`, `in`, `less_than`, `not_in`, `semver`, `starts_with`)
        conditions: {where: {tenant: {in: acme}}}   5:39: error[FLG1004]: a list is expected here (put it in brackets: `[…]`)
        circuit_breaker: 5                          5:22: error[FLG1004]: a map is expected here (write a map with any of `enabled`, `failure_threshold`, `half_open`, `recovery_timeout`, `window`)
        circuit_breaker: {window: 60}               5:31: error[FLG1004]: a map is expected here (write a map with `seconds` and, as wanted, `failure_rate`, `min_calls`, `slow_ms`, `slow_rate`)
        circuit_breaker: {half_open: 3}             5:34: error[FLG1004]: a map is expected here (write a map with any of `lease`, `max_probes`, `need`)
        enabled_overlays: x                         5:23: error[FLG1004]: a list is expected here (put it in brackets: `[…]`)
        enabled: yes                                5:14: error[FLG1004]: a number or a switch is expected here, without quotes (write `true` or `false`)
    "#]].assert_eq(&all.map(hint).concat());
    check_text(
        "features: [a]\n",
        expect![[r#"
            1:11: error[FLG1004]: a map is expected here (write a map of names, each a map with any of `active`, `circuit_breaker`, `conditions`, `description`, `enabled`, `enabled_overlays`, `expires`, `fallback_strategy`, `kind`, `owner`, `ramp`, `requires`, `rollout_percentage`, `salt`, `variants`)
        "#]],
    );
    check_text(
        "{\"features\": {\"a\": {\"requires\": [\"b\"]}, \"b\": {}}}",
        expect![[r#"
            1:34: error[FLG1004]: a map is expected here (write a map with `flag` and, as wanted, `is`)
        "#]],
    );
}

#[test]
fn ranges_of_versions_come_with_their_comma() {
    let of = |range: &str| {
        format!(
            "schema_version: 2\nfeatures:\n  a:\n    conditions: {{where: {{app: {{semver: '{range}'}}}}}}\n"
        )
    };
    let ranges = [">=1.2.0 <2", ">= 1.2.0 < 2", "1.2.x || 3", "latest", "^1.2", ">=1.2.0, <2"];
    let found: String = ranges.iter().map(|it| listed(&check(&of(it), None).1)).collect();
    expect![[r#"
        3:3: note[FLG3012]: `a` offers no overlay
        4:40: error[FLG2008]: `a`: `>=1.2.0 <2` is no range of versions (put a comma between its parts: `>=1.2.0, <2`)
        3:3: note[FLG3012]: `a` offers no overlay
        4:40: error[FLG2008]: `a`: `>= 1.2.0 < 2` is no range of versions (put a comma between its parts: `>=1.2.0, <2`)
        3:3: note[FLG3012]: `a` offers no overlay
        4:40: error[FLG2008]: `a`: `1.2.x || 3` is no range of versions (a range is written as `^2.1` or `>=1.2.0, <2`)
        3:3: note[FLG3012]: `a` offers no overlay
        4:40: error[FLG2008]: `a`: `latest` is no range of versions (a range is written as `^2.1` or `>=1.2.0, <2`)
        3:3: note[FLG3012]: `a` offers no overlay
        3:3: note[FLG3012]: `a` offers no overlay
    "#]].assert_eq(&found);
    check_text(
        "schema_version: 2\nfeatures: {a: {conditions: {where: {app: {in: [x], ends_with: y}}}}}\n",
        expect![[r#"
            2:12: note[FLG3012]: `a` offers no overlay
            2:37: error[FLG2008]: `a`: the condition on `app` is none (give exactly one of `in`, `not_in`, `starts_with`, `ends_with`, `semver`, `at_least`, `less_than`)
        "#]],
    );
}

/// Every field that is a number or a switch, around a value.
const UNQUOTED_FIELDS: [(&str, &str); 39] = [
    ("schema_version: ", "\n"),
    ("features: {a: {rollout_percentage: ", "}}"),
    ("features: {a: {enabled: ", "}}"),
    ("features: {a: {conditions: {confidence_threshold: ", "}}}"),
    ("features: {a: {conditions: {where: {n: {at_least: ", "}}}}}"),
    ("features: {a: {conditions: {where: {n: {less_than: ", "}}}}}"),
    ("features: {a: {ramp: {start: '2026-12-01T09:00Z', steps: [{percent: ", "}]}}}"),
    ("features: {a: {variants: {v: {weight: ", "}}}}"),
    ("features: {a: {circuit_breaker: {enabled: ", "}}}"),
    ("features: {a: {circuit_breaker: {failure_threshold: ", "}}}"),
    ("features: {a: {circuit_breaker: {recovery_timeout: ", "}}}"),
    ("features: {a: {circuit_breaker: {window: {seconds: ", "}}}}"),
    ("features: {a: {circuit_breaker: {window: {seconds: 60, failure_rate: ", "}}}}"),
    ("features: {a: {circuit_breaker: {window: {seconds: 60, min_calls: ", "}}}}"),
    ("features: {a: {circuit_breaker: {window: {seconds: 60, slow_ms: ", "}}}}"),
    ("features: {a: {circuit_breaker: {window: {seconds: 60, slow_rate: ", "}}}}"),
    ("features: {a: {circuit_breaker: {half_open: {max_probes: ", "}}}}"),
    ("features: {a: {circuit_breaker: {half_open: {need: ", "}}}}"),
    ("features: {a: {circuit_breaker: {half_open: {lease: ", "}}}}"),
    ("global: {circuit_breaker: {enabled: ", "}}"),
    ("global: {circuit_breaker: {failure_threshold: ", "}}"),
    ("global: {circuit_breaker: {recovery_timeout: ", "}}"),
    ("global: {circuit_breaker: {max_open_share: ", "}}"),
    ("global: {circuit_breaker: {window: {seconds: ", "}}}"),
    ("global: {circuit_breaker: {window: {seconds: 60, failure_rate: ", "}}}"),
    ("global: {circuit_breaker: {window: {seconds: 60, min_calls: ", "}}}"),
    ("global: {circuit_breaker: {window: {seconds: 60, slow_ms: ", "}}}"),
    ("global: {circuit_breaker: {window: {seconds: 60, slow_rate: ", "}}}"),
    ("global: {circuit_breaker: {half_open: {max_probes: ", "}}}"),
    ("global: {circuit_breaker: {half_open: {need: ", "}}}"),
    ("global: {circuit_breaker: {half_open: {lease: ", "}}}"),
    ("global: {kill_switch: ", "}"),
    ("global: {metrics: {enabled: ", "}}"),
    ("global: {metrics: {track_latency: ", "}}"),
    ("global: {metrics: {track_quality: ", "}}"),
    ("global: {metrics: {track_token_usage: ", "}}"),
    ("environments: {staging: {global_rollout_percentage: ", "}}"),
    ("environments: {staging: {circuit_breaker_enabled: ", "}}"),
    ("environments: {staging: {quality_gate_threshold: ", "}}"),
];

/// The same as JSON: every word in quotes.
fn as_json(yaml: &str) -> String {
    let value: serde_json::Value = overlay_model::from_yaml(yaml).unwrap();
    value.to_string()
}

#[test]
fn numbers_and_switches_stand_without_quotes() {
    let is_refused = |text: &str| {
        let codes: Vec<_> = check(text, None).1.iter().map(|it| it.code).collect();
        codes == ["FLG1004"]
    };
    for (before, after) in UNQUOTED_FIELDS {
        let taken = ["2", "true"].map(|it| !is_refused(&format!("{before}{it}{after}")));
        assert!(taken.iter().any(|it| *it), "{before}: a number or a switch");
        for value in ["\"50\"", "\"true\"", "'50'", "\"0.5\"", "yes", "many"] {
            let text = format!("{before}{value}{after}");
            assert!(is_refused(&text), "{text}: {}", listed(&check(&text, None).1));
            let json = as_json(&text);
            assert!(is_refused(&json), "{json}: {}", listed(&check(&json, None).1));
        }
    }
}

/// No field of the schema is forgotten in the table above.
#[test]
fn every_number_and_switch_of_the_schema_is_tried() {
    fn count(schema: &serde_json::Value) -> usize {
        let is_one = |it: &serde_json::Value| {
            let word = it.as_str().unwrap_or_default();
            ["number", "integer", "boolean"].contains(&word)
        };
        let own = match &schema["type"] {
            serde_json::Value::Array(types) => types.iter().any(is_one),
            word => is_one(word),
        };
        let inner = |key: &str| schema[key].as_object().into_iter().flat_map(|it| it.values());
        let named = inner("properties").chain(inner("$defs")).map(count).sum::<usize>();
        let items = schema.get("items").map_or(0, count);
        let any = schema["anyOf"].as_array().into_iter().flatten().map(count).sum::<usize>();
        let rest = schema.get("additionalProperties").map_or(0, count);
        usize::from(own) + named + items + any + rest
    }
    // `percent` and `share` stand once in the schema; see `schema.rs`.
    let schema = fusion_flags::flag_file_schema();
    let of_types = count(&schema);
    let text = schema.to_string();
    let referring = |name: &str| text.matches(&format!("\"#/$defs/{name}\"")).count();
    let fields = of_types - 2 + referring("percent") + referring("share");
    // `schema_version` has no type there, since it is 2.
    assert_eq!(fields + 1, UNQUOTED_FIELDS.len());
}

#[test]
fn a_fallback_that_fusion_does_not_know_is_a_warning() {
    let of = |word: &str| {
        format!(
            "schema_version: 2\nfeatures:\n  a:\n    enabled_overlays: [x]\n    fallback_strategy: {word}\nglobal:\n  default_strategy: {word}\n"
        )
    };
    check_text(&of("baseline_only"), expect![""]);
    check_text(
        &of("basline_only"),
        expect![[r#"
        5:24: warning[FLG2011]: `a`: `basline_only` is no fallback of Fusion's
        7:21: warning[FLG2011]: `basline_only` is no fallback of Fusion's
    "#]],
    );
    check_text(
        &of("ask_a_person"),
        expect![[r#"
        5:24: warning[FLG2011]: `a`: `ask_a_person` is no fallback of Fusion's
        7:21: warning[FLG2011]: `ask_a_person` is no fallback of Fusion's
    "#]],
    );
    check_text(
        &of("''"),
        expect![[r#"
        5:24: error[FLG2009]: `a`: the fallback is empty
        7:21: error[FLG2009]: the fallback is empty
    "#]],
    );
}
