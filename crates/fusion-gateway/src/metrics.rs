use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use fusion_flags::{Breaker, BreakerState};
use fusion_metrics::{Known, Outcome, catalogue, negotiate};
use overlay_loader::{ByHand, Event, HealthStatus, Installation, Snapshot, Status};
use overlay_model::OverlayName;

use crate::refusal::refuse;
use crate::service::{Service, apart};

/// What the metrics were told of the configuration.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    accepted: u64,
    epoch: u64,
    nacks: u64,
    unreadable: u64,
}

/// The exposition, in the format that `Accept` asks for. Without a request or a change in
/// between, two are the same bytes but for the time that the one before took, a series that
/// the first does not have. 404 where the service has no such page.
pub(crate) async fn metrics(State(service): State<Arc<Service>>, headers: HeaderMap) -> Response {
    if !service.has_page {
        return refuse(StatusCode::NOT_FOUND, "metrics are not served here");
    }
    let format = negotiate(headers.get(ACCEPT).and_then(|it| it.to_str().ok()));
    apart(service, move |service| {
        let begun = Instant::now();
        service.note_configuration();
        service.note_breakers();
        let page = service.metrics.render(format);
        service.metrics.observe_scrape(begun.elapsed().as_secs_f64());
        ([(CONTENT_TYPE, format.content_type())], page).into_response()
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
        let unreadable = status.unreadable.saturating_sub(noted.unreadable);
        self.metrics.add(catalogue::CONFIG_RELOADS, unreadable, "", "", Outcome::Error);
        let refused = status.nacks.saturating_sub(noted.nacks).saturating_sub(unreadable);
        self.metrics.add(catalogue::CONFIG_RELOADS, refused, "", "", Outcome::Rejected);
        (noted.nacks, noted.unreadable) = (status.nacks, status.unreadable);
        self.note_state(&status);
        status
    }

    fn note_state(&self, status: &Status) {
        let set = |metric, value| self.metrics.set(metric, value, "", "");
        let number = self.live.snapshot().number(None);
        #[expect(clippy::cast_precision_loss, reason = "numbers and seconds stay far below 2^53")]
        let [number, epoch, applied] =
            [number as f64, status.epoch as f64, (status.applied_at_ms / 1000) as f64];
        set(catalogue::CONFIG_EPOCH, epoch);
        set(catalogue::CONFIG_GENERATION, number);
        set(catalogue::CONFIG_LAST_RELOAD, applied);
        set(catalogue::EMERGENCY_ACTIVE, f64::from(status.emergency));
        let health = status.health().status.max(self.breaker_health().status);
        set(catalogue::SYSTEM_HEALTH, gauge(health));
    }

    /// The names that come before strangers, and the versions that run: those of the stable
    /// configuration and of the candidate.
    fn note_names(&self) {
        let snapshot = self.live.snapshot();
        let names = installations(&snapshot).flat_map(|it| it.overlays().keys());
        let names = names.map(OverlayName::as_str).chain([BASELINE]);
        let types = installations(&snapshot).flat_map(scenario_types);
        self.metrics.set_known(Known::only(types, names));
        self.metrics.set_info(catalogue::BUILD_INFO, &[&[env!("CARGO_PKG_VERSION")]]);
        let overlays = installations(&snapshot).flat_map(|it| it.overlays());
        // Each once, where both have the same.
        let lines: BTreeSet<[String; 3]> = overlays
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
        let snapshot = self.live.snapshot();
        // One that somebody isolated outlives the overlay it was for; its series does not.
        let is_known =
            |name: &str| installations(&snapshot).any(|it| it.overlays().contains_key(name));
        for (name, breaker) in self.live.breakers().all() {
            if is_known(&name) {
                self.note_breaker(&name, &breaker, None);
            }
        }
    }

    /// Tells metrics and log how a breaker stands, where that changed since the last time or
    /// somebody did something `by` hand.
    pub(crate) fn note_breaker(&self, name: &str, breaker: &Breaker, by: Option<&ByHand>) {
        let mut seen = self.breakers.lock().unwrap_or_else(PoisonError::into_inner);
        // Asked under the lock, so that no older state comes last.
        let state = breaker.state(self.now_ms());
        let is_held = breaker.is_held_closed();
        let before = seen.insert(name.to_owned(), (state, is_held));
        let (before, was_held) = before.unwrap_or((BreakerState::Closed, false));
        let (value, event) = match state {
            BreakerState::Closed => (0.0, Outcome::Closed),
            BreakerState::HalfOpen => (1.0, Outcome::HalfOpen),
            BreakerState::Open => (2.0, Outcome::Open),
            BreakerState::Isolated => (2.0, Outcome::Isolated),
        };
        if before != state {
            self.metrics.inc(catalogue::BREAKER_EVENT, "", name, event);
        }
        if before != state || by.is_some() {
            let by = by.cloned();
            self.live.tell(Event::Breaker { overlay: name.to_owned(), state, by });
        }
        if is_held && !was_held {
            self.live.tell(Event::HeldClosed { overlay: name.to_owned() });
        }
        self.metrics.set(catalogue::BREAKER_STATE, value, "", name);
    }
}

/// The stable installation, and that of the candidate.
fn installations(snapshot: &Snapshot) -> impl Iterator<Item = &Installation> {
    let both = [Some(snapshot.stable()), snapshot.candidate().map(|(it, _)| it)];
    both.into_iter().flatten().map(|it| it.generation().installation())
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
