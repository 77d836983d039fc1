//! How often the canary gate aborts without need, and how soon it finds harm; exits
//! non-zero where a figure is missed. `cargo run --release --example canary_figures`.

use std::process::ExitCode;

#[path = "../tests/simulation/mod.rs"]
mod simulation;

use simulation::{HARMLESS, SIXFOLD, UNEVEN, run};

const ROLLOUTS: u64 = 2000;

#[expect(clippy::print_stdout, reason = "an example shows its figures")]
fn main() -> ExitCode {
    let [harmless, uneven, sixfold] = [HARMLESS, UNEVEN, SIXFOLD].map(|it| run(it, ROLLOUTS));
    println!("{harmless}\n{uneven}\n{sixfold}");
    let reached = harmless.share() <= 0.01 && uneven.share() <= 0.01 && sixfold.share() >= 0.99;
    if reached { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
