use overlay_model::nearest;

use crate::params::{MODEL_PARAMS, PARAMS};

/// The parameter name that `key` was probably meant to be; for a key of one model, with the
/// model as it is.
pub fn nearest_key(key: &str) -> Option<String> {
    if let Some(known) = nearest(key, PARAMS.iter().map(|it| it.key)) {
        return Some(known.to_owned());
    }
    MODEL_PARAMS.iter().find_map(|param| {
        let words = param.key.matches('_').count();
        let (at, _) = key.rmatch_indices('_').nth(words - 1)?;
        let (model, tail) = key.split_at_checked(at).filter(|(model, _)| !model.is_empty())?;
        nearest(tail, [param.key]).map(|known| format!("{model}{known}"))
    })
}
