//! Conditions of flagd's rules as conditions of ours.

use std::ops::Range;

use fusion_flags::{AttributeTest, BUCKETS, Matching, MissingConfidence};
use serde_json::Value;

use crate::codes::NARROWER;
use crate::draw::{share_of, weights};
use crate::gate::{Gate, Refusal, Remark, Share, refuse};
use crate::operators::version_of;
use crate::rule::{Node, Term};

/// Where the rule is true, or, where `want` is false, where it is not.
pub(crate) fn condition(node: &Node, want: bool) -> Result<Gate, Refusal> {
    let (operator, operands) = match &node.term {
        Term::Literal(value) => {
            return Ok(if is_true(value) == want { Gate::open() } else { Gate::shut() });
        }
        Term::List(_) => return refuse(&node.span, "has a list for a condition"),
        Term::Call(operator, operands) => (operator.as_str(), operands.as_slice()),
    };
    match (operator, operands) {
        ("!", [it]) => condition(it, !want),
        ("!!", [it]) => condition(it, want),
        ("and", parts) => joined(node, parts, want, want),
        ("or", parts) => joined(node, parts, want, !want),
        ("if", parts) => branches(node, parts, want),
        ("var", _) => switch(node, want),
        ("in", [value, among]) => membership(node, value, among, want),
        ("starts_with", [value, part]) => affix(node, value, part, want, true),
        ("ends_with", [value, part]) => affix(node, value, part, want, false),
        ("sem_ver", [value, operator, version]) => range(node, value, operator, version, want),
        ("==" | "===" | "!=" | "!==" | ">" | ">=" | "<" | "<=", [left, right]) => {
            comparison(node, operator, left, right, want)
        }
        _ => refuse(&node.span, format!("has `{operator}` for a condition")),
    }
}

/// Whether JsonLogic takes a value for true.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(on) => *on,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(_) => true,
    }
}

/// All of the parts, or one of them.
fn joined(node: &Node, parts: &[Node], want: bool, all: bool) -> Result<Gate, Refusal> {
    let start = if all { Gate::open() } else { Gate::shut() };
    parts.iter().try_fold(start, |gate, part| {
        let part = condition(part, want)?;
        if all { gate.and(part, &node.span) } else { gate.or(part, &node.span) }
    })
}

/// `if` as a condition: a schedule, or a branch of which one side is never.
fn branches(node: &Node, parts: &[Node], want: bool) -> Result<Gate, Refusal> {
    if let (true, Some(ramp)) = (want, schedule(parts)) {
        return Ok(Gate::of_share(ramp));
    }
    match parts {
        [] => condition(&null(&node.span), want),
        [last] => condition(last, want),
        [test, then, rest @ ..] => {
            let (then, other) = (condition(then, want)?, branches(node, rest, want)?);
            if other.is_shut() {
                return condition(test, true)?.and(then, &node.span);
            }
            if then.is_shut() {
                return condition(test, false)?.and(other, &node.span);
            }
            if then == other { Ok(then) } else { refuse(&node.span, "branches") }
        }
    }
}

/// What stands where nothing is written.
pub(crate) fn null(span: &Range<usize>) -> Node {
    Node { span: span.clone(), term: Term::Literal(Value::Null) }
}

/// Shares that begin one after the other, the latest first, none before them.
fn schedule(parts: &[Node]) -> Option<Share> {
    let (steps, rest) = parts.as_chunks::<2>();
    let ends = match rest {
        [] => true,
        [last] => last.literal().is_some_and(|it| !is_true(it)),
        _ => false,
    };
    let steps: Option<Vec<(i64, u32)>> = steps
        .iter()
        .rev()
        .map(|[since, share]| {
            let gate = condition(share, true).ok().filter(Gate::is_share)?;
            match gate.share {
                Share::Of(share) => Some((moment(since)?, share)),
                Share::Ramp(_) => None,
            }
        })
        .collect();
    let steps = steps.filter(|it| ends && !it.is_empty())?;
    let rises = steps.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1);
    rises.then_some(Share::Ramp(steps))
}

/// The second since which a condition holds, where it is of that form.
fn moment(node: &Node) -> Option<i64> {
    let Term::Call(operator, operands) = &node.term else { return None };
    let [left, right] = operands.as_slice() else { return None };
    let is_now = |it: &Node| it.variable().is_some_and(|(name, _)| name == "$flagd.timestamp");
    let at = |it: &Node| it.literal().and_then(Value::as_i64);
    let (at, later) = match operator.as_str() {
        ">=" if is_now(left) => (at(right)?, 0),
        ">" if is_now(left) => (at(right)?, 1),
        "<=" if is_now(right) => (at(left)?, 0),
        "<" if is_now(right) => (at(left)?, 1),
        _ => return None,
    };
    // A moment that a flag file can write.
    (0..=253_402_300_799).contains(&at).then_some(at + later)
}

/// The name of an attribute that a condition may be about.
fn attribute<'n>(node: &'n Node, value: &'n Node) -> Result<&'n str, Refusal> {
    let Some((name, default)) = value.variable() else {
        return refuse(&value.span, "computes what it compares");
    };
    match name {
        "$flagd.timestamp" => refuse(&node.span, "ends, or compares, moments"),
        _ if name.is_empty() || name.contains('.') => {
            refuse(&value.span, format!("looks inside an attribute for `{name}`"))
        }
        _ if default.is_some_and(|it| !stands_for_missing(name, it)) => {
            refuse(&value.span, format!("has a value for requests without `{name}`"))
        }
        _ => Ok(name),
    }
}

/// Whether a value that stands in for a missing one changes nothing, or is known here.
fn stands_for_missing(name: &str, default: &Value) -> bool {
    match name {
        "confidence" => default.is_number(),
        "scenario_type" => matches!(default.as_str(), Some("")),
        _ => default.is_null(),
    }
}

/// Where `missing`, flagd's condition holds for requests without the attribute.
fn narrower(gate: Gate, span: &Range<usize>, attribute: &str, missing: bool) -> Gate {
    if !missing {
        return gate;
    }
    let said = format!("without `{attribute}` it holds there, and does not here");
    let without = Some(attribute.to_owned());
    gate.remark(Remark { code: NARROWER, span: span.clone(), said, without })
}

/// The gate that tests an attribute; what a route has besides attributes is none.
fn tested(node: &Node, name: &str, test: AttributeTest) -> Result<Gate, Refusal> {
    match name {
        "scenario_type" => refuse(&node.span, "asks more of the scenario type than which it is"),
        "confidence" => refuse(&node.span, "asks more of the confidence than to be high"),
        _ => Ok(Gate::of_test(name, test)),
    }
}

/// An attribute that is there, or true, or anything that is not empty.
fn switch(node: &Node, want: bool) -> Result<Gate, Refusal> {
    let name = attribute(node, node)?;
    if !want {
        return refuse(&node.span, format!("holds where `{name}` is empty, 0, false or missing"));
    }
    let test = AttributeTest { one_of: Some(vec!["true".to_owned()]), ..AttributeTest::default() };
    let said = format!("it holds where `{name}` is not empty there, and where it is true here");
    let remark = Remark { code: NARROWER, span: node.span.clone(), said, without: None };
    Ok(tested(node, name, test)?.remark(remark))
}

/// A value as a flag file writes it.
fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}

fn membership(node: &Node, value: &Node, among: &Node, want: bool) -> Result<Gate, Refusal> {
    let is_scenario = |it: &Node| matches!(attribute(node, it), Ok("scenario_type"));
    if let (Some(Value::String(part)), true, true) = (value.literal(), is_scenario(among), want) {
        return Ok(Gate::of_scenarios(Matching::Substring, vec![part.clone()]));
    }
    let Term::List(items) = &among.term else {
        return refuse(&node.span, "looks for a part of a text");
    };
    let words: Option<Vec<String>> = items.iter().map(|it| it.literal().and_then(word)).collect();
    let Some(words) = words else {
        return refuse(&among.span, "has a list of other things than words");
    };
    among_words(node, attribute(node, value)?, words, want)
}

fn among_words(node: &Node, name: &str, words: Vec<String>, want: bool) -> Result<Gate, Refusal> {
    match (name, want) {
        ("scenario_type", true) if !words.is_empty() => {
            Ok(Gate::of_scenarios(Matching::Exact, words))
        }
        (_, true) => {
            let test = AttributeTest { one_of: Some(words), ..AttributeTest::default() };
            tested(node, name, test)
        }
        (_, false) => {
            let test = AttributeTest { not_in: Some(words), ..AttributeTest::default() };
            Ok(narrower(tested(node, name, test)?, &node.span, name, true))
        }
    }
}

fn affix(
    node: &Node,
    value: &Node,
    part: &Node,
    want: bool,
    starts: bool,
) -> Result<Gate, Refusal> {
    let name = attribute(node, value)?;
    let Some(part) = part.literal().and_then(Value::as_str) else {
        return refuse(&part.span, "computes what it compares");
    };
    if !want {
        return refuse(&node.span, format!("asks how `{name}` does not begin or end"));
    }
    let part = Some(part.to_owned());
    let test = AttributeTest::default();
    let test = if starts {
        AttributeTest { starts_with: part, ..test }
    } else {
        AttributeTest { ends_with: part, ..test }
    };
    tested(node, name, test)
}

/// flagd's `^` and `~` look at the numbers before the one that may differ, and at nothing
/// else.
fn range(
    node: &Node,
    value: &Node,
    operator: &Node,
    version: &Node,
    want: bool,
) -> Result<Gate, Refusal> {
    let name = attribute(node, value)?;
    let operator = operator.literal().and_then(Value::as_str).unwrap_or_default();
    let text = version.literal().and_then(Value::as_str).and_then(version_of);
    let Some(it) = text else { return refuse(&version.span, "computes what it compares") };
    let range = match operator {
        "=" | "<" | "<=" | ">" | ">=" => format!("{operator}{it}"),
        "^" => format!(">={}.0.0, <{}.0.0", it.major, it.major.saturating_add(1)),
        "~" => {
            let (major, minor) = (it.major, it.minor);
            format!(">={major}.{minor}.0, <{major}.{}.0", minor.saturating_add(1))
        }
        _ => return refuse(&node.span, "asks for any version but one"),
    };
    if !want {
        return refuse(&node.span, format!("asks for versions out of {range}"));
    }
    let said = format!(
        "of `{name}` only whole versions as 2.1.0 count here, and those before a release do not"
    );
    let remark = Remark { code: NARROWER, span: node.span.clone(), said, without: None };
    let test = AttributeTest { semver: Some(range), ..AttributeTest::default() };
    Ok(tested(node, name, test)?.remark(remark))
}

fn comparison(
    node: &Node,
    operator: &str,
    left: &Node,
    right: &Node,
    want: bool,
) -> Result<Gate, Refusal> {
    if let Some(at) = moment(node).filter(|_| want) {
        return Ok(Gate::of_share(Share::Ramp(vec![(at, BUCKETS)])));
    }
    let operator = if want { operator } else { opposite(operator) };
    // What is compared stands on either side.
    let (value, other, operator) = match right.literal() {
        Some(it) => (left, it, operator),
        None => match left.literal() {
            Some(it) => (right, it, mirrored(operator)),
            None => return refuse(&node.span, "compares two things of the request"),
        },
    };
    if let Some(arms) = value.call("fractional") {
        return drawn(node, arms, operator, other);
    }
    let (name, default) = (attribute(node, value)?, value.variable().and_then(|(_, it)| it));
    match (operator, other) {
        ("==" | "===", Value::Null) => refuse(&node.span, format!("asks that `{name}` is missing")),
        ("!=" | "!==", Value::Null) => {
            tested(node, name, AttributeTest::default())?;
            Ok(Gate { present: [name.to_owned()].into(), ..Gate::open() })
        }
        ("==" | "===", _) => match word(other) {
            // What is missing may be equal to 0, but not strictly.
            Some(word) => {
                let gate = among_words(node, name, vec![word], true)?;
                Ok(narrower(gate, &node.span, name, operator == "==" && !is_true(other)))
            }
            None => refuse(&node.span, "compares lists"),
        },
        ("!=" | "!==", _) => match word(other) {
            Some(word) => among_words(node, name, vec![word], false),
            None => refuse(&node.span, "compares lists"),
        },
        (_, Value::Number(bound)) => {
            let bound = bound.as_f64().unwrap_or_default();
            magnitude(node, name, default, operator, bound)
        }
        _ => refuse(&node.span, "orders texts"),
    }
}

fn opposite(operator: &str) -> &str {
    match operator {
        "==" => "!=",
        "===" => "!==",
        "!=" => "==",
        "!==" => "===",
        ">" => "<=",
        ">=" => "<",
        "<" => ">=",
        "<=" => ">",
        other => other,
    }
}

fn mirrored(operator: &str) -> &str {
    match operator {
        ">" => "<",
        ">=" => "<=",
        "<" => ">",
        "<=" => ">=",
        other => other,
    }
}

/// A number against a bound: a missing one is 0 there.
fn magnitude(
    node: &Node,
    name: &str,
    default: Option<&Value>,
    operator: &str,
    bound: f64,
) -> Result<Gate, Refusal> {
    let missing = default.and_then(Value::as_f64).unwrap_or(0.0);
    // Above a number is at least the next one.
    let (least, bound, holds) = match operator {
        ">=" => (true, bound, missing >= bound),
        ">" => (true, bound.next_up(), missing > bound),
        "<" => (false, bound, missing < bound),
        _ => (false, bound.next_up(), missing <= bound),
    };
    if name == "confidence" && least {
        if !(0.0..=1.0).contains(&bound) {
            return refuse(&node.span, format!("asks for a confidence of at least {bound}"));
        }
        let missing = if holds { MissingConfidence::Allow } else { MissingConfidence::Deny };
        return Ok(Gate { confidence: Some((bound, missing)), ..Gate::open() });
    }
    let test = AttributeTest::default();
    let test = if least {
        AttributeTest { at_least: Some(bound), ..test }
    } else {
        AttributeTest { less_than: Some(bound), ..test }
    };
    Ok(narrower(tested(node, name, test)?, &node.span, name, holds))
}

/// A condition on which variant is drawn: the first ones, or not.
fn drawn(node: &Node, arms: &[Node], operator: &str, other: &Value) -> Result<Gate, Refusal> {
    let is_other = match operator {
        "==" | "===" => true,
        "!=" | "!==" => false,
        _ => return refuse(&node.span, "orders variants"),
    };
    let arms = weights(node, arms)?;
    let inside = |it: &Value| (it == other) == is_other;
    share_of(node, &arms, &inside)
}
