use crate::params::{MODEL_PARAMS, PARAMS};

/// What is longer is no typing error of ours, and would take long to compare.
const MAX_LEN: usize = 64;

/// The candidate most like `text`, where one is alike: case and `-` for `_` aside, at most
/// a third of the letters differ.
pub(crate) fn nearest<'a>(
    text: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    if text.is_empty() || text.len() > MAX_LEN {
        return None;
    }
    let plain = plain(text);
    let limit = (plain.len() / 3).max(1);
    // Each letter more or less is a difference, so most candidates need no comparison.
    let alike = candidates.into_iter().filter(|it| it.len().abs_diff(text.len()) <= limit);
    let ranked = alike.filter_map(|it| {
        let distance = strsim::damerau_levenshtein(&plain, &self::plain(it));
        (distance <= limit).then_some((distance, it))
    });
    ranked.min_by_key(|(distance, _)| *distance).map(|(_, it)| it)
}

fn plain(text: &str) -> String {
    text.to_ascii_uppercase().replace('-', "_")
}

/// The parameter name most like `key`; for a key of one model, with the model as it is.
pub(crate) fn nearest_key(key: &str) -> Option<String> {
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
