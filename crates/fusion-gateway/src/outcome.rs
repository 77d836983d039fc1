//! What came of the calls that routes led to: the breakers' only source.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, JsonRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use fusion_flags::{Breaker, BreakerState, Permit, Ticket};
use fusion_metrics::{Outcome, catalogue};
use overlay_loader::{ByHand, Deployment, Switched};
use overlay_sqlite::{Arm, Sample};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::admin::by_hand;
use crate::metrics::BASELINE;
use crate::refusal::{refuse, refuse_body, refuse_name};
use crate::route::deployment;
use crate::service::Service;

/// How a call that an overlay answered has ended.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutcomeRequest {
    overlay: String,
    result: CallResult,
    /// How long it took, where that is known.
    #[serde(default)]
    duration_ms: Option<u64>,
    /// The kind of work, as the route was asked for it.
    #[serde(default)]
    scenario_type: Option<String>,
    /// What the route gave for it.
    #[serde(default)]
    permit: Option<String>,
    /// Which generation answered, as the route said it while a candidate was on trial.
    #[serde(default)]
    arm: Option<Arm>,
    /// In which deployment, as the route said it.
    #[serde(default)]
    deployment: Option<String>,
    /// How many tokens the answer has, where that is known.
    #[serde(default)]
    tokens: Option<u64>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CallResult {
    Ok,
    Failed,
    /// It worked and took longer than anybody waits.
    Slow,
}

impl From<CallResult> for Outcome {
    fn from(result: CallResult) -> Self {
        match result {
            CallResult::Ok => Self::Success,
            CallResult::Failed => Self::Error,
            CallResult::Slow => Self::Timeout,
        }
    }
}

/// A breaker as it stands.
#[derive(Debug, Serialize)]
struct BreakerReport {
    state: BreakerState,
    /// Until probes are let through.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_in_ms: Option<i64>,
    /// What keeps it closed though its calls would have opened it.
    #[serde(skip_serializing_if = "Option::is_none")]
    held_closed_by: Option<&'static str>,
}

/// Tells the breaker of an overlay, and the metrics, how a call has ended.
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
    let told = match service.named(&request.overlay) {
        Named::Nothing => return no_overlay(&request.overlay),
        Named::Baseline => Told { why: Some(NO_BREAKER.to_owned()), breaker: None },
        Named::Overlay(breaker) => service.tell(&breaker, ticket, &request),
    };
    service.note_call(&request);
    let sample = service.sample(&request);
    let answer = OutcomeAnswer {
        schema: "fusion/outcome/1",
        overlay: request.overlay,
        counted: told.why.is_none(),
        why: told.why,
        breaker: told.breaker,
        sampled: sample.as_ref().map(Result::is_ok),
        not_sampled: sample.and_then(Result::err),
    };
    Json(answer).into_response()
}

/// Why nothing opens or isolates the baseline.
const NO_BREAKER: &str =
    "the baseline has no breaker: it answers where no overlay does, and nothing is behind it";

/// What a breaker made of a result.
struct Told {
    /// Why it did not count, where that is so.
    why: Option<String>,
    breaker: Option<BreakerReport>,
}

impl Service {
    fn tell(&self, breaker: &Breaker, ticket: Option<Ticket>, request: &OutcomeRequest) -> Told {
        let now = self.now_ms();
        let stood = breaker.state(now);
        let permit = permit(breaker, ticket, now);
        let why = permit.is_none().then(|| uncounted(ticket, stood));
        let elapsed = Duration::from_millis(request.duration_ms.unwrap_or_default());
        match (permit, request.result) {
            (None, _) => (),
            (Some(permit), CallResult::Ok) => permit.success(now, elapsed),
            (Some(permit), CallResult::Slow) => permit.success(now, Duration::MAX),
            (Some(permit), CallResult::Failed) => permit.failure(now),
        }
        self.note_breaker(&request.overlay, breaker, None);
        Told { why, breaker: Some(report(breaker, now)) }
    }

    /// Counts the call, whatever the breaker made of it, and its time where one was told.
    fn note_call(&self, request: &OutcomeRequest) {
        let OutcomeRequest { overlay, scenario_type, .. } = request;
        let scenario = scenario_type.as_deref().unwrap_or_default();
        let result = request.result.into();
        match request.duration_ms {
            None => self.metrics.inc(catalogue::EXECUTION_REQUESTS, scenario, overlay, result),
            Some(ms) => {
                #[expect(clippy::cast_precision_loss, reason = "no call takes 2^53 ms")]
                let ms = ms as f64;
                self.metrics.record_fusion_latency(ms, scenario, overlay, result);
            }
        }
    }

    /// Hands the call to who judges the rollout, where its arm was told; else why not.
    fn sample(&self, request: &OutcomeRequest) -> Option<Result<(), &'static str>> {
        let arm = request.arm?;
        let snapshot = self.live.snapshot();
        let is_watched = snapshot.deployment().is_some_and(Deployment::is_watched);
        let is_on_trial = is_watched || snapshot.candidate().is_some();
        let on_trial = deployment(&snapshot).filter(|_| is_on_trial);
        Some(match (&self.samples, on_trial, request.duration_ms) {
            (None, ..) => Err("this service keeps no samples"),
            (_, None, _) => Err("no candidate is on trial"),
            (_, Some(under_way), _) if request.deployment.as_deref() != Some(under_way) => {
                Err("it is not of the deployment under way")
            }
            _ if is_watched && arm == Arm::Control => {
                Err("it was answered before the candidate became everybody's")
            }
            (.., None) => Err("a sample has a `duration_ms`"),
            (Some(keep), Some(under_way), Some(ms)) => {
                let sample = Sample {
                    deployment: under_way.to_owned(),
                    arm,
                    result: Outcome::from(request.result).as_str().to_owned(),
                    duration_us: ms.saturating_mul(1_000),
                    tokens: request.tokens,
                    at_us: self.now_ms().saturating_mul(1_000),
                };
                if keep(sample) { Ok(()) } else { Err("too many samples wait to be written") }
            }
        })
    }
}

#[derive(Debug, Serialize)]
struct OutcomeAnswer {
    schema: &'static str,
    overlay: String,
    counted: bool,
    /// Why it was not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// None for the baseline, which has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    breaker: Option<BreakerReport>,
    /// Whether the rollout under way is judged by it too; only where an arm was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    sampled: Option<bool>,
    /// Why it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_sampled: Option<&'static str>,
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
    overlay: Result<Path<String>, PathRejection>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    change(&service, overlay, body, Breaker::isolate)
}

/// Lets an overlay answer again, whatever its breaker saw.
pub(crate) async fn close(
    State(service): State<Arc<Service>>,
    overlay: Result<Path<String>, PathRejection>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    change(&service, overlay, body, Breaker::close)
}

fn change(
    service: &Service,
    overlay: Result<Path<String>, PathRejection>,
    body: Result<Bytes, BytesRejection>,
    change: impl Fn(&Breaker),
) -> Response {
    let Ok(Path(overlay)) = overlay else { return refuse_name() };
    let by = match by_hand(body) {
        Ok(by) => by,
        Err(refusal) => return *refusal,
    };
    let overlay = overlay.as_str();
    let named = service.named(overlay);
    let is_baseline = matches!(named, Named::Baseline);
    // One that somebody isolated stays when its overlay goes, or is offered no more.
    let found = match named {
        Named::Overlay(breaker) => Some(breaker),
        Named::Baseline | Named::Nothing => service.live.breakers().find(overlay),
    };
    let breaker = match found {
        Some(breaker) => breaker,
        None if is_baseline => return refuse(StatusCode::CONFLICT, NO_BREAKER),
        None => return no_overlay(overlay),
    };
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
    BreakerReport {
        state: breaker.state(now_ms),
        retry_in_ms: breaker.retry_in_ms(now_ms),
        held_closed_by: breaker.is_held_closed().then_some("max_open_share"),
    }
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

    /// What the stable configuration or the candidate has by this name: names that callers
    /// make up get no breaker.
    fn named(&self, name: &str) -> Named {
        let snapshot = self.live.snapshot();
        let both = [Some(snapshot.stable()), snapshot.candidate().map(|(it, _)| it)];
        let mut both = both.into_iter().flatten();
        let is_offered = |it: &Switched| it.flags().snapshot().overlays().any(|it| it == name);
        let is_there = |it: &Switched| it.generation().installation().overlays().contains_key(name);
        // Where a flag offers it, it is an overlay like any other.
        if both.clone().any(is_offered) || name != BASELINE && both.any(is_there) {
            return Named::Overlay(self.live.breakers().get(name));
        }
        if name == BASELINE { Named::Baseline } else { Named::Nothing }
    }
}

/// What a name of a caller is.
enum Named {
    Overlay(Arc<Breaker>),
    /// What answers where no overlay does.
    Baseline,
    Nothing,
}
