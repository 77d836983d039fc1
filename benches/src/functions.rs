//! The problems. The optimum of each is drawn anew for every seed: a tuner that likes the
//! middle of ranges would look good otherwise.

use crate::dice::Dice;
use crate::problem::{Problem, space};

/// Hartmann's function of six variables, mirrored and permuted, less its least value
/// −3.32237.
pub fn hartmann(seed: u64) -> Problem {
    const ALPHA: [f64; 4] = [1.0, 1.2, 3.0, 3.2];
    const A: [[f64; 6]; 4] = [
        [10.0, 3.0, 17.0, 3.5, 1.7, 8.0],
        [0.05, 10.0, 17.0, 0.1, 8.0, 14.0],
        [3.0, 3.5, 1.7, 10.0, 17.0, 8.0],
        [17.0, 8.0, 0.05, 10.0, 0.1, 14.0],
    ];
    const P: [[f64; 6]; 4] = [
        [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
        [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
        [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650],
        [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
    ];
    let mut dice = Dice(seed.wrapping_mul(77));
    let order = dice.shuffled(6);
    let mirrored: Vec<bool> = (0..6).map(|_| dice.uniform() < 0.5).collect();
    let costs = move |x: &[f64], _: usize| {
        let at = |d: usize| if mirrored[d] { 1.0 - x[order[d]] } else { x[order[d]] };
        let term = |i: usize| {
            let sum: f64 = (0..6).map(|d| A[i][d] * (at(d) - P[i][d]).powi(2)).sum();
            ALPHA[i] * (-sum).exp()
        };
        vec![3.32237 - (0..4).map(term).sum::<f64>()]
    };
    let space = space(6, 0, &mut dice);
    Problem { space, scenarios: vec![1.0], objectives: 1, costs: Box::new(costs), noise: 0.0 }
}

/// Seven numbers and three words: bowls, kinks, a saturating and a rippled one, a grace
/// window whose optimum the mode decides, and fifteen scenarios that disagree a little.
pub fn overlay10(seed: u64) -> Problem {
    let mut dice = Dice(seed.wrapping_mul(991));
    let optimum: Vec<f64> = (0..7).map(|_| 0.05 + 0.9 * dice.uniform()).collect();
    let weight: Vec<f64> = (0..7).map(|_| 0.3 + 0.7 * dice.uniform()).collect();
    let best: Vec<usize> = (0..3).map(|_| dice.below(4)).collect();
    let penalty: Vec<f64> = (0..12).map(|_| 0.1 + 0.3 * dice.uniform()).collect();
    let window: Vec<f64> = (0..4).map(|_| dice.uniform()).collect();
    let scenarios: Vec<f64> = (0..15).map(|_| [0.8, 1.0, 1.2, 1.5][dice.below(4)]).collect();
    let offset: Vec<f64> = (0..15).map(|_| 0.3 * dice.normal()).collect();
    let total: f64 = scenarios.iter().sum();
    // Tilts of the scenarios that cancel out over all of them.
    let mut tilt: Vec<Vec<f64>> =
        (0..15).map(|_| (0..7).map(|_| 0.1 * dice.normal()).collect()).collect();
    for d in 0..7 {
        let mean: f64 = tilt.iter().zip(&scenarios).map(|(it, w)| w / total * it[d]).sum();
        tilt.iter_mut().for_each(|it| it[d] -= mean);
    }
    let mean_offset: f64 = offset.iter().zip(&scenarios).map(|(it, w)| w / total * it).sum();
    let costs = move |x: &[f64], scenario: usize| {
        let mut res = offset[scenario] - mean_offset;
        for d in 0..7 {
            let mode = x[7] as usize;
            let centre = if d == 6 { (optimum[6] + 0.5 * window[mode]) % 1.0 } else { optimum[d] };
            let gap = (x[d] - centre).abs();
            let shape = match d % 4 {
                0 => 2.0 * gap * gap,
                1 => gap,
                2 => 1.0 - (-3.0 * gap * gap).exp(),
                _ => gap * gap + 0.05 * (1.0 - (12.0 * gap).cos()),
            };
            res += weight[d] * shape + tilt[scenario][d] * (x[d] - 0.5);
        }
        for w in 0..3 {
            let word = x[7 + w] as usize;
            res += if word == best[w] { 0.0 } else { penalty[4 * w + word] };
        }
        vec![res]
    };
    let space = space(7, 3, &mut dice);
    Problem { space, scenarios, objectives: 1, costs: Box::new(costs), noise: 0.15 }
}

/// ZDT1 of six variables (Zitzler, Deb and Thiele 2000), the variables of g shifted so
/// that their optimum is not at the edge.
pub fn zdt1(seed: u64) -> Problem {
    let mut dice = Dice(seed.wrapping_mul(313));
    let optimum: Vec<f64> = (0..6).map(|_| 0.1 + 0.8 * dice.uniform()).collect();
    let costs = move |x: &[f64], _: usize| {
        let far = |d: usize| (x[d] - optimum[d]).abs() / optimum[d].max(1.0 - optimum[d]);
        let g = 1.0 + 9.0 * (1..6).map(far).sum::<f64>() / 5.0;
        vec![x[0], g * (1.0 - (x[0] / g).sqrt())]
    };
    let space = space(6, 0, &mut dice);
    Problem { space, scenarios: vec![1.0], objectives: 2, costs: Box::new(costs), noise: 0.0 }
}

/// The area that `points` dominate below `reference`.
pub fn hypervolume(mut points: Vec<Vec<f64>>, reference: (f64, f64)) -> f64 {
    points.retain(|it| it[0] < reference.0 && it[1] < reference.1);
    points.sort_by(|a, b| a[0].total_cmp(&b[0]));
    let (mut area, mut height) = (0.0, reference.1);
    for it in points {
        if it[1] < height {
            area += (reference.0 - it[0]) * (height - it[1]);
            height = it[1];
        }
    }
    area
}

/// Points of the true front of [`zdt1`].
pub fn true_front() -> Vec<Vec<f64>> {
    (0..=100_000).map(|it| f64::from(it) / 1e5).map(|x| vec![x, 1.0 - x.sqrt()]).collect()
}
