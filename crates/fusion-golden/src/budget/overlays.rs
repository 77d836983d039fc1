//! The checks of all that an overlay answers.

use std::time::Duration;

use overlay_schema::Acts;

use super::attribution::{Change, Explanation, changes};
use super::file::Budgets;
use super::identity::{
    acts, answers_same, differ_in_price_alone, has_same_outcome, has_same_requests, is_same,
};
use super::limits::CAP;
use super::measured::{Measured, MeasuredAnswer};
use super::over_bare::{UNDECLARED, cap as cap_in_force, capped, held, held_answers, is_over_bare};
use super::report::{BudgetCheck, Subject};
use super::words::message;
use crate::report::Verdict;
use crate::statistics::{
    Alpha, Bootstrap, DEFAULT_MARGIN, Gate, Levels, Limits, OwnPair, Pair, Reason, holm,
    limits_together, own_error_gate, own_latency_gate, own_price_gate, own_totals_gate,
    prompt_gate, quality_gate,
};

/// The scenarios that an overlay answers, on both sides; `None` is the bare baseline.
pub(super) type OfOverlay<'a> = (Option<&'a str>, Vec<(&'a Measured, &'a Measured)>);

/// What is judged for every overlay.
const SUBJECTS: [Subject; 6] = [
    Subject::PromptTokens,
    Subject::OutputTokens,
    Subject::Cost,
    Subject::LatencyP95,
    Subject::Failures,
    Subject::Quality,
];

/// The checks of all overlays, overlay by overlay.
pub(super) fn overlay_checks(
    overlays: &[OfOverlay<'_>],
    budgets: &Budgets,
) -> Vec<(Vec<BudgetCheck>, Option<Explanation>)> {
    let mut all: Vec<_> = SUBJECTS
        .map(|subject| (subject, family(subject, overlays, budgets).into_iter()))
        .into_iter()
        .collect();
    let of_one = |(overlay, pairs): &OfOverlay<'_>| {
        let judged = all.iter_mut().filter_map(|(subject, gates)| {
            let gate = gates.next()??;
            let message = message(*subject, &gate, pairs, budgets);
            Some(BudgetCheck::of(*subject, *overlay, None, gate, message))
        });
        let mut checks: Vec<_> = judged.collect();
        let settings = settings_check(*overlay, pairs).unzip();
        checks.extend(settings.0);
        checks.extend(baseline_check(*overlay, pairs));
        (checks, settings.1)
    };
    overlays.iter().map(of_one).collect()
}

/// Judges one figure of all overlays. Those that rest on chance are one family (Holm): that
/// any overlay is called worse which is not has the probability that one alone would have.
/// Letting pass needs no such care, since all of them must pass.
fn family(subject: Subject, overlays: &[OfOverlay<'_>], budgets: &Budgets) -> Vec<Option<Gate>> {
    let level = level(subject);
    let judge = |(_, pairs): &OfOverlay<'_>, worse| overlay_gate(subject, pairs, budgets, worse);
    let mut gates: Vec<_> = overlays.iter().map(|it| judge(it, level)).collect();
    let is_worse = |it: &Gate| matches!(it.verdict, Verdict::Warn | Verdict::Fail);
    let is_by_chance = |it: &Gate| matches!(it.reason, Reason::Decided | Reason::TooFew);
    let members: Vec<_> = overlays
        .iter()
        .zip(gates.iter_mut())
        .filter(|(_, it)| it.as_ref().is_some_and(is_by_chance))
        .collect();
    // At a stricter level nothing that is not worse changes its verdict.
    if members.len() < 2 || !members.iter().any(|(_, it)| it.as_ref().is_some_and(is_worse)) {
        return gates;
    }
    let judged = holm(members.len(), level, |at, level| {
        let gate = members.get(at).and_then(|(overlay, _)| judge(overlay, level));
        let holds = gate.as_ref().is_some_and(is_worse);
        (gate, holds)
    });
    for ((_, gate), judged) in members.into_iter().zip(judged) {
        *gate = judged;
    }
    gates
}

/// How often a figure of one overlay may be called worse wrongly.
fn level(subject: Subject) -> Alpha {
    if subject == Subject::Quality { Levels::QUALITY.worse } else { Levels::BUDGET.worse }
}

/// Judges all scenarios of an overlay; `None` where nothing of the kind is recorded, or the
/// subject is none of those.
pub(super) fn overlay_gate(
    subject: Subject,
    pairs: &[(&Measured, &Measured)],
    budgets: &Budgets,
    worse: Alpha,
) -> Option<Gate> {
    let levels = Levels { worse, ..Levels::BUDGET };
    let same = answers_same;
    let (gate, counts) = match subject {
        Subject::PromptTokens => return prompt_tokens(pairs, budgets),
        Subject::OutputTokens if mixed(pairs) => {
            return Some(Gate::without_figure(None, Verdict::Invalid));
        }
        Subject::OutputTokens => {
            let pairs = held_answers(pairs)?;
            let found = recorded(&pairs, same, |it| Some(number(it.tokens)));
            let own = found.with(|it| budgets.tokens_of(it));
            (own_totals_gate(&own, budgets.tokens, levels, Bootstrap::default()), found.counts)
        }
        Subject::Cost => {
            let pairs = held_answers(pairs)?;
            let found = recorded(&pairs, is_same, |it| Some(it.units));
            let own = found.with(|it| budgets.tokens_of(it));
            let mut differing = pairs.iter().filter(|(base, it)| !is_same(base, it));
            let gate = match differing.all(|(base, it)| differ_in_price_alone(base, it)) {
                true => own_price_gate(&own, budgets.tokens),
                false => own_totals_gate(&own, budgets.tokens, levels, Bootstrap::default()),
            };
            (gate, found.counts)
        }
        Subject::LatencyP95 => {
            let seconds = |it: &MeasuredAnswer| duration(it.latency_ms?);
            let found = recorded(pairs, same, seconds).if_any()?;
            let own = found.with(|it| budgets.latency_of(it));
            (own_latency_gate(&own, budgets.latency, levels), found.counts)
        }
        Subject::Failures => {
            let found = recorded(pairs, same, |it| Some(it.failed()));
            let own = found.with(|it| budgets.failures_of(it));
            (own_error_gate(&own, budgets.failures, levels), found.counts)
        }
        Subject::Quality => {
            let found = recorded(pairs, same, |it| it.score).if_any()?;
            (quality_gate(&found.pairs, DEFAULT_MARGIN, levels), found.counts)
        }
        Subject::Suite
        | Subject::Recordings
        | Subject::Catalogue
        | Subject::Selection
        | Subject::Settings
        | Subject::Limits
        | Subject::HardRules
        | Subject::QualityWatch
        | Subject::Baseline => return None,
    };
    Some(gate.with_identical(counts.identical).with_missing(counts.missing))
}

/// A recorded time; `None` for what is none.
pub(super) fn duration(ms: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(ms / 1_000.0).ok()
}

/// Judges the prompts of all scenarios of an overlay; `None` where the bare baseline answered
/// all of them before, which every scenario is held to by itself.
pub(super) fn prompt_tokens(pairs: &[(&Measured, &Measured)], budgets: &Budgets) -> Option<Gate> {
    if mixed(pairs) {
        return Some(Gate::without_figure(None, Verdict::Invalid));
    }
    let pairs = held(pairs);
    let both: Vec<_> = pairs
        .iter()
        .filter_map(|(base, it)| Some((it, base.prompt_tokens?, it.prompt_tokens?)))
        .collect();
    let (before, after) = both.iter().fold((0, 0), |sum, it| (sum.0 + it.1, sum.1 + it.2));
    let own = both.iter().map(|(it, base, _)| (budgets.tokens_of(&it.scenario), number(*base)));
    let limits = limits_together(&own.collect::<Vec<_>>()).unwrap_or(budgets.tokens);
    let gate = prompt_gate(before, after, limits).with_missing(pairs.len() - both.len());
    (!pairs.is_empty()).then_some(gate)
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
pub(super) fn number(tokens: u64) -> f64 {
    tokens as f64
}

/// Whether two vocabularies counted the tokens of one scenario.
pub(super) fn mixed(pairs: &[(&Measured, &Measured)]) -> bool {
    pairs.iter().any(|(base, it)| {
        base.encoding.is_some() && it.encoding.is_some() && base.encoding != it.encoding
    })
}

/// What is recorded of a figure.
pub(super) struct Recorded<'a, T> {
    /// Scenarios with the figure on both sides, or with the same requests.
    pub(super) pairs: Vec<Pair<'a, T>>,
    /// The scenario of each.
    scenarios: Vec<&'a str>,
    counts: Counts,
}

/// Scenarios without the figure.
#[derive(Clone, Copy, Default)]
struct Counts {
    /// Nothing changed, and nothing is recorded.
    identical: usize,
    /// A side has no recording.
    missing: usize,
}

impl<'a, T: Copy> Recorded<'a, T> {
    /// Every pair with the limits of its scenario.
    fn with(&self, limits: impl Fn(&str) -> Limits) -> Vec<OwnPair<'a, T>> {
        let limits = self.scenarios.iter().map(|it| limits(it));
        self.pairs.iter().copied().zip(limits).collect()
    }

    /// `None` where no answer has such a figure: a suite without any recorded time has no
    /// latency to speak of.
    fn if_any(self) -> Option<Self> {
        (!self.pairs.is_empty()).then_some(self)
    }
}

/// The pairs that both sides have recordings for, and how many have not.
pub(super) fn recorded<'a, T: Copy>(
    pairs: &[(&'a Measured, &'a Measured)],
    is_same: fn(&Measured, &Measured) -> bool,
    value: impl Fn(&MeasuredAnswer) -> Option<T>,
) -> Recorded<'a, T> {
    let mut counts = Counts::default();
    let mut found = Vec::with_capacity(pairs.len());
    let mut scenarios = Vec::with_capacity(pairs.len());
    for (base, candidate) in pairs {
        let of = |it: &Measured| it.answer.as_ref().and_then(&value);
        let is_recorded = [base, candidate].map(|it| it.answer.is_some());
        let pair = match (of(base), of(candidate)) {
            (_, Some(it)) | (Some(it), None) if is_same(base, candidate) => Pair::identical(it),
            (Some(base), Some(candidate)) => Pair::new(base, candidate),
            // Without such a figure on either side there is nothing that went missing.
            (None, None) if is_recorded == [true, true] => continue,
            (None, None) if is_same(base, candidate) => {
                counts.identical += 1;
                continue;
            }
            _ => {
                counts.missing += 1;
                continue;
            }
        };
        let cluster = candidate.cluster.as_deref();
        found.push(cluster.map_or(pair, |it| pair.in_cluster(it)));
        scenarios.push(candidate.scenario.as_str());
    }
    Recorded { pairs: found, scenarios, counts }
}

/// Settings that act on answers or in time, under which the requests stay the same:
/// recorded answers can say what became of themselves, not of others.
fn settings_check(
    overlay: Option<&str>,
    pairs: &[(&Measured, &Measured)],
) -> Option<(BudgetCheck, Explanation)> {
    let acting = |base: &Measured, candidate: &Measured| {
        let mut all = changes(base, candidate);
        all.retain(|it| !it.is_prompt() && it.key != CAP && acts(&it.key) != Acts::Description);
        all
    };
    let same_requests = pairs.iter().filter(|(base, it)| has_same_requests(base, it));
    let changed: Vec<_> = same_requests
        .map(|(base, it)| (*base, *it, acting(base, it)))
        .filter(|(.., changes)| !changes.is_empty())
        .collect();
    let (_, first, _) = changed.first()?;
    let mut all: Vec<Change> = Vec::new();
    for change in changed.iter().flat_map(|(.., it)| it) {
        if !all.contains(change) {
            all.push(change.clone());
        }
    }
    let same = changed.iter().filter(|(base, it, _)| has_same_outcome(base, it)).count();
    let of_keys: Vec<_> = all.iter().map(Change::words).collect();
    let message = format!(
        "{}: no request shows it; {same} of {} recorded answers come to the same, others may not",
        of_keys.join(", "),
        changed.len(),
    );
    let gate = Gate::counted(changed.len(), changed.len(), Verdict::Warn);
    let mut check = BudgetCheck::of(Subject::Settings, overlay, None, gate, message);
    let evidence = "the requests are the same, what is made of the answers is not";
    let explanation = Explanation::of(&check, &first.scenario, all, true, evidence);
    check.keys = explanation.keys();
    Some((check, explanation))
}

/// What the overlay costs over the bare baseline: shown, and held to its own cap only.
fn baseline_check(overlay: Option<&str>, pairs: &[(&Measured, &Measured)]) -> Option<BudgetCheck> {
    overlay?;
    let (gate, cap) = baseline_gate(pairs)?;
    let share = gate.delta.unwrap_or_default() * 100.0;
    let declared = match cap {
        Some(cap) => format!("; BASELINE_TOKEN_CAP_PCT allows {cap}"),
        None if gate.verdict == Verdict::Warn => format!("; {UNDECLARED}"),
        None => "; no BASELINE_TOKEN_CAP_PCT is declared".to_owned(),
    };
    let message = format!("{share:+.1} % output tokens over the bare baseline{declared}");
    Some(BudgetCheck::of(Subject::Baseline, overlay, None, gate, message))
}

/// Answer tokens against those of the bare baseline, and the cap in percent.
pub(super) fn baseline_gate(pairs: &[(&Measured, &Measured)]) -> Option<(Gate, Option<f64>)> {
    let both =
        pairs.iter().filter_map(|(_, it)| Some((it.baseline_tokens?, it.answer.as_ref()?.tokens)));
    let (bare, own) = both.fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
    if bare == 0 {
        return None;
    }
    let caps = pairs.iter().filter_map(|(base, it)| cap_in_force(base, it));
    let cap = caps.min_by(f64::total_cmp);
    let gate = capped(bare, own, cap);
    let is_new = pairs.iter().any(|(base, it)| is_over_bare(base, it));
    match (cap, is_new) {
        // It was there before, as it is.
        (None, false) => Some((gate.decided(Verdict::Pass, Reason::Exact), cap)),
        _ => Some((gate, cap)),
    }
}
