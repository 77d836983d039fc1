//! The OpenFeature Remote Evaluation Protocol, version 0.3.0.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use fusion_flags::{Context, FlagReport, Reason};
use fusion_metrics::{Outcome, catalogue};
use overlay_loader::{Arm, Snapshot, Switched};
use overlay_model::Digest;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::refusal::{NO_TEXT, status, why};
use crate::route::{attributes, deployment};
use crate::service::Service;

/// The body of both requests. The context has `targetingKey`, the unit; `scenario_type`
/// and `confidence` stand for what a route has; all its fields are attributes.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Evaluation {
    context: BTreeMap<String, Value>,
}

/// One flag.
pub(crate) async fn one(
    State(service): State<Arc<Service>>,
    key: Result<Path<String>, PathRejection>,
    uri: Uri,
    body: Result<Json<Evaluation>, JsonRejection>,
) -> Response {
    let Ok(Path(key)) = key else {
        // As it stands there: it is no text.
        let raw = uri.path().rsplit('/').next().unwrap_or_default();
        let body = failure(raw, "PARSE_ERROR", NO_TEXT);
        return (StatusCode::BAD_REQUEST, Json(body)).into_response();
    };
    let fields = match fields(body) {
        Ok(it) => it,
        Err((code, error, why)) => {
            return (code, Json(failure(&key, error, &why))).into_response();
        }
    };
    let snapshot = service.live.snapshot();
    match evaluate(&service, &snapshot, &key, &fields) {
        None => {
            let why = format!("there is no flag `{key}`");
            let body = failure(&key, "FLAG_NOT_FOUND", &why);
            (StatusCode::NOT_FOUND, Json(body)).into_response()
        }
        Some(body) if body.get("errorCode").is_some() => {
            (StatusCode::BAD_REQUEST, Json(body)).into_response()
        }
        Some(body) => Json(body).into_response(),
    }
}

/// Every flag; 304 where the caller has the same answer already.
pub(crate) async fn all(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    body: Result<Json<Evaluation>, JsonRejection>,
) -> Response {
    let fields = match fields(body) {
        Ok(it) => it,
        Err((code, error, why)) => {
            let body = json!({ "errorCode": error, "errorDetails": why });
            return (code, Json(body)).into_response();
        }
    };
    let snapshot = service.live.snapshot();
    let keys = snapshot.pick(unit(&fields)).flags().snapshot().names();
    let flags = keys.filter_map(|key| evaluate(&service, &snapshot, key, &fields));
    let flags: Vec<Value> = flags.collect();
    let body = json!({ "flags": flags }).to_string();
    let tag = format!("\"{}\"", Digest::of(body.as_bytes()).short());
    if is_known(&headers, &tag) {
        return (StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response();
    }
    ([(ETAG, tag), (CONTENT_TYPE, "application/json".to_owned())], body).into_response()
}

/// Whether `If-None-Match` holds `tag`, alone or in a list, weak or strong.
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(IF_NONE_MATCH).iter().filter_map(|it| it.to_str().ok());
    let mut tags = values.flat_map(|it| it.split(',')).map(str::trim);
    tags.any(|it| it == "*" || it.strip_prefix("W/").unwrap_or(it) == tag)
}

type Fields = BTreeMap<String, Value>;

/// The context, or the answer's code, the error code of the protocol and the reason.
fn fields(
    body: Result<Json<Evaluation>, JsonRejection>,
) -> Result<Fields, (StatusCode, &'static str, String)> {
    let invalid = |why: &str| (StatusCode::BAD_REQUEST, "INVALID_CONTEXT", why.to_owned());
    let fields = match body {
        Ok(Json(it)) => it.context,
        Err(JsonRejection::JsonDataError(err)) => return Err(invalid(&err.body_text())),
        Err(other) => return Err((status(&other), "PARSE_ERROR", why(&other))),
    };
    let is_text = |name| fields.get(name).is_none_or(Value::is_string);
    let confidence = fields.get("confidence").map(Value::as_f64);
    match confidence {
        Some(it) if !it.is_some_and(|it| (0.0..=1.0).contains(&it)) => {
            Err(invalid("confidence is a number from 0 to 1"))
        }
        _ if !is_text("targetingKey") => Err(invalid("targetingKey is a text")),
        _ if !is_text("scenario_type") => Err(invalid("scenario_type is a text")),
        _ => Ok(fields),
    }
}

fn unit(fields: &Fields) -> Option<&str> {
    fields.get("targetingKey").and_then(Value::as_str)
}

/// The answer for one flag; `None` where there is no such flag.
fn evaluate(service: &Service, snapshot: &Snapshot, key: &str, fields: &Fields) -> Option<Value> {
    let (picked, arm) = snapshot.pick_arm(unit(fields));
    let attributes = attributes(fields);
    let scenario_type = fields.get("scenario_type").and_then(Value::as_str).unwrap_or_default();
    let context = Context {
        unit: unit(fields),
        scenario_type,
        confidence: fields.get("confidence").and_then(Value::as_f64),
        attributes: &attributes,
        now_ms: service.now_ms(),
        quality: None,
    };
    let report = picked.flags().explain(key, &context)?;
    let result = if report.enabled { Outcome::On } else { Outcome::Off };
    service.metrics.inc(catalogue::FLAG_DECISIONS, scenario_type, "", result);
    Some(match report.reason {
        Reason::TargetingKeyMissing => {
            let why = "only a part of the units is in, and the context has none";
            failure(key, "TARGETING_KEY_MISSING", why)
        }
        _ => success(&report, metadata(&report, snapshot, picked, arm)),
    })
}

fn failure(key: &str, code: &str, why: &str) -> Value {
    json!({ "key": key, "errorCode": code, "errorDetails": why })
}

/// Which configuration decided. The protocol has no nulls here: what there is not is absent.
fn metadata(
    report: &FlagReport,
    snapshot: &Snapshot,
    picked: &Switched,
    arm: Option<Arm>,
) -> Value {
    let mut metadata = json!({
        "reason": report.reason,
        "generation": snapshot.number(arm),
        "digest": picked.generation().digest(),
        "epoch": snapshot.epoch(),
        "arm": arm,
        "deployment": deployment(snapshot),
    });
    if let Value::Object(fields) = &mut metadata {
        fields.retain(|_, value| !value.is_null());
    }
    metadata
}

fn success(report: &FlagReport, metadata: Value) -> Value {
    let variant = report.variant.as_deref();
    let variant = variant.unwrap_or(if report.enabled { "on" } else { "off" });
    json!({
        "key": report.feature,
        "value": report.enabled,
        "reason": report.reason.openfeature(),
        "variant": variant,
        "metadata": metadata,
    })
}
