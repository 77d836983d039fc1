/// What is longer is no typing error of ours, and would take long to compare.
const MAX_LEN: usize = 96;

/// The known name most like `name`, where at most a third of its letters differ.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.is_empty() || name.len() > MAX_LEN {
        return None;
    }
    let limit = (name.len() / 3).max(1);
    let ranked = known.into_iter().map(|it| (strsim::damerau_levenshtein(name, it), it));
    ranked.filter(|(distance, _)| *distance <= limit).min().map(|(_, it)| it)
}
