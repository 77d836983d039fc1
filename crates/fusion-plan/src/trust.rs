//! How far an answer is trusted. Every function is arithmetic on counts.

use overlay_schema::TrustModel;

use crate::run::TrustTerms;

/// What is known of a chosen answer and the candidates it was chosen from.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Evidence {
    /// [`alignment`] of the answer; `None` where no check applies to it.
    pub alignment: Option<f64>,
    /// Score of a recorded or live judge from 0 to 1, where there is one.
    pub judge: Option<f64>,
    /// Spread of the candidates, as [`entropy`] gives it; `None` where it is not measured.
    pub entropy: Option<f64>,
    /// Candidates that say the same as the answer, and candidates in all; `None` where
    /// that is not measured.
    pub agreement: Option<(usize, usize)>,
    /// Time allowed over time taken, where both are known; above 1 for an early answer.
    pub pace: Option<f64>,
}

/// Bounds of every term, so that no single one decides alone.
const CLAMP: (f64, f64) = (0.02, 0.98);
/// Weights of alignment, 1 − risk and 1 − band.
const WEIGHTS: [f64; 3] = [0.45, 0.35, 0.20];
/// The 97.5 % quantile of the standard normal distribution.
const Z95: f64 = 1.959_963_984_540_054;

/// The trust in an answer, from 0 to 1, with the terms that went into it; `None` where no
/// term is known.
///
/// σ(Σ w·logit(x)) over the terms of `model`, each clamped to \[0.02, 0.98\], the weights
/// 0.45, 0.35 and 0.20 rescaled to the terms used: so one term alone is the trust. Where no
/// check applies, agreement decides under every model.
pub fn trust(model: TrustModel, evidence: &Evidence) -> (Option<f64>, TrustTerms) {
    let terms = terms(model, evidence);
    let values = [terms.alignment, terms.risk.map(|it| 1.0 - it), terms.band.map(|it| 1.0 - it)];
    let used: Vec<_> = values.iter().zip(WEIGHTS).filter_map(|(x, w)| Some(((*x)?, w))).collect();
    let sum: f64 = used.iter().map(|(_, weight)| weight).sum();
    let rounded = TrustTerms {
        alignment: terms.alignment.map(round4),
        risk: terms.risk.map(round4),
        band: terms.band.map(round4),
    };
    if used.is_empty() {
        return (None, rounded);
    }
    let logits: f64 = used.iter().map(|(value, weight)| weight / sum * logit(clamp(*value))).sum();
    let sigmoid = 1.0 / (1.0 + (-logits).exp());
    let pace = match model {
        TrustModel::Performance => evidence.pace.map_or(1.0, |it| it.clamp(0.0, 1.0)),
        _ => 1.0,
    };
    (Some(round4(sigmoid * pace)), rounded)
}

fn terms(model: TrustModel, evidence: &Evidence) -> TrustTerms {
    let alignment = match (model, evidence.alignment, evidence.judge) {
        (TrustModel::Quality, Some(checks), Some(judge)) => Some(f64::midpoint(checks, judge)),
        (TrustModel::Quality, None, Some(judge)) => Some(judge),
        (_, checks, _) => checks,
    };
    let spread = model != TrustModel::Simple || alignment.is_none();
    let band = (model == TrustModel::Quality).then_some(evidence.agreement).flatten();
    TrustTerms {
        alignment,
        risk: evidence.entropy.filter(|_| spread),
        band: band.filter(|(_, all)| *all > 1).map(|(equal, all)| wilson_width(equal, all)),
    }
}

/// How far an answer meets its checks: (passed + 0.5) / (checks + 1), between 0 and 1;
/// `None` without checks.
pub fn alignment(passed: usize, checks: usize) -> Option<f64> {
    (checks > 0).then(|| (as_f64(passed) + 0.5) / (as_f64(checks) + 1.0))
}

/// The spread of candidates that fall into clusters of these sizes: −Σ p ln p / ln K,
/// from 0 (all equal) to 1 (all different); `None` below two candidates.
///
/// Discrete semantic entropy after Farquhar et al. 2024, Nature 630:625, normalised by its
/// largest value. With few candidates it is too low rather than too high.
pub fn entropy(sizes: &[usize]) -> Option<f64> {
    let all: usize = sizes.iter().sum();
    if all < 2 {
        return None;
    }
    let sum: f64 = sizes
        .iter()
        .filter(|size| **size > 0)
        .map(|size| as_f64(*size) / as_f64(all))
        .map(|p| -p * p.ln())
        .sum();
    Some(round4((sum / as_f64(all).ln()).clamp(0.0, 1.0)))
}

/// The width of the 95 % Wilson score interval of `equal` out of `all`; 1 for none.
pub fn wilson_width(equal: usize, all: usize) -> f64 {
    if all == 0 {
        return 1.0;
    }
    let n = as_f64(all);
    let p = as_f64(equal.min(all)) / n;
    let z2 = Z95 * Z95;
    let half = Z95 * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt() / (1.0 + z2 / n);
    (2.0 * half).min(1.0)
}

/// Four decimals, as every derived number has.
pub(crate) fn round4(number: f64) -> f64 {
    // Adding zero turns minus zero into zero.
    (number * 1e4).round() / 1e4 + 0.0
}

pub(crate) fn as_f64(count: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts of candidates, checks and tokens")]
    let number = count as f64;
    number
}

fn clamp(value: f64) -> f64 {
    value.clamp(CLAMP.0, CLAMP.1)
}

fn logit(p: f64) -> f64 {
    (p / (1.0 - p)).ln()
}
