use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::attribution::{Change, Explanation, Workbench, changes};
use super::file::Budgets;
use super::measured::{Measured, MeasuredAnswer, Measurement};
use super::report::{Bill, BudgetCheck, BudgetReport, Noise, ScenarioPair, Side, Subject};
use crate::report::Verdict;
use crate::sides::Sides;
use crate::statistics::{
    Bootstrap, DEFAULT_MARGIN, Gate, Levels, Limits, Pair, cost_gate, error_gate, latency_gate,
    prompt_gate, quality_gate, token_gate,
};
use crate::suite::{Suite, SuiteError};

/// The version of the report's form.
pub(super) const SCHEMA: &str = "fusion/budget-report/1";

/// Compares what `candidate` makes of the scenarios of `suite`, its own, with what `base`
/// made of them.
///
/// Per overlay and per scenario, the worst counts. What the base answers with the same
/// requests passes by identity.
///
/// # Errors
///
/// Where the suite has no scenarios.
pub fn compare(
    suite: &Suite,
    base: &Measurement,
    candidate: &Measurement,
    budgets: &Budgets,
) -> Result<BudgetReport, SuiteError> {
    let (scenarios, _) = suite.select(&[])?;
    let sides = Sides::new(suite, &scenarios);
    let before = base.by_scenario();
    let pairs: Vec<(&Measured, &Measured)> = candidate
        .scenarios
        .iter()
        .filter_map(|it| Some((*before.get(it.scenario.as_str())?, it)))
        .collect();
    let mut checks = suite_checks(base, candidate, &pairs);
    let overlays: BTreeSet<_> = pairs.iter().map(|(_, it)| it.overlay.as_deref()).collect();
    for overlay in overlays {
        let of_overlay = pairs.iter().filter(|(_, it)| it.overlay.as_deref() == overlay);
        checks.extend(overlay_checks(overlay, &of_overlay.copied().collect::<Vec<_>>(), budgets));
    }
    let mut explanations = Vec::new();
    let mut bills: Vec<Bill> = Vec::new();
    for (base, candidate) in &pairs {
        let mut found = scenario_checks(base, candidate, budgets);
        let scenario = scenarios.iter().find(|it| it.id.as_str() == candidate.scenario);
        if let Some(scenario) = scenario {
            let bench = Workbench { sides: &sides, scenario, base, candidate };
            if !bills.iter().any(|it| it.overlay == candidate.overlay) {
                bills.extend(bill(&bench));
            }
            for check in found.iter_mut().filter(|it| it.gate.verdict != Verdict::Pass) {
                let explanation = explain(&bench, check, budgets);
                check.keys = explanation.changes.iter().map(|it| it.key.clone()).collect();
                explanations.push(explanation);
            }
        }
        checks.extend(found);
    }
    lend_keys(&mut checks);
    explanations.extend(explain_overlays(&mut checks, &bills));
    checks.iter_mut().for_each(|it| it.against.clone_from(&base.name));
    explanations.iter_mut().for_each(|it| it.against.clone_from(&base.name));
    bills.iter_mut().for_each(|it| it.against.clone_from(&base.name));
    Ok(BudgetReport {
        schema: SCHEMA,
        verdict: checks.iter().map(|it| it.gate.verdict).max().unwrap_or(Verdict::Invalid),
        bases: vec![Side::of(base)],
        candidate: Side::of(candidate),
        checks,
        explanations,
        bills,
        pairs: pairs.iter().map(|(base_of, it)| scenario_pair(&base.name, base_of, it)).collect(),
        noise: noise(candidate),
        notes: Vec::new(),
        findings: suite.findings().to_vec(),
    })
}

/// What changed in the overlay of a scenario; `None` where nothing did.
fn bill(bench: &Workbench<'_>) -> Option<Bill> {
    let all = changes(bench.base, bench.candidate);
    (!all.is_empty()).then(|| Bill {
        against: String::new(),
        overlay: bench.candidate.overlay.clone(),
        scenario: bench.candidate.scenario.clone(),
        tokens: [bench.base.prompt_tokens, bench.candidate.prompt_tokens],
        changes: bench.billed(all),
    })
}

fn scenario_pair(against: &str, base: &Measured, candidate: &Measured) -> ScenarioPair {
    let answers = [base, candidate].map(|it| it.answer.as_ref());
    let [before, after] = answers.map(|it| it.and_then(|it| it.text.clone()));
    let [prompt, next] = [base, candidate].map(|it| it.prompt.as_ref().map(|(_, text)| text));
    ScenarioPair {
        against: against.to_owned(),
        scenario: candidate.scenario.clone(),
        overlay: candidate.overlay.clone(),
        identical: is_same(base, candidate),
        prompt_tokens: [base.prompt_tokens, candidate.prompt_tokens],
        output_tokens: answers.map(|it| it.map(|it| it.tokens)),
        latency_ms: answers.map(|it| it.and_then(|it| it.latency_ms)),
        answers: before.zip(after).filter(|(a, b)| a != b).map(|(a, b)| [a, b]),
        prompts: (prompt != next).then(|| [prompt, next].map(|it| it.cloned().unwrap_or_default())),
    }
}

/// The A/A band: second recordings against first ones of the same requests.
fn noise(measurement: &Measurement) -> Option<Noise> {
    let answers = measurement.scenarios.iter().filter_map(|it| it.answer.as_ref());
    let pairs: Vec<_> = answers
        .filter_map(|it| Some(Pair::new(*it.repeats.first()?, *it.repeats.get(1)?)))
        .collect();
    let gate = token_gate(&pairs, Limits::TOKENS, Levels::BUDGET, Bootstrap::default());
    Some(Noise { n: pairs.len(), delta: gate.delta?, interval: gate.interval? })
}

/// A check of an overlay names the keys that explain its scenarios.
fn lend_keys(checks: &mut [BudgetCheck]) {
    let mut keys: BTreeMap<Option<String>, BTreeSet<String>> = BTreeMap::new();
    for check in checks.iter().filter(|it| it.scenario.is_some()) {
        keys.entry(check.overlay.clone()).or_default().extend(check.keys.iter().cloned());
    }
    for check in checks.iter_mut() {
        let is_open = check.scenario.is_none() && check.gate.verdict != Verdict::Pass;
        if let (true, Some(found)) = (is_open, keys.get(&check.overlay)) {
            check.keys = found.iter().cloned().collect();
        }
    }
}

/// An open check of an overlay whose scenarios explain nothing, such as longer answers to
/// prompts of the same length, names what changed in the overlay.
fn explain_overlays(checks: &mut [BudgetCheck], bills: &[Bill]) -> Vec<Explanation> {
    let is_open = |it: &BudgetCheck| {
        it.scenario.is_none() && it.keys.is_empty() && it.gate.verdict != Verdict::Pass
    };
    let mut explanations = Vec::new();
    for check in checks.iter_mut().filter(|it| is_open(it) && it.name != Subject::Suite) {
        let Some(bill) = bills.iter().find(|it| it.overlay == check.overlay) else { continue };
        check.keys = bill.changes.iter().map(|it| it.key.clone()).collect();
        explanations.push(Explanation {
            name: check.name,
            against: String::new(),
            overlay: check.overlay.clone(),
            scenario: bill.scenario.clone(),
            separable: bill.changes.len() == 1,
            evidence: unseparated(bill.changes.len()),
            changes: bill.changes.clone(),
        });
    }
    explanations
}

/// Why a set of changes is the smallest one, or is not known to be.
fn unseparated(changes: usize) -> String {
    match changes {
        1 => "the one thing that changed".to_owned(),
        _ => "not separable: no recordings of parts of the change".to_owned(),
    }
}

/// Whether there are the same scenarios, and enough of them.
fn suite_checks(
    base: &Measurement,
    candidate: &Measurement,
    pairs: &[(&Measured, &Measured)],
) -> Vec<BudgetCheck> {
    let kept: BTreeSet<_> = pairs.iter().map(|(_, it)| it.scenario.as_str()).collect();
    let lost: Vec<_> = base
        .scenarios
        .iter()
        .map(|it| it.scenario.as_str())
        .filter(|it| !kept.contains(it))
        .collect();
    let new = candidate.scenarios.len() - pairs.len();
    let (verdict, message) = match (pairs.len(), lost.as_slice()) {
        (0, _) => (Verdict::Invalid, "no scenario stands on both sides".to_owned()),
        (_, []) if new > 0 => {
            (Verdict::Pass, format!("{new} scenarios are new: nothing to compare"))
        }
        (both, []) => (Verdict::Pass, format!("{both} scenarios on both sides")),
        (_, lost) => (Verdict::Fail, format!("the suite shrank: it lost {}", lost.join(", "))),
    };
    let gate = Gate::counted(base.scenarios.len(), candidate.scenarios.len(), verdict);
    vec![BudgetCheck::of(Subject::Suite, None, None, gate, message)]
}

fn overlay_checks(
    overlay: Option<&str>,
    pairs: &[(&Measured, &Measured)],
    budgets: &Budgets,
) -> Vec<BudgetCheck> {
    let sum = |side: fn(&(&Measured, &Measured)) -> Option<u64>| -> u64 {
        pairs.iter().filter_map(side).sum()
    };
    let is_whole =
        |it: &&(&Measured, &Measured)| it.0.prompt_tokens.is_some() && it.1.prompt_tokens.is_some();
    let without = pairs.iter().filter(|it| !is_whole(it)).count();
    let (before, after) = (
        sum(|it| it.1.prompt_tokens.and(it.0.prompt_tokens)),
        sum(|it| it.0.prompt_tokens.and(it.1.prompt_tokens)),
    );
    let gate = if mixed(pairs) {
        Gate::counted(0, 0, Verdict::Invalid)
    } else {
        prompt_gate(before, after, budgets.tokens).with_missing(without)
    };
    let mut checks = Vec::new();
    let mut push = |subject, gate: Gate| {
        let message = sentence(subject, &gate);
        checks.push(BudgetCheck::of(subject, overlay, None, gate, message));
    };
    push(Subject::PromptTokens, gate);
    let levels = Levels::BUDGET;
    let (found, missing) = recorded(pairs, |it| Some(it.tokens));
    let gate = token_gate(&found, budgets.tokens, levels, Bootstrap::default());
    push(Subject::OutputTokens, gate.with_missing(missing));
    let (found, missing) = recorded(pairs, |it| Some(it.units));
    let gate = cost_gate(&found, budgets.tokens, levels, Bootstrap::default());
    push(Subject::Cost, gate.with_missing(missing));
    let seconds = |it: &MeasuredAnswer| Duration::try_from_secs_f64(it.latency_ms? / 1_000.0).ok();
    let (found, missing) = recorded(pairs, seconds);
    // A suite without any recorded time has no latency to speak of.
    if !found.is_empty() {
        let gate = latency_gate(&found, budgets.latency, levels);
        push(Subject::LatencyP95, gate.with_missing(missing));
    }
    let (found, missing) = recorded(pairs, |it| Some(it.failed()));
    push(Subject::Failures, error_gate(&found, budgets.failures, levels).with_missing(missing));
    let (found, missing) = recorded(pairs, |it| it.score);
    if !found.is_empty() {
        let gate = quality_gate(&found, DEFAULT_MARGIN, Levels::QUALITY);
        push(Subject::Quality, gate.with_missing(missing));
    }
    checks.extend(baseline_check(overlay, pairs));
    checks
}

/// Whether two vocabularies counted the tokens of one scenario.
fn mixed(pairs: &[(&Measured, &Measured)]) -> bool {
    pairs.iter().any(|(base, it)| {
        base.encoding.is_some() && it.encoding.is_some() && base.encoding != it.encoding
    })
}

/// The pairs that both sides have recordings for, and how many have not.
fn recorded<'a, T: Copy>(
    pairs: &[(&'a Measured, &'a Measured)],
    value: impl Fn(&MeasuredAnswer) -> Option<T>,
) -> (Vec<Pair<'a, T>>, usize) {
    let mut missing = 0;
    let mut found = Vec::with_capacity(pairs.len());
    for (base, candidate) in pairs {
        let of = |it: &Measured| it.answer.as_ref().and_then(&value);
        let identical = is_same(base, candidate);
        let pair = match (of(base), of(candidate)) {
            (_, Some(it)) | (Some(it), None) if identical => Pair::identical(it),
            (Some(base), Some(candidate)) => Pair::new(base, candidate),
            // Without a time on either side there is nothing that went missing.
            (None, None) if base.answer.is_some() && candidate.answer.is_some() => continue,
            _ => {
                missing += 1;
                continue;
            }
        };
        let cluster = candidate.cluster.as_deref();
        found.push(cluster.map_or(pair, |it| pair.in_cluster(it)));
    }
    (found, missing)
}

/// Whether both sides make the same requests.
fn is_same(base: &Measured, candidate: &Measured) -> bool {
    base.requests == candidate.requests && candidate.refused.is_none()
}

/// What the overlay costs over the bare baseline: shown, and held to its own cap only.
fn baseline_check(overlay: Option<&str>, pairs: &[(&Measured, &Measured)]) -> Option<BudgetCheck> {
    overlay?;
    let both =
        pairs.iter().filter_map(|(_, it)| Some((it.baseline_tokens?, it.answer.as_ref()?.tokens)));
    let (bare, own) = both.fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
    if bare == 0 {
        return None;
    }
    let caps = pairs.iter().filter_map(|(_, it)| it.values.get("BASELINE_TOKEN_CAP_PCT"));
    let cap = caps.filter_map(|it| it.parse::<f64>().ok()).fold(f64::INFINITY, f64::min);
    let cap = if cap.is_finite() { cap / 100.0 } else { f64::MAX };
    let gate = prompt_gate(bare, own, Limits { warn: cap, block: cap });
    let share = gate.delta.unwrap_or_default() * 100.0;
    let declared = match cap < f64::MAX {
        true => format!("; BASELINE_TOKEN_CAP_PCT allows {}", cap * 100.0),
        false => "; no BASELINE_TOKEN_CAP_PCT is declared".to_owned(),
    };
    let message = format!("{share:+.1} % output tokens over the bare baseline{declared}");
    Some(BudgetCheck::of(Subject::Baseline, overlay, None, gate, message))
}

fn scenario_checks(base: &Measured, candidate: &Measured, budgets: &Budgets) -> Vec<BudgetCheck> {
    let overlay = candidate.overlay.as_deref();
    let of = |subject, gate, message| {
        BudgetCheck::of(subject, overlay, Some(&candidate.scenario), gate, message)
    };
    let mut checks = Vec::new();
    if base.overlay != candidate.overlay {
        let name = |it: &Measured| it.overlay.clone().unwrap_or_else(|| "baseline".to_owned());
        let message = format!("`{}` answers instead of `{}`", name(candidate), name(base));
        checks.push(of(Subject::Selection, Gate::counted(1, 1, Verdict::Warn), message));
    }
    if let Some(why) = &candidate.refused {
        let message = format!("no plan can be made: {why}");
        checks.push(of(Subject::PromptTokens, Gate::counted(0, 0, Verdict::Fail), message));
        return checks;
    }
    let limits = budgets.tokens_of(&candidate.scenario);
    if let (Some(before), Some(after)) = (base.prompt_tokens, candidate.prompt_tokens) {
        let is_mixed = mixed(&[(base, candidate)]);
        let (gate, message) = if is_mixed {
            let message = format!(
                "counted with {} and with {}: no comparison",
                base.encoding.as_deref().unwrap_or("-"),
                candidate.encoding.as_deref().unwrap_or("-")
            );
            (Gate::counted(0, 0, Verdict::Invalid), message)
        } else {
            let gate = prompt_gate(before, after, limits);
            let message = sentence(Subject::PromptTokens, &gate);
            (gate, message)
        };
        checks.push(of(Subject::PromptTokens, gate, message));
    }
    checks.extend(
        hard_rules(base, candidate).map(|(gate, message)| of(Subject::HardRules, gate, message)),
    );
    checks
}

/// Hard rules that held with the base and do not any more.
fn hard_rules(base: &Measured, candidate: &Measured) -> Option<(Gate, String)> {
    if is_same(base, candidate) {
        return None;
    }
    let (before, after) = (base.answer.as_ref()?, candidate.answer.as_ref()?);
    let newly: Vec<_> = after
        .hard
        .iter()
        .filter(|(id, holds)| !**holds && before.hard.get(*id).copied().unwrap_or(true))
        .map(|(id, _)| id.as_str())
        .collect();
    let failing = |it: &MeasuredAnswer| it.hard.values().filter(|it| !**it).count();
    let verdict = if newly.is_empty() { Verdict::Pass } else { Verdict::Fail };
    let message = match newly.as_slice() {
        [] => "every hard rule that held still holds".to_owned(),
        newly => format!("held before and fails now: {}", newly.join(", ")),
    };
    Some((Gate::counted(failing(before), failing(after), verdict), message))
}

/// What a gate says, in words.
fn sentence(subject: Subject, gate: &Gate) -> String {
    let what = subject.words();
    let mut text = match (gate.delta, subject) {
        (Some(delta), Subject::LatencyP95) => format!("{what} {delta:+.2} s"),
        (Some(delta), Subject::Failures | Subject::Quality) => {
            format!("{what} {:+.1} points", delta * 100.0)
        }
        (Some(delta), _) => format!("{what} {:+.1} %", delta * 100.0),
        (None, _) => what.to_owned(),
    };
    let more = match gate.verdict {
        Verdict::Stale => Some(format!("{} scenarios have no recording on a side", gate.missing)),
        Verdict::Insufficient => {
            let needed = gate.n_needed.map_or(String::new(), |it| format!(", about {it} would do"));
            Some(format!("{} differing pairs say too little{needed}", gate.n))
        }
        _ if gate.n == 0 && gate.identical > 0 => {
            Some("the same requests on both sides".to_owned())
        }
        _ => None,
    };
    match more {
        Some(more) => {
            text.push_str("; ");
            text + &more
        }
        None => text,
    }
}

/// What explains a check of a scenario.
fn explain(bench: &Workbench<'_>, check: &BudgetCheck, budgets: &Budgets) -> Explanation {
    let all = changes(bench.base, bench.candidate);
    let explanation = |changes: Vec<Change>, separable, evidence: String| Explanation {
        name: check.name,
        against: String::new(),
        overlay: check.overlay.clone(),
        scenario: bench.candidate.scenario.clone(),
        changes,
        separable,
        evidence,
    };
    if check.name != Subject::PromptTokens || bench.candidate.refused.is_some() {
        let evidence = unseparated(all.len());
        let separable = all.len() == 1;
        return explanation(all, separable, evidence);
    }
    let limits = budgets.tokens_of(&bench.candidate.scenario);
    let before = bench.base.prompt_tokens.unwrap_or_default();
    let fails = |after: u64| prompt_gate(before, after, limits).verdict >= check.gate.verdict;
    match bench.explain(all.clone(), fails) {
        Some(smallest) => {
            let with: Vec<&Change> = smallest.iter().collect();
            let after = bench.prompt_tokens(&with).unwrap_or_default();
            let evidence =
                format!("the base has {before} prompt tokens, with these changes alone {after}");
            explanation(smallest, true, evidence)
        }
        None => {
            let evidence = "not separable: the base with these changes is not the candidate";
            explanation(all, false, evidence.to_owned())
        }
    }
}

impl BudgetCheck {
    pub(super) fn of(
        name: Subject,
        overlay: Option<&str>,
        scenario: Option<&str>,
        gate: Gate,
        message: String,
    ) -> Self {
        let owned = |it: Option<&str>| it.map(str::to_owned);
        let (overlay, scenario) = (owned(overlay), owned(scenario));
        let (against, keys) = (String::new(), Vec::new());
        Self { name, against, overlay, scenario, gate, keys, message }
    }
}
