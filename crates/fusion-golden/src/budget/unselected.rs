//! Overlays that no scenario selects: nobody would see them change, come or go.

use std::collections::BTreeSet;

use overlay_schema::Acts;

use super::attribution::{Change, Explanation};
use super::file::Budgets;
use super::identity::acts;
use super::measured::{Measured, Measurement};
use super::overlays::mixed;
use super::report::{BudgetCheck, Subject};
use super::words::sentence;
use crate::report::Verdict;
use crate::statistics::{Gate, Reason, prompt_gate};

/// What is known of overlays that no scenario selects.
#[derive(Default)]
pub(super) struct Unselected<'a> {
    /// Those that both sides have.
    pub(super) pairs: Vec<(&'a Measured, &'a Measured)>,
    pub(super) checks: Vec<BudgetCheck>,
    pub(super) explanations: Vec<Explanation>,
}

/// Overlays of the candidate that no scenario selects, and those of the base that are gone. A
/// record of before overlays were kept says nothing about either.
pub(super) fn unselected<'a>(
    base: &'a Measurement,
    candidate: &'a Measurement,
    pairs: &[(&Measured, &Measured)],
    budgets: &Budgets,
) -> Unselected<'a> {
    let mut res = Unselected::default();
    if base.overlays.is_empty() {
        return res;
    }
    let selected: BTreeSet<_> = pairs.iter().filter_map(|it| it.1.overlay.as_deref()).collect();
    // A scenario that the base was not asked makes no pair.
    let asked = |name| candidate.scenarios.iter().find(|it| it.overlay.as_ref() == Some(name));
    for (name, it) in candidate.overlays.iter().filter(|it| !selected.contains(it.0.as_str())) {
        match base.overlays.get(name) {
            Some(base) => {
                res.pairs.push((base, it));
                res.checks.extend(changed(base, it, asked(name), budgets));
            }
            None if asked(name).is_some() => (),
            None => res.push(Subject::PromptTokens, Verdict::Insufficient, name, [None, Some(it)]),
        }
    }
    let gone = base.overlays.iter().filter(|it| !candidate.overlays.contains_key(it.0));
    for (name, it) in gone {
        res.push(Subject::Selection, Verdict::Warn, name, [Some(it), None]);
    }
    res
}

impl Unselected<'_> {
    /// An overlay that one side has.
    fn push(
        &mut self,
        subject: Subject,
        verdict: Verdict,
        name: &str,
        [base, candidate]: [Option<&Measured>; 2],
    ) {
        let message = match candidate.map(|it| it.prompt_tokens) {
            None => "the overlay is gone".to_owned(),
            Some(None) => "new, and no scenario selects it: nothing is known of it".to_owned(),
            Some(Some(tokens)) => format!(
                "new, with {tokens} prompt tokens, and no scenario selects it: nothing is known of \
                 its answers; add a scenario that it answers"
            ),
        };
        let gate = match subject {
            Subject::Selection => Gate::counted(1, 0, verdict),
            _ => Gate::without_figure(None, verdict),
        };
        let check = BudgetCheck::of(subject, Some(name), None, gate, message);
        let side = |it: Option<&Measured>| it.map(|_| name.to_owned());
        let file = candidate.or(base).and_then(Measured::own_place);
        let change = Change {
            key: format!("overlay {name}"),
            from: side(base),
            to: side(candidate),
            file: file.map(|(file, _)| file.clone()),
            line: file.map(|(_, line)| *line).filter(|_| candidate.is_some()),
            tokens: None,
        };
        let evidence = "the overlays of the base and of the candidate";
        let (check, explanation) = check.because(vec![change], evidence);
        self.checks.push(check);
        self.explanations.push(explanation);
    }
}

/// What is known of an overlay that no scenario selects, or none that the base was `asked`;
/// `None` where nothing changed that does anything.
fn changed(
    base: &Measured,
    candidate: &Measured,
    asked: Option<&Measured>,
    budgets: &Budgets,
) -> Option<BudgetCheck> {
    if acting(base).eq(acting(candidate)) && base.prompt == candidate.prompt {
        return None;
    }
    let tokens = base.prompt_tokens.zip(candidate.prompt_tokens);
    let gate = match tokens {
        Some((before, after)) if !mixed(&[(base, candidate)]) => {
            prompt_gate(before, after, budgets.tokens)
        }
        _ => Gate::without_figure(base.prompt_tokens, Verdict::Insufficient),
    };
    let what = sentence(Subject::PromptTokens, &gate);
    let why = asked.map_or_else(
        || "no scenario selects it: nothing is known of its answers".to_owned(),
        |it| format!("the base was not asked {}: no answers to compare", it.scenario),
    );
    let message = format!("{what}; {why}");
    let gate = match gate.verdict {
        Verdict::Pass => gate.decided(Verdict::Insufficient, Reason::TooFew),
        _ => gate,
    };
    let overlay = candidate.overlay.as_deref();
    Some(BudgetCheck::of(Subject::PromptTokens, overlay, None, gate, message))
}

/// The values that do more than say what the overlay is.
fn acting(measured: &Measured) -> impl Iterator<Item = (&String, &String)> {
    measured.values.iter().filter(|(key, _)| acts(key) != Acts::Description)
}
