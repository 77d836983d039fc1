use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use fusion_flags::{Attribute, Context, Route, RouteReport, Ticket, View};
use fusion_metrics::{Outcome, catalogue};
use overlay_loader::{Arm, Generation, Snapshot};
use overlay_model::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::metrics::BASELINE;
use crate::refusal::{refuse, refuse_body};
use crate::service::Service;

/// What is known of a request for an overlay.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RouteRequest {
    scenario_type: String,
    #[serde(default)]
    confidence: Option<f64>,
    #[serde(default)]
    unit: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, Value>,
}

/// The attributes of a JSON object that a flag can look at; others are not seen.
pub(crate) fn attributes(fields: &BTreeMap<String, Value>) -> Vec<(&str, Attribute<'_>)> {
    fields.iter().filter_map(|(name, value)| Some((name.as_str(), attribute(value)?))).collect()
}

fn attribute(value: &Value) -> Option<Attribute<'_>> {
    match value {
        Value::String(text) => Some(Attribute::Text(text)),
        Value::Number(number) => number.as_f64().map(Attribute::Number),
        Value::Bool(on) => Some(Attribute::Switch(*on)),
        _ => None,
    }
}

/// Which overlays may answer, best first, and why not the others.
pub(crate) async fn route(
    State(service): State<Arc<Service>>,
    body: Result<Json<RouteRequest>, JsonRejection>,
) -> Response {
    let Json(request) = match body {
        Ok(request) => request,
        Err(rejection) => return refuse_body(&rejection),
    };
    if request.confidence.is_some_and(|it| !(0.0..=1.0).contains(&it)) {
        return refuse(StatusCode::BAD_REQUEST, "confidence is a number from 0 to 1");
    }
    let snapshot = service.live.snapshot();
    let (picked, arm) = snapshot.pick_arm(request.unit.as_deref());
    let (mut report, ticket) = choose(&service, picked.flags(), &request, service.now_ms());
    service.note_route(&report);
    report.generation = snapshot.number(arm);
    let answer = RouteAnswer {
        schema: "fusion/route/1",
        overlay: report.primary_overlay.as_deref().map(|it| overlay(picked.generation(), it)),
        report,
        arm,
        deployment: deployment(&snapshot),
        digest: picked.generation().digest(),
        epoch: snapshot.epoch(),
        permit: ticket.map(|it| it.to_string()),
    };
    Json(answer).into_response()
}

/// The deployment that is under way, or was the last.
pub(crate) fn deployment(snapshot: &Snapshot) -> Option<&str> {
    snapshot.deployment()?.deployment.as_deref()
}

fn overlay(generation: &Generation, name: &str) -> OverlayAnswer {
    let loaded = generation.installation().overlays().get(name);
    let version = loaded.and_then(|it| it.overlay.value("FUSION_OVERLAY_VERSION"));
    OverlayAnswer {
        name: name.to_owned(),
        version: version.map(str::to_owned),
        digest: generation.overlay_digest(name),
    }
}

/// The overlay that answers, as it stands in the generation that was picked.
#[derive(Serialize)]
struct OverlayAnswer {
    name: String,
    version: Option<String>,
    digest: Option<Digest>,
}

/// The `generation` of the report is that of the store, under a root of deployments.
#[derive(Serialize)]
struct RouteAnswer<'a> {
    schema: &'static str,
    #[serde(flatten)]
    report: RouteReport,
    overlay: Option<OverlayAnswer>,
    /// To be given back with the outcome of the call, while a rollout is judged by such;
    /// `fusion deploy sample --arm` takes it too.
    arm: Option<Arm>,
    deployment: Option<&'a str>,
    /// Of the whole tree that answers.
    digest: Digest,
    /// Counts up with every change and switch.
    epoch: u64,
    /// To be given back with the outcome of the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    permit: Option<String>,
}

/// How often a choice is made anew because others took the last probe of a half-open
/// breaker meanwhile.
const ATTEMPTS: usize = 16;

/// What may answer, and the permit for the first of them: a breaker that is half-open lets
/// only so many through.
fn choose(
    service: &Service,
    view: &View,
    request: &RouteRequest,
    now_ms: i64,
) -> (RouteReport, Option<Ticket>) {
    let attributes = attributes(&request.attributes);
    let context = Context {
        unit: request.unit.as_deref(),
        scenario_type: &request.scenario_type,
        confidence: request.confidence,
        attributes: &attributes,
        now_ms,
        quality: None,
    };
    let mut route = Route::default();
    for _ in 0..ATTEMPTS {
        view.route(&context, &mut route);
        let report = view.report_route(&request.scenario_type, &route);
        let primary = report.primary_overlay.as_deref();
        let Some(breaker) = primary.and_then(|it| service.live.breakers().find(it)) else {
            return (report, None);
        };
        if let Some(permit) = breaker.acquire(now_ms) {
            let ticket = permit.into_ticket();
            if let (true, Some(primary)) = (ticket.is_probe(), primary) {
                service.note_breaker(primary, &breaker, None);
            }
            return (report, Some(ticket));
        }
    }
    // Probes that come and go under every look: the baseline answers.
    route.candidates.clear();
    (view.report_route(&request.scenario_type, &route), None)
}

impl Service {
    /// Counts the overlay that was selected, and what the flags decided: for each overlay
    /// that may answer, against each that was left out; without an overlay for a flag that
    /// is off.
    fn note_route(&self, report: &RouteReport) {
        let scenario = &report.scenario_type;
        for overlay in &report.overlay_candidates {
            self.metrics.inc(catalogue::FLAG_DECISIONS, scenario, overlay, Outcome::On);
        }
        for rejected in &report.rejected {
            let overlay = rejected.overlay.as_deref().unwrap_or_default();
            self.metrics.inc(catalogue::FLAG_DECISIONS, scenario, overlay, Outcome::Off);
        }
        let (overlay, result) = match report.primary_overlay.as_deref() {
            Some(overlay) => (overlay, Outcome::Success),
            None => (BASELINE, Outcome::Fallback),
        };
        self.metrics.record_overlay_selection(scenario, overlay, result);
    }
}
