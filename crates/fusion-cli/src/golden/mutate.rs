use std::fmt::Write as _;

use clap::Args;
use fusion_golden::mutate::{ClassReport, Miss, MutateOptions, MutationReport, Proportion, mutate};
use serde::Serialize;

use super::counted::counted;
use super::refusal::suite_error;
use super::scope::Scope;
use crate::environment::Environment;
use crate::exit::Exit;
use crate::findings::plural;
use crate::output::{Output, Report};

/// How many places of a kind the text for people names.
const MOST_NAMED: usize = 12;

/// Break the suite on purpose, and count what is seen
///
/// Overlays, prompts, flags, recorded answers, prices and facts are changed one at a time, in
/// memory, as a person or a model might change them for the worse; each mutant goes up the
/// ladder. Shares are per class, with 95 % intervals: `rules` is what would see a change where
/// nothing was accepted yet, `named` how often the right overlay key was named, and no other.
/// Beside them stand the alarms about edits that change nothing, which must be none.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion golden mutate --n 600 --seed 1
  fusion golden mutate --suite goldens --json mutation.json

Exit codes: 0 counted, 1 alarms about edits that change nothing.")]
pub(super) struct Mutate {
    /// The most mutants
    #[arg(long, default_value_t = 600, value_name = "N", value_parser = counted(1_000_000))]
    n: usize,
    /// The same suite and seed give the same mutants
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    seed: u64,
}

impl Mutate {
    pub(super) fn run(
        self,
        scope: &Scope,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        scope.refuse_selection("mutate")?;
        let suite = scope.open(environment)?;
        let options = MutateOptions { n: self.n, seed: self.seed };
        let report = mutate(&suite, &options).map_err(suite_error)?;
        let exit = if report.has_false_alarms() { Exit::FINDINGS } else { Exit::DONE };
        scope.report(&Answer(report), output)?;
        Ok(exit)
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Answer(MutationReport);

impl Report for Answer {
    const SCHEMA: &'static str = "fusion/golden-mutation/1";

    fn text(&self, _width: usize) -> String {
        let report = &self.0;
        let mut res = String::new();
        // Writing to a string cannot fail.
        let _ = writeln!(
            res,
            "{} of {} ({}), seed {}\n\n{:<22} {:>5} {:>5}  {:<20} {:>9} {:>6}  {:<20} key named",
            plural(report.mutants, "mutant"),
            report.suite,
            plural(report.scenarios, "scenario"),
            report.seed,
            "class",
            "tried",
            "same",
            "caught",
            "integrity",
            "replay",
            "rules alone",
        );
        for class in &report.classes {
            let _ = writeln!(res, "{}", line(class));
        }
        let _ = writeln!(res, "\nalarms about edits that change nothing");
        for class in &report.false_alarms {
            let _ = writeln!(
                res,
                "{:<22} {:>5}        {}",
                class.class,
                class.tried,
                share(class.share)
            );
        }
        named(&mut res, "not seen", &report.misses);
        named(&mut res, "seen, and put down to other keys", &report.misnamed);
        named(&mut res, "false alarms", &report.alarms);
        res
    }
}

fn line(class: &ClassReport) -> String {
    let line = format!(
        "{:<22} {:>5} {:>5}  {:<20} {:>9} {:>6}  {:<20} {}",
        class.class,
        class.tried,
        class.equivalent,
        share(class.share),
        class.integrity,
        class.replay,
        share(class.rules),
        class.named.map(share).unwrap_or_default(),
    );
    line.trim_end().to_owned()
}

/// `98.2 % [95.1, 99.4]`.
fn share(it: Proportion) -> String {
    let percent = |it: f64| format!("{:.1}", it * 100.0);
    match it.share.zip(it.interval) {
        Some((share, interval)) => format!(
            "{} % [{}, {}]",
            percent(share),
            percent(interval.lower),
            percent(interval.upper)
        ),
        None => "-".to_owned(),
    }
}

/// The first of `misses` under `title`.
fn named(res: &mut String, title: &str, misses: &[Miss]) {
    if misses.is_empty() {
        return;
    }
    let _ = writeln!(res, "\n{title}: {}", misses.len());
    for it in misses.iter().take(MOST_NAMED) {
        let said =
            if it.said.is_empty() { String::new() } else { format!(" ({})", it.said.join(", ")) };
        let _ = writeln!(res, "  {} {}{said}", it.class, it.place);
    }
    if misses.len() > MOST_NAMED {
        let _ = writeln!(res, "  … and {} more, all in --json", misses.len() - MOST_NAMED);
    }
}
