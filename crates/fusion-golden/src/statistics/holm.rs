use std::collections::BTreeMap;

use super::alpha::Alpha;

/// Judges `count` claims as one family: the probability that any of them is wrong is at most
/// `family`, however they hang together. `judge` is given the place of a claim and its
/// level, and says what it found and whether the claim holds at that level; what it found
/// at the last level it was asked at is returned, in the order of the places.
///
/// Holm 1979, Scandinavian Journal of Statistics 6:65, as it goes step by step: every claim
/// is asked at the family's level divided by the number of claims that are open; those that
/// hold are settled, and the rest is asked again at the larger level that fewer claims
/// leave. A claim that holds at one level must hold at every larger one.
pub fn holm<T>(count: usize, family: Alpha, judge: impl Fn(usize, Alpha) -> (T, bool)) -> Vec<T> {
    let mut settled = BTreeMap::new();
    let mut open: Vec<_> = (0..count).collect();
    while !open.is_empty() {
        let level = family.shared_by(open.len());
        let judged: Vec<_> = open.iter().map(|at| (*at, judge(*at, level))).collect();
        let before = open.len();
        open = judged.iter().filter(|(_, (_, holds))| !holds).map(|(at, _)| *at).collect();
        let is_last = open.len() == before;
        settled.extend(judged.into_iter().map(|(at, (found, _))| (at, found)));
        if is_last {
            break;
        }
    }
    settled.into_values().collect()
}
