//! Scenarios that an overlay answers now and the bare baseline answered before: how much more
//! that may be is for the overlay to declare.

use super::attribution::{Change, Explanation, strength};
use super::limits::CAP;
use super::measured::Measured;
use super::report::{BudgetCheck, Subject};
use super::words::sentence;
use crate::report::Verdict;
use crate::statistics::{Gate, Limits, Reason, prompt_gate};

/// What is said where no cap is declared.
pub(super) const UNDECLARED: &str =
    "declare BASELINE_TOKEN_CAP_PCT in the overlay: nothing limits it";

/// Whether the bare baseline answered for the base, and an overlay does for the candidate.
pub(super) fn is_over_bare(base: &Measured, candidate: &Measured) -> bool {
    base.overlay.is_none() && candidate.overlay.is_some()
}

/// The pairs that are held to the limits of `budgets.toml`.
pub(super) fn held<'a>(
    pairs: &[(&'a Measured, &'a Measured)],
) -> Vec<(&'a Measured, &'a Measured)> {
    pairs.iter().copied().filter(|(base, it)| !is_over_bare(base, it)).collect()
}

/// The same for answers, with those of the others that are not recorded: what they come to
/// over the bare baseline is not known. `None` where there is neither.
pub(super) fn held_answers<'a>(
    pairs: &[(&'a Measured, &'a Measured)],
) -> Option<Vec<(&'a Measured, &'a Measured)>> {
    let is_known = |it: &Measured| it.baseline_tokens.is_some() && it.answer.is_some();
    let is_held = |base: &Measured, it: &Measured| !is_over_bare(base, it) || !is_known(it);
    let held: Vec<_> = pairs.iter().copied().filter(|(base, it)| is_held(base, it)).collect();
    (!held.is_empty()).then_some(held)
}

/// The cap in force in percent. What stands in the base layer is no cap that the overlay
/// declares: it was there when nothing but the bare baseline answered.
pub(super) fn cap(base: &Measured, candidate: &Measured) -> Option<f64> {
    let is_own = || candidate.places.get(CAP).is_some_and(|it| strength(candidate, it) > 0);
    let is_declared = !is_over_bare(base, candidate) || is_own();
    candidate.values.get(CAP).filter(|_| is_declared)?.parse().ok()
}

/// A figure against that of the bare baseline: at most `cap` percent more, exactly; a warning
/// without one.
pub(super) fn capped(bare: u64, own: u64, cap: Option<f64>) -> Gate {
    let line = cap.map_or(f64::MAX, |it| it / 100.0);
    let gate = prompt_gate(bare, own, Limits { warn: line, block: line });
    match (gate.verdict, cap) {
        // Up to the cap is within it.
        (Verdict::Warn, Some(_)) => gate.decided(Verdict::Pass, Reason::Exact),
        (Verdict::Pass, None) => gate.decided(Verdict::Warn, Reason::Exact),
        _ => gate,
    }
}

/// What a gate over the bare baseline says, in words.
pub(super) fn words(gate: &Gate, cap: Option<f64>) -> String {
    let what = sentence(Subject::PromptTokens, gate);
    let declared = match cap {
        Some(cap) => format!("BASELINE_TOKEN_CAP_PCT allows {cap}"),
        None => UNDECLARED.to_owned(),
    };
    format!("{what} over the bare baseline, which answered before; {declared}")
}

/// What explains a check that no cap is declared for; `None` for any other check.
pub(super) fn undeclared(
    check: &BudgetCheck,
    base: &Measured,
    candidate: &Measured,
) -> Option<Explanation> {
    // Prompts are held to the cap one by one; all together they are those of other scenarios.
    let is_capped = match check.name {
        Subject::PromptTokens => check.scenario.is_some(),
        name => name == Subject::Baseline,
    };
    let is_it = is_capped
        && check.gate.verdict == Verdict::Warn
        && is_over_bare(base, candidate)
        && cap(base, candidate).is_none();
    let evidence = "the overlay is new here and declares no cap over the bare baseline";
    let cap = || Change {
        key: CAP.to_owned(),
        from: None,
        to: None,
        file: candidate.own_place().map(|(file, _)| file.clone()),
        line: None,
        tokens: None,
    };
    is_it.then(|| Explanation::by_itself(check, vec![cap()], evidence))
}
