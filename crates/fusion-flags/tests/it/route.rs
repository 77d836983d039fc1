use fusion_flags::{BreakerSet, Context, FlagFile, Flags, Route, Snapshot};

use crate::{flags, flags_in, routed, scenario};

#[track_caller]
fn check(text: &str, context: &Context<'_>, expected: &str) {
    assert_eq!(routed(&flags(text), context), expected);
}

#[test]
fn candidates_come_in_file_order_each_once() {
    let text = "schema_version: 2
features:
  z_first: {enabled_overlays: [delta, alpha]}
  a_second: {enabled_overlays: [alpha, beta], conditions: {scenario_types: [refund]}}
  other: {enabled_overlays: [gamma], conditions: {scenario_types: [audit]}}";
    check(
        text,
        &scenario("refund"),
        "[delta alpha beta] -a_second/alpha:ALREADY_OFFERED else baseline_only",
    );
    check(text, &scenario("audit"), "[delta alpha gamma] else baseline_only");
    check(text, &scenario("greeting"), "[delta alpha] else baseline_only");
}

#[test]
fn rejected_flags_of_the_kind_of_work_are_named() {
    let text = "schema_version: 2
global: {default_strategy: cached_answer}
features:
  half: {enabled_overlays: [x], rollout_percentage: 50, fallback_strategy: careful}
  sure: {enabled_overlays: [y], conditions: {confidence_threshold: 0.95}}";
    let context = Context { unit: None, ..scenario("refund") };
    check(
        text,
        &context,
        "[] -half:TARGETING_KEY_MISSING -sure:CONFIDENCE_BELOW else cached_answer",
    );
}

#[test]
fn the_first_enabled_flag_gives_the_fallback() {
    let text = "features:
  a: {enabled: false, fallback_strategy: of_a}
  b: {fallback_strategy: of_b}
  c: {fallback_strategy: of_c}";
    check(text, &scenario("any"), "[] -a:DISABLED else of_b");
}

#[test]
fn several_parts_of_a_scenario_type_may_match() {
    let text = "features:
  whole: {enabled_overlays: [w]}
  b: {enabled_overlays: [two], conditions: {scenario_types: [processing, refund]}}
  a: {enabled_overlays: [one], conditions: {scenario_types: [fund]}}
  none: {enabled_overlays: [no], conditions: {scenario_types: [audit]}}";
    check(text, &scenario("refund_processing"), "[w two one] else baseline_only");
    check(text, &scenario("fun"), "[w] else baseline_only");
}

#[test]
fn the_quality_gate_of_the_environment_holds() {
    let text = "features: {a: {enabled_overlays: [x]}}
environments: {production: {quality_gate_threshold: 0.8}}";
    let low = Context { quality: Some(0.79), ..scenario("any") };
    let gated = "[] -a/x:QUALITY_GATE else baseline_only";
    assert_eq!(routed(&flags_in(text, Some("production")), &low), gated);
    assert_eq!(routed(&flags_in(text, None), &low), "[x] else baseline_only");
    let unknown = scenario("any");
    assert_eq!(routed(&flags_in(text, Some("production")), &unknown), "[x] else baseline_only");
}

#[test]
fn an_open_breaker_gives_way_to_the_next_candidate() {
    let flags = flags("features: {a: {enabled_overlays: [x, y]}}");
    let breaker = flags.breakers().get("x");
    let at = |now_ms| routed(&flags, &Context { now_ms, ..scenario("any") });
    for _ in 0..5 {
        breaker.acquire(1_000).unwrap().failure(1_000);
    }
    assert_eq!(at(1_000), "[y] -a/x:CIRCUIT_OPEN else baseline_only");
    assert_eq!(at(301_000), "[x y] else baseline_only", "a probe may be made");
}

#[test]
fn an_environment_may_do_without_breakers() {
    let text = "features: {a: {enabled_overlays: [x]}}
environments: {development: {circuit_breaker_enabled: false}}";
    let flags = flags_in(text, Some("development"));
    let breaker = flags.breakers().get("x");
    for _ in 0..9 {
        breaker.acquire(0).unwrap().failure(0);
    }
    assert_eq!(routed(&flags, &scenario("any")), "[x] else baseline_only");
    breaker.isolate();
    assert_eq!(
        routed(&flags, &scenario("any")),
        "[] -a/x:CIRCUIT_OPEN else baseline_only",
        "what a person took out stays out"
    );
}

#[test]
fn a_variant_chooses_the_overlay() {
    let text = "schema_version: 2
features:
  a: {variants: {old: {overlay: one, weight: 1}, new: {overlay: two, weight: 1}, none: {weight: 1}}}";
    let flags = flags(text);
    let mut seen = std::collections::BTreeMap::<String, u32>::new();
    for idx in 0..300 {
        let unit = format!("user-{idx}");
        let context = Context { unit: Some(&unit), ..scenario("any") };
        *seen.entry(routed(&flags, &context)).or_default() += 1;
    }
    let kinds: Vec<_> = seen.keys().map(String::as_str).collect();
    assert_eq!(
        kinds,
        [
            "[] -a:CONTROL_VARIANT else baseline_only",
            "[one] else baseline_only",
            "[two] else baseline_only"
        ]
    );
    assert!(seen.values().all(|it| (70..130).contains(it)), "{seen:?}");
}

#[test]
fn settings_of_a_flag_tune_its_overlays_breakers() {
    let text = |threshold: u32| {
        format!(
            "global: {{circuit_breaker: {{failure_threshold: 3, recovery_timeout: 60}}}}
features:
  a: {{enabled_overlays: [x], circuit_breaker: {{failure_threshold: {threshold}}}}}
  b: {{enabled_overlays: [x, y]}}"
        )
    };
    let flags = flags(&text(2));
    let policy = |name| flags.breakers().get(name).policy();
    let seen = |name| (policy(name).failure_threshold, policy(name).recovery.as_secs());
    assert_eq!((seen("x"), seen("y"), seen("elsewhere")), ((2, 60), (3, 60), (5, 300)));
    flags.breakers().get("x").acquire(0).unwrap().failure(0);
    let file = FlagFile::parse(&text(4)).unwrap();
    flags.replace(Snapshot::compile(&file, None).unwrap());
    assert_eq!(seen("x"), (4, 60));
    for _ in 0..3 {
        flags.breakers().get("x").acquire(0).unwrap().failure(0);
    }
    assert!(!flags.breakers().get("x").allows(0), "the failure before the reload counts");
}

#[test]
fn a_route_is_of_one_generation() {
    let file = FlagFile::parse("features: {a: {enabled_overlays: [x]}}").unwrap();
    let flags = Flags::new(Snapshot::compile(&file, None).unwrap(), BreakerSet::default());
    let (view, mut route) = (flags.view(), Route::default());
    flags.replace(Snapshot::empty());
    view.route(&scenario("any"), &mut route);
    assert_eq!((route.generation, route.candidates.len()), (1, 1));
    flags.view().route(&scenario("any"), &mut route);
    assert_eq!((route.generation, route.candidates.len(), route.enabled.len()), (2, 0, 0));
}
