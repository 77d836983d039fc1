use expect_test::{Expect, expect};
use fusion_plan::{Availability, Candidate, SelectInput, select};
use overlay_model::{Catalogue, from_yaml};

const CATALOGUE: &str = r"
scenarios:
  - id: duplicate
    type: refund_processing
    category: finance
    complexity: 0.8
    prompt: P
    router: {categories: [finance, support], keywords: [refund, charged twice]}
  - id: locked
    type: account_access
    category: support
    complexity: 0.3
    prompt: P
    router: {categories: [support], keywords: [sign in, locked]}
";

#[track_caller]
fn check(input: SelectInput<'_>, expect: Expect) {
    let catalogue: Catalogue = from_yaml(CATALOGUE).unwrap();
    let refunds = ["refund_processing".to_owned()];
    let candidates = [
        Candidate {
            availability: Availability::Refused("breaker open".to_owned()),
            ..Candidate::new("refund_next".parse().unwrap(), &refunds)
        },
        Candidate {
            min_confidence: 0.5,
            ..Candidate::new("refund_sure".parse().unwrap(), &refunds)
        },
        Candidate::new("refund".parse().unwrap(), &refunds),
        Candidate::new("support".parse().unwrap(), &["account_access".to_owned()]),
    ];
    let input = SelectInput { catalogue: &catalogue.scenarios, candidates: &candidates, ..input };
    let selection = select(&input);
    expect.assert_eq(&serde_json::to_string_pretty(&selection).unwrap());
}

#[test]
fn the_named_type_is_certain() {
    check(
        SelectInput { scenario_type: Some("refund_processing"), ..SelectInput::default() },
        expect![[r#"
            {
              "scenario_type": "refund_processing",
              "confidence": 1.0,
              "overlay": "refund_sure",
              "reasons": [
                "scenario type refund_processing: named by the request",
                "refund_sure: available"
              ],
              "rejected": [
                {
                  "overlay": "refund_next",
                  "reason": "breaker open"
                }
              ]
            }"#]],
    );
}

#[test]
fn the_router_adds_category_complexity_and_keywords() {
    check(
        SelectInput {
            category: Some("support"),
            complexity: Some(0.1),
            text: "I cannot SIGN IN, my account is locked.",
            ..SelectInput::default()
        },
        expect![[r#"
            {
              "scenario_type": "account_access",
              "confidence": 0.9,
              "overlay": "support",
              "reasons": [
                "scenario type account_access: primary category 0.6 + low complexity 0.2 + 2 keywords 0.1, as scenario locked",
                "support: available"
              ],
              "rejected": [
                {
                  "overlay": "refund_next",
                  "reason": "serves refund_processing, not account_access"
                },
                {
                  "overlay": "refund_sure",
                  "reason": "serves refund_processing, not account_access"
                },
                {
                  "overlay": "refund",
                  "reason": "serves refund_processing, not account_access"
                }
              ]
            }"#]],
    );
}

#[test]
fn keywords_alone_are_weak() {
    check(
        SelectInput { text: "I was charged twice, refund!", ..SelectInput::default() },
        expect![[r#"
            {
              "scenario_type": "refund_processing",
              "confidence": 0.1,
              "overlay": "refund",
              "reasons": [
                "scenario type refund_processing: 2 keywords 0.1, as scenario duplicate",
                "refund: available"
              ],
              "rejected": [
                {
                  "overlay": "refund_next",
                  "reason": "breaker open"
                },
                {
                  "overlay": "refund_sure",
                  "reason": "confidence 0.1 is below 0.5"
                }
              ]
            }"#]],
    );
}

#[test]
fn nothing_fits() {
    check(
        SelectInput { complexity: Some(0.8), text: "Hello refunds", ..SelectInput::default() },
        expect![[r#"
            {
              "scenario_type": "",
              "confidence": 0.0,
              "overlay": null,
              "reasons": [
                "scenario type: no category and no keyword fits",
                "baseline: no overlay is left"
              ],
              "rejected": [
                {
                  "overlay": "refund_next",
                  "reason": "serves refund_processing only"
                },
                {
                  "overlay": "refund_sure",
                  "reason": "serves refund_processing only"
                },
                {
                  "overlay": "refund",
                  "reason": "serves refund_processing only"
                },
                {
                  "overlay": "support",
                  "reason": "serves account_access only"
                }
              ]
            }"#]],
    );
}
