use fusion_flags::{Attribute, Context, Route};

use crate::{flags, flags_in, said, scenario};

const REFUNDS: &str = "schema_version: 2
features:
  refunds:
    enabled_overlays: [rollback_first]
    conditions: {scenario_types: [refund_processing], confidence_threshold: 0.7}
  part: {rollout_percentage: 10}
  off: {enabled: false}
  none: {rollout_percentage: 0}
  plain: {}
";

#[track_caller]
fn check(text: &str, flag: &str, context: &Context<'_>, expected: &str) {
    assert_eq!(said(&flags(text).decide(flag, context)), expected);
}

#[test]
fn reasons_say_why() {
    let refunds = scenario("refund_processing");
    let with = |confidence| Context { confidence, ..refunds };
    check(REFUNDS, "refunds", &refunds, "on TARGETING_MATCH");
    check(REFUNDS, "refunds", &with(Some(0.7)), "on TARGETING_MATCH");
    check(REFUNDS, "refunds", &with(Some(0.69)), "off CONFIDENCE_BELOW");
    check(REFUNDS, "refunds", &with(Some(f64::NAN)), "off CONFIDENCE_BELOW");
    check(REFUNDS, "refunds", &with(None), "off CONFIDENCE_MISSING");
    check(REFUNDS, "refunds", &scenario("audit"), "off SCENARIO_MISMATCH");
    check(REFUNDS, "plain", &Context::default(), "on STATIC");
    check(REFUNDS, "off", &refunds, "off DISABLED");
    check(REFUNDS, "none", &Context::default(), "off ROLLOUT_MISS");
    check(REFUNDS, "nobody", &refunds, "off NOT_FOUND");
}

#[test]
fn a_scenario_type_is_compared_as_a_whole() {
    let text = "schema_version: 2
features: {a: {conditions: {scenario_types: [refund, audit_prep, re]}}}";
    for is in ["refund", "audit_prep", "re"] {
        check(text, "a", &scenario(is), "on TARGETING_MATCH");
    }
    for is_not in
        ["", "r", "ref", "fund", "refund ", "audit", "prep", "refund\naudit_prep", "\n", "ré"]
    {
        check(text, "a", &scenario(is_not), "off SCENARIO_MISMATCH");
    }
}

/// Short texts stand in the flag, long ones beside it: nobody may see where that changes.
#[test]
fn names_of_every_length_decide_alike() {
    for len in 1..=128 {
        let (name, kind) = ("f".repeat(len), format!("{}end", "k".repeat(len % 61)));
        let text = format!(
            "schema_version: 2\nfeatures: {{{name}: {{conditions: {{scenario_types: [other, {kind}]}}}}}}"
        );
        check(&text, &name, &scenario(&kind), "on TARGETING_MATCH");
        check(&text, &name, &scenario("other"), "on TARGETING_MATCH");
        check(&text, &name, &scenario(&format!("{kind}s")), "off SCENARIO_MISMATCH");
        check(&text, &format!("{name}f"), &scenario(&kind), "off NOT_FOUND");
    }
}

/// The table of all transitions is only for files of usual size.
#[test]
fn parts_are_found_by_automata_of_either_kind() {
    for count in [3, 20_000] {
        let kinds: Vec<String> = (0..count).map(|it| format!("kind_of_work_{it:06}")).collect();
        let text = format!(
            "{{\"features\": {{\"a\": {{\"conditions\": {{\"scenario_types\": {kinds:?}}}}}, \
             \"b\": {{\"enabled_overlays\": [\"x\"]}}}}}}"
        );
        let flags = flags(&text);
        let mut route = Route::default();
        for (kind, expected) in [("a kind_of_work_000002!", 2), ("kind_of_work_00000", 1)] {
            flags.view().route(&scenario(kind), &mut route);
            assert_eq!(route.enabled.len(), expected, "{kind} of {count}");
        }
    }
}

#[test]
fn a_confidence_that_is_no_number_matters_only_where_one_is_asked_for() {
    let context = Context { confidence: Some(f64::NAN), ..Context::default() };
    check(REFUNDS, "plain", &context, "on STATIC");
}

#[test]
fn a_partial_rollout_wants_a_unit() {
    fn of(unit: Option<&str>) -> Context<'_> {
        Context { unit, ..Context::default() }
    }
    check(REFUNDS, "part", &of(None), "off TARGETING_KEY_MISSING");
    check(REFUNDS, "part", &of(Some("")), "off TARGETING_KEY_MISSING");
    check(REFUNDS, "part", &of(Some("user-1")), "off ROLLOUT_MISS");
    let on = (0..100).map(|idx| format!("user-{idx}"));
    let on = on.filter(|it| flags(REFUNDS).decide("part", &of(Some(it))).enabled).count();
    assert!((3..20).contains(&on), "{on} of 100");
}

#[test]
fn another_attribute_may_be_bucketed() {
    let text = "schema_version: 2
defaults: {bucket_by: tenant}
features: {a: {rollout_percentage: 50}}";
    let tenant = [("tenant", Attribute::Text("acme"))];
    let context = Context { attributes: &tenant, ..Context::default() };
    let decision = flags(text).decide("a", &context);
    assert_eq!(decision.bucket, Some(fusion_flags::Salt::new("a").bucket("acme")));
    check(text, "a", &scenario("any"), "off TARGETING_KEY_MISSING");
}

#[test]
fn a_salt_replaces_the_name() {
    let text = "{features: {a: {rollout_percentage: 50, salt: b}, b: {rollout_percentage: 50}}}";
    let flags = flags(text);
    let context = scenario("any");
    assert_eq!(flags.decide("a", &context).bucket, flags.decide("b", &context).bucket);
}

#[test]
fn the_original_matches_parts_and_lets_a_missing_confidence_pass() {
    let text =
        "{features: {a: {conditions: {scenario_types: [refund], confidence_threshold: 0.7}}}}";
    let context = Context { confidence: None, ..scenario("not_refund_processing_v2") };
    check(text, "a", &context, "on TARGETING_MATCH");
    let fields = text.trim_start_matches('{');
    let exact = format!("{{schema_version: 2, {fields}");
    check(&exact, "a", &context, "off SCENARIO_MISMATCH");
    check(&exact, "a", &Context { scenario_type: "refund", ..context }, "off CONFIDENCE_MISSING");
    let chosen = format!(
        "{{schema_version: 2, defaults: {{match: substring, missing_confidence: allow}}, {fields}"
    );
    check(&chosen, "a", &context, "on TARGETING_MATCH");
}

#[test]
fn attributes_are_tested() {
    let is = |test: &str, value: Attribute<'_>| {
        let text = format!("{{features: {{a: {{conditions: {{where: {{it: {test}}}}}}}}}}}");
        let attributes = [("other", Attribute::Switch(true)), ("it", value)];
        let context = Context { attributes: &attributes, ..Context::default() };
        flags(&text).decide("a", &context).enabled
    };
    let text = Attribute::Text;
    assert!(is("{in: [acme, beta]}", text("beta")) && !is("{in: [acme]}", text("Acme")));
    assert!(is("{not_in: [acme]}", text("beta")) && !is("{not_in: [acme]}", text("acme")));
    assert!(is("{in: ['true']}", Attribute::Switch(true)));
    assert!(is("{not_in: ['true']}", Attribute::Switch(false)));
    assert!(is("{in: ['7']}", Attribute::Number(7.0)));
    assert!(is("{starts_with: ab}", text("abc")) && !is("{starts_with: ab}", text("cab")));
    assert!(is("{ends_with: '@corp.example'}", text("x@corp.example")));
    assert!(is("{semver: '^2.1'}", text("2.4.0")) && !is("{semver: '^2.1'}", text("3.0.0")));
    assert!(!is("{semver: '^2'}", text("two")));
    assert!(is("{at_least: 3}", Attribute::Number(3.0)));
    assert!(!is("{less_than: 3}", Attribute::Number(3.0)));
    assert!(!is("{at_least: 3}", text("9")), "a text is no number");
}

#[test]
fn an_attribute_that_is_missing_holds_nothing() {
    let text = "{features: {a: {conditions: {where: {tenant: {not_in: [acme]}}}}}}";
    check(text, "a", &Context::default(), "off ATTRIBUTE_MISMATCH");
}

#[test]
fn prerequisites_are_followed() {
    let text = "schema_version: 2
features:
  base: {conditions: {where: {tier: {in: [gold]}}}}
  needs: {requires: [{flag: base}]}
  instead: {requires: [{flag: base, is: off}]}
  chain: {requires: [{flag: needs, is: on}]}";
    let gold = [("tier", Attribute::Text("gold"))];
    let with = Context { attributes: &gold, ..Context::default() };
    check(text, "needs", &with, "on TARGETING_MATCH");
    check(text, "chain", &with, "on TARGETING_MATCH");
    check(text, "instead", &with, "off PREREQUISITE_FAILED");
    check(text, "needs", &Context::default(), "off PREREQUISITE_FAILED");
    check(text, "chain", &Context::default(), "off PREREQUISITE_FAILED");
    check(text, "instead", &Context::default(), "on TARGETING_MATCH");
}

#[test]
fn variants_need_a_unit() {
    let text = "schema_version: 2
features: {a: {variants: {x: {overlay: one, weight: 1}, control: {weight: 1}}}}";
    check(text, "a", &Context::default(), "off TARGETING_KEY_MISSING");
    check(text, "a", &scenario("any"), "on STATIC");
}

#[test]
fn an_environment_that_the_file_does_not_name_changes_nothing() {
    let text = "{features: {a: {}}, environments: {staging: {global_rollout_percentage: 0}}}";
    let said_in = |environment| said(&flags_in(text, environment).decide("a", &scenario("any")));
    assert_eq!(said_in(Some("production")), "on STATIC");
    assert_eq!(said_in(Some("staging")), "off ROLLOUT_MISS");
}

#[test]
fn handles_and_names_agree() {
    let flags = flags(REFUNDS);
    let view = flags.view();
    for name in view.snapshot().names() {
        let flag = view.snapshot().flag(name).unwrap();
        let context = scenario("refund_processing");
        assert_eq!(view.decide(name, &context), view.decide_flag(flag, &context));
        assert_eq!(view.snapshot().name(flag), name);
    }
}
