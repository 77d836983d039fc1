use serde::Serialize;

use super::MutateOptions;
use super::class::Class;
use super::found::Found;
use super::mutant::{Change, Mutant};
use crate::statistics::{Alpha, Interval, wilson};
use crate::suite::Suite;

/// A share with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Proportion {
    /// How many are.
    pub hits: usize,
    /// Out of how many.
    pub n: usize,
    /// `hits / n`, four decimals; `None` for none of none.
    pub share: Option<f64>,
    /// The 95 % interval of the share, after Wilson.
    pub interval: Option<Interval>,
}

impl Proportion {
    fn of(hits: usize, n: usize) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
        let (yes, all) = (hits as f64, n as f64);
        let share = (n > 0).then(|| (yes / all * 10_000.0).round() / 10_000.0);
        Self { hits, n, share, interval: wilson(yes, n, Alpha::P025) }
    }
}

/// What became of the mutants of a class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassReport {
    /// The class: `overlay.delete`.
    pub class: &'static str,
    /// What is done.
    pub what: &'static str,
    /// The mutants, those that change nothing left out.
    pub tried: usize,
    /// The mutants that change nothing in meaning.
    pub equivalent: usize,
    /// Seen by any layer.
    pub caught: usize,
    /// The share that any layer saw.
    pub share: Proportion,
    /// A file is refused, or is not the accepted one.
    pub integrity: usize,
    /// Selection, settings, requests or outcome are not the accepted ones. A mutated answer
    /// is sealed anew before, so that no digest of a file gives it away.
    pub replay: usize,
    /// A rule of the scenario or a cap does not hold, or no answer is accepted any more: what
    /// would see the change where nothing was accepted yet.
    pub rules: Proportion,
    /// Where keys were changed, how often that key was named, and no other.
    pub named: Option<Proportion>,
}

/// A mutant that was not seen, or was put down to something else.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Miss {
    /// The class.
    pub class: &'static str,
    /// Where and what.
    pub place: String,
    /// What was said instead; empty where nothing was.
    pub said: Vec<String>,
}

/// What a suite sees of what may go wrong.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MutationReport {
    /// The suite's folder, as it was named.
    pub suite: String,
    /// Its scenarios.
    pub scenarios: usize,
    /// The seed.
    pub seed: u64,
    /// How many mutants were asked for.
    pub asked: usize,
    /// How many there were, those that change nothing among them.
    pub mutants: usize,
    /// Per class, what was caught.
    pub classes: Vec<ClassReport>,
    /// Per kind of edit that changes nothing in meaning, the alarms, as `caught`.
    pub false_alarms: Vec<ClassReport>,
    /// The mutants that no layer saw.
    pub misses: Vec<Miss>,
    /// Changes of a key that were seen and put down to other keys, or to none.
    pub misnamed: Vec<Miss>,
    /// What the false alarms said.
    pub alarms: Vec<Miss>,
}

impl MutationReport {
    pub(super) fn new(
        suite: &Suite,
        options: &MutateOptions,
        scenarios: usize,
        tallies: &[Tally],
        preserved: &[Tally],
    ) -> Self {
        let classes: Vec<_> = tallies.iter().map(Tally::report).collect();
        let all = |pick: fn(&Tally) -> &Vec<Miss>, of: &[Tally]| {
            of.iter().flat_map(|it| pick(it).clone()).collect()
        };
        Self {
            suite: suite.dir().display().to_string(),
            scenarios,
            seed: options.seed,
            asked: options.n,
            mutants: classes.iter().map(|it| it.tried + it.equivalent).sum(),
            classes,
            false_alarms: preserved.iter().map(Tally::report).collect(),
            misses: all(|it| &it.misses, tallies),
            misnamed: all(|it| &it.misnamed, tallies),
            alarms: all(|it| &it.misses, preserved),
        }
    }

    /// The report of a class.
    pub fn class(&self, name: &str) -> Option<&ClassReport> {
        self.classes.iter().chain(&self.false_alarms).find(|it| it.class == name)
    }

    /// Whether anything was said about an edit that changes nothing.
    pub fn has_false_alarms(&self) -> bool {
        self.false_alarms.iter().any(|it| it.caught > 0)
    }
}

/// The count of a class while it runs.
pub(super) struct Tally {
    pub(super) class: &'static Class,
    tried: usize,
    equivalent: usize,
    caught: usize,
    integrity: usize,
    replay: usize,
    rules: usize,
    /// Mutants of a key that were caught, and those of them that named it alone.
    named: (usize, usize),
    misses: Vec<Miss>,
    misnamed: Vec<Miss>,
}

impl Tally {
    pub(super) fn new(class: &'static Class) -> Self {
        Self {
            class,
            tried: 0,
            equivalent: 0,
            caught: 0,
            integrity: 0,
            replay: 0,
            rules: 0,
            named: (0, 0),
            misses: Vec::new(),
            misnamed: Vec::new(),
        }
    }

    /// Counts what became of a mutant.
    pub(super) fn count(&mut self, mutant: &Mutant, found: Found) {
        if found.equivalent {
            self.equivalent += 1;
            return;
        }
        let miss = |said| Miss { class: mutant.class, place: mutant.place.clone(), said };
        self.tried += 1;
        self.caught += usize::from(found.is_caught());
        self.integrity += usize::from(found.integrity);
        self.replay += usize::from(found.replay);
        self.rules += usize::from(found.rules);
        if !found.is_caught() {
            self.misses.push(miss(Vec::new()));
        } else if let Some(key) = key(mutant) {
            self.named.0 += 1;
            if found.keys.len() == 1 && found.keys.contains(key) {
                self.named.1 += 1;
            } else {
                self.misnamed.push(miss(found.keys.into_iter().collect()));
            }
        }
    }

    /// Counts an edit that changes nothing, with what was said about it.
    pub(super) fn alarms(&mut self, place: &str, said: &[String]) {
        self.tried += 1;
        if !said.is_empty() {
            self.caught += 1;
            let (class, place) = (self.class.name, place.to_owned());
            self.misses.push(Miss { class, place, said: said.to_vec() });
        }
    }

    fn report(&self) -> ClassReport {
        let (caught_keys, named) = self.named;
        ClassReport {
            class: self.class.name,
            what: self.class.what,
            tried: self.tried,
            equivalent: self.equivalent,
            caught: self.caught,
            share: Proportion::of(self.caught, self.tried),
            integrity: self.integrity,
            replay: self.replay,
            rules: Proportion::of(self.rules, self.tried),
            named: (caught_keys > 0).then(|| Proportion::of(named, caught_keys)),
        }
    }
}

/// The key that a mutant changes.
fn key(mutant: &Mutant) -> Option<&str> {
    match &mutant.change {
        Change::File(change) => change.key.as_deref(),
        _ => None,
    }
}
