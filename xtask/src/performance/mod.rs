//! What a change does to the speed of the code: instructions that two builds need for the
//! same commands.

mod counter;
mod sides;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser};
use fusion_cli::Exit;
use fusion_golden::Verdict;
use serde::Serialize;

use self::counter::Counter;
use self::sides::{Side, Sides};
use crate::root::root;

/// Say whether the code became slower: instructions of two builds for the same commands
///
/// Builds the base and the working tree with the same settings, and runs both on the files
/// of the base, in turns. Instructions are counted, by the processor (`perf stat`) where it
/// lets us, else by valgrind; no clock is read. Code that does not differ passes unbuilt.
#[derive(Debug, Parser)]
#[command(
    bin_name = "cargo xtask budget-gate --perf",
    after_help = "\
Examples:
  cargo xtask budget-gate --perf
  cargo xtask budget-gate --perf --base v1.4.0 --fail 5
  cargo xtask budget-gate --perf --rounds 5 --json perf.json

Exit codes: 0 no slower, 1 slower, 3 rounds that disagree or warnings under --strict, 69 nothing \
that counts instructions."
)]
pub(crate) struct Performance {
    /// The git reference to compare with; else the merge base with the main branch
    #[arg(long, value_name = "REF")]
    base: Option<String>,
    /// How often each side runs each command
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Instructions more that are a warning, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 3.0, value_parser = percent)]
    warn: f64,
    /// Instructions more that are a failure, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 10.0, value_parser = percent)]
    fail: f64,
    /// Warnings end with 3
    #[arg(long)]
    strict: bool,
    /// Write the figures as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// The commands that are counted, on the files of the base.
const COMMANDS: &[&[&str]] = &[
    &["overlay", "check", "configs/overlays", "--profile", "deploy"],
    &["golden", "validate", "--suite", "goldens", "--threads", "1"],
    &["flags", "check", "configs/overlay_feature_flags.yaml"],
    &["budget", "gate", "--base", "goldens", "--candidate", "goldens", "--threads", "1"],
];

/// What a comparison of two builds comes to.
#[derive(Debug, Serialize)]
struct Report {
    schema: &'static str,
    verdict: Verdict,
    base: String,
    candidate: String,
    counter: &'static str,
    checks: Vec<Check>,
}

/// One command on both sides.
#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    /// The command.
    scenario: String,
    /// Instructions, the median of the rounds.
    base: u64,
    candidate: u64,
    /// The share of instructions that the candidate needs more, the median of the rounds.
    delta: f64,
    /// The least and the greatest share of a round.
    interval: [f64; 2],
    n: usize,
    verdict: Verdict,
    message: String,
}

impl Performance {
    /// Refuses a warning above the failure, which could never be one.
    fn ordered(self) -> Result<Self, clap::Error> {
        if self.warn <= self.fail {
            return Ok(self);
        }
        let message = format!("--warn {} is above --fail {}", self.warn, self.fail);
        Err(Self::command().error(ErrorKind::ValueValidation, message))
    }

    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        let Some(counter) = Counter::find() else {
            eprintln!(
                "error: nothing here counts instructions: the processor does not let `perf stat`, \
                 and there is no valgrind\nhelp: install valgrind"
            );
            return Ok(Exit::UNREACHABLE);
        };
        let sides = Sides::of(self.base.as_deref(), &root().join("target/performance"))?;
        let checks = if sides.is_same_code()? {
            println!("{} and the working tree have the same code", sides.name);
            Vec::new()
        } else {
            self.compare(&sides, &counter)?
        };
        let verdict = checks.iter().map(|it| it.verdict).max().unwrap_or(Verdict::Pass);
        let report = Report {
            schema: "fusion/performance-report/1",
            verdict,
            base: sides.name.clone(),
            candidate: "working tree".to_owned(),
            counter: counter.name(),
            checks,
        };
        print(&report);
        if let Some(path) = &self.json {
            let text = serde_json::to_string_pretty(&report)?;
            std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
        }
        Ok(match verdict {
            Verdict::Pass => Exit::DONE,
            Verdict::Warn | Verdict::Insufficient if self.strict => Exit::INSUFFICIENT,
            Verdict::Warn => Exit::DONE,
            Verdict::Insufficient => Exit::INSUFFICIENT,
            _ => Exit::FINDINGS,
        })
    }

    fn compare(&self, sides: &Sides, counter: &Counter) -> anyhow::Result<Vec<Check>> {
        let [base, candidate] = [sides.build(Side::Base)?, sides.build(Side::Candidate)?];
        let mut res = Vec::new();
        for command in COMMANDS {
            eprintln!("counting `fusion {}`, {} rounds", command.join(" "), self.rounds);
            let counted = |fusion: &Path| -> anyhow::Result<Count> {
                let mut command = arguments(fusion, command, &sides.files());
                counter.count(&mut command)
            };
            let mut rounds = Vec::new();
            for round in 0..self.rounds {
                // In turns, and each side first once in two.
                let round = if round % 2 == 0 {
                    let base = counted(&base)?;
                    [base, counted(&candidate)?]
                } else {
                    let candidate = counted(&candidate)?;
                    [counted(&base)?, candidate]
                };
                rounds.push(round);
            }
            res.push(self.judged(command.join(" "), &rounds));
        }
        Ok(res)
    }

    fn judged(&self, scenario: String, rounds: &[[Count; 2]]) -> Check {
        let side = |at: usize| median(rounds.iter().map(|it| it[at].instructions).collect());
        let mut deltas: Vec<f64> = rounds.iter().map(delta).collect();
        deltas.sort_by(f64::total_cmp);
        let [least, most] = [deltas.first(), deltas.last()].map(|it| it.copied().unwrap_or(0.0));
        let middle = deltas.get(deltas.len() / 2).copied().unwrap_or(0.0);
        let statuses: Vec<_> = rounds.iter().map(|it| [it[0].status, it[1].status]).collect();
        let (verdict, message) = match statuses.iter().find(|it| it[0] != it[1]) {
            // A command that ends another way does other work: its figures say nothing.
            Some([base, candidate]) => {
                let words =
                    format!("ended with {base} for the base, {candidate} for the candidate");
                (Verdict::Invalid, words)
            }
            None => self.verdict([least, middle, most]),
        };
        Check {
            name: "instructions",
            scenario,
            base: side(0),
            candidate: side(1),
            delta: middle,
            interval: [least, most],
            n: rounds.len(),
            verdict,
            message,
        }
    }

    /// Judges the least, the middle and the greatest share of the rounds.
    fn verdict(&self, [least, middle, most]: [f64; 3]) -> (Verdict, String) {
        let said = format!("{:+.2} % instructions", middle * 100.0);
        for (verdict, limit) in [(Verdict::Fail, self.fail), (Verdict::Warn, self.warn)] {
            let limit = limit / 100.0;
            if least > limit {
                return (verdict, format!("{said}, over {:.1} %", limit * 100.0));
            }
            if most > limit {
                let words = format!("{said}; rounds lie on both sides of {:.1} %", limit * 100.0);
                return (Verdict::Insufficient, words);
            }
        }
        (Verdict::Pass, said)
    }
}

/// What one run took.
#[derive(Clone, Copy, Debug)]
struct Count {
    instructions: u64,
    /// How the command itself ended.
    status: i32,
}

fn delta([base, candidate]: &[Count; 2]) -> f64 {
    candidate.instructions as f64 / base.instructions.max(1) as f64 - 1.0
}

fn median(mut counts: Vec<u64>) -> u64 {
    counts.sort_unstable();
    counts.get(counts.len() / 2).copied().unwrap_or(0)
}

/// Where `fusion` finds `git`.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// `fusion` with `arguments`, seeing nothing of the variables of this process.
fn arguments(fusion: &Path, arguments: &[&str], files: &Path) -> Command {
    let mut command = Command::new(fusion);
    command.args(arguments).current_dir(files).env_clear().env("PATH", PATH);
    command
}

fn print(report: &Report) {
    println!("{} against {}, counted by {}", report.candidate, report.base, report.counter);
    for it in &report.checks {
        let words = it.verdict.as_str();
        println!("{words:<12} {:>14} {:>14}  {}", it.base, it.candidate, it.message);
        println!("{:12} fusion {}", "", it.scenario);
    }
    println!("verdict: {}", report.verdict.as_str());
}

/// The arguments of `--perf` out of those of the gate; `None` where it is not among them.
pub(crate) fn asked(args: &[std::ffi::OsString]) -> Option<Result<Performance, clap::Error>> {
    args.iter().any(|it| it == "--perf").then(|| {
        let rest = args.iter().filter(|it| *it != "--perf").cloned();
        Performance::try_parse_from(std::iter::once("budget-gate".into()).chain(rest))?.ordered()
    })
}

/// A limit: without one that is a number, every comparison would pass.
fn percent(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|it: &f64| it.is_finite() && *it >= 0.0);
    number.ok_or_else(|| "no finite number from 0 on".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate() -> Performance {
        Performance::parse_from(["budget-gate"])
    }

    fn rounds(counts: &[[u64; 2]]) -> Vec<[Count; 2]> {
        let count = |instructions| Count { instructions, status: 0 };
        counts.iter().map(|it| it.map(count)).collect()
    }

    #[test]
    fn more_instructions_are_judged_by_the_round_that_speaks_for_the_candidate() {
        let verdict = |counts: &[[u64; 2]]| gate().judged(String::new(), &rounds(counts)).verdict;
        assert_eq!(verdict(&[[100, 102], [100, 101], [100, 100]]), Verdict::Pass);
        assert_eq!(verdict(&[[100, 104], [100, 105]]), Verdict::Warn);
        assert_eq!(verdict(&[[100, 111], [100, 120]]), Verdict::Fail);
        assert_eq!(verdict(&[[100, 90]]), Verdict::Pass, "faster is fine");
        assert_eq!(verdict(&[[100, 111], [100, 109]]), Verdict::Insufficient);
    }

    #[test]
    fn a_command_that_ends_another_way_is_not_compared() {
        let mut rounds = rounds(&[[100, 100]]);
        rounds[0][1].status = 1;
        let check = gate().judged(String::new(), &rounds);
        assert_eq!(check.verdict, Verdict::Invalid);
        assert!(check.message.contains("0 for the base, 1 for the candidate"));
    }

    #[test]
    fn the_switch_may_stand_anywhere() {
        let args = |text: &str| text.split(' ').map(Into::into).collect::<Vec<_>>();
        assert!(asked(&args("--base HEAD")).is_none());
        let asked = asked(&args("--base HEAD --perf --rounds 5")).expect("it is asked for");
        assert_eq!(asked.map(|it| (it.base, it.rounds)).ok(), Some((Some("HEAD".to_owned()), 5)));
    }

    #[test]
    fn limits_are_numbers_in_order() {
        let asked = |text: &str| asked(&text.split(' ').map(Into::into).collect::<Vec<_>>());
        let is_taken = |text: &str| asked(text).expect("it is asked for").is_ok();
        for text in ["--warn 5 --fail 5", "--warn 0", "--fail 3"] {
            assert!(is_taken(&format!("--perf {text}")), "{text}");
        }
        for text in ["--warn nan", "--fail NaN", "--fail inf", "--warn=-1", "--warn 11", "--fail 2"]
        {
            assert!(!is_taken(&format!("--perf {text}")), "{text}");
        }
    }
}
