use axum::Json;
use axum::extract::rejection::{BytesRejection, JsonRejection};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::service::MAX_BODY;

/// An answer that says why there is no other.
pub(crate) fn refuse(code: StatusCode, why: &str) -> Response {
    (code, Json(json!({ "schema": "fusion/error/1", "error": why }))).into_response()
}

/// The answer to a body that cannot be read.
pub(crate) fn refuse_body(rejection: &JsonRejection) -> Response {
    refuse(status(rejection), &why(rejection))
}

/// The answer to a body that did not come.
pub(crate) fn refuse_bytes(rejection: &BytesRejection) -> Response {
    let code = rejection.status();
    refuse(code, &said(code, rejection.body_text()))
}

/// The answer to a name in the path that is none.
pub(crate) fn refuse_name() -> Response {
    refuse(StatusCode::BAD_REQUEST, NO_TEXT)
}

/// Why a name in the path is none.
pub(crate) const NO_TEXT: &str = "the path is no UTF-8";

/// Why a body cannot be read.
pub(crate) fn why(rejection: &JsonRejection) -> String {
    said(rejection.status(), rejection.body_text())
}

fn said(code: StatusCode, text: String) -> String {
    match code {
        StatusCode::PAYLOAD_TOO_LARGE => format!("a body has at most {MAX_BODY} bytes"),
        _ => text,
    }
}

/// 413 for too many bytes, 415 for what is not said to be JSON, else 400: also where the
/// JSON is right and its fields are not.
pub(crate) fn status(rejection: &JsonRejection) -> StatusCode {
    match rejection.status() {
        code @ (StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNSUPPORTED_MEDIA_TYPE) => code,
        _ => StatusCode::BAD_REQUEST,
    }
}
