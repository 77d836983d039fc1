use std::fmt;
use std::time::Duration;

use overlay_model::plural;
use serde::{Deserialize, Serialize};

use super::arm::Arm;
use super::bounds::{LEVEL, lower_bound, upper_bound};
use super::sequential;
use crate::span::Span;

/// What a stage is held to.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Limits {
    /// The probability that a harmless rollout is ever aborted by the sequential tests;
    /// above 0, at most 0.2.
    pub false_abort: f64,
    /// How many times the control's error rate, surely, is too much at once; above 1.
    pub error_ratio: f64,
    /// The block limit of the 95th percentile of the durations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95: Option<Span>,
    /// The fewest samples an arm needs.
    pub min_samples: u64,
    /// How many times as frequent errors may be; at least 1.
    pub tolerate_errors: f64,
    /// How many times as long answers may take; at least 1.
    pub tolerate_latency: f64,
    /// How many times as many tokens answers may be; at least 1.
    pub tolerate_tokens: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            false_abort: 0.01,
            error_ratio: 5.0,
            p95: None,
            min_samples: 300,
            tolerate_errors: 1.0,
            tolerate_latency: 1.1,
            tolerate_tokens: 1.12,
        }
    }
}

/// What was seen in a stage.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// The units of the stable generation.
    pub control: Arm,
    /// The units of the candidate.
    pub candidate: Arm,
    /// The instances that refused the candidate, each with its reason.
    pub nacks: Vec<String>,
}

/// Which rules a stage is judged by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Rule {
    /// Hard limits, then the sequential tests: both arms saw the same time.
    Concurrent,
    /// Hard limits alone: the control is the one of an earlier stage.
    HardLimits,
}

/// What the evidence comes to.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Enough was seen, and no harm.
    Pass,
    /// Harm.
    Fail,
    /// Neither: too little was seen, or doubt is left.
    Inconclusive,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Inconclusive => "inconclusive",
        })
    }
}

/// What is tested sequentially.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// The share of answers that went wrong.
    Errors,
    /// The durations.
    Latency,
    /// The token counts.
    Tokens,
}

impl Metric {
    /// All metrics; the false abort rate is divided by their number (Bonferroni).
    pub const ALL: [Self; 3] = [Self::Errors, Self::Latency, Self::Tokens];
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Errors => "errors",
            Self::Latency => "latency",
            Self::Tokens => "tokens",
        })
    }
}

/// How one sequential test stands.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Evidence {
    /// Which.
    pub metric: Metric,
    /// The natural logarithm of the ratio of harm to no harm; `None` without data.
    pub log_ratio: Option<f64>,
    /// From where on it is harm.
    pub bound: f64,
}

/// The verdict on a stage, and why.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Why it is no pass, for people; empty for a pass.
    pub reasons: Vec<String>,
    /// The sequential tests; empty where hard limits alone count.
    pub evidence: Vec<Evidence>,
}

/// At most this share of harmless stages is in doubt at any look.
const DOUBT: f64 = 0.1;
/// The share of answers beyond the 95th percentile.
const BEYOND_P95: f64 = 0.05;

/// Judges a stage.
///
/// A hard limit that is broken is a failure; so is a sequential test beyond its bound.
/// Without failure the stage passes only where both arms have enough samples of
/// everything that is measured and no test is in doubt.
pub fn judge(rule: Rule, observed: &Observed, limits: &Limits) -> Judgement {
    let hard = broken_limits(observed, limits);
    let evidence = match rule {
        Rule::Concurrent => evidence(observed, limits),
        Rule::HardLimits => Vec::new(),
    };
    let harm = evidence.iter().filter(|it| it.log_ratio.is_some_and(|log| log >= it.bound));
    let reasons: Vec<String> =
        hard.into_iter().chain(harm.map(|it| harm_reason(it, observed))).collect();
    if !reasons.is_empty() {
        return Judgement { verdict: Verdict::Fail, reasons, evidence };
    }
    let mut reasons = missing(rule, observed, limits);
    reasons.extend(doubts(observed, &evidence, limits));
    let verdict = if reasons.is_empty() { Verdict::Pass } else { Verdict::Inconclusive };
    Judgement { verdict, reasons, evidence }
}

fn harm_reason(evidence: &Evidence, observed: &Observed) -> String {
    let Evidence { metric, log_ratio, bound } = *evidence;
    let log = log_ratio.unwrap_or_default();
    let [candidate, control] = [&observed.candidate, &observed.control].map(|it| seen(metric, it));
    format!(
        "{metric}: harm, {candidate} of the candidate against {control} of the control (the log \
         ratio {log:.1} is beyond {bound:.1})"
    )
}

/// What an arm has of a metric: how many errors, or the geometric mean.
fn seen(metric: Metric, arm: &Arm) -> String {
    match metric {
        Metric::Errors => format!("{} in {}", arm.errors, plural(arm.samples, "sample")),
        Metric::Latency => {
            let mean = Duration::try_from_secs_f64(arm.durations.mean.exp() / 1e6);
            format!("{:.1?}", mean.unwrap_or(Duration::MAX))
        }
        Metric::Tokens => format!("{:.1} tokens", arm.tokens.mean.exp_m1()),
    }
}

fn broken_limits(observed: &Observed, limits: &Limits) -> Vec<String> {
    let nacks = observed.nacks.iter().map(|it| format!("refused by the instance {it}"));
    let limits = [error_limit(observed, limits), p95_limit(&observed.candidate, limits)];
    nacks.chain(limits.into_iter().flatten()).collect()
}

/// Whether the candidate's errors are beyond the ratio for sure.
fn error_limit(observed: &Observed, limits: &Limits) -> Option<String> {
    let Observed { control, candidate, .. } = observed;
    let [rate, base] = [candidate.error_rate()?, control.error_rate()?];
    // The bounds lie outside the rates, so the rates alone can acquit.
    if rate <= limits.error_ratio * base {
        return None;
    }
    let low = lower_bound(candidate.errors, candidate.samples);
    let high = upper_bound(control.errors, control.samples);
    (low > limits.error_ratio * high).then(|| {
        format!(
            "errors: at least {:.2} % of the candidate's answers, above {} times the control's {:.2} % at most",
            low * 100.0,
            limits.error_ratio,
            high * 100.0,
        )
    })
}

/// Whether surely more than a twentieth of the answers take longer than the limit.
fn p95_limit(candidate: &Arm, limits: &Limits) -> Option<String> {
    let limit = limits.p95?;
    if !is_above_p95(candidate) {
        return None;
    }
    let low = lower_bound(candidate.slow, candidate.durations.count);
    (low > BEYOND_P95).then(|| {
        let sure = LEVEL * 100.0;
        format!("latency: the 95th percentile is above {limit} ({sure:.1} % sure)")
    })
}

fn is_above_p95(candidate: &Arm) -> bool {
    candidate.slow as f64 > BEYOND_P95 * candidate.durations.count as f64
}

fn evidence(observed: &Observed, limits: &Limits) -> Vec<Evidence> {
    let Observed { control, candidate, .. } = observed;
    let bound = (Metric::ALL.len() as f64 / limits.false_abort).ln();
    let log_ratio = |metric| match metric {
        Metric::Errors => {
            let pair = |arm: &Arm| (arm.errors, arm.samples);
            let has_both = candidate.samples > 0 && control.samples > 0;
            has_both
                .then(|| sequential::errors(pair(candidate), pair(control), limits.tolerate_errors))
        }
        Metric::Latency => {
            sequential::shift(candidate.durations, control.durations, limits.tolerate_latency)
        }
        Metric::Tokens => {
            sequential::shift(candidate.tokens, control.tokens, limits.tolerate_tokens)
        }
    };
    Metric::ALL.map(|metric| Evidence { metric, log_ratio: log_ratio(metric), bound }).into()
}

/// What was not seen often enough.
fn missing(rule: Rule, observed: &Observed, limits: &Limits) -> Vec<String> {
    let Observed { control, candidate, .. } = observed;
    let enough = limits.min_samples.max(1);
    let arms = [("candidate", candidate.samples), ("control", control.samples)];
    let mut reasons: Vec<String> = arms
        .into_iter()
        .filter(|(_, samples)| *samples < enough)
        .map(|(arm, samples)| format!("{arm}: {samples} of {}", plural(enough, "sample")))
        .collect();
    let durations = candidate.durations.count;
    if limits.p95.is_some() && durations < enough {
        reasons.push(format!(
            "latency: {durations} of {} of the candidate",
            plural(enough, "duration")
        ));
    }
    if rule == Rule::Concurrent {
        reasons.extend(lopsided(Metric::Latency, control.durations.count, durations, enough));
        reasons.extend(lopsided(
            Metric::Tokens,
            control.tokens.count,
            candidate.tokens.count,
            enough,
        ));
    }
    reasons
}

/// A metric that one arm has and the other one lacks.
fn lopsided(metric: Metric, control: u64, candidate: u64, enough: u64) -> Option<String> {
    let lacks = control.max(candidate) >= enough && control.min(candidate) < enough;
    lacks
        .then(|| format!("{metric}: {candidate} of the candidate against {control} of the control"))
}

/// What speaks against a pass without being harm for sure.
fn doubts(observed: &Observed, evidence: &[Evidence], limits: &Limits) -> Vec<String> {
    let bound = (Metric::ALL.len() as f64 / DOUBT.max(limits.false_abort)).ln();
    let in_doubt = evidence.iter().filter(|it| it.log_ratio.is_some_and(|log| log >= bound));
    let mut reasons: Vec<String> =
        in_doubt.map(|it| format!("{}: harm is not ruled out", it.metric)).collect();
    if let Some(limit) = limits.p95.filter(|_| is_above_p95(&observed.candidate)) {
        let p95 = observed.candidate.p95().unwrap_or(Duration::ZERO);
        reasons.push(format!("latency: the 95th percentile {} is above {limit}", rounded(p95)));
    }
    if rate_is_above(observed, limits) {
        reasons.push(format!(
            "errors: the candidate's rate is above {} times the control's",
            limits.error_ratio
        ));
    }
    reasons
}

/// To whole milliseconds, as people read them.
fn rounded(duration: Duration) -> Span {
    Span(Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
}

/// Whether the rate is beyond the ratio, though not for sure. One error where the control
/// has none says nothing, so a few are needed.
fn rate_is_above(observed: &Observed, limits: &Limits) -> bool {
    let Observed { control, candidate, .. } = observed;
    match (candidate.error_rate(), control.error_rate()) {
        (Some(rate), Some(base)) => candidate.errors >= 5 && rate > limits.error_ratio * base,
        _ => false,
    }
}
