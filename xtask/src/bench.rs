use std::fs;
use std::path::Path;

use anyhow::Context as _;
use clap::Args;
use fusion_cli::Exit;
use serde_json::Value;

use crate::root::{cargo, root, run};

/// Run the benchmarks and print each figure beside its goal
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cargo xtask bench
  cargo xtask bench --no-run
  cargo xtask bench parse")]
pub(crate) struct Bench {
    /// Print the figures of the last run
    #[arg(long)]
    no_run: bool,
    /// Only benchmarks whose name holds this
    filter: Option<String>,
}

/// A figure to reach.
struct Goal {
    /// The benchmark, as criterion names it.
    name: &'static str,
    /// The goal.
    bound: Bound,
    /// What is measured.
    what: &'static str,
}

/// What a mean time is held to.
#[derive(Clone, Copy)]
enum Bound {
    /// At most so many nanoseconds.
    AtMost(f64),
    /// At least `per_second` of the `elements` that one iteration works on.
    AtLeast { elements: f64, per_second: f64 },
}

const MICRO: f64 = 1e3;
const MILLI: f64 = 1e6;

/// The figures of DESIGN §9 that are reached by code of today.
const GOALS: &[Goal] = &[
    Goal {
        name: "parse_validate_60_keys",
        bound: Bound::AtMost(8.0 * MICRO),
        what: "parse and validate an overlay of 60 keys",
    },
    Goal {
        name: "load_10000_files",
        bound: Bound::AtMost(150.0 * MILLI),
        what: "read, parse and validate 10,000 overlay files from disk",
    },
    Goal {
        name: "replay_rules",
        bound: Bound::AtLeast { elements: 1000.0, per_second: 10_000.0 },
        what: "golden replay, rules only, scenarios per second",
    },
    Goal {
        name: "replay_tokens",
        bound: Bound::AtLeast { elements: 1000.0, per_second: 3000.0 },
        what: "golden replay with tokens, scenarios per second",
    },
];

/// A measured mean.
struct Figure {
    name: String,
    nanos: f64,
    /// Half the width of the 95 % confidence interval.
    spread: f64,
    /// What one iteration works on, where criterion was told.
    elements: Option<f64>,
}

impl Bench {
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        if !self.no_run {
            let mut command = cargo();
            command.args(["bench", "--package", "benches"]);
            if let Some(filter) = &self.filter {
                command.args(["--", filter]);
            }
            run(&mut command)?;
        }
        let mut figures = figures(&root().join("target/criterion"))?;
        if let Some(filter) = &self.filter {
            figures.retain(|it| it.name.contains(filter));
        }
        let missed = figures.iter().map(print).filter(|reached| !reached).count();
        println!("{} figures, {missed} beyond their goal", figures.len());
        Ok(match (figures.is_empty(), missed) {
            (true, _) => Exit::NOTHING,
            (false, 0) => Exit::DONE,
            (false, _) => Exit::FINDINGS,
        })
    }
}

/// Prints a figure beside its goal, and says whether the goal is reached.
fn print(figure: &Figure) -> bool {
    let Figure { name, nanos, spread, .. } = figure;
    let share = spread / nanos * 100.0;
    let goal = GOALS.iter().find(|it| name.ends_with(it.name));
    let Some(Goal { bound, what, .. }) = goal else {
        println!("{name:<32} {:>14} ± {share:.1} %", time(*nanos));
        return true;
    };
    let (measured, wanted, reached) = match *bound {
        Bound::AtMost(most) => (time(*nanos), format!("≤ {}", time(most)), *nanos <= most),
        Bound::AtLeast { elements, per_second } => {
            let rate = figure.elements.unwrap_or(elements) / nanos * 1e9;
            (format!("{rate:.0}/s"), format!("≥ {per_second:.0}/s"), rate >= per_second)
        }
    };
    let verdict = if reached { "reached" } else { "MISSED" };
    println!("{name:<32} {measured:>14} ± {share:.1} %  {wanted:<12} {verdict}  {what}");
    reached
}

/// A length of time in the unit people read.
fn time(nanos: f64) -> String {
    match nanos {
        it if it < MICRO => format!("{it:.1} ns"),
        it if it < MILLI => format!("{:.2} µs", it / MICRO),
        it if it < 1e9 => format!("{:.2} ms", it / MILLI),
        it => format!("{:.2} s", it / 1e9),
    }
}

/// The means that criterion left in its folder, by name.
fn figures(dir: &Path) -> anyhow::Result<Vec<Figure>> {
    let mut res = Vec::new();
    collect(dir, dir, &mut res)?;
    res.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(res)
}

fn collect(root: &Path, dir: &Path, figures: &mut Vec<Figure>) -> anyhow::Result<()> {
    if dir.ends_with("new") && dir.join("estimates.json").exists() {
        figures.push(figure(root, dir)?);
        return Ok(());
    }
    let Ok(entries) = fs::read_dir(dir) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, figures)?;
        }
    }
    Ok(())
}

fn figure(root: &Path, dir: &Path) -> anyhow::Result<Figure> {
    let estimates = json(&dir.join("estimates.json"))?;
    let number = |pointer: &str| estimates.pointer(pointer).and_then(Value::as_f64);
    let missing = || format!("no mean in {}", dir.display());
    let nanos = number("/mean/point_estimate").with_context(missing)?;
    let low = number("/mean/confidence_interval/lower_bound").unwrap_or(nanos);
    let high = number("/mean/confidence_interval/upper_bound").unwrap_or(nanos);
    let about = json(&dir.join("benchmark.json")).unwrap_or_default();
    let group = dir.parent().and_then(|it| it.strip_prefix(root).ok()).map(Path::to_path_buf);
    Ok(Figure {
        name: group.unwrap_or_default().display().to_string(),
        nanos,
        spread: (high - low) / 2.0,
        elements: about.pointer("/throughput/Elements").and_then(Value::as_f64),
    })
}

fn json(path: &Path) -> anyhow::Result<Value> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("reading {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_the_unit_people_read() {
        assert_eq!(time(5.64), "5.6 ns");
        assert_eq!(time(8_000.0), "8.00 µs");
        assert_eq!(time(150e6), "150.00 ms");
    }

    #[test]
    fn a_goal_missed_is_said() {
        let figure = |nanos| Figure {
            name: "overlay/parse_validate_60_keys".to_owned(),
            nanos,
            spread: 1.0,
            elements: None,
        };
        assert!(print(&figure(7_900.0)));
        assert!(!print(&figure(8_100.0)));
    }
}
