//! A search for two parameters: `tune [SEED]`.

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;

use overlay_model::Overlay;
use overlay_optimizer::{
    Aim, Ask, Evaluation, Measured, Objective, Space, TunePlan, Tuner, WeightedScenario,
};

const OVERLAY: &str = "\
FUSION_OVERLAY_VERSION=2.1.0
OVERLAY_NAME=contracts
ENTROPY_REDUCTION_TARGET=0.30
CONTINUITY_ENFORCEMENT=basic_thread
TRUST_SCORING_MODEL=simple_alignment
FUSION_MODE=adaptive_routing
";

/// What an evaluator measures; this one likes a floor of 0.75 and three samples.
fn quality(overlay: &Overlay) -> Result<f64, Box<dyn Error>> {
    let floor: f64 = overlay.value("TRUST_FLOOR").unwrap_or("0.60").parse()?;
    let samples: f64 = overlay.value("SAMPLES").unwrap_or("1").parse()?;
    Ok(1.0 - (floor - 0.75).abs() - 0.05 * (samples - 3.0).abs())
}

fn main() -> Result<(), Box<dyn Error>> {
    let seed = std::env::args().nth(1).map_or(Ok(1), |it| it.parse())?;
    let overlay: Overlay = OVERLAY.parse()?;
    let space = Space::of_keys(&overlay, Evaluation::Live, &["TRUST_FLOOR", "SAMPLES"])?;
    let plan = TunePlan {
        objectives: vec![Objective { name: "quality".to_owned(), aim: Aim::Most }],
        limits: vec![],
        scenarios: vec![WeightedScenario { id: "audit".to_owned(), weight: 1.0 }],
        budget: 40,
        seed,
        stop_below: None,
        starts: vec![],
        pool: None,
        basis: None,
    };
    let mut tuner = Tuner::new(space, plan)?;
    while let Ask::Evaluate(question) = tuner.ask() {
        let quality = quality(&tuner.space().apply(&overlay, &question.candidate)?)?;
        let values = tuner.space().values(&question.candidate);
        let set: Vec<_> = values.map(|(key, value)| format!("{key}={value}")).collect();
        println!("{:>3}  {quality:.2}  {}", question.trial, set.join(" "));
        let objectives = vec![quality];
        let measured = Measured { scenario: "audit".to_owned(), objectives, limits: vec![] };
        tuner.tell(question.trial, &[measured])?;
    }
    for line in tuner.report(&overlay).patch {
        println!("{}: {} → {}", line.key, line.from.as_deref().unwrap_or("unset"), line.to);
    }
    Ok(())
}
