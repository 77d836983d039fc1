//! The figures of the benchmarks beside their goals.

mod criterion;
mod goals;
mod process;
mod shares;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use clap::Args;
use fusion_cli::Exit;

use self::criterion::figures;
use self::goals::{Bound, Goal, goals_of};
use crate::root::{cargo, root, run};

/// Run the benchmarks and print each figure beside its goal
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cargo xtask bench
  cargo xtask bench overlay
  cargo xtask bench --peers
  cargo xtask bench --rounds 1 flags
  cargo xtask bench --no-run

Every benchmark runs once in each round: a floor and what is held to it stand some seconds
apart, in which a shared machine may change its pace. A figure is the median of its rounds,
a ratio the median of the ratios of single rounds. Ends with 1 where a figure misses its goal, or the floor of a ratio was not measured in the
same run.")]
pub(crate) struct Bench {
    /// Print the figures of the last run of criterion, and measure no processes
    #[arg(long)]
    no_run: bool,
    /// Compare with the libraries that `benches/peers` builds, instead
    #[arg(long)]
    peers: bool,
    /// How often to run them all
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..))]
    rounds: u8,
    /// Only benchmarks whose name holds this
    filter: Option<String>,
}

/// What a benchmark takes to warm up and to measure, in seconds of each round.
const PACE: [&str; 4] = ["--warm-up-time", "1", "--measurement-time", "2"];

/// One measured figure.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figure {
    /// `group/name`.
    pub(crate) name: String,
    /// The measure, nanoseconds of one iteration, bytes, or a number without unit: one of
    /// each round.
    pub(crate) values: Vec<f64>,
    /// Half the width of its 95 % confidence interval, the widest of all rounds.
    pub(crate) spread: f64,
    /// What one iteration works on, where that is counted.
    pub(crate) elements: Option<f64>,
    /// What it is to be compared with, in words; nothing where a floor says so.
    pub(crate) beside: String,
}

impl Bench {
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        let is_wanted =
            |name: &str| self.filter.as_deref().is_none_or(|filter| name.contains(filter));
        let mut measured = Vec::new();
        if self.no_run {
            measured = figures(&self.criterion(), None)?;
        } else {
            for round in 1..=self.rounds {
                eprintln!("round {round} of {}", self.rounds);
                join(&mut measured, self.round()?);
            }
            if !self.peers {
                measured.extend(process::figures(&is_wanted)?);
                measured.extend(shares::figures(self.filter.as_deref())?);
            }
        }
        let shown: Vec<_> = measured.iter().filter(|it| is_wanted(&it.name)).collect();
        let missed = shown.iter().filter(|it| !print(it, &measured)).count();
        println!("{} figures, {missed} beyond their goal", shown.len());
        Ok(match (shown.is_empty(), missed) {
            (true, _) => Exit::NOTHING,
            (false, 0) => Exit::DONE,
            (false, _) => Exit::FINDINGS,
        })
    }

    /// Runs every benchmark once. Figures of an earlier run are no floor for those of this.
    fn round(&self) -> anyhow::Result<Vec<Figure>> {
        let started = Instant::now();
        run(self.command().arg("--").args(PACE).args(&self.filter))?;
        figures(&self.criterion(), Some(started.elapsed()))
    }

    /// Where criterion leaves what it measured.
    fn criterion(&self) -> PathBuf {
        root().join(self.target()).join("criterion")
    }

    /// Where the benchmarks are built.
    fn target(&self) -> &'static str {
        if self.peers { "target/peers" } else { "target" }
    }

    fn command(&self) -> Command {
        let mut command = cargo();
        if self.peers {
            // A workspace of its own: what the peers bring stays out of the main lock file. Its
            // own follows what our crates need; the peers stay at their versions.
            command.args(["bench", "--manifest-path", "benches/peers/Cargo.toml"]);
            command.env("CARGO_TARGET_DIR", root().join(self.target()));
        } else {
            command.args(["bench", "--package", "benches"]);
        }
        command
    }
}

/// Adds the figures of another round.
fn join(all: &mut Vec<Figure>, round: Vec<Figure>) {
    for figure in round {
        match all.iter_mut().find(|it| it.name == figure.name) {
            Some(it) => {
                it.spread = it.spread.max(figure.spread);
                it.values.extend(figure.values);
            }
            None => all.push(figure),
        }
    }
}

impl Figure {
    /// The median of the rounds.
    fn value(&self) -> f64 {
        median(self.values.clone())
    }

    /// The median of what each round has of the floor's.
    fn over(&self, floor: &Self) -> f64 {
        median(self.values.iter().zip(&floor.values).map(|(own, floor)| own / floor).collect())
    }
}

/// The one in the middle, of two the mean; no number where there is none.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = |it: usize| values.get(it).copied().unwrap_or(f64::NAN);
    f64::midpoint(at(values.len().saturating_sub(1) / 2), at(values.len() / 2))
}

/// Prints a figure beside each of its goals, and says whether all are reached.
fn print(figure: &Figure, all: &[Figure]) -> bool {
    let spread = spread(figure);
    let (mut goals, mut reached) = (goals_of(&figure.name).peekable(), true);
    if goals.peek().is_none() {
        println!("{:<32} {:>12} {spread}", figure.name, time(figure.value()));
    }
    for goal in goals {
        let it = judged(figure, goal, all);
        let verdict = if it.reached { "reached" } else { "MISSED" };
        let line = format!("{:<32} {:>12} {spread}", figure.name, it.measured);
        println!("{line}  {:<11} {verdict:<7} {}{}", it.wanted, goal.what, it.beside);
        reached &= it.reached;
    }
    reached
}

/// Half the interval of a figure, as a share of it; blanks where none was measured.
fn spread(figure: &Figure) -> String {
    if figure.spread > 0.0 {
        format!("± {:>4.1} %", figure.spread / figure.value() * 100.0)
    } else {
        " ".repeat(8)
    }
}

/// A figure and its goal as people read them.
struct Judged {
    measured: String,
    wanted: String,
    reached: bool,
    /// The floor, in brackets.
    beside: String,
}

fn judged(figure: &Figure, goal: &Goal, all: &[Figure]) -> Judged {
    let value = figure.value();
    let floor = floor(figure, goal.floor, all);
    let said = match figure.beside.as_str() {
        "" => String::new(),
        beside => format!(" ({beside})"),
    };
    let beside = floor.map_or(said, |it| {
        format!(" ({} × {}, {})", share(figure.over(it)), it.name, time(it.value()))
    });
    let judged =
        |measured, wanted, reached| Judged { measured, wanted, reached, beside: beside.clone() };
    match goal.bound {
        Bound::Time(most) => judged(time(value), format!("≤ {}", time(most)), value <= most),
        Bound::Bytes(most) => judged(size(value), format!("≤ {}", size(most)), value <= most),
        Bound::AtMost(most) => judged(format!("{value:.4}"), format!("≤ {most}"), value <= most),
        Bound::AtLeast(least) => {
            judged(format!("{value:.4}"), format!("≥ {least}"), value >= least)
        }
        Bound::PerSecond(least) => {
            let rate = figure.elements.unwrap_or(1.0) / value * 1e9;
            judged(format!("{rate:.0}/s"), format!("≥ {least:.0}/s"), rate >= least)
        }
        Bound::Ratio { design, floor: of_design } => {
            let most = design / of_design;
            let reached = floor.is_some_and(|it| figure.over(it) <= most);
            let mut res = judged(time(value), format!("≤ {} ×", share(most)), reached);
            match floor {
                // A ratio of two of our own figures stands for no time.
                Some(_) if of_design > 1.0 => {
                    let (design, floor) = (time(design), time(of_design));
                    // Writing to a string cannot fail.
                    let _ = write!(res.beside, ", DESIGN §9: {design} beside {floor}");
                }
                Some(_) => {}
                None => res.beside = " (its floor was not run)".to_owned(),
            }
            res
        }
    }
}

/// The figure of the floor, where it was measured in the same group.
fn floor<'a>(figure: &Figure, floor: Option<&str>, all: &'a [Figure]) -> Option<&'a Figure> {
    let group = figure.name.rsplit_once('/').map_or("", |(group, _)| group);
    let name = format!("{group}/{}", floor?);
    all.iter().find(|it| it.name == name)
}

/// A ratio with two digits that count.
fn share(ratio: f64) -> String {
    if ratio < 0.1 { format!("{ratio:.4}") } else { format!("{ratio:.2}") }
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
        let values = vec![value];
        Figure { name: name.to_owned(), values, spread: 0.0, elements, beside: String::new() }
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
        assert!(reached("breaker/closed", 4.9, None));
        assert!(!reached("breaker/closed", 5.1, None));
        assert!(reached("golden_gsm8k/replay_rules", 60e6, Some(659.0)));
        assert!(!reached("golden_gsm8k/replay_rules", 70e6, Some(659.0)));
        assert!(reached("overlay/of_no_goal", 1e12, None));
        assert!(
            reached("figures/tuner_zdt1", 0.93, None) && !reached("figures/tuner_zdt1", 0.91, None)
        );
        assert!(reached("figures/alarms_one_look", 0.0, None));
        assert!(!reached("figures/alarms_one_look", 0.021, None));
    }

    #[test]
    fn a_ratio_is_held_against_the_floor_of_the_same_run() {
        let all = [figure("overlay/peer_hash_map_60", 2_000.0, None)];
        let reached = |name, value| print(&figure(name, value, None), &all);
        assert!(reached("overlay/parse_check_60", 1_777.0));
        assert!(!reached("overlay/parse_check_60", 1_778.0));
        assert!(!reached("another/parse_check_60", 1.0), "its floor is of another group");
        assert!(!print(&figure("overlay/parse_check_60", 1.0, None), &[]), "it was not run");
    }

    #[test]
    fn a_figure_is_the_median_of_its_rounds() {
        let mut all = Vec::new();
        for [own, floor] in [[40.0, 40.0], [90.0, 30.0], [30.0, 20.0]] {
            let floor = figure("overlay/peer_hash_map_60", floor, None);
            join(&mut all, vec![figure("overlay/parse_check_60", own, None), floor]);
        }
        let [own, floor] = &all[..] else { panic!("{all:?}") };
        assert_eq!((own.value(), floor.value(), own.over(floor)), (40.0, 30.0, 1.5));
    }

    #[test]
    fn every_ratio_of_a_figure_is_judged() {
        let all = [
            figure("peers_breaker/recloser", 10.0, None),
            figure("peers_breaker/failsafe", 10.0, None),
            figure("peers_breaker/tower_resilience", 10.0, None),
        ];
        assert!(!print(&figure("peers_breaker/fusion", 1.0, None), &all), "2.5 % of the last");
        assert!(print(&figure("peers_breaker/fusion", 0.24, None), &all));
    }
}
