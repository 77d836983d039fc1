use std::fmt;

use jsonschema::Validator;
use overlay_model::{Diagnostic, Rule, RuleSeverity, Test, canonical_number};

use crate::cluster::json_of;
use crate::ending::{ends, refusal, repetition};
use crate::number::conclusion;
use crate::pattern::Pattern;
use crate::run::{Answer, CheckResult};

/// The codes of [`Checks::compile`], each with what it says.
pub const CHECK_CODES: &[(&str, &str)] = &[
    ("PLN1001", "the pattern of a rule is no regular expression"),
    ("PLN1002", "the schema of a rule is no JSON Schema"),
];

/// A rule that cannot be evaluated: its pattern or schema is none.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BrokenRule {
    /// Which of the rules it is, from 1.
    pub number: usize,
    /// Its name, as results have it.
    pub id: String,
    /// What is wrong with the pattern or the schema.
    pub why: String,
}

impl fmt::Display for BrokenRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule `{}` cannot be evaluated: {}", self.id, self.why)
    }
}

/// Rules with their patterns and schemas read once.
#[derive(Debug)]
pub struct Checks<'r> {
    rules: Vec<(&'r Rule, Pattern)>,
}

impl<'r> Checks<'r> {
    /// Reads the patterns and schemas of `rules`, with a finding for each that is none. A
    /// rule that cannot be evaluated fails on every answer.
    pub fn compile(rules: &'r [Rule]) -> (Self, Vec<Diagnostic>) {
        let checks =
            Self { rules: rules.iter().map(|rule| (rule, Pattern::of(&rule.test))).collect() };
        let findings = checks.broken().map(|BrokenRule { number, id, why }| {
            let code = match rules.get(number - 1).map(|it| &it.test) {
                Some(Test::Regex(_)) => "PLN1001",
                _ => "PLN1002",
            };
            Diagnostic::error(code, format!("rule {id}: {why}"))
        });
        let findings = findings.collect();
        (checks, findings)
    }

    /// The rules that cannot be evaluated. No answer keeps them.
    pub fn broken(&self) -> impl Iterator<Item = BrokenRule> {
        (1..).zip(&self.rules).filter_map(|(number, (rule, pattern))| {
            let Pattern::Invalid(why) = pattern else { return None };
            Some(BrokenRule { number, id: id(rule, number), why: why.clone() })
        })
    }

    /// Whether a rule asks for the number an answer concludes with.
    pub fn asks_for_number(&self) -> bool {
        self.rules.iter().any(|(rule, _)| matches!(rule.test, Test::Number(_)))
    }

    /// The texts that an answer is required to hold.
    pub(crate) fn facts(&self) -> impl Iterator<Item = &'r str> {
        let facts = self.rules.iter().filter_map(|(rule, _)| match &rule.test {
            Test::Facts(facts) => Some(facts),
            _ => None,
        });
        facts.flatten().map(String::as_str)
    }

    /// What becomes of the rules on `answer`, in their order. `tokens` counts a text; it is
    /// asked only where a rule needs it and the answer has no recorded count.
    pub fn on(&self, answer: &Answer, tokens: &dyn Fn(&str) -> usize) -> Vec<CheckResult> {
        let results = (1..).zip(&self.rules).map(|(number, (rule, pattern))| {
            let (pass, evidence) = evaluate(&rule.test, pattern, answer, tokens);
            let hard = rule.severity == RuleSeverity::Hard;
            CheckResult { id: id(rule, number), hard, pass, evidence }
        });
        results.collect()
    }
}

/// What becomes of `rules` on `answer`, then of the `pinned` facts of the form
/// `label: value`: an answer that mentions the label must hold the value. Pinned facts are
/// no veto, and those whose label is not mentioned have no result.
///
/// Rules without id are named by kind and number: `contains-2`. To check many answers,
/// keep the [`Checks`].
pub fn check_answer(
    rules: &[Rule],
    pinned: &[String],
    answer: &Answer,
    tokens: &dyn Fn(&str) -> usize,
) -> Vec<CheckResult> {
    let mut results = Checks::compile(rules).0.on(answer, tokens);
    results.extend(check_pinned(pinned, &answer.text));
    results
}

/// What becomes of the pinned facts whose label `text` mentions.
pub(crate) fn check_pinned(pinned: &[String], text: &str) -> Vec<CheckResult> {
    if pinned.is_empty() {
        return Vec::new();
    }
    let text = text.to_lowercase();
    let results = (1..).zip(pinned).filter_map(|(number, fact): (usize, _)| {
        let (label, value) = fact.split_once(':')?;
        let (label, value) = (label.trim().to_lowercase(), value.trim());
        if label.is_empty() || value.is_empty() || !occurs_as_word(&text, &label) {
            return None;
        }
        let pass = occurs_as_word(&text, &value.to_lowercase());
        let evidence = if pass { "kept" } else { "missing" };
        let evidence = format!("`{label}` is mentioned, `{value}` is {evidence}");
        Some(CheckResult { id: format!("pinned-{number}"), hard: false, pass, evidence })
    });
    results.collect()
}

/// Whether `text` holds the pinned fact: its value, or the whole where it has no label.
pub(crate) fn keeps(text: &str, fact: &str) -> bool {
    let value = fact.split_once(':').map_or(fact, |(_, value)| value).trim();
    occurs_as_word(text, &value.to_lowercase())
}

fn id(rule: &Rule, number: usize) -> String {
    rule.id.clone().unwrap_or_else(|| format!("{}-{number}", rule.test.name()))
}

fn evaluate(
    test: &Test,
    pattern: &Pattern,
    answer: &Answer,
    tokens: &dyn Fn(&str) -> usize,
) -> (bool, String) {
    let text = answer.text.as_str();
    match (test, pattern) {
        (_, Pattern::Invalid(message)) => (false, message.clone()),
        (Test::Regex(_), Pattern::Regex(regex)) => match regex.find(text) {
            Some(found) => (true, excerpt(found.as_str())),
            None => (false, format!("`{regex}` does not match")),
        },
        (Test::JsonSchema(_), Pattern::Schema(validator)) => check_json(validator, text),
        (Test::Contains(part), _) => match text.contains(part.as_str()) {
            true => (true, "found".to_owned()),
            false => (false, format!("`{part}` does not occur")),
        },
        (Test::Not(part), _) => match text.contains(part.as_str()) {
            true => (false, format!("`{part}` occurs")),
            false => (true, "absent".to_owned()),
        },
        (Test::Number(expected), _) => check_number(*expected, text),
        (Test::Facts(facts), _) => check_facts(facts, text),
        (Test::MaxTokens(limit), _) => check_tokens(*limit, answer, tokens),
        (Test::Refusal(expected), _) => {
            let found = refusal(text);
            (found.is_some() == *expected, found.unwrap_or("no refusal").to_owned())
        }
        (Test::Termination(expected), _) => {
            let (ended, evidence) = ends(answer);
            (ended == *expected, evidence)
        }
        (Test::Repetition(expected), _) => {
            let found = repetition(text);
            let pass = found.is_some() == *expected;
            (pass, found.unwrap_or_else(|| "no repetition".to_owned()))
        }
        (Test::Regex(_) | Test::JsonSchema(_), _) => (false, "not compiled".to_owned()),
    }
}

fn check_json(validator: &Validator, text: &str) -> (bool, String) {
    let Some(json) = json_of(text) else { return (false, "the answer is no JSON".to_owned()) };
    match validator.validate(&json) {
        Ok(()) => (true, "valid".to_owned()),
        Err(err) => (false, excerpt(&format!("{}: {err}", err.instance_path()))),
    }
}

fn check_number(expected: f64, text: &str) -> (bool, String) {
    match conclusion(text) {
        Some(found) => {
            let pass = (found - expected).abs() <= 1e-9 * expected.abs().max(1.0);
            let (found, expected) = (canonical_number(found), canonical_number(expected));
            let evidence = if pass { found } else { format!("{found}, not {expected}") };
            (pass, evidence)
        }
        None => (false, "no number".to_owned()),
    }
}

fn check_facts(facts: &[String], text: &str) -> (bool, String) {
    let missing: Vec<_> =
        facts.iter().filter(|it| !holds_fact(text, it)).map(|it| format!("`{it}`")).collect();
    match missing.is_empty() {
        true => (true, format!("{} of {}", facts.len(), facts.len())),
        false => (false, format!("missing {}", missing.join(", "))),
    }
}

fn check_tokens(limit: u32, answer: &Answer, tokens: &dyn Fn(&str) -> usize) -> (bool, String) {
    let limit = u64::from(limit);
    let bytes = crate::tokens::as_u64(answer.text.len());
    // A token has at least one byte, so a text this short needs no counting.
    if answer.completion_tokens == 0 && bytes <= limit {
        return (true, format!("at most {bytes} tokens"));
    }
    let count = completion_tokens(answer, tokens);
    (count <= limit, format!("{count} tokens, {limit} allowed"))
}

/// The recorded answer tokens, or the counted ones where none are recorded.
pub(crate) fn completion_tokens(answer: &Answer, tokens: &dyn Fn(&str) -> usize) -> u64 {
    match answer.completion_tokens {
        0 => crate::tokens::as_u64(tokens(&answer.text)),
        recorded => recorded,
    }
}

/// Whether `text` holds `fact`, which is no part of a longer number: `110` is not in
/// `1100`, nor in `110.5`.
pub(crate) fn holds_fact(text: &str, fact: &str) -> bool {
    occurrences(text, fact).any(|(before, after)| {
        let cut_front = fact.starts_with(|c: char| c.is_ascii_digit()) && goes_on(before, true);
        let cut_back = fact.ends_with(|c: char| c.is_ascii_digit()) && goes_on(after, false);
        !cut_front && !cut_back
    })
}

/// Whether a number goes on in the text before or after it.
fn goes_on(text: &str, backwards: bool) -> bool {
    let mut chars: Box<dyn Iterator<Item = char>> =
        if backwards { Box::new(text.chars().rev()) } else { Box::new(text.chars()) };
    match chars.next() {
        Some(c) if c.is_ascii_digit() => true,
        Some('.' | ',') => chars.next().is_some_and(|c| c.is_ascii_digit()),
        _ => false,
    }
}

/// Whether `part` occurs in `text` with no letter or digit next to its ends.
pub(crate) fn occurs_as_word(text: &str, part: &str) -> bool {
    !part.is_empty()
        && occurrences(text, part).any(|(before, after)| {
            !before.ends_with(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric)
        })
}

/// What stands before and after each place of `part` in `text`.
fn occurrences<'a>(text: &'a str, part: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    text.match_indices(part)
        .filter_map(move |(at, _)| Some((text.get(..at)?, text.get(at + part.len()..)?)))
}

fn excerpt(text: &str) -> String {
    let mut res: String = text.chars().take(80).collect();
    if res.len() < text.len() {
        res.push('…');
    }
    res
}
