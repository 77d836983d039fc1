use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use overlay_loader::{Health, HealthStatus, Status};
use serde::Serialize;
use serde_json::{Value, json};

use crate::admin::Kill;
use crate::service::{Service, apart};

/// Only that the process answers: no dependency can make it restart.
pub(crate) async fn livez() -> &'static str {
    "ok\n"
}

/// Whether traffic may come: a configuration that was asked for is in force.
pub(crate) async fn readyz(
    State(service): State<Arc<Service>>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let is_verbose = query.contains_key("verbose");
    apart(service, move |service| {
        let health = service.live.health();
        let (_, code) = verdict(health.status);
        let is_ready = code == StatusCode::OK;
        let text = match (is_verbose, is_ready) {
            (true, _) => checks(&health, is_ready),
            (false, true) => "ok\n".to_owned(),
            (false, false) => "not ready\n".to_owned(),
        };
        (code, text).into_response()
    })
    .await
}

/// One line a check, in the manner of Kubernetes, with the reasons below it.
fn checks(health: &Health, is_ready: bool) -> String {
    let mark = if is_ready { "[+]" } else { "[-]" };
    let word = match health.status {
        HealthStatus::Healthy => "ok",
        HealthStatus::Degraded => "degraded",
        HealthStatus::Unhealthy => "failed",
    };
    let mut text = format!("{mark}configuration {word}\n");
    for reason in &health.reasons {
        text.push_str("    ");
        text.push_str(reason);
        text.push('\n');
    }
    text
}

/// The word of draft-inadarei-api-health-check-06, and the code that goes with it.
fn verdict(status: HealthStatus) -> (&'static str, StatusCode) {
    match status {
        HealthStatus::Healthy => ("pass", StatusCode::OK),
        HealthStatus::Degraded => ("warn", StatusCode::OK),
        HealthStatus::Unhealthy => ("fail", StatusCode::SERVICE_UNAVAILABLE),
    }
}

/// `application/health+json`, draft-inadarei-api-health-check-06: `pass`, `warn`, `fail`.
pub(crate) async fn health(State(service): State<Arc<Service>>) -> Response {
    apart(service, |service| {
        let status = service.live.status();
        let health = status.health();
        let breakers = breakers(service);
        let tripped = breakers.iter().any(|(_, state)| state != "closed");
        // What answers for some requests only is no failure.
        let of_breakers = if tripped { HealthStatus::Degraded } else { HealthStatus::Healthy };
        let (word, code) = verdict(health.status.max(of_breakers));
        let body = json!({
            "status": word,
            "version": env!("CARGO_PKG_VERSION"),
            "serviceId": "fusion",
            "output": health.reasons.join("; "),
            "checks": {
                "overlay:configuration": [configuration(&status, &health)],
                "overlay:switch": [switch(&status, service.kill().as_ref())],
                "overlay:breakers": [{
                    "status": verdict(of_breakers).0,
                    "componentType": "component",
                    "observedValue": breakers,
                }],
            },
        });
        let headers = [(CONTENT_TYPE, "application/health+json"), (CACHE_CONTROL, "no-store")];
        (code, headers, body.to_string()).into_response()
    })
    .await
}

fn configuration(status: &Status, health: &Health) -> Value {
    json!({
        "status": verdict(health.status).0,
        "componentType": "component",
        "observedValue": status.epoch,
        "observedUnit": "epoch",
        "output": health.reasons.join("; "),
    })
}

fn switch(status: &Status, kill: Option<&Kill>) -> Value {
    let output = kill.map(|it| match &*it.by {
        "" => it.reason.clone(),
        by => format!("{} ({by})", it.reason),
    });
    json!({
        "status": if status.emergency { "warn" } else { "pass" },
        "componentType": "component",
        "observedValue": status.emergency,
        "output": output.unwrap_or_default(),
    })
}

fn breakers(service: &Service) -> serde_json::Map<String, Value> {
    let now = service.now_ms();
    let all = service.live.breakers().all().into_iter();
    all.map(|(name, breaker)| (name, json!(breaker.state(now)))).collect()
}

#[derive(Serialize)]
struct StatusReport {
    schema: &'static str,
    #[serde(flatten)]
    status: Status,
    /// The switch of the API, where it holds one.
    kill: Option<Kill>,
}

pub(crate) async fn status(State(service): State<Arc<Service>>) -> Response {
    apart(service, |service| {
        let kill = service.kill().clone();
        let status = service.live.status();
        Json(StatusReport { schema: "fusion/status/1", status, kill }).into_response()
    })
    .await
}
