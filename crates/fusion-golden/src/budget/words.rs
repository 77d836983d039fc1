//! What gates say, in words.

use super::attribution::model_changes;
use super::file::Budgets;
use super::identity::{answers_same, is_same};
use super::measured::{Measured, MeasuredAnswer};
use super::overlays::{mixed, number};
use super::report::Subject;
use crate::report::Verdict;
use crate::statistics::{Bounded, Gate, Limits, round4};

/// What a gate says, in words.
pub(super) fn sentence(subject: Subject, gate: &Gate) -> String {
    let what = subject.words();
    let mut text = match (gate.delta, subject) {
        _ if gate.verdict == Verdict::Stale => what.to_owned(),
        (Some(_), Subject::LatencyP95) if gate.interval.is_some() => p95(gate),
        (Some(delta), Subject::Failures | Subject::Quality) => {
            format!("{what} {:+.1} points", delta * 100.0)
        }
        (Some(delta), Subject::LatencyP95) => format!("{what} {delta:+.2} s"),
        (Some(delta), _) => format!("{what} {:+.1} %", delta * 100.0),
        (None, _) => what.to_owned(),
    };
    let more = match gate.verdict {
        Verdict::Stale if gate.missing == 1 => Some("1 scenario has no recording".to_owned()),
        Verdict::Stale => Some(format!("{} scenarios have no recording", gate.missing)),
        Verdict::Insufficient => {
            let needed = match gate.n_needed {
                Some(needed) => format!("about {needed} would do"),
                None => "too near the line to say how many would do".to_owned(),
            };
            let of =
                if subject == Subject::LatencyP95 { "recorded times" } else { "differing pairs" };
            Some(format!("{} {of} say too little, {needed}", gate.n))
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

/// `p95 of the latency 12.63 s, at least 12.40 s: over the limit of 5 s; base 1.20 s`. The
/// limits are absolute.
fn p95(gate: &Gate) -> String {
    let seconds = |it: Option<f64>| it.map_or_else(|| "-".to_owned(), |it| format!("{it:.2} s"));
    let lower = gate.interval.map(|it| it.lower);
    let upper = gate.interval.map(|it| it.upper).filter(|it| it.is_finite());
    let (now, base) = (seconds(gate.candidate), seconds(gate.base));
    let what = Subject::LatencyP95.words();
    let Gate { warn, block, .. } = gate;
    let is_over_both = lower.is_some_and(|it| it > *block);
    let (least, most) = (seconds(lower), seconds(upper));
    let found = match gate.verdict {
        Verdict::Pass => format!(", at most {most}"),
        Verdict::Warn if is_over_both => {
            format!(", over the limit of {block} s as the base's is, and not shown to be slower")
        }
        Verdict::Warn => format!(", at least {least}: over the line of {warn} s"),
        Verdict::Fail => format!(", at least {least}: over the limit of {block} s"),
        _ => String::new(),
    };
    match gate.interval_of {
        // What is bounded is none of the two figures.
        Bounded::Counted => format!(
            "{what} {now}; base {base}; every time counted by its own scenario's limits as if \
             they were {warn} s and {block} s{found}"
        ),
        _ => format!("{what} {now}{found}; base {base}"),
    }
}

/// What a gate says about the scenarios of an overlay.
pub(super) fn message(
    subject: Subject,
    gate: &Gate,
    pairs: &[(&Measured, &Measured)],
    budgets: &Budgets,
) -> String {
    let what = sentence(subject, gate) + &together(subject, gate, budgets);
    let what = what + &deciding(subject, gate, pairs);
    match (subject, gate.verdict) {
        (Subject::PromptTokens | Subject::OutputTokens, Verdict::Invalid) => {
            vocabularies(pairs).unwrap_or(what)
        }
        (_, Verdict::Stale) => {
            let ids = missing(subject, pairs);
            let named = listed(&ids);
            format!(
                "{what} on a side: {named}; record them with `golden record`, then accept them with \
                 `golden update --reason WHY`"
            )
        }
        (Subject::Cost, Verdict::Warn | Verdict::Fail | Verdict::Insufficient) => {
            let prices = model_differences(pairs, |key| key.ends_with("_usd_per_mtok"));
            if prices.is_empty() { what } else { format!("{what}; prices: {}", listed(&prices)) }
        }
        _ => what,
    }
}

/// The answer that leaves a gate without an upper bound; empty where it has one.
fn deciding(subject: Subject, gate: &Gate, pairs: &[(&Measured, &Measured)]) -> String {
    if !gate.has_no_upper_bound() {
        return String::new();
    }
    let figure = |it: &Measured| {
        let answer = it.answer.as_ref()?;
        Some(if subject == Subject::Cost { answer.units } else { number(answer.tokens) })
    };
    let differing = pairs.iter().filter(|(base, it)| !is_same(base, it));
    let moved = differing
        .filter_map(|(base, it)| Some((figure(it)? - figure(base)?, it.scenario.as_str())));
    let decides = moved.max_by(|one, other| one.0.abs().total_cmp(&other.0.abs()));
    let of = decides.map_or_else(String::new, |(_, scenario)| format!(", that of {scenario}"));
    format!("; no upper bound: one answer decides{of}")
}

/// The limits of a gate, where scenarios have some of their own: nobody finds their mean in
/// the file.
fn together(subject: Subject, gate: &Gate, budgets: &Budgets) -> String {
    let (general, unit) = match subject {
        Subject::PromptTokens | Subject::OutputTokens | Subject::Cost => (budgets.tokens, "%"),
        Subject::Failures => (budgets.failures, "points"),
        _ => return String::new(),
    };
    let Gate { warn, block, .. } = gate;
    let is_silent = matches!(gate.verdict, Verdict::Invalid | Verdict::Stale);
    if is_silent || (Limits { warn: *warn, block: *block }) == general {
        return String::new();
    }
    let [warn, block] = [warn, block].map(|it| round4(it * 100.0));
    format!("; with the limits of its scenarios together {warn} and {block} {unit}")
}

/// The first of some names, and how many more there are.
fn listed<T: AsRef<str>>(names: &[T]) -> String {
    const MOST: usize = 6;
    let first: Vec<_> = names.iter().take(MOST).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(MOST) {
        0 => first.join(", "),
        left => format!("{} and {left} more", first.join(", ")),
    }
}

/// What `providers.toml` says otherwise of models that both sides ask, in words.
fn model_differences(
    pairs: &[(&Measured, &Measured)],
    is_asked: impl Fn(&str) -> bool,
) -> Vec<String> {
    let mut res: Vec<String> = Vec::new();
    for change in pairs.iter().flat_map(|(base, it)| model_changes(base, it)) {
        let place = change.file.as_ref().zip(change.line);
        let place = place.map(|(file, line)| format!(" ({file}:{line})")).unwrap_or_default();
        let words = change.words() + &place;
        if is_asked(&change.key) && !res.contains(&words) {
            res.push(words);
        }
    }
    res
}

/// `counted with o200k_base and with cl100k_base: no comparison`, and why.
fn vocabularies(pairs: &[(&Measured, &Measured)]) -> Option<String> {
    let (base, candidate) = pairs.iter().find(|it| mixed(&[**it]))?;
    let name = |it: &Measured| it.encoding.clone().unwrap_or_default();
    let why = model_differences(pairs, |key| key.ends_with(".encoding"));
    let why = if why.is_empty() { String::new() } else { format!("; {}", listed(&why)) };
    let (before, after) = (name(base), name(candidate));
    Some(format!("counted with {before} and with {after}: no comparison{why}"))
}

/// The scenarios without the figure on a side.
fn missing<'a>(subject: Subject, pairs: &[(&'a Measured, &'a Measured)]) -> Vec<&'a str> {
    let answer =
        |it: &Measured, has: fn(&MeasuredAnswer) -> bool| it.answer.as_ref().is_some_and(has);
    let has = |it: &Measured| match subject {
        Subject::PromptTokens => it.prompt_tokens.is_some(),
        Subject::LatencyP95 => answer(it, |it| it.latency_ms.is_some()),
        Subject::Quality => answer(it, |it| it.score.is_some()),
        _ => it.answer.is_some(),
    };
    let same = if subject == Subject::Cost { is_same } else { answers_same };
    let is_known = |base: &Measured, it: &Measured| same(base, it) || (has(base) && has(it));
    let lacking = pairs.iter().filter(|(base, it)| !is_known(base, it));
    lacking.map(|(_, it)| it.scenario.as_str()).collect()
}
