use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::attribution::{Change, Explanation, Workbench, changes};
use super::file::Budgets;
use super::measured::{Measured, MeasuredAnswer, Measurement};
use super::report::{Bill, BudgetCheck, BudgetReport, Noise, ScenarioPair, Side, Subject};
use super::smallest::{Smallest, Trial, smallest};
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
/// requests passes by identity. What explains a check is sought with the recordings of
/// `suite`, then of `recordings`.
///
/// # Errors
///
/// Where the suite has no scenarios.
pub fn compare(
    suite: &Suite,
    base: &Measurement,
    candidate: &Measurement,
    recordings: &[&Suite],
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
    let by_id: BTreeMap<_, _> = scenarios.iter().map(|it| (it.id.as_str(), *it)).collect();
    let mut explanations = Vec::new();
    let mut bills: Vec<Bill> = Vec::new();
    let mut benches = Vec::new();
    for (base, candidate) in &pairs {
        let mut found = scenario_checks(base, candidate, budgets);
        if let Some(scenario) = by_id.get(candidate.scenario.as_str()) {
            let bench = Workbench::new(&sides, recordings, scenario, [base, candidate]);
            if !bills.iter().any(|it| it.overlay == candidate.overlay) {
                bills.extend(bill(&bench));
            }
            for check in found.iter_mut().filter(|it| it.gate.verdict != Verdict::Pass) {
                let explanation = explain(&bench, check, budgets);
                check.keys = explanation.changes.iter().map(|it| it.key.clone()).collect();
                explanations.push(explanation);
            }
            benches.push(bench);
        }
        checks.extend(found);
    }
    lend_keys(&mut checks);
    explanations.extend(explain_overlays(&mut checks, &bills, &benches, budgets));
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
fn explain_overlays(
    checks: &mut [BudgetCheck],
    bills: &[Bill],
    benches: &[Workbench<'_>],
    budgets: &Budgets,
) -> Vec<Explanation> {
    let is_open = |it: &BudgetCheck| {
        it.scenario.is_none() && it.keys.is_empty() && it.gate.verdict != Verdict::Pass
    };
    let mut explanations = Vec::new();
    for check in checks.iter_mut().filter(|it| is_open(it) && it.name != Subject::Suite) {
        let Some(bill) = bills.iter().find(|it| it.overlay == check.overlay) else { continue };
        let of_overlay = benches.iter().filter(|it| it.candidate.overlay == check.overlay);
        let benches: Vec<_> = of_overlay.collect();
        let trial = |set: &[&Change]| overlay_trial(check, &benches, set, budgets);
        let explanation = behaviour(check, &bill.scenario, &bill.changes, trial);
        check.keys = explanation.changes.iter().map(|it| it.key.clone()).collect();
        explanations.push(explanation);
    }
    explanations
}

/// The most parts of a change that are replayed for one explanation.
const MOST_REPLAYS: usize = 64;
/// The most that are rendered.
const MOST_RENDERINGS: usize = 512;

/// What explains a check that rests on answers: the smallest part of `all` that `trial`,
/// which replays, says fails.
fn behaviour(
    check: &BudgetCheck,
    scenario: &str,
    all: &[Change],
    trial: impl Fn(&[&Change]) -> Trial,
) -> Explanation {
    let explanation = |changes: Vec<Change>, separable, evidence: &str| Explanation {
        name: check.name,
        against: String::new(),
        overlay: check.overlay.clone(),
        scenario: scenario.to_owned(),
        changes,
        separable,
        evidence: evidence.to_owned(),
    };
    if all.len() == 1 {
        return explanation(all.to_vec(), true, "the one thing that changed");
    }
    match smallest(all, MOST_REPLAYS, trial) {
        Some(Smallest { set, is_smallest: true }) => {
            let evidence = match set.as_slice() {
                [_] => "replayed: the base with this change alone does the same",
                _ => "replayed: the base with these changes does the same, without any of them not",
            };
            explanation(set.into_iter().cloned().collect(), true, evidence)
        }
        Some(Smallest { set, .. }) if set.len() < all.len() => {
            let evidence = "replayed: the base with these changes does the same; not separable \
                            further, no recordings of parts of them";
            explanation(set.into_iter().cloned().collect(), false, evidence)
        }
        _ => {
            let evidence = "not separable: no recordings of parts of the change";
            explanation(all.to_vec(), false, evidence)
        }
    }
}

/// What the base under `set` makes of a check of an overlay.
fn overlay_trial(
    check: &BudgetCheck,
    benches: &[&Workbench<'_>],
    set: &[&Change],
    budgets: &Budgets,
) -> Trial {
    let replayed: Option<Vec<_>> = benches.iter().map(|it| it.replayed(set)).collect();
    let Some(replayed) = replayed else { return Trial::Unknown };
    let pairs: Vec<_> = benches.iter().map(|it| it.base).zip(&replayed).collect();
    match overlay_gate(check.name, &pairs, budgets).map(|it| it.verdict) {
        Some(it @ (Verdict::Warn | Verdict::Fail)) if it >= check.gate.verdict => Trial::Fails,
        Some(Verdict::Pass | Verdict::Warn) => Trial::Holds,
        _ => Trial::Unknown,
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
    let subjects = [
        Subject::PromptTokens,
        Subject::OutputTokens,
        Subject::Cost,
        Subject::LatencyP95,
        Subject::Failures,
        Subject::Quality,
    ];
    let judged = subjects.into_iter().filter_map(|subject| {
        let gate = overlay_gate(subject, pairs, budgets)?;
        let message = sentence(subject, &gate);
        Some(BudgetCheck::of(subject, overlay, None, gate, message))
    });
    judged.chain(baseline_check(overlay, pairs)).collect()
}

/// Judges all scenarios of an overlay; `None` where nothing of the kind is recorded, or the
/// subject is none of those.
fn overlay_gate(
    subject: Subject,
    pairs: &[(&Measured, &Measured)],
    budgets: &Budgets,
) -> Option<Gate> {
    let levels = Levels::BUDGET;
    let (gate, missing) = match subject {
        Subject::PromptTokens => return Some(prompt_tokens(pairs, budgets)),
        Subject::OutputTokens => {
            let (found, missing) = recorded(pairs, |it| Some(it.tokens));
            (token_gate(&found, budgets.tokens, levels, Bootstrap::default()), missing)
        }
        Subject::Cost => {
            let (found, missing) = recorded(pairs, |it| Some(it.units));
            (cost_gate(&found, budgets.tokens, levels, Bootstrap::default()), missing)
        }
        Subject::LatencyP95 => {
            let seconds =
                |it: &MeasuredAnswer| Duration::try_from_secs_f64(it.latency_ms? / 1_000.0).ok();
            let (found, missing) = recorded(pairs, seconds);
            // A suite without any recorded time has no latency to speak of.
            if found.is_empty() {
                return None;
            }
            (latency_gate(&found, budgets.latency, levels), missing)
        }
        Subject::Failures => {
            let (found, missing) = recorded(pairs, |it| Some(it.failed()));
            (error_gate(&found, budgets.failures, levels), missing)
        }
        Subject::Quality => {
            let (found, missing) = recorded(pairs, |it| it.score);
            if found.is_empty() {
                return None;
            }
            (quality_gate(&found, DEFAULT_MARGIN, Levels::QUALITY), missing)
        }
        Subject::Suite | Subject::Selection | Subject::HardRules | Subject::Baseline => {
            return None;
        }
    };
    Some(gate.with_missing(missing))
}

/// Judges the prompts of all scenarios of an overlay.
fn prompt_tokens(pairs: &[(&Measured, &Measured)], budgets: &Budgets) -> Gate {
    if mixed(pairs) {
        return Gate::counted(0, 0, Verdict::Invalid);
    }
    let both = pairs.iter().filter_map(|(base, it)| base.prompt_tokens.zip(it.prompt_tokens));
    let (before, after) = both.clone().fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
    prompt_gate(before, after, budgets.tokens).with_missing(pairs.len() - both.count())
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

/// Whether both sides make the same requests, and make the same of the answers: settings
/// that act on answers alone, such as `TRUST_FLOOR`, change no request.
fn is_same(base: &Measured, candidate: &Measured) -> bool {
    let same_requests = base.requests == candidate.requests && candidate.refused.is_none();
    let outcome = |it: &MeasuredAnswer| (it.accepted, it.tokens, it.hard.clone());
    let outcomes = base.answer.as_ref().zip(candidate.answer.as_ref());
    let same_outcome = || outcomes.is_none_or(|(it, other)| outcome(it) == outcome(other));
    same_requests && (base.values == candidate.values || same_outcome())
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
    let scenario = &bench.candidate.scenario;
    if check.name != Subject::PromptTokens || bench.candidate.refused.is_some() {
        let trial = |set: &[&Change]| match (check.name, bench.replayed(set)) {
            (Subject::HardRules, Some(it)) => match hard_rules(bench.base, &it) {
                Some((gate, _)) if gate.verdict == Verdict::Fail => Trial::Fails,
                _ => Trial::Holds,
            },
            _ => Trial::Unknown,
        };
        return behaviour(check, scenario, &all, trial);
    }
    let limits = budgets.tokens_of(scenario);
    let before = bench.base.prompt_tokens.unwrap_or_default();
    let trial = |set: &[&Change]| match bench.prompt_tokens(set) {
        Some(it) if prompt_gate(before, it, limits).verdict >= check.gate.verdict => Trial::Fails,
        Some(_) => Trial::Holds,
        None => Trial::Unknown,
    };
    let all = bench.billed(all);
    let (changes, separable, evidence) = match smallest(&all, MOST_RENDERINGS, trial) {
        Some(Smallest { set, is_smallest }) => {
            let after = bench.prompt_tokens(&set).unwrap_or_default();
            let evidence =
                format!("the base has {before} prompt tokens, with these changes alone {after}");
            (set.into_iter().cloned().collect(), is_smallest, evidence)
        }
        None => {
            let evidence = "not separable: the base with these changes is not the candidate";
            (all, false, evidence.to_owned())
        }
    };
    Explanation {
        name: check.name,
        against: String::new(),
        overlay: check.overlay.clone(),
        scenario: scenario.clone(),
        changes,
        separable,
        evidence,
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
