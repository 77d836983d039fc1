use std::sync::{Arc, PoisonError};

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use fusion_flags::BreakerState;
use fusion_metrics::{Known, Outcome, catalogue, negotiate};
use overlay_loader::{HealthStatus, Installation, Status};
use overlay_model::OverlayName;

use crate::service::{Service, apart};

/// What the metrics were told of the configuration.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    accepted: u64,
    epoch: u64,
    nacks: u64,
}

/// The exposition, in the format that `Accept` asks for. Without a request or a change in
/// between, two are the same bytes.
pub(crate) async fn metrics(State(service): State<Arc<Service>>, headers: HeaderMap) -> Response {
    let format = negotiate(headers.get(ACCEPT).and_then(|it| it.to_str().ok()));
    apart(service, move |service| {
        service.note_configuration();
        service.note_breakers();
        ([(CONTENT_TYPE, format.content_type())], service.metrics.render(format)).into_response()
    })
    .await
}

impl Service {
    /// Tells the metrics what is in force, and counts what was offered since the last time.
    pub(crate) fn note_configuration(&self) -> Status {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let status = self.live.status();
        if noted.epoch != status.epoch {
            noted.epoch = status.epoch;
            self.note_names();
        }
        let accepted = status.accepted.saturating_sub(noted.accepted);
        self.metrics.add(catalogue::CONFIG_RELOADS, accepted, "", "", Outcome::Success);
        noted.accepted = status.accepted;
        let refused = status.nacks.saturating_sub(noted.nacks);
        self.metrics.add(catalogue::CONFIG_RELOADS, refused, "", "", Outcome::Rejected);
        noted.nacks = status.nacks;
        self.note_state(&status);
        status
    }

    fn note_state(&self, status: &Status) {
        let set = |metric, value| self.metrics.set(metric, value, "", "");
        #[expect(clippy::cast_precision_loss, reason = "epochs and seconds stay far below 2^53")]
        let (epoch, applied) = (status.epoch as f64, (status.applied_at_ms / 1000) as f64);
        set(catalogue::CONFIG_GENERATION, epoch);
        set(catalogue::CONFIG_LAST_RELOAD, applied);
        set(catalogue::EMERGENCY_ACTIVE, f64::from(status.emergency));
        set(catalogue::SYSTEM_HEALTH, gauge(status.health().status));
    }

    /// The names that come before strangers, and the versions that run.
    fn note_names(&self) {
        let snapshot = self.live.snapshot();
        let installation = snapshot.stable().generation().installation();
        let overlays = installation.overlays();
        let names = overlays.keys().map(OverlayName::as_str).chain([BASELINE]);
        self.metrics.set_known(Known::only(scenario_types(installation), names));
        let version = env!("CARGO_PKG_VERSION");
        self.metrics.set_info(catalogue::BUILD_INFO, &[&[version, ""]]);
        let lines: Vec<[String; 3]> = overlays
            .iter()
            .map(|(name, it)| {
                let version = it.overlay.value("FUSION_OVERLAY_VERSION").unwrap_or_default();
                let digest = overlay_schema::digest(&it.overlay).short();
                [name.to_string(), version.to_owned(), digest]
            })
            .collect();
        let lines: Vec<[&str; 3]> = lines.iter().map(|it| it.each_ref().map(|it| &**it)).collect();
        let lines: Vec<&[&str]> = lines.iter().map(|it| it.as_slice()).collect();
        self.metrics.set_info(catalogue::OVERLAY_INFO, &lines);
    }

    fn note_breakers(&self) {
        let now = self.now_ms();
        let snapshot = self.live.snapshot();
        let known = snapshot.stable().generation().installation().overlays();
        // A breaker outlives the overlay it was for; its series does not.
        let is_known =
            |name: &str| name.parse().is_ok_and(|it| known.contains_key::<OverlayName>(&it));
        let breakers = self.live.breakers().all();
        for (name, breaker) in breakers.into_iter().filter(|(name, _)| is_known(name)) {
            let state = match breaker.state(now) {
                BreakerState::Closed => 0.0,
                BreakerState::HalfOpen => 1.0,
                BreakerState::Open | BreakerState::Isolated => 2.0,
            };
            self.metrics.set(catalogue::BREAKER_STATE, state, "", &name);
        }
    }
}

/// The label of a request that no overlay answers.
pub(crate) const BASELINE: &str = "baseline";

/// The kinds of work that the scenario catalogue or a flag names.
fn scenario_types(installation: &Installation) -> impl Iterator<Item = &str> {
    let of_flags = installation.flag_file().into_iter().flat_map(|it| &it.features.0);
    let of_flags = of_flags.flat_map(|(_, it)| &it.conditions.scenario_types);
    let of_catalogue = installation.catalogue().scenarios.iter().map(|it| it.kind());
    of_catalogue.chain(of_flags.map(String::as_str))
}

/// The value of the health gauge.
fn gauge(status: HealthStatus) -> f64 {
    match status {
        HealthStatus::Healthy => 1.0,
        HealthStatus::Degraded => 0.5,
        HealthStatus::Unhealthy => 0.0,
    }
}
