//! `budgets.toml`: where the gate warns and where it blocks.

use std::collections::BTreeMap;
use std::ops::Range;

use overlay_model::{Diagnostic, Location};
use serde::Deserialize;
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
         blocks. A table of a scenario that has one of the two only takes the other from the \
         general table of the same name.",
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

/// What holds for one scenario instead of the general limits; `None` where these hold for it
/// too. Units are those of [`Budgets`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ScenarioBudget {
    /// Tokens and cost more than the base, as a share.
    pub tokens: Option<Limits>,
    /// Seconds at the 95th percentile of its answers.
    pub latency: Option<Limits>,
    /// Share of failed requests more than the base.
    pub failures: Option<Limits>,
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
    latency: Option<LimitsText>,
    failures: Option<LimitsText>,
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
        let general = |given: Option<Limits>, usual| given.unwrap_or(usual);
        let tokens = reading.limits("tokens", read.tokens, usual.tokens, PERCENT);
        let latency = reading.limits("latency", read.latency, usual.latency, 1.0);
        let failures = reading.limits("failures", read.failures, usual.failures, PERCENT);
        let mut budgets = Self {
            tokens: general(tokens, usual.tokens),
            latency: general(latency, usual.latency),
            failures: general(failures, usual.failures),
            ..usual
        };
        for (id, it) in read.scenarios {
            let name = format!("scenarios.{}", id.get_ref());
            reading.places.insert(name.clone(), Location::of(text, id.span()));
            let mut own = |kind: &str, given, general, unit| {
                reading.limits(&format!("{name}.{kind}"), given, general, unit)
            };
            let of_one = ScenarioBudget {
                tokens: own("tokens", it.tokens, budgets.tokens, PERCENT),
                latency: own("latency", it.latency, budgets.latency, 1.0),
                failures: own("failures", it.failures, budgets.failures, PERCENT),
            };
            budgets.scenarios.insert(id.into_inner(), of_one);
        }
        let Reading { findings, places, .. } = reading;
        budgets.places = places;
        (budgets, findings)
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

    /// The limits of tokens and cost for a scenario.
    pub fn tokens_of(&self, scenario: &str) -> Limits {
        self.own(scenario).tokens.unwrap_or(self.tokens)
    }

    /// The limits of the latency for a scenario.
    pub fn latency_of(&self, scenario: &str) -> Limits {
        self.own(scenario).latency.unwrap_or(self.latency)
    }

    /// The limits of failures for a scenario.
    pub fn failures_of(&self, scenario: &str) -> Limits {
        self.own(scenario).failures.unwrap_or(self.failures)
    }

    /// What a scenario has of its own.
    pub(super) fn own(&self, scenario: &str) -> ScenarioBudget {
        self.scenarios.get(scenario).copied().unwrap_or_default()
    }

    /// The limits as a file gives them, by name: percent for tokens and failures, seconds
    /// for latency.
    pub(super) fn in_file(&self) -> BTreeMap<String, f64> {
        let mut all = tables("", Some(self.tokens), Some(self.latency), Some(self.failures));
        for (id, ScenarioBudget { tokens, latency, failures }) in &self.scenarios {
            all.extend(tables(&format!("scenarios.{id}."), *tokens, *latency, *failures));
        }
        let ends = all.into_iter().flat_map(|(name, it, unit)| {
            [("warn", it.warn), ("block", it.block)]
                .map(|(end, value)| (format!("{name}.{end}"), round4(value * unit)))
        });
        ends.collect()
    }

    /// The line that sets a limit.
    pub(super) fn line(&self, key: &str) -> Option<usize> {
        self.places.get(key).map(|it| it.line)
    }
}

/// The tables that there are, each with its name and the unit of the file.
fn tables(
    prefix: &str,
    tokens: Option<Limits>,
    latency: Option<Limits>,
    failures: Option<Limits>,
) -> Vec<(String, Limits, f64)> {
    let all =
        [("tokens", tokens, PERCENT), ("latency", latency, 1.0), ("failures", failures, PERCENT)];
    let named = |(kind, it, unit): (&str, Option<Limits>, f64)| {
        Some((format!("{prefix}{kind}"), it?, unit))
    };
    all.into_iter().filter_map(named).collect()
}

/// A file that is being read.
struct Reading<'a> {
    text: &'a str,
    findings: Vec<Diagnostic>,
    places: BTreeMap<String, Location>,
}

impl Reading<'_> {
    /// The limits of a table, an end that is missing from `usual`; `None` where there is no
    /// table, or what it says is wrong.
    fn limits(
        &mut self,
        name: &str,
        given: Option<LimitsText>,
        usual: Limits,
        unit: f64,
    ) -> Option<Limits> {
        let LimitsText { warn, block } = given?;
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
            return Some(limits);
        }
        let message = format!(
            "warns from {} on and blocks above {}: no pair of limits",
            limits.warn * unit,
            limits.block * unit
        );
        let finding = Diagnostic::error(BAD_LIMIT, message);
        self.findings.push(finding.at(self.text, place.unwrap_or_default()));
        None
    }
}
