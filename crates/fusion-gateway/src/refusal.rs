use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// An answer that says why there is no other.
pub(crate) fn refuse(code: StatusCode, why: &str) -> Response {
    (code, Json(json!({ "schema": "fusion/error/1", "error": why }))).into_response()
}

/// The answer to a body that cannot be read.
pub(crate) fn refuse_body(rejection: &JsonRejection) -> Response {
    refuse(status(rejection), &rejection.body_text())
}

/// 413 for too many bytes, 415 for what is not said to be JSON, else 400: also where the
/// JSON is right and its fields are not.
pub(crate) fn status(rejection: &JsonRejection) -> StatusCode {
    match rejection.status() {
        code @ (StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNSUPPORTED_MEDIA_TYPE) => code,
        _ => StatusCode::BAD_REQUEST,
    }
}
