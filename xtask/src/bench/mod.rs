//! The figures of the benchmarks beside their goals.

mod criterion;
mod goals;
mod process;

use clap::Args;
use fusion_cli::Exit;

use self::criterion::figures;
use self::goals::{Bound, Goal, goal_of};
use crate::root::{cargo, root, run};

/// Run the benchmarks and print each figure beside its goal
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cargo xtask bench
  cargo xtask bench overlay
  cargo xtask bench --no-run

Ends with 1 where a figure misses its goal.")]
pub(crate) struct Bench {
    /// Print the figures of the last run of criterion, and measure no processes
    #[arg(long)]
    no_run: bool,
    /// Only benchmarks whose name holds this
    filter: Option<String>,
}

/// One measured figure.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figure {
    /// `group/name`.
    pub(crate) name: String,
    /// The measure: nanoseconds of one iteration, or bytes.
    pub(crate) value: f64,
    /// Half the width of its 95 % confidence interval.
    pub(crate) spread: f64,
    /// What one iteration works on, where that is counted.
    pub(crate) elements: Option<f64>,
}

impl Bench {
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        let is_wanted =
            |name: &str| self.filter.as_deref().is_none_or(|filter| name.contains(filter));
        let mut measured = Vec::new();
        if !self.no_run {
            let mut command = cargo();
            command.args(["bench", "--package", "benches"]);
            command.args(self.filter.iter().flat_map(|it| ["--", it]));
            run(&mut command)?;
            measured = process::figures(&is_wanted)?;
        }
        measured.splice(0..0, figures(&root().join("target/criterion"))?);
        let shown: Vec<_> = measured.iter().filter(|it| is_wanted(&it.name)).collect();
        let missed = shown.iter().filter(|it| !print(it, &measured)).count();
        println!("{} figures, {missed} beyond their goal", shown.len());
        Ok(match (shown.is_empty(), missed) {
            (true, _) => Exit::NOTHING,
            (false, 0) => Exit::DONE,
            (false, _) => Exit::FINDINGS,
        })
    }
}

/// Prints a figure beside its goal and its floor, and says whether the goal is reached.
fn print(figure: &Figure, all: &[Figure]) -> bool {
    let share = figure.spread / figure.value * 100.0;
    let Some(Goal { bound, floor, what, .. }) = goal_of(&figure.name) else {
        println!("{:<32} {:>12} ± {share:>4.1} %", figure.name, time(figure.value));
        return true;
    };
    let (measured, wanted, reached) = judged(figure, *bound);
    let verdict = if reached { "reached" } else { "MISSED" };
    let line = format!("{:<32} {measured:>12} ± {share:>4.1} %", figure.name);
    println!("{line}  {wanted:<11} {verdict:<7} {what}{}", ratio(figure, *floor, all));
    reached
}

/// The figure and its goal as people read them, and whether it is reached.
fn judged(figure: &Figure, bound: Bound) -> (String, String, bool) {
    let value = figure.value;
    match bound {
        Bound::Time(most) => (time(value), format!("≤ {}", time(most)), value <= most),
        Bound::Bytes(most) => (size(value), format!("≤ {}", size(most)), value <= most),
        Bound::PerSecond(least) => {
            let rate = figure.elements.unwrap_or(1.0) / value * 1e9;
            (format!("{rate:.0}/s"), format!("≥ {least:.0}/s"), rate >= least)
        }
    }
}

/// `, 3.1 × group/floor`, where the floor was measured in the same group.
fn ratio(figure: &Figure, floor: Option<&str>, all: &[Figure]) -> String {
    let group = figure.name.rsplit_once('/').map_or("", |(group, _)| group);
    let named =
        |it: &&Figure| Some(it.name.as_str()) == floor.map(|it| format!("{group}/{it}")).as_deref();
    match all.iter().find(named) {
        Some(floor) => format!(" ({:.1} × {})", figure.value / floor.value, floor.name),
        None => String::new(),
    }
}

/// A length of time in the unit people read.
fn time(nanos: f64) -> String {
    match nanos {
        it if it < 1e3 => format!("{it:.1} ns"),
        it if it < 1e6 => format!("{:.2} µs", it / 1e3),
        it if it < 1e9 => format!("{:.2} ms", it / 1e6),
        it => format!("{:.2} s", it / 1e9),
    }
}

fn size(bytes: f64) -> String {
    format!("{:.1} MB", bytes / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(name: &str, value: f64, elements: Option<f64>) -> Figure {
        Figure { name: name.to_owned(), value, spread: 0.0, elements }
    }

    #[test]
    fn figures_are_written_as_people_read_them() {
        assert_eq!(time(5.64), "5.6 ns");
        assert_eq!(time(8_000.0), "8.00 µs");
        assert_eq!(time(150e6), "150.00 ms");
        assert_eq!(size(18_600_000.0), "18.6 MB");
    }

    #[test]
    fn a_goal_that_is_missed_is_said() {
        let reached = |name, value, elements| print(&figure(name, value, elements), &[]);
        assert!(reached("overlay/parse_check_60", 7_900.0, None));
        assert!(!reached("overlay/parse_check_60", 8_100.0, None));
        assert!(reached("golden_gsm8k/replay_rules", 60e6, Some(659.0)));
        assert!(!reached("golden_gsm8k/replay_rules", 70e6, Some(659.0)));
        assert!(reached("overlay/of_no_goal", 1e12, None));
    }

    #[test]
    fn a_floor_is_of_the_same_group() {
        let all = [figure("overlay/peer_hash_map_60", 2_000.0, None)];
        let fast = figure("overlay/parse_check_60", 5_000.0, None);
        assert_eq!(
            ratio(&fast, Some("peer_hash_map_60"), &all),
            " (2.5 × overlay/peer_hash_map_60)"
        );
        assert_eq!(ratio(&figure("other/x", 1.0, None), Some("peer_hash_map_60"), &all), "");
    }
}
