//! What the repository's checkers see of what may be wrong in a file.

use std::collections::BTreeMap;

use clap::Args;
use fusion_cli::{Environment, Exit};
use fusion_golden::statistics::{Alpha, wilson};

use crate::golden::Golden;
use crate::quality_gate::seed::{Readers, Seed, seeds};

mod defects;
mod migrations;
mod overlays;
mod recordings;
mod seed;
mod tables;

/// The share of defects that must be seen.
const FLOOR: f64 = 0.97;
/// How many missed defects are named.
const MOST_NAMED: usize = 40;

/// Run the goldens, and count what our checkers see of seeded defects in files
///
/// Every valid sample and every file of `configs/` is broken in many ways, one at a time:
/// overlays, prompts, flags, scenarios, model tables, goldens, recordings, migrations. A defect
/// is caught where a reader has an error or a warning about it that it does not have about the
/// file as it is. The files as they are must raise nothing.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cargo xtask quality-gate
  cargo xtask quality-gate --corpus
  cargo xtask quality-gate --corpus --floor 0.9")]
pub(crate) struct QualityGate {
    /// Only the seeded defects, not the goldens
    #[arg(long)]
    corpus: bool,
    /// The share of defects that must be seen
    #[arg(long, default_value_t = FLOOR, value_name = "SHARE")]
    floor: f64,
}

/// A file with a defect.
pub(crate) struct Defect {
    /// What kind of defect: `overlay: key misspelt`.
    class: String,
    /// What exactly was done.
    what: String,
    bytes: Vec<u8>,
}

impl Defect {
    fn new(class: impl Into<String>, what: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { class: class.into(), what: what.into(), bytes: bytes.into() }
    }
}

/// What became of the defects of a class.
#[derive(Debug, Default)]
struct Count {
    tried: usize,
    caught: usize,
    /// Caught by an error, which stops a load or a merge.
    errors: usize,
}

/// What became of all of them.
#[derive(Debug, Default)]
struct Counts {
    classes: BTreeMap<String, Count>,
    missed: Vec<String>,
    alarms: Vec<String>,
    valid: usize,
}

impl QualityGate {
    /// The seeded defects alone.
    pub(crate) fn of_corpus() -> Self {
        Self { corpus: true, floor: FLOOR }
    }

    pub(crate) fn run(self, environment: Environment) -> anyhow::Result<Exit> {
        if !self.corpus {
            let golden = Golden::default().run(environment);
            if golden != Exit::DONE {
                return Ok(golden);
            }
        }
        let counts = count(&seeds()?)?;
        print!("{}", counts.table());
        let (tried, caught) = counts.total();
        println!(
            "\n{caught} of {tried} defects caught: {}; the floor is {:.1} %",
            share(caught, tried),
            self.floor * 100.0
        );
        #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
        let is_enough = caught as f64 >= self.floor * tried as f64 && tried > 0;
        Ok(if is_enough && counts.alarms.is_empty() { Exit::DONE } else { Exit::FINDINGS })
    }
}

/// Breaks every seed in every way there is.
fn count(seeds: &[Seed]) -> anyhow::Result<Counts> {
    let readers = Readers::new()?;
    let mut counts = Counts { valid: seeds.len(), ..Counts::default() };
    for seed in seeds {
        let usual = readers.read(seed, &seed.bytes)?;
        // A sample may have what is only advised against; what is shipped may not.
        let is_shipped = !seed.name.starts_with("schemas/samples/");
        let alarms = usual.iter().filter(|it| is_shipped || it.is_error);
        counts.alarms.extend(alarms.map(|it| format!("{}: {}", seed.name, it.message)));
        for defect in defects::of(seed) {
            let found = readers.read(seed, &defect.bytes)?;
            let mut new = found.iter().filter(|it| !usual.contains(it)).peekable();
            let count = counts.classes.entry(defect.class.clone()).or_default();
            count.tried += 1;
            if new.peek().is_some() {
                count.caught += 1;
                count.errors += usize::from(new.any(|it| it.is_error));
            } else {
                counts.missed.push(format!("{}: {}: {}", defect.class, seed.name, defect.what));
            }
        }
    }
    Ok(counts)
}

impl Counts {
    fn total(&self) -> (usize, usize) {
        let classes = self.classes.values();
        classes.fold((0, 0), |(tried, caught), it| (tried + it.tried, caught + it.caught))
    }

    fn table(&self) -> String {
        let mut lines = vec![format!(
            "{:<40} {:>6} {:>6} {:>6}  caught",
            "defect", "tried", "caught", "errors"
        )];
        lines.extend(self.classes.iter().map(|(name, it)| {
            let share = share(it.caught, it.tried);
            format!("{name:<40} {:>6} {:>6} {:>6}  {share}", it.tried, it.caught, it.errors)
        }));
        lines.push(String::new());
        lines.push(format!("false alarms: {} of {} valid files", self.alarms.len(), self.valid));
        lines.extend(self.alarms.iter().map(|it| format!("  {it}")));
        if !self.missed.is_empty() {
            lines.push(format!("missed: {}", self.missed.len()));
            lines.extend(self.missed.iter().take(MOST_NAMED).map(|it| format!("  {it}")));
        }
        if let Some(more) = self.missed.len().checked_sub(MOST_NAMED).filter(|it| *it > 0) {
            lines.push(format!("  … and {more} more"));
        }
        lines.join("\n") + "\n"
    }
}

/// `98.2 % [95.1, 99.4]`, the 95 % interval after Wilson.
fn share(hits: usize, n: usize) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let (yes, all) = (hits as f64, n as f64);
    match wilson(yes, n, Alpha::P025) {
        Some(it) => {
            format!("{:.1} % [{:.1}, {:.1}]", yes / all * 100.0, it.lower * 100.0, it.upper * 100.0)
        }
        None => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_files_raise_nothing_and_defects_are_seen() -> anyhow::Result<()> {
        // The large files take longest and are left to the task itself.
        let mut seeds = seeds()?;
        seeds.retain(|it| it.bytes.len() < 6_000 && !it.name.contains("/performance/"));
        let counts = count(&seeds)?;
        assert_eq!(counts.alarms, Vec::<String>::new());
        let (tried, caught) = counts.total();
        assert!(tried > 1_000, "{tried} defects");
        assert!(caught * 100 >= tried * 97, "{}", counts.table());
        Ok(())
    }
}
