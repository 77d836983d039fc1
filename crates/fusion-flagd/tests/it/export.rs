use fusion_flagd::{FlagdFile, export};
use fusion_flags::{Attribute, BreakerSet, Context, FlagFile, Flags, Snapshot};
use proptest::prelude::*;
use serde_json::{Value, json};

const FILE: &str = "schema_version: 2
features:
  refunds:
    enabled_overlays: [rollback_first]
    rollout_percentage: 37.5
    conditions: {scenario_types: [refund, audit], confidence_threshold: 0.7}
  gold: {conditions: {where: {tier: {in: [gold]}, mail: {ends_with: '@corp.example'}}}}
  not_gold: {conditions: {where: {tier: {not_in: [gold, silver]}}}}
  grown: {conditions: {where: {age: {at_least: 18}, height: {less_than: 200}}}}
  ramped:
    ramp: {start: '2026-12-01T09:00Z', steps: [{percent: 10, hold: 1h}, {percent: 60, hold: 1h}, {percent: 100}]}
  stopped: {enabled: false}
  split:
    rollout_percentage: 50
    variants: {a: {overlay: left, weight: 30}, b: {overlay: right, weight: 60}, none: {weight: 10}}
environments: {staging: {global_rollout_percentage: 40}}
";

fn file() -> FlagFile {
    FlagFile::parse(FILE).unwrap()
}

#[test]
fn what_is_exported_is_valid() {
    let (exported, findings) = export(&file(), None);
    assert_eq!(findings, []);
    let Some(validator) = crate::data::validator("flags") else { return };
    let errors: Vec<String> = validator.iter_errors(&exported).map(|it| it.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}\n{exported:#}");
    assert!(!validator.is_valid(&json!({ "flags": { "a": { "state": "ON" } } })));
}

#[test]
fn what_cannot_be_said_is_named_and_off() {
    let text = "schema_version: 2
features:
  hours: {active: {hours: ['09:00-12:00']}}
  needs: {requires: [{flag: hours}]}
  salted: {salt: other, rollout_percentage: 50}
  salted_whole: {salt: other}
  ranged: {conditions: {where: {version: {semver: ^2}}}}
";
    let (exported, findings) = export(&FlagFile::parse(text).unwrap(), None);
    assert_eq!(findings.len(), 4, "{findings:#?}");
    let file = FlagdFile::parse(&exported.to_string()).unwrap();
    let on = |key| file.evaluate(key, &json!({ "targetingKey": "u" }), 0).unwrap().variant;
    assert_eq!((on("hours"), on("salted_whole")), (Some("off"), Some("on")));
}

proptest! {
    #[test]
    fn both_sides_decide_alike(
        unit in "[a-z0-9-]{1,30}",
        scenario in prop::sample::select(vec!["refund", "audit", "refund_2", ""]),
        confidence in prop::option::of(0.0..1.0),
        tier in prop::option::of(prop::sample::select(vec!["gold", "silver", "iron"])),
        mail in prop::sample::select(vec!["a@corp.example", "a@else.example"]),
        age in 0..40_i32,
        minutes in -60..240_i64,
        staging in any::<bool>(),
    ) {
        let environment = staging.then_some("staging");
        let flags = Flags::new(Snapshot::compile(&file(), environment).unwrap(), BreakerSet::default());
        let theirs = FlagdFile::parse(&export(&file(), environment).0.to_string()).unwrap();
        let now_s = 1_796_115_600 + minutes * 60;
        let mut attributes = vec![("mail", Attribute::Text(mail)), ("age", Attribute::Number(f64::from(age))), ("height", Attribute::Number(180.0))];
        let mut data = json!({
            "targetingKey": unit, "scenario_type": scenario, "mail": mail, "age": age, "height": 180,
        });
        if let Some(confidence) = confidence {
            data["confidence"] = json!(confidence);
        }
        if let Some(tier) = tier {
            attributes.push(("tier", Attribute::Text(tier)));
            data["tier"] = json!(tier);
        }
        let context = Context {
            unit: Some(&unit),
            scenario_type: scenario,
            confidence,
            attributes: &attributes,
            now_ms: now_s * 1000,
            quality: None,
        };
        let view = flags.view();
        for name in view.snapshot().names() {
            let ours = view.decide(name, &context);
            let found = theirs.evaluate(name, &data, now_s).unwrap();
            let on = found.value == Some(&Value::Bool(true));
            prop_assert_eq!(ours.enabled, on, "{} {:?} {:?}", name, ours, found);
            if let Some(variant) = ours.variant {
                let split = theirs.evaluate("split#split", &data, now_s).unwrap();
                prop_assert_eq!(split.variant, ["a", "b", "none"].get(variant as usize).copied());
            }
        }
    }
}
