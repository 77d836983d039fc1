//! What the types of a scenario file cannot say.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_yaml::Spanned;

use crate::chain::{Chain, verify_chain};
use crate::diagnostic::{Diagnostic, Location};
use crate::key::ParamKey;
use crate::outline::yaml_span;
use crate::overlay::check_value;
use crate::parser::shorten;
use crate::rule::{Rule, Test};
use crate::scenario::{Catalogue, ParameterText, Scenario, Turn};
use crate::structured::from_yaml;

/// The codes of [`Catalogue::findings`]: code, title, explanation.
pub const CATALOGUE_CODES: &[(&str, &str, &str)] = &[
    (
        "OVL5301",
        "two scenarios of one id",
        "Two scenarios have the same id. Goldens and cassettes are named by it; the first one \
         counts.",
    ),
    (
        "OVL5302",
        "complexity out of range",
        "The complexity of a scenario is a number from 0 to 1. The router scores by it.",
    ),
    (
        "OVL5303",
        "weight out of range",
        "The evaluation weight of a scenario is a finite number above 0.",
    ),
    (
        "OVL5304",
        "role of a turn unknown",
        "A turn of a conversation is spoken by `user`, `assistant` or `system`.",
    ),
    (
        "OVL5305",
        "parameter of a scenario is none",
        "A scenario sets a key that is no parameter, or gives it a value it does not take.",
    ),
    (
        "OVL5306",
        "scenario without prompt",
        "There is nothing to ask a model. Give the scenario a `prompt`.",
    ),
    (
        "OVL5307",
        "rule that tests nothing",
        "A rule of a scenario has no text, no facts, or a number that no answer has: it holds \
         always or never.",
    ),
    (
        "OVL5308",
        "two rules of one id",
        "Two rules of a scenario have the same id. Goldens name the results of rules by it.",
    ),
    (
        "OVL5309",
        "turns and digests differ",
        "Each turn holds the digest of the turns before it. A turn was changed after it was \
         recorded.",
    ),
    ("OVL5310", "file without scenario", "The scenario file lists no scenario."),
];

impl Catalogue {
    /// What is wrong with the scenarios beyond their types, in file order, with the codes
    /// of [`CATALOGUE_CODES`]. `text` is the file the catalogue was read from; where it is
    /// no YAML or JSON the findings have no place.
    pub fn findings(&self, text: &str) -> Vec<Diagnostic> {
        self.findings_by(text, |_, _| None)
    }

    /// [`Self::findings`], where `flaw` says of a key and its value why they are no parameter.
    pub fn findings_by(
        &self,
        text: &str,
        flaw: impl Fn(&str, &str) -> Option<String>,
    ) -> Vec<Diagnostic> {
        let mut res = Vec::new();
        if self.scenarios.is_empty() {
            res.push((0, Part::Whole, Diagnostic::warning("OVL5310", "the file has no scenario")));
        }
        for (idx, scenario) in self.scenarios.iter().enumerate() {
            let found = scenario.findings(&flaw);
            res.extend(found.into_iter().map(|(part, finding)| (idx, part, finding)));
        }
        let twice = self.duplicates();
        if res.is_empty() && twice.is_empty() {
            return Vec::new();
        }
        let places = Places::of(text);
        let placed = res.into_iter().map(|(idx, part, finding)| {
            let at = places.get(idx, part);
            (idx, Diagnostic { at, ..finding })
        });
        let mut placed: Vec<_> = placed.collect();
        placed.extend(twice.into_iter().map(|(first, idx)| {
            let id = self.scenarios.get(idx).map_or("", |it| it.id.as_str());
            (idx, places.duplicate(id, first, idx))
        }));
        placed.sort_by_key(|(idx, _)| *idx);
        placed.into_iter().map(|(_, finding)| finding).collect()
    }

    /// The scenarios whose identifier an earlier one has: the earlier one, the later one.
    fn duplicates(&self) -> Vec<(usize, usize)> {
        let mut first: HashMap<&str, usize> = HashMap::new();
        let ids = self.scenarios.iter().enumerate();
        ids.filter_map(|(idx, it)| {
            let earlier = *first.entry(it.id.as_str()).or_insert(idx);
            (earlier != idx).then_some((earlier, idx))
        })
        .collect()
    }
}

/// What a finding about a scenario is about.
#[derive(Clone, Copy, Debug)]
enum Part {
    Whole,
    Complexity,
    Weight,
    Prompt,
    Turn(usize),
    Rule(usize),
    Parameters,
}

impl Scenario {
    fn findings(&self, flaw: impl Fn(&str, &str) -> Option<String>) -> Vec<(Part, Diagnostic)> {
        let mut res = self.numbers();
        if self.prompt.trim().is_empty() {
            res.push((Part::Prompt, self.error("OVL5306", "has no prompt")));
        }
        res.extend(self.turn_findings());
        res.extend(self.rule_findings());
        res.extend(self.parameter_findings(flaw));
        res
    }

    fn error(&self, code: &'static str, message: &str) -> Diagnostic {
        Diagnostic::error(code, format!("scenario `{}` {message}", self.id))
    }

    fn numbers(&self) -> Vec<(Part, Diagnostic)> {
        let mut res = Vec::new();
        if !(0.0..=1.0).contains(&self.complexity) {
            let message = format!("has the complexity {}", self.complexity);
            let finding = self.error("OVL5302", &message).hint("use a number from 0 to 1");
            res.push((Part::Complexity, finding));
        }
        if !self.evaluation_weight.is_finite() || self.evaluation_weight <= 0.0 {
            let message = format!("has the weight {}", self.evaluation_weight);
            let finding = self.error("OVL5303", &message).hint("use a number above 0");
            res.push((Part::Weight, finding));
        }
        res
    }

    fn turn_findings(&self) -> Vec<(Part, Diagnostic)> {
        let roles = self.turns.iter().enumerate().filter_map(|(idx, turn)| {
            if matches!(turn.role.as_str(), "user" | "assistant" | "system") {
                return None;
            }
            let message = format!("has a turn of the role `{}`", shorten(&turn.role));
            let finding = self.error("OVL5304", &message).hint("use user, assistant or system");
            Some((Part::Turn(idx), finding))
        });
        let mut res: Vec<_> = roles.collect();
        if let Chain::Broken { turn } = verify_chain(&self.turns) {
            let message = format!("has turns that their digests do not fit, from turn {turn} on");
            let finding =
                self.error("OVL5309", &message).hint("a turn was changed after it was recorded");
            res.push((Part::Turn(turn - 1), finding));
        }
        res
    }

    fn rule_findings(&self) -> Vec<(Part, Diagnostic)> {
        let mut ids: HashMap<&str, usize> = HashMap::new();
        let mut res = Vec::new();
        for (idx, rule) in self.expect.iter().enumerate() {
            if let Some(flaw) = flaw(rule) {
                let message = format!("has a rule `{}` {flaw}", rule.test.name());
                res.push((Part::Rule(idx), self.error("OVL5307", &message)));
            }
            let Some(id) = &rule.id else { continue };
            let earlier = *ids.entry(id).or_insert(idx);
            if earlier != idx {
                let message =
                    format!("names rules {} and {} `{}`", earlier + 1, idx + 1, shorten(id));
                res.push((Part::Rule(idx), self.error("OVL5308", &message)));
            }
        }
        res
    }

    fn parameter_findings(
        &self,
        flaw: impl Fn(&str, &str) -> Option<String>,
    ) -> Vec<(Part, Diagnostic)> {
        let found = self.parameters.iter().filter_map(|(key, value)| {
            let value = value.to_text();
            let name = key.parse::<ParamKey>().err().map(|_| "not a parameter name".to_owned());
            let text = || check_value(&value).err().map(|it| it.to_string());
            let flaw = name.or_else(text).or_else(|| flaw(key, &value))?;
            let message = format!("sets `{}`: {flaw}", shorten(key));
            Some((Part::Parameters, self.error("OVL5305", &message)))
        });
        found.collect()
    }
}

/// Why a rule tests nothing or can never be met.
fn flaw(rule: &Rule) -> Option<&'static str> {
    match &rule.test {
        Test::Contains(text) | Test::Not(text) | Test::Regex(text) if text.is_empty() => {
            Some("without text")
        }
        Test::Facts(facts) if facts.is_empty() => Some("without facts"),
        Test::Facts(facts) if facts.iter().any(|it| it.trim().is_empty()) => {
            Some("with an empty fact")
        }
        Test::Number(number) if !number.is_finite() => Some("whose number is not finite"),
        Test::JsonSchema(schema) if !schema.is_object() && !schema.is_boolean() => {
            Some("whose schema is neither an object nor a switch")
        }
        Test::MaxTokens(0) => Some("that allows no token"),
        _ => None,
    }
}

/// Where the parts of the scenarios stand in their file.
struct Places(Vec<ScenarioPlaces>);

#[derive(Deserialize)]
struct CataloguePlaces {
    scenarios: Vec<ScenarioPlaces>,
}

#[derive(Deserialize)]
struct ScenarioPlaces {
    id: Spanned<String>,
    complexity: Option<Spanned<f64>>,
    evaluation_weight: Option<Spanned<f64>>,
    prompt: Option<Spanned<String>>,
    #[serde(default)]
    turns: Vec<Spanned<Turn>>,
    #[serde(default)]
    expect: Vec<Spanned<Rule>>,
    parameters: Option<Spanned<BTreeMap<String, ParameterText>>>,
}

impl Places {
    fn of(text: &str) -> Self {
        Self(from_yaml(text).map_or_else(|_| Vec::new(), |it: CataloguePlaces| it.scenarios))
    }

    fn get(&self, idx: usize, part: Part) -> Option<Location> {
        let scenario = self.0.get(idx)?;
        let own = match part {
            Part::Whole => None,
            Part::Complexity => scenario.complexity.as_ref().map(place),
            Part::Weight => scenario.evaluation_weight.as_ref().map(place),
            Part::Prompt => scenario.prompt.as_ref().map(place),
            Part::Turn(idx) => scenario.turns.get(idx).map(place),
            Part::Rule(idx) => scenario.expect.get(idx).map(place),
            Part::Parameters => scenario.parameters.as_ref().map(place),
        };
        Some(own.unwrap_or_else(|| place(&scenario.id)))
    }

    fn duplicate(&self, id: &str, first: usize, later: usize) -> Diagnostic {
        let finding = Diagnostic {
            at: self.get(later, Part::Whole),
            ..Diagnostic::error("OVL5301", format!("the scenario `{id}` exists already"))
        };
        let finding = finding.hint("give one of the two another identifier");
        match self.get(first, Part::Whole) {
            Some(at) => finding.related(at, "first defined here"),
            None => finding,
        }
    }
}

fn place<T>(value: &Spanned<T>) -> Location {
    let at = value.referenced;
    let number = |it: u64| usize::try_from(it).unwrap_or(usize::MAX);
    Location { line: number(at.line()), column: number(at.column()), span: yaml_span(value) }
}
