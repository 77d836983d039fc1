//! Evaluation by replay: what the recordings of a suite make of a candidate.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use fusion_golden::Suite;
use fusion_golden::budget::{Measured, MeasuredAnswer, measure};
use overlay_loader::Installation;
use overlay_model::{Catalogue, Overlay, OverlayName};
use overlay_optimizer::{Aim, WeightedScenario};
use serde_json::{Value, json};

use super::fault::Fault;
use super::goal::Values;
use super::told::line;
use crate::exit::{Exit, refusal};
use crate::golden::suite_error;

/// What a replay measures, and whether it is to be small or large.
pub(super) const MEASURED: &[(&str, Aim)] = &[
    ("units", Aim::Least),
    ("tokens", Aim::Least),
    ("prompt_tokens", Aim::Least),
    ("latency_ms", Aim::Least),
    ("trust", Aim::Most),
    ("score", Aim::Most),
    ("accepted", Aim::Most),
    ("rules", Aim::Most),
];

/// 1 where a scenario fails that did not with the overlay as it is, else 0.
pub(super) const BROKEN: &str = "broken";

/// A suite that candidates are put into.
pub(super) struct Replay {
    suite: Suite,
    name: OverlayName,
    /// The files of the installation; its scenarios are handed over as they are.
    files: Vec<(String, Vec<u8>)>,
    /// Which of the files is the overlay's.
    place: String,
    /// The scenarios that the overlay answers, and which of them it fails on as it is.
    answered: BTreeSet<String>,
    failing: BTreeSet<String>,
}

impl Replay {
    /// The suite with `overlay` as its overlay `name`.
    ///
    /// # Errors
    ///
    /// Where the suite cannot be read, or has no such overlay.
    pub(super) fn open(suite: Suite, overlay: &Overlay, name: OverlayName) -> anyhow::Result<Self> {
        let installation = suite.installation();
        let Some(loaded) = installation.overlays().get(&name) else {
            let message = format!("the installation of the suite has no overlay `{name}`");
            return Err(refusal(Exit::NOTHING, message));
        };
        let place = loaded.path.clone();
        let files = files(installation)?;
        let (answered, failing) = (BTreeSet::new(), BTreeSet::new());
        let mut res = Self { suite, name, files, place, answered, failing };
        let all: Vec<_> = res.catalogue().scenarios.iter().map(|it| it.id.to_string()).collect();
        for it in res.measure(overlay, &all)? {
            if it.overlay.as_deref() == Some(res.name.as_str()) {
                if it.answer.as_ref().is_some_and(MeasuredAnswer::failed) {
                    res.failing.insert(it.scenario.clone());
                }
                res.answered.insert(it.scenario);
            }
        }
        Ok(res)
    }

    /// The scenarios that the overlay answers, in the order of the catalogue.
    pub(super) fn scenarios(&self) -> Vec<WeightedScenario> {
        let all = self.catalogue().scenarios.iter();
        let own = all.filter(|it| self.answered.contains(it.id.as_str()));
        let weighted =
            own.map(|it| WeightedScenario { id: it.id.to_string(), weight: it.evaluation_weight });
        weighted.collect()
    }

    /// What is asked in each of these scenarios.
    pub(super) fn lines(&self) -> BTreeMap<String, Value> {
        let all = self.catalogue().scenarios.iter();
        let own = all.filter(|it| self.answered.contains(it.id.as_str()));
        own.map(|it| (it.id.to_string(), line(it))).collect()
    }

    /// The values of `overlay` on the scenarios `asked`; only where each of them has its
    /// recordings.
    pub(super) fn values(
        &self,
        overlay: &Overlay,
        asked: &[String],
    ) -> Result<BTreeMap<String, Values>, Fault> {
        let measured = self.measure(overlay, asked);
        let measured = measured.map_err(|err| Fault::Suite { why: format!("{err:#}") })?;
        let values: BTreeMap<_, _> = measured
            .iter()
            .map(|it| Ok((it.scenario.clone(), self.values_of(it)?)))
            .collect::<Result<_, Fault>>()?;
        match asked.iter().find(|it| !values.contains_key(*it)) {
            Some(scenario) => {
                let why = "it is not answered".to_owned();
                Err(Fault::NoPlan { scenario: scenario.clone(), why })
            }
            None => Ok(values),
        }
    }

    /// Whether everything that `overlay` asks on the scenarios is recorded.
    pub(super) fn is_recorded(&self, overlay: &Overlay, scenarios: &[String]) -> bool {
        // One after the other: most of what is not recorded ends with the first.
        scenarios.iter().all(|it| self.values(overlay, std::slice::from_ref(it)).is_ok())
    }

    fn values_of(&self, it: &Measured) -> Result<Values, Fault> {
        let scenario = || it.scenario.clone();
        if let Some(why) = &it.refused {
            return Err(Fault::NoPlan { scenario: scenario(), why: why.clone() });
        }
        if it.overlay.as_deref() != Some(self.name.as_str()) {
            let why = "another overlay answers it".to_owned();
            return Err(Fault::NoPlan { scenario: scenario(), why });
        }
        let Some(answer) = &it.answer else { return Err(Fault::Stale { scenario: scenario() }) };
        let held = answer.hard.values().filter(|it| **it).count();
        let rules = match answer.hard.len() {
            0 => 1.0,
            all => number(held as u64) / number(all as u64),
        };
        let broken = answer.failed() && !self.failing.contains(&it.scenario);
        let values = [
            ("units", Some(answer.units)),
            ("tokens", Some(number(answer.tokens))),
            ("prompt_tokens", it.prompt_tokens.map(number)),
            ("latency_ms", answer.latency_ms),
            ("trust", answer.trust),
            ("score", answer.score),
            ("accepted", Some(f64::from(answer.accepted))),
            ("rules", Some(rules)),
            (BROKEN, Some(f64::from(broken))),
        ];
        let known = values.into_iter().filter_map(|(name, it)| Some((name.to_owned(), it?)));
        Ok(known.collect())
    }

    fn measure(&self, overlay: &Overlay, scenarios: &[String]) -> anyhow::Result<Vec<Measured>> {
        let files = self.files.iter().map(|(path, bytes)| match *path == self.place {
            true => (path.clone(), overlay.source().as_bytes().to_vec()),
            false => (path.clone(), bytes.clone()),
        });
        let wanted = |id: &str| scenarios.iter().any(|it| it == id);
        let all = self.catalogue().scenarios.iter();
        let catalogue = Catalogue {
            scenarios: all.filter(|it| wanted(it.id.as_str())).cloned().collect(),
            ..Catalogue::default()
        };
        let root = self.suite.installation().root();
        let installation = Installation::from_files(root, files, None);
        let installation = installation.with_catalogue(Arc::new(catalogue));
        let suite = self.suite.clone().with_installation(installation);
        let threads = thread::available_parallelism().map_or(1, usize::from);
        Ok(measure(&suite, &[], self.name.as_str(), threads).map_err(suite_error)?.scenarios)
    }

    fn catalogue(&self) -> &Catalogue {
        self.suite.installation().catalogue()
    }
}

/// The files of an installation. In the place of its scenarios stand their types alone,
/// which flags and overlays refer to: candidates would have them all read anew.
fn files(installation: &Installation) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let mut res = Vec::new();
    for folder in ["", "overlays", "micro_overlays"] {
        let dir = installation.root().join(folder);
        if dir.is_dir() {
            read_folder(&dir, folder, &mut res)
                .map_err(|err| refusal(Exit::UNREADABLE, format!("{}: {err}", dir.display())))?;
        }
    }
    let kinds: BTreeSet<_> =
        installation.catalogue().scenarios.iter().map(|it| it.kind()).collect();
    let stubs = (1..)
        .zip(kinds)
        .map(|(number, kind)| json!({"id": format!("s{number}"), "type": kind, "prompt": "-"}));
    let catalogue = json!({"scenarios": stubs.collect::<Vec<_>>()});
    res.push(("scenarios.yaml".to_owned(), catalogue.to_string().into_bytes()));
    Ok(res)
}

fn read_folder(dir: &Path, folder: &str, to: &mut Vec<(String, Vec<u8>)>) -> std::io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|it| it.to_str()) else { continue };
        let name = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        if path.is_file() && name != "scenarios.yaml" {
            let bytes = fs::read(&path)?;
            to.push((name, bytes));
        }
    }
    Ok(())
}

/// A count as a number to reckon with.
fn number(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}
