//! flagd's rules, read with their places and checked.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value;

use crate::codes::NO_RULE;
use crate::operators::version_of;
use crate::spot::{Findings, Spot};

/// How deep rules may refer to shared ones, and how many steps their copies may have.
pub(crate) const MAX_DEPTH: usize = 16;
pub(crate) const MAX_STEPS: usize = 10_000;

/// The operators of JsonLogic, and flagd's own.
const OPERATORS: &[&str] = &[
    "var",
    "missing",
    "missing_some",
    "if",
    "==",
    "===",
    "!=",
    "!==",
    "!",
    "!!",
    "or",
    "and",
    ">",
    ">=",
    "<",
    "<=",
    "max",
    "min",
    "+",
    "-",
    "*",
    "/",
    "%",
    "map",
    "filter",
    "reduce",
    "all",
    "none",
    "some",
    "merge",
    "in",
    "cat",
    "substr",
    "log",
    "fractional",
    "sem_ver",
    "starts_with",
    "ends_with",
];

/// A part of a rule, with its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) span: Range<usize>,
    pub(crate) term: Term,
}

#[derive(Clone, Debug)]
pub(crate) enum Term {
    /// A word, a number, a switch or null.
    Literal(Value),
    List(Vec<Node>),
    Call(String, Vec<Node>),
}

impl Node {
    /// The word, number, switch or null that it is.
    pub(crate) fn literal(&self) -> Option<&Value> {
        match &self.term {
            Term::Literal(value) => Some(value),
            _ => None,
        }
    }

    /// The operands, where it calls `operator`.
    pub(crate) fn call(&self, operator: &str) -> Option<&[Self]> {
        match &self.term {
            Term::Call(name, operands) if name == operator => Some(operands),
            _ => None,
        }
    }

    /// The name of the value of the context that it is, with what stands in for a missing
    /// one.
    pub(crate) fn variable(&self) -> Option<(&str, Option<&Value>)> {
        match self.call("var")? {
            [name] => Some((name.literal()?.as_str()?, None)),
            [name, default] => Some((name.literal()?.as_str()?, Some(default.literal()?))),
            _ => None,
        }
    }
}

/// Reads rules; what is wrong with them goes to the findings.
pub(crate) struct RuleReader<'r, 't> {
    /// The shared rules by name.
    pub(crate) shared: &'r BTreeMap<String, Spot<'t>>,
    pub(crate) findings: &'r mut Findings,
    steps: usize,
}

impl<'r, 't> RuleReader<'r, 't> {
    pub(crate) fn new(shared: &'r BTreeMap<String, Spot<'t>>, findings: &'r mut Findings) -> Self {
        Self { shared, findings, steps: 0 }
    }

    /// The rule at `spot`, with shared rules in the place of their names; `None` where it
    /// is none.
    pub(crate) fn read(&mut self, spot: Spot<'t>) -> Option<Node> {
        self.node(spot, 0)
    }

    fn node(&mut self, spot: Spot<'t>, depth: usize) -> Option<Node> {
        self.steps += 1;
        if depth > MAX_DEPTH || self.steps > MAX_STEPS {
            // Said once.
            if self.steps < MAX_STEPS * 2 {
                self.steps = MAX_STEPS * 2;
                let said = "the rule is too long, or shared rules refer to each other".to_owned();
                self.findings.add(NO_RULE, spot.span(), said);
            }
            return None;
        }
        let span = spot.span();
        if let Some(items) = spot.items() {
            let items: Vec<Option<Node>> =
                items.into_iter().map(|it| self.node(it, depth)).collect();
            let items: Option<Vec<Node>> = items.into_iter().collect();
            return Some(Node { span, term: Term::List(items?) });
        }
        match spot.members() {
            None => Some(Node { span, term: Term::Literal(spot.value()) }),
            Some(Err(err)) => self.refuse(span, format!("the rule is none: {err}")),
            Some(Ok(members)) => match members.as_slice() {
                [(operator, operands)] => self.operation(span, operator, *operands, depth),
                _ => self.refuse(span, "an operator stands alone in its object".to_owned()),
            },
        }
    }

    fn operation(
        &mut self,
        span: Range<usize>,
        operator: &str,
        operands: Spot<'t>,
        depth: usize,
    ) -> Option<Node> {
        if operator == "$ref" {
            let name = operands.value();
            let named = name.as_str().and_then(|it| self.shared.get(it)).copied();
            return match named {
                Some(named) => self.node(named, depth + 1),
                None => self.refuse(span, format!("`$evaluators` has no rule {name}")),
            };
        }
        if !OPERATORS.contains(&operator) {
            let said = format!("there is no operator `{operator}`");
            let hint = "JsonLogic's operators, and fractional, sem_ver, starts_with, ends_with";
            self.findings.advise(NO_RULE, span, said, hint);
            return None;
        }
        let operand = self.node(operands, depth)?;
        // `{"var": "a"}` is short for `{"var": ["a"]}`.
        let operands = match operand.term {
            Term::List(items) => items,
            _ => vec![operand],
        };
        match fault(operator, &operands) {
            Some((at, said)) => self.refuse(at.unwrap_or(span), said),
            None => Some(Node { span, term: Term::Call(operator.to_owned(), operands) }),
        }
    }

    fn refuse(&mut self, span: Range<usize>, said: String) -> Option<Node> {
        self.findings.add(NO_RULE, span, said);
        None
    }
}

type Fault = (Option<Range<usize>>, String);

/// What is wrong with the operands, and where.
fn fault(operator: &str, operands: &[Node]) -> Option<Fault> {
    match operator {
        "var" => unknown_property(operands.first()?),
        "fractional" => fractional(operands),
        "sem_ver" => sem_ver(operands),
        "starts_with" | "ends_with" => {
            let wrong = operands.iter().find(|it| it.literal().is_some_and(|it| !it.is_string()));
            match wrong {
                Some(it) => Some((Some(it.span.clone()), format!("`{operator}` takes texts"))),
                None if operands.len() != 2 => {
                    Some((None, format!("`{operator}` takes two texts")))
                }
                None => None,
            }
        }
        _ => None,
    }
}

fn unknown_property(name: &Node) -> Option<Fault> {
    let name_text = name.literal()?.as_str()?;
    let property = name_text.strip_prefix("$flagd.")?;
    let known = ["flagKey", "timestamp"].contains(&property);
    (!known).then(|| (Some(name.span.clone()), format!("there is no `{name_text}`")))
}

fn fractional(operands: &[Node]) -> Option<Fault> {
    let arms = match operands.split_first() {
        None => return Some((None, "`fractional` has no variants".to_owned())),
        Some((Node { term: Term::List(_), .. }, _)) => operands,
        Some((Node { term: Term::Call(..), .. }, rest)) => rest,
        Some((key, _)) => {
            let said = "what is bucketed is an expression, such as a `var`".to_owned();
            return Some((Some(key.span.clone()), said));
        }
    };
    arms.iter().find_map(|arm| {
        let Term::List(items) = &arm.term else {
            let said = "a variant stands in a list with its weight".to_owned();
            return Some((Some(arm.span.clone()), said));
        };
        let weight = match items.as_slice() {
            [_] => return None,
            [_, weight] => weight,
            _ => {
                let said = "a list here has a variant and its weight".to_owned();
                return Some((Some(arm.span.clone()), said));
            }
        };
        let wrong =
            weight.literal().is_some_and(|it| !it.is_u64()) || matches!(weight.term, Term::List(_));
        wrong.then(|| (Some(weight.span.clone()), "a weight is a whole number from 0".to_owned()))
    })
}

fn sem_ver(operands: &[Node]) -> Option<Fault> {
    let [left, operator, right] = operands else {
        return Some((None, "`sem_ver` takes a version, an operator and a version".to_owned()));
    };
    let known = ["=", "!=", "<", "<=", ">", ">=", "^", "~"];
    let named = operator.literal().and_then(Value::as_str);
    if !named.is_some_and(|it| known.contains(&it)) {
        let said = format!("the operator is one of {}", known.join(" "));
        return Some((Some(operator.span.clone()), said));
    }
    [left, right].into_iter().find_map(|it| {
        let text = it.literal()?.as_str();
        let is_version = text.is_some_and(|it| version_of(it).is_some());
        (!is_version)
            .then(|| (Some(it.span.clone()), "this is no version such as 2.1.0".to_owned()))
    })
}
