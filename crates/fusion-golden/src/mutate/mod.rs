//! How much of what may go wrong the golden tests see: seeded regressions, and the share that
//! is caught.
//!
//! [`mutate`] takes a suite that passes and, one at a time, changes what a person or a model
//! might change for the worse: a key of an overlay, a sentence of a prompt, a flag, a price, a
//! fact of a scenario, a recorded answer. Each mutant goes up the ladder in memory; nothing is
//! written. Shares are given per class of [`CLASSES`], never as one number: a test that sees
//! every deleted key may see no answer that says the opposite.
//!
//! A mutated answer stands for another recording, so its line is sealed anew: what is left to
//! see it is the comparison with what was accepted, and the scenario's rules, which are
//! reported apart. What the digest of a line alone would have seen is reported too. Beside it
//! stand the false alarms: the same suite again, and edits that change nothing in meaning.
//! A mutant with the canonical digest of what it was made of, or one that nobody sees because
//! the same values are in force, changes nothing and is counted apart.
//!
//! ```
//! use fusion_golden::{Suite, import, mutate::{MutateOptions, mutate}};
//!
//! let row = r#"{"id": 6, "prompt": "What is 2 + 3?", "gold": "5",
//!     "mixtral_8x7b": {"answer": "It is 5.", "correct": true},
//!     "gpt4_1106": {"answer": "2 + 3 = 5", "correct": true}}"#;
//! let folder = tempfile::tempdir()?;
//! let dir = folder.path().join("sums");
//! import::gsm8k(&row.replace('\n', " "), &dir)?;
//!
//! let report = mutate(&Suite::open(&dir)?, &MutateOptions { n: 60, seed: 1 })?;
//! let deleted = report.class("overlay.delete").unwrap();
//! assert_eq!(deleted.caught, deleted.tried);
//! assert_eq!(report.false_alarms.iter().map(|it| it.caught).sum::<usize>(), 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answers;
mod class;
mod configuration;
mod flags;
mod found;
mod mutant;
mod overlays;
mod preserved;
mod prompts;
mod recorded;
mod report;
mod trial;
mod wording;

use crate::statistics::random::Random;
use crate::suite::{Suite, SuiteError};

use self::mutant::Mutant;
use self::report::Tally;
use self::trial::Ground;

pub use self::class::{CLASSES, Class, PRESERVED};
pub use self::report::{ClassReport, Miss, MutationReport, Proportion};

/// How many mutants, and which.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MutateOptions {
    /// The most mutants; drawn in turn from the classes, so that a class with few places
    /// leaves its turn to the others.
    pub n: usize,
    /// The same suite and seed give the same mutants.
    pub seed: u64,
}

impl Default for MutateOptions {
    fn default() -> Self {
        Self { n: 600, seed: 1 }
    }
}

/// Mutates `suite` and says what was caught.
///
/// # Errors
///
/// Where the suite has no scenarios, or a file of it cannot be read.
pub fn mutate(suite: &Suite, options: &MutateOptions) -> Result<MutationReport, SuiteError> {
    let ground = Ground::read(suite)?;
    let mut random = Random::new(options.seed);
    let mut tallies: Vec<_> = CLASSES.iter().map(Tally::new).collect();
    let mut places = Vec::new();
    for class in CLASSES {
        let mut all = ground.mutants(class.name, &mut random);
        shuffle(&mut all, &mut random);
        places.push(all.into_iter());
    }
    for mutant in in_turn(&mut places, options.n) {
        let found = ground.trial(&mutant);
        if let Some(tally) = tallies.iter_mut().find(|it| it.class.name == mutant.class) {
            tally.count(&mutant, found);
        }
    }
    let mut preserved: Vec<_> = PRESERVED.iter().map(Tally::new).collect();
    for tally in &mut preserved {
        for (place, alarms) in ground.alarms(tally.class.name, &mut random) {
            tally.alarms(&place, &alarms);
        }
    }
    Ok(MutationReport::new(suite, options, ground.scenarios(), &tallies, &preserved))
}

/// One of each class in turn, until there are `n` or no more.
fn in_turn(places: &mut [std::vec::IntoIter<Mutant>], n: usize) -> Vec<Mutant> {
    let mut drawn = Vec::new();
    while drawn.len() < n {
        let before = drawn.len();
        for class in &mut *places {
            drawn.extend(class.next());
        }
        if drawn.len() == before {
            break;
        }
    }
    drawn.truncate(n);
    drawn
}

/// Fisher and Yates 1938, as Durstenfeld 1964 has it.
fn shuffle<T>(all: &mut [T], random: &mut Random) {
    for last in (1..all.len()).rev() {
        all.swap(last, random.below(last as u64 + 1));
    }
}
