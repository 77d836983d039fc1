use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use overlay_loader::Installation;
use overlay_model::Scenario;
use overlay_schema::VOLATILE;

use super::answers::{self, AnswerEdit};
use super::found::Found;
use super::mutant::{Change, FileChange, Mutant, ScenarioEdit};
use super::recorded::Recorded;
use super::{configuration, flags, overlays, preserved, prompts};
use crate::report::{Check, Verdict};
use crate::sides::{Sides, canonical};
use crate::statistics::random::Random;
use crate::suite::{Suite, SuiteError};
use crate::validate::ValidateOptions;

/// The files at the top of an installation that say how it answers; scenarios are kept as
/// they were parsed.
const TOP_FILES: [&str; 3] = [flags::FLAG_FILE, configuration::PROVIDERS, "capability.jsonl"];
/// How many scenarios are looked at before the search for a catch goes on.
const CHUNK: usize = 32;

/// The suite that is mutated, held in memory.
pub(super) struct Ground {
    suite: Suite,
    files: BTreeMap<String, Vec<u8>>,
    /// Per scenario of the catalogue, what was read of it.
    recorded: Vec<Recorded>,
    options: ValidateOptions,
}

impl Ground {
    /// Reads all that `suite` rests on.
    pub(super) fn read(suite: &Suite) -> Result<Self, SuiteError> {
        suite.select(&[])?;
        let files = files(suite.installation().root())?;
        let options = ValidateOptions { tokens: true, ..ValidateOptions::default() };
        let ids = suite.installation().catalogue().scenarios.iter().map(|it| it.id.to_string());
        let recorded = ids.map(|id| Recorded::read(suite, &id)).collect::<Result<Vec<_>, _>>()?;
        let mut ground = Self { suite: suite.clone(), files, recorded, options };
        ground.suite = ground.over(&[]);
        let usual: Vec<_> = ground.usual();
        for (recorded, usual) in ground.recorded.iter_mut().zip(usual) {
            recorded.usual = usual;
        }
        Ok(ground)
    }

    /// How many scenarios there are.
    pub(super) fn scenarios(&self) -> usize {
        self.recorded.len()
    }

    /// Every mutant of a class.
    pub(super) fn mutants(&self, class: &'static str, random: &mut Random) -> Vec<Mutant> {
        let installation = self.suite.installation();
        let subject = class.split_once('.').map_or(class, |(subject, _)| subject);
        match subject {
            "overlay" => overlays::mutants(class, installation),
            "prompt" => prompts::mutants(class, installation),
            "flag" => flags::mutants(class, installation),
            "answer" => {
                let ids: Vec<_> = self.all().iter().map(|it| it.id.as_str()).collect();
                answers::mutants(class, &ids, random)
            }
            _ => configuration::mutants(class, installation, random),
        }
    }

    /// What the ladder says about a mutant that it does not say without it.
    pub(super) fn trial(&self, mutant: &Mutant) -> Found {
        match &mutant.change {
            Change::File(change) => self.file_trial(change),
            Change::Scenario(number, edit) => self.scenario_trial(*number, edit),
            Change::Answers(number, edit, seed) => self.answer_trial(*number, *edit, *seed),
        }
    }

    /// Edits of a class that change nothing in meaning, each with what is said about it.
    pub(super) fn alarms(&self, class: &str, random: &mut Random) -> Vec<(String, Vec<String>)> {
        match class {
            "same.unchanged" => self.unchanged(),
            "same.recordings" => {
                (0..self.recorded.len()).filter_map(|it| self.reversed(it)).collect()
            }
            _ => {
                let edits = preserved::edits(class, self.suite.installation(), random);
                edits.into_iter().map(|it| (it.path.clone(), self.edit_alarms(&it))).collect()
            }
        }
    }

    fn all(&self) -> &[Scenario] {
        &self.suite.installation().catalogue().scenarios
    }

    /// The suite with other texts for these files.
    fn over(&self, changed: &[&FileChange]) -> Suite {
        let text = |path: &str| changed.iter().find(|it| it.path == path).map(|it| &it.text);
        let files = self.files.iter().map(|(path, bytes)| {
            let bytes = text(path).map_or_else(|| bytes.clone(), |it| it.as_bytes().to_vec());
            (path.clone(), bytes)
        });
        let installation = self.suite.installation();
        let catalogue = Arc::clone(installation.shared_catalogue());
        let root = installation.root().to_owned();
        self.with(Installation::from_files(&root, files, None).with_catalogue(catalogue))
    }

    fn with(&self, installation: Installation) -> Suite {
        let mut suite = self.suite.clone();
        suite.installation = installation;
        suite
    }

    /// What is said about each scenario without any change.
    fn usual(&self) -> Vec<HashSet<(&'static str, String)>> {
        let scenarios: Vec<_> = self.all().iter().collect();
        let sides = Sides::new(&self.suite, &scenarios);
        let said = scenarios.iter().zip(&self.recorded).map(|(scenario, recorded)| {
            let report = recorded.climb(&sides, scenario, &self.options);
            report.checks.into_iter().map(|it| (it.code, it.message)).collect()
        });
        said.collect()
    }

    fn file_trial(&self, change: &FileChange) -> Found {
        if change.is_equivalent {
            return Found { equivalent: true, ..Found::default() };
        }
        let suite = self.over(&[change]);
        let mut found = Found::default();
        for message in self.refusals(&suite) {
            found.integrity = true;
            found.keys.extend(change.key.clone().filter(|it| message.contains(it.as_str())));
        }
        let scenarios: Vec<_> = suite.installation().catalogue().scenarios.iter().collect();
        let options = ValidateOptions { tokens: false, ..self.options.clone() };
        for (chunk, recorded) in scenarios.chunks(CHUNK).zip(self.recorded.chunks(CHUNK)) {
            let sides = Sides::new(&suite, chunk);
            for (scenario, recorded) in chunk.iter().zip(recorded) {
                recorded.add(&recorded.climb(&sides, scenario, &options), &mut found, false);
            }
            if found.replay {
                break;
            }
        }
        // A key that repeats what the layer below says may go: the same is in force.
        found.equivalent = !found.is_caught()
            && change.key.is_some()
            && in_force(suite.installation()) == in_force(self.suite.installation());
        found
    }

    /// The errors that are found in the files of `suite` and not in those it was made of.
    fn refusals(&self, suite: &Suite) -> Vec<String> {
        let errors = |suite: &Suite| -> Vec<String> {
            let findings = suite.installation().findings().iter();
            findings
                .filter(|it| it.diagnostic.is_error())
                .map(|it| format!("{}: {}", it.path, it.diagnostic.message))
                .collect()
        };
        let usual = errors(&self.suite);
        errors(suite).into_iter().filter(|it| !usual.contains(it)).collect()
    }

    fn scenario_trial(&self, number: usize, edit: &ScenarioEdit) -> Found {
        let mut catalogue = self.suite.installation().catalogue().clone();
        let (Some(scenario), Some(recorded)) =
            (catalogue.scenarios.get_mut(number), self.recorded.get(number))
        else {
            return Found::default();
        };
        edit.apply(scenario);
        let installation = self.suite.installation().clone();
        let suite = self.with(installation.with_catalogue(Arc::new(catalogue)));
        let mut found = Found::default();
        if let Some(scenario) = suite.installation().catalogue().scenarios.get(number) {
            let sides = Sides::new(&suite, &[scenario]);
            recorded.add(&recorded.climb(&sides, scenario, &self.options), &mut found, false);
        }
        found
    }

    fn answer_trial(&self, number: usize, edit: AnswerEdit, seed: u64) -> Found {
        let (Some(scenario), Some(recorded)) = (self.all().get(number), self.recorded.get(number))
        else {
            return Found::default();
        };
        let mut random = Random::new(seed);
        let other = self.other_answer(number, &mut random);
        let mutated = recorded.mutated(&self.suite, |text| edit.apply(text, &other, &mut random));
        let Some((mutated, integrity)) = mutated else {
            return Found { equivalent: true, ..Found::default() };
        };
        let sides = Sides::new(&self.suite, &[scenario]);
        let mut found = Found { integrity, ..Found::default() };
        recorded.add(&mutated.climb(&sides, scenario, &self.options), &mut found, true);
        found
    }

    /// What was accepted of some other scenario.
    fn other_answer(&self, number: usize, random: &mut Random) -> String {
        let count = self.recorded.len();
        let step = 1 + random.below(count.saturating_sub(1).max(1) as u64);
        let other = self.recorded.get((number + step) % count.max(1));
        let golden = other.filter(|_| count > 1).and_then(|it| it.golden.as_ref());
        match golden {
            Some(golden) => golden.overlay_output.clone(),
            None => "This is what somebody else had asked.".to_owned(),
        }
    }

    fn unchanged(&self) -> Vec<(String, Vec<String>)> {
        let scenarios = self.all().iter().zip(&self.recorded);
        let alarms = scenarios.map(|(scenario, recorded)| {
            let sides = Sides::new(&self.suite, &[scenario]);
            let report = recorded.climb(&sides, scenario, &self.options);
            let checks = report.checks.iter().chain(&recorded.read);
            let alarms = checks.filter(|it| it.verdict >= Verdict::Stale).map(said).collect();
            (scenario.id.to_string(), alarms)
        });
        alarms.collect()
    }

    /// A scenario with its recordings in the other order; `None` where it has only one.
    fn reversed(&self, number: usize) -> Option<(String, Vec<String>)> {
        let (scenario, recorded) = (self.all().get(number)?, self.recorded.get(number)?);
        if recorded.cassette.lines.len() < 2 {
            return None;
        }
        let mut lines = recorded.lines(&mut |it| it);
        lines.reverse();
        let turned = recorded.with(lines, recorded.golden.clone());
        let sides = Sides::new(&self.suite, &[scenario]);
        let report = turned.climb(&sides, scenario, &self.options);
        Some((scenario.id.to_string(), recorded.news(&report).map(said).collect()))
    }

    fn edit_alarms(&self, change: &FileChange) -> Vec<String> {
        let suite = self.over(&[change]);
        let mut alarms = self.refusals(&suite);
        let scenarios: Vec<_> = suite.installation().catalogue().scenarios.iter().collect();
        let sides = Sides::new(&suite, &scenarios);
        let options = ValidateOptions { tokens: false, ..self.options.clone() };
        for (scenario, recorded) in scenarios.iter().zip(&self.recorded) {
            let report = recorded.climb(&sides, scenario, &options);
            alarms.extend(recorded.news(&report).map(said));
        }
        alarms
    }
}

fn said(check: &Check) -> String {
    format!("{}: {}", check.code, check.message)
}

/// The values in force of every overlay and of the bare baseline, canonical, by overlay and
/// key.
fn in_force(installation: &Installation) -> BTreeMap<(String, String), String> {
    let mut values = BTreeMap::new();
    for name in std::iter::once(None).chain(installation.overlays().keys().map(Some)) {
        let (effective, _) = installation.settings(name, None, &[]);
        let overlay = name.map(ToString::to_string).unwrap_or_default();
        for (key, it) in effective.iter().filter(|(key, _)| !VOLATILE.contains(&key.as_str())) {
            let value = canonical(key.as_str(), &it.setting.value);
            values.insert((overlay.clone(), key.to_string()), value);
        }
    }
    values
}

/// The files of the installation in `root`, scenarios left out.
fn files(root: &Path) -> Result<BTreeMap<String, Vec<u8>>, SuiteError> {
    fs::metadata(root).map_err(|source| SuiteError::Read { path: root.to_owned(), source })?;
    let mut files = BTreeMap::new();
    for folder in ["overlays", "micro_overlays"] {
        // A folder that is not there is empty.
        for entry in fs::read_dir(root.join(folder)).into_iter().flatten().flatten() {
            if entry.path().is_file() {
                let name = entry.file_name().to_string_lossy().into_owned();
                files.insert(format!("{folder}/{name}"), read(&entry.path())?);
            }
        }
    }
    for name in TOP_FILES.into_iter().filter(|it| root.join(it).is_file()) {
        files.insert(name.to_owned(), read(&root.join(name))?);
    }
    Ok(files)
}

fn read(path: &Path) -> Result<Vec<u8>, SuiteError> {
    fs::read(path).map_err(|source| SuiteError::Read { path: path.to_owned(), source })
}
