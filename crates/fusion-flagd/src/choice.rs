//! What a rule of flagd's chooses, as a gate and the variants behind it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::condition::{condition, null};
use crate::draw::{share_of, weights};
use crate::gate::{Gate, Refusal, refuse};
use crate::rule::{Node, Term};

/// What a variant means here.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Meaning {
    /// The flag is off, or nothing is offered.
    Off,
    /// The flag is on.
    On,
    /// This overlay.
    Overlay(String),
}

/// The variants of a flag, with what they mean.
pub(crate) struct Variants {
    pub(crate) meanings: BTreeMap<String, Meaning>,
    /// Whether they are on and off, and not overlays.
    pub(crate) switches: bool,
    /// The one that holds where no rule chooses.
    pub(crate) default: Option<String>,
}

/// The variants that a gate leads to, each with its weight; none where it leads nowhere.
#[derive(Debug, PartialEq)]
pub(crate) struct Choice {
    pub(crate) gate: Gate,
    pub(crate) arms: Vec<(String, u64)>,
}

impl Choice {
    fn nothing() -> Self {
        Self { gate: Gate::shut(), arms: Vec::new() }
    }

    fn is_nothing(&self) -> bool {
        self.arms.is_empty()
    }
}

impl Variants {
    /// What the flag gives without a rule.
    pub(crate) fn default_choice(&self) -> Choice {
        let default = self.default.as_ref().filter(|it| self.meaning(it) != Meaning::Off);
        match default {
            Some(name) => Choice { gate: Gate::open(), arms: vec![(name.clone(), 1)] },
            None => Choice::nothing(),
        }
    }

    pub(crate) fn meaning(&self, name: &str) -> Meaning {
        self.meanings.get(name).cloned().unwrap_or(Meaning::Off)
    }

    /// What a rule chooses.
    pub(crate) fn choose(&self, node: &Node) -> Result<Choice, Refusal> {
        match &node.term {
            Term::Literal(value) => self.named(node, value),
            Term::List(_) => refuse(&node.span, "has a list for a variant"),
            Term::Call(operator, operands) => match operator.as_str() {
                "if" => self.branch(node, operands),
                "fractional" => self.fractional(node, operands),
                _ => self.outcome(node),
            },
        }
    }

    fn named(&self, node: &Node, value: &Value) -> Result<Choice, Refusal> {
        let name = match value {
            Value::Null => return Ok(self.default_choice()),
            Value::String(name) => name.clone(),
            other => other.to_string(),
        };
        match self.meanings.get(&name) {
            None => refuse(&node.span, format!("names a variant `{name}`, which it does not have")),
            Some(Meaning::Off) => Ok(Choice::nothing()),
            Some(_) => Ok(Choice { gate: Gate::open(), arms: vec![(name, 1)] }),
        }
    }

    /// `if`: of the two sides one must be nothing.
    fn branch(&self, node: &Node, parts: &[Node]) -> Result<Choice, Refusal> {
        let (test, then, rest) = match parts {
            [] => return self.choose(&null(&node.span)),
            // The outcome of a lone condition is the variant.
            [last] => return self.choose(last),
            [test, then, rest @ ..] => (test, self.choose(then)?, rest),
        };
        let other = self.branch(node, rest)?;
        if then == other {
            return Ok(then);
        }
        let (want, choice) = match (then.is_nothing(), other.is_nothing()) {
            (_, true) => (true, then),
            (true, false) => (false, other),
            _ => return refuse(&node.span, "gives one thing or another by conditions"),
        };
        let gate = condition(test, want)?.and(choice.gate, &node.span)?;
        Ok(Choice { gate, arms: choice.arms })
    }

    fn fractional(&self, node: &Node, operands: &[Node]) -> Result<Choice, Refusal> {
        let arms = weights(node, operands)?;
        if self.switches {
            let on = |it: &Value| it.as_str().is_some_and(|it| self.meaning(it) == Meaning::On);
            let gate = share_of(node, &arms, &on)?;
            let name = arms.iter().find(|(it, _)| on(it)).and_then(|(it, _)| it.as_str());
            let arms = name.map(|it| vec![(it.to_owned(), 1)]);
            return Ok(arms.map_or_else(Choice::nothing, |arms| Choice { gate, arms }));
        }
        let arms: Option<Vec<(String, u64)>> = arms
            .into_iter()
            .map(|(variant, weight)| {
                let name = variant.as_str().filter(|it| self.meanings.contains_key(*it))?;
                Some((name.to_owned(), weight))
            })
            .collect();
        match arms {
            Some(arms) => Ok(Choice { gate: Gate::open(), arms }),
            None => refuse(&node.span, "draws a variant that it does not have"),
        }
    }

    /// A condition whose outcome is the variant `true` or `false`.
    fn outcome(&self, node: &Node) -> Result<Choice, Refusal> {
        let (yes, no) = (self.meanings.get("true"), self.meanings.get("false"));
        let (Some(yes), Some(no)) = (yes, no) else {
            return refuse(&node.span, "computes the name of a variant");
        };
        let (want, name) = match (yes, no) {
            (Meaning::Off, Meaning::Off) => return Ok(Choice::nothing()),
            (_, Meaning::Off) => (true, "true"),
            (Meaning::Off, _) => (false, "false"),
            _ => return refuse(&node.span, "gives one thing or another by conditions"),
        };
        // Only what is true or false has such an outcome, and not any value that counts so.
        if !is_comparison(node) {
            return refuse(&node.span, "computes the name of a variant");
        }
        Ok(Choice { gate: condition(node, want)?, arms: vec![(name.to_owned(), 1)] })
    }
}

/// Whether the outcome is always true or false.
fn is_comparison(node: &Node) -> bool {
    let Term::Call(operator, operands) = &node.term else { return false };
    match operator.as_str() {
        "and" | "or" => operands.iter().all(is_comparison),
        "==" | "===" | "!=" | "!==" | ">" | ">=" | "<" | "<=" | "!" | "!!" | "in" | "sem_ver"
        | "starts_with" | "ends_with" => true,
        _ => false,
    }
}
