use std::sync::Arc;

use fusion_flags::{BreakerSet, FlagFile, Flags, Snapshot, SwitchSource, Switches};
use fusion_openfeature::{OverlayProvider, ROUTE};
use open_feature::{
    Client, EvaluationContext, EvaluationErrorCode as Code, EvaluationReason as Reason,
    FlagMetadataValue, OpenFeature, StructValue, Value,
};

use crate::world::wait;

const FILE: &str = "schema_version: 2
features:
  refunds:
    enabled_overlays: [rollback_first]
    conditions: {scenario_types: [refund], confidence_threshold: 0.7, where: {tier: {in: [gold]}}}
  half: {enabled_overlays: [careful], rollout_percentage: 50}
  plain: {}
  off: {enabled: false}
  split: {variants: {a: {overlay: left, weight: 1}}, conditions: {scenario_types: [audit]}}
  later: {ramp: {start: '2026-12-01T09:00Z', steps: [{percent: 100}]}}
";

/// 2026-12-01T09:00Z.
const BEGIN_MS: i64 = 1_796_115_600_000;

fn flags() -> Arc<Flags> {
    let snapshot = Snapshot::compile(&FlagFile::parse(FILE).unwrap(), None).unwrap();
    Arc::new(Flags::new(snapshot, BreakerSet::default()))
}

fn client_at(flags: Arc<Flags>, now_ms: i64) -> Client {
    let mut api = OpenFeature::default();
    wait(api.set_provider(OverlayProvider::new(flags, move || now_ms)));
    api.create_client()
}

fn refund() -> EvaluationContext {
    EvaluationContext::default()
        .with_targeting_key("user-1")
        .with_custom_field("scenario_type", "refund")
        .with_custom_field("confidence", 0.9)
        .with_custom_field("tier", "gold")
}

#[track_caller]
fn check(
    key: &str,
    context: &EvaluationContext,
    on: bool,
    variant: &str,
    reason: Reason,
    own: &str,
) {
    let client = client_at(flags(), 0);
    let found = wait(client.get_bool_details(key, Some(context), None)).unwrap();
    assert_eq!(found.value, on);
    assert_eq!((found.variant.as_deref(), found.reason), (Some(variant), Some(reason)));
    let metadata = &found.flag_metadata.values;
    assert_eq!(metadata["reason"], FlagMetadataValue::String(own.to_owned()));
    assert_eq!(metadata["generation"], FlagMetadataValue::Int(1));
}

#[track_caller]
fn check_error(key: &str, context: &EvaluationContext, code: Code) {
    let client = client_at(flags(), 0);
    assert_eq!(wait(client.get_bool_value(key, Some(context), None)).unwrap_err().code, code);
}

#[test]
fn a_flag_is_a_switch_with_its_reason() {
    let nothing = EvaluationContext::default();
    check("plain", &nothing, true, "on", Reason::Static, "STATIC");
    check("off", &nothing, false, "off", Reason::Disabled, "DISABLED");
    check("refunds", &refund(), true, "on", Reason::TargetingMatch, "TARGETING_MATCH");
    check("refunds", &nothing, false, "off", Reason::TargetingMatch, "SCENARIO_MISMATCH");
    let unsure = refund().with_custom_field("confidence", 0.1);
    check("refunds", &unsure, false, "off", Reason::TargetingMatch, "CONFIDENCE_BELOW");
    let iron = refund().with_custom_field("tier", "iron");
    check("refunds", &iron, false, "off", Reason::TargetingMatch, "ATTRIBUTE_MISMATCH");
    let (inside, outside) = ("user-3", "user-1");
    let unit = |it: &str| EvaluationContext::default().with_targeting_key(it);
    check("half", &unit(inside), true, "on", Reason::Split, "SPLIT");
    check("half", &unit(outside), false, "off", Reason::Split, "ROLLOUT_MISS");
    let audit = unit("user-1").with_custom_field("scenario_type", "audit");
    check("split", &audit, true, "a", Reason::TargetingMatch, "TARGETING_MATCH");
    check("later", &nothing, false, "off", Reason::TargetingMatch, "OUTSIDE_SCHEDULE");
}

#[test]
fn errors_have_the_codes_of_the_specification() {
    let nothing = EvaluationContext::default();
    check_error("gone", &nothing, Code::FlagNotFound);
    check_error("half", &nothing, Code::TargetingKeyMissing);
    check_error("half", &nothing.clone().with_targeting_key(""), Code::TargetingKeyMissing);
    check_error(ROUTE, &nothing, Code::TypeMismatch);
    let wrong =
        |name: &str, value: i64| EvaluationContext::default().with_custom_field(name, value);
    check_error("plain", &wrong("confidence", 2), Code::InvalidContext);
    check_error("plain", &wrong("scenario_type", 2), Code::InvalidContext);
    let client = client_at(flags(), 0);
    let text = wait(client.get_string_value("plain", None, None));
    assert_eq!(text.unwrap_err().code, Code::TypeMismatch);
    assert_eq!(
        wait(client.get_int_value("gone", None, None)).unwrap_err().code,
        Code::FlagNotFound
    );
}

#[test]
fn the_route_is_a_text_or_a_structure() {
    let client = client_at(flags(), 0);
    let found = wait(client.get_string_details(ROUTE, Some(&refund()), None)).unwrap();
    assert_eq!(found.value, "rollback_first");
    assert_eq!(found.reason, Some(Reason::TargetingMatch));
    let route = wait(client.get_struct_value::<StructValue>(ROUTE, Some(&refund()), None)).unwrap();
    assert_eq!(route.fields["primary_overlay"], Value::String("rollback_first".to_owned()));
    let names = |it: &[&str]| Value::Array(it.iter().map(|it| Value::from(*it)).collect());
    assert_eq!(route.fields["overlay_candidates"], names(&["rollback_first"]));

    let nothing = wait(client.get_string_details(ROUTE, None, None)).unwrap();
    assert_eq!((nothing.value.as_str(), nothing.reason), ("baseline_only", Some(Reason::Default)));
    let route = wait(client.get_struct_value::<StructValue>(ROUTE, None, None)).unwrap();
    assert!(!route.fields.contains_key("primary_overlay"));
}

#[test]
fn switches_and_moments_count_from_the_next_evaluation_on() {
    let flags = flags();
    let client = client_at(Arc::clone(&flags), BEGIN_MS);
    assert_eq!(wait(client.get_bool_value("later", None, None)), Ok(true));
    flags.switch(SwitchSource::Api, Switches::parse(Some("")));
    let found = wait(client.get_bool_details("plain", None, None)).unwrap();
    assert_eq!((found.value, found.reason), (false, Some(Reason::Disabled)));
    let route = wait(client.get_string_details(ROUTE, Some(&refund()), None)).unwrap();
    assert_eq!((route.value.as_str(), route.reason), ("baseline_only", Some(Reason::Disabled)));
}

#[test]
fn the_source_may_choose_by_the_unit() {
    let (stable, candidate) = (flags(), flags());
    candidate.switch(SwitchSource::Api, Switches::parse(Some("off")));
    let provider = OverlayProvider::over(
        move |unit, ask| match unit {
            Some("canary") => ask(&candidate.view()),
            Some(_) => ask(&stable.view()),
            None => {}
        },
        || 0,
    );
    let mut api = OpenFeature::default();
    wait(api.set_provider(provider));
    let client = api.create_client();
    let of = |unit: &str| {
        let context = EvaluationContext::default().with_targeting_key(unit);
        wait(client.get_bool_details("plain", Some(&context), None)).unwrap().flag_metadata.values
            ["generation"]
            .clone()
    };
    assert_eq!(
        (of("canary"), of("user-1")),
        (FlagMetadataValue::Int(2), FlagMetadataValue::Int(1))
    );
    let asked = wait(client.get_bool_value("plain", None, None));
    assert_eq!(asked.unwrap_err().code, Code::ProviderNotReady);
}
