use expect_test::{Expect, expect};
use fusion_flags::{Attribute, Context, SwitchSource, Switches};

use crate::{flags, scenario};

const FILE: &str = "schema_version: 2
features:
  refunds:
    enabled_overlays: [rollback_first, careful]
    rollout_percentage: 10
    conditions: {scenario_types: [refund], confidence_threshold: 0.7, where: {tier: {in: [gold]}}}
  sure: {enabled_overlays: [careful], requires: [{flag: off}]}
  off: {enabled: false}
  split: {variants: {a: {overlay: left, weight: 1}, b: {overlay: left, weight: 1}}}
  night: {enabled_overlays: [owl], active: {hours: ['22:00-24:00']}}
";

#[track_caller]
fn check(flag: &str, context: &Context<'_>, expected: Expect) {
    let flags = flags(FILE);
    let report = flags.view().explain(flag, context).unwrap();
    expected.assert_eq(&serde_json::to_string(&report).unwrap());
}

#[test]
fn reports_say_what_would_be_needed() {
    let gold = [("tier", Attribute::Text("gold"))];
    let refund = Context { attributes: &gold, ..scenario("refund") };
    check(
        "refunds",
        &refund,
        expect![[
            r#"{"feature":"refunds","enabled":false,"reason":"ROLLOUT_MISS","bucket":64660,"threshold":10000,"would_need":"a rollout above 64.66 %","generation":1}"#
        ]],
    );
    check(
        "refunds",
        &Context { confidence: Some(0.2), ..refund },
        expect![[
            r#"{"feature":"refunds","enabled":false,"reason":"CONFIDENCE_BELOW","bucket":64660,"threshold":10000,"would_need":"a confidence of at least 0.7","generation":1}"#
        ]],
    );
    check(
        "refunds",
        &Context { unit: None, ..refund },
        expect![[
            r#"{"feature":"refunds","enabled":false,"reason":"TARGETING_KEY_MISSING","threshold":10000,"would_need":"a unit id","generation":1}"#
        ]],
    );
    check(
        "refunds",
        &scenario("refund"),
        expect![[
            r#"{"feature":"refunds","enabled":false,"reason":"ATTRIBUTE_MISMATCH","bucket":64660,"threshold":10000,"would_need":"another value of tier","generation":1}"#
        ]],
    );
    check(
        "refunds",
        &scenario("audit"),
        expect![[
            r#"{"feature":"refunds","enabled":false,"reason":"SCENARIO_MISMATCH","bucket":64660,"threshold":10000,"would_need":"a scenario type of refund","generation":1}"#
        ]],
    );
    check(
        "sure",
        &scenario("audit"),
        expect![[
            r#"{"feature":"sure","enabled":false,"reason":"PREREQUISITE_FAILED","threshold":100000,"would_need":"`off` to be on","generation":1}"#
        ]],
    );
    check(
        "split",
        &scenario("audit"),
        expect![[
            r#"{"feature":"split","enabled":true,"reason":"STATIC","threshold":100000,"variant":"a","generation":1}"#
        ]],
    );
}

#[test]
fn an_unknown_flag_has_no_report() {
    let flags = flags(FILE);
    assert_eq!(flags.view().explain("nobody", &scenario("audit")), None);
    assert_eq!(flags.view().explain_all(&scenario("audit")).len(), 5);
}

#[test]
fn a_route_is_reported_in_words() {
    let flags = flags(FILE);
    flags.switch(SwitchSource::Api, Switches::parse(Some("-refunds")));
    flags.breakers().get("left").isolate();
    let report = flags.view().explain_route(&scenario("refund"));
    expect![[r#"
        {
          "scenario_type": "refund",
          "enabled_features": [
            "split"
          ],
          "overlay_candidates": [],
          "primary_overlay": null,
          "fallback_strategy": "baseline_only",
          "env_overrides_active": true,
          "rejected": [
            {
              "feature": "refunds",
              "reason": "FORCED_OFF"
            },
            {
              "feature": "sure",
              "reason": "PREREQUISITE_FAILED"
            },
            {
              "feature": "off",
              "reason": "DISABLED"
            },
            {
              "feature": "split",
              "overlay": "left",
              "reason": "CIRCUIT_OPEN"
            },
            {
              "feature": "night",
              "reason": "OUTSIDE_SCHEDULE"
            }
          ],
          "generation": 2
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&report).unwrap());
}
