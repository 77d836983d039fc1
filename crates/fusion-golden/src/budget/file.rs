//! `budgets.toml`: where the gate warns and where it blocks.

use std::collections::BTreeMap;
use std::ops::Range;

use overlay_model::{Diagnostic, Location};
use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;

use crate::files::{self, Content};
use crate::report::FileFinding;
use crate::statistics::{Limits, round4};
use crate::suite::{Suite, SuiteError};

/// The file in the folder of an installation.
const FILE: &str = "budgets.toml";
/// Shares stand in the file in percent.
const PERCENT: f64 = 100.0;

/// The most bytes the file has.
const MAX_BYTES: usize = 1 << 20;

const UNREADABLE: &str = "GLD7001";
const BAD_LIMIT: &str = "GLD7002";
const NO_SCENARIO: &str = "GLD7003";

/// The codes of findings about `budgets.toml`: code, title, explanation; sorted.
pub const CODES: &[(&str, &str, &str)] = &[
    (
        UNREADABLE,
        "budgets cannot be read",
        "`budgets.toml` is no TOML, or has a field that is none of its form.",
    ),
    (
        BAD_LIMIT,
        "limit is none",
        "A limit is a finite number from 0 on, and the one that warns is not above the one that \
         blocks.",
    ),
    (
        NO_SCENARIO,
        "budget of an unknown scenario",
        "`budgets.toml` names a scenario that the catalogue does not have.",
    ),
];

/// The JSON Schema of `budgets.toml`.
pub const BUDGETS_SCHEMA: &str = include_str!("budgets.schema.json");

/// Where the gate warns and blocks, for every scenario and for single ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Budgets {
    /// Tokens and cost more than the base, as a share: 0.12 and 0.25.
    pub tokens: Limits,
    /// Seconds at the 95th percentile: 2 and 5.
    pub latency: Limits,
    /// Share of failed requests more than the base: 0.02 and 0.05.
    pub failures: Limits,
    /// What holds for single scenarios instead.
    pub scenarios: BTreeMap<String, ScenarioBudget>,
    /// Where a file says so: `tokens.warn`, `scenarios.<id>`.
    places: BTreeMap<String, Location>,
}

/// The prompt tokens that one scenario may have more than the base.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScenarioBudget {
    /// As a share.
    pub tokens: Limits,
}

impl Default for Budgets {
    fn default() -> Self {
        Self {
            tokens: Limits::TOKENS,
            latency: Limits::LATENCY,
            failures: Limits::ERRORS,
            scenarios: BTreeMap::new(),
            places: BTreeMap::new(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BudgetsText {
    #[serde(rename = "schema", default)]
    _schema: Option<String>,
    tokens: Option<LimitsText>,
    latency: Option<LimitsText>,
    failures: Option<LimitsText>,
    #[serde(default)]
    scenarios: BTreeMap<Spanned<String>, ScenarioText>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScenarioText {
    tokens: Option<LimitsText>,
    /// Read only to say why there are none.
    latency: Option<Spanned<IgnoredAny>>,
    failures: Option<Spanned<IgnoredAny>>,
}

/// In the unit of the file: percent for tokens and failures, seconds for latency.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitsText {
    warn: Option<Spanned<f64>>,
    block: Option<Spanned<f64>>,
}

impl Budgets {
    /// Reads the text of a `budgets.toml`, with every finding. What is wrong has its default
    /// in the value.
    pub fn parse(text: &str) -> (Self, Vec<Diagnostic>) {
        if text.len() > MAX_BYTES {
            let message = format!("more than the {MAX_BYTES} bytes allowed");
            return (Self::default(), vec![Diagnostic::error(UNREADABLE, message)]);
        }
        let read = match toml::from_str::<BudgetsText>(text) {
            Ok(read) => read,
            Err(err) => {
                let finding = Diagnostic::error(UNREADABLE, err.message());
                let finding = finding.at(text, err.span().unwrap_or_default());
                return (Self::default(), vec![finding]);
            }
        };
        let mut reading = Reading { text, findings: Vec::new(), places: BTreeMap::new() };
        let usual = Self::default();
        let tokens = reading.limits("tokens", read.tokens, usual.tokens, PERCENT);
        let latency = reading.limits("latency", read.latency, usual.latency, 1.0);
        let failures = reading.limits("failures", read.failures, usual.failures, PERCENT);
        let mut scenarios = BTreeMap::new();
        for (id, it) in read.scenarios {
            let name = format!("scenarios.{}", id.get_ref());
            reading.places.insert(name.clone(), Location::of(text, id.span()));
            for (what, given) in [("latency", it.latency), ("failures", it.failures)] {
                reading.findings.extend(given.map(|it| no_limit_of_one(what, text, it.span())));
            }
            let of_one = reading.limits(&format!("{name}.tokens"), it.tokens, tokens, PERCENT);
            scenarios.insert(id.into_inner(), ScenarioBudget { tokens: of_one });
        }
        let Reading { findings, places, .. } = reading;
        (Self { tokens, latency, failures, scenarios, places }, findings)
    }

    /// The limits in the `budgets.toml` of the suite's installation, or the usual ones, with
    /// what is wrong about the file.
    ///
    /// # Errors
    ///
    /// Where there is a file that cannot be read.
    pub fn read(suite: &Suite) -> Result<(Self, Vec<FileFinding>), SuiteError> {
        let path = suite.installation().root().join(FILE);
        let text = match files::read(&path, MAX_BYTES)? {
            Content::Missing => return Ok((Self::default(), Vec::new())),
            // One byte more than allowed is enough to say so.
            Content::TooLarge => " ".repeat(MAX_BYTES + 1),
            Content::Bytes(_) => files::read_text(&path, MAX_BYTES)?,
        };
        let (budgets, mut findings) = Self::parse(&text);
        let known = suite.installation().catalogue().scenarios.iter().map(|it| it.id.as_str());
        findings.extend(budgets.unknown(known));
        let path = suite.installation_file(FILE);
        let of_file = |diagnostic| FileFinding { path: path.clone(), diagnostic };
        Ok((budgets, findings.into_iter().map(of_file).collect()))
    }

    /// Findings about scenarios that are none of `known`.
    pub fn unknown<'a>(&self, known: impl Iterator<Item = &'a str>) -> Vec<Diagnostic> {
        let known: std::collections::BTreeSet<_> = known.collect();
        let strange = self.scenarios.keys().filter(|it| !known.contains(it.as_str()));
        strange
            .map(|id| {
                let message = format!("there is no scenario `{id}` in the catalogue");
                let finding = Diagnostic::warning(NO_SCENARIO, message)
                    .hint("remove the table, or mend its name");
                match self.places.get(&format!("scenarios.{id}")) {
                    Some(at) => finding.located(at.clone()),
                    None => finding,
                }
            })
            .collect()
    }

    /// The limits of prompt tokens for a scenario.
    pub fn tokens_of(&self, scenario: &str) -> Limits {
        self.scenarios.get(scenario).map_or(self.tokens, |it| it.tokens)
    }

    /// The limits as a file gives them, by name: percent for tokens and failures, seconds
    /// for latency.
    pub(super) fn in_file(&self) -> BTreeMap<String, f64> {
        let general = [
            ("tokens", self.tokens, PERCENT),
            ("latency", self.latency, 1.0),
            ("failures", self.failures, PERCENT),
        ];
        let general = general.map(|(name, it, unit)| (name.to_owned(), it, unit));
        let of_scenarios = self
            .scenarios
            .iter()
            .map(|(id, it)| (format!("scenarios.{id}.tokens"), it.tokens, PERCENT));
        let pairs = general.into_iter().chain(of_scenarios).flat_map(|(name, it, unit)| {
            [("warn", it.warn), ("block", it.block)]
                .map(|(end, value)| (format!("{name}.{end}"), round4(value * unit)))
        });
        pairs.collect()
    }

    /// The line that sets a limit.
    pub(super) fn line(&self, key: &str) -> Option<usize> {
        self.places.get(key).map(|it| it.line)
    }
}

/// Of one recorded answer of a scenario there is no honest bound.
fn no_limit_of_one(what: &str, text: &str, at: Range<usize>) -> Diagnostic {
    let message = format!("a scenario has no limits of its own for {what}, only for tokens");
    Diagnostic::error(BAD_LIMIT, message)
        .at(text, at)
        .hint("one recorded answer bounds neither: they are judged over an overlay's scenarios")
}

/// A file that is being read.
struct Reading<'a> {
    text: &'a str,
    findings: Vec<Diagnostic>,
    places: BTreeMap<String, Location>,
}

impl Reading<'_> {
    fn limits(
        &mut self,
        name: &str,
        given: Option<LimitsText>,
        usual: Limits,
        unit: f64,
    ) -> Limits {
        let Some(LimitsText { warn, block }) = given else { return usual };
        let mut place: Option<Range<usize>> = None;
        let mut number = |end: &str, it: Option<Spanned<f64>>, usual: f64| match it {
            Some(it) => {
                let at = Location::of(self.text, it.span());
                self.places.insert(format!("{name}.{end}"), at);
                place = Some(it.span());
                // Divided, so that 12 percent is the number 0.12.
                *it.get_ref() / unit
            }
            None => usual,
        };
        let warn = number("warn", warn, usual.warn);
        let limits = Limits { warn, block: number("block", block, usual.block) };
        let is_sound = |it: f64| it.is_finite() && it >= 0.0;
        if is_sound(limits.warn) && is_sound(limits.block) && limits.warn <= limits.block {
            return limits;
        }
        let message = format!(
            "warns from {} on and blocks above {}: no pair of limits",
            limits.warn * unit,
            limits.block * unit
        );
        let finding = Diagnostic::error(BAD_LIMIT, message);
        self.findings.push(finding.at(self.text, place.unwrap_or_default()));
        usual
    }
}
