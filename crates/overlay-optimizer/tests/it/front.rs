//! Several objectives: what lies between the best of each.

use overlay_model::Overlay;
use overlay_optimizer::{
    Aim, Ask, Candidate, Dimension, Measured, Objective, Question, Space, TunePlan, TuneReport,
    Tuner, WeightedScenario,
};

fn space() -> Space {
    let number =
        |key: &str| Dimension::steps(key.parse().unwrap(), (0.0, 1.0), 0.001, "0.500").unwrap();
    Space::new(["X", "Y", "Z"].map(number).into()).unwrap()
}

fn numbers(candidate: &Candidate) -> Vec<f64> {
    space().values(candidate).map(|(_, text)| text.parse().unwrap()).collect()
}

/// A tuner for one scenario.
fn tuner(budget: usize, objectives: usize) -> Tuner {
    let objective = |at| Objective { name: format!("f{at}"), aim: Aim::Least };
    let plan = TunePlan {
        objectives: (0..objectives).map(objective).collect(),
        limits: vec![],
        scenarios: vec![WeightedScenario { id: "s".to_owned(), weight: 1.0 }],
        budget,
        seed: 3,
        stop_below: None,
        starts: vec![],
        pool: None,
        basis: None,
    };
    Tuner::new(space(), plan).unwrap()
}

/// Evaluates until the run is over.
fn run(mut tuner: Tuner, costs: impl Fn(&[f64]) -> Vec<f64>) -> Tuner {
    while let Ask::Evaluate(Question { trial, candidate, scenarios }) = tuner.ask() {
        let objectives = costs(&numbers(&candidate));
        let scenario = scenarios[0].clone();
        tuner.tell(trial, &[Measured { scenario, objectives, limits: vec![] }]).unwrap();
    }
    tuner
}

/// The second cost of ZDT1, of the first and of how far off the others are.
fn zdt1(x: &[f64]) -> Vec<f64> {
    let g = 1.0 + 9.0 * ((x[1] - 0.3).abs() + (x[2] - 0.8).abs());
    vec![x[0], g * (1.0 - (x[0] / g).sqrt())]
}

#[test]
fn the_front_is_no_corner() {
    let report = run(tuner(40, 2), zdt1).report(&Overlay::default());
    let row = |at: &usize| report.trials[*at].measured.clone();
    let front: Vec<_> = report.front.iter().map(row).collect();
    assert!(front.len() >= 8, "{front:?}");
    // With random weights it ends below 0.1.
    assert!(front[0][0] < 0.05 && front[front.len() - 1][0] > 0.2, "{front:?}");
}

#[test]
fn each_of_three_objectives_is_sought_alone_too() {
    let corners = [[0.1, 0.2, 0.3], [0.9, 0.3, 0.7], [0.4, 0.9, 0.5]];
    let gap = |x: &[f64], at: &[f64; 3]| -> f64 {
        x.iter().zip(at).map(|(x, at)| (x - at).powi(2)).sum()
    };
    let tuner = run(tuner(36, 3), |x| corners.iter().map(|it| gap(x, it)).collect());
    let report = tuner.report(&Overlay::default());
    for at in 0..3 {
        let least = report.trials.iter().map(|it| it.measured[at]).fold(f64::MAX, f64::min);
        assert!(least < 0.02, "objective {at}: {least}");
    }
}

#[test]
fn an_interrupted_run_weighs_them_as_an_undisturbed_one() {
    let whole = run(tuner(24, 2), zdt1);
    let journal = whole.journal();
    for kept in [14, 31] {
        let text: String = journal[..kept].iter().map(|it| format!("{it}\n")).collect();
        let resumed = run(Tuner::resume(space(), &text).unwrap(), zdt1);
        assert_eq!(resumed.journal(), journal, "resumed after line {kept}");
    }
}

/// Whether two trials of a report came to the same.
fn same(report: &TuneReport, a: usize, b: usize) -> bool {
    report.trials[a].measured == report.trials[b].measured
}

/// `Z` does nothing, and the others have two values: four points in all.
#[test]
fn equal_points_of_the_front_are_one() {
    let step = |x: f64| if x < 0.5 { 0.0 } else { 1.0 };
    let costs = |x: &[f64]| vec![step(x[0]) + step(x[1]), 2.0 - step(x[0]) + step(x[1])];
    let report = run(tuner(40, 2), costs).report(&Overlay::default());
    assert!((1..=2).contains(&report.front.len()), "{:?}", report.front);
    for (number, a) in report.front.iter().enumerate() {
        assert!(!report.front[..number].iter().any(|b| same(&report, *a, *b)), "{report:?}");
    }
    let of_chosen = |it: &usize| report.chosen.is_some_and(|chosen| same(&report, *it, chosen));
    assert_eq!(report.front.iter().find(|it| of_chosen(it)).copied(), report.chosen);
}
