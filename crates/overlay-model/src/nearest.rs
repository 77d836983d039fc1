/// What is longer is no typing error, and would take long to compare.
const MAX_LEN: usize = 64;

/// The one of the `known` names that `name` was probably meant to be: case and `-` for `_`
/// aside, at most a third of its letters differ, and at least one may. The first of those
/// that are alike; none for a name of more than 64 letters.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let (plain, len) = (plain(name), name.chars().count());
    if len == 0 || len > MAX_LEN {
        return None;
    }
    let limit = (len / 3).max(1);
    // Each letter more or less is a difference, so most names need no comparison.
    let alike = known.into_iter().filter(|it| it.chars().count().abs_diff(len) <= limit);
    let ranked = alike.map(|it| (strsim::damerau_levenshtein(&plain, &self::plain(it)), it));
    let near = ranked.filter(|(distance, _)| *distance <= limit);
    near.min_by_key(|(distance, _)| *distance).map(|(_, it)| it)
}

fn plain(name: &str) -> String {
    name.to_lowercase().replace('-', "_")
}
