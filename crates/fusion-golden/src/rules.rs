//! Rules that no answer can be held against: patterns and schemas that are none.

use std::sync::OnceLock;

use fusion_plan::{BrokenRule, Checks};
use overlay_loader::Installation;
use overlay_model::{Diagnostic, MicroOverlay, Rule};

use crate::code;
use crate::places::{self, CataloguePlaces};

/// What to do about such a rule.
pub(crate) const HINT: &str =
    "mend the pattern or the schema: until then no answer can keep the rule";

/// Those of `rules` that cannot be evaluated.
pub(crate) fn broken(rules: &[Rule]) -> Vec<BrokenRule> {
    Checks::compile(rules).0.broken().collect()
}

/// The name of the rule with this number, from 1.
pub(crate) fn name(rule: &Rule, number: usize) -> String {
    rule.id.clone().unwrap_or_else(|| format!("{}-{number}", rule.test.name()))
}

/// A finding for each rule of the catalogue and of the micro overlays that cannot be
/// evaluated, with the file in the installation.
pub(crate) fn flaws(
    installation: &Installation,
    places: &OnceLock<CataloguePlaces>,
) -> Vec<(String, Diagnostic)> {
    let mut flaws = Vec::new();
    for scenario in &installation.catalogue().scenarios {
        let id = scenario.id.as_str();
        for rule in broken(&scenario.expect) {
            let text = installation.catalogue_text();
            let places = places.get_or_init(|| CataloguePlaces::of(text));
            let number = rule.number - 1;
            let test = scenario.expect.get(number).map_or("", |it| it.test.name());
            let at = places.rule(id, number, test);
            let finding = Diagnostic::error(code::BROKEN_RULE, format!("scenario `{id}`: {rule}"));
            flaws.push(("scenarios.yaml".to_owned(), Diagnostic { at, ..finding.hint(HINT) }));
        }
    }
    let micros = installation.overlays().values().filter_map(|it| it.micro.as_ref());
    for (path, micro) in micros {
        flaws.extend(gate_flaws(micro).into_iter().map(|it| (path.clone(), it)));
    }
    flaws
}

fn gate_flaws(micro: &MicroOverlay) -> Vec<Diagnostic> {
    let gates = micro.checks().into_iter().enumerate();
    // A gate that is no check at all is a finding of the loader.
    let gates = gates.filter_map(|(number, gate)| Some((number, gate.ok()?)));
    let flaws = gates.filter_map(|(number, gate)| {
        let rule = broken(&[gate]).pop()?;
        let finding = Diagnostic::error(code::BROKEN_RULE, rule.to_string()).hint(HINT);
        let at = places::gates(micro).into_iter().nth(number);
        Some(Diagnostic { at, ..finding })
    });
    flaws.collect()
}
