//! `budgets.toml`: where the gate warns and where it blocks.

use std::collections::BTreeMap;
use std::ops::Range;

use overlay_model::Diagnostic;
use serde::Deserialize;
use toml::Spanned;

use crate::statistics::Limits;

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
        let mut findings = Vec::new();
        let usual = Self::default();
        let mut limits = |given: Option<LimitsText>, usual: Limits, unit: f64| {
            read_limits(text, given, usual, unit, &mut findings)
        };
        let tokens = limits(read.tokens, usual.tokens, 100.0);
        let latency = limits(read.latency, usual.latency, 1.0);
        let failures = limits(read.failures, usual.failures, 100.0);
        let scenarios = read.scenarios.into_iter().map(|(id, it)| {
            (id.into_inner(), ScenarioBudget { tokens: limits(it.tokens, tokens, 100.0) })
        });
        let scenarios = scenarios.collect();
        (Self { tokens, latency, failures, scenarios }, findings)
    }

    /// Findings about scenarios that are none of `known`.
    pub fn unknown<'a>(&self, known: impl Iterator<Item = &'a str>) -> Vec<Diagnostic> {
        let known: std::collections::BTreeSet<_> = known.collect();
        let strange = self.scenarios.keys().filter(|it| !known.contains(it.as_str()));
        strange
            .map(|id| {
                let message = format!("there is no scenario `{id}` in the catalogue");
                Diagnostic::warning(NO_SCENARIO, message).hint("remove the table, or mend its name")
            })
            .collect()
    }

    /// The limits of prompt tokens for a scenario.
    pub fn tokens_of(&self, scenario: &str) -> Limits {
        self.scenarios.get(scenario).map_or(self.tokens, |it| it.tokens)
    }
}

fn read_limits(
    text: &str,
    given: Option<LimitsText>,
    usual: Limits,
    unit: f64,
    findings: &mut Vec<Diagnostic>,
) -> Limits {
    let Some(LimitsText { warn, block }) = given else { return usual };
    let mut place: Option<Range<usize>> = None;
    let mut number = |it: Option<Spanned<f64>>, usual: f64| match it {
        Some(it) => {
            place = Some(it.span());
            // Divided, so that 12 percent is the number 0.12.
            *it.get_ref() / unit
        }
        None => usual,
    };
    let limits = Limits { warn: number(warn, usual.warn), block: number(block, usual.block) };
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
    findings.push(finding.at(text, place.unwrap_or_default()));
    usual
}
