use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use overlay_loader::ByHand;
use overlay_model::Digest;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::refusal::{refuse, refuse_bytes};
use crate::service::{Service, apart};

/// Why something is done by hand, and who does it. No body says nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct HandRequest {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    by: String,
}

/// Why every overlay is off, by whom and since when.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Kill {
    pub(crate) reason: String,
    pub(crate) by: String,
    /// Milliseconds since 1970.
    at_ms: i64,
}

/// Switches every overlay off, at once and without reading a file.
pub(crate) async fn kill(
    State(service): State<Arc<Service>>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    match by_hand(body) {
        Ok(by) if by.reason.is_empty() => {
            let why = "a switch needs a reason: send {\"reason\": \"…\"}";
            refuse(StatusCode::BAD_REQUEST, why)
        }
        Ok(by) => apart(service, |it| throw(it, by)).await,
        Err(refusal) => *refusal,
    }
}

/// Takes the switch of the API back. Other sources may still hold one.
pub(crate) async fn revive(State(service): State<Arc<Service>>) -> Response {
    apart(service, take_back).await
}

/// The most characters of what a person says.
const MAX_WORDS: usize = 500;

/// Who does something by hand, and why, in words that fit in one line of a log; else the
/// answer to a body that says neither. Its header does not matter.
pub(crate) fn by_hand(body: Result<Bytes, BytesRejection>) -> Result<ByHand, Box<Response>> {
    let body = body.map_err(|rejection| refuse_bytes(&rejection))?;
    let refused = |why: &str| Box::new(refuse(StatusCode::BAD_REQUEST, why));
    let HandRequest { reason, by } = match body.trim_ascii() {
        [] => HandRequest::default(),
        body => serde_json::from_slice(body).map_err(|err| refused(&err.to_string()))?,
    };
    let is_line = |it: &str| !it.contains(char::is_control) && it.chars().count() <= MAX_WORDS;
    match is_line(&reason) && is_line(&by) {
        true => Ok(ByHand { reason: reason.trim().to_owned(), by: by.trim().to_owned() }),
        false => Err(refused("reason and by are one line each, of at most 500 characters")),
    }
}

fn throw(service: &Service, by: ByHand) -> Response {
    // Held over both, so that the reason is always that of the switch in force.
    let mut kill = service.kill();
    service.live.throw(by.clone());
    *kill = Some(Kill { reason: by.reason, by: by.by, at_ms: service.now_ms() });
    answer(service, kill.as_ref())
}

fn take_back(service: &Service) -> Response {
    let mut kill = service.kill();
    service.live.take_back();
    *kill = None;
    answer(service, None)
}

fn answer(service: &Service, kill: Option<&Kill>) -> Response {
    let status = service.note_configuration();
    let body = json!({
        "schema": "fusion/kill/1",
        "emergency": status.emergency,
        "epoch": status.epoch,
        "held_by": status.held_by,
        "kill": kill,
    });
    Json(body).into_response()
}

/// Lets those through who may switch.
pub(crate) async fn admitted(
    State(service): State<Arc<Service>>,
    request: Request,
    next: Next,
) -> Response {
    match against(&service, request.headers()) {
        Some(refusal) => refusal,
        None => next.run(request).await,
    }
}

/// The refusal for a caller who may not switch.
fn against(service: &Service, headers: &HeaderMap) -> Option<Response> {
    let Some(token) = service.admin else {
        return Some(refuse(StatusCode::FORBIDDEN, "the service has no admin token"));
    };
    let given = headers.get(AUTHORIZATION).and_then(|it| it.to_str().ok());
    let given = given.and_then(|it| it.split_once(' '));
    let given = given.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    // Digests are compared, so that the time says nothing about the token.
    let is_admin = given.is_some_and(|(_, it)| Digest::of(it.trim().as_bytes()) == token);
    let why = "the bearer token is missing or wrong";
    (!is_admin).then(|| refuse(StatusCode::UNAUTHORIZED, why))
}
