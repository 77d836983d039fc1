//! Positive definite matrices, by their lower triangles.

/// The rows of a lower triangle: row i has i + 1 entries.
pub(crate) type Triangle = Vec<Vec<f64>>;

/// The inverse L⁻¹ of the Cholesky factor of a matrix K = L Lᵀ, with ln |K| / 2.
#[derive(Clone, Debug)]
pub(crate) struct Factor {
    inverse: Triangle,
    pub(crate) half_log_det: f64,
}

impl Factor {
    /// Factors the matrix with the lower triangle `rows`, `None` where it is not positive
    /// definite.
    pub(crate) fn of(rows: Triangle) -> Option<Self> {
        let mut half_log_det = 0.0;
        let mut factor: Triangle = Vec::with_capacity(rows.len());
        let mut inverse: Triangle = Vec::with_capacity(rows.len());
        for mut row in rows {
            for (at, done) in factor.iter().enumerate() {
                let (pivot, head) = done.split_last()?;
                let sum = dot(row.get(..at)?, head);
                let entry = row.get_mut(at)?;
                *entry = (*entry - sum) / pivot;
            }
            let (last, head) = row.split_last_mut()?;
            let square = *last - dot(head, head);
            if !square.is_finite() || square <= 0.0 {
                return None;
            }
            *last = square.sqrt();
            half_log_det += last.ln();
            inverse.push(inverse_row(head, *last, &inverse));
            factor.push(row);
        }
        Some(Self { inverse, half_log_det })
    }

    /// L⁻¹ v.
    pub(crate) fn whiten(&self, v: &[f64]) -> Vec<f64> {
        self.inverse.iter().map(|row| dot(row, v)).collect()
    }

    /// |L⁻¹ v|², which is vᵀ K⁻¹ v.
    pub(crate) fn square(&self, v: &[f64]) -> f64 {
        self.inverse.iter().map(|row| dot(row, v)).map(|it| it * it).sum()
    }

    /// K⁻¹ v, of L⁻¹ v.
    pub(crate) fn unwhiten(&self, whitened: &[f64]) -> Vec<f64> {
        let mut res = vec![0.0; self.inverse.len()];
        for (row, factor) in self.inverse.iter().zip(whitened) {
            add(&mut res, *factor, row);
        }
        res
    }

    /// The lower triangle of K⁻¹.
    pub(crate) fn inverse(&self) -> Triangle {
        let mut res: Triangle = (1..=self.inverse.len()).map(|len| vec![0.0; len]).collect();
        for row in &self.inverse {
            for (target, factor) in res.iter_mut().zip(row) {
                add(target, *factor, row);
            }
        }
        res
    }
}

/// The row of L⁻¹ that belongs to the row of L with `head` before the `pivot`.
fn inverse_row(head: &[f64], pivot: f64, done: &[Vec<f64>]) -> Vec<f64> {
    let mut row = vec![0.0; head.len()];
    for (earlier, factor) in done.iter().zip(head) {
        add(&mut row, -factor, earlier);
    }
    row.iter_mut().for_each(|it| *it /= pivot);
    row.push(1.0 / pivot);
    row
}

/// Adds `factor` times `row` to the head of `target`.
fn add(target: &mut [f64], factor: f64, row: &[f64]) {
    target.iter_mut().zip(row).for_each(|(target, it)| *target += factor * it);
}

/// The scalar product; eight sums at once, since one alone waits for each addition.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let len = a.len().min(b.len());
    let (a, b) = (a.get(..len).unwrap_or(a), b.get(..len).unwrap_or(b));
    let (mut eights_a, mut eights_b) = (a.chunks_exact(8), b.chunks_exact(8));
    let mut sums = [0.0; 8];
    for (eight_a, eight_b) in eights_a.by_ref().zip(eights_b.by_ref()) {
        for ((sum, a), b) in sums.iter_mut().zip(eight_a).zip(eight_b) {
            *sum += a * b;
        }
    }
    let rest = eights_a.remainder().iter().zip(eights_b.remainder()).map(|(a, b)| a * b);
    sums.iter().sum::<f64>() + rest.sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inverse_and_determinant() {
        // K = [4 2 1; 2 5 3; 1 3 6], |K| = 67.
        let rows = vec![vec![4.0], vec![2.0, 5.0], vec![1.0, 3.0, 6.0]];
        let factor = Factor::of(rows).unwrap();
        assert!((2.0 * factor.half_log_det - 67.0_f64.ln()).abs() < 1e-12);
        let expected = [vec![21.0], vec![-9.0, 23.0], vec![1.0, -10.0, 16.0]];
        for (found, expected) in factor.inverse().iter().zip(expected) {
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected / 67.0).abs() < 1e-12);
            }
        }
        let v = [1.0, 2.0, 3.0];
        let solved = factor.unwhiten(&factor.whiten(&v));
        assert!((dot(&solved, &v) - factor.square(&v)).abs() < 1e-12);
    }

    #[test]
    fn only_positive_definite_matrices_have_a_factor() {
        assert!(Factor::of(vec![vec![1.0], vec![2.0, 1.0]]).is_none());
        assert!(Factor::of(vec![vec![f64::NAN]]).is_none());
    }

    #[test]
    fn sums_of_any_length() {
        for len in 0..40 {
            let a: Vec<_> = (0..len).map(f64::from).collect();
            let expected: f64 = a.iter().map(|it| it * it).sum();
            assert!((dot(&a, &a) - expected).abs() < 1e-9);
        }
    }
}
