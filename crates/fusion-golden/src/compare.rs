//! What was accepted against what replays now.

use std::collections::BTreeMap;

use fusion_plan::CheckResult;

use crate::code;
use crate::golden::{Golden, GoldenSide};
use crate::observe::{Observed, Replayed};
use crate::places::{model_line, section_line};
use crate::record::Side;
use crate::report::{Check, Rung, Verdict};
use crate::rules;
use crate::suite::Suite;

impl Check {
    /// A check that names no file, no key and no remedy.
    pub(crate) fn new(
        rung: Rung,
        code: &'static str,
        verdict: Verdict,
        message: impl Into<String>,
    ) -> Self {
        let message = message.into();
        Self { rung, code, verdict, message, file: None, line: None, key: None, hint: None }
    }

    pub(crate) fn file(mut self, file: impl Into<String>) -> Self {
        self.file = Some(file.into());
        self
    }

    /// The line of the file, where it is known.
    pub(crate) fn line(mut self, line: Option<usize>) -> Self {
        self.line = line;
        self
    }

    pub(crate) fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// What changed in the inputs: selection, settings, prompt, scenario. `changed` is the
/// verdict of a change: a failure, or stale where recordings are missing for it.
pub(crate) fn inputs(
    suite: &Suite,
    golden: &Golden,
    now: &Observed<'_>,
    changed: Verdict,
) -> Vec<Check> {
    let mut checks = Vec::new();
    let (was, is) = (golden.overlay.as_ref(), now.answering().settings.overlay.as_ref());
    if was.map(|it| &it.name) != is.map(|it| &it.name) {
        let name = |it: Option<&fusion_plan::OverlayRef>| {
            it.map_or_else(|| "the baseline".to_owned(), |it| format!("`{}`", it.name))
        };
        let message = format!("{} answered, now {} does", name(was), name(is));
        let check = Check::new(Rung::Replay, code::OVERLAY, changed, message);
        checks.push(match suite.installation().flag_file() {
            Some(_) => check.file(suite.installation_file("overlay_feature_flags.yaml")),
            None => check.key("OVERLAY_TARGET_SCENARIOS").file(suite.installation_file("overlays")),
        });
    } else {
        // Of another overlay every key and section would differ.
        checks.extend(keys(suite, golden, now, changed));
        checks.extend(prompt(suite, golden, now, changed));
    }
    let catalogue = suite.installation_file("scenarios.yaml");
    for (part, how) in differences(&golden.scenario, &now.parts) {
        let message = format!("`{part}` of the scenario {}", how.word());
        let check = Check::new(Rung::Replay, code::SCENARIO, changed, message);
        checks.push(check.file(catalogue.clone()).line(part_line(suite, now, part)));
    }
    checks
}

/// The line of a part of the scenario, as the golden names it.
fn part_line(suite: &Suite, now: &Observed<'_>, part: &str) -> Option<usize> {
    let (places, id) = (suite.places(), now.scenario.id.as_str());
    let rule = part.strip_prefix("rule ").and_then(|rule| {
        let numbered = (1..).zip(&now.scenario.expect);
        let mut named = numbered.filter(|(number, it)| rules::name(it, *number) == rule);
        let (number, it) = named.next()?;
        places.rule(id, number - 1, it.test.name())
    });
    let at = rule.or_else(|| {
        let field = match part {
            "question" => "prompt",
            part => part,
        };
        places.part(id, field)
    });
    at.map(|it| it.line)
}

/// How an entry of a map differs.
enum Difference<'a> {
    Changed(&'a str, &'a str),
    Added(&'a str),
    Removed(&'a str),
}

impl Difference<'_> {
    fn word(&self) -> &'static str {
        match self {
            Self::Changed(..) => "changed",
            Self::Added(_) => "is new",
            Self::Removed(_) => "is gone",
        }
    }
}

/// The entries in which two maps differ, by key.
fn differences<'a>(
    was: &'a BTreeMap<String, String>,
    is: &'a BTreeMap<String, String>,
) -> BTreeMap<&'a str, Difference<'a>> {
    let mut res = BTreeMap::new();
    for (key, old) in was {
        match is.get(key) {
            Some(new) if new == old => (),
            Some(new) => drop(res.insert(key.as_str(), Difference::Changed(old, new))),
            None => drop(res.insert(key.as_str(), Difference::Removed(old))),
        }
    }
    for (key, new) in is.iter().filter(|(key, _)| !was.contains_key(*key)) {
        res.insert(key.as_str(), Difference::Added(new));
    }
    res
}

fn keys(suite: &Suite, golden: &Golden, now: &Observed<'_>, changed: Verdict) -> Vec<Check> {
    let baseline = differences(&golden.baseline_values, &now.baseline.settings.values);
    let overlay = differences(&golden.overlay_values, &now.answering().settings.values);
    let mut checks = Vec::new();
    for (key, how) in &overlay {
        checks.push(key_check(suite, now, Side::Overlay, key, how, changed));
    }
    for (key, how) in baseline.iter().filter(|(key, _)| !overlay.contains_key(*key)) {
        checks.push(key_check(suite, now, Side::Baseline, key, how, changed));
    }
    checks
}

fn key_check(
    suite: &Suite,
    now: &Observed<'_>,
    side: Side,
    key: &str,
    how: &Difference<'_>,
    changed: Verdict,
) -> Check {
    let seen = match side {
        Side::Baseline => &now.baseline,
        Side::Overlay => now.answering(),
    };
    let place = seen.settings.place(suite, now.scenario.id.as_str(), key);
    let at = place.as_ref().map_or_else(String::new, |(_, line)| format!(", line {line}"));
    let message = match how {
        Difference::Changed(old, new) => format!("{key} of the {side}: {old} → {new}{at}"),
        Difference::Added(new) => format!("{key} of the {side} is new: {new}{at}"),
        Difference::Removed(old) => format!("{key} of the {side} is gone: it was {old}"),
    };
    let line = place.as_ref().map(|(_, line)| *line);
    let path = place.map(|(path, _)| path).or_else(|| {
        let name = seen.settings.overlay.as_ref().map_or("baseline", |it| it.name.as_str());
        suite.installation().overlays().get(name).map(|it| it.path.clone())
    });
    let check = Check::new(Rung::Replay, code::KEY, changed, message).key(key).line(line);
    match path {
        Some(path) => check.file(suite.installation_file(&path)),
        None => check.file(suite.installation_file("overlays")),
    }
}

fn prompt(suite: &Suite, golden: &Golden, now: &Observed<'_>, changed: Verdict) -> Vec<Check> {
    let settings = now.answering().settings;
    let mut differing = differences(&golden.prompt_sections, &settings.sections);
    // The text as a whole says only what no section says.
    if differing.len() > 1 {
        differing.remove("text");
    }
    let file = settings.micro.map_or("micro_overlays", |(path, _)| path);
    let file = suite.installation_file(file);
    let checks = differing.into_iter().map(|(section, how)| {
        let message = match section {
            "text" => format!("the text outside the sections {}", how.word()),
            section => format!("the section `{section}` {}", how.word()),
        };
        let line = settings.micro.and_then(|(_, it)| section_line(it, section));
        Check::new(Rung::Replay, code::PROMPT, changed, message).file(file.clone()).line(line)
    });
    checks.collect()
}

/// What changed in the outcome of one side. `explained` where a changed input is reported
/// already, so that changed requests go without saying.
pub(crate) fn outcome(
    suite: &Suite,
    id: &str,
    side: Side,
    [was, is]: [&GoldenSide; 2],
    explained: bool,
) -> Vec<Check> {
    let check = |code, message: String| {
        Check::new(Rung::Replay, code, Verdict::Fail, format!("{side}: {message}"))
            .file(suite.golden_name(id))
            .hint("look at the answer, then accept it with `golden update --reason WHY`")
    };
    let mut checks = Vec::new();
    if was.answer != is.answer {
        let message = format!("the answer is another one ({} → {})", was.model, is.model);
        checks.push(check(code::ANSWER, message));
    }
    if was.votes != is.votes {
        checks.push(check(code::VOTES, votes(was, is)));
    }
    match changes(was, is).as_slice() {
        [] => (),
        [(UNITS, change)] if was.calls == is.calls && was.answer == is.answer => {
            checks.push(price(suite, side, is, change));
        }
        changes => {
            let changes: Vec<_> = changes.iter().map(|(_, change)| change.as_str()).collect();
            checks.push(check(code::OUTCOME, changes.join(", ")));
        }
    }
    if was.requests != is.requests && !explained {
        let message = format!(
            "{} of {} requests changed, though no key, prompt or scenario did: the model table \
             or the program",
            is.requests.iter().filter(|it| !was.requests.contains(it)).count(),
            is.requests.len()
        );
        checks.push(check(code::REQUEST, message));
    }
    checks
}

/// The same calls at another price.
fn price(suite: &Suite, side: Side, is: &GoldenSide, change: &str) -> Check {
    let mut models: Vec<_> = is.calls.iter().map(|it| it.model.as_str()).collect();
    models.sort_unstable();
    models.dedup();
    let named: Vec<_> = models.iter().map(|it| format!("`{it}`")).collect();
    let message = format!(
        "{side}: {change} for the same calls: the price of {} changed",
        named.join(" or of ")
    );
    let line = models.first().and_then(|it| model_line(&suite.providers_text(), it));
    Check::new(Rung::Replay, code::PRICE, Verdict::Fail, message)
        .file(suite.installation_file("providers.toml"))
        .line(line)
        .hint("if the new price is right, accept it with `golden update --reason WHY`")
}

/// What an outcome cost.
const UNITS: &str = "units";

/// `trust 0.75 → 0.5`, for each part of an outcome that changed, with its name.
fn changes(was: &GoldenSide, is: &GoldenSide) -> Vec<(&'static str, String)> {
    let number = |it: Option<f64>| it.map_or_else(|| "unknown".to_owned(), |it| it.to_string());
    let models = |side: &GoldenSide| {
        let models: Vec<_> = side.calls.iter().map(|it| it.model.as_str()).collect();
        models.join(" + ")
    };
    let parts = [
        ("mode", was.mode.clone(), is.mode.clone()),
        ("model", was.model.clone(), is.model.clone()),
        ("calls", models(was), models(is)),
        ("accepted", was.accepted.to_string(), is.accepted.to_string()),
        ("samples", was.samples_used.to_string(), is.samples_used.to_string()),
        ("trust", number(was.trust), number(is.trust)),
        ("spread", number(was.entropy), number(is.entropy)),
        (UNITS, was.units.to_string(), is.units.to_string()),
    ];
    let differing = parts.into_iter().filter(|(_, was, is)| was != is);
    differing.map(|(name, was, is)| (name, format!("{name} {was} → {is}"))).collect()
}

fn votes(was: &GoldenSide, is: &GoldenSide) -> String {
    let written = |side: &GoldenSide| {
        let votes: Vec<_> = side
            .votes
            .iter()
            .map(|it| match it.candidate {
                Some(candidate) => format!("{}:{}→#{candidate}", it.voter, it.weight),
                None => format!("{}:{}→none", it.voter, it.weight),
            })
            .collect();
        if votes.is_empty() { "no vote".to_owned() } else { votes.join(" ") }
    };
    format!("votes {} → {}", written(was), written(is))
}

/// What became of the rules of one side, against the ones that were accepted.
pub(crate) fn rules(side: Side, was: Option<&[CheckResult]>, is: &Replayed) -> Vec<Check> {
    // Without a golden the baseline's failures are no one's regression.
    if was.is_none() && side == Side::Baseline {
        return Vec::new();
    }
    let held = |id: &str| was.and_then(|it| it.iter().find(|it| it.id == id)).map(|it| it.pass);
    let mut checks = Vec::new();
    for rule in &is.outcome.checks {
        let said = format!("{side}: rule `{}`", rule.id);
        let check = match (rule.pass, held(&rule.id)) {
            (true, Some(false)) => {
                let message = format!("{said} holds now and did not when the golden was accepted");
                Check::new(Rung::Rules, code::MENDED, Verdict::Pass, message)
            }
            (true, _) => continue,
            (false, Some(false)) if side == Side::Baseline => continue,
            (false, Some(false)) => {
                let message =
                    format!("{said}: {}; known failure accepted in golden", rule.evidence);
                Check::new(Rung::Rules, code::KNOWN, Verdict::Pass, message)
            }
            (false, _) if rule.hard => {
                let message = format!("{said}: {}", rule.evidence);
                Check::new(Rung::Rules, code::HARD, Verdict::Fail, message)
            }
            (false, _) => {
                let message = format!("{said}: {}", rule.evidence);
                Check::new(Rung::Rules, code::SOFT, Verdict::Warn, message)
            }
        };
        checks.push(check);
    }
    checks
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Baseline => "baseline",
            Self::Overlay => "overlay",
        })
    }
}
