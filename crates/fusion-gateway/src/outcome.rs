//! What came of the calls that routes led to: the breakers' only source.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use fusion_flags::{Breaker, BreakerState, Permit, Ticket};
use overlay_loader::{ByHand, Switched};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::admin::{against, by_hand};
use crate::refusal::{refuse, refuse_body};
use crate::service::Service;

/// How a call that an overlay answered has ended.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutcomeRequest {
    overlay: String,
    result: CallResult,
    /// How long it took.
    #[serde(default)]
    duration_ms: u64,
    /// What the route gave for it.
    #[serde(default)]
    permit: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CallResult {
    Ok,
    Failed,
    /// It worked and took longer than anybody waits.
    Slow,
}

/// A breaker as it stands.
#[derive(Debug, Serialize)]
struct BreakerReport {
    state: BreakerState,
    /// Until probes are let through.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_in_ms: Option<i64>,
}

/// Tells the breaker of an overlay how a call has ended.
pub(crate) async fn outcome(
    State(service): State<Arc<Service>>,
    body: Result<Json<OutcomeRequest>, JsonRejection>,
) -> Response {
    let Json(request) = match body {
        Ok(request) => request,
        Err(rejection) => return refuse_body(&rejection),
    };
    let ticket = match request.permit.as_deref().map(str::parse::<Ticket>).transpose() {
        Ok(ticket) => ticket,
        Err(err) => return refuse(StatusCode::BAD_REQUEST, &err.to_string()),
    };
    let Some(breaker) = service.breaker(&request.overlay) else {
        return no_overlay(&request.overlay);
    };
    let now = service.now_ms();
    let stood = breaker.state(now);
    let permit = permit(&breaker, ticket, now);
    let counted = permit.is_some();
    let elapsed = Duration::from_millis(request.duration_ms);
    match (permit, request.result) {
        (None, _) => (),
        (Some(permit), CallResult::Ok) => permit.success(now, elapsed),
        (Some(permit), CallResult::Slow) => permit.success(now, Duration::MAX),
        (Some(permit), CallResult::Failed) => permit.failure(now),
    }
    service.note_breaker(&request.overlay, &breaker, None);
    let answer = OutcomeAnswer {
        schema: "fusion/outcome/1",
        overlay: request.overlay,
        counted,
        why: (!counted).then(|| uncounted(ticket, stood)),
        breaker: report(&breaker, now),
    };
    Json(answer).into_response()
}

#[derive(Debug, Serialize)]
struct OutcomeAnswer {
    schema: &'static str,
    overlay: String,
    counted: bool,
    /// Why it was not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    breaker: BreakerReport,
}

/// Why a result did not count for a breaker that stood so.
fn uncounted(ticket: Option<Ticket>, stood: BreakerState) -> String {
    let stood = match stood {
        BreakerState::Closed => "closed",
        BreakerState::HalfOpen => "half-open",
        BreakerState::Open => "open",
        BreakerState::Isolated => "isolated",
    };
    match ticket {
        Some(it) => format!(
            "the permit {it} is of another state of the breaker, was told of before or has run out"
        ),
        None => format!(
            "the breaker is {stood}: a result without the permit of its route counts while it is closed"
        ),
    }
}

/// The permit of a call whose result still counts: the one that the route gave, and without
/// one only what a closed breaker lets through anyway.
fn permit(breaker: &Breaker, ticket: Option<Ticket>, now_ms: i64) -> Option<Permit<'_>> {
    match ticket {
        Some(ticket) => breaker.counts(ticket).then(|| breaker.resume(ticket)),
        None => breaker.acquire(now_ms).filter(|it| !it.is_probe()),
    }
}

/// Every breaker as it stands.
pub(crate) async fn breakers(State(service): State<Arc<Service>>) -> Json<Value> {
    let now = service.now_ms();
    let all = service.live.breakers().all().into_iter();
    let all = all.map(|(name, it)| (name, json!(report(&it, now))));
    let all: serde_json::Map<String, Value> = all.collect();
    Json(json!({ "schema": "fusion/breakers/1", "breakers": all }))
}

/// Takes an overlay out until somebody closes its breaker.
pub(crate) async fn isolate(
    State(service): State<Arc<Service>>,
    Path(overlay): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    change(&service, &overlay, &headers, &body, Breaker::isolate)
}

/// Lets an overlay answer again, whatever its breaker saw.
pub(crate) async fn close(
    State(service): State<Arc<Service>>,
    Path(overlay): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    change(&service, &overlay, &headers, &body, Breaker::close)
}

/// Why a breaker is changed by hand, and who does it. No body says nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeRequest {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    by: String,
}

fn said(body: &[u8]) -> Result<ByHand, String> {
    let request: ChangeRequest = match body.trim_ascii() {
        [] => ChangeRequest::default(),
        body => serde_json::from_slice(body).map_err(|err| err.to_string())?,
    };
    by_hand(request.reason, request.by).map_err(str::to_owned)
}

fn change(
    service: &Service,
    overlay: &str,
    headers: &HeaderMap,
    body: &[u8],
    change: impl Fn(&Breaker),
) -> Response {
    if let Some(refusal) = against(service, headers) {
        return refusal;
    }
    let by = match said(body) {
        Ok(by) => by,
        Err(why) => return refuse(StatusCode::BAD_REQUEST, &why),
    };
    // One that somebody isolated stays when its overlay goes.
    let found = service.breaker(overlay).or_else(|| service.live.breakers().find(overlay));
    let Some(breaker) = found else { return no_overlay(overlay) };
    change(&breaker);
    service.note_breaker(overlay, &breaker, Some(&by));
    service.note_hand(overlay, &breaker, by);
    let body = json!({
        "schema": "fusion/breaker/1",
        "overlay": overlay,
        "breaker": report(&breaker, service.now_ms()),
    });
    Json(body).into_response()
}

fn report(breaker: &Breaker, now_ms: i64) -> BreakerReport {
    BreakerReport { state: breaker.state(now_ms), retry_in_ms: breaker.retry_in_ms(now_ms) }
}

fn no_overlay(name: &str) -> Response {
    let name: String = name.chars().take(64).collect();
    refuse(StatusCode::NOT_FOUND, &format!("there is no overlay `{name}`"))
}

impl Service {
    /// Remembers who isolated an overlay, and why, until its breaker is closed.
    fn note_hand(&self, overlay: &str, breaker: &Breaker, by: ByHand) {
        let mut isolated = self.isolated.lock().unwrap_or_else(PoisonError::into_inner);
        match breaker.state(self.now_ms()) {
            BreakerState::Isolated => drop(isolated.insert(overlay.to_owned(), by)),
            _ => drop(isolated.remove(overlay)),
        }
    }

    /// The breaker of an overlay that the stable configuration or the candidate has: names
    /// that callers make up get none.
    fn breaker(&self, overlay: &str) -> Option<Arc<Breaker>> {
        let snapshot = self.live.snapshot();
        let knows = |it: &Switched| {
            it.generation().installation().overlays().contains_key(overlay)
                || it.flags().snapshot().overlays().any(|it| it == overlay)
        };
        let is_known =
            knows(snapshot.stable()) || snapshot.candidate().is_some_and(|(it, _)| knows(it));
        is_known.then(|| self.live.breakers().get(overlay))
    }
}
