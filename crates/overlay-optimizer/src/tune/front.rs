//! Several costs at once.

/// Whether `a` is at least as good as `b` in every cost, and better in one.
pub(crate) fn dominates(a: &[f64], b: &[f64]) -> bool {
    let pairs = || a.iter().zip(b);
    pairs().all(|(a, b)| a <= b) && pairs().any(|(a, b)| a < b)
}

/// Which of `points` no other one dominates.
pub(crate) fn front(points: &[Vec<f64>]) -> Vec<usize> {
    let is_free = |own: &Vec<f64>| !points.iter().any(|it| dominates(it, own));
    points.iter().enumerate().filter(|(_, it)| is_free(it)).map(|(at, _)| at).collect()
}

/// The least and the largest of each cost.
pub(crate) fn ranges(points: &[Vec<f64>]) -> Vec<(f64, f64)> {
    let costs = points.first().map_or(0, Vec::len);
    let range = |at: usize| {
        let column = points.iter().filter_map(|it| it.get(at).copied());
        column.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), it| {
            (least.min(it), most.max(it))
        })
    };
    (0..costs).map(range).collect()
}

/// The augmented Chebyshev cost of `costs` with `weights`, each cost as its share of its
/// range (Knowles, *ParEGO*, 2006, eq. 2).
pub(crate) fn chebyshev(
    costs: impl IntoIterator<Item = f64>,
    ranges: &[(f64, f64)],
    weights: &[f64],
) -> f64 {
    let shares =
        costs.into_iter().zip(ranges).zip(weights).map(|((cost, (least, most)), weight)| {
            let width = most - least;
            weight * (cost - least) / if width > 1e-12 { width } else { 1.0 }
        });
    let (most, sum) =
        shares.fold((f64::NEG_INFINITY, 0.0), |(most, sum), it| (it.max(most), sum + it));
    most + 0.05 * sum
}
