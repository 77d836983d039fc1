use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

use axum::Json;
use axum::extract::{RawQuery, Request, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use fusion_flags::BreakerState;
use overlay_doctor::{
    HealthCheck, PoolUse, Thresholds, Verdict, Vitals, answer_within, diagnose, resident_bytes,
};
use overlay_loader::{ByHand, Health, HealthStatus, Status};
use serde::Serialize;
use serde_json::{Value, json};

use crate::admin::Kill;
use crate::service::{Service, apart};

/// How many requests a service is meant to hold, where nobody says.
const POOL: u64 = 100;

/// The requests in flight, and what the health is judged by.
pub(crate) struct Load {
    active: AtomicU64,
    total: u64,
    thresholds: Thresholds,
}

impl Default for Load {
    fn default() -> Self {
        Self::new(POOL, Thresholds::default())
    }
}

impl Load {
    pub(crate) fn new(total: u64, thresholds: Thresholds) -> Self {
        Self { active: AtomicU64::new(0), total, thresholds }
    }

    fn pool(&self) -> PoolUse {
        PoolUse { active: self.active.load(Ordering::Relaxed), total: self.total }
    }
}

/// A request in flight, until it is answered or given up.
struct InFlight(Arc<Service>);

impl InFlight {
    fn new(service: Arc<Service>) -> Self {
        service.load.active.fetch_add(1, Ordering::Relaxed);
        Self(service)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.load.active.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts a request as long as it runs.
pub(crate) async fn hold(
    State(service): State<Arc<Service>>,
    request: Request,
    next: Next,
) -> Response {
    let _held = InFlight::new(service);
    next.run(request).await
}

impl Service {
    /// How the process itself is: it takes a request through what is in force.
    fn vital_health(&self) -> overlay_doctor::Health {
        let thresholds = &self.load.thresholds;
        let (snapshot, now_ms) = (Arc::clone(&self.live.snapshot()), self.now_ms());
        let answer = answer_within(thresholds.answer_within, move || diagnose(&snapshot, now_ms));
        let vitals = Vitals {
            answer: Some(answer),
            pool: Some(self.load.pool()),
            memory_bytes: resident_bytes(),
            ..Vitals::default()
        };
        overlay_doctor::health(&vitals, thresholds)
    }

    /// How the breakers of the overlays are. One that lets nothing through is no failure: the
    /// others answer.
    pub(crate) fn breaker_health(&self) -> Health {
        let now = self.now_ms();
        let isolated = self.isolated.lock().unwrap_or_else(PoisonError::into_inner);
        let all = self.live.breakers().all();
        let reasons = all.iter().filter_map(|(name, breaker)| match breaker.state(now) {
            BreakerState::Closed => breaker
                .is_held_closed()
                .then(|| format!("{name} fails, and max_open_share holds its breaker closed")),
            BreakerState::HalfOpen => Some(format!("the breaker of {name} is half-open")),
            BreakerState::Open => {
                // Up to the next second, so that it is never 0 s.
                let left = breaker.retry_in_ms(now).unwrap_or(0).max(0).saturating_add(999) / 1000;
                Some(format!("the breaker of {name} is open: no probe for {left} s"))
            }
            BreakerState::Isolated => {
                let by = isolated.get(name).map(ByHand::to_string).unwrap_or_default();
                Some(format!("{name} is isolated by hand{by}"))
            }
        });
        let reasons: Vec<String> = reasons.collect();
        let is_degraded = !reasons.is_empty();
        let status = if is_degraded { HealthStatus::Degraded } else { HealthStatus::Healthy };
        Health { status, reasons }
    }
}

/// The verdict on the process, as one of the configuration.
fn status_of(verdict: Verdict) -> HealthStatus {
    match verdict {
        Verdict::Healthy => HealthStatus::Healthy,
        Verdict::Degraded => HealthStatus::Degraded,
        Verdict::Unhealthy => HealthStatus::Unhealthy,
    }
}

/// Only that the process answers: no dependency can make it restart.
pub(crate) async fn livez() -> &'static str {
    "ok\n"
}

/// Whether traffic may come: a configuration that was asked for is in force.
pub(crate) async fn readyz(
    State(service): State<Arc<Service>>,
    RawQuery(query): RawQuery,
) -> Response {
    let mut names = query.iter().flat_map(|it| it.split('&')).map(|it| it.split('=').next());
    let is_verbose = names.any(|it| it == Some("verbose"));
    apart(service, move |service| {
        let health = service.live.health();
        let (_, code) = verdict(health.status);
        let is_ready = code == StatusCode::OK;
        let text = match (is_verbose, is_ready) {
            (true, _) => {
                let breakers = service.breaker_health();
                check_lines("configuration", &health) + &check_lines("breakers", &breakers)
            }
            (false, true) => "ok\n".to_owned(),
            (false, false) => "not ready\n".to_owned(),
        };
        (code, text).into_response()
    })
    .await
}

/// One line a check, in the manner of Kubernetes, with the reasons below it.
fn check_lines(name: &str, health: &Health) -> String {
    let (mark, word) = match health.status {
        HealthStatus::Healthy => ("[+]", "ok"),
        HealthStatus::Degraded => ("[+]", "degraded"),
        HealthStatus::Unhealthy => ("[-]", "failed"),
    };
    let mut text = format!("{mark}{name} {word}\n");
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

/// `application/health+json`, draft-inadarei-api-health-check-06: `pass`, `warn`, `fail`. What
/// there is no data for is `unknown`, and counts for nothing.
pub(crate) async fn health(State(service): State<Arc<Service>>) -> Response {
    apart(service, |service| {
        let status = service.live.status();
        let health = status.health();
        let of_breakers = service.breaker_health();
        let vital = service.vital_health();
        let worst = health.status.max(of_breakers.status).max(status_of(vital.status));
        let (word, code) = verdict(worst);
        let mut reasons = health.reasons.clone();
        reasons.extend(of_breakers.reasons.iter().cloned());
        if vital.status != Verdict::Healthy {
            reasons.push(vital.message);
        }
        let [system, database, memory] = &vital.checks;
        let body = json!({
            "status": word,
            "version": env!("CARGO_PKG_VERSION"),
            "serviceId": "fusion",
            "output": reasons.join("; "),
            "data": vital.data,
            "unknown": vital.unknown,
            "checks": {
                system.name: [check(system)],
                database.name: [check(database)],
                memory.name: [check(memory)],
                "overlay:configuration": [configuration(&status, &health)],
                "overlay:switch": [switch(&status, service.kill().as_ref())],
                "overlay:breakers": [{
                    "status": verdict(of_breakers.status).0,
                    "componentType": "component",
                    "observedValue": breakers(service),
                    "output": of_breakers.reasons.join("; "),
                }],
            },
        });
        let headers = [(CONTENT_TYPE, "application/health+json"), (CACHE_CONTROL, "no-store")];
        (code, headers, body.to_string()).into_response()
    })
    .await
}

fn check(it: &HealthCheck) -> Value {
    json!({ "status": it.status, "componentType": "system", "output": it.message })
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
    /// The number of the stable one, as routes give it.
    generation: u64,
    #[serde(flatten)]
    status: Status,
    /// The switch of the API, where it holds one.
    kill: Option<Kill>,
}

pub(crate) async fn status(State(service): State<Arc<Service>>) -> Response {
    apart(service, |service| {
        let kill = service.kill().clone();
        let status = service.live.status();
        let generation = service.live.snapshot().number(None);
        let schema = "fusion/status/1";
        Json(StatusReport { schema, generation, status, kill }).into_response()
    })
    .await
}
