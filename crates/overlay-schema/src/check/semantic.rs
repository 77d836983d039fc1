//! Do the values fit each other?

use std::ops::Range;

use overlay_model::{Data, Diagnostic, Edit, OverlayName, nearest};

use crate::check::Findings;
use crate::check::found::{Found, Row, rows};
use crate::nearest::nearest_key;
use crate::params::param;
use crate::settings::Voter;
use crate::wording;
use crate::words::{FusionMode, Judge, TrustModel};

pub(super) fn check(found: &Found<'_>, findings: &mut Findings) {
    file_name(found, findings);
    pinned(found, findings);
    voters(found, findings);
    samples(found, findings);
    trust_floor(found, findings);
    entropy(found, findings);
    times(found, findings);
}

fn file_name(found: &Found<'_>, findings: &mut Findings) {
    let (Some(row), Some(file_name)) = (found.row(rows::OVERLAY_NAME), found.file_name) else {
        return;
    };
    let Some(expected) = OverlayName::from_file_name(file_name) else { return };
    if row.is_taken && expected.as_str() != row.entry.value {
        let message = format!("the file is named `{expected}`, the overlay `{}`", row.entry.value);
        let finding = Diagnostic::warning("OVL3001", message)
            .located(found.value_at(&row.entry))
            .hint("the name in the file is the one that counts; rename one of the two");
        findings.push_ours(finding);
    }
}

fn pinned(found: &Found<'_>, findings: &mut Findings) {
    let Some(row) = found.row(rows::OVERLAY_PINNED) else { return };
    for word in row.words().iter().filter(|it| param(it).is_none()) {
        let span = element_span(row, word);
        let message = format!("`{}` is pinned, and no parameter", wording::shorten(word));
        let finding =
            Diagnostic::warning("OVL3007", message).located(found.overlay.location(span.clone()));
        findings.push_ours(suggest(finding, nearest_key(word), span));
    }
}

/// Names the word that was probably meant, and mends it.
pub(super) fn suggest(finding: Diagnostic, word: Option<String>, span: Range<usize>) -> Diagnostic {
    match word {
        Some(text) => finding
            .hint(format!("did you mean `{text}`?"))
            .fix(format!("write `{text}`"), vec![Edit { span, text }]),
        None => finding,
    }
}

/// The bytes of the element `word` of a list, or of the name `word` in a map.
pub(super) fn element_span(row: &Row<'_>, word: &str) -> Range<usize> {
    let mut start = row.entry.value_start;
    for element in row.entry.value.split(',') {
        let trimmed = element.trim();
        let is_it = trimmed.strip_prefix(word).is_some_and(|rest| {
            let rest = rest.trim_start();
            rest.is_empty() || rest.starts_with(':')
        });
        if is_it {
            let at = start + (element.len() - element.trim_start().len());
            return at..at + word.len();
        }
        start += element.len() + 1;
    }
    row.entry.value_span()
}

/// The names among `pairs` that no voter has; `single` alone stands for no vote.
pub(super) fn unknown_voters(pairs: &[(String, u32)]) -> impl Iterator<Item = &str> {
    let single = matches!(pairs, [(name, _)] if name == "single");
    let names = pairs.iter().map(|(name, _)| name.as_str());
    names.filter(move |it| !single && Voter::from_name(it).is_none())
}

fn voters(found: &Found<'_>, findings: &mut Findings) {
    let Some(row) = found.row(rows::VOTING_POWER_MAP) else { return };
    let pairs = row.weights();
    for name in unknown_voters(&pairs) {
        let span = element_span(row, name);
        let finding =
            Diagnostic::error("OVL3004", format!("unknown voter `{}`", wording::shorten(name)))
                .located(found.overlay.location(span.clone()))
                .hint(match name {
                    "single" => "`single:1` stands alone and means that nobody votes".to_owned(),
                    _ => format!("voters are {} and `model/<id>`", Judge::WORDS.join(", ")),
                });
        let near = nearest(name, Judge::WORDS.iter().copied()).map(str::to_owned);
        let taken = near.as_ref().is_some_and(|near| pairs.iter().any(|(it, _)| it == near));
        findings.push_ours(suggest(finding, near.filter(|_| !taken), span));
    }
    lonely_voter(found, row, &pairs, findings);
}

/// A vote takes two participants with weight.
fn lonely_voter(
    found: &Found<'_>,
    row: &Row<'_>,
    pairs: &[(String, u32)],
    findings: &mut Findings,
) {
    let mut weighty = pairs.iter().filter(|(_, weight)| *weight > 0);
    let (Some((name, _)), None) = (weighty.next(), weighty.next()) else { return };
    if name != "single" {
        let message = format!("only `{}` votes, and a vote takes two", wording::shorten(name));
        let finding = Diagnostic::warning("OVL3005", message)
            .located(found.value_at(&row.entry))
            .hint("give a second voter weight, or write `single:1` for no vote");
        findings.push_ours(finding);
    }
}

fn mode(found: &Found<'_>) -> FusionMode {
    FusionMode::from_word(found.word(rows::FUSION_MODE)).unwrap_or(FusionMode::BaselineOnly)
}

fn draws_one(mode: FusionMode) -> bool {
    matches!(mode, FusionMode::BaselineOnly | FusionMode::SpeedOptimized)
}

fn samples(found: &Found<'_>, findings: &mut Findings) {
    let Some(row) = found.row(rows::SAMPLES) else { return };
    let mode = mode(found);
    if draws_one(mode) && row.number().is_some_and(|it| it > 1.0) {
        let message = format!("SAMPLES has no effect: mode `{mode}` draws one sample");
        let finding = Diagnostic::note("OVL3006", message)
            .located(found.value_at(&row.entry))
            .hint("write 1, or choose a mode that draws more");
        findings.push_ours(finding);
    }
}

fn trust_floor(found: &Found<'_>, findings: &mut Findings) {
    let Some(row) = found.row(rows::TRUST_FLOOR) else { return };
    let Some(floor) = row.number() else { return };
    let trust_model = TrustModel::from_word(found.word(rows::TRUST_SCORING_MODEL));
    let samples = if draws_one(mode(found)) {
        1.0
    } else {
        found.row(rows::SAMPLES).and_then(Row::number).unwrap_or(DEFAULT_SAMPLES)
    };
    let reach = highest_trust(trust_model.unwrap_or(TrustModel::Contextual), samples);
    if floor > reach {
        let message = format!("no answer reaches a trust of {floor}: at most {reach:.2} here");
        let finding = Diagnostic::warning("OVL3003", message)
            .located(found.value_at(&row.entry))
            .hint("every answer will be passed on to the next step of the mode; lower the floor");
        findings.push_ours(finding);
    }
}

/// The default of `SAMPLES`.
const DEFAULT_SAMPLES: f64 = 5.0;

/// The trust in an answer that passes every check and that all of `samples` candidates
/// agree on.
///
/// Each term is at most 0.98. The width of the 95 % Wilson interval of a full share of K
/// is z²/(K + z²), which only `quality_alignment` counts.
fn highest_trust(model: TrustModel, samples: f64) -> f64 {
    const TOP: f64 = 0.98;
    const Z_SQUARED: f64 = 1.959_964 * 1.959_964;
    if model != TrustModel::Quality || samples <= 1.0 {
        return TOP;
    }
    let logit = |p: f64| (p / (1.0 - p)).ln();
    let sure = (samples / (samples + Z_SQUARED)).clamp(0.02, TOP);
    let sum = 0.8 * logit(TOP) + 0.2 * logit(sure);
    1.0 / (1.0 + (-sum).exp())
}

fn entropy(found: &Found<'_>, findings: &mut Findings) {
    let Some(target) = found.row(rows::ENTROPY_REDUCTION_TARGET) else { return };
    if let Some(floor) = found.row(rows::ENTROPY_FLOOR)
        && let (Some(least), Some(aim)) = (floor.number(), target.number())
        && least > aim
    {
        let finding = Diagnostic::note(
            "OVL3002",
            "ENTROPY_FLOOR is above ENTROPY_REDUCTION_TARGET: sampling may stop at more \
             disagreement than is aimed at",
        );
        let finding = finding
            .located(found.value_at(&floor.entry))
            .hint("lower the floor, or raise the target")
            .related(found.value_at(&target.entry), "the target");
        findings.push_ours(finding);
    }
    if let (Some(temperature), Some(top_p)) = (found.row(rows::TEMPERATURE), found.row(rows::TOP_P))
    {
        let message = "ENTROPY_REDUCTION_TARGET has no effect: TEMPERATURE and TOP_P are set";
        let finding = Diagnostic::note("OVL3008", message)
            .located(found.value_at(&target.entry))
            .hint("leave out one of the two to let the target act")
            .related(found.key_at(&temperature.entry), "beats the target")
            .related(found.key_at(&top_p.entry), "beats the target");
        findings.push_ours(finding);
    }
}

fn times(found: &Found<'_>, findings: &mut Findings) {
    let time = |at| match found.row(at)?.data() {
        Some(Data::Millis(time)) => Some(time),
        _ => None,
    };
    let (Some(grace), Some(deadline)) =
        (time(rows::ARBITRATION_TIMEOUT_MS), time(rows::REQUEST_DEADLINE_MS))
    else {
        return;
    };
    if grace >= deadline
        && let Some(row) = found.row(rows::ARBITRATION_TIMEOUT_MS)
    {
        let message = "ARBITRATION_TIMEOUT_MS never runs out: REQUEST_DEADLINE_MS ends first";
        let finding = Diagnostic::warning("OVL3009", message)
            .located(found.value_at(&row.entry))
            .hint("leave time for the first answer and for the grace window after it");
        findings.push_ours(finding);
    }
}
