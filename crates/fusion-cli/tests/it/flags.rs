use expect_test::{Expect, expect};
use serde_json::{Value, json};

use crate::binary::{Ran, finish, folder, fusion, read, run, run_with, write};
use crate::bomb::bounded;

pub(crate) const FLAGS: &str = "\
schema_version: 2
# Who gets what.
features:
  refunds:
    enabled_overlays: [rollback_first, refund]
    fallback_strategy: baseline_only
    conditions: {scenario_types: [refund_processing], confidence_threshold: 0.7}
  half:
    enabled_overlays: [careful]
    rollout_percentage: 50
    conditions: {scenario_types: [refund_processing]}
global:
  default_strategy: baseline_only # what else
environments:
  staging: {global_rollout_percentage: 0}
";

pub(crate) const FILE: &str = "configs/overlay_feature_flags.yaml";

/// Runs in a folder with the flag file, under these variables.
#[track_caller]
fn run_under(variables: &[(&str, &str)], args: &[&str]) -> Ran {
    let dir = folder(&[(FILE, FLAGS), ("off", "\n")]);
    finish(fusion(dir.path()).envs(variables.iter().copied()).args(args), b"")
}

#[track_caller]
fn check(args: &[&str], code: i32, expect: Expect) {
    expect.assert_eq(&run_under(&[], args).ends_with(code).stdout);
}

/// The route of a sure refund of `unit-0` under these variables.
#[track_caller]
fn route_under(variables: &[(&str, &str)]) -> Value {
    let args = ["--scenario", "refund_processing", "--confidence", "0.9", "--unit", "unit-0"];
    let args: Vec<_> = ["flags", "route"].into_iter().chain(args).chain(["--json"]).collect();
    run_under(variables, &args).ends_with(0).json()
}

#[test]
fn route_answers_for_people() {
    check(
        &["flags", "route", "--scenario", "refund_processing", "--confidence", "0.9"],
        0,
        expect![[r#"
            refund_processing: rollback_first
              flags on    refunds
              candidates  rollback_first, refund
              fallback    baseline_only
              not         half: TARGETING_KEY_MISSING
        "#]],
    );
}

#[test]
fn route_answers_with_exactly_these_fields() {
    let route = route_under(&[]);
    let fields: Vec<_> = route.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "schema",
        "scenario_type",
        "enabled_features",
        "overlay_candidates",
        "primary_overlay",
        "fallback_strategy",
        "env_overrides_active",
        "rejected",
        "generation",
    ];
    let sorted = |mut it: Vec<&'static str>| {
        it.sort_unstable();
        it
    };
    let mut fields = fields;
    fields.sort_unstable();
    assert_eq!(fields, sorted(expected.to_vec()));
    assert_eq!(route["schema"], "fusion/flags-route/1");
    assert_eq!(route["primary_overlay"], "rollback_first");
    assert_eq!(route["rejected"], json!([{"feature": "half", "reason": "ROLLOUT_MISS"}]));
}

#[test]
fn a_kind_of_work_that_is_nearly_named_is_a_warning() {
    let route = |scenario, strict: &[&'static str]| {
        run_under(&[], &[&["flags", "route", "--scenario", scenario][..], strict].concat())
    };
    let ran = route("refund_processin", &[]).ends_with(0);
    assert!(ran.stderr.contains("did you mean `refund_processing`?"), "{ran:#?}");
    route("refund_processin", &["--strict"]).ends_with(1);
    for other in ["refund_processing", "translation"] {
        assert_eq!(route(other, &["--strict"]).ends_with(0).stderr, "");
    }
}

#[test]
fn a_route_to_the_baseline_is_an_answer() {
    let args = ["flags", "route", "--scenario", "refund_processing", "--confidence", "0.1"];
    let route = run_under(&[], &[&args[..], &["--json"]].concat()).ends_with(0).json();
    assert_eq!(route["primary_overlay"], Value::Null);
    assert_eq!(route["fallback_strategy"], "baseline_only");
    run_under(&[], &["flags", "route", "--confidence", "0.1"]).ends_with(64);
}

#[test]
fn the_switch_of_the_environment_has_every_form() {
    let candidates = |features: &str| route_under(&[("RESON_FEATURES", features)]);
    for empty in ["", " ", ",", " , ,"] {
        let route = candidates(empty);
        assert_eq!(route["overlay_candidates"], json!([]), "{empty:?}");
        assert_eq!(route["enabled_features"], json!([]));
        assert_eq!(route["env_overrides_active"], true);
        assert_eq!(route["fallback_strategy"], "baseline_only");
    }
    assert_eq!(route_under(&[])["env_overrides_active"], false);
    assert_eq!(
        candidates("half,refunds")["overlay_candidates"],
        json!(["rollback_first", "refund", "careful"])
    );
    let off = candidates("half,-refunds");
    assert_eq!(off["overlay_candidates"], json!(["careful"]));
    assert_eq!(off["rejected"], json!([{"feature": "refunds", "reason": "FORCED_OFF"}]));
    // The name of an overlay takes it alone out of the flags that offer it.
    let out = candidates("-refund");
    assert_eq!(out["overlay_candidates"], json!(["rollback_first"]));
    let of_refund = json!({"feature": "refunds", "overlay": "refund", "reason": "FORCED_OFF"});
    assert_eq!(out["rejected"][0], of_refund, "{out:#}");
}

#[test]
fn the_switch_file_counts_as_the_variable_does() {
    let route = route_under(&[("RESON_FEATURES_FILE", "off")]);
    assert_eq!(route["overlay_candidates"], json!([]));
    let route = route_under(&[("RESON_FEATURES_FILE", "is_not_there")]);
    assert_eq!(route["primary_overlay"], "rollback_first");
}

#[test]
fn a_name_that_is_no_flag_is_a_warning() {
    let args = ["flags", "route", "--scenario", "refund_processing", "--json"];
    let variables = [("RESON_FEATURES", "refnds")];
    let ran = run_under(&variables, &args).ends_with(0);
    assert!(ran.stderr.contains("warning: the switches name `refnds`"), "{ran:#?}");
    let strict = run_under(&variables, &[&args[..], &["--strict"]].concat()).ends_with(1);
    assert!(strict.stderr.contains("error: the switches name `refnds`"), "{strict:#?}");
    assert_eq!(strict.json()["schema"], "fusion/flags-route/1");
}

#[test]
fn the_environment_scales_the_rollout() {
    let args = ["flags", "decide", "refunds", "--scenario", "refund_processing"];
    let args = [&args[..], &["--confidence", "1", "--unit", "u"]].concat();
    let decide = |variables: &[_], more: &[&'static str]| {
        run_under(variables, &[&args[..], more, &["--json"]].concat()).ends_with(0).json()
    };
    assert_eq!(decide(&[], &[])["enabled"], true);
    assert_eq!(decide(&[], &["--env", "staging"])["reason"], "ROLLOUT_MISS");
    assert_eq!(decide(&[("RESON_ENV", "staging")], &[])["reason"], "ROLLOUT_MISS");
    let typo = [&args[..], &["--env", "stagin", "--strict"]].concat();
    let ran = run_under(&[], &typo).ends_with(1);
    assert!(ran.stderr.contains("has no environment `stagin`"), "{ran:#?}");
}

#[test]
fn decide_says_why() {
    check(
        &["flags", "decide", "half", "--scenario", "refund_processing", "--unit", "unit-0"],
        0,
        expect![[r#"
            half: off (ROLLOUT_MISS)
              bucket    64402 of 100000; below 50000 is in
              it needs  a rollout above 64.402 %
        "#]],
    );
    let ran = run_under(&[], &["flags", "decide", "halv"]).ends_with(5);
    assert!(ran.stderr.contains("did you mean `half`?"), "{ran:#?}");
}

#[test]
fn attributes_have_types_and_moments_are_given() {
    let flags = "\
schema_version: 2
features:
  big: {enabled_overlays: [a], conditions: {where: {seats: {at_least: 10}}}}
  acme: {enabled_overlays: [a], conditions: {where: {tenant: {in: [\"7\"]}}}}
  ramp: {enabled_overlays: [a], ramp: {start: '2026-12-01T09:00Z', steps: [{percent: 100}]}}
";
    let dir = folder(&[("f.yaml", flags)]);
    let decide = |name: &str, args: &[&str]| {
        let args = [&["flags", "decide", name, "--flags", "f.yaml", "--json"], args].concat();
        run(dir.path(), &args).ends_with(0).json()["enabled"] == true
    };
    assert!(decide("big", &["--attr", "seats=10"]));
    assert!(!decide("big", &["--attr", "seats=\"10\""]));
    assert!(decide("acme", &["--attr", "tenant=\"7\"", "--attr", "seats=1"]));
    assert!(decide("ramp", &["--now", "2026-12-01T09:00:00Z"]));
    assert!(!decide("ramp", &["--now", "2026-12-01T08:59:59Z"]));
    for wrong in [
        ["--now", "tomorrow"],
        ["--confidence", "70"],
        ["--confidence", "-0.1"],
        ["--confidence", "NaN"],
        ["--attr", "=x"],
    ] {
        let args = [&["flags", "decide", "ramp", "--flags", "f.yaml"], &wrong[..]].concat();
        run(dir.path(), &args).ends_with(64);
    }
}

#[test]
fn explain_names_every_flag() {
    check(
        &["flags", "explain", "--scenario", "refund_processing", "--confidence", "0.5"],
        0,
        expect![[r#"
            refunds  off  CONFIDENCE_BELOW  needs a confidence of at least 0.7
            half     off  TARGETING_KEY_MISSING  needs a unit id
        "#]],
    );
    let args = ["flags", "explain", "half", "--json"];
    let report = run_under(&[("RESON_FEATURES", "")], &args).ends_with(0).json();
    assert_eq!(report["emergency"], true);
    assert_eq!(report["features"][0]["reason"], "EMERGENCY_BASELINE");
}

#[test]
fn check_shows_the_line_of_each_finding() {
    let dir =
        folder(&[("f.yaml", &FLAGS.replace("rollout_percentage: 50", "rollout_percentage: 150"))]);
    let ran = run(dir.path(), &["flags", "check", "f.yaml"]).ends_with(1);
    expect![[r#"
        error[FLG2001]: `half`: 150 is no percentage from 0 to 100
          --> f.yaml:10:25
           |
        10 |     rollout_percentage: 150
           |                         ^^^

        f.yaml: not valid, 2 flags (1 error)
    "#]]
    .assert_eq(&ran.stdout);
    let report = run(dir.path(), &["flags", "check", "f.yaml", "missing", "--json"]);
    let report = report.ends_with(65).json();
    let finding = &report["files"][0]["diagnostics"][0];
    assert_eq!((&finding["line"], &finding["column"]), (&json!(10), &json!(25)));
    assert_eq!(report["files"][1]["diagnostics"][0]["code"], "OVL1010");
}

#[test]
fn check_says_where_the_rest_is_not_checked() {
    let dir = folder(&[("f.yaml", &FLAGS.replace("percentage: 50", "percentage: '50'"))]);
    let ran = run(dir.path(), &["flags", "check", "f.yaml"]).ends_with(1);
    let last = "f.yaml: not valid (1 error); the rest is checked once this is mended\n";
    assert!(ran.stdout.ends_with(last), "{ran:#?}");
}

/// A service that follows a root does not read the flag file of `configs`.
#[test]
fn a_deployment_root_that_is_not_looked_at_is_a_warning() {
    let root = [("FUSION_ROOT", "prod")];
    let route = ["flags", "route", "--scenario", "refund_processing", "--json"];
    for args in [&route[..], &["flags", "decide", "half"], &["flags", "explain"]] {
        let ran = run_under(&root, args).ends_with(0);
        assert!(ran.stderr.starts_with("warning: FUSION_ROOT is not looked at: "), "{ran:#?}");
        assert_eq!(ran.stdout, run_under(&[], args).stdout);
        let named = [args, &["--flags", FILE]].concat();
        assert_eq!(run_under(&root, &named).ends_with(0).stderr, "");
    }
}

#[test]
fn check_knows_the_installation_and_the_day() {
    let expired = FLAGS.replace("  half:\n", "  half:\n    expires: 2020-01-01\n");
    let dir = folder(&[(FILE, &expired)]);
    // Nothing is installed here: every overlay is unknown, and so is the scenario type.
    let report = run(dir.path(), &["flags", "check", "--json"]).ends_with(1).json();
    let codes: Vec<_> = report["files"][0]["diagnostics"].as_array().unwrap().iter().collect();
    let codes: Vec<_> = codes.iter().map(|it| it["code"].as_str().unwrap()).collect();
    assert!(codes.contains(&"FLG4001") && codes.contains(&"FLG4002"), "{codes:?}");
    // Without an installation only the day is wrong, which is a warning.
    let ran = run(dir.path(), &["flags", "check", FILE]).ends_with(0);
    assert!(ran.stdout.contains("FLG5001"), "{ran:#?}");
    run(dir.path(), &["flags", "check", FILE, "--strict"]).ends_with(1);
}

/// Checks `text` under a limit of memory and time, and expects `code` with a place.
#[track_caller]
fn refused(text: impl AsRef<[u8]>, code: &str) {
    let dir = folder(&[]);
    write(&dir.path().join(FILE), text);
    let report = bounded(dir.path(), &["flags", "check", FILE, "--json"]).ends_with(1).json();
    let found = report["files"][0]["diagnostics"].as_array().unwrap();
    let it = found.iter().find(|it| it["code"] == code);
    let it = it.unwrap_or_else(|| panic!("no {code} in {found:#?}"));
    assert!(code == "FLG1002" || it["line"].is_number() && it["column"].is_number(), "{it}");
    // Commands that decide do not use such a file, and say why.
    let args = ["flags", "route", "--scenario", "a", "--json"];
    let ran = bounded(dir.path(), &args).ends_with(1);
    assert_eq!(ran.json()["schema"], "fusion/error/1");
    assert!(ran.json()["error"].as_str().unwrap().contains(code), "{ran:#?}");
}

#[test]
fn bad_files_are_refused_with_their_place() {
    refused("", "FLG1001");
    refused(b"features: {a: \xff}\n", "FLG1001");
    refused("features: {a: {enabled_overlays: b}}\n", "FLG1004");
    refused("features: [a]\n", "FLG1004");
    refused("features: {a: {rollout: 1}}\n", "FLG1003");
    refused("features:\n  a: {}\n  a: {}\n", "FLG1005");
    refused("{\"features\": {\"a\": {}, \"a\": {}}}", "FLG1005");
    refused("features: {a: {rollout_percentage: 1e300}}\n", "FLG2001");
    refused("features: {a: {rollout_percentage: -1}}\n", "FLG2001");
    refused("features: {a: {requires: [{flag: b}]}, b: {requires: [{flag: a}]}}\n", "FLG3002");
}

#[test]
fn bombs_are_refused() {
    let doubled = |it: u32| format!("&a{} [*a{it}, *a{it}]", it + 1);
    let laughs: Vec<_> =
        std::iter::once("&a0 [x, x]".to_owned()).chain((0..9).map(doubled)).collect();
    let list = laughs.join(", ");
    refused(format!("features: {{a: {{enabled_overlays: [{list}]}}}}\n"), "FLG1001");
    refused("[".repeat(1_000_000), "FLG1001");
    refused(format!("features: {{a: {}", "{b: ".repeat(100_000)), "FLG1003");
    refused("#".repeat((8 << 20) + 1), "FLG1002");
}

#[test]
fn diff_says_who_moves() {
    let dir = folder(&[
        ("a.yaml", FLAGS),
        ("b.yaml", &FLAGS.replace("confidence_threshold: 0.7", "confidence_threshold: 0.8")),
        ("c.yaml", &FLAGS.replace("# Who", "# who")),
    ]);
    let args = ["flags", "diff", "a.yaml", "b.yaml", "--unit-sample", "1000"];
    expect![[r#"
        ~ refund_processing at 0.7: rollback_first → fallback, 50.10 % of units
        ~ refund_processing at 0.7: rollback_first → careful, 49.90 % of units
        100.00 % of scenario types change, 25.00 % of units (1000 units, 4 cases)
    "#]]
    .assert_eq(&run(dir.path(), &args).ends_with(2).stdout);
    let report = run(dir.path(), &[&args[..], &["--json"]].concat()).ends_with(2).json();
    assert_eq!(report["scenarios_changed"], 1.0);
    assert_eq!(report["flags"], json!([{"feature": "refunds", "changed": 1.0}]));
    let cases = report["cases"].as_array().unwrap();
    let changed: Vec<_> =
        cases.iter().map(|it| (it["confidence"].as_f64(), it["changed"].as_f64())).collect();
    let expected = [(0.0, 0.0), (0.7, 1.0), (0.8, 0.0), (1.0, 0.0)];
    assert_eq!(changed, expected.map(|(at, changed)| (Some(at), Some(changed))));
    run(dir.path(), &["flags", "diff", "a.yaml", "c.yaml"]).ends_with(0);
    run(dir.path(), &["flags", "diff", "a.yaml", "gone.yaml"]).ends_with(65);
    run(dir.path(), &[&args[..], &["--scenario", "other"]].concat()).ends_with(0);
}

/// What `flags diff` says of one flag that was `old` and is `new`, and ends with 2.
#[track_caller]
fn check_diff(old: &str, new: &str, expected: Expect) {
    let file = |feature: &str| format!("schema_version: 2\nfeatures:\n  a: {{{feature}}}\n");
    let dir = folder(&[("a.yaml", &file(old)), ("b.yaml", &file(new))]);
    // Four in the morning.
    let args = ["flags", "diff", "a.yaml", "b.yaml", "--now", "2026-12-01T04:00:00Z"];
    let ran = run(dir.path(), &args).ends_with(2);
    expected.assert_eq(&format!("{}{}", ran.stdout, ran.stderr));
}

#[test]
fn diff_asks_attributes_and_moments_that_flags_tell_apart() {
    check_diff(
        "enabled_overlays: [x], conditions: {where: {tenant: {in: [acme]}}}",
        "enabled_overlays: [y], conditions: {where: {tenant: {in: [acme, zeta]}}}",
        expect![[r#"
            ~ * at 1, tenant=acme: x → y, 100.00 % of units
            ~ * at 1, tenant=zeta: fallback → y, 100.00 % of units
            100.00 % of scenario types change, 50.00 % of units (10000 units, 4 cases)
        "#]],
    );
    check_diff(
        "enabled_overlays: [x], active: {hours: ['09:00-12:00']}",
        "enabled_overlays: [y], active: {hours: ['09:00-12:00']}",
        expect![[r#"
            ~ * at 1, 2026-12-01T09:00:00Z: x → y, 100.00 % of units
            100.00 % of scenario types change, 50.00 % of units (10000 units, 2 cases)
        "#]],
    );
    check_diff(
        "enabled_overlays: [x], conditions: {where: {seats: {at_least: 10}}}",
        "enabled_overlays: [x], conditions: {where: {seats: {at_least: 20}}}",
        expect![[r#"
            ~ * at 1, seats=10: x → fallback, 100.00 % of units
            100.00 % of scenario types change, 25.00 % of units (10000 units, 4 cases)
        "#]],
    );
}

#[test]
fn diff_compares_fallbacks() {
    check_diff(
        "enabled_overlays: [x], fallback_strategy: baseline_only",
        "enabled_overlays: [x], fallback_strategy: ask_a_person",
        expect![[r#"
            ~ * at 1 where that fails: fallback baseline_only → fallback ask_a_person, 100.00 % of units
            0.00 % of scenario types change, 0.00 % of units (10000 units, 1 case)
        "#]],
    );
    let file = |word: &str| {
        format!(
            "features: {{a: {{enabled_overlays: [x], rollout_percentage: 50}}}}\nglobal: {{default_strategy: {word}}}\n"
        )
    };
    let files = [("a.yaml", &*file("baseline_only")), ("b.yaml", &*file("ask_a_person"))];
    let ran = run(folder(&files).path(), &["flags", "diff", "a.yaml", "b.yaml"]).ends_with(2);
    expect![[r#"
        ~ * at 1: fallback baseline_only → fallback ask_a_person, 49.68 % of units
        ~ * at 1 where that fails: fallback baseline_only → fallback ask_a_person, 50.32 % of units
        100.00 % of scenario types change, 49.68 % of units (10000 units, 1 case)
    "#]]
    .assert_eq(&ran.stdout);
}

#[test]
fn diff_names_what_nothing_shows() {
    check_diff(
        "rollout_percentage: 20",
        "rollout_percentage: 50",
        expect![[r#"
            ~ flag a: other for 30.49 % of units
            0.00 % of scenario types change, 0.00 % of units (10000 units, 1 case)
        "#]],
    );
    check_diff(
        "enabled_overlays: [x], conditions: {where: {tenant: {in: []}}}",
        "enabled_overlays: [y], conditions: {where: {tenant: {in: []}}}",
        expect![[r#"
            0.00 % of scenario types change, 0.00 % of units (10000 units, 2 cases)
            warning[FLG6003]: `a` has another `enabled_overlays`, and nothing that was asked shows it
        "#]],
    );
    check_diff(
        "enabled_overlays: [x]",
        "enabled_overlays: [x], circuit_breaker: {failure_threshold: 2}",
        expect![[r#"
            0.00 % of scenario types change, 0.00 % of units (nothing that answers differs)
            warning[FLG6003]: the breakers of `x` have other settings (breakers are not asked)
        "#]],
    );
}

#[test]
fn diff_warns_of_units_that_are_drawn_anew() {
    let dir = folder(&[
        ("a.yaml", FLAGS),
        ("b.yaml", &FLAGS.replace("  half:\n", "  half:\n    salt: new\n")),
    ]);
    let args = ["flags", "diff", "a.yaml", "b.yaml", "--json", "--confidence", "0.1"];
    let report = run(dir.path(), &args).ends_with(2).json();
    assert_eq!(report["diagnostics"][0]["code"], "FLG6001");
    // Half were in, half are in now, and the two halves are independent.
    let changed = report["units_changed"].as_f64().unwrap();
    assert!((0.48..0.52).contains(&changed), "{changed}");
}

#[test]
fn export_is_a_flag_file_again() {
    let dir = folder(&[(FILE, FLAGS)]);
    run(dir.path(), &["flags", "export", "-o", "out.json"]).ends_with(0);
    let printed = run(dir.path(), &["flags", "export"]).ends_with(0).stdout;
    assert_eq!(read(&dir.path().join("out.json")), printed);
    run(dir.path(), &["flags", "diff", FILE, "out.json"]).ends_with(0);
    let again = run_with(dir.path(), &["flags", "export", "--flags", "-"], printed.as_bytes());
    assert_eq!(again.ends_with(0).stdout, printed);
}

#[test]
fn export_writes_flagds_json() {
    let flags = FLAGS.replace("  half:\n", "  half:\n    salt: own\n");
    let dir = folder(&[(FILE, &flags)]);
    let args = ["flags", "export", "--flagd"];
    let ran = run(dir.path(), &args).ends_with(0);
    assert_eq!(ran.json()["flags"]["refunds"]["state"], "ENABLED");
    assert!(ran.stderr.contains("FLG7001"), "a salt of one's own: {ran:#?}");
    run(dir.path(), &[&args[..], &["--strict"]].concat()).ends_with(1);
    run(dir.path(), &["flags", "export", "--env", "staging"]).ends_with(64);
    run(dir.path(), &["overlay", "explain", "FLG7001"]).ends_with(0);
}

#[test]
fn export_overwrites_nothing_and_writes_nothing_where_it_fails() {
    let flags = FLAGS.replace("  half:\n", "  half:\n    salt: own\n");
    let dir = folder(&[(FILE, &flags), ("out.json", "mine\n")]);
    let out = dir.path().join("out.json");
    for flagd in [&[][..], &["--flagd"]] {
        let args = [&["flags", "export", "-o", "out.json"], flagd].concat();
        let ran = run(dir.path(), &args).ends_with(64);
        assert!(ran.stderr.contains("--force"), "{ran:#?}");
        assert_eq!(read(&out), "mine\n");
        run(dir.path(), &[&args[..], &["--force"]].concat()).ends_with(0);
        assert!(read(&out).starts_with('{'));
        write(&out, "mine\n");
    }
    // The salt is not to be said in flagd: an error.
    let args = ["flags", "export", "--flagd", "--strict", "-o", "out.json", "--force"];
    run(dir.path(), &args).ends_with(1);
    assert_eq!(read(&out), "mine\n");
    let ran = run(dir.path(), &["flags", "export", "--flagd", "--strict", "-o", "new.json"]);
    ran.ends_with(1);
    assert!(!dir.path().join("new.json").exists());
    assert_eq!(
        run(dir.path(), &["flags", "export", "--flagd", "--strict"]).ends_with(1).stdout,
        ""
    );
}

#[test]
fn import_reads_what_export_wrote() {
    let dir = folder(&[(FILE, FLAGS)]);
    run(dir.path(), &["flags", "export", "--flagd", "-o", "flagd.json"]).ends_with(0);
    let args = ["flags", "import", "--flagd", "flagd.json", "-o", "back.yaml"];
    let ran = run(dir.path(), &args).ends_with(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    run(dir.path(), &["flags", "diff", FILE, "back.yaml"]).ends_with(0);
    run(dir.path(), &["flags", "check", "back.yaml"]).ends_with(0);
    let ran = run(dir.path(), &args).ends_with(64);
    assert!(ran.stderr.contains("--force"), "{ran:#?}");
    run(dir.path(), &[&args[..], &["--force"]].concat()).ends_with(0);
    expect![[r#"
        schema_version: 2
        features:
          refunds:
            enabled_overlays:
            - rollback_first
            - refund
            fallback_strategy: baseline_only
            conditions:
              scenario_types:
              - refund_processing
              confidence_threshold: 0.7
          half:
            enabled_overlays:
            - careful
            rollout_percentage: 50.0
            conditions:
              scenario_types:
              - refund_processing
    "#]]
    .assert_eq(&read(&dir.path().join("back.yaml")));
}

#[test]
fn import_says_what_it_cannot_write() {
    let text = r#"{"flags": {
  "limit": {"state": "ENABLED", "variants": {"low": 1}, "defaultVariant": "low"},
  "open": {"state": "ENABLED", "variants": {"on": true}, "defaultVariant": "on"}
}}"#;
    let dir = folder(&[("broken.json", r#"{"flags": {"a": {"state": "ON", "variants": {}}}}"#)]);
    let args = ["flags", "import", "--flagd", "-"];
    let ran = run_with(dir.path(), &args, text.as_bytes()).ends_with(0);
    expect![[r#"
        schema_version: 2
        features:
          limit:
            enabled: false
          open: {}
        warning[FLG7005]: `limit` gives numbers; it is off here
         --> <stdin>:2:53
          |
        2 |   "limit": {"state": "ENABLED", "variants": {"low": 1}, "defaultVariant": "low"},
          |                                                     ^
          |
        help: keep it in flagd, or write by hand what is meant

        <stdin>: 2 flags (1 warning)
    "#]]
    .assert_eq(&format!("{}{}", ran.stdout, ran.stderr));
    let strict = [&args[..], &["--strict", "-o", "out.yaml"]].concat();
    run_with(dir.path(), &strict, text.as_bytes()).ends_with(1);
    assert!(!dir.path().join("out.yaml").exists());

    let args = ["flags", "import", "--flagd", "broken.json", "--json", "-o", "out.yaml"];
    let report = run(dir.path(), &args).ends_with(1).json();
    assert_eq!(report["schema"], "fusion/flags-import/1");
    assert_eq!((&report["valid"], &report["flags"]), (&json!(false), &Value::Null));
    assert_eq!(report["diagnostics"][0]["code"], "FLG7003");
    assert!(!dir.path().join("out.yaml").exists());
    run(dir.path(), &["flags", "import", "--flagd", "gone.json"]).ends_with(65);
    run(dir.path(), &["overlay", "explain", "FLG7005"]).ends_with(0);
}

#[test]
fn codes_of_flag_files_are_explained() {
    let dir = folder(&[]);
    let ran = run(dir.path(), &["overlay", "explain", "FLG3011"]).ends_with(0);
    assert!(ran.stdout.starts_with("FLG3011: a flag is shadowed\n"), "{ran:#?}");
}
