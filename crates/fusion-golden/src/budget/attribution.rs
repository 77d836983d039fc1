//! Which keys explain a failure.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use fusion_plan::{ExecutionPlan, OverlayRef, prompt_tokens, request_key};
use overlay_model::{
    Digest, Layer, MicroOverlay, Origin, OverlayName, ParamKey, SECTIONS, Scenario,
};
use serde::Serialize;

use super::measured::{Measured, answer, recordings};
use super::report::{BudgetCheck, Subject};
use crate::cassette::Cassette;
use crate::observe::{calls, encoding, plan_alone, plan_of, replayed};
use crate::sides::{SideSettings, Sides};
use crate::suite::Suite;

/// One thing that differs between base and candidate.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Change {
    /// `MAX_TOKENS`, or `prompt: Core Directive`.
    pub key: String,
    /// The base's value; `None` where it has none.
    pub from: Option<String>,
    /// The candidate's value; `None` where it has none.
    pub to: Option<String>,
    /// The file of the candidate's value, or of the base's where it is gone, or was taken out
    /// of a file that came before the one whose value is in force now; called as the candidate
    /// calls it.
    pub file: Option<String>,
    /// The line.
    pub line: Option<usize>,
    /// Prompt tokens this change adds by itself; `None` where it renders no request.
    pub tokens: Option<i64>,
}

impl Change {
    /// Whether it is one of a prompt's text, whose values are long.
    pub(super) fn is_prompt(&self) -> bool {
        self.key.starts_with("prompt: ")
    }

    /// `TRUST_FLOOR 0.65 → 0.99`.
    pub(super) fn words(&self) -> String {
        let value = |it: &Option<String>| it.clone().unwrap_or_else(|| "none".to_owned());
        format!("{} {} → {}", self.key, value(&self.from), value(&self.to))
    }
}

/// What explains checks of one scenario.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// What is explained.
    pub name: Subject,
    /// The base.
    pub against: String,
    /// The overlay.
    pub overlay: Option<String>,
    /// The scenario it was found on; empty where it is about the prompts or the times of all
    /// scenarios of the overlay, or about none.
    pub scenario: String,
    /// The smallest set of changes that leads to the same verdict; all changes where
    /// `separable` is false.
    pub changes: Vec<Change>,
    /// Whether every one of the changes is known to be to blame: taking it back mends it.
    /// False where recordings of parts of it are missing.
    pub separable: bool,
    /// How that is known.
    pub evidence: String,
}

impl BudgetCheck {
    /// The check with the keys of what is to blame for it, and that as its explanation.
    pub(super) fn because(mut self, changes: Vec<Change>, evidence: &str) -> (Self, Explanation) {
        let explanation = Explanation::by_itself(&self, changes, evidence);
        self.keys = explanation.keys();
        (self, explanation)
    }
}

impl Explanation {
    /// What explains a check, as it was found on `scenario`.
    pub(super) fn of(
        check: &BudgetCheck,
        scenario: &str,
        changes: Vec<Change>,
        separable: bool,
        evidence: impl Into<String>,
    ) -> Self {
        Self {
            name: check.name,
            against: String::new(),
            overlay: check.overlay.clone(),
            scenario: scenario.to_owned(),
            changes,
            separable,
            evidence: evidence.into(),
        }
    }

    /// Changes that are to blame for a check by what they are: nothing has to be tried.
    pub(super) fn by_itself(check: &BudgetCheck, changes: Vec<Change>, evidence: &str) -> Self {
        Self::of(check, check.scenario.as_deref().unwrap_or_default(), changes, true, evidence)
    }

    /// The keys that it names.
    pub(super) fn keys(&self) -> Vec<String> {
        self.changes.iter().map(|it| it.key.clone()).collect()
    }
}

/// What differs between the two sides of a scenario.
pub(super) fn changes(base: &Measured, candidate: &Measured) -> Vec<Change> {
    let keys: BTreeSet<_> = base.values.keys().chain(candidate.values.keys()).collect();
    let place = |key: &str| {
        let (before, after) = (base.places.get(key), candidate.places.get(key));
        let is_taken_out = before
            .zip(after)
            .is_some_and(|(before, after)| strength(base, before) > strength(candidate, after));
        if is_taken_out { before.cloned() } else { after.or(before).cloned() }
    };
    let differing = keys.into_iter().filter_map(|key| {
        let (from, to) = (base.values.get(key).cloned(), candidate.values.get(key).cloned());
        let (file, line) = place(key).unzip();
        (from != to).then(|| Change { key: key.clone(), from, to, file, line, tokens: None })
    });
    let mut changes: Vec<_> = differing.collect();
    let texts = [base, candidate].map(|it| it.prompt.as_ref().map_or("", |(_, text)| text));
    let file = candidate.prompt.as_ref().or(base.prompt.as_ref()).map(|(file, _)| file.clone());
    let [before, after] = texts.map(parts);
    let names: BTreeSet<_> = before.keys().chain(after.keys()).copied().collect();
    changes.extend(names.into_iter().filter_map(|name| {
        let (from, to) = (before.get(name), after.get(name));
        let line = to.map(|to| to.line + first_difference(from.map_or("", |it| it.text), to.text));
        let text = |it: Option<&Part<'_>>| it.map(|it| it.text.to_owned());
        (from.map(|it| it.text) != to.map(|it| it.text)).then(|| Change {
            key: format!("prompt: {name}"),
            from: text(from),
            to: text(to),
            file: file.clone(),
            line,
            tokens: None,
        })
    }));
    changes
}

/// How strong a place is among those of a side: a scenario's own values come before those of
/// its overlay, these before the values that all overlays rest on.
pub(super) fn strength(side: &Measured, (file, _): &(String, usize)) -> u8 {
    match file {
        it if it.ends_with("scenarios.yaml") => 2,
        it if side.own_place().is_some_and(|(own, _)| own == it) => 1,
        _ => 0,
    }
}

/// How many lines of `to` stand before the first one that differs; its last one where lines
/// were only taken from the end.
fn first_difference(from: &str, to: &str) -> usize {
    let same = from.lines().zip(to.lines()).take_while(|(from, to)| from == to).count();
    same.min(to.lines().count().saturating_sub(1))
}

/// What `providers.toml` says otherwise of the models that both sides ask.
pub(super) fn model_changes(base: &Measured, candidate: &Measured) -> Vec<Change> {
    let both = base.models.iter().filter_map(|(key, from)| {
        let to = candidate.models.get(key).filter(|it| *it != from)?;
        let (file, line) = candidate.places.get(key).cloned().unzip();
        let (from, to) = (Some(from.clone()), Some(to.clone()));
        Some(Change { key: key.clone(), from, to, file, line, tokens: None })
    });
    both.collect()
}

/// A part of a micro overlay.
struct Part<'a> {
    text: &'a str,
    line: usize,
}

/// The sections of a text with their headings, and what stands before them, by name.
fn parts(text: &str) -> BTreeMap<&str, Part<'_>> {
    let heading = |line: &str| {
        let name = line.strip_prefix("## ")?.trim_end();
        SECTIONS.iter().find(|it| **it == name).copied()
    };
    let mut parts: BTreeMap<&str, Part<'_>> = BTreeMap::new();
    let (mut name, mut from, mut first_line, mut at) = ("before the sections", 0, 1, 0);
    let mut push = |name, from: usize, to: usize, line| {
        let text = text.get(from..to).unwrap_or_default();
        if !text.is_empty() {
            parts.entry(name).or_insert(Part { text, line });
        }
    };
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        if let Some(section) = heading(line) {
            push(name, from, at, first_line);
            (name, from, first_line) = (section, at, number);
        }
        at += line.len();
    }
    push(name, from, at, first_line);
    parts
}

/// A scenario on both sides, to see what the base makes of it under parts of the change.
pub(super) struct Workbench<'a> {
    pub(super) sides: &'a Sides<'a>,
    /// Further suites whose recordings answer.
    pub(super) recordings: &'a [&'a Suite],
    /// `None` for an overlay before anything is asked.
    pub(super) scenario: Option<&'a Scenario>,
    pub(super) base: &'a Measured,
    pub(super) candidate: &'a Measured,
    /// The recordings of the scenario, read when they are first needed.
    cassette: OnceCell<Option<Cassette>>,
}

impl<'a> Workbench<'a> {
    pub(super) fn new(
        sides: &'a Sides<'a>,
        recordings: &'a [&'a Suite],
        scenario: Option<&'a Scenario>,
        [base, candidate]: [&'a Measured; 2],
    ) -> Self {
        Self { sides, recordings, scenario, base, candidate, cassette: OnceCell::new() }
    }

    /// What the base under `applied` comes to by the recordings; `None` where no plan can
    /// be made of it, or a recording is missing.
    pub(super) fn replayed(&self, applied: &[&Change]) -> Option<Measured> {
        let (side, micro) = self.side(applied)?;
        let side = SideSettings { micro: micro.as_ref().map(|it| ("", it)), ..side };
        let scenario = self.scenario?;
        let cassette = self
            .cassette
            .get_or_init(|| recordings(self.sides.suite, self.recordings, scenario).ok());
        let cassette = cassette.as_ref()?;
        let found = replayed(self.sides, &side, scenario, cassette).ok()?;
        let answer = answer(self.sides, &found, cassette)?;
        let requests = found.keys;
        Some(Measured { requests, answer: Some(answer), refused: None, ..self.candidate.clone() })
    }

    /// Tokens of the first prompt of the base under `applied`.
    pub(super) fn prompt_tokens(&self, applied: &[&Change]) -> Option<u64> {
        let plan = self.plan(applied)?;
        let encoding = encoding(self.sides, &plan)?;
        u64::try_from(prompt_tokens(&calls(&plan).next()?.request, encoding)).ok()
    }

    /// The keys of all requests of the base under `applied`.
    pub(super) fn requests(&self, applied: &[&Change]) -> Option<Vec<Digest>> {
        Some(calls(&self.plan(applied)?).map(request_key).collect())
    }

    /// The vocabulary of the base under `applied`.
    pub(super) fn vocabulary(&self, applied: &[&Change]) -> Option<String> {
        Some(encoding(self.sides, &self.plan(applied)?)?.to_string())
    }

    fn plan(&self, applied: &[&Change]) -> Option<ExecutionPlan> {
        let (side, micro) = self.side(applied)?;
        let side = SideSettings { micro: micro.as_ref().map(|it| ("", it)), ..side };
        let plan = match self.scenario {
            Some(scenario) => plan_of(self.sides, &side, scenario, &scenario.question()),
            None => plan_alone(self.sides, &side),
        };
        plan.ok()
    }

    fn side(&self, applied: &[&Change]) -> Option<(SideSettings<'static>, Option<MicroOverlay>)> {
        let mut values = self.base.values.clone();
        let text = |it: &Measured| it.prompt.as_ref().map(|(_, text)| text.clone());
        let [before, after] = [self.base, self.candidate].map(|it| text(it).unwrap_or_default());
        let (mut prompt, next) = (parts(&before), parts(&after));
        for change in applied {
            if let Some(section) = change.key.strip_prefix("prompt: ") {
                match next.get_key_value(section) {
                    Some((name, Part { text, line })) => {
                        prompt.insert(name, Part { text, line: *line });
                    }
                    None => drop(prompt.remove(section)),
                }
                continue;
            }
            match &change.to {
                Some(value) => drop(values.insert(change.key.clone(), value.clone())),
                None => drop(values.remove(&change.key)),
            }
        }
        let mut layer = Layer::default();
        for (key, value) in &values {
            layer.set(key.parse::<ParamKey>().ok()?, value, Origin::CommandLine);
        }
        let installation = self.sides.suite.installation();
        let (effective, settings) = installation.settings_alone(&layer);
        // In the order of their lines, which is the base's own where nothing is applied.
        let mut prompt: Vec<_> = prompt.into_values().collect();
        prompt.sort_by_key(|it| it.line);
        let text: String = prompt.iter().map(|it| it.text).collect();
        let overlay = self.base.overlay.as_ref().or(self.candidate.overlay.as_ref());
        let name = overlay.and_then(|it| it.parse::<OverlayName>().ok());
        let side = SideSettings {
            overlay: name.map(|name| OverlayRef {
                name,
                version: String::new(),
                digest: Digest::of(b""),
            }),
            micro: None,
            settings: settings.map_err(|err| err.to_string()),
            effective,
            values,
            keys: BTreeMap::new(),
            sections: BTreeMap::new(),
            digest: Digest::of(b""),
        };
        Some((side, (!text.is_empty()).then(|| MicroOverlay::parse(&text))))
    }

    /// `changes` with the prompt tokens that each adds by itself.
    pub(super) fn billed(&self, mut changes: Vec<Change>) -> Vec<Change> {
        let Some(nothing) = self.prompt_tokens(&[]) else { return changes };
        for change in &mut changes {
            let alone = self.prompt_tokens(&[&*change]);
            change.tokens = alone.map(|it| it.cast_signed() - nothing.cast_signed());
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_split_at_known_headings() {
        let text = "Intro\n## Core Directive\nDo.\n## Other\nx\n## Quality Gates\ny\n";
        let found: Vec<_> = parts(text).into_iter().map(|(name, it)| (name, it.line)).collect();
        assert_eq!(
            found,
            [("Core Directive", 2), ("Quality Gates", 6), ("before the sections", 1)]
        );
        let whole: usize = parts(text).values().map(|it| it.text.len()).sum();
        assert_eq!(whole, text.len());
    }
}
