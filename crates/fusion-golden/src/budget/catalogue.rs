//! What changed in the scenarios themselves, by which a change is judged.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use overlay_model::{Catalogue, Location, Rule, RuleSeverity, Scenario, Test};

use super::attribution::{Change, Explanation};
use super::measured::Measurement;
use super::report::{BudgetCheck, Subject};
use crate::report::Verdict;
use crate::rules;
use crate::statistics::Gate;
use crate::suite::Suite;

/// The scenarios of `asked`, each configured as `own` has it, where it does: the question and
/// the rules are one thing for both sides, type and parameters are configuration.
pub(super) fn paired(asked: &Catalogue, own: &Catalogue) -> Catalogue {
    let own: BTreeMap<_, _> = own.scenarios.iter().map(|it| (&it.id, it)).collect();
    let scenarios = asked.scenarios.iter().map(|it| match own.get(&it.id) {
        Some(own) => configured(it, own),
        None => it.clone(),
    });
    Catalogue { scenarios: scenarios.collect(), ..asked.clone() }
}

/// The question and the rules of `asked` under the type and the parameters of `own`.
pub(super) fn configured(asked: &Scenario, own: &Scenario) -> Scenario {
    let (kind, parameters) = (own.kind.clone(), own.parameters.clone());
    Scenario { kind, parameters, ..asked.clone() }
}

/// Whether two scenarios ask the same.
pub(super) fn asks_the_same(one: &Scenario, other: &Scenario) -> bool {
    one.question() == other.question() && one.turns == other.turns && one.pinned == other.pinned
}

/// A warning where scenarios that stand on both sides are others than they were: what they
/// ask, which hard rules they hold answers to, type, cluster, parameters. Nobody who reads
/// "pass" would see that it is about something else. `None` where nothing of it changed, and
/// for a record of before scenarios were kept.
pub(super) fn catalogue_check(
    suite: &Suite,
    base: &Measurement,
) -> Option<(BudgetCheck, Explanation)> {
    let before: BTreeMap<_, _> = base.catalogue.iter().map(|it| (&it.id, it)).collect();
    let all: Vec<_> = suite
        .installation()
        .catalogue()
        .scenarios
        .iter()
        .filter_map(|it| Some(Differences::of(suite, before.get(&it.id)?, it)))
        .filter(|it| !it.found.is_empty())
        .collect();
    if all.is_empty() {
        return None;
    }
    let n = all.len();
    let (words, changes): (Vec<_>, Vec<_>) = all.into_iter().map(Differences::told).unzip();
    let message = format!(
        "scenarios are others than the base's, which hides what they hid: {}",
        words.join("; ")
    );
    let gate = Gate::counted(n, n, Verdict::Warn);
    let check = BudgetCheck::of(Subject::Catalogue, None, None, gate, message);
    let changes = changes.into_iter().flatten().collect();
    Some(check.because(changes, "the scenarios of the base and of the candidate"))
}

/// What is another thing in one scenario.
struct Differences<'a> {
    suite: &'a Suite,
    scenario: &'a Scenario,
    /// Every change, and what it is in words.
    found: Vec<(Change, String)>,
}

impl<'a> Differences<'a> {
    fn of(suite: &'a Suite, was: &Scenario, is: &'a Scenario) -> Self {
        let mut res = Self { suite, scenario: is, found: Vec::new() };
        res.question(was);
        res.field("type", was.kind(), is.kind());
        let cluster = |it: &Scenario| it.cluster.clone().unwrap_or_default();
        res.field("cluster", &cluster(was), &cluster(is));
        res.parameters(was);
        res.rules(was);
        res
    }

    /// `refund: type a → b (scenarios.yaml:3), …`, and the changes.
    fn told(self) -> (String, Vec<Change>) {
        let mut text = format!("{}:", self.scenario.id);
        let mut changes = Vec::with_capacity(self.found.len());
        for (at, (change, words)) in self.found.into_iter().enumerate() {
            text.push_str(if at > 0 { ", " } else { " " });
            text.push_str(&words);
            if let (Some(file), Some(line)) = (&change.file, change.line) {
                // Writing to a string cannot fail.
                let _ = write!(text, " ({file}:{line})");
            }
            changes.push(change);
        }
        (text, changes)
    }

    fn push(
        &mut self,
        name: &str,
        [from, to]: [Option<String>; 2],
        at: Option<Location>,
        words: String,
    ) {
        let change = Change {
            key: format!("{}.{name}", self.scenario.id),
            from,
            to,
            file: Some(self.suite.installation_file("scenarios.yaml")),
            line: at.map(|it| it.line),
            tokens: None,
        };
        self.found.push((change, words));
    }

    fn part(&self, field: &str) -> Option<Location> {
        self.suite.places().part(self.scenario.id.as_str(), field)
    }

    /// A field that holds a word; empty where it is missing.
    fn field(&mut self, name: &str, was: &str, is: &str) {
        if was != is {
            let or_none = |it: &str| if it.is_empty() { "none" } else { it }.to_owned();
            let words = format!("{name} {} → {}", or_none(was), or_none(is));
            let sides = [was, is].map(|it| (!it.is_empty()).then(|| it.to_owned()));
            self.push(name, sides, self.part(name), words);
        }
    }

    fn question(&mut self, was: &Scenario) {
        let is = self.scenario;
        if was.question() != is.question() {
            let field = if was.prompt == is.prompt { "context" } else { "prompt" };
            let sides = [was, is].map(|it| Some(it.question()));
            self.push("question", sides, self.part(field), "another question".to_owned());
        }
        let turns = |it: &Scenario| {
            let lines = it.turns.iter().map(|it| format!("{}: {}\n", it.role, it.content));
            lines.collect::<String>()
        };
        let pinned = |it: &Scenario| it.pinned.join("\n");
        let texts = [("turns", turns(was), turns(is)), ("pinned", pinned(was), pinned(is))];
        for (name, was, is) in texts {
            if was != is {
                let words = format!("other {name}");
                self.push(name, [Some(was), Some(is)], self.part(name), words);
            }
        }
    }

    fn parameters(&mut self, was: &Scenario) {
        let is = self.scenario;
        let keys = was.parameters.keys().chain(is.parameters.keys());
        let mut keys: Vec<_> = keys.collect();
        keys.sort();
        keys.dedup();
        for key in keys {
            let sides = [was, is].map(|it| it.parameters.get(key).map(|it| it.to_text()));
            if sides[0] != sides[1] {
                let word = |it: &Option<String>| it.clone().unwrap_or_else(|| "none".to_owned());
                let words = format!("{key} {} → {}", word(&sides[0]), word(&sides[1]));
                let id = is.id.as_str();
                let at = self.suite.places().parameter(id, key);
                let at = at.or_else(|| self.part("parameters"));
                self.push(&format!("parameters.{key}"), sides, at, words);
            }
        }
    }

    /// Hard rules that are gone, or are others; a rule under another name is the same one.
    fn rules(&mut self, was: &Scenario) {
        let is = self.scenario;
        let hard = (1..).zip(&was.expect).filter(|(_, it)| it.severity == RuleSeverity::Hard);
        let asks = |it: &Rule, other: &Rule| it.test == other.test && it.severity == other.severity;
        for (number, rule) in hard.filter(|(_, rule)| !is.expect.iter().any(|it| asks(it, rule))) {
            let name = rules::name(rule, number);
            let now = (1..).zip(&is.expect).find(|(number, it)| rules::name(it, *number) == name);
            let at = match now {
                Some((number, it)) => {
                    self.suite.places().rule(is.id.as_str(), number - 1, it.test.name())
                }
                None => self.part("expect"),
            };
            let now = now.map(|(_, it)| it);
            let words = match now {
                None => format!("hard rule `{name}` is no longer asked"),
                Some(it) => format!("hard rule `{name}`: {}", another(rule, it)),
            };
            let sides = [Some(test(rule)), now.map(test)];
            self.push(&format!("rules.{name}"), sides, at, words);
        }
    }
}

/// What is another thing about a rule.
fn another(was: &Rule, is: &Rule) -> String {
    let softer = if is.severity == RuleSeverity::Soft { "soft now" } else { "" };
    let test = match (&was.test, &is.test) {
        (was, is) if was == is => String::new(),
        (Test::Facts(was), Test::Facts(is)) => {
            let gone: Vec<_> = was.iter().filter(|it| !is.contains(it)).cloned().collect();
            match gone.as_slice() {
                [] => "more facts are asked for".to_owned(),
                gone => format!("no longer asks for {}", gone.join(", ")),
            }
        }
        _ => format!("{} → {}", self::test(was), self::test(is)),
    };
    let parts: Vec<_> = [softer, &test].into_iter().filter(|it| !it.is_empty()).collect();
    parts.join(", ")
}

/// `max_tokens: 600`, as JSON has the value.
fn test(rule: &Rule) -> String {
    // Plain data always has a JSON form.
    let value = serde_json::to_value(&rule.test).unwrap_or_default();
    let value = value.get(rule.test.name()).cloned().unwrap_or_default();
    format!("{}: {value}", rule.test.name())
}
