use std::sync::Arc;

use arc_swap::ArcSwap;
use fusion_flagd::FlagdFile;
use fusion_openfeature::FlagdProvider;
use open_feature::{
    EvaluationContext, EvaluationContextFieldValue as Field, EvaluationErrorCode as Code,
    OpenFeature, StructValue, Value,
};
use serde_json::json;

use crate::world::wait;

fn file(text: &serde_json::Value) -> FlagdFile {
    FlagdFile::parse(&json!({ "flags": text }).to_string()).unwrap()
}

fn flags() -> FlagdFile {
    file(&json!({
        "whole": { "state": "ENABLED", "variants": { "a": 10.0 }, "defaultVariant": "a" },
        "part": { "state": "ENABLED", "variants": { "a": 0.5 }, "defaultVariant": "a" },
        "holes": { "state": "ENABLED", "variants": { "a": { "b": null, "c": [1, "x"] } }, "defaultVariant": "a" },
        "nulls": { "state": "ENABLED", "variants": { "a": { "b": [null] } }, "defaultVariant": "a" },
        "broken": { "state": "ENABLED", "variants": { "a": true }, "targeting": { "$ref": "gone" } },
        "astray": { "state": "ENABLED", "variants": { "a": true }, "targeting": { "if": [true, "b"] } },
        "none": { "state": "ENABLED", "variants": { "a": true } },
        "late": { "state": "ENABLED", "variants": { "a": true, "b": false }, "defaultVariant": "b",
            "targeting": { "if": [{ ">=": [{ "var": "$flagd.timestamp" }, 1_790_000_000] }, "a"] } },
        "since": { "state": "ENABLED", "variants": { "a": true, "b": false }, "defaultVariant": "b",
            "targeting": { "if": [{ "==": [{ "var": "joined" }, "1970-01-01T00:00:00Z"] }, "a"] } },
        "deep": { "state": "ENABLED", "variants": { "a": true, "b": false }, "defaultVariant": "b",
            "targeting": { "if": [{ "==": [{ "var": "user.name" }, "ann"] }, "a"] } },
    }))
}

fn code<T: std::fmt::Debug>(result: Result<T, open_feature::EvaluationError>) -> Code {
    result.unwrap_err().code
}

#[test]
fn values_have_the_type_that_was_asked_for_or_none() {
    let mut api = OpenFeature::default();
    wait(async {
        api.set_provider(FlagdProvider::new(flags(), || 1_790_000_000_999)).await;
        let client = api.create_client();
        assert_eq!(client.get_int_value("whole", None, None).await, Ok(10));
        assert_eq!(client.get_float_value("whole", None, None).await, Ok(10.0));
        assert_eq!(code(client.get_int_value("part", None, None).await), Code::TypeMismatch);
        let fields: StructValue = client.get_struct_value("holes", None, None).await.unwrap();
        let list = Value::Array(vec![Value::Int(1), Value::String("x".to_owned())]);
        assert_eq!(fields, StructValue::default().with_field("c", list));
        let nulls = client.get_struct_value::<StructValue>("nulls", None, None).await;
        assert_eq!(code(nulls), Code::TypeMismatch);
        assert_eq!(code(client.get_bool_value("gone", None, None).await), Code::FlagNotFound);
        assert_eq!(code(client.get_bool_value("broken", None, None).await), Code::ParseError);
        assert!(matches!(
            code(client.get_bool_value("astray", None, None).await),
            Code::General(_)
        ));
        assert!(matches!(code(client.get_bool_value("none", None, None).await), Code::General(_)));
        assert_eq!(client.get_bool_value("late", None, None).await, Ok(true));
        assert_eq!(api.provider_metadata().await.name, "fusion-flagd");
    });
}

#[test]
fn contexts_are_read_as_rules_see_them() {
    let mut api = OpenFeature::default();
    wait(async {
        api.set_provider(FlagdProvider::new(flags(), || 0)).await;
        let client = api.create_client();
        let moment = std::time::SystemTime::UNIX_EPOCH;
        let joined = EvaluationContext::default()
            .with_custom_field("joined", Field::DateTime(moment.into()));
        assert_eq!(client.get_bool_value("since", Some(&joined), None).await, Ok(true));
        let ann = StructValue::default().with_field("name", "ann");
        for user in [
            Field::new_struct(ann.clone()),
            Field::new_struct(Value::Struct(ann)),
            Field::new_struct(json!({ "name": "ann" })),
        ] {
            let context = EvaluationContext::default().with_custom_field("user", user);
            assert_eq!(client.get_bool_value("deep", Some(&context), None).await, Ok(true));
        }
        let odd = EvaluationContext::default().with_custom_field("user", Field::new_struct(7_u8));
        assert_eq!(
            code(client.get_bool_value("deep", Some(&odd), None).await),
            Code::InvalidContext
        );
    });
}

#[test]
fn files_may_be_replaced() {
    let shared = Arc::new(ArcSwap::from_pointee(flags()));
    let mut api = OpenFeature::default();
    wait(async {
        api.set_provider(FlagdProvider::over(Arc::clone(&shared), || 0)).await;
        let client = api.create_client();
        assert_eq!(client.get_int_value("whole", None, None).await, Ok(10));
        let next = json!({ "whole": { "state": "ENABLED", "variants": { "a": 11 }, "defaultVariant": "a" } });
        shared.store(Arc::new(file(&next)));
        assert_eq!(client.get_int_value("whole", None, None).await, Ok(11));
    });
}
