use overlay_model::Digest;
use serde::Serialize;
use serde_json::Value;

use crate::plan::{Call, RenderedRequest};

/// The key under which the answer to `call` is recorded: the SHA-256 of the canonical
/// JSON `{"request":…,"sample":n}` of the whole rendered request, provider included.
pub fn request_key(call: &Call) -> Digest {
    #[derive(Serialize)]
    struct Recorded<'a> {
        request: &'a RenderedRequest,
        sample: u32,
    }
    canonical_digest(&Recorded { request: &call.request, sample: call.sample })
}

/// What is sent to the provider: the request without the provider's name.
pub fn body(request: &RenderedRequest) -> Value {
    let mut body = to_value(request);
    if let Value::Object(fields) = &mut body {
        fields.remove("provider");
    }
    body
}

/// The digest of the JSON of `value` with the fields in the order of the type.
pub(crate) fn canonical_digest(value: &impl Serialize) -> Digest {
    let bytes = serde_json::to_vec(value)
        .unwrap_or_else(|_| unreachable!("texts and numbers are always JSON"));
    Digest::of(&bytes)
}

/// `value` as JSON; objects are sorted by name.
pub(crate) fn to_value(value: &impl Serialize) -> Value {
    serde_json::to_value(value)
        .unwrap_or_else(|_| unreachable!("texts and numbers are always JSON"))
}
