//! Figures that are no times, a line of JSON each: `{"name", "value", "beside"}`. Run by
//! `cargo xtask bench`, which holds them against their goals.
//!
//! ```console
//! $ cargo run --release --package benches --example figures -- [--first SEED] [NAME]
//! ```
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the figures are the output")]

mod alarms;
mod tuner;

use serde_json::json;

/// The first of the 21 seeds that the tuner is judged on. What is fixed in it (how many points
/// it starts from, above all) was chosen on the seeds 1 to 21, how objectives are weighed on
/// those from 3001 on, and what else was tried was looked at on those from 1001 and from 2001
/// on; these chose nothing.
const FIRST: u64 = 9001;

/// A figure with what it is to be compared with.
struct Figure {
    name: &'static str,
    value: f64,
    beside: String,
}

fn main() {
    let mut first = FIRST;
    let mut wanted = String::new();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--first" => first = words.next().and_then(|it| it.parse().ok()).unwrap_or(FIRST),
            _ => wanted = word,
        }
    }
    let seeds = || first..first + 21;
    let figures: [(&str, &dyn Fn() -> Option<Figure>); 5] = [
        (tuner::HARTMANN, &|| Some(tuner::hartmann_regret(seeds()))),
        (tuner::OVERLAY, &|| Some(tuner::overlay_share(seeds()))),
        (tuner::ZDT, &|| Some(tuner::zdt_volume(seeds()))),
        (alarms::ONE, &|| Some(alarms::one_look(&alarms::outcomes()?))),
        (alarms::MANY, &|| Some(alarms::many_looks(&alarms::outcomes()?))),
    ];
    for (name, figure) in figures {
        if !name.contains(&wanted) {
            continue;
        }
        match figure() {
            Some(Figure { name, value, beside }) => {
                println!("{}", json!({"name": name, "value": value, "beside": beside}));
            }
            None => eprintln!("{name}: skipped: no data at FUSION_DATA"),
        }
    }
}
