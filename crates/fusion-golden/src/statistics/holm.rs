/// Adjusted p-values of several tests, in the order given: a test at or below `alpha` after
/// this holds with all others at the error `alpha` for the family.
///
/// Holm 1979, Scandinavian Journal of Statistics 6:65: the k-th smallest of m is taken
/// times m − k + 1, never below the one before, at most 1. Not a number counts as 1.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<_> = p_values
        .iter()
        .map(|p| if p.is_nan() { 1.0 } else { p.clamp(0.0, 1.0) })
        .enumerate()
        .collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut adjusted: Vec<_> = Vec::with_capacity(order.len());
    let mut largest: f64 = 0.0;
    for (rank, (at, p)) in order.iter().enumerate() {
        largest = largest.max((p * super::special::as_f64(order.len() - rank)).min(1.0));
        adjusted.push((*at, largest));
    }
    adjusted.sort_by_key(|(at, _)| *at);
    adjusted.into_iter().map(|(_, p)| p).collect()
}
