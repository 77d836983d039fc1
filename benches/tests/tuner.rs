//! The tuner on one of the seeds that nothing in it was chosen on; all of them are a figure
//! of `cargo xtask bench`.

use benches::dice::Dice;
use benches::functions::{hartmann, hypervolume, true_front, zdt1};
use benches::problem::candidates;

const SEED: u64 = 9001;

#[test]
fn one_objective_is_found_where_random_search_is_far_off() {
    let problem = hartmann(SEED);
    let tuned = problem.tuned_regret(60, SEED);
    let random = problem.random_regret(60, SEED + 100_000);
    assert!(tuned <= 0.25 * random, "{tuned} beside {random}");
}

#[test]
fn the_front_of_two_is_covered() {
    let reference = (1.1, 10.0);
    let whole = hypervolume(true_front(), reference);
    let problem = zdt1(SEED);
    let tuner = problem.tune(40, SEED);
    let points = candidates(&tuner).iter().map(|it| problem.truth(it)).collect();
    let tuned = hypervolume(points, reference) / whole;
    let draws = problem.random(40, &mut Dice(SEED + 100_000));
    let random = hypervolume(draws.into_iter().map(|it| it.1).collect(), reference) / whole;
    assert!(tuned >= 0.94 && tuned > random, "{tuned} beside {random}");
}
