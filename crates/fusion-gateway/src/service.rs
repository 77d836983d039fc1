use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{get, post};
use fusion_flags::BreakerState;
use fusion_metrics::FusionMetrics;
use overlay_doctor::Thresholds;
use overlay_loader::{ByHand, Clock, Live};
use overlay_model::Digest;
use overlay_sqlite::Sample;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::admin::{Kill, admitted};
use crate::connections::{Connections, most_connections};
use crate::health::Load;
use crate::metrics::Noted;
use crate::patience::{PATIENCE, Patient, in_time};
use crate::refusal::refuse;
use crate::{admin, health, metrics, ofrep, outcome, route};

/// The most bytes a request body has.
pub(crate) const MAX_BODY: usize = 64 << 10;

/// How long requests that run may take to end after the service was told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// A configuration in force and the metrics of this process.
pub struct Service {
    pub(crate) live: Live,
    pub(crate) metrics: FusionMetrics,
    /// Whether `/metrics` shows them.
    pub(crate) has_page: bool,
    pub(crate) clock: Clock,
    /// Who may switch: the digest of the token, or nobody.
    pub(crate) admin: Option<Digest>,
    /// The switch that was thrown through the API, while it holds.
    pub(crate) kill: Mutex<Option<Kill>>,
    /// What the metrics were told last.
    pub(crate) noted: Mutex<Noted>,
    /// How the breakers stood when the metrics were told last, and whether the share of open
    /// ones held them closed.
    pub(crate) breakers: Mutex<BTreeMap<String, (BreakerState, bool)>>,
    /// Who isolated an overlay by hand, and why.
    pub(crate) isolated: Mutex<BTreeMap<String, ByHand>>,
    /// The requests in flight, and what the health is judged by.
    pub(crate) load: Load,
    /// How long a request may take from its head to its answer.
    pub(crate) patience: Duration,
    /// The most connections at a time.
    pub(crate) connections: usize,
    /// Takes the calls that a rollout is judged by; whether there was room.
    pub(crate) samples: Option<KeepSample>,
}

type KeepSample = Box<dyn Fn(Sample) -> bool + Send + Sync>;

impl Service {
    /// A service on `live`. The switch answers 403 until there is an admin token.
    pub fn new(live: Live, metrics: FusionMetrics, clock: Clock) -> Self {
        let service = Self {
            live,
            metrics,
            has_page: true,
            clock,
            admin: None,
            kill: Mutex::default(),
            noted: Mutex::default(),
            breakers: Mutex::default(),
            isolated: Mutex::default(),
            load: Load::default(),
            patience: PATIENCE,
            connections: most_connections(),
            samples: None,
        };
        service.note_configuration();
        service
    }

    /// The same service, whose switch is for those who have `token`; blanks around it do
    /// not count, and an empty one is for nobody.
    #[must_use]
    pub fn with_admin_token(mut self, token: &str) -> Self {
        let token = token.trim();
        self.admin = (!token.is_empty()).then(|| Digest::of(token.as_bytes()));
        self
    }

    /// The same service, whose health is judged by `thresholds` and by the share of a pool
    /// of so many requests; else by the defaults and by 100.
    #[must_use]
    pub fn with_health(mut self, pool: u64, thresholds: Thresholds) -> Self {
        self.load = Load::new(pool, thresholds);
        self
    }

    /// The same service, whose metrics nobody can ask for: `/metrics` answers 404.
    #[must_use]
    pub fn without_metrics_page(mut self) -> Self {
        self.has_page = false;
        self
    }

    /// The same service, which gives a request so long from the end of its head to its
    /// answer (408 then), and twice as long from its first byte (the connection ends); else
    /// ten seconds.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The same service, which takes at most so many connections at a time; others wait. Else
    /// as many as leave the process file handles for what it reads and writes.
    #[must_use]
    pub fn with_connections(mut self, most: usize) -> Self {
        self.connections = most;
        self
    }

    /// The same service, which gives the calls of a rollout that it is told of to `keep`:
    /// that waits for nothing, and says whether it had room.
    #[must_use]
    pub fn with_samples(mut self, keep: impl Fn(Sample) -> bool + Send + Sync + 'static) -> Self {
        self.samples = Some(Box::new(keep));
        self
    }

    /// The configuration.
    pub fn live(&self) -> &Live {
        &self.live
    }

    /// The metrics.
    pub fn metrics(&self) -> &FusionMetrics {
        &self.metrics
    }

    /// What the switch of the API was thrown with, while it holds.
    pub fn killed_by(&self) -> Option<ByHand> {
        let kill = self.kill();
        kill.as_ref().map(|it| ByHand { reason: it.reason.clone(), by: it.by.clone() })
    }

    pub(crate) fn now_ms(&self) -> i64 {
        (self.clock)()
    }

    pub(crate) fn kill(&self) -> MutexGuard<'_, Option<Kill>> {
        self.kill.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers off the threads that serve requests: what asks for the state of the
/// configuration waits while a change is read, and a slow disk must not stop routes.
pub(crate) async fn apart(
    service: Arc<Service>,
    answer: impl FnOnce(&Service) -> Response + Send + 'static,
) -> Response {
    let answer = tokio::task::spawn_blocking(move || answer(&service)).await;
    answer.unwrap_or_else(|err| refuse(StatusCode::INTERNAL_SERVER_ERROR, &err.to_string()))
}

/// The paths of `service`.
pub fn router(service: Arc<Service>) -> Router {
    let switches = Router::new()
        .route("/admin/v1/kill", post(admin::kill).delete(admin::revive))
        .route("/admin/v1/breakers/{overlay}/isolate", post(outcome::isolate))
        .route("/admin/v1/breakers/{overlay}/close", post(outcome::close))
        // Before anything is read of what a stranger sends.
        .route_layer(from_fn_with_state(Arc::clone(&service), admitted));
    Router::new()
        .route("/metrics", get(metrics::metrics))
        .route("/v1/status", get(health::status))
        .route("/v1/route", post(route::route))
        .route("/v1/outcome", post(outcome::outcome))
        .route("/v1/breakers", get(outcome::breakers))
        .route("/ofrep/v1/evaluate/flags", post(ofrep::all))
        .route("/ofrep/v1/evaluate/flags/{key}", post(ofrep::one))
        .merge(switches)
        // Probes come when the pool is full too, and are no part of it.
        .route_layer(from_fn_with_state(Arc::clone(&service), health::hold))
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .route("/health", get(health::health))
        .fallback(|| async { refuse(StatusCode::NOT_FOUND, "there is no such path") })
        .method_not_allowed_fallback(|| async {
            refuse(StatusCode::METHOD_NOT_ALLOWED, "the path does not take this method")
        })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(Arc::clone(&service), in_time))
        .with_state(service)
}

/// Answers on `listener` until `stop` is done, then lets running requests end, for ten
/// seconds at most.
///
/// # Errors
///
/// Where no thread can be started for the changes of the configuration.
pub async fn serve(
    listener: TcpListener,
    service: Arc<Service>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    count_changes(&service)?;
    let (stopping, stopped) = oneshot::channel();
    let stop = async move {
        stop.await;
        // Where nobody waits any more, nobody is told.
        let _ = stopping.send(());
    };
    let patience = async {
        // The sender goes only when the server does.
        let _ = stopped.await;
        tokio::time::sleep(GRACE).await;
    };
    let connections = Connections::new(service.connections);
    let listener = Patient { listener, patience: service.patience * 2, connections };
    tokio::select! {
        done = axum::serve(listener, router(service)).with_graceful_shutdown(stop) => done,
        () = patience => Ok(()),
    }
}

/// Tells the metrics of each change as it comes into force.
fn count_changes(service: &Arc<Service>) -> std::io::Result<()> {
    let changes = service.live.subscribe();
    let watching = Arc::downgrade(service);
    let count = move || {
        // Ends with the configuration, which holds the other end.
        for _epoch in changes {
            let Some(service) = watching.upgrade() else { return };
            service.note_configuration();
        }
    };
    std::thread::Builder::new().name("fusion-changes".into()).spawn(count)?;
    Ok(())
}
