//! What the tuner finds, beside random search, and random search beside itself.

use std::ops::Range;

use benches::dice::Dice;
use benches::functions::{hartmann, hypervolume, overlay10, true_front, zdt1};
use benches::problem::{Problem, candidates};
use overlay_model::Overlay;

use crate::Figure;

pub(crate) const HARTMANN: &str = "figures/tuner_hartmann6";
pub(crate) const OVERLAY: &str = "figures/tuner_overlay10";
pub(crate) const ZDT: &str = "figures/tuner_zdt1";

/// The reference point of hypervolumes.
const REFERENCE: (f64, f64) = (1.1, 10.0);

/// The regrets of the tuner, of random search, and of random search with other dice.
fn regrets(
    seeds: Range<u64>,
    problem: fn(u64) -> Problem,
    budget: usize,
) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let (mut tuned, mut random, mut again) = (vec![], vec![], vec![]);
    for seed in seeds {
        let problem = problem(seed);
        tuned.push(problem.tuned_regret(budget, seed));
        random.push(problem.random_regret(budget, seed + 100_000));
        again.push(problem.random_regret(budget, seed + 200_000));
    }
    (tuned, random, again)
}

/// The median regret on Hartmann's function of six variables after 60 evaluations.
pub(crate) fn hartmann_regret(seeds: Range<u64>) -> Figure {
    let (tuned, random, again) = regrets(seeds, hartmann, 60);
    let beside = format!(
        "p95 {:.3}; random {:.3}, random again {:.3}",
        at(&tuned, 0.95),
        median(&random),
        median(&again)
    );
    Figure { name: HARTMANN, value: median(&tuned), beside }
}

/// The median regret on a noisy overlay of ten dimensions after 900 runs, by that of random
/// search.
pub(crate) fn overlay_share(seeds: Range<u64>) -> Figure {
    let (tuned, random, again) = regrets(seeds, overlay10, 900);
    let beside = format!(
        "regret {:.3} (p95 {:.3}), random {:.3}; random against random {:.2}",
        median(&tuned),
        at(&tuned, 0.95),
        median(&random),
        median(&again) / median(&random)
    );
    Figure { name: OVERLAY, value: median(&tuned) / median(&random), beside }
}

/// The median hypervolume of ZDT1 after 60 evaluations, by that of the true front.
pub(crate) fn zdt_volume(seeds: Range<u64>) -> Figure {
    let whole = hypervolume(true_front(), REFERENCE);
    let share = |points| hypervolume(points, REFERENCE) / whole;
    let (mut tuned, mut random, mut again) = (vec![], vec![], vec![]);
    // A front of one corner has most of the volume, the reference being as far off as it is.
    let mut fronts = vec![];
    for seed in seeds {
        let problem = zdt1(seed);
        let tuner = problem.tune(60, seed);
        fronts.push(tuner.report(&Overlay::default()).front.len() as f64);
        tuned.push(share(candidates(&tuner).iter().map(|it| problem.truth(it)).collect()));
        let draws = |seed| problem.random(60, &mut Dice(seed)).into_iter().map(|it| it.1).collect();
        random.push(share(draws(seed + 100_000)));
        again.push(share(draws(seed + 200_000)));
    }
    let beside = format!(
        "least {:.3}; {} points on the front; random {:.3}, random again {:.3}",
        at(&tuned, 0.0),
        median(&fronts),
        median(&random),
        median(&again)
    );
    Figure { name: ZDT, value: median(&tuned), beside }
}

fn median(values: &[f64]) -> f64 {
    at(values, 0.5)
}

/// The value that a share of the others lies below.
fn at(values: &[f64], share: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let last = values.len() - 1;
    values[((values.len() as f64 * share) as usize).min(last)]
}
