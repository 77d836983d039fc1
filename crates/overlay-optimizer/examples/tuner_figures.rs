//! Measures the tuner on problems whose optimum is known, and fails where a figure is
//! missed: `cargo run --release -p overlay-optimizer --example tuner_figures -- [SEEDS]
//! [hartmann|overlay|zdt|time]`.
//!
//! The optimum of every problem is drawn anew for each seed: a tuner that likes the
//! middle of ranges would look good otherwise. Beside each figure stands the one of random
//! search, and of random search against random search.
#![expect(clippy::print_stdout, reason = "the figures are the output")]

use std::process::ExitCode;
use std::sync::LazyLock;
use std::time::Instant;

use overlay_optimizer::{
    Aim, Ask, Candidate, Dimension, Measured, Objective, Space, TunePlan, Tuner, WeightedScenario,
};

/// Milliseconds this thread was computing, so that what else the machine does is not
/// counted; where the system does not say, those on the clock.
fn clock_ms() -> f64 {
    static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    match text.split(' ').next().and_then(|it| it.parse::<f64>().ok()) {
        Some(nanoseconds) => nanoseconds / 1e6,
        None => BEGIN.elapsed().as_secs_f64() * 1e3,
    }
}

/// Randomness of the problems, of no concern to the tuner.
struct Dice(u64);

impl Dice {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.uniform() * bound as f64) as usize
    }

    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    fn shuffled(&mut self, count: usize) -> Vec<usize> {
        let mut res: Vec<_> = (0..count).collect();
        for last in (1..count).rev() {
            res.swap(last, self.below(last + 1));
        }
        res
    }
}

/// Costs of a point, whose words are numbers, on a scenario.
type Costs = Box<dyn Fn(&[f64], usize) -> Vec<f64>>;

/// A function with a known optimum of 0, for each scenario and objective.
struct Problem {
    space: Space,
    scenarios: Vec<f64>,
    objectives: usize,
    costs: Costs,
    noise: f64,
}

const WORDS: [&str; 4] = ["0", "1", "2", "3"];

fn space(numbers: usize, words: usize, dice: &mut Dice) -> Space {
    let number = |at: usize| {
        let start = format!("{:.3}", (dice.below(1001) as f64) / 1000.0);
        Dimension::steps(format!("X{at}").parse().unwrap(), (0.0, 1.0), 0.001, &start).unwrap()
    };
    let mut dimensions: Vec<_> = (0..numbers).map(number).collect();
    for at in 0..words {
        let key = format!("W{at}").parse().unwrap();
        dimensions.push(Dimension::words(key, &WORDS, "0").unwrap());
    }
    Space::new(dimensions).unwrap()
}

impl Problem {
    fn point(&self, candidate: &Candidate) -> Vec<f64> {
        self.space.values(candidate).map(|(_, text)| text.parse().unwrap()).collect()
    }

    /// The weighted mean over the scenarios, without noise.
    fn truth(&self, candidate: &Candidate) -> Vec<f64> {
        let point = self.point(candidate);
        let total: f64 = self.scenarios.iter().sum();
        let mut res = vec![0.0; self.objectives];
        for (scenario, weight) in self.scenarios.iter().enumerate() {
            for (sum, cost) in res.iter_mut().zip((self.costs)(&point, scenario)) {
                *sum += weight / total * cost;
            }
        }
        res
    }

    fn measure(&self, candidate: &Candidate, scenario: usize, dice: &mut Dice) -> Vec<f64> {
        let costs = (self.costs)(&self.point(candidate), scenario);
        costs.iter().map(|it| it + self.noise * dice.normal()).collect()
    }

    fn plan(&self, budget: usize, seed: u64) -> TunePlan {
        let objective = |at| Objective { name: format!("f{at}"), aim: Aim::Least };
        let scenario =
            |(at, weight): (usize, &f64)| WeightedScenario { id: at.to_string(), weight: *weight };
        TunePlan {
            objectives: (0..self.objectives).map(objective).collect(),
            limits: vec![],
            scenarios: self.scenarios.iter().enumerate().map(scenario).collect(),
            budget,
            seed,
            stop_below: None,
            starts: vec![],
            pool: None,
        }
    }

    /// Tunes, and returns the tuner with the milliseconds of each question.
    fn tune(&self, budget: usize, seed: u64) -> (Tuner, Vec<f64>) {
        let mut dice = Dice(seed ^ 0xabcd);
        let mut tuner = Tuner::new(self.space.clone(), self.plan(budget, seed)).unwrap();
        let mut times = Vec::new();
        loop {
            let begin = clock_ms();
            let Ask::Evaluate(question) = tuner.ask() else { return (tuner, times) };
            times.push(clock_ms() - begin);
            let measured = question.scenarios.iter().map(|id| Measured {
                scenario: id.clone(),
                objectives: self.measure(&question.candidate, id.parse().unwrap(), &mut dice),
                limits: vec![],
            });
            tuner.tell(question.trial, &measured.collect::<Vec<_>>()).unwrap();
        }
    }

    fn tuned_regret(&self, budget: usize, seed: u64) -> f64 {
        let (tuner, _) = self.tune(budget, seed);
        let report = tuner.report(&overlay_model::Overlay::default());
        self.truth(&candidates(&tuner)[report.chosen.unwrap_or(0)])[0]
    }

    /// Candidates at random, each evaluated on every scenario.
    fn random(&self, budget: usize, dice: &mut Dice) -> Vec<(Vec<f64>, Vec<f64>)> {
        let total: f64 = self.scenarios.iter().sum();
        let draws = (0..budget / self.scenarios.len()).map(|_| {
            let point: Vec<_> = self
                .space
                .dimensions()
                .iter()
                .map(|it| {
                    let levels: Vec<_> = it.levels().collect();
                    levels[dice.below(levels.len())].parse().unwrap()
                })
                .collect();
            let (mut seen, mut truth) = (vec![0.0; self.objectives], vec![0.0; self.objectives]);
            for (scenario, weight) in self.scenarios.iter().enumerate() {
                for (at, cost) in (self.costs)(&point, scenario).into_iter().enumerate() {
                    truth[at] += weight / total * cost;
                    seen[at] += weight / total * (cost + self.noise * dice.normal());
                }
            }
            (seen, truth)
        });
        draws.collect()
    }

    fn random_regret(&self, budget: usize, seed: u64) -> f64 {
        let mut found = self.random(budget, &mut Dice(seed));
        found.sort_by(|a, b| a.0[0].total_cmp(&b.0[0]));
        found[0].1[0]
    }
}

/// The candidates of the trials, read off the journal.
fn candidates(tuner: &Tuner) -> Vec<Candidate> {
    let mut res = Vec::new();
    for line in tuner.journal() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let asked = &line["asked"];
        if asked["trial"].as_u64() == Some(res.len() as u64) {
            res.push(serde_json::from_value(asked["candidate"].clone()).unwrap());
        }
    }
    res
}

/// Hartmann's function of six variables, mirrored and permuted, less its least value
/// −3.32237.
fn hartmann(seed: u64) -> Problem {
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
fn overlay10(seed: u64) -> Problem {
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
fn zdt1(seed: u64) -> Problem {
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
fn hypervolume(mut points: Vec<Vec<f64>>, reference: (f64, f64)) -> f64 {
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

fn true_front() -> Vec<Vec<f64>> {
    (0..=100_000).map(|it| f64::from(it) / 1e5).map(|x| vec![x, 1.0 - x.sqrt()]).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn p95(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(values.len() * 95 / 100).min(values.len() - 1)]
}

/// Prints a figure, and says whether it was reached.
fn figure(name: &str, value: f64, least: bool, bound: f64, beside: &str) -> bool {
    let reached = if least { value <= bound } else { value >= bound };
    let sign = if least { "≤" } else { "≥" };
    let mark = if reached { "ok" } else { "MISSED" };
    println!("{mark:6} {name}: {value:.4} (reach {sign} {bound:.4}); {beside}");
    reached
}

fn hartmann_figure(seeds: u64) -> bool {
    let of = |run: &dyn Fn(&Problem, u64) -> f64| {
        (1..=seeds).map(|it| run(&hartmann(it), it)).collect::<Vec<_>>()
    };
    let tuned = of(&|it, seed| it.tuned_regret(60, seed));
    let random = median(of(&|it, seed| it.random_regret(60, seed + 1000)));
    let other = median(of(&|it, seed| it.random_regret(60, seed + 2000)));
    let beside =
        format!("p95 {:.3}, random {random:.3}, random again {other:.3}", p95(tuned.clone()));
    figure("Hartmann-6, median regret at 60", median(tuned), true, 0.05, &beside)
}

fn overlay_figure(seeds: u64) -> bool {
    let of = |run: &dyn Fn(&Problem, u64) -> f64| {
        (1..=seeds).map(|it| run(&overlay10(it), it)).collect::<Vec<_>>()
    };
    let tuned = of(&|it, seed| it.tuned_regret(900, seed));
    let random = median(of(&|it, seed| it.random_regret(900, seed + 1000)));
    let other = median(of(&|it, seed| it.random_regret(900, seed + 2000)));
    let share = median(tuned.clone()) / random;
    let beside = format!(
        "tuned {:.3} (p95 {:.3}), random {random:.3}; random against random {:.2}",
        median(tuned.clone()),
        p95(tuned),
        other / random
    );
    figure(
        "overlay-10 with noise, regret by that of random at 900 runs",
        share,
        true,
        0.25,
        &beside,
    )
}

fn zdt_figure(seeds: u64) -> bool {
    let share = |points: Vec<Vec<f64>>, reference| {
        hypervolume(points, reference) / hypervolume(true_front(), reference)
    };
    let (wide, tight) = ((1.1, 10.0), (1.1, 1.1));
    let (mut tuned, mut strict, mut random, mut other) = (vec![], vec![], vec![], vec![]);
    for seed in 1..=seeds {
        let problem = zdt1(seed);
        let (tuner, _) = problem.tune(60, seed);
        let points: Vec<_> = candidates(&tuner).iter().map(|it| problem.truth(it)).collect();
        tuned.push(share(points.clone(), wide));
        strict.push(share(points, tight));
        let draws = |seed| problem.random(60, &mut Dice(seed)).into_iter().map(|it| it.1).collect();
        random.push(share(draws(seed + 1000), wide));
        other.push(share(draws(seed + 2000), wide));
    }
    let beside = format!(
        "random {:.3}, random again {:.3}; to (1.1, 1.1) {:.3}",
        median(random),
        median(other),
        median(strict)
    );
    let name = "ZDT1, hypervolume to (1.1, 10) by that of the true front at 60";
    figure(name, median(tuned), false, 0.92, &beside)
}

fn time_figure() -> bool {
    // The same questions three times over: the least time of each is taken.
    let near_hundred = |problem: &Problem| {
        let runs: Vec<_> = (0..3).map(|_| problem.tune(106, 1).1).collect();
        let least = |at: usize| runs.iter().map(|it| it[at]).fold(f64::INFINITY, f64::min);
        (95..106).map(least).collect::<Vec<_>>()
    };
    let mut single = overlay10(1);
    single.scenarios.truncate(1);
    let overlay = near_hundred(&single);
    let two = median(near_hundred(&zdt1(1)));
    let most = overlay.iter().copied().fold(0.0, f64::max);
    let beside = format!("largest {most:.2}; two objectives {two:.2}");
    figure("ask at n = 100, ten dimensions, ms of computing", median(overlay), true, 10.0, &beside)
}

fn main() -> ExitCode {
    let mut seeds = 21;
    let mut only = String::new();
    for word in std::env::args().skip(1) {
        match word.parse() {
            Ok(number) => seeds = number,
            Err(_) => only = word,
        }
    }
    let figures: [(&str, &dyn Fn() -> bool); 4] = [
        ("hartmann", &|| hartmann_figure(seeds)),
        ("overlay", &|| overlay_figure(seeds)),
        ("zdt", &|| zdt_figure(seeds)),
        ("time", &time_figure),
    ];
    let asked = figures.iter().filter(|(name, _)| only.is_empty() || *name == only);
    let reached: Vec<_> = asked.map(|(_, figure)| figure()).collect();
    let all = !reached.is_empty() && reached.iter().all(|it| *it);
    if all { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
